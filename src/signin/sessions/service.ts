/**
 * Sessions: somebody is signed in, from when, how, until when. The OpenID provider keeps the browser's cookie and its own
 * record, which carries `session_id`; this row is what people see and end, and every use of the provider's session asks it.
 * Tables: sessions (and users.last_login_at, last_active_at). Events: session.created, session.ended, session.revoked.
 * Invariant: a session ends at the idle limit, at the absolute limit or when it is revoked, whichever comes first, and never begins
 * again (SE-04…07; NIST SP 800-63B-4 §2.2.3: one hour idle and 24 hours in all are the defaults).
 */
import type { App } from '../../core/app.ts';
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { newId } from '../../core/id.ts';
import { keepConnection } from '../../federation/providers/connection.ts';
import type { ListQuery, Page } from '../../http/list.ts';
import { describeDevice } from './device-info.ts';
import {
  type EndReason,
  manageSessions,
  type NewSession,
  readSessions,
  type Session,
  sessionCreated,
  sessionEnded,
  sessionRevoked,
  type SessionsToEnd,
} from './schema.ts';
import {
  deleteEndedBefore,
  type EndedSession,
  endRow,
  hasPerson,
  insertSession,
  isKnownDevice,
  listLivingSessions,
  listSealedNames,
  noteLogin,
  readTenantLimits,
  revokeRows,
  sessionsOfDevice,
  sessionsOfProvider,
  touchRow,
  updateSealedName,
} from './store.ts';

/** How long the rows of ended sessions stay, so that a browser is still known (AU-09): 90 days. */
const keptMs = 90 * 24 * 3600 * 1000;

/** What single logout needs to say to the identity provider; sealed, because it names the person there. */
export const nameIdContext = (sessionId: string): string => `sessions:name_id_encrypted:${sessionId}`;

/**
 * First in the transaction of a sign-in: notes it at the account, and holds the account and the connection that vouched for it.
 * Whoever closes one of them at this moment either came first, and no session begins, or waits and finds the session (SE-06, FD-03).
 * @param providerId who vouched; null: the account's own password
 * @returns false when the account may not sign in any more, the connection is closed, or passwords are switched off
 */
export function noteSignin(call: Call, userId: string, providerId: string | null): Promise<boolean> {
  return call.write(async (inner) => {
    if (providerId !== null && !(await keepConnection(inner.db, providerId))?.is_open) return false;
    return noteLogin(inner.db, userId, inner.now, providerId === null);
  });
}

/**
 * Begins a session: every sign-in begins one of its own (SE-01, SE-10). No permission: whoever calls has just seen the
 * person prove herself. An organization may shorten the limits of the installation, never lengthen them.
 */
export async function createSession(call: Call, input: NewSession): Promise<Session> {
  return call.write(async (inner) => {
    const { now, request } = inner;
    const limits = await limitsFor(inner, input.org_id);
    const session_id = newId(now.getTime());
    const ends = [new Date(now.getTime() + limits.max * 1000), ...(input.not_after ? [input.not_after] : [])];
    const expires_at = ends.reduce((earliest, end) => (end < earliest ? end : earliest));
    const session = await insertSession(inner.db, {
      session_id,
      user_id: input.user_id,
      org_id: input.org_id,
      provider_id: input.provider_id ?? null,
      login_method: input.login_method,
      amr: [...input.amr],
      acr: input.acr,
      auth_time: input.auth_time ?? now,
      ip_address: request.ip,
      user_agent: request.user_agent?.slice(0, 512) ?? null,
      device_info: describeDevice(request.user_agent),
      location: null,
      created_at: now,
      last_accessed_at: now,
      idle_expires_at: new Date(Math.min(now.getTime() + limits.idle * 1000, expires_at.getTime())),
      expires_at,
      idp_session_index: input.idp_session_index ?? null,
      name_id_encrypted: input.name_id ? inner.app.sealer.seal(input.name_id, nameIdContext(session_id)) : null,
      device_fingerprint: input.device_fingerprint ?? null,
    });
    const { user_id, login_method, amr, acr, provider_id } = session;
    await inner.emit(sessionCreated, {
      org_id: input.org_id,
      object_id: session_id,
      details: { user_id, login_method, amr, acr, provider_id },
    });
    return session;
  });
}

async function limitsFor(call: Call, orgId: string | null): Promise<{ idle: number; max: number }> {
  const { session_idle_seconds, session_max_seconds } = call.app.config;
  const tenant = orgId === null ? {} : await readTenantLimits(call.db, orgId);
  return {
    idle: Math.min(session_idle_seconds, tenant.idle ?? session_idle_seconds),
    max: Math.min(session_max_seconds, tenant.max ?? session_max_seconds),
  };
}

/** Notes that a session was used, at most once a minute; one that ended stays ended. */
export const touchSession = (call: Call, sessionId: string): Promise<boolean> => touchRow(call.db, sessionId, call.now);

/**
 * The person signs out. The session ends, but is not revoked: what she allowed an application to do in her absence goes on
 * (OpenID Connect Core §11). Safe to call twice.
 */
export const leaveSession = (call: Call, sessionId: string): Promise<void> =>
  end(call, sessionId, call.now, 'signed_out');

async function end(call: Call, sessionId: string, at: Date, reason: 'signed_out' | 'replaced'): Promise<void> {
  await call.write(async (inner) => {
    const ended = await endRow(inner.db, sessionId, { now: inner.now, at, reason });
    if (!ended) return;
    const { org_id, user_id } = ended;
    await inner.emit(sessionEnded, { org_id, object_id: sessionId, details: { user_id, reason } });
  });
}

