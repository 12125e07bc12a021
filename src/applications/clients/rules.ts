/** What the metadata of an application must look like as a whole, whichever door it came through. */
import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { refuseField } from '../../core/text.ts';
import { isLoopback } from '../../config/config.ts';
import { checkRedirectUris } from './redirect-uris.ts';
import { type ClientRow, identityScopes } from './schema.ts';

export const usesSecret = (method: string): boolean =>
  method === 'client_secret_basic' || method === 'client_secret_post';

/** scope-token of RFC 6749 §3.3 */
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

export const scopesOf = (scope: string | null | undefined): string[] =>
  scope?.split(' ').filter((name) => name !== '') ?? [];

type Checked = Omit<
  ClientRow,
  | 'client_id'
  | 'created_at'
  | 'updated_at'
  | 'created_by'
  | 'version'
  | 'secret_hash'
  | 'secret_created_at'
  | 'previous_secret_hash'
  | 'previous_secret_expires_at'
>;

/**
 * @param apiUrl identifier of our own REST API, which nobody else can be
 * @throws Fault request_invalid, naming the field
 */
export function checkMetadata(row: Checked, apiUrl: string): void {
  checkFlows(row);
  checkRedirectUris('redirect_uris', row.redirect_uris, row.application_type);
  checkRedirectUris('post_logout_redirect_uris', row.post_logout_redirect_uris, row.application_type);
  for (const field of ['client_uri', 'policy_uri', 'tos_uri'] as const) checkWeb(field, row[field]);
  for (const field of ['logo_uri', 'initiate_login_uri'] as const) checkWeb(field, row[field], 'https');
  checkKeys(row);
  for (const field of ['scope', 'resource_scope'] as const) {
    if (scopesOf(row[field]).some((name) => !scopeToken.test(name)))
      refuseField(field, 'has a name that no scope can have');
  }
  checkResource(row, apiUrl);
}

function checkFlows(row: Checked): void {
  const interactive = row.grant_types.includes('authorization_code');
  const isPublic = row.token_endpoint_auth_method === 'none';
  if (interactive !== row.response_types.includes('code'))
    refuseField('response_types', 'must be ["code"] exactly with the grant type authorization_code');
  if (interactive && row.redirect_uris.length === 0) refuseField('redirect_uris', 'must name at least one address');
  if (row.grant_types.includes('refresh_token') && !interactive)
    refuseField('grant_types', 'must have authorization_code beside refresh_token');
  if (isPublic && row.grant_types.includes('client_credentials'))
    refuseField('grant_types', 'cannot have client_credentials without client authentication');
  if (isPublic && !row.require_pkce) refuseField('require_pkce', 'cannot be false without client authentication');
}

function checkWeb(field: string, address: string | null, only?: 'https'): void {
  if (address === null) return;
  const url = URL.parse(address);
  const local = url !== null && url.protocol === 'http:' && isLoopback(url.hostname);
  if (!url || !/^[\x21-\x7e]+$/.test(address) || url.username || url.password)
    refuseField(field, 'must be a web address');
  if (url?.protocol !== 'https:' && !local && (only || url?.protocol !== 'http:'))
    refuseField(field, only ? 'must be an https address' : 'must be a web address');
}

function checkKeys(row: Checked): void {
  if (row.jwks !== null && row.jwks_uri !== null) refuseField('jwks_uri', 'cannot stand beside jwks');
  checkWeb('jwks_uri', row.jwks_uri, 'https');
  if (row.token_endpoint_auth_method === 'private_key_jwt' && row.jwks === null && row.jwks_uri === null) {
    refuseField('jwks', 'or jwks_uri is needed for private_key_jwt');
  }
  for (const key of row.jwks?.keys ?? [])
    if (!isPublicKey(key))
      refuseField('jwks', 'has a key that is no public RSA (2048 bits or more), EC or Ed25519 key');
}

function isPublicKey(jwk: object): boolean {
  if (['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'].some((member) => member in jwk)) return false;
  try {
    const key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
    return key.asymmetricKeyType === 'rsa'
      ? (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048
      : key.asymmetricKeyType === 'ec' || key.asymmetricKeyType === 'ed25519';
  } catch {
    return false;
  }
}

function checkResource(row: Checked, apiUrl: string): void {
  if (row.resource_uri === null) {
    if (row.resource_scope !== null) refuseField('resource_scope', 'needs resource_uri');
    return;
  }
  const url = URL.parse(row.resource_uri);
  if (!url || !/^[\x21-\x7e]+$/.test(row.resource_uri) || url.hash !== '' || row.resource_uri.includes('#')) {
    refuseField('resource_uri', 'must be an absolute URI without a fragment');
  }
  if (url.origin === new URL(apiUrl).origin) refuseField('resource_uri', 'belongs to this server');
  const taken = scopesOf(row.resource_scope).find((name) => (identityScopes as readonly string[]).includes(name));
  if (taken) refuseField('resource_scope', `cannot have ${taken}, which speaks about people`);
}
