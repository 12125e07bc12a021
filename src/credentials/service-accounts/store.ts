/** SQL of `service_accounts`. */
import type { Knex } from 'knex';
import { refusing } from '../../db/errors.ts';
import { json } from '../../db/json.ts';
import { type ListQuery, type Page, pageOf } from '../../http/list.ts';
import type { ServiceAccount } from './schema.ts';

const columns = [
  'service_account_id',
  'org_id',
  'name',
  'description',
  'permissions',
  'is_active',
  'created_by',
  'created_at',
  'updated_at',
] as const;

export type ServiceAccountRow = { readonly [column in (typeof columns)[number]]: unknown };

const constraints = {
  service_accounts_org_name_key: 'service_account_name_taken',
  service_accounts_org_id_fkey: 'not_found',
} as const;

/** Rows of one organization, or the system's own when it is null. */
const within = (db: Knex, org_id: string | null) =>
  db('service_accounts').where((builder) =>
    org_id === null ? builder.whereNull('org_id') : builder.where({ org_id }),
  );

export async function insertServiceAccount(db: Knex, row: ServiceAccountRow): Promise<ServiceAccount> {
  const [inserted] = await refusing(constraints, () =>
    db('service_accounts')
      .insert({ ...row, permissions: json(row.permissions) })
      .returning([...columns]),
  );
  return inserted;
}

export const listServiceAccounts = (db: Knex, org_id: string | null, page: ListQuery): Promise<Page<ServiceAccount>> =>
  pageOf<ServiceAccount>(within(db, org_id).select(...columns), 'service_account_id', page);

export const readServiceAccount = (
  db: Knex,
  org_id: string | null,
  service_account_id: string,
): Promise<ServiceAccount | undefined> =>
  within(db, org_id)
    .where({ service_account_id })
    .first(...columns);

export const lockServiceAccount = (
  db: Knex,
  org_id: string | null,
  service_account_id: string,
): Promise<ServiceAccount | undefined> =>
  within(db, org_id)
    .where({ service_account_id })
    .forUpdate()
    .first(...columns);

/** The account of a name, for work at the start that must not make it twice. */
export const readServiceAccountByName = (
  db: Knex,
  org_id: string | null,
  name: string,
): Promise<ServiceAccount | undefined> =>
  within(db, org_id)
    .whereRaw('lower(name) = lower(?)', [name])
    .first(...columns);

export async function updateServiceAccount(
  db: Knex,
  service_account_id: string,
  change: Partial<ServiceAccountRow>,
): Promise<ServiceAccount> {
  const row = change.permissions === undefined ? change : { ...change, permissions: json(change.permissions) };
  const [updated] = await refusing(constraints, () =>
    db('service_accounts')
      .where({ service_account_id })
      .update(row)
      .returning([...columns]),
  );
  return updated;
}

export async function deleteServiceAccount(db: Knex, service_account_id: string): Promise<void> {
  await db('service_accounts').where({ service_account_id }).delete();
}
