/** SQL of `sessions`, and of the two columns of `users` that say when somebody was last here. */
import type { Knex } from 'knex';
import type { Plain } from '../../db/round-trips.ts';
import { run, runLast, statement } from '../../db/statement.ts';
import { isSwitchedOff } from '../../federation/login-methods/switched-off.ts';
import { type ListQuery, type Page, pageOf } from '../../http/list.ts';
import type { Session, SessionsToEnd } from './schema.ts';

const columns = [
  'session_id',
  'user_id',
  'org_id',
  'provider_id',
  'login_method',
  'amr',
  'acr',
  'auth_time',
  'ip_address',
  'user_agent',
  'device_info',
  'location',
  'created_at',
  'last_accessed_at',
  'idle_expires_at',
  'expires_at',
] as const;

export type SessionRow = { readonly [column in (typeof columns)[number]]: Plain } & {
  readonly idp_session_index: string | null;
  readonly name_id_encrypted: string | null;
  readonly device_fingerprint: string | null;
};

const written = [...columns, 'idp_session_index', 'name_id_encrypted', 'device_fingerprint'] as const;

const insertStatement = statement(
  'insert_session',
  `insert into sessions (${written.join(', ')}, updated_at)
   values (${written.map((_name, index) => `$${index + 1}`).join(', ')}, $${written.indexOf('created_at') + 1})`,
);

/** At the end of the transaction: what is written is known already. */
export async function insertSession(transaction: Knex, row: SessionRow): Promise<Session> {
  await runLast(
    transaction,
    insertStatement,
    written.map((name) => row[name]),
  );
  return Object.fromEntries(columns.map((name) => [name, row[name]])) as unknown as Session;
}

const noteStatement = statement(
  'note_login',
  `update users set last_login_at = $2::timestamptz, last_active_at = $3
    where user_id = $1 and enabled and not locked and deleted_at is null
      and (home_org_id is null
        or exists (select from organizations o where o.org_id = users.home_org_id and o.status = 'active'))
      and not ($4 and ${isSwitchedOff('password', 'users.home_org_id')})
   returning user_id`,
);

/**
 * Notes the sign-in at an account that may sign in, and holds it by that; with a password only where its organization allows one.
 * @returns false for any other, also when it is just becoming one
 */
export async function noteLogin(db: Knex, user_id: string, now: Date, isByPassword: boolean): Promise<boolean> {
  const noted = await run(db, noteStatement, [user_id, now, Math.floor(now.getTime() / 1000), isByPassword]);
  return noted.length === 1;
}

/** Neither revoked nor over its limits. */
const alive = (db: Knex, now: Date) =>
  db('sessions')
    .where({ revoked: false })
    .where('expires_at', '>', now)
    .where((builder) => builder.whereNull('idle_expires_at').orWhere('idle_expires_at', '>', now));

/** Whose sessions an organization may look at: those opened through it, and all of the accounts that it owns. */
const within = (query: Knex.QueryBuilder, org_id: string | null) =>
  org_id === null
    ? query
    : query.where((builder) =>
        builder
          .where('sessions.org_id', org_id)
          .orWhereExists((owner) =>
            owner
              .select(1)
              .from('users')
              .whereRaw('users.user_id = sessions.user_id')
              .where('users.home_org_id', org_id),
          ),
      );

export const listLivingSessions = (
  db: Knex,
  who: { org_id: string | null; user_id: string },
  now: Date,
  page: ListQuery,
): Promise<Page<Session>> =>
  pageOf<Session>(
    within(alive(db, now).where({ user_id: who.user_id }), who.org_id).select(...columns),
    'session_id',
    page,
    'desc',
  );

/** Whether there is such an account, and for an organization: one that it owns or that is its member. */
export async function hasPerson(db: Knex, org_id: string | null, user_id: string): Promise<boolean> {
  const found = await db('users')
    .where({ user_id })
    .whereNull('deleted_at')
    .modify((query) => {
      if (org_id === null) return;
      query.where((builder) =>
        builder
          .where('home_org_id', org_id)
          .orWhereExists((member) =>
            member
              .select(1)
              .from('user_organization_info')
              .whereRaw('user_organization_info.user_id = users.user_id')
              .where('user_organization_info.org_id', org_id),
          ),
      );
    })
    .first('user_id');
  return found !== undefined;
}

export interface EndedSession {
  readonly session_id: string;
  readonly user_id: string;
  readonly org_id: string | null;
}

