/**
 * What the OpenID provider keeps, record by record: sessions, grants, codes, tokens, interactions, replay marks. SQL only, and
 * not called `store.ts` because the provider's adapter, a door, is meant to use it.
 * Ids are bearer secrets: `id_hash` is their SHA-256 and the payload never contains them.
 * Over 300 lines because each statement stands beside the one function that runs it.
 */
import type { Knex } from 'knex';
import { json } from '../../db/json.ts';
import type { ClientKind } from '../clients/metadata.ts';
import { grantIsAlive, isActive, sessionIsAlive } from './liveness.ts';
import { run, statement } from '../../db/statement.ts';

export type Payload = Record<string, unknown>;

/** Where a code or token comes from: every token of one code shares its family. */
export interface Lineage {
  readonly grant_id: string;
  readonly family_id: string;
  readonly org_id: string | null;
  readonly user_id: string;
  readonly session_id: string | null;
  readonly session_uid: string | null;
  /** Dies with the provider's session (no offline_access). */
  readonly session_bound: boolean;
}

export interface FoundToken extends Lineage {
  readonly payload: Payload;
  readonly grant_payload: Payload;
  readonly consumed: boolean;
  /** Consumed within the last two seconds: a retry that lost, not a theft. */
  readonly just_consumed: boolean;
  /** Of a refresh token: the session that it is bound to should be told that it is in use. */
  readonly is_touch_due?: boolean | null;
}

const grantColumns = `g.grant_id, g.org_id, g.user_id,
  g.payload || jsonb_build_object('accountId', g.user_id, 'clientId', g.client_id, 'orgId', g.org_id) as grant_payload`;

const findCodeStatement = statement(
  'find_code',
  `select t.payload, t.family_id, t.session_id, t.session_uid, t.session_bound, ${grantColumns},
     t.consumed_at is not null as consumed, false as just_consumed
   from oidc_artifacts t join oidc_grants g on g.grant_id = t.grant_id
   where t.id_hash = $1 and t.kind = 'AuthorizationCode' and ${grantIsAlive('g.org_id', '$2')}`,
);

/** A code whose grant, account, application, organization and session are all alive; consumed ones are told. */
export async function findCode(db: Knex, id_hash: string, now: Date): Promise<FoundToken | undefined> {
  const [row] = await run<FoundToken>(db, findCodeStatement, [id_hash, now]);
  return row;
}

const findRefreshTokenStatement = statement(
  'find_refresh_token',
  `select t.payload, t.family_id, t.session_id, t.session_uid, t.session_bound, ${grantColumns},
     t.consumed_at is not null as consumed,
     -- The database's clock on both sides: processes whose clocks differ agree on the two seconds (RT-03, RE-09).
     coalesce(clock_timestamp() - t.consumed_at <= interval '2 seconds', false) as just_consumed,
     t.session_bound and (select s.last_accessed_at < $2::timestamptz - interval '1 minute' from sessions s
       where s.session_id = t.session_id) as is_touch_due
   from oidc_refresh_tokens t join oidc_grants g on g.grant_id = t.grant_id
   where t.id_hash = $1 and ${grantIsAlive('g.org_id', '$2')}`,
);

/** A refresh token that is alive, or was before it was rotated. */
export async function findRefreshToken(db: Knex, id_hash: string, now: Date): Promise<FoundToken | undefined> {
  const [row] = await run<FoundToken>(db, findRefreshTokenStatement, [id_hash, now]);
  return row;
}

export interface FoundAccessToken {
  readonly kind: 'AccessToken' | 'ClientCredentials';
  readonly client_id: string;
  readonly payload: Payload;
  readonly org_id: string | null;
  readonly grant_id: string | null;
  readonly family_id: string | null;
  readonly user_id: string | null;
  readonly session_id: string | null;
  readonly session_uid: string | null;
  readonly session_bound: boolean;
  readonly grant_payload: Payload | null;
}

