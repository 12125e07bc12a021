/** SQL of `scim_clients`. The hashes of secrets leave this file in no row but the one that OAuth compares with. */
import type { Knex } from 'knex';
import { type ListQuery, type Page, pageOf } from '../../http/list.ts';
import type { ScimClientRow } from './schema.ts';

const columns = [
  'client_id',
  'org_id',
  'name',
  'enabled',
  'mapping_version',
  'created_by',
  'created_at',
  'updated_at',
  'expires_at',
  'last_used_at',
  'previous_secret_expires_at',
] as const;

interface NewRow {
  readonly client_id: string;
  readonly org_id: string;
  readonly name: string;
  readonly client_secret_hash: string;
  readonly created_by: string | null;
  readonly now: Date;
  readonly expires_at: Date | null;
}

/** The organization's row is held, so that it is not deleted meanwhile. @returns undefined when there is no such organization */
export async function insertClient(db: Knex, row: NewRow): Promise<ScimClientRow | undefined> {
  const { rows } = await db.raw(
    `with owner as (select org_id from organizations where org_id = :org_id and status <> 'deleted' for key share)
     insert into scim_clients (client_id, org_id, name, client_secret_hash, created_by, created_at, updated_at, expires_at)
     select :client_id::uuid, org_id, :name::text, :client_secret_hash::text, :created_by::uuid, :now::timestamptz,
       :now::timestamptz, :expires_at::timestamptz from owner
     returning ${columns.join(', ')}`,
    { ...row },
  );
  return rows[0];
}

export const listClients = (db: Knex, org_id: string, page: ListQuery): Promise<Page<ScimClientRow>> =>
  pageOf<ScimClientRow>(
    db('scim_clients')
      .select(...columns)
      .where({ org_id }),
    'client_id',
    page,
  );

export const getClient = (db: Knex, org_id: string, client_id: string): Promise<ScimClientRow | undefined> =>
  db('scim_clients')
    .where({ org_id, client_id })
    .first(...columns);

export const lockClient = (db: Knex, org_id: string, client_id: string): Promise<ScimClientRow | undefined> =>
  db('scim_clients')
    .where({ org_id, client_id })
    .forNoKeyUpdate()
    .first(...columns);

/**
 * Writes a change. `updated_at` always moves forward, by a millisecond at least: what is kept in memory about a client
 * is recognised by it.
 */
async function change(db: Knex, client_id: string, now: Date, changes: object): Promise<ScimClientRow> {
  const updated_at = db.raw(`greatest(?::timestamptz, updated_at + interval '1 millisecond')`, [now]);
  const [row] = await db('scim_clients')
    .where({ client_id })
    .update({ ...changes, updated_at })
    .returning([...columns]);
  return row;
}

export const updateClient = (
  db: Knex,
  client_id: string,
  now: Date,
  changes: { readonly name?: string; readonly enabled?: boolean; readonly expires_at?: Date | null },
): Promise<ScimClientRow> => change(db, client_id, now, changes);

/** Counts the version of the mappings up. */
export const bumpMappingVersion = (db: Knex, client_id: string, now: Date): Promise<ScimClientRow> =>
  change(db, client_id, now, { mapping_version: db.raw('mapping_version + 1') });

/** @param until when the secret before this one ends; null: now */
export const replaceSecret = (
  db: Knex,
  client_id: string,
  now: Date,
  client_secret_hash: string,
  until: Date | null,
): Promise<ScimClientRow> =>
  change(db, client_id, now, {
    client_secret_hash,
    previous_secret_hash: until === null ? null : db.ref('client_secret_hash'),
    previous_secret_expires_at: until,
  });

export async function deleteClient(db: Knex, client_id: string): Promise<void> {
  await db('scim_clients').where({ client_id }).delete();
}

/** A client that may be used: enabled, not expired, its organization active. */
const usable = (db: Knex, client_id: string, now: Date) =>
  db('scim_clients as c')
    .join('organizations as o', 'o.org_id', 'c.org_id')
    .where({ 'c.client_id': client_id, 'c.enabled': true, 'o.status': 'active' })
    .where((query) => query.whereNull('c.expires_at').orWhere('c.expires_at', '>', now));

export interface UsableClient {
  readonly client_id: string;
  readonly org_id: string;
  readonly name: string;
  readonly mapping_version: number;
  readonly is_touch_due: boolean;
}

export const findUsable = (db: Knex, client_id: string, now: Date): Promise<UsableClient | undefined> =>
  usable(db, client_id, now).first(
    'c.client_id',
    'c.org_id',
    'c.name',
    'c.mapping_version',
    db.raw(`(c.last_used_at is null or c.last_used_at <= ?::timestamptz - interval '1 minute') as is_touch_due`, [now]),
  );

export interface ClientSecrets {
  readonly client_id: string;
  readonly org_id: string;
  readonly name: string;
  readonly updated_at: Date;
  readonly client_secret_hash: string;
  readonly previous_secret_hash: string | null;
  readonly previous_secret_expires_at: Date | null;
}

export const findSecrets = (db: Knex, client_id: string, now: Date): Promise<ClientSecrets | undefined> =>
  usable(db, client_id, now).first(
    'c.client_id',
    'c.org_id',
    'c.name',
    'c.updated_at',
    'c.client_secret_hash',
    'c.previous_secret_hash',
    'c.previous_secret_expires_at',
  );

/** Notes the use, once a minute at most: of requests at the same time one writes. */
export async function touchClient(db: Knex, client_id: string, now: Date): Promise<void> {
  await db('scim_clients')
    .where({ client_id })
    .whereRaw(`(last_used_at is null or last_used_at <= ?::timestamptz - interval '1 minute')`, [now])
    .update({ last_used_at: now });
}
