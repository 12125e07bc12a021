/** Named statements, and what happens behind a pooler that keeps no names. */
import { expect } from 'chai';
import type { Knex } from 'knex';
import { connect, type Database } from '../../src/db/connect.ts';
import { run, statement } from '../../src/db/statement.ts';
import { onPostgres, testDatabaseAddress } from '../support/database.ts';

const sum = statement('test_sum', 'select $1::int + $2::int as sum');

describe('db: named statements', () => {
  let database: Database;

  // A pool of its own with one connection: it forgets names, and nobody else must notice.
  beforeEach(async () => {
    database = await connect(onPostgres ? await testDatabaseAddress() : 'pglite::memory:', { pool: 1 });
  });
  afterEach(() => database.close());

  const add = (db: Knex, left: number, right: number) => run<{ sum: number }>(db, sum, [left, right]);

  const names = async (db: Knex): Promise<string[]> => {
    const { rows } = await db.raw("select name from pg_prepared_statements where name like 'lintel_%'");
    return rows.map(({ name }: { name: string }) => name);
  };

  it('are prepared once and run on pool and transaction alike', async () => {
    expect(await add(database.knex, 1, 2)).to.deep.equal([{ sum: 3 }]);
    const inside = await database.knex.transaction((transaction) => add(transaction, 3, 4));
    expect(inside).to.deep.equal([{ sum: 7 }]);
    expect(await names(database.knex)).to.deep.equal(['lintel_test_sum']);
  });

  it('a name that the connection behind a pooler does not know: answered without names, from then on for good', async () => {
    await add(database.knex, 1, 1);
    await database.knex.raw('deallocate all');
    expect(await add(database.knex, 2, 2)).to.deep.equal([{ sum: 4 }]);
    expect(await add(database.knex, 3, 3)).to.deep.equal([{ sum: 6 }]);
    expect(await names(database.knex)).to.deep.equal([]);
  });

  it('a name that the connection behind a pooler has from somebody else: the same', async () => {
    await database.knex.raw('prepare lintel_test_sum as select 0 as sum');
    expect(await add(database.knex, 2, 3)).to.deep.equal([{ sum: 5 }]);
    expect(await add(database.knex, 3, 4)).to.deep.equal([{ sum: 7 }]);
  });

  it('in a transaction the first such error ends it; the next transaction works', async () => {
    await add(database.knex, 1, 1);
    await database.knex.raw('deallocate all');
    const lost = await database.knex
      .transaction((transaction) => add(transaction, 2, 2))
      .then(
        () => undefined,
        (error: { code?: string }) => error.code,
      );
    expect(lost).to.equal('26000');
    const found = await database.knex.transaction((transaction) => add(transaction, 2, 2));
    expect(found).to.deep.equal([{ sum: 4 }]);
  });

  it('any other error is thrown as it came, and the connection goes back to the pool', async () => {
    const broken = statement('test_broken', 'select 1 / $1::int as none');
    for (let turn = 0; turn < 3; turn += 1) {
      const code = await run(database.knex, broken, [0]).then(
        () => undefined,
        (error: { code?: string }) => error.code,
      );
      expect(code).to.equal('22012');
    }
    expect(await add(database.knex, 1, 1)).to.deep.equal([{ sum: 2 }]);
    expect(await names(database.knex)).to.include('lintel_test_sum');
  });
});
