/**
 * Consents: what people allowed applications, to be seen and taken back (OA-23).
 * Tables: oidc_grants (with the tokens room, which checks them at every use). Events: consent.granted, consent.revoked.
 * Invariant: a consent taken back ends everything that was issued under it, at once; a person manages their own, an
 * organization those given in it.
 */
import { type Call, isInPerson } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import type { ListQuery, Page } from '../../http/list.ts';
import { manageApplications, readApplications } from '../clients/schema.ts';
import { revokeGrants } from '../tokens/endings.ts';
import { type Consent, consentGranted, consentRevoked } from './schema.ts';
import { type ConsentRow, getConsentRow, isOfOrganization, listConsentRows } from './store.ts';

function shown({ payload, ...row }: ConsentRow): Consent {
  const scopes = [payload.openid?.scope, ...Object.values(payload.resources ?? {})].filter(
    (scope) => scope !== undefined,
  );
  return { ...row, scope: scopes.join(' ') };
}

/** Whose consents the actor may reach: all of a person's (undefined), or those in one organization. */
async function reachOf(call: Call, permission: string, userId: string): Promise<string | undefined> {
  const { actor } = call;
  if (isInPerson(actor, userId)) return undefined;
  const orgId = actor.reach === null || actor.reach === 'system' ? null : actor.reach.org_id;
  call.require(permission, orgId);
  if (orgId !== null && !(await isOfOrganization(call.db, userId, orgId))) throw new Fault('not_found');
  return orgId ?? undefined;
}

/** @throws Fault not_found for a person of another organization */
export async function listConsents(call: Call, userId: string, page: ListQuery): Promise<Page<Consent>> {
  const orgId = await reachOf(call, readApplications, userId);
  const { items, next } = await listConsentRows(call.db, userId, orgId, page);
  return { items: items.map(shown), next };
}

/** Takes a consent back. @throws Fault not_found */
export async function revokeConsent(call: Call, userId: string, grantId: string): Promise<void> {
  const orgId = await reachOf(call, manageApplications, userId);
  await call.write(async (inner) => {
    const before = await getConsentRow(inner.db, userId, orgId, grantId);
    if (!before || (await revokeGrants(inner.db, { grant_id: grantId }, 'consent_revoked')).length === 0)
      throw new Fault('not_found');
    await inner.emit(consentRevoked, {
      org_id: before.org_id,
      object_id: grantId,
      before: shown(before),
      details: { user_id: userId },
    });
  });
}

/** Says that a person allowed an application something. The grant itself is written by the provider, in the same transaction. */
export async function emitConsent(
  call: Call,
  consent: {
    readonly grant_id: string;
    readonly user_id: string;
    readonly client_id: string;
    readonly org_id: string | null;
    readonly scope: string;
  },
): Promise<void> {
  const { grant_id, org_id, ...details } = consent;
  await call.emit(consentGranted, { org_id, object_id: grant_id, details });
}
