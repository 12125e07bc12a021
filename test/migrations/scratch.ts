/** A database of a test's own, empty and not migrated: PGlite in memory, or one made on LINTEL_TEST_DATABASE_URL and dropped. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { connect, type Database } from '../../src/db/connect.ts';

export async function openScratch(): Promise<Database> {
  const server = process.env.LINTEL_TEST_DATABASE_URL;
  if (!server) return connect('pglite::memory:');
  const name = `lintel_schema_${randomBytes(6).toString('hex')}`;
  await administer(server, `create database ${name} template template0 encoding 'UTF8'`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const database = await connect(url.href);
  return {
    ...database,
    close: async () => {
      await database.close();
      await administer(server, `drop database ${name} with (force)`);
    },
  };
}

async function administer(server: string, sql: string): Promise<void> {
  const url = new URL(server);
  url.pathname = '/postgres';
  const client = new pg.Client(url.href);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
