/**
 * The database's own clock is set back while people wait (AU-08, RE-09). Processes that run stand still until the time is reached
 * again, a process that starts then takes it as it is: between them nobody gets more tries, and a wait is longer by the step.
 */
import { expect } from 'chai';
import type { App } from '../../../src/core/app.ts';
import { anonymous, Call } from '../../../src/core/call.ts';
import { newId } from '../../../src/core/id.ts';
import { createLog } from '../../../src/core/log.ts';
import { type Clock, databaseClock } from '../../../src/db/clock.ts';
import { connect, type Database } from '../../../src/db/connect.ts';
import { takePlace } from '../../../src/signin/throttle/service.ts';
import { postgresOnly, testDatabaseAddress } from '../../support/database.ts';
import { pause, until } from '../../support/waiting.ts';
import { type World, world } from '../../support/world.ts';

const step = 600;

describe('signin/throttle: the database’s clock is set', function () {
  this.timeout(60_000);
  let w: World;
  let database: Database;
  const clocks: Clock[] = [];
  const logged: string[] = [];

  before(async function () {
    postgresOnly(this);
    w = await world();
    await w.db.raw('create schema clockwork');
    await w.db.raw('create table clockwork.ahead (seconds double precision not null)');
    await w.db.raw('insert into clockwork.ahead values (0)');
    await w.db.raw(`create function clockwork.clock_timestamp() returns timestamptz language sql volatile as
      $$ select pg_catalog.clock_timestamp() + (select seconds from clockwork.ahead) * interval '1 second' $$`);
    // Whatever a statement of these connections asks about the time, it asks a clock that can be set.
    const address = new URL(await testDatabaseAddress());
    address.searchParams.set('options', '-c search_path=clockwork,pg_catalog,public');
    database = await connect(address.href, { pool: 4 });
  });
  afterEach(async () => {
    for (const clock of clocks.splice(0)) clock.stop();
    logged.length = 0;
    await w.db('clockwork.ahead').update({ seconds: 0 });
    await w.db('rate_limit_counters').delete();
  });
  after(async () => {
    await database?.close();
    await w?.db.raw('drop schema if exists clockwork cascade');
    await w?.close();
  });

  const set = (seconds: number) => w.db('clockwork.ahead').update({ seconds });
  /** A process that starts now. */
  async function start(): Promise<App> {
    const log = createLog('info', { write: (line: string) => void logged.push(line) });
    const clock = await databaseClock(database.knex, log, Date.now, 20);
    clocks.push(clock);
    return { ...w.app, db: database.knex, clock: clock.now };
  }
  const seconds = (app: App) => app.clock().getTime() / 1000;
  /** It has asked again. */
  const felt = () => pause(150);

  const user_id = newId();
  const tryAt = (app: App) =>
    takePlace(Call.begin(app, anonymous, { request_id: null, ip: '192.0.2.7', user_agent: null }), {
      identifier: 'ada@people.example',
      org_id: null,
      user_id,
      known_device: null,
    });
  /** @returns how many of so many tries, one after the other, were judged, and the wait after the last */
  async function tryOn(app: App, times: number): Promise<{ judged: number; wait_sec: number }> {
    let judged = 0;
    let wait_sec = 0;
    for (let count = 0; count < times; count += 1) {
      const place = await tryAt(app);
      if (place.taken) judged += 1;
      else ({ wait_sec } = place);
    }
    return { judged, wait_sec };
  }
  /** Minutes of this day are left in front of and behind what is done here. */
  async function withinOneDay(): Promise<number> {
    const time = (Date.now() / 1000) % 86_400;
    const ahead = time < 2 * step ? 2 * step : time > 86_400 - 2 * step ? -2 * step : 0;
    await set(ahead);
    return ahead;
  }

  it('AU-08, RE-09: of 200 tries while time stands still, and at a process that started meanwhile, none is judged', async () => {
    const begin = await withinOneDay();
    const running = await start();
    expect(await tryOn(running, 9)).to.deep.equal({ judged: 5, wait_sec: 1 });
    const before = seconds(running);
    await set(begin - step);
    await felt();
    // It stands still.
    const still = seconds(running);
    expect(still).to.be.within(before, before + 10);
    await felt();
    expect(seconds(running)).to.equal(still);
    expect(logged.filter((line) => line.includes('was set back'))).to.have.length(1);
    const late = await start();
    expect(seconds(late)).to.be.within(still - step - 1, still - step + 10);
    await pause(1100);
    expect((await tryOn(running, 100)).judged, 'running').to.be.at.most(1);
    const { judged, wait_sec } = await tryOn(late, 100);
    expect(judged, 'started meanwhile').to.equal(0);
    expect(wait_sec).to.be.within(step - 15, step + 3);
    // The step is over: both go on, and there is one try for both of them.
    await set(begin + 5);
    await felt();
    await until(() => seconds(late) >= still + 3 && seconds(running) >= still + 3, 10_000);
    const places = await Promise.all([running, late, running, late].map(tryAt));
    expect(places.filter(({ taken }) => taken)).to.have.length(1);
  });

  it('AU-08: who was free before the step has the same few tries after it, at all processes together', async () => {
    const begin = await withinOneDay();
    const running = await start();
    seconds(running);
    await set(begin - step);
    await felt();
    const late = await start();
    const tries = await Promise.all(Array.from({ length: 60 }, (_, index) => tryAt(index % 2 ? running : late)));
    const judged = tries.filter(({ taken }) => taken).length;
    // Five at once. The one that stands in the future sees the waits of the other as over, once: then its own time is the last.
    expect(judged).to.be.within(5, 6);
    await pause(2200);
    const more = (await tryOn(late, 20)).judged + (await tryOn(running, 20)).judged;
    expect(judged + more).to.be.at.most(7);
  });
});
