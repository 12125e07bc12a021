/** A small organization in the real tables, and the whole resources as the door would build them: for tests of SQL. */
import type { Knex } from 'knex';
import type { JsonObject } from '../../src/scim/json.ts';
import { Notes } from '../../src/scim/leniency.ts';
import type { ClientRegistries } from '../../src/scim/registry.ts';
import { readResource } from '../../src/scim/resource.ts';
import { buildResource, type Reference, splitResource, type StoredRow } from '../../src/scim/resource-store.ts';

export const uuid = (kind: number, number: number): string =>
  `0190${kind.toString(16).padStart(4, '0')}-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;

export const CLIENT = uuid(9, 1);
export const ORG = uuid(1, 1);
export const OTHER_ORG = uuid(1, 2);
export const BASE = 'https://id.example.com/scim/v2';
/** Seconds; each user is created one second after the one before. */
export const FIRST_SECOND = 1_760_000_000;

export async function addOrganizations(knex: Knex): Promise<void> {
  await knex('organizations').insert([
    { org_id: ORG, org_name: 'Acme', slug: 'acme' },
    { org_id: OTHER_ORG, org_name: 'Other', slug: 'other' },
  ]);
  const client_secret_hash = 'x'.repeat(43);
  await knex('scim_clients').insert({ client_id: CLIENT, org_id: ORG, name: 'Directory', client_secret_hash });
}

/** Stores one body as the door will; `change` alters columns afterwards, as an administrator's console would. */
export async function addUser(
  knex: Knex,
  registries: ClientRegistries,
  number: number,
  body: object,
  change: Record<string, unknown> = {},
  org = ORG,
): Promise<string> {
  const user_id = uuid(2, number);
  const { resource } = readResource(
    { schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], ...body },
    registries.User,
    new Notes(),
  );
  const stored = splitResource(resource, registries.User);
  const properties: JsonObject = {};
  for (const { path, value } of stored.properties) if (value !== undefined) properties[path.join('.')] = value;
  await knex('users').insert({
    user_id,
    home_org_id: org,
    created_at: FIRST_SECOND + number,
    ...stored.columns,
    properties: JSON.stringify(properties),
    ...change,
  });
  await knex('scim_resources').insert({
    client_id: CLIENT,
    resource_type: 'User',
    resource_id: user_id,
    external_id: stored.external_id,
    attributes: JSON.stringify(stored.attributes),
  });
  return user_id;
}

export async function addGroup(
  knex: Knex,
  number: number,
  name: string,
  members: string[],
  org = ORG,
): Promise<string> {
  const group_id = uuid(3, number);
  await knex('user_groups').insert({ group_id, org_id: org, name, slug: `group-${number}` });
  for (const [index, user_id] of members.entries()) {
    await knex('user_group_memberships').insert({ membership_id: uuid(4, number * 1000 + index), group_id, user_id });
  }
  return group_id;
}

/** Every user of the organization as the client reads it, in the order of lists. */
export async function readUsers(knex: Knex, registries: ClientRegistries): Promise<JsonObject[]> {
  const rows = await knex('users')
    .leftJoin('scim_resources', 'scim_resources.resource_id', 'users.user_id')
    .where('users.home_org_id', ORG)
    .orderBy(['users.created_at', 'users.user_id'])
    .select('users.*', 'scim_resources.attributes', 'scim_resources.external_id');
  const memberships = await knex('user_group_memberships')
    .join('user_groups', 'user_groups.group_id', 'user_group_memberships.group_id')
    .where({ 'user_groups.org_id': ORG, 'user_group_memberships.is_active': true })
    .whereNull('user_group_memberships.expires_at')
    .select('user_group_memberships.user_id', 'user_groups.group_id', 'user_groups.name');
  return rows.map((row) => {
    const groups: Reference[] = memberships
      .filter(({ user_id }) => user_id === row.user_id)
      .map(({ group_id, name }) => ({ value: group_id, display: name }));
    const stored: StoredRow = {
      id: row.user_id,
      created: new Date(row.created_at * 1000),
      modified: row.updated_at,
      version: 'W/"1"',
      external_id: row.external_id,
      columns: row,
      attributes: row.attributes,
      groups,
    };
    return buildResource(stored, registries.User, BASE);
  });
}