/** Marks sessions as revoked. @returns those that were not yet; `within_org` limits it to what that organization may look at */
export async function revokeRows(
  db: Knex,
  which: SessionsToEnd & { readonly session_ids?: readonly string[] },
  within_org: string | null,
  change: { now: Date; reason: string },
): Promise<EndedSession[]> {
  const { except_session_id, session_ids, ...equal } = which;
  const named = Object.fromEntries(Object.entries(equal).filter(([, value]) => value !== undefined));
  if (Object.keys(named).length === 0 && session_ids === undefined) throw new Error('No sessions were named.');
  return within(db('sessions').where({ ...named, revoked: false }), within_org)
    .modify((query) => {
      if (except_session_id) query.whereNot({ session_id: except_session_id });
      if (session_ids) query.whereIn('session_id', session_ids);
    })
    .update({ revoked: true, revoked_at: change.now, revocation_reason: change.reason, updated_at: change.now })
    .returning(['session_id', 'user_id', 'org_id']);
}

/** Lets a living session end now. @returns it, or undefined when it had ended */
export async function endRow(
  db: Knex,
  session_id: string,
  { now, at, reason }: { now: Date; at: Date; reason: string },
): Promise<EndedSession | undefined> {
  const [ended] = await alive(db, now)
    .where({ session_id })
    .update({
      expires_at: db.raw('least(expires_at, ?)', [at]),
      idle_expires_at: db.raw('least(idle_expires_at, ?)', [at]),
      revocation_reason: reason,
      updated_at: now,
    })
    .returning(['session_id', 'user_id', 'org_id']);
  return ended;
}

/** Living sessions of these people that were opened in this browser. */
export async function sessionsOfDevice(
  db: Knex,
  user_ids: readonly string[],
  device_fingerprint: string,
  now: Date,
): Promise<string[]> {
  const rows = await alive(db, now)
    .whereIn('user_id', user_ids)
    .where({ device_fingerprint })
    .whereNull('revocation_reason')
    .select('session_id');
  return rows.map(({ session_id }: { session_id: string }) => session_id);
}

export interface ProviderSession {
  readonly session_id: string;
  readonly idp_session_index: string | null;
  readonly name_id_encrypted: string | null;
}

/** Living sessions that an identity provider opened; of these SAML SessionIndexes where any are given. */
export const sessionsOfProvider = (
  db: Knex,
  provider_id: string,
  session_indexes: readonly string[],
  now: Date,
): Promise<ProviderSession[]> =>
  alive(db, now)
    .where({ provider_id })
    .modify((query) => {
      if (session_indexes.length > 0) query.whereIn('idp_session_index', session_indexes);
    })
    .select('session_id', 'idp_session_index', 'name_id_encrypted');

/** Sealed names of people at identity providers, of every session that is not over yet. */
export const listSealedNames = (
  db: Knex,
  now: Date,
): Promise<{ readonly session_id: string; readonly name_id_encrypted: string }[]> =>
  alive(db, now).whereNotNull('name_id_encrypted').select('session_id', 'name_id_encrypted');

export const updateSealedName = (db: Knex, session_id: string, name_id_encrypted: string): Promise<number> =>
  db('sessions').where({ session_id }).update({ name_id_encrypted });

/** Moves the idle limit, at most once a minute, by as much as it was given at the beginning. */
export async function touchRow(db: Knex, session_id: string, now: Date): Promise<boolean> {
  const { rows } = await db.raw(
    `update sessions
        set idle_expires_at = least(expires_at, :now::timestamptz + (idle_expires_at - last_accessed_at)),
            last_accessed_at = :now, request_count = request_count + 1
      where session_id = :session_id and not revoked and expires_at > :now
        and (idle_expires_at is null or idle_expires_at > :now)
        and last_accessed_at <= :now::timestamptz - interval '1 minute'
     returning user_id`,
    { session_id, now },
  );
  return rows.length === 1;
}

/** Whether somebody signed in from this browser before. */
export const isKnownDevice = async (db: Knex, user_id: string, device_fingerprint: string): Promise<boolean> =>
  (await db('sessions').where({ user_id, device_fingerprint }).first('session_id')) !== undefined;

/** What an organization set for its sessions, in seconds. The room that is to keep the table is not built: nobody else asks it. */
export async function readTenantLimits(db: Knex, org_id: string): Promise<{ idle?: number; max?: number }> {
  const rows: { setting_key: string; setting_value: unknown }[] = await db('tenant_settings')
    .where({ org_id })
    .whereIn('setting_key', ['session.idle_seconds', 'session.max_seconds'])
    .select('setting_key', 'setting_value');
  const seconds = (key: string) => {
    const value = rows.find(({ setting_key }) => setting_key === key)?.setting_value;
    return typeof value === 'number' && value >= 60 ? Math.floor(value) : undefined;
  };
  return { idle: seconds('session.idle_seconds'), max: seconds('session.max_seconds') };
}

/** Rows of sessions that ended long ago, a batch at a time. @returns how many */
export async function deleteEndedBefore(db: Knex, before: Date, limit: number): Promise<number> {
  const { rows } = await db.raw(
    `delete from sessions where session_id in (
       select session_id from sessions where expires_at < ? order by expires_at limit ? for update skip locked)
     returning 1`,
    [before, limit],
  );
  return rows.length;
}
