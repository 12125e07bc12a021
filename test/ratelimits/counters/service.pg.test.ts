import { expect } from 'chai';
import { definePolicy } from '../../../src/ratelimits/counters/policies.ts';
import { giveBack, take } from '../../../src/ratelimits/counters/service.ts';
import { connect } from '../../../src/db/connect.ts';
import { transact } from '../../../src/db/transact.ts';
import { postgresOnly, testDatabaseAddress } from '../../support/database.ts';
import { type World, world } from '../../support/world.ts';

const day = 24 * 3600;
const policy = definePolicy({
  name: 'test.race',
  scope: 'test',
  limit_count: 10,
  window_sec: day,
  description: 'Ten a day.',
});
const waiting = definePolicy({
  name: 'test.race_slow',
  scope: 'test',
  limit_count: 100,
  window_sec: day,
  description: 'Four, then one a minute.',
  delay: { free: 4, most_sec: 60 },
});

const wide = ['a', 'b', 'c', 'd'].map((name) =>
  definePolicy({
    name: `test.crowd_${name}`,
    scope: 'test',
    limit_count: 100_000,
    window_sec: day,
    description: 'Never full.',
  }),
);

describe('ratelimits/counters on several connections', () => {
  let w: World;
  before(async function () {
    postgresOnly(this);
    w = await world();
  });
  after(() => w?.close());

  it('AU-08, RE-08: 50 at once on two nodes: exactly the limit goes through', async () => {
    const second = await connect(await testDatabaseAddress(), { pool: 10 });
    try {
      const other = { ...w.app, db: second.knex };
      for (const [limited, expected] of [
        [policy, 10],
        [waiting, 4],
      ] as const) {
        const takings = await Promise.all(
          Array.from({ length: 50 }, (_, index) =>
            take(index % 2 ? w.app : other, [{ policy: limited, subject: 'victim' }]),
          ),
        );
        expect(takings.filter(({ taken }) => taken).length, limited.name).to.equal(expected);
      }
    } finally {
      await second.close();
    }
  });

  it('RE-08: places are taken and given back at once, alone and with a transaction, and nobody meets in a deadlock', async () => {
    const second = await connect(await testDatabaseAddress(), { pool: 20 });
    try {
      const nodes = [w.app, { ...w.app, db: second.knex }] as const;
      // Some are everybody's and some one's own, as in a sign-in; who has none of the first takes the rest in the same order.
      const bucketsOf = (worker: number) =>
        wide
          .map((policy, place) => ({ policy, subject: place < 2 ? 'all' : `${place}:${worker % 3}` }))
          .slice(worker % 4 === 3 ? 1 : 0);
      const work = async (worker: number): Promise<void> => {
        const app = nodes[worker % 2] as (typeof nodes)[0];
        for (let round = 0; round < 12; round += 1) {
          const taking = await take(app, bucketsOf(worker));
          if (!taking.taken) throw new Error('The limit is far away.');
          const { at } = taking;
          if (round % 2 === 0) await giveBack(app, bucketsOf(worker), { at });
          else await transact(app.db, (db) => giveBack(app, bucketsOf(worker), { at, db }));
        }
      };
      await Promise.all(Array.from({ length: 40 }, (_, worker) => work(worker)));
      const left = await w
        .db('rate_limit_counters as c')
        .join('rate_limit_policies as p', 'p.policy_id', 'c.policy_id')
        .where('p.name', 'like', 'test.crowd_%')
        .select('c.subject_key', 'c.count');
      expect(left).to.have.length(8);
      expect(left.filter(({ count }: { count: number }) => count !== 0)).to.deep.equal([]);
    } finally {
      await second.close();
    }
  });
});
