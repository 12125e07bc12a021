/** APIs that access tokens can be for (RFC 8707): our own REST API, and those that applications declare (OA-17, OA-18). */
import { errors, type KoaContextWithOIDC, type ResourceServer } from 'oidc-provider';
import { ResourceCache } from '../applications/clients/cache.ts';
import { scopesOf } from '../applications/clients/rules.ts';
import { findResource } from '../applications/clients/service.ts';
import { apiResource } from '../applications/tokens/service.ts';
import type { App } from '../core/app.ts';
import { knownPermissions } from '../core/permission.ts';
import { scimScope } from '../provisioning/clients/oauth.ts';
import { scimBaseUrl } from '../provisioning/clients/service.ts';
import { lifetimes } from './lifetimes.ts';
import type { LintelClient } from './models.ts';
import { unitNow } from './unit.ts';

const caches = new WeakMap<App, ResourceCache>();

function knownTo(app: App): ResourceCache {
  let known = caches.get(app);
  if (!known) caches.set(app, (known = new ResourceCache()));
  return known;
}

/**
 * What a resource is, as far as one application may ask for it.
 * @throws InvalidTarget for a resource that this application cannot see
 */
export async function getResourceServerInfo(
  context: KoaContextWithOIDC,
  indicator: string,
  client: LintelClient,
): Promise<ResourceServer> {
  if (client.client_kind === 'scim_client') {
    if (indicator !== scimBaseUrl(context.oidc.issuer)) throw new errors.InvalidTarget();
    return {
      scope: scimScope,
      audience: indicator,
      accessTokenFormat: 'opaque',
      accessTokenTTL: lifetimes.opaqueAccessToken,
    };
  }
  const allowed = client.allowed_scope === null ? null : new Set(scopesOf(client.allowed_scope));
  if (indicator === apiResource(context.oidc.issuer)) {
    // Permissions of our own API are never included by silence: the application must be registered for each.
    const scope = knownPermissions()
      .map(({ name }) => name)
      .filter((name) => allowed?.has(name));
    return {
      scope: scope.join(' '),
      audience: indicator,
      accessTokenFormat: 'opaque',
      accessTokenTTL: lifetimes.apiAccessToken,
    };
  }
  const unit = unitNow();
  const resource =
    unit &&
    (await knownTo(unit.call.app).find(indicator, client.org_id, () =>
      findResource(unit.db, indicator, client.org_id),
    ));
  if (!resource) throw new errors.InvalidTarget();
  const scope = scopesOf(resource.scope).filter((name) => allowed === null || allowed.has(name));
  return {
    scope: scope.join(' '),
    audience: indicator,
    accessTokenFormat: resource.format,
    accessTokenTTL: resource.format === 'jwt' ? lifetimes.jwtAccessToken : lifetimes.opaqueAccessToken,
    ...(resource.format === 'jwt' ? { jwt: { sign: { alg: 'ES256' } } } : {}),
  };
}

/** Directories name no resource: a SCIM client's tokens are for the SCIM endpoint. Others get what they asked for. */
export const defaultResource = (
  context: KoaContextWithOIDC,
  client: LintelClient,
  asked?: readonly string[],
): string | string[] | undefined =>
  client.client_kind === 'scim_client' && asked === undefined ? scimBaseUrl(context.oidc.issuer) : asked && [...asked];
