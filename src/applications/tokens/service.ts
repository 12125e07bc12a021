/**
 * Tokens: what ends them, and who stands behind one. The OpenID provider (a door) issues them through `issuing.ts`;
 * this room owns the tables, so that reactions, sign-in and the REST API reach them without knowing the door.
 * Tables: oidc_grants, oidc_sessions, oidc_refresh_tokens, oidc_access_tokens, oidc_artifacts, oidc_replay.
 * Events: token.reused. Invariant: a revocation is a tombstone that every use checks (RFC 9700 §4.14.2, RFC 7009 §2.1).
 */
import { actorForUser } from '../../access/grants/access.ts';
import type { App } from '../../core/app.ts';
import { type Actor, type Call, systemActor } from '../../core/call.ts';
import { hashSecret } from '../../core/secret.ts';
import { reading } from '../../db/transact.ts';
import { type Ending, endClientCredentials, endFamilies, endFamily, endSessions } from './endings.ts';
import { tokenReused } from './schema.ts';
import { findAccessToken } from './presented.ts';

export type { Ending } from './endings.ts';

/**
 * Ends codes, refresh tokens and opaque access tokens at once, and the provider's sessions of a user or of sessions:
 * the kill switch for reactions (password reset, disabled account, ended membership, revoked session).
 * They stay dead when the account is enabled again. Consent is kept. Safe to call twice.
 * @returns the number of grants that lost tokens
 */
export function endTokens(call: Call, ending: Ending): Promise<number> {
  return call.write(async (inner) => {
    const ended = await endFamilies(inner.db, ending);
    const { user_id, session_ids, client_id, org_id, grant_id } = ending;
    if (user_id === undefined && client_id !== undefined) await endClientCredentials(inner.db, { client_id });
    else if (user_id === undefined && org_id !== undefined) await endClientCredentials(inner.db, { org_id });
    // Only what ends the person's presence ends the single sign-on; leaving one application or organization does not.
    if (client_id === undefined && org_id === undefined && grant_id === undefined)
      await endSessions(inner.db, { user_id, session_ids });
    return ended;
  });
}

/** Ends everything that came from one code, because that code or a refresh token of it was used twice. */
export function endReusedFamily(call: Call, grant_id: string, family_id: string): Promise<void> {
  return call.as(systemActor('oidc')).write(async (inner) => {
    const ended = await endFamily(inner.db, grant_id, family_id);
    if (!ended) return;
    await inner.emit(tokenReused, {
      org_id: ended.org_id,
      object_id: grant_id,
      result: 'denied',
      details: { user_id: ended.user_id, client_id: ended.client_id },
    });
  });
}

/** The audience of tokens for our own REST API (RFC 8707): a client asks for it as `resource`. */
export const apiResource = (url: string): string => `${url}/api/v1`;

/**
 * The actor behind an access token of ours that was issued for the REST API; null for anything else, also for tokens that were
 * issued for userinfo or another resource (RFC 9700 §2.3, checklist OA-17, TK-05).
 * A person acts in the token's organization with what they may do there now and the token names; without an organization, as an
 * administrator of the system, if they are one. An application acts with what it was registered for.
 */
export async function authenticateAccessToken(app: App, token: string): Promise<Actor | null> {
  if (!/^ltl_at_[\w-]{43}$/.test(token)) return null;
  const now = app.clock();
  const found = await reading(() => findAccessToken(app.db, hashSecret(token), now));
  if (!found) return null;
  const { aud, exp, scope } = found.payload as { aud?: string; exp: number; scope?: string };
  if (aud !== apiResource(app.config.url) || exp * 1000 <= now.getTime()) return null;
  const scopes = new Set(scope?.split(' ') ?? []);
  const { user_id, client_id, org_id } = found;
  if (user_id === null) {
    const reach = org_id === null ? ('system' as const) : { org_id };
    return { type: 'application', id: client_id, label: `application:${client_id}`, reach, permissions: scopes };
  }
  const person = await reading(() => actorForUser(app.db, now, user_id, org_id));
  if (!person) return { type: 'user', id: user_id, label: user_id, reach: null, permissions: new Set() };
  const held = person.permissions;
  const permissions = held === 'all' ? scopes : new Set([...held].filter((name) => scopes.has(name)));
  return { ...person, label: `${person.label} (application ${client_id})`, permissions, through: client_id };
}
