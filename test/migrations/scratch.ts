/** A database of a test's own, empty and not migrated: PGlite in memory, or one made on LINTEL_TEST_DATABASE_URL and dropped. */
import { connect, type Database } from '../../src/db/connect.ts';
import { createScratchDatabase, onPostgres } from '../support/database.ts';

export async function openScratch(): Promise<Database> {
  if (!onPostgres) return connect('pglite::memory:');
  const scratch = await createScratchDatabase('schema');
  const database = await connect(scratch.address);
  return {
    ...database,
    close: async () => {
      await database.close();
      await scratch.drop();
    },
  };
}
