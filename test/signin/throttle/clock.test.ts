/**
 * A clock that is set back, or forth and back again, while people wait (AU-08, RE-09): nobody gets more tries than the limits give
 * to the windows that come by, and nobody waits longer than what is left of the wait and the step.
 */
import { expect } from 'chai';
import { anonymous, Call } from '../../../src/core/call.ts';
import { newId } from '../../../src/core/id.ts';
import { perAddress, perIdentifier } from '../../../src/signin/throttle/policies.ts';
import { givePlaceBack, takePlace } from '../../../src/signin/throttle/service.ts';
import { makeApplication } from '../../oidc/rp.ts';
import {
  goodPassword,
  insertPersonWithPassword,
  signinWorld,
  type SigninWorld,
  Visitor,
  wrongPassword,
} from '../person.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

describe('signin/throttle: a clock that is set', () => {
  let w: SigninWorld;
  before(async () => {
    w = await signinWorld();
  });
  /** Six in the morning of tomorrow: what is set here stays within one day, and no window of ten minutes has begun. */
  beforeEach(async () => {
    const day = 24 * hour;
    w.skew = 0;
    w.skew = day - (Date.now() % day) + 6 * hour;
    await w.db('rate_limit_counters').delete();
  });
  after(() => w.close());

  const user_id = newId();
  const attempt = { identifier: 'ada@people.example', org_id: null, user_id, known_device: null };
  const call = (ip = '192.0.2.1') => Call.begin(w.app, anonymous, { request_id: null, ip, user_agent: null });
  const tryOnce = () => takePlace(call(), attempt);
  /** Tries until one has to wait. @returns how many were judged, and how long to wait */
  async function tryOn(most = 200): Promise<{ judged: number; wait_sec: number }> {
    for (let judged = 0; judged < most; judged += 1) {
      const place = await tryOnce();
      if (!place.taken) return { judged, wait_sec: place.wait_sec };
    }
    throw new Error('Nobody had to wait.');
  }
  /** Each time as soon as it is allowed. */
  async function tryPatiently(times: number): Promise<number> {
    let wait = 0;
    for (let count = 0; count < times; count += 1) {
      const { judged, wait_sec } = await tryOn();
      expect(judged).to.be.at.least(1);
      wait = wait_sec;
      w.skew += wait_sec * second;
    }
    w.skew -= wait * second;
    return wait;
  }

  it('AU-08: set back by ten minutes, a wait is longer by ten minutes, tries in between neither count nor lengthen it', async () => {
    const wait = await tryPatiently(5);
    expect(wait).to.equal(16);
    w.skew -= 10 * minute;
    for (let count = 0; count < 30; count += 1) {
      const place = await tryOnce();
      expect(place.taken).to.equal(false);
      const { wait_sec } = place as { wait_sec: number };
      expect(wait_sec).to.be.within(600 + wait - 10 * count - 9, 600 + wait - 10 * count);
      w.skew += 10 * second;
    }
    w.skew += 5 * minute - 2 * second;
    expect(await tryOnce(), 'shortly before').to.include({ taken: false });
    w.skew += (wait + 2) * second;
    expect(await tryOn()).to.deep.equal({ judged: 1, wait_sec: 2 * wait });
  });

  it('AU-08: set back into windows that were used before, each has what was left of it, and no more', async () => {
    const addresses = Array.from({ length: 10 }, (_, index) => `name-${index}`);
    await w.db('rate_limit_policies').where({ name: perAddress.name }).update({ limit_count: 8 });
    try {
      /** From one address, by ever new names, in six windows of ten minutes. */
      const anHour = async (each: number) => {
        const judged: number[] = [];
        for (let window = 0; window < 6; window += 1) {
          let places = 0;
          for (const name of addresses.slice(0, each)) {
            const other = { ...attempt, identifier: `${name}-${window}-${each}`, user_id: newId() };
            if ((await takePlace(call(), other)).taken) places += 1;
          }
          judged.push(places);
          w.skew += 10 * minute;
        }
        return judged;
      };
      await tryOnce();
      expect(await anHour(5)).to.deep.equal([5, 5, 5, 5, 5, 5]);
      w.skew -= hour;
      expect(await anHour(10), 'the same hour').to.deep.equal([2, 3, 3, 3, 3, 3]);
      w.skew -= hour;
      expect(await anHour(10), 'and again').to.deep.equal([0, 0, 0, 0, 0, 0]);
      expect(await anHour(10), 'the next hour').to.deep.equal([8, 8, 8, 8, 8, 8]);
    } finally {
      await w
        .db('rate_limit_policies')
        .where({ name: perAddress.name })
        .update({ limit_count: perAddress.limit_count });
    }
  });

  it('AU-08: whoever was locked out in a year to come, which was a mistake, is not locked out when it is corrected', async () => {
    const year = 365 * 24 * hour;
    w.skew += year;
    await tryPatiently(6);
    w.skew -= year;
    expect(await tryOn()).to.deep.equal({ judged: 5, wait_sec: 1 });
  });

  it('AU-08: set back over midnight, the day before has its own limit, and the day after the rest of its', async () => {
    await w.db('rate_limit_policies').where({ name: perIdentifier.name }).update({ limit_count: 7 });
    try {
      await tryPatiently(2);
      w.skew -= 12 * hour;
      await tryPatiently(2);
      w.skew += hour;
      expect((await tryOn()).judged, 'the seventh').to.equal(1);
      w.skew += hour;
      expect((await tryOn()).judged, 'full').to.equal(0);
      w.skew += 12 * hour;
      expect((await tryOn()).judged, 'the rest').to.equal(1);
      w.skew += hour;
      expect((await tryOn()).judged, 'full').to.equal(0);
    } finally {
      await w
        .db('rate_limit_policies')
        .where({ name: perIdentifier.name })
        .update({ limit_count: perIdentifier.limit_count });
    }
  });

  it('AU-08: a place that was taken before the step is given back where it was taken', async () => {
    const place = await tryOnce();
    if (!place.taken) throw new Error('There was no place.');
    w.skew -= hour;
    await givePlaceBack(call(), place);
    const counters = await w.db('rate_limit_counters').select('count');
    expect(counters.map(({ count }: { count: number }) => count)).to.deep.equal([0, 0, 0, 0]);
  });

  it('AU-08: at the page: who has to wait goes on waiting after the step, is told how long, and then gets in', async () => {
    // Signing in wants the machine's own time; the step stays within this day.
    w.skew = Date.now() % (24 * hour) < 15 * minute ? 15 * minute : 0;
    const client = await makeApplication(w);
    const { email } = await insertPersonWithPassword(w);
    const visitor = await new Visitor(w).begin(client);
    await visitor.fill({ identifier: email });
    for (let count = 0; count < 5; count += 1) await visitor.fill({ password: wrongPassword });
    w.skew -= 10 * minute;
    const again = await new Visitor(w).begin(client);
    await again.fill({ identifier: email });
    await again.fill({ password: goodPassword });
    expect([again.page.status, again.callback]).to.deep.equal([429, null]);
    expect(Number(again.page.headers.get('retry-after'))).to.be.within(500, 601);
    w.skew += 10 * minute + 2 * second;
    const later = await new Visitor(w).begin(client);
    await later.signIn(email);
    expect(later.callback?.searchParams.get('code'), later.page.text).to.be.a('string');
  });
});
