/** SQL of `api_keys`. The hash leaves this file in no row. */
import type { Knex } from 'knex';
import { refusing } from '../../db/errors.ts';
import { json } from '../../db/json.ts';
import { type ListQuery, type Page, pageOf } from '../../http/list.ts';
import type { ApiKey } from './schema.ts';

const columns = [
  'api_key_id',
  'org_id',
  'user_id',
  'service_account_id',
  'name',
  'description',
  'key_prefix',
  'scopes',
  'created_by',
  'created_at',
  'expires_at',
  'last_used_at',
  'revoked',
  'revoked_at',
] as const;

export type ApiKeyRow = { readonly [column in (typeof columns)[number]]: unknown };

/** Rows of one organization, or the system's own when it is null. */
const within = (db: Knex, org_id: string | null) =>
  db('api_keys').where((builder) => (org_id === null ? builder.whereNull('org_id') : builder.where({ org_id })));

/** @returns undefined when there is a key of this hash already. @throws Fault not_found when the service account goes at this moment */
export const insertApiKey = (db: Knex, row: ApiKeyRow, key_hash: string): Promise<ApiKey | undefined> =>
  refusing({ api_keys_service_account_id_fkey: 'not_found' }, async () => {
    const [inserted] = await db('api_keys')
      .insert({ ...row, scopes: json(row.scopes), key_hash })
      .onConflict('key_hash')
      .ignore()
      .returning([...columns]);
    return inserted;
  });

export const listApiKeys = (db: Knex, org_id: string | null, page: ListQuery): Promise<Page<ApiKey>> =>
  pageOf<ApiKey>(within(db, org_id).select(...columns), 'api_key_id', page);

export const readApiKey = (db: Knex, org_id: string | null, api_key_id: string): Promise<ApiKey | undefined> =>
  within(db, org_id)
    .where({ api_key_id })
    .first(...columns);

export const lockApiKey = (db: Knex, org_id: string | null, api_key_id: string): Promise<ApiKey | undefined> =>
  within(db, org_id)
    .where({ api_key_id })
    .forUpdate()
    .first(...columns);

export async function updateApiKey(db: Knex, api_key_id: string, change: Partial<ApiKeyRow>): Promise<ApiKey> {
  const row = change.scopes === undefined ? change : { ...change, scopes: json(change.scopes) };
  const [updated] = await db('api_keys')
    .where({ api_key_id })
    .update(row)
    .returning([...columns]);
  return updated;
}

export const revokeRowsOf = (
  db: Knex,
  user_id: string,
  now: Date,
): Promise<{ api_key_id: string; org_id: string | null }[]> =>
  db('api_keys')
    .where({ user_id, revoked: false })
    .update({ revoked: true, revoked_at: now })
    .returning(['api_key_id', 'org_id']);

/** Whether there is a key of this hash, revoked or not. */
export const hasApiKey = async (db: Knex, key_hash: string): Promise<boolean> =>
  (await db('api_keys').where({ key_hash }).first('api_key_id')) !== undefined;

/**
 * A service account that may own a key of this organization: its own, or one of the system, whose key then reaches no further.
 * @param ofSystem whether those of the system may be named
 */
export const isOwnerFor = async (
  db: Knex,
  org_id: string | null,
  service_account_id: string,
  { ofSystem }: { readonly ofSystem: boolean },
): Promise<boolean> => {
  const row = await db('service_accounts').where({ service_account_id }).first('org_id');
  return row !== undefined && (row.org_id === org_id || (row.org_id === null && ofSystem));
};

/** A key that may be used, and its owner. */
export interface UsableKey {
  readonly api_key_id: string;
  readonly key_hash: string;
  readonly key_prefix: string;
  readonly org_id: string | null;
  readonly scopes: string[];
  readonly user_id: string | null;
  readonly service_account_id: string | null;
  readonly service_account_name: string | null;
  /** What the service account holds; null for a person's key. */
  readonly account_permissions: string[] | null;
  readonly is_touch_due: boolean;
}

/**
 * Everything that decides whether a key may be used, in one statement: not revoked, not expired, its organization active, its
 * owner there and able to act, and the owner's organization active.
 */
export async function findUsableKey(db: Knex, key_hash: string, now: Date): Promise<UsableKey | undefined> {
  const { rows } = await db.raw(usableKey, { key_hash, now });
  return rows[0];
}

const usableKey = `
  select k.api_key_id, k.key_hash, k.key_prefix, k.org_id, k.scopes, k.user_id, k.service_account_id,
         a.name as service_account_name,
         a.permissions as account_permissions,
         (k.last_used_at is null or k.last_used_at <= :now::timestamptz - interval '1 minute') as is_touch_due
    from api_keys k
    left join service_accounts a on a.service_account_id = k.service_account_id
    left join users u on u.user_id = k.user_id
    left join organizations o on o.org_id = k.org_id
    left join organizations owner on owner.org_id = coalesce(a.org_id, u.home_org_id)
   where k.key_hash = :key_hash
     and not k.revoked
     and (k.expires_at is null or k.expires_at > :now)
     and (o.org_id is null or o.status = 'active')
     and (owner.org_id is null or owner.status = 'active')
     and case when k.user_id is null then a.is_active
              else u.enabled and not u.locked and u.deleted_at is null end`;

export async function touchApiKey(db: Knex, api_key_id: string, now: Date): Promise<void> {
  await db('api_keys').where({ api_key_id }).update({ last_used_at: now });
}
