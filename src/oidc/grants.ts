/** Grants: one for each account, application and organization; what it allows is asked for once and remembered (OA-23). */
import type { Grant, KoaContextWithOIDC, Provider } from 'oidc-provider';
import { errors } from 'oidc-provider';
import { emitConsent } from '../applications/consents/service.ts';
import { findGrantOf, type Payload } from '../applications/tokens/records.ts';
import type { Call } from '../core/call.ts';
import { violatedConstraint } from '../db/errors.ts';
import { defectOf } from './adapters/base.ts';
import { lifetimes } from './lifetimes.ts';
import { clientOf } from './models.ts';
import { resolveOrganization } from './organization.ts';
import { unitNow } from './unit.ts';

export interface GrantKey {
  readonly user_id: string;
  readonly client_id: string;
  readonly org_id: string | null;
}

/** What is to be allowed beyond what already is. */
export interface Allowing {
  readonly scope?: string;
  readonly claims?: readonly string[];
  /** Scopes by resource. */
  readonly resources?: Readonly<Record<string, string>>;
}

type GrantModel = { new (values: object): Grant; instantiate(payload: object): Grant };

const models = (provider: Provider): GrantModel => provider.Grant as unknown as GrantModel;

const revive = (provider: Provider, grant_id: string, payload: Payload): Grant =>
  models(provider).instantiate({ ...payload, jti: grant_id, kind: 'Grant' });

/**
 * The provider's `loadExistingGrant`: the grant for the organization of this sign-in. Applications of the house get what they
 * ask for; for others, the consent prompt finds out what is missing.
 */
export async function loadExistingGrant(context: KoaContextWithOIDC): Promise<Grant | undefined> {
  const { oidc } = context;
  const resolution = await resolveOrganization(context);
  const unit = unitNow();
  if (!unit || resolution.kind !== 'chosen') return undefined;
  const client = clientOf(context);
  const key = { user_id: oidc.account?.accountId as string, client_id: client.clientId, org_id: resolution.org_id };
  try {
    const found = await findGrantOf(unit.db, key);
    const grant = found && revive(oidc.provider, found.grant_id, found.payload);
    if (!client.first_party) return grant;
    const wanted = requested(context);
    const missing = grant ? missingFrom(grant, wanted) : wanted;
    return grant && !missing ? grant : await allow(oidc.provider, await unit.begin(), key, missing ?? {});
  } catch (error) {
    throw defectOf(error);
  }
}

/** What this authorization request asks for. */
function requested({ oidc }: KoaContextWithOIDC): Allowing {
  const scopes = oidc.requestParamScopes;
  const resources = Object.entries(oidc.resourceServers ?? {}).map(([name, server]) => [
    name,
    [...scopes].filter((scope) => server.scopes.has(scope)).join(' '),
  ]);
  return {
    scope: [...oidc.requestParamOIDCScopes].join(' '),
    claims: [...oidc.requestParamClaims],
    resources: Object.fromEntries(resources),
  };
}

/** @returns what of it the grant does not have yet, or undefined when it has all */
function missingFrom(grant: Grant, wanted: Allowing): Allowing | undefined {
  const lacks = (granted: string, asked = '') => {
    const has = new Set(granted.split(' '));
    return asked.split(' ').some((scope) => scope !== '' && !has.has(scope));
  };
  const claims = new Set(grant.getOIDCClaims());
  const complete =
    !lacks(grant.getOIDCScope(), wanted.scope) &&
    (wanted.claims ?? []).every((claim) => claims.has(claim)) &&
    Object.entries(wanted.resources ?? {}).every(([name, scope]) => !lacks(grant.getResourceScope(name), scope));
  return complete ? undefined : wanted;
}

/**
 * Adds to what an account allows an application in an organization, in the call's transaction, and says so in the audit log.
 * Two tabs that consent at the same moment end with one grant that allows both.
 */
export async function allow(provider: Provider, call: Call, key: GrantKey, allowing: Allowing): Promise<Grant> {
  await call.db.raw('select pg_advisory_xact_lock(hashtextextended(?, 0))', [
    `oidc_grants:${key.user_id}:${key.client_id}:${key.org_id ?? ''}`,
  ]);
  const found = await findGrantOf(call.db, key);
  const grant = found
    ? revive(provider, found.grant_id, found.payload)
    : new (models(provider))({ accountId: key.user_id, clientId: key.client_id, orgId: key.org_id ?? undefined });
  if (allowing.scope) grant.addOIDCScope(allowing.scope);
  if (allowing.claims?.length) grant.addOIDCClaims([...allowing.claims]);
  for (const [name, scope] of Object.entries(allowing.resources ?? {})) if (scope) grant.addResourceScope(name, scope);
  try {
    await grant.save();
  } catch (error) {
    // An account, application or organization that was deleted while its person was on the way.
    if (violatedConstraint(error)?.endsWith('_fkey'))
      throw new errors.AccessDenied('what was to be granted is gone', { cause: error });
    throw error;
  }
  const scope = [allowing.scope, ...Object.values(allowing.resources ?? {})].filter((part) => part).join(' ');
  await emitConsent(call, { grant_id: grant.jti, ...key, scope });
  return grant;
}

/** Seconds that a grant lives: beyond every token, because its expiry would cut theirs. */
export const grantLifetime = (): number => lifetimes.grant;
