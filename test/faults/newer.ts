/** The migrations of a version that does not exist yet: ours, and one that adds what nobody here knows, as a first step does it. */
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrationsFolder } from '../../src/db/migrate.ts';

export const newerName = '9999_later';

/** A nullable column in every table, one lock at a time, and a table. */
const migration = `
export const config = { transaction: false };
export async function up(knex) {
  const { rows } = await knex.raw(
    "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition and relname not like 'lintel%'");
  for (const { relname } of rows) await knex.raw('alter table ?? add column added_later text', [relname]);
  await knex.raw('create table things_of_later (thing_id uuid primary key, name text)');
}
export async function down() {}
`;

/** A folder of them; `remove` it. */
export function newerMigrations(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'lintel-newer-'));
  for (const file of readdirSync(migrationsFolder)) symlinkSync(join(migrationsFolder, file), join(folder, file));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, `${newerName}.js`), migration);
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
