/** Manners of the schema (data-model.md), held over every table that the migrations make. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Knex } from 'knex';
import { migrationsFolder } from '../../src/db/migrate.ts';
import { partitionedTables } from '../../src/db/partitions.ts';
import {
  type Column,
  type Constraint,
  type Index,
  readColumns,
  readConstraints,
  readIndexes,
  readTables,
} from '../migrations/introspect.ts';
import { emptyDatabase } from '../support/database.ts';

const allowedTypes = [
  'uuid',
  'text',
  'text[]',
  'boolean',
  'integer',
  'bigint',
  'bytea',
  'inet',
  'jsonb',
  'timestamp with time zone',
];

/** Columns named like the key of another table that reference nothing, and why. */
const notReferences: Readonly<Record<string, string>> = {
  'audit_logs.org_id': 'history outlives organizations',
  'audit_logs.user_id': 'history outlives accounts, and may not be edited',
  'scim_resources.resource_id': 'a user or a group: user_id and group_id are generated from it and referenced',
  'scim_requests.resource_id': 'the record of a request outlives what it was about',
};

/** Column names that are the key of exactly one table elsewhere. */
const keyNames: Readonly<Record<string, string>> = {
  org_id: 'organizations',
  user_id: 'users',
  role_id: 'roles',
  permission_id: 'permissions',
  group_id: 'user_groups',
  unit_id: 'organization_units',
  provider_id: 'identity_providers',
  session_id: 'sessions',
  webhook_id: 'webhooks',
  template_id: 'notification_templates',
  review_id: 'access_reviews',
  policy_id: 'rate_limit_policies',
  api_key_id: 'api_keys',
  service_account_id: 'service_accounts',
  resource_id: '',
};

const suffixes: Readonly<Record<string, RegExp>> = { p: /_pkey$/, f: /_fkey$/, u: /_key$/, c: /_check$/, x: /_excl$/ };

describe('rules: schema manners', () => {
  const source = readdirSync(migrationsFolder)
    .map((file) => readFileSync(join(migrationsFolder, file), 'utf8'))
    .join('\n');
  let knex: Knex;
  let tables: readonly string[];
  let columns: readonly Column[];
  let constraints: readonly Constraint[];
  let indexes: readonly Index[];

  before(async () => {
    knex = (await emptyDatabase()).knex;
    tables = (await readTables(knex)).map(({ table }) => table);
    columns = await readColumns(knex);
    constraints = await readConstraints(knex);
    indexes = await readIndexes(knex);
  });

  const foreignKeys = () => constraints.filter(({ kind }) => kind === 'f');

  it('looks at the tables of the product', () => {
    expect(tables).to.include.members(['organizations', 'users', 'audit_logs', 'scim_resources', 'jobs']);
    expect(tables.length).to.be.greaterThan(60);
  });

  it('every table has a primary key', () => {
    const keyed = new Set(constraints.filter(({ kind }) => kind === 'p').map(({ table }) => table));
    expect(tables.filter((table) => !keyed.has(table))).to.deep.equal([]);
  });

  it('columns have the plain types only: text instead of varchar, timestamptz, jsonb', () => {
    const odd = columns.filter(({ type }) => !allowedTypes.includes(type));
    expect(odd.map(({ table, column, type }) => `${table}.${column} ${type}`)).to.deep.equal([]);
  });

  it('uuid columns have no default: the application makes the ids', () => {
    const defaulted = columns.filter(({ type, definition }) => type === 'uuid' && / default /.test(definition));
    expect(defaulted.map(({ table, column }) => `${table}.${column}`)).to.deep.equal([]);
  });

  it('every constraint and index is named by a migration, after its table and kind', () => {
    const written = (name: string) => new RegExp(`\\b${name}\\b`).test(source);
    const unnamed = [...constraints, ...indexes].filter(({ name }) => !written(name)).map(({ name }) => name);
    expect(unnamed, 'named by PostgreSQL').to.deep.equal([]);
    const odd = constraints.filter(
      ({ table, kind, name }) => !name.startsWith(`${table}_`) || !suffixes[kind]?.test(name),
    );
    expect(
      odd.map(({ name }) => name),
      'constraints',
    ).to.deep.equal([]);
    const oddIndexes = indexes.filter(
      ({ table, name }) => !name.startsWith(`${table}_`) || !/_(pkey|key|idx)$/.test(name),
    );
    expect(
      oddIndexes.map(({ name }) => name),
      'indexes',
    ).to.deep.equal([]);
  });

  it('every foreign key says what a delete does', () => {
    const silent = foreignKeys().filter(({ on_delete }) => !['r', 'c', 'n'].includes(on_delete));
    expect(silent.map(({ name }) => name)).to.deep.equal([]);
  });

  it('every foreign key leads an index, so that a delete elsewhere scans nothing', () => {
    const leads = (key: Constraint, index: Index) =>
      index.table === key.table &&
      index.columns.slice(0, key.columns.length).toSorted().join() === key.columns.toSorted().join() &&
      // `= $1` implies `is not null`, so that a partial index of this form is found too.
      (index.predicate === null || key.columns.some((column) => index.predicate === `(${column} IS NOT NULL)`));
    const scanning = foreignKeys().filter((key) => !indexes.some((index) => leads(key, index)));
    expect(scanning.map(({ name }) => name)).to.deep.equal([]);
  });

  it('every column that is named like another table’s key references it', () => {
    const referencing = new Set(
      foreignKeys().flatMap(({ table, columns: of }) => of.map((column) => `${table}.${column}`)),
    );
    const loose = columns
      .filter(({ table, column }) => keyNames[column] !== undefined && keyNames[column] !== table)
      .map(({ table, column }) => `${table}.${column}`)
      .filter((home) => !referencing.has(home));
    expect(loose.toSorted()).to.deep.equal(Object.keys(notReferences).toSorted());
  });

  it('tables that grow without end are divided by time, with a default partition', async () => {
    const { rows } = await knex.raw(
      `select c.relname as table, p.relname as rest, pg_get_partkeydef(c.oid) as divided
         from pg_partitioned_table t join pg_class c on c.oid = t.partrelid left join pg_class p on p.oid = t.partdefid
        order by 1`,
    );
    expect(rows).to.deep.equal(
      Object.entries(partitionedTables).map(([table, column]) => ({
        table,
        rest: `${table}_default`,
        divided: column === 'timestamp' ? 'RANGE ("timestamp")' : `RANGE (${column})`,
      })),
    );
  });
});
