/** What travels together, and what is left when a part of it fails. On both databases; trips are counted on PostgreSQL. */
import { expect } from 'chai';
import type { Knex } from 'knex';
import pg from 'pg';
import { connect, type Database } from '../../src/db/connect.ts';
import { run, runLast, statement } from '../../src/db/statement.ts';
import { transact } from '../../src/db/transact.ts';
import { onPostgres, postgresOnly, testDatabaseAddress } from '../support/database.ts';

const keep = statement('test_keep', 'insert into kept (what) values ($1::text)');
const read = statement('test_read', 'select what from kept order by number');

/** How often something is sent to PostgreSQL while nothing is on its way, until `work` is done. */
async function tripsOf(work: () => Promise<unknown>): Promise<number> {
  let trips = 0;
  let onTheWay = 0;
  type Answer = (...values: unknown[]) => void;
  const prototype = pg.Client.prototype as unknown as { query: (...values: unknown[]) => unknown };
  const original = prototype.query;
  prototype.query = function query(this: object, asked: unknown, values: unknown, answer: unknown) {
    if (onTheWay === 0) trips += 1;
    onTheWay += 1;
    return original.call(this, asked, values, (...said: unknown[]) => {
      onTheWay -= 1;
      (answer as Answer)(...said);
    });
  };
  try {
    await work();
  } finally {
    prototype.query = original;
  }
  return trips;
}

const codeOf = (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => undefined,
    (error: { code?: string }) => error.code,
  );