const findAccessTokenStatement = statement(
  'find_access_token',
  `select t.kind, coalesce(t.client_id, t.scim_client_id) as client_id, t.payload, t.org_id, t.grant_id, t.family_id, g.user_id,
     t.session_id, t.session_uid, t.session_bound,
     g.payload || jsonb_build_object('accountId', g.user_id, 'clientId', g.client_id, 'orgId', g.org_id) as grant_payload
   from oidc_access_tokens t left join oidc_grants g on g.grant_id = t.grant_id
   where t.id_hash = $1 and case t.kind
     when 'ClientCredentials' then coalesce(${isActive.client('t.client_id')}, ${isActive.scimClient('t.scim_client_id', '$2')})
       and (t.org_id is null or ${isActive.organization('t.org_id')})
     -- A refresh may name another organization than the grant's: a third party needs a live grant there too.
     else g.grant_id is not null and ${grantIsAlive('t.org_id', '$2')}
       and (t.org_id is not distinct from g.org_id
         or (select c.first_party from oidc_clients c where c.client_id = g.client_id)
         or (select true from oidc_grants other where other.user_id = g.user_id and other.client_id = g.client_id
              and coalesce(other.org_id, '00000000-0000-0000-0000-000000000000') = t.org_id and other.revoked_at is null))
     end`,
);

/** An opaque access token whose whole lineage is alive. Its own expiry is in the payload. */
export async function findAccessToken(db: Knex, id_hash: string, now: Date): Promise<FoundAccessToken | undefined> {
  const [row] = await run<FoundAccessToken>(db, findAccessTokenStatement, [id_hash, now]);
  return row;
}

const findArtifactStatement = statement(
  'find_artifact',
  'select payload, consumed_at is not null as consumed from oidc_artifacts where id_hash = $1 and kind = $2',
);

