/**
 * The refresh grant with one more parameter: `organization_id` gives tokens for another organization of the same person,
 * without a trip through the browser. The refresh token keeps its own grant and family.
 */
import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import type { Lineage } from '../applications/tokens/presented.ts';
import { findGrantOf } from '../applications/tokens/records.ts';
import { internalsOf } from './internals.ts';
import { subjectOf } from './account.ts';
import { clientOf } from './models.ts';
import { checkOrganizationParameter } from './organization.ts';
import { type Unit, unitNow } from './unit.ts';

const grantType = 'refresh_token';

export function extendRefreshGrant(provider: Provider): void {
  const { grantTypeHandlers, grantTypeParams, grantTypeDupes } = internalsOf(provider);
  const stock = grantTypeHandlers.get(grantType);
  const parameters = grantTypeParams.get(grantType);
  if (!stock || !parameters) throw new Error('The library has no refresh grant to extend.');
  provider.registerGrantType(
    grantType,
    async (context) => {
      const unit = unitNow();
      if (unit) await chooseOrganization(provider, context as unknown as KoaContextWithOIDC, unit);
      await stock(context as unknown as KoaContextWithOIDC);
    },
    new Set([...parameters, 'organization_id']),
    grantTypeDupes.get(grantType),
  );
}

async function chooseOrganization(provider: Provider, context: KoaContextWithOIDC, unit: Unit): Promise<void> {
  const wanted = context.oidc.params?.organization_id as string | undefined;
  if (wanted === undefined) return;
  checkOrganizationParameter(context, wanted);
  const value = context.oidc.params?.refresh_token;
  const token =
    typeof value === 'string' ? await provider.RefreshToken.find(value, { ignoreExpiration: true }) : undefined;
  const { lineage } = unit;
  // The stock handler refuses these cases itself, with the right error and effect.
  if (!token || !lineage || token.clientId !== context.oidc.client?.clientId || token.consumed) return;
  const orgId = wanted.toLowerCase();
  if (orgId === lineage.org_id) return;
  const scope = (context.oidc.params?.scope as string | undefined) ?? token.scope ?? '';
  if (!(await mayActFor(context, lineage, orgId, scope, unit)))
    throw new errors.AccessDenied('the account cannot be used for this organization');
  unit.requestedOrganization = orgId;
}

/** A member there, through an application that serves that organization, and that was allowed all of it there when it is not ours. */
async function mayActFor(
  context: KoaContextWithOIDC,
  lineage: Lineage,
  org_id: string,
  scope: string,
  unit: Unit,
): Promise<boolean> {
  const client = clientOf(context);
  if (client.org_id !== null && client.org_id !== org_id) return false;
  if (!(await subjectOf(lineage.user_id, org_id))) return false;
  if (client.first_party) return true;
  const granted = await findGrantOf(unit.db, { user_id: lineage.user_id, client_id: client.clientId, org_id });
  if (!granted) return false;
  const { openid, resources = {} } = granted.payload as GrantedScopes;
  const allowed = new Set([openid?.scope, ...Object.values(resources)].flatMap((scopes) => scopes?.split(' ') ?? []));
  return scope.split(' ').every((name) => name === '' || allowed.has(name));
}

/** The part of a grant that says what was consented to (oidc-provider's Grant). */
interface GrantedScopes {
  readonly openid?: { readonly scope?: string };
  readonly resources?: Readonly<Record<string, string>>;
}