describe('db: round trips', () => {
  let database: Database;
  let db: Knex;

  // One connection: whatever a transaction leaves behind on it, the next one meets.
  before(async () => {
    database = await connect(onPostgres ? await testDatabaseAddress() : 'pglite::memory:', { pool: 1 });
    db = database.knex;
  });
  beforeEach(async () => {
    await db.raw('create temp table kept (number serial, what text not null)');
  });
  afterEach(() => db.raw('drop table kept'));
  after(() => database.close());

  const kept = async (): Promise<unknown[]> => (await run<{ what: string }>(db, read, [])).map(({ what }) => what);

  it('BEGIN travels with the first statement and what was put off with COMMIT, in the order in which it was', async () => {
    const work = () =>
      transact(db, async (transaction) => {
        await runLast(transaction, keep, ['third']);
        await runLast(transaction, keep, ['fourth']);
        await run(transaction, keep, ['first']);
        await transaction('kept').insert({ what: 'second' });
        const { rows } = await transaction.raw("select count(*) as n from kept where what in ('first', 'second')");
        expect(rows).to.deep.equal([{ n: 2 }]);
      });
    await work();
    expect(await kept()).to.deep.equal(['first', 'second', 'third', 'fourth']);
    await db('kept').delete();
    if (!onPostgres) return;
    // The first with BEGIN, the second, the count, the rest with COMMIT.
    expect(await tripsOf(work)).to.equal(4);
    expect(await tripsOf(() => transact(db, (transaction) => transaction.raw('select 1')))).to.equal(2);
    expect(await tripsOf(() => transact(db, async () => {}))).to.equal(0);
  });

  it('answers read as those of `pg` do, whichever way they come', async () => {
    const text = `select 1::int as a, 2::bigint as b, null::text as c, 'x'::text as d, now() as e, '{"f": [1]}'::jsonb as g,
      array['h', null] as i, true as j, '\\x00ff'::bytea as k where $1::text = 'yes'`;
    const all = statement('test_types', text);
    const { rows } = await db.raw(text.replace('$1', '?'), ['yes']);
    expect(rows).to.have.length(1);
    for (let turn = 0; turn < 2; turn += 1) {
      const [found] = await run<object>(db, all, ['yes']);
      expect(Object.keys(found ?? {})).to.deep.equal(Object.keys(rows[0]));
      expect({ ...found, e: null }).to.deep.equal({ ...rows[0], e: null });
      expect((found as { e: unknown }).e).to.be.an.instanceOf(Date);
      expect(await run(db, all, ['no'])).to.deep.equal([]);
    }
    const values = [1, true, null, new Date(0), Buffer.from([1, 2]), ['a', 'b'], { a: 1 }];
    const back = statement(
      'test_values',
      'select $1::int a, $2::bool b, $3::text c, $4::timestamptz d, $5::bytea e, $6::text[] f, $7::jsonb g',
    );
    const [found] = await transact(db, (transaction) => run<object>(transaction, back, values));
    expect(Object.values(found ?? {})).to.deep.equal(values);
  });

  it('when the first statement fails nothing of its transaction stays, and the connection goes on', async () => {
    const fails = transact(db, (transaction) => run(transaction, keep, [null]));
    expect(await codeOf(fails)).to.equal('23502');
    const byKnex = transact(db, (transaction) => transaction('kept').insert({ what: null }));
    expect(await codeOf(byKnex)).to.equal('23502');
    await transact(db, (transaction) => run(transaction, keep, ['after']));
    expect(await kept()).to.deep.equal(['after']);
  });

  it('when something that was put off fails nothing stays, its error is the transaction’s, and the connection goes on', async () => {
    for (const first of [true, false]) {
      const fails = transact(db, async (transaction) => {
        if (first) await run(transaction, keep, ['lost']);
        await runLast(transaction, keep, ['lost too']);
        await runLast(transaction, keep, [null]);
        await runLast(transaction, keep, ['and this']);
      });
      expect(await codeOf(fails)).to.equal('23502');
    }
    await transact(db, (transaction) => runLast(transaction, keep, ['after']));
    expect(await kept()).to.deep.equal(['after']);
  });

  it('when the work fails what was put off is forgotten, for the next transaction too', async () => {
    for (const first of [true, false]) {
      const fails = transact(db, async (transaction) => {
        await runLast(transaction, keep, ['lost']);
        if (first) await run(transaction, keep, ['lost too']);
        throw new Error('no');
      });
      expect(await fails.catch((error: Error) => error.message)).to.equal('no');
    }
    await transact(db, (transaction) => run(transaction, keep, ['after']));
    expect(await kept()).to.deep.equal(['after']);
  });

  it('a value that might have no text stops the transaction', async () => {
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    const fails = transact(db, async (transaction) => {
      await run(transaction, keep, ['lost']);
      await runLast(transaction, keep, [circular as never]);
    });
    expect(await fails.catch((error: Error) => error.message)).to.match(/plain/i);
    await transact(db, (transaction) => run(transaction, keep, ['after']));
    expect(await kept()).to.deep.equal(['after']);
  });

  it('only a transaction has an end to put something off to', async () => {
    const refused = await runLast(db, keep, ['lost']).catch((error: Error) => error.message);
    expect(refused).to.match(/transaction/);
    expect(await kept()).to.deep.equal([]);
  });

  it('behind a pooler that forgets names one transaction is lost and the next one works', async () => {
    const work = () => transact(db, (transaction) => runLast(transaction, keep, ['after']));
    await work();
    await db.raw('deallocate all');
    expect(await codeOf(work())).to.equal('26000');
    await work();
    expect(await kept()).to.deep.equal(['after', 'after']);
  });

  it('RE-02: a connection that broke before it answered is replaced, and the transaction runs again on the next', async function () {
    postgresOnly(this);
    const own = await connect(await testDatabaseAddress(), { pool: 1 });
    try {
      const who = async (knex: Knex): Promise<number> => (await knex.raw('select pg_backend_pid() as pid')).rows[0].pid;
      const pid = await who(own.knex);
      // Not told: the connection is met as it was left.
      const [connection] = [await own.knex.client.acquireConnection()];
      connection.connection.stream.destroy();
      await own.knex.client.releaseConnection(connection);
      let runs = 0;
      const next = await transact(own.knex, (transaction) => {
        runs += 1;
        return who(transaction);
      });
      expect(next).not.to.equal(pid);
      expect(runs).to.be.within(1, 2);
    } finally {
      await own.close();
    }
  });

  it('RE-02: a connection that broke after it answered is not tried again: its commit may have arrived', async function () {
    postgresOnly(this);
    const own = await connect(await testDatabaseAddress(), { pool: 2 });
    try {
      let runs = 0;
      const broken = transact(own.knex, async (transaction) => {
        runs += 1;
        const { rows } = await transaction.raw('select pg_backend_pid() as pid');
        await own.knex.raw('select pg_terminate_backend(?::int)', [rows[0].pid]);
        await transaction.raw('select 1');
      });
      expect(await codeOf(broken)).to.equal('database_unavailable');
      expect(runs).to.equal(1);
    } finally {
      await own.close();
    }
  });
});
