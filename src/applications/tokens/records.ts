/**
 * What the OpenID provider keeps beside codes and tokens: sessions, grants, interactions, replay marks. SQL only, and not called
 * `store.ts` because the provider's adapter, a door, is meant to use it; so are `presented.ts` and `issuing.ts` beside it.
 * Ids are bearer secrets: `id_hash` is their SHA-256 and the payload never contains them.
 */
import type { Knex } from 'knex';
import { zeroId } from '../../core/id.ts';
import { json } from '../../db/json.ts';
import { type AuthorizationChanges, type Authorizations, authorizationChanges, withChanges } from './authorizations.ts';
import { sessionIsAlive } from './liveness.ts';
import { read } from '../../db/gathering.ts';
import { lookup, run, runLast, statement } from '../../db/statement.ts';

export type Payload = Record<string, unknown>;

const findArtifactStatement = lookup(
  'find_artifact',
  ['text', 'text'],
  'select payload, consumed_at is not null as consumed from oidc_artifacts where id_hash = $1 and kind = $2',
);

/** An interaction or a pushed authorization request. */
export async function findArtifact(
  db: Knex,
  kind: string,
  id_hash: string,
): Promise<{ payload: Payload; consumed: boolean } | undefined> {
  const [row] = await read<{ payload: Payload; consumed: boolean }>(db, findArtifactStatement, [id_hash, kind]);
  return row;
}

const findSessionStatement = statement(
  'find_oidc_session',
  `select payload from oidc_sessions p where p.id_hash = $1 and ${sessionIsAlive('p', '$2')}`,
);
const findSessionByUidStatement = statement(
  'find_oidc_session_by_uid',
  `select payload from oidc_sessions p where p.uid = $1 and ${sessionIsAlive('p', '$2')}`,
);

/** The provider's session: unexpired, its `sessions` row not revoked, its account active (SE-05, SE-06). */
export async function findSession(
  db: Knex,
  by: 'id_hash' | 'uid',
  value: string,
  now: Date,
): Promise<Payload | undefined> {
  const found = by === 'uid' ? findSessionByUidStatement : findSessionStatement;
  const [row] = await run<{ payload: Payload }>(db, found, [value, now]);
  return row?.payload;
}

const findGrantStatement = statement(
  'find_grant',
  `select g.payload || jsonb_build_object('accountId', g.user_id, 'clientId', g.client_id, 'orgId', g.org_id) as payload
   from oidc_grants g where g.grant_id = $1 and g.revoked_at is null`,
);

export async function findGrant(db: Knex, grant_id: string): Promise<Payload | undefined> {
  const [row] = await run<{ payload: Payload }>(db, findGrantStatement, [grant_id]);
  return row?.payload;
}

const findGrantOfStatement = statement(
  'find_grant_of',
  `select g.grant_id,
     g.payload || jsonb_build_object('accountId', g.user_id, 'clientId', g.client_id, 'orgId', g.org_id) as payload
   from oidc_grants g
   where g.user_id = $1 and g.client_id = $2 and g.revoked_at is null
     and coalesce(g.org_id, '${zeroId}') = coalesce($3::uuid, '${zeroId}')`,
);

/** What an account granted an application in an organization: at most one is alive. */
export async function findGrantOf(
  db: Knex,
  key: { readonly user_id: string; readonly client_id: string; readonly org_id: string | null },
): Promise<{ grant_id: string; payload: Payload } | undefined> {
  const [row] = await run<{ grant_id: string; payload: Payload }>(db, findGrantOfStatement, [
    key.user_id,
    key.client_id,
    key.org_id,
  ]);
  return row;
}

export interface GrantRow {
  readonly grant_id: string;
  readonly user_id: string;
  readonly client_id: string;
  readonly org_id: string | null;
  readonly payload: Payload;
  readonly expires_at: Date;
}

/** Writes a grant. A revoked one stays revoked. @returns whether it was written */
export async function saveGrant(db: Knex, row: GrantRow): Promise<boolean> {
  const written = await db('oidc_grants')
    .insert({ ...row, payload: json(row.payload) })
    .onConflict('grant_id')
    .merge({ payload: json(row.payload), expires_at: row.expires_at, updated_at: db.fn.now() })
    .where('oidc_grants.revoked_at', null)
    .returning('grant_id');
  return written.length === 1;
}

const saveSessionStatement = statement(
  'save_oidc_session',
  `insert into oidc_sessions (id_hash, uid, user_id, session_id, payload, expires_at) values ($1, $2, $3, $4, $5, $6)
   on conflict (uid) do update set id_hash = excluded.id_hash, user_id = excluded.user_id, session_id = excluded.session_id,
     payload = excluded.payload, expires_at = excluded.expires_at, updated_at = now()`,
);

