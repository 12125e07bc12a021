import { expect } from 'chai';
import { Fault } from '../../src/core/fault.ts';
import { asFault, isRetryable, isUnavailable, refusing, violatedConstraint } from '../../src/db/errors.ts';
import { type World, world } from '../support/world.ts';

const coded = (code: string, message = 'said') => Object.assign(new Error(message), { code });

describe('db/errors', () => {
  let w: World;
  before(async () => {
    w = await world();
    await w.db.raw(
      'create table if not exists errors_test (name text constraint errors_test_name_key unique, n int constraint errors_test_n_check check (n > 0))',
    );
    await w.db('errors_test').insert({ name: 'a', n: 1 });
  });
  after(async () => {
    await w.db.raw('drop table errors_test');
    await w.close();
  });
  const caught = (work: () => PromiseLike<unknown>): Promise<unknown> =>
    Promise.resolve(work()).then(
      () => null,
      (error: unknown) => error,
    );

  it('reads the name of the constraint on the database that runs', async () => {
    expect(violatedConstraint(await caught(() => w.db('errors_test').insert({ name: 'a', n: 1 })))).to.equal(
      'errors_test_name_key',
    );
    expect(violatedConstraint(await caught(() => w.db('errors_test').insert({ name: 'b', n: 0 })))).to.equal(
      'errors_test_n_check',
    );
    expect(violatedConstraint(await caught(() => w.db.raw('select 1/0')))).to.equal(null);
  });

  it('turns named constraints into faults, and nothing else', async () => {
    const names = { errors_test_name_key: 'conflict' } as const;
    const fault = await caught(() => refusing(names, () => w.db('errors_test').insert({ name: 'a', n: 1 })));
    expect(fault).to.be.instanceOf(Fault).and.include({ code: 'conflict' });
    const other = await caught(() => refusing(names, () => w.db('errors_test').insert({ name: 'b', n: 0 })));
    expect(other).not.to.be.instanceOf(Fault);
    expect(await refusing(names, async () => 'fine')).to.equal('fine');
  });

  it('RE-01: tells a database that is not there from a defect of ours', () => {
    for (const error of [
      coded('ECONNREFUSED'),
      coded('ECONNRESET'),
      coded('57P01'),
      coded('57P03'),
      coded('08006'),
      coded('53300'),
      new Error('Connection terminated unexpectedly'),
      new Error('Query read timeout'),
      Object.assign(new Error('Knex: Timeout acquiring a connection.'), { name: 'KnexTimeoutError' }),
    ]) {
      expect(isUnavailable(error), error.message).to.equal(true);
      expect(asFault(error)).to.include({ code: 'database_unavailable', status: 503, retryAfter: 2 });
    }
    for (const error of [
      coded('23505'),
      coded('42P01', 'relation "aborted" does not exist'),
      coded('22P02'),
      new TypeError('x is undefined'),
    ]) {
      expect(isUnavailable(error), error.message).to.equal(false);
      expect(asFault(error)).to.equal(error);
    }
  });

  it('repeats deadlocks and serialization failures only', () => {
    expect([coded('40001'), coded('40P01')].every(isRetryable)).to.equal(true);
    expect([coded('23505'), coded('57P01'), new Error('x')].some(isRetryable)).to.equal(false);
  });
});
