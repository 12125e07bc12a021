/** Who is behind a bearer token at the SCIM endpoint: a token made for the client, or an access token of `client_credentials`. */
import { findAccessToken } from '../../applications/tokens/presented.ts';
import type { App } from '../../core/app.ts';
import type { Actor } from '../../core/call.ts';
import { hashSecret, sameSecret } from '../../core/secret.ts';
import { reading } from '../../db/transact.ts';
import { findUsableClient, touchScimClient } from '../clients/lookup.ts';
import { clientPermissions } from '../clients/permissions.ts';
import { scimBaseUrl } from '../clients/service.ts';
import { findUsableToken, touchToken } from './store.ts';

/** What the door needs to know about the client of a request. */
export interface ScimCaller {
  readonly client_id: string;
  readonly org_id: string;
  readonly name: string;
  /** Another number after every change of its mappings: the key of what is compiled from them. */
  readonly mapping_version: number;
}

export interface ScimAuthentication {
  readonly actor: Actor;
  readonly client: ScimCaller;
}

const permissions: ReadonlySet<string> = new Set(clientPermissions);

const authentication = ({ client_id, org_id, name, mapping_version }: ScimCaller): ScimAuthentication => ({
  actor: { type: 'scim_client', id: client_id, label: `scim:${name}`, reach: { org_id }, permissions },
  client: { client_id, org_id, name, mapping_version },
});

/** Either kind of bearer token. @throws Fault database_unavailable */
export const authenticateScim = (app: App, token: string): Promise<ScimAuthentication | null> =>
  token.startsWith('ltl_at_') ? authenticateScimAccess(app, token) : authenticateScimToken(app, token);

/**
 * The client behind a token that was made for it; null for an unknown, revoked or expired one, or when its client or
 * organization is switched off. One statement, and the same work whatever is wrong; found by SHA-256, so its time tells
 * nothing that helps to guess.
 * @throws Fault database_unavailable
 */
export async function authenticateScimToken(app: App, token: string): Promise<ScimAuthentication | null> {
  if (token.length > 512) return null;
  const token_hash = hashSecret(token);
  const now = app.clock();
  const found = await reading(() => findUsableToken(app.db, token_hash, now));
  if (!found || !sameSecret(found.token_hash, token_hash)) return null;
  if (found.is_touch_due) await noting(app, touchToken(app.db, found.token_id, now));
  return authentication(found);
}

/**
 * The client behind an access token from our token endpoint, when it was issued for the SCIM endpoint to a SCIM client that
 * may still be used (RFC 8707, checklist OA-17, TK-05).
 * @throws Fault database_unavailable
 */
export async function authenticateScimAccess(app: App, token: string): Promise<ScimAuthentication | null> {
  if (!/^ltl_at_[\w-]{43}$/.test(token)) return null;
  const now = app.clock();
  const found = await reading(() => findAccessToken(app.db, hashSecret(token), now));
  if (found?.kind !== 'ClientCredentials') return null;
  const { aud, exp } = found.payload as { aud?: string; exp: number };
  if (aud !== scimBaseUrl(app.config.url) || exp * 1000 <= now.getTime()) return null;
  const client = await reading(() => findUsableClient(app.db, found.client_id, now));
  if (!client || client.org_id !== found.org_id) return null;
  if (client.is_touch_due) await noting(app, touchScimClient(app.db, client.client_id, now));
  return authentication(client);
}

/** A note about use must not refuse the use, for instance on a database that only reads. */
async function noting(app: App, note: Promise<void>): Promise<void> {
  await note.catch((error: unknown) => app.log.warn({ err: error }, 'the last use of a SCIM client was not noted'));
}
