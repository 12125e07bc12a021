/**
 * An application as the provider reads it: always the same bytes for the same version, so that caches recognise it.
 * The secret's hash stands where the library wants a secret; it is compared as a hash, and everything that would use it as a
 * key (client_secret_jwt, symmetric algorithms) is off.
 */
import { type ClientRow, identityScopes } from './schema.ts';
import { scopesOf } from './rules.ts';

/** In whose table the client is; a SCIM client gets tokens for the SCIM endpoint only. */
export type ClientKind = 'application' | 'scim_client';

/** What Lintel keeps beside the registered names. */
export interface ExtraMetadata {
  readonly client_kind: ClientKind;
  readonly require_pkce: boolean;
  readonly first_party: boolean;
  readonly org_id: string | null;
  /** Everything it may ask for; null: identity scopes and its resources' scopes. */
  readonly allowed_scope: string | null;
  readonly resource_uri: string | null;
  readonly previous_secret_hash: string | null;
  /** Unix milliseconds. */
  readonly previous_secret_expires_at: number | null;
}

export const extraMetadataNames: readonly (keyof ExtraMetadata)[] = [
  'client_kind',
  'require_pkce',
  'first_party',
  'org_id',
  'allowed_scope',
  'resource_uri',
  'previous_secret_hash',
  'previous_secret_expires_at',
];

export type ProviderMetadata = Readonly<Record<string, unknown>> & ExtraMetadata;

const registered = [
  'client_id',
  'client_name',
  'application_type',
  'client_uri',
  'logo_uri',
  'policy_uri',
  'tos_uri',
  'redirect_uris',
  'post_logout_redirect_uris',
  'grant_types',
  'response_types',
  'token_endpoint_auth_method',
  'id_token_signed_response_alg',
  'default_max_age',
  'require_auth_time',
  'initiate_login_uri',
  'jwks',
  'jwks_uri',
  'require_pushed_authorization_requests',
] as const;

export function providerMetadata(row: ClientRow): ProviderMetadata {
  const metadata: Record<string, unknown> = {};
  for (const name of registered) if (row[name] !== null) metadata[name] = row[name];
  if (row.contacts.length > 0) metadata.contacts = row.contacts;
  if (row.default_acr_values.length > 0) metadata.default_acr_values = row.default_acr_values;
  if (row.secret_hash !== null) metadata.client_secret = row.secret_hash;
  // The library refuses scopes that are not its own here; the others are checked where resources are resolved.
  const identity = scopesOf(row.scope).filter((name) => (identityScopes as readonly string[]).includes(name));
  if (row.scope !== null) metadata.scope = identity.join(' ') || 'openid';
  const extra: ExtraMetadata = {
    client_kind: 'application',
    require_pkce: row.require_pkce,
    first_party: row.first_party,
    org_id: row.org_id,
    allowed_scope: row.scope,
    resource_uri: row.resource_uri,
    previous_secret_hash: row.previous_secret_hash,
    previous_secret_expires_at: row.previous_secret_expires_at?.getTime() ?? null,
  };
  return Object.freeze({ ...metadata, ...extra });
}
