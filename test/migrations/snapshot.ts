/** Prints the schema that the migrations make; with `--write` keeps it as `test/snapshots/schema.sql`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { migrate } from '../../src/db/migrate.ts';
import { describeSchema } from './introspect.ts';
import { openScratch } from './scratch.ts';

export const schemaSnapshot = join(import.meta.dirname, '../snapshots/schema.sql');

if (import.meta.main) {
  const database = await openScratch();
  try {
    await migrate(database.knex);
    const schema = await describeSchema(database.knex);
    if (process.argv.includes('--write')) writeFileSync(schemaSnapshot, schema);
    else process.stdout.write(schema);
  } finally {
    await database.close();
  }
}