/** Whether a person signed in from this browser before, as far as its sessions are kept (AU-09). */
export const knowsDevice = (call: Call, userId: string, fingerprint: string): Promise<boolean> =>
  isKnownDevice(call.db, userId, fingerprint);

/** How long the provider needs the session before for finishing a sign-in that replaces it: one minute. */
const handoverMs = 60 * 1000;

/**
 * A new sign-in in this browser takes the place of those before it (SE-10). They end a minute later, because the provider
 * goes on only in the session in which its question was asked.
 */
export async function leaveDevice(call: Call, userIds: readonly string[], fingerprint: string): Promise<void> {
  for (const sessionId of await sessionsOfDevice(call.db, userIds, fingerprint, call.now)) {
    await end(call, sessionId, new Date(call.now.getTime() + handoverMs), 'replaced');
  }
}

export interface ProviderLogout {
  readonly provider_id: string;
  /** SAML SessionIndexes; none: every session of the person. */
  readonly session_indexes: readonly string[];
  /** Whether a session's name at the identity provider is the one that signed out. */
  matches(name_id: string): boolean;
}

/** An identity provider says that its person signed out (saml-core §3.7.3.2). @returns how many sessions ended */
export function endProviderSessions(call: Call, logout: ProviderLogout): Promise<number> {
  return call.write(async (inner) => {
    const found = await sessionsOfProvider(inner.db, logout.provider_id, logout.session_indexes, inner.now);
    const named = found.filter(({ session_id, name_id_encrypted }) => {
      if (name_id_encrypted === null) return false;
      return logout.matches(inner.app.sealer.open(name_id_encrypted, nameIdContext(session_id)));
    });
    const session_ids = named.map(({ session_id }) => session_id);
    return (await endWithin(inner, { session_ids }, null, 'provider_signed_out')).length;
  });
}

/**
 * Seals anew what an older sealing key sealed, so that the older one can be taken away (checklist SD-04). One statement a session:
 * nobody waits for the others. @returns how many
 */
export async function resealSessions({ db, clock, sealer }: App): Promise<number> {
  const stale = (await listSealedNames(db, clock())).filter((row) => sealer.isStale(row.name_id_encrypted));
  for (const { session_id, name_id_encrypted: sealed } of stale) {
    const context = nameIdContext(session_id);
    await updateSealedName(db, session_id, sealer.seal(sealer.open(sealed, context), context));
  }
  return stale.length;
}

/**
 * Ends sessions in the name of whoever acts, without asking for a permission: for reactions, doors and the routes below.
 * One event per person; what else ends with them (tokens, the provider's session) follows from it. Safe to call twice.
 */
export async function revokeSessions(call: Call, which: SessionsToEnd, reason: EndReason): Promise<EndedSession[]> {
  return endWithin(call, which, null, reason);
}

function endWithin(
  call: Call,
  which: SessionsToEnd & { session_ids?: string[] },
  orgId: string | null,
  reason: EndReason,
): Promise<EndedSession[]> {
  return call.write(async (inner) => {
    const ended = await revokeRows(inner.db, which, orgId, { now: inner.now, reason });
    for (const user_id of new Set(ended.map((session) => session.user_id))) {
      const own = ended.filter((session) => session.user_id === user_id);
      const organizations = new Set(own.map(({ org_id }) => org_id));
      await inner.emit(sessionRevoked, {
        org_id: orgId ?? (organizations.size === 1 ? (own[0]?.org_id ?? null) : null),
        object_id: user_id,
        details: { session_ids: own.map(({ session_id }) => session_id), reason },
      });
    }
    return ended;
  });
}

/**
 * Living sessions of a person, newest first (SE-07). An organization sees those that were opened through it, and all of
 * the accounts that it owns. @throws Fault not_found
 */
export async function listSessions(
  call: Call,
  orgId: string | null,
  userId: string,
  page: ListQuery,
): Promise<Page<Session>> {
  call.require(readSessions, orgId);
  if (!(await hasPerson(call.db, orgId, userId))) throw new Fault('not_found');
  return listLivingSessions(call.db, { org_id: orgId, user_id: userId }, call.now, page);
}

/** Ends one session of a person; a second time changes nothing. @throws Fault not_found */
export async function endSession(call: Call, orgId: string | null, userId: string, sessionId: string): Promise<void> {
  call.require(manageSessions, orgId);
  if (!(await hasPerson(call.db, orgId, userId))) throw new Fault('not_found');
  await endWithin(call, { user_id: userId, session_id: sessionId }, orgId, 'revoked_by_administrator');
}

/** Ends every session of a person that the caller may see. @throws Fault not_found */
export async function endSessions(call: Call, orgId: string | null, userId: string): Promise<void> {
  call.require(manageSessions, orgId);
  if (!(await hasPerson(call.db, orgId, userId))) throw new Fault('not_found');
  await endWithin(call, { user_id: userId }, orgId, 'revoked_by_administrator');
}

/** Deletes the rows of sessions that ended 90 days ago; a job's work. @returns how many */
export async function expireSessions(app: App): Promise<number> {
  const before = new Date(app.clock().getTime() - keptMs);
  let all = 0;
  for (let round = 0; round < 100; round += 1) {
    const deleted = await deleteEndedBefore(app.db, before, 5000);
    all += deleted;
    if (deleted < 5000) break;
  }
  return all;
}
