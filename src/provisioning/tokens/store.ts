/** SQL of `scim_tokens`. The hash leaves this file in no row but the one that it is compared with. */
import type { Knex } from 'knex';
import { read } from '../../db/gathering.ts';
import { lookup } from '../../db/statement.ts';
import { type ListQuery, type Page, pageOf } from '../../http/list.ts';
import type { ScimToken } from './schema.ts';

const columns = [
  'token_id',
  'client_id',
  'token_prefix',
  'created_by',
  'created_at',
  'expires_at',
  'last_used_at',
  'revoked_at',
] as const;

type NewRow = Omit<ScimToken, 'last_used_at' | 'revoked_at'> & { readonly token_hash: string };

export async function insertToken(db: Knex, row: NewRow): Promise<ScimToken> {
  const [inserted] = await db('scim_tokens')
    .insert(row)
    .returning([...columns]);
  return inserted;
}

const ofClient = (db: Knex, org_id: string, client_id: string) =>
  db('scim_tokens as t')
    .join('scim_clients as c', 'c.client_id', 't.client_id')
    .where({ 't.client_id': client_id, 'c.org_id': org_id });

export const listTokens = (db: Knex, org_id: string, client_id: string, page: ListQuery): Promise<Page<ScimToken>> =>
  pageOf<ScimToken>(ofClient(db, org_id, client_id).select(columns.map((name) => `t.${name}`)), 't.token_id', page);

export const lockToken = (
  db: Knex,
  org_id: string,
  client_id: string,
  token_id: string,
): Promise<ScimToken | undefined> =>
  ofClient(db, org_id, client_id)
    .where({ 't.token_id': token_id })
    .forNoKeyUpdate('t')
    .first(columns.map((name) => `t.${name}`));

export async function revokeToken(db: Knex, token_id: string, now: Date): Promise<void> {
  await db('scim_tokens').where({ token_id }).update({ revoked_at: now });
}

/** A token that may be used, with its client. */
export interface UsableToken {
  readonly token_id: string;
  readonly token_hash: string;
  readonly client_id: string;
  readonly org_id: string;
  readonly name: string;
  readonly mapping_version: number;
  readonly is_touch_due: boolean;
}

const usableToken = lookup(
  'find_scim_token',
  ['text', 'timestamptz'],
  `select t.token_id, t.token_hash, c.client_id, c.org_id, c.name, c.mapping_version,
     (t.last_used_at is null or t.last_used_at <= $2::timestamptz - interval '1 minute') as is_touch_due
   from scim_tokens t
   join scim_clients c on c.client_id = t.client_id
   join organizations o on o.org_id = c.org_id
   where t.token_hash = $1 and t.revoked_at is null and (t.expires_at is null or t.expires_at > $2)
     and c.enabled and (c.expires_at is null or c.expires_at > $2) and o.status = 'active'`,
);

/** Everything that decides about a token, in one statement. */
export async function findUsableToken(db: Knex, token_hash: string, now: Date): Promise<UsableToken | undefined> {
  const [row] = await read<UsableToken>(db, usableToken, [token_hash, now]);
  return row;
}

/**
 * Notes the use of a token and its client, once a minute at most: of requests at the same time one writes. The client first, as
 * whoever deletes it locks it, and without waiting: a note about use keeps nobody up.
 */
export async function touchToken(db: Knex, token_id: string, now: Date): Promise<void> {
  await db.raw(
    `with held as (
       select client_id from scim_clients
        where client_id = (select client_id from scim_tokens where token_id = :token_id)
          for no key update skip locked
     ), touched as (
       update scim_tokens t set last_used_at = :now from held
        where t.token_id = :token_id
          and (t.last_used_at is null or t.last_used_at <= :now::timestamptz - interval '1 minute')
       returning t.client_id
     )
     update scim_clients c set last_used_at = :now from touched
      where c.client_id = touched.client_id
        and (c.last_used_at is null or c.last_used_at <= :now::timestamptz - interval '1 minute')`,
    { token_id, now },
  );
}
