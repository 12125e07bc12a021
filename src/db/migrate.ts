/** Migrations: named without an extension (`0001_directory`), so that they read alike from `.ts` and from `dist/`. */
import { readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Knex } from 'knex';

export const migrationsFolder = join(import.meta.dirname, '../../migrations');

class FolderSource implements Knex.MigrationSource<string> {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async getMigrations(): Promise<string[]> {
    return readdirSync(this.#folder)
      .filter((file) => /^\d{4}_.+\.(ts|js)$/.test(file))
      .sort();
  }

  getMigrationName(file: string): string {
    return file.slice(0, -extname(file).length);
  }

  getMigration(file: string): Promise<Knex.Migration> {
    return import(pathToFileURL(join(this.#folder, file)).href) as Promise<Knex.Migration>;
  }
}

/** What Knex needs to migrate; also used by `knexfile.ts`. */
export const migrationSettings = (folder = migrationsFolder): Knex.MigratorConfig => ({
  migrationSource: new FolderSource(folder),
  tableName: 'lintel_migrations',
});

/** Any number that no other advisory lock of this product uses. */
const migrationLock = 4_113_001;

/**
 * Brings the schema up to date. Several processes that start at once on PostgreSQL wait for one another on an advisory lock,
 * which a killed process gives back by itself; Knex's own lock row is not used, because it would stay.
 * @returns names of the migrations that ran
 * @throws Error when the database has migrations that this version does not know (a newer Lintel was here)
 */
export async function migrate(knex: Knex, folder = migrationsFolder): Promise<string[]> {
  const settings: Knex.MigratorConfig = { ...migrationSettings(folder), disableMigrationsListValidation: true };
  if (knex.client.pool?.max === 1) return runAll(knex, settings);
  // The lock lives on its own connection while the migrations run on others.
  const connection = await knex.client.acquireConnection();
  try {
    await waitForLock(connection);
    return await runAll(knex, settings);
  } finally {
    await connection.query(`select pg_advisory_unlock(${migrationLock})`).catch(() => undefined);
    await knex.client.releaseConnection(connection);
  }
}

interface RawConnection {
  query(sql: string): Promise<{ rows: Record<string, unknown>[] }>;
}

async function waitForLock(connection: RawConnection): Promise<void> {
  const deadline = performance.now() + 120_000;
  for (;;) {
    const { rows } = await connection.query(`select pg_try_advisory_lock(${migrationLock}) as taken`);
    if (rows[0]?.taken === true) return;
    if (performance.now() > deadline)
      throw new Error('Another process has been migrating this database for two minutes.');
    await new Promise((wake) => setTimeout(wake, 100));
  }
}

async function runAll(knex: Knex, settings: Knex.MigratorConfig): Promise<string[]> {
  const known = new Set((await readNames(settings)) as string[]);
  if (await knex.schema.hasTable('lintel_migrations')) {
    const done = await knex('lintel_migrations').select('name');
    const unknown = done.map((row: { name: string }) => row.name).filter((name: string) => !known.has(name));
    if (unknown.length > 0) {
      throw new Error(`This database was migrated by a newer Lintel (${unknown.join(', ')}). Start that version.`);
    }
  }
  // A process that was killed between Knex's lock and its end leaves the lock row; under our own lock nobody else can hold it.
  if (await knex.schema.hasTable('lintel_migrations_lock'))
    await knex('lintel_migrations_lock').update({ is_locked: 0 });
  const [, names] = (await knex.migrate.latest(settings)) as [number, string[]];
  return names;
}

async function readNames(settings: Knex.MigratorConfig): Promise<string[]> {
  const source = settings.migrationSource as FolderSource;
  return (await source.getMigrations()).map((file) => source.getMigrationName(file));
}
