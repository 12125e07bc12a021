/**
 * Databases for tests. One migrated database per mocha process, emptied for each world: PGlite in memory by default;
 * with LINTEL_TEST_DATABASE_URL a scratch database on that PostgreSQL, made here and dropped at the end.
 */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { connect, type Database } from '../../src/db/connect.ts';
import { migrate } from '../../src/db/migrate.ts';

const server = process.env.LINTEL_TEST_DATABASE_URL;

/** Whether the tests run on PostgreSQL, where several connections exist. */
export const onPostgres = server !== undefined && server !== '';

let opened: Promise<{ database: Database; address: string }> | undefined;

/** The address of the process's database, for tests that start further processes on it (PostgreSQL only). */
export async function testDatabaseAddress(): Promise<string> {
  return (await open()).address;
}

function open(): Promise<{ database: Database; address: string }> {
  opened ??= openNow();
  return opened;
}

async function openNow(): Promise<{ database: Database; address: string }> {
  if (onPostgres) scratch = await createScratchDatabase('test');
  const address = scratch?.address ?? 'pglite::memory:';
  const database = await connect(address, { pool: 20, acquireMs: onPostgres ? 5000 : 2000 });
  await migrate(database.knex);
  return { database, address };
}

let scratch: ScratchDatabase | undefined;

export interface ScratchDatabase {
  readonly address: string;
  drop(): Promise<void>;
}

/** An empty database on that PostgreSQL. @param purpose a word in its name, for whoever finds it left behind */
export async function createScratchDatabase(purpose: string): Promise<ScratchDatabase> {
  const name = `lintel_${purpose}_${randomBytes(6).toString('hex')}`;
  await administer(`create database ${name} template template0 encoding 'UTF8'`);
  const url = new URL(server as string);
  url.pathname = `/${name}`;
  const drop = async () => void (await administer(`drop database if exists ${name} with (force)`));
  return { address: url.href, drop };
}

/** One statement beside all databases of the tests. */
export async function administer<Row>(sql: string): Promise<Row[]> {
  const url = new URL(server as string);
  url.pathname = '/postgres';
  const client = new pg.Client(url.href);
  await client.connect();
  try {
    return (await client.query(sql)).rows as Row[];
  } finally {
    await client.end();
  }
}

/** The process's database with every table empty. */
export async function emptyDatabase(): Promise<Database> {
  const opened = await open();
  await truncateAll(opened);
  return opened.database;
}

/** Every table but the record of migrations. The audit log refuses TRUNCATE by a trigger; replica mode is the superuser's way past it. */
const truncateEverything = `
  do $$ begin
    perform set_config('session_replication_role', 'replica', true);
    execute (
      select 'truncate ' || string_agg(format('%I', c.relname), ', ') || ' restart identity cascade'
        from pg_class c
       where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
         and c.relname not like 'lintel\\_migrations%');
  end $$`;

/** On PostgreSQL by a connection of its own: a busy disk may take longer than the product lets a statement take. */
async function truncateAll({ database, address }: { database: Database; address: string }): Promise<void> {
  if (!onPostgres) {
    await database.knex.raw(truncateEverything);
    return;
  }
  const client = new pg.Client(address);
  await client.connect();
  try {
    await client.query(truncateEverything);
  } finally {
    await client.end();
  }
}

/** Closes and drops; called once at the end of a mocha run. */
export async function closeTestDatabase(): Promise<void> {
  if (!opened) return;
  const { database } = await opened;
  await database.close();
  await scratch?.drop();
}

/** In a hook or a test: skips what the embedded database cannot show, which has one connection, one process and no round trips. */
export function postgresOnly(context: Mocha.Context): void {
  if (!onPostgres) context.skip();
}
