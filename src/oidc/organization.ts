/**
 * For which organization a sign-in is: `organization_id` of the request, else the application's own, else what the person
 * chose or can only mean. A token speaks for one organization (data-model.md); an account in none signs in for itself.
 */
import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { findGrant } from '../applications/tokens/records.ts';
import { listMembershipsOf, type Membership } from '../applications/tokens/subjects.ts';
import { isId } from '../core/id.ts';
import { clientOf, type LintelSession } from './models.ts';
import { type Unit, unitNow } from './unit.ts';

export type Resolution =
  | { readonly kind: 'chosen'; readonly org_id: string | null }
  | { readonly kind: 'ask'; readonly memberships: readonly Membership[] }
  | { readonly kind: 'refused' };

/** The request parameter: a UUID, or nothing. @throws InvalidRequest */
export function checkOrganizationParameter(_context: KoaContextWithOIDC, value: string | undefined): void {
  if (value !== undefined && !isId(value)) throw new errors.InvalidRequest('organization_id must be a UUID');
}

function unitOf(): Unit {
  const unit = unitNow();
  if (!unit) throw new Error('A request of the provider has no unit of work.');
  return unit;
}

/** @returns for which organization the signed-in person goes on, whether to ask, or that it is not possible */
export function resolveOrganization(context: KoaContextWithOIDC): Promise<Resolution> {
  return unitOf().once('organization', () => resolve(context));
}

async function resolve(context: KoaContextWithOIDC): Promise<Resolution> {
  const { oidc } = context;
  const session = oidc.session as unknown as LintelSession;
  const client = clientOf(context);
  const memberships = await listMembershipsOf(unitOf().db, session.accountId as string);
  const isMember = (orgId: string | null | undefined): orgId is string =>
    memberships.some(({ org_id }) => org_id === orgId);
  const chosen = (org_id: string | null): Resolution => ({ kind: 'chosen', org_id });

  const wanted = (oidc.params?.organization_id as string | undefined)?.toLowerCase() ?? client.org_id;
  if (wanted) {
    // An application of one organization serves its members only, whatever the request says.
    const possible = isMember(wanted) && (client.org_id === null || client.org_id === wanted);
    return possible ? chosen(wanted) : { kind: 'refused' };
  }
  const answered = (oidc.result as { organization?: { org_id?: string } } | undefined)?.organization?.org_id;
  if (isMember(answered)) return chosen(answered);
  if (memberships.length <= 1) return chosen(memberships[0]?.org_id ?? null);
  const before = await earlierChoice(session, client.clientId);
  if (isMember(before)) return chosen(before);
  if (isMember(session.orgId)) return chosen(session.orgId);
  return { kind: 'ask', memberships };
}

/** What was chosen for this application earlier in this browser session, so that single sign-on does not ask again. */
async function earlierChoice(session: LintelSession, clientId: string): Promise<string | undefined> {
  const grantId = session.grantIdFor(clientId);
  if (!grantId || !isId(grantId)) return undefined;
  const grant = await findGrant(unitOf().db, grantId);
  return (grant?.orgId as string | null | undefined) ?? undefined;
}
