/** Named statements, and what happens behind a pooler that keeps no names. */
import { expect } from 'chai';
import type { Knex } from 'knex';
import pg from 'pg';
import { connect, type Database } from '../../src/db/connect.ts';
import { isUnavailable } from '../../src/db/errors.ts';
import { read, run, statement } from '../../src/db/statement.ts';
import { onPostgres, postgresOnly, testDatabaseAddress } from '../support/database.ts';

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

  describe('that read in the same turn', () => {
    const more = (count: number) =>
      Promise.all(Array.from({ length: count }, (_, index) => read<{ sum: number }>(database.knex, sum, [index, 1])));

    it('get each their own rows, however many they are', async () => {
      for (const count of [1, 2, 8, 9, 30]) {
        const answers = await more(count);
        expect(answers.map(([row]) => row?.sum)).to.deep.equal(Array.from({ length: count }, (_, index) => index + 1));
      }
      const inside = await database.knex.transaction((transaction) => read<{ sum: number }>(transaction, sum, [3, 4]));
      expect(inside).to.deep.equal([{ sum: 7 }]);
    });

    it('travel together on PostgreSQL, and are prepared once', async function () {
      postgresOnly(this);
      // The connection is there already: what Knex asks a new one is not counted.
      await database.knex.raw('select 1');
      let most = 0;
      let onTheWay = 0;
      const prototype = pg.Client.prototype as unknown as { query: (...values: unknown[]) => unknown };
      const original = prototype.query;
      prototype.query = function query(asked: unknown, values: unknown, answer: unknown) {
        onTheWay += 1;
        most = Math.max(most, onTheWay);
        return original.call(this, asked, values, (...said: unknown[]) => {
          onTheWay -= 1;
          (answer as (...values: unknown[]) => void)(...said);
        });
      };
      try {
        await more(5);
      } finally {
        prototype.query = original;
      }
      expect(most).to.equal(5);
      expect(await names(database.knex)).to.deep.equal(['lintel_test_sum']);
    });

    it('get each their own error: one that fails spoils nobody else’s answer', async () => {
      const quotient = statement('test_quotient', 'select 10 / $1::int as quotient');
      const answers = await Promise.allSettled(
        [1, 0, 5].map((by) => read<{ quotient: number }>(database.knex, quotient, [by])),
      );
      const said = answers.map((one) =>
        one.status === 'fulfilled' ? one.value[0]?.quotient : (one.reason as { code?: string }).code,
      );
      expect(said).to.deep.equal([10, '22012', 2]);
    });

    it('a name that the connection behind a pooler does not know: all are answered', async () => {
      await add(database.knex, 1, 1);
      await database.knex.raw('deallocate all');
      expect((await more(4)).map(([row]) => row?.sum)).to.deep.equal([1, 2, 3, 4]);
    });

    it('a database that is away is away for all of them', async () => {
      const address = 'postgres://nobody@127.0.0.1:1/none';
      const gone = await connect(address, { acquireMs: 300 });
      const asked = [1, 2, 3].map((by) => read(gone.knex, sum, [by, 1]));
      for (const one of await Promise.allSettled(asked)) {
        expect(one.status).to.equal('rejected');
        expect(isUnavailable((one as PromiseRejectedResult).reason)).to.equal(true);
      }
      await gone.close();
    });
  });
});