/** An interaction or a pushed authorization request. */
export async function findArtifact(
  db: Knex,
  kind: string,
  id_hash: string,
): Promise<{ payload: Payload; consumed: boolean } | undefined> {
  const [row] = await run<{ payload: Payload; consumed: boolean }>(db, findArtifactStatement, [id_hash, kind]);
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
     and coalesce(g.org_id, '00000000-0000-0000-0000-000000000000') = coalesce($3::uuid, '00000000-0000-0000-0000-000000000000')`,
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

export interface SessionRow {
  readonly id_hash: string;
  readonly uid: string;
  readonly user_id: string | null;
  readonly session_id: string | null;
  readonly payload: Payload;
  readonly expires_at: Date;
}

/** Writes the provider's session under its new id; the id before it stops working in the same statement (SE-01). */
export async function saveSession(db: Knex, row: SessionRow): Promise<void> {
  const { id_hash, uid, user_id, session_id, payload, expires_at } = row;
  await run(db, saveSessionStatement, [id_hash, uid, user_id, session_id, json(payload), expires_at]);
}

/** @returns the id of the `sessions` row that it belonged to */
export async function deleteSession(db: Knex, id_hash: string): Promise<string | null> {
  const [row] = await db('oidc_sessions').where({ id_hash }).delete().returning('session_id');
  return row?.session_id ?? null;
}

const saveCodeStatement = statement(
  'save_code',
  `insert into oidc_artifacts (id_hash, kind, grant_id, family_id, session_id, session_uid, session_bound, payload, expires_at)
   values ($1, 'AuthorizationCode', $2, $3, $4, $5, $6, $7, $8)`,
);

/** What a row of a code or token is written from. */
export interface TokenRow extends Omit<Lineage, 'user_id' | 'org_id'> {
  readonly id_hash: string;
  readonly payload: Payload;
  readonly expires_at: Date;
}

const tokenValues = (row: TokenRow) => [
  row.id_hash,
  row.grant_id,
  row.family_id,
  row.session_id,
  row.session_uid,
  row.session_bound,
  json(row.payload),
  row.expires_at,
];

export async function saveCode(db: Knex, row: TokenRow): Promise<void> {
  await run(db, saveCodeStatement, tokenValues(row));
}

const saveRefreshTokenStatement = statement(
  'save_refresh_token',
  `insert into oidc_refresh_tokens (id_hash, grant_id, family_id, session_id, session_uid, session_bound, payload, expires_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8)`,
);

export async function saveRefreshToken(db: Knex, row: TokenRow): Promise<void> {
  await run(db, saveRefreshTokenStatement, tokenValues(row));
}

const saveAccessTokenStatement = statement(
  'save_access_token',
  `insert into oidc_access_tokens
     (id_hash, kind, client_id, scim_client_id, grant_id, family_id, org_id, session_id, session_uid, session_bound, payload, expires_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
);

export interface AccessTokenRow {
  readonly id_hash: string;
  readonly kind: 'AccessToken' | 'ClientCredentials';
  readonly client_id: string;
  readonly client_kind: ClientKind;
  readonly org_id: string | null;
  readonly lineage: Lineage | null;
  readonly payload: Payload;
  readonly expires_at: Date;
}

export async function saveAccessToken(db: Knex, row: AccessTokenRow): Promise<void> {
  const { lineage } = row;
  await run(db, saveAccessTokenStatement, [
    row.id_hash,
    row.kind,
    row.client_kind === 'application' ? row.client_id : null,
    row.client_kind === 'scim_client' ? row.client_id : null,
    lineage?.grant_id ?? null,
    lineage?.family_id ?? null,
    row.org_id,
    lineage?.session_id ?? null,
    lineage?.session_uid ?? null,
    lineage?.session_bound ?? false,
    json(row.payload),
    row.expires_at,
  ]);
}

export async function deleteAccessToken(db: Knex, id_hash: string): Promise<void> {
  await db('oidc_access_tokens').where({ id_hash }).delete();
}

const saveArtifactStatement = statement(
  'save_artifact',
  `insert into oidc_artifacts (id_hash, kind, payload, expires_at) values ($1, $2, $3, $4)
   on conflict (id_hash) do update set payload = excluded.payload, expires_at = excluded.expires_at
   where oidc_artifacts.kind = excluded.kind`,
);

/** Writes an interaction or a pushed authorization request. */
export async function saveArtifact(
  db: Knex,
  row: { readonly id_hash: string; readonly kind: string; readonly payload: Payload; readonly expires_at: Date },
): Promise<void> {
  await run(db, saveArtifactStatement, [row.id_hash, row.kind, json(row.payload), row.expires_at]);
}

export async function deleteArtifact(db: Knex, kind: string, id_hash: string): Promise<void> {
  await db('oidc_artifacts').where({ id_hash, kind }).delete();
}

/**
 * The grant, locked until the transaction ends, when neither it nor the family is dead: whoever revokes now waits, or is seen.
 * Shared, so that a person's devices do not wait for one another; revoking takes the row exclusively.
 */
const lockedGrant = (token: string) =>
  `(select g.grant_id from oidc_grants g where g.grant_id = $2 and g.revoked_at is null and not ($3::text = any (g.dead_families)) for share) g
   where ${token}.id_hash = $1 and ${token}.consumed_at is null returning 1`;

const consumeCodeStatement = statement(
  'consume_code',
  `update oidc_artifacts t set consumed_at = clock_timestamp() from ${lockedGrant('t')}`,
);
const consumeRefreshTokenStatement = statement(
  'consume_refresh_token',
  `update oidc_refresh_tokens t set consumed_at = clock_timestamp() from ${lockedGrant('t')}`,
);

/**
 * Takes a code or refresh token: of any number of parallel requests exactly one gets true (OA-03, RT-01).
 * To be called in the transaction that also issues, so that the lock on the grant lasts until the new tokens are there.
 */
export async function consumeToken(
  db: Knex,
  kind: 'AuthorizationCode' | 'RefreshToken',
  token: { readonly id_hash: string; readonly grant_id: string; readonly family_id: string },
): Promise<boolean> {
  const take = kind === 'AuthorizationCode' ? consumeCodeStatement : consumeRefreshTokenStatement;
  const rows = await run(db, take, [token.id_hash, token.grant_id, token.family_id]);
  return rows.length === 1;
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
