/** Upkeep of the embedded database. */
import { expect } from 'chai';
import { connect } from '../../src/db/connect.ts';
import { keepUp } from '../../src/db/upkeep.ts';

describe('db/upkeep', () => {
  it('tells the planner what is there and gives back what is dead', async () => {
    const database = await connect('pglite::memory:');
    try {
      const { knex } = database;
      await knex.raw('create table things (n integer primary key)');
      await knex.raw('insert into things select generate_series(1, 5000)');
      await knex.raw('delete from things where n > 1000');
      const pages = async () =>
        (await knex.raw(`select reltuples, relpages from pg_class where relname = 'things'`)).rows[0];
      expect((await pages()).reltuples).to.equal(-1);
      await keepUp(knex);
      const after = await pages();
      expect(after.reltuples).to.equal(1000);
      // 5,000 rows took some 22 pages; those at the end went back to the file.
      expect(after.relpages).to.be.below(10);
    } finally {
      await database.close();
    }
  });
});
