import { expect } from 'chai';
import { definePolicy } from '../../../src/ratelimits/counters/policies.ts';
import { take } from '../../../src/ratelimits/counters/service.ts';
import { connect } from '../../../src/db/connect.ts';
import { onPostgres, testDatabaseAddress } from '../../support/database.ts';
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

describe('ratelimits/counters on several connections', () => {
  let w: World;
  before(async function () {
    if (!onPostgres) this.skip();
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
});
