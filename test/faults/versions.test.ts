/** The folder of an embedded database that a newer version has migrated: refused with a clear sentence, and left as it is. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { connect } from '../../src/db/connect.ts';
import { migrate } from '../../src/db/migrate.ts';
import { onPostgres } from '../support/database.ts';
import { startProcess } from '../support/process.ts';
import { newerMigrations, newerName } from './newer.ts';

describe('faults: the folder of a newer version', function () {
  this.timeout(120_000);

  it('RE-07: this version does not start on it, says which to start, and changes nothing', async function () {
    // PostgreSQL has no folder of ours: there it is versions.pg.test.ts.
    if (onPostgres) this.skip();
    const home = mkdtempSync(join(tmpdir(), 'lintel-folder-'));
    const newer = newerMigrations();
    const address = `pglite:${join(home, 'db')}`;
    const open = async <T>(work: (database: Awaited<ReturnType<typeof connect>>) => Promise<T>): Promise<T> => {
      const database = await connect(address);
      try {
        return await work(database);
      } finally {
        await database.close();
      }
    };
    try {
      await open(({ knex }) => migrate(knex, newer.folder));
      const failure = await startProcess({
        environment: { LINTEL_DATABASE_URL: address, LINTEL_KEY: randomBytes(32).toString('base64') },
      }).then(
        () => 'it started',
        (error: Error) => error.message,
      );
      expect(failure).to.include('Lintel ended with 1');
      expect(failure).to.include(`This database was migrated by a newer Lintel (${newerName}). Start that version.`);
      // The folder is free again, and the newer version finds everything as it left it.
      await open(async ({ knex }) => {
        expect(await migrate(knex, newer.folder)).to.deep.equal([]);
        expect(await knex('things_of_later').select('thing_id')).to.deep.equal([]);
        expect(await knex('signing_keys').select('kid')).to.deep.equal([]);
      });
    } finally {
      newer.remove();
      rmSync(home, { recursive: true, force: true });
    }
  });
});
