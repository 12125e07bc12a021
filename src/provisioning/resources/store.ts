/** SQL of `scim_resources`: what a client keeps about a user or a group beyond our own columns. */
import type { Knex } from 'knex';
import { run, runLast, statement } from '../../db/statement.ts';
import { refusing } from '../../db/errors.ts';
import { json } from '../../db/json.ts';
import type { ResourceKey, ResourceRow } from './schema.ts';

const columns = ['resource_id', 'external_id', 'attributes', 'version', 'created_at', 'updated_at'] as const;

const constraints = {
  scim_resources_client_id_external_id_key: 'external_id_taken',
  scim_resources_external_id_check: 'request_invalid',
  scim_resources_client_id_fkey: 'not_found',
} as const;

/** Rows of users and groups that the organization of the client owns, by the key of one: nothing else gets a row (SC-01). */
const owned = {
  User: 'select user_id from users where user_id = $2::uuid and home_org_id = $4::uuid and deleted_at is null',
  Group: 'select group_id from user_groups where group_id = $2::uuid and org_id = $4::uuid and deleted_at is null',
} as const;

const put = (type: 'User' | 'Group') =>
  statement(
    `put_scim_${type.toLowerCase()}`,
    `with put as (
       insert into scim_resources as r (client_id, resource_id, resource_type, external_id, attributes, version, created_at, updated_at)
       select $1::uuid, $2::uuid, '${type}', $5::text, $6::jsonb, 1, $3::timestamptz, $3::timestamptz
        where exists (${owned[type]})
       on conflict (client_id, resource_id) do update
         set external_id = excluded.external_id, attributes = excluded.attributes, version = r.version + 1,
           updated_at = excluded.updated_at
         where $7::boolean or r.external_id is distinct from excluded.external_id or r.attributes <> excluded.attributes
       returning ${columns.join(', ')}
     )
     select *, true as changed from put
     union all
     select ${columns.join(', ')}, false from scim_resources
      where client_id = $1 and resource_id = $2 and resource_type = '${type}' and not exists (select from put)`,
  );
const putStatements = { User: put('User'), Group: put('Group') } as const;

type Written = ResourceRow & { readonly changed: boolean };

export interface Content {
  readonly external_id: string | null;
  readonly attributes: object;
}

/** @param touch count the version up even when nothing differs @returns undefined when the organization owns no such resource */
export const putRow = (
  db: Knex,
  { client_id, org_id, resource_type, resource_id }: ResourceKey,
  { external_id, attributes }: Content,
  touch: boolean,
  now: Date,
): Promise<Written | undefined> =>
  refusing(constraints, async () => {
    const values = [client_id, resource_id, now, org_id, external_id, json(attributes), touch];
    return (await run<Written>(db, putStatements[resource_type], values))[0];
  });

const insertStatement = statement(
  'insert_scim_user',
  `insert into scim_resources (client_id, resource_id, resource_type, external_id, attributes, version, created_at, updated_at)
   values ($1, $2, 'User', $3, $4, 1, $5::timestamptz, $5::timestamptz)`,
);

/** The first row of an account that was made in this transaction, written at its end: what it will be is known already. */
export async function insertUserRow(
  transaction: Knex,
  { client_id, resource_id }: ResourceKey,
  { external_id, attributes }: Content,
  now: Date,
): Promise<Written> {
  await runLast(transaction, insertStatement, [client_id, resource_id, external_id, json(attributes), now]);
  const sent = { resource_id, external_id, attributes: attributes as ResourceRow['attributes'] };
  return { ...sent, version: 1, created_at: now, updated_at: now, changed: true };
}

/** What the end of such a transaction may be refused for. */
export const refusingRows = <T>(write: () => PromiseLike<T>): Promise<T> => refusing(constraints, write);

const readStatement = statement(
  'read_scim_resource',
  `select ${columns.join(', ')} from scim_resources where client_id = $1 and resource_type = $2 and resource_id = $3`,
);

export async function readRow(
  db: Knex,
  client_id: string,
  resource_type: 'User' | 'Group',
  resource_id: string,
): Promise<ResourceRow | undefined> {
  return (await run<ResourceRow>(db, readStatement, [client_id, resource_type, resource_id]))[0];
}

/** The accounts that an organization's directories call so; more than one only where two of them use the same id. */
export async function listUsersByExternalId(db: Knex, org_id: string, external_id: string): Promise<string[]> {
  const rows = await db('scim_resources as r')
    .join('scim_clients as c', 'c.client_id', 'r.client_id')
    .where({ 'c.org_id': org_id, 'r.resource_type': 'User', 'r.external_id': external_id })
    .distinct('r.resource_id')
    .limit(2);
  return rows.map((row: { resource_id: string }) => row.resource_id);
}

/** Deletes what every client keeps about it. */
export async function deleteRows(db: Knex, resource_id: string): Promise<void> {
  await db('scim_resources').where({ resource_id }).delete();
}
