/** Where a benchmark keeps its data: a scratch database of its own on PostgreSQL, or a folder for the embedded database. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

const server = process.env.LINTEL_TEST_DATABASE_URL;

export const onPostgres = server !== undefined && server !== '';

export interface Scratch {
  /** Address of an empty database. */
  newDatabase(): Promise<string>;
  /** A folder for whatever; gone afterwards. */
  readonly folder: string;
  /** Name and version of the database. */
  versionOf(): Promise<string>;
  remove(): Promise<void>;
}

async function admin<Row>(sql: string): Promise<Row[]> {
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

export function createScratch(): Scratch {
  const folder = mkdtempSync(join(tmpdir(), 'lintel-bench-'));
  const names: string[] = [];
  return {
    folder,
    async newDatabase() {
      const name = `lintel_bench_${randomBytes(6).toString('hex')}`;
      if (!onPostgres) return `pglite:${join(folder, name)}`;
      await admin(`create database ${name} template template0 encoding 'UTF8'`);
      names.push(name);
      const url = new URL(server as string);
      url.pathname = `/${name}`;
      return url.href;
    },
    async versionOf() {
      if (!onPostgres) return 'PGlite (embedded)';
      const [row] = await admin<Record<string, string>>('show server_version');
      return `PostgreSQL ${row?.server_version}`;
    },
    async remove() {
      for (const name of names) await admin(`drop database if exists ${name} with (force)`).catch(() => []);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