const updateSessionStatement = statement(
  'update_oidc_session',
  `update oidc_sessions p set id_hash = $1, user_id = $3, session_id = $4, expires_at = $6, updated_at = now(),
     payload = $5::jsonb || jsonb_build_object('authorizations', ${withChanges('p', '$8', '$9')})
   where uid = $2 and id_hash = $7
   returning uid`,
);

const noteAuthorizationsStatement = statement(
  'note_authorizations',
  `update oidc_sessions p set updated_at = now(),
     payload = payload || jsonb_build_object('authorizations', ${withChanges('p', '$4', '$5')})
   where uid = $1 and user_id = $2 and session_id = $3`,
);

export interface SessionRow {
  readonly id_hash: string;
  readonly uid: string;
  readonly user_id: string | null;
  readonly session_id: string | null;
  readonly payload: Payload;
  readonly authorizations: Authorizations;
  readonly expires_at: Date;
}

/** The provider's session as a request read it. */
export type FoundSession = Pick<SessionRow, 'id_hash' | 'authorizations'>;

/**
 * Writes the provider's session under its new id; the id before it stops working in the same statement (SE-01).
 * @param found as it was read in this request: if it ended since, it stays so, however many requests carry it still (SE-06), and if
 *   it was given another id since, that stands, with what this request noted of applications
 * @returns whether it was written
 */
export async function saveSession(db: Knex, row: SessionRow, found: FoundSession | undefined): Promise<boolean> {
  const { id_hash, uid, user_id, session_id, payload, authorizations, expires_at } = row;
  if (found === undefined) {
    const whole = json({ ...payload, authorizations });
    await run(db, saveSessionStatement, [id_hash, uid, user_id, session_id, whole, expires_at]);
    return true;
  }
  const changes = authorizationChanges(found.authorizations, authorizations);
  const noted = [changes.gone, json(changes.changed)];
  const values = [id_hash, uid, user_id, session_id, json(payload), expires_at, found.id_hash, ...noted];
  if ((await run(db, updateSessionStatement, values)).length === 1) return true;
  // Another tab went through a sign-in page meanwhile. Of the same person, in the same session: not what somebody else knew before.
  if (user_id !== null && session_id !== null && isSomething(changes))
    await run(db, noteAuthorizationsStatement, [uid, user_id, session_id, ...noted]);
  return false;
}

const isSomething = ({ changed, gone }: AuthorizationChanges): boolean =>
  gone.length > 0 || Object.keys(changed).length > 0;

/**
 * Ends the provider's session: whoever signs out has signed out, also where another tab gave it another id since (SE-05).
 * @param uid its own, where this request found it by its id
 * @returns the id of the `sessions` row that it belonged to
 */
export async function deleteSession(db: Knex, id_hash: string, uid: string | undefined): Promise<string | null> {
  const which = uid === undefined ? { id_hash } : { uid };
  const [row] = await db('oidc_sessions').where(which).delete().returning('session_id');
  return row?.session_id ?? null;
}

const saveArtifactStatement = statement(
  'save_artifact',
  `insert into oidc_artifacts (id_hash, kind, payload, expires_at) values ($1, $2, $3, $4)
   on conflict (id_hash) do update set payload = excluded.payload, expires_at = excluded.expires_at
   where oidc_artifacts.kind = excluded.kind`,
);

/** Writes an interaction or a pushed authorization request; in a transaction at its end. */
export async function saveArtifact(
  db: Knex,
  row: { readonly id_hash: string; readonly kind: string; readonly payload: Payload; readonly expires_at: Date },
): Promise<void> {
  const values = [row.id_hash, row.kind, json(row.payload), row.expires_at];
  await (db.isTransaction ? runLast(db, saveArtifactStatement, values) : run(db, saveArtifactStatement, values));
}

export async function deleteArtifact(db: Knex, kind: string, id_hash: string): Promise<void> {
  await db('oidc_artifacts').where({ id_hash, kind }).delete();
}

/** Takes a pushed authorization request, or a code that was presented wrongly. @returns false when it was taken before */
export async function consumeArtifact(db: Knex, kind: string, id_hash: string): Promise<boolean> {
  const rows = await db('oidc_artifacts')
    .where({ id_hash, kind, consumed_at: null })
    .update({ consumed_at: db.raw('clock_timestamp()') })
    .returning('id_hash');
  return rows.length === 1;
}

const markReplayStatement = statement(
  'mark_replay',
  `insert into oidc_replay (id_hash, expires_at) values ($1, $2) on conflict (id_hash) do nothing returning id_hash`,
);

/** Remembers a `jti` until it would be refused as expired anyway. @returns false when it was there before (OA-21, OA-29) */
export async function markUsed(db: Knex, id_hash: string, expires_at: Date): Promise<boolean> {
  const rows = await run(db, markReplayStatement, [id_hash, expires_at]);
  return rows.length === 1;
}
