import { expect } from 'chai';
import { definePolicy } from '../../../src/ratelimits/counters/policies.ts';
import { type Bucket, empty, expireCounters, giveBack, take } from '../../../src/ratelimits/counters/service.ts';
import { type World, world } from '../../support/world.ts';

const hour = 3600;
const plain = definePolicy({
  name: 'test.plain',
  scope: 'test',
  limit_count: 3,
  window_sec: hour,
  description: 'Three an hour.',
});
const slow = definePolicy({
  name: 'test.slow',
  scope: 'test',
  limit_count: 10,
  window_sec: 24 * hour,
  description: 'Slower and slower.',
  delay: { free: 3, most_sec: 8 },
});

describe('ratelimits/counters', () => {
  let w: World;
  const now = () => new Date(Date.now() + w.skew);
  /** Moves the clock to the beginning of a window, so that no test straddles two. */
  const toWindow = (seconds: number) => {
    w.skew += seconds * 1000 - (now().getTime() % (seconds * 1000)) + 1000;
  };
  before(async () => {
    w = await world();
  });
  beforeEach(() => {
    w.skew = 0;
    toWindow(24 * hour);
  });
  afterEach(() => w.db('rate_limit_counters').delete());
  after(() => w.close());

  const bucket = (policy: Bucket['policy'], subject = 'someone'): Bucket => ({ policy, subject });

  it('AU-08: lets the limit through in a window, then says how long to wait, then begins anew', async () => {
    for (let count = 0; count < 3; count += 1) expect(await take(w.app, [bucket(plain)])).to.include({ taken: true });
    const refused = await take(w.app, [bucket(plain)]);
    expect(refused.taken).to.equal(false);
    expect(refused)
      .to.have.property('wait_sec')
      .within(hour - 10, hour);
    expect((await take(w.app, [bucket(plain, 'somebody else')])).taken).to.equal(true);
    w.skew += hour * 1000;
    expect((await take(w.app, [bucket(plain)])).taken).to.equal(true);
  });

  it('AU-08: waits double, up to the most; what was refused does not lengthen them', async () => {
    const waits: number[] = [];
    for (let count = 0; count < 8; count += 1) {
      expect((await take(w.app, [bucket(slow)])).taken, `take ${count}`).to.equal(true);
      if (count < 2) continue;
      const refused = await take(w.app, [bucket(slow)]);
      expect(refused.taken).to.equal(false);
      const { wait_sec } = refused as { wait_sec: number };
      waits.push(wait_sec);
      await take(w.app, [bucket(slow)]);
      w.skew += wait_sec * 1000;
    }
    expect(waits).to.deep.equal([1, 2, 4, 8, 8, 8]);
    w.skew += 20_000;
    expect((await take(w.app, [bucket(slow)])).taken).to.equal(true);
    w.skew += 20_000;
    expect((await take(w.app, [bucket(slow)])).taken).to.equal(true);
    w.skew += 20_000;
    expect((await take(w.app, [bucket(slow)])).taken, 'the window is full').to.equal(false);
  });

  it('AU-08: what went well is given back; an emptied bucket begins anew', async () => {
    for (let count = 0; count < 10; count += 1) {
      expect((await take(w.app, [bucket(plain)])).taken).to.equal(true);
      await giveBack(w.app, [bucket(plain)]);
    }
    await giveBack(w.app, [bucket(plain)]);
    for (let count = 0; count < 3; count += 1) await take(w.app, [bucket(plain)]);
    expect((await take(w.app, [bucket(plain)])).taken).to.equal(false);
    await empty(w.app, bucket(plain));
    expect((await take(w.app, [bucket(plain)])).taken).to.equal(true);
  });

  it('AU-08: a bucket that refuses keeps those after it untouched', async () => {
    const wide = bucket(plain, 'address');
    for (let count = 0; count < 3; count += 1) await take(w.app, [wide]);
    for (let count = 0; count < 20; count += 1) {
      const refused = await take(w.app, [wide, bucket(slow, 'victim')]);
      expect(refused).to.deep.include({ taken: false, bucket: wide });
    }
    for (let count = 0; count < 3; count += 1) {
      expect((await take(w.app, [bucket(slow, 'victim')])).taken).to.equal(true);
    }
  });

  it('a tuned policy holds without a restart', async () => {
    await take(w.app, [bucket(plain)]);
    await w.db('rate_limit_policies').where({ name: plain.name }).update({ limit_count: 1 });
    try {
      expect((await take(w.app, [bucket(plain)])).taken).to.equal(false);
    } finally {
      await w.db('rate_limit_policies').where({ name: plain.name }).update({ limit_count: 3 });
    }
  });

  it('RE-10: windows that ended are deleted, running ones stay', async () => {
    await take(w.app, [bucket(plain, 'old')]);
    w.skew += 49 * hour * 1000;
    await take(w.app, [bucket(plain, 'new')]);
    expect(await expireCounters(w.app)).to.equal(1);
    expect(await w.db('rate_limit_counters').select('subject_key')).to.deep.equal([{ subject_key: 'new' }]);
  });
});
