/**
 * A SCIM client as an OAuth client: confidential, `client_credentials` only (RFC 6749 §4.4), for tokens whose audience is
 * our SCIM endpoint (RFC 8707). The OpenID door asks here for client ids that no application has.
 */
import type { Knex } from 'knex';
import type { ProviderMetadata } from '../../applications/clients/metadata.ts';
import { isId } from '../../core/id.ts';
import { findSecrets } from './store.ts';

/** The one scope of the SCIM endpoint; a token is for it by its audience, with or without. */
export const scimScope = 'scim';

export interface ScimOAuthClient {
  readonly client_id: string;
  readonly org_id: string;
  /** Another number after every change of the client. */
  readonly version: number;
  /** As the provider reads it; always the same for the same version. The secret is a SHA-256, as in `providerMetadata`. */
  readonly metadata: ProviderMetadata;
}

/** @returns undefined when there is no such client, or it or its organization is disabled or has expired */
export async function findScimOAuthClient(
  db: Knex,
  client_id: string,
  now: Date,
): Promise<ScimOAuthClient | undefined> {
  if (!isId(client_id)) return undefined;
  const row = await findSecrets(db, client_id, now);
  if (!row) return undefined;
  return {
    client_id: row.client_id,
    org_id: row.org_id,
    version: row.updated_at.getTime(),
    metadata: Object.freeze({
      client_kind: 'scim_client',
      client_id: row.client_id,
      client_name: row.name,
      redirect_uris: [],
      grant_types: ['client_credentials'],
      response_types: [],
      // Stands for both places of a secret: directories differ, and register nothing (see `src/oidc/models.ts`).
      token_endpoint_auth_method: 'client_secret_basic',
      client_secret: row.client_secret_hash,
      require_pkce: true,
      first_party: false,
      org_id: row.org_id,
      allowed_scope: scimScope,
      resource_uri: null,
      previous_secret_hash: row.previous_secret_hash,
      previous_secret_expires_at: row.previous_secret_expires_at?.getTime() ?? null,
    }),
  };
}
