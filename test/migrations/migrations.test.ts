import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { Database } from '../../src/db/connect.ts';
import { migrate, migrationSettings, migrationsFolder } from '../../src/db/migrate.ts';
import { ensurePartitions } from '../../src/db/partitions.ts';
import { describeSchema, readLooseObjects, readTables } from './introspect.ts';
import { openScratch } from './scratch.ts';
import { schemaSnapshot } from './snapshot.ts';

describe('migrations', () => {
  const names = readdirSync(migrationsFolder).map((file) => file.replace(/\.ts$/, ''));
  let database: Database;
  let stepByStep: string;

  before(async () => {
    database = await openScratch();
  });
  after(() => database.close());

  it('come one by one, and each goes back to exactly what was there before it', async () => {
    const { knex } = database;
    const before: string[] = [];
    for (const name of names) {
      before.push(await describeSchema(knex));
      const [, [ran]] = (await knex.migrate.up(migrationSettings())) as [number, string[]];
      expect(ran).to.equal(name);
    }
    stepByStep = await describeSchema(knex);
    for (const name of names.toReversed()) {
      await knex.migrate.down(migrationSettings());
      expect(await describeSchema(knex), `after ${name} went`).to.equal(before.pop());
    }
  });

  it('leave nothing behind, also when the database had its monthly partitions', async () => {
    const { knex } = database;
    expect(await migrate(knex)).to.deep.equal(names);
    await ensurePartitions(knex, new Date('2026-11-21T10:00:00Z'), 2);
    await knex.migrate.rollback(migrationSettings(), true);
    expect(await readTables(knex)).to.deep.equal([]);
    expect(await readLooseObjects(knex)).to.deep.equal([]);
    const { rows } = await knex.raw(
      `select relname from pg_class where relnamespace = 'public'::regnamespace and relname not like 'lintel\\_migrations%'`,
    );
    expect(rows).to.deep.equal([]);
  });

  it('all at once make the same schema as one by one, and a second run changes nothing', async () => {
    expect(await migrate(database.knex)).to.deep.equal(names);
    expect(await describeSchema(database.knex)).to.equal(stepByStep);
    expect(await migrate(database.knex)).to.deep.equal([]);
  });

  it('make the schema of the snapshot (`node test/migrations/snapshot.ts --write` renews it)', async () => {
    expect(await describeSchema(database.knex)).to.equal(readFileSync(schemaSnapshot, 'utf8'));
  });
});
