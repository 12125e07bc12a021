import { expect } from 'chai';
import { createLog } from '../../src/core/log.ts';
import { type Clock, databaseClock } from '../../src/db/clock.ts';
import { emptyDatabase } from '../support/database.ts';

describe('db/clock', () => {
  const lines: string[] = [];
  const log = createLog('info', { write: (line: string) => void lines.push(line) });
  const realNow = Date.now;
  let clock: Clock | undefined;
  afterEach(() => {
    clock?.stop();
    Date.now = realNow;
    lines.length = 0;
  });

  const databaseTime = async (): Promise<number> => {
    const { knex } = await emptyDatabase();
    const { rows } = await knex.raw('select extract(epoch from clock_timestamp()) * 1000 as ms');
    return Number(rows[0].ms);
  };

  it('RE-09: says what the database says, whatever the machine’s clock is set to meanwhile', async () => {
    const { knex } = await emptyDatabase();
    clock = await databaseClock(knex, log, realNow);
    const before = clock.now().getTime();
    for (const wrong of [-600_000, 600_000]) {
      Date.now = () => realNow() + wrong;
      const said = clock.now().getTime();
      Date.now = realNow;
      expect(said).to.be.within(before, before + 60_000);
    }
    const [low, said, high] = [await databaseTime(), clock.now().getTime(), await databaseTime()];
    expect(said).to.be.within(low - 500, high + 500);
    expect(lines).to.deep.equal([]);
  });

  it('RE-09: tells the operator when the machine’s clock is wrong, either way', async () => {
    const { knex } = await emptyDatabase();
    for (const wrong of [-600_000, 600_000]) {
      lines.length = 0;
      clock = await databaseClock(knex, log, () => realNow() + wrong);
      clock.stop();
      expect(lines.join('')).to.include('the clock of this machine is wrong');
      const said = JSON.parse(lines.join('')) as { difference_ms: number };
      expect(said.difference_ms).to.be.within(wrong - 5000, wrong + 5000);
    }
  });

  it('never goes back', async () => {
    const { knex } = await emptyDatabase();
    clock = await databaseClock(knex, log, realNow);
    const { now } = performance;
    const latest = clock.now().getTime();
    // What a new answer of a database that was set back would do to the count.
    performance.now = () => now.call(performance) - 600_000;
    try {
      expect(clock.now().getTime()).to.equal(latest);
    } finally {
      performance.now = now;
    }
  });
});
