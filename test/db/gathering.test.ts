/** Look-ups that are asked at the same time: they travel together, and nobody notices but the database. */
import { expect } from 'chai';
import type { Knex } from 'knex';
import { connect, type Database } from '../../src/db/connect.ts';
import { isUnavailable } from '../../src/db/errors.ts';
import { read } from '../../src/db/gathering.ts';
import { lookup, type Statement, statement } from '../../src/db/statement.ts';
import { type Asked, askedDuring } from '../flows/statements.ts';
import { onPostgres, postgresOnly, testDatabaseAddress } from '../support/database.ts';
import { pause } from '../support/waiting.ts';

const sum = statement('test_sum', 'select $1::int + $2::int as sum');
const doubled = lookup(
  'test_doubled',
  ['int', 'text'],
  `select v * 2 as double, $2::text as said from generate_series(1, 100) v
   -- A comment with its own line.
   where v = $1 -- and one at the end`,
);

describe('db: look-ups at the same time', () => {
  let database: Database;
  const open = async (pool: number) => connect(onPostgres ? await testDatabaseAddress() : 'pglite::memory:', { pool });

  // A pool of its own with one connection: it forgets names, and nobody else must notice.
  beforeEach(async () => {
    database = await open(1);
    // The connection is there already: what Knex asks a new one is not counted.
    await database.knex.raw('select 1');
  });
  afterEach(() => database.close());

  const names = async (db: Knex): Promise<string[]> => {
    const { rows } = await db.raw("select name from pg_prepared_statements where name like 'lintel_%' order by name");
    return rows.map(({ name }: { name: string }) => name);
  };
  const all = <Row>(one: Statement, each: readonly (readonly unknown[])[]) =>
    Promise.all(each.map((values) => read<Row>(database.knex, one, values)));
  const sums = async (count: number) => {
    const answers = await all<{ sum: number }>(
      sum,
      Array.from({ length: count }, (_, index) => [index, 1]),
    );
    return answers.map(([row]) => row?.sum);
  };
  const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

  it('get each their own rows, however many they are', async () => {
    for (const count of [1, 2, 8, 9, 30]) expect(await sums(count)).to.deep.equal(upTo(count));
    const inside = await database.knex.transaction((transaction) => read<{ sum: number }>(transaction, sum, [3, 4]));
    expect(inside).to.deep.equal([{ sum: 7 }]);
  });

  it('travel together on PostgreSQL, and are prepared once', async function () {
    postgresOnly(this);
    // Of two connections one serves: the second would be taken if each went by itself.
    await database.close();
    database = await open(2);
    await database.knex.raw('select 1');
    const backends = statement('test_backend', 'select pg_backend_pid() as pid, $1::int as n');
    const answers = await all<{ pid: number }>(
      backends,
      upTo(5).map((n) => [n]),
    );
    expect(new Set(answers.map(([row]) => row?.pid)).size).to.equal(1);
    expect(await names(database.knex)).to.deep.equal(['lintel_test_backend']);
  });

  it('get each their own error: one that fails spoils nobody else’s answer', async () => {
    const quotient = (make: typeof statement) => make('test_quotient', 'select 10 / $1::int as quotient');
    for (const one of [quotient(statement), quotient((name, text) => lookup(name, ['int'], text))]) {
      const answers = await Promise.allSettled(
        [1, 0, 5].map((by) => read<{ quotient: number }>(database.knex, one, [by])),
      );
      const said = answers.map((each) =>
        each.status === 'fulfilled' ? each.value[0]?.quotient : (each.reason as { code?: string }).code,
      );
      expect(said).to.deep.equal([10, '22012', 2]);
    }
  });

  it('a name that the connection behind a pooler does not know: all are answered', async () => {
    await sums(1);
    await all(doubled, [
      [1, 'a'],
      [2, 'b'],
    ]);
    await database.knex.raw('deallocate all');
    const [answers, others] = await Promise.all([
      sums(4),
      all<{ double: number }>(doubled, [
        [3, 'a'],
        [4, 'b'],
      ]),
    ]);
    expect(answers).to.deep.equal([1, 2, 3, 4]);
    expect(others.flat().map(({ double }) => double)).to.deep.equal([6, 8]);
    expect(await names(database.knex)).to.deep.equal([]);
  });

  it('RE-01: a statement that cannot be prepared in time is away for all who asked it, and names are kept', async function () {
    postgresOnly(this);
    await database.close();
    database = await connect(await testDatabaseAddress(), { pool: 2, statementMs: 400 });
    await database.knex.raw('create table locked (id int)');
    const locked = statement('test_locked', 'select id from locked where id = $1');
    const transaction = await database.knex.transaction();
    await transaction.raw('lock table locked in access exclusive mode');
    let waited: PromiseSettledResult<unknown>[] = [];
    const sent = await askedDuring(async () => {
      waited = await Promise.allSettled(upTo(3).map((id) => read(database.knex, locked, [id])));
    });
    await transaction.rollback();
    expect(waited.map((one) => (one as { reason?: { code?: string } }).reason?.code)).to.deep.equal(
      upTo(3).map(() => '57014'),
    );
    expect(sent, 'nobody waits a second time').to.have.length(3);
    expect(await all(locked, [[1], [2]])).to.deep.equal([[], []]);
    expect(await names(database.knex)).to.deep.equal(['lintel_test_locked']);
    await database.knex.raw('drop table locked');
  });

  it('a database that is away is away for all of them', async () => {
    const gone = await connect('postgres://nobody@127.0.0.1:1/none', { acquireMs: 300 });
    const asked = [
      ...upTo(3).map((by) => read(gone.knex, sum, [by, 1])),
      ...upTo(3).map((by) => read(gone.knex, doubled, [by, 'a'])),
    ];
    for (const one of await Promise.allSettled(asked)) {
      expect(one.status).to.equal('rejected');
      expect(isUnavailable((one as PromiseRejectedResult).reason)).to.equal(true);
    }
    await gone.close();
  });

  describe('of the same kind', () => {
    const asked = async (each: readonly (readonly unknown[])[]) => {
      let answers: { double: number; said: string | null }[][] = [];
      const sent = await askedDuring(async () => {
        answers = await all(doubled, each);
      });
      return { answers, sent: sent.map(({ name }: Asked) => name) };
    };

    it('are one statement, and each gets its own rows: one, none, or the same as another', async function () {
      const { answers, sent } = await asked([
        [7, 'seven'],
        [700, 'nobody'],
        [8, null],
        [7, 'it\'s {odd}, "quoted", \\ and NULL'],
        [7, 'NULL'],
      ]);
      expect(answers).to.deep.equal([
        [{ double: 14, said: 'seven' }],
        [],
        [{ double: 16, said: null }],
        [{ double: 14, said: 'it\'s {odd}, "quoted", \\ and NULL' }],
        [{ double: 14, said: 'NULL' }],
      ]);
      // The embedded database is asked below what is listened to.
      if (onPostgres) expect(sent).to.deep.equal(['lintel_test_doubled_many']);
    });

    it('one whose parameter is an array itself shares nothing: it would take the places of others', async () => {
      const lists = lookup('test_lists', ['text'], 'select $1::text as said');
      const answers = await all<{ said: string }>(lists, [[['a', 'b']], [['c', 'd']], ['e']]);
      expect(answers.flat().map(({ said }) => said)).to.deep.equal(['{"a","b"}', '{"c","d"}', 'e']);
      const alike = await all<{ said: string }>(lists, [[['a', 'b']], [['c', 'd']]]);
      expect(alike.flat().map(({ said }) => said)).to.deep.equal(['{"a","b"}', '{"c","d"}']);
    });

    it('one alone is asked as it is', async () => {
      const { answers, sent } = await asked([[7, 'seven']]);
      expect(answers).to.deep.equal([[{ double: 14, said: 'seven' }]]);
      if (onPostgres) expect(sent).to.deep.equal(['lintel_test_doubled']);
    });

    it('are planned once, however many they are', async function () {
      postgresOnly(this);
      for (let turn = 0; turn < 16; turn += 1) await asked(upTo(2 + (turn % 7)).map((n) => [n, 'x']));
      const { rows } = await database.knex.raw(
        "select generic_plans::int, custom_plans::int from pg_prepared_statements where name = 'lintel_test_doubled_many'",
      );
      expect(rows[0].custom_plans).to.be.at.most(5);
      expect(rows[0].generic_plans).to.be.at.least(11);
    });
  });

  describe('while others are on their way', () => {
    const slow = statement('test_slow', 'select pg_sleep($1::float8)::text as slept');

    beforeEach(async function prepare() {
      postgresOnly(this);
      await database.close();
      database = await open(3);
      await Promise.all(upTo(3).map(() => database.knex.raw('select pg_sleep(0.05)')));
    });

    it('who takes long holds nobody up', async () => {
      let isDone = false;
      const sleeping = read(database.knex, slow, [1.5]).then(() => (isDone = true));
      await pause(20);
      for (const count of [1, 3, 8, 20]) expect(await sums(count)).to.deep.equal(upTo(count));
      expect(isDone).to.equal(false);
      await sleeping;
    });

    it('who comes meanwhile shares the next trip', async () => {
      const sent = await askedDuring(async () => {
        const first = read(database.knex, slow, [0.2]);
        await pause(20);
        // One by one, each in a turn of its own.
        const others: Promise<unknown>[] = [];
        for (const n of upTo(4)) {
          others.push(read(database.knex, doubled, [n, 'x']));
          await new Promise((resolve) => setImmediate(resolve));
        }
        await Promise.all([first, ...others]);
      });
      const many = sent.filter(({ name }) => name === 'lintel_test_doubled_many');
      expect(many).to.have.length.at.least(1);
      expect(sent.length).to.be.at.most(4);
    });
  });
});
