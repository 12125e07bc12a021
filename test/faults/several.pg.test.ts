/**
 * Two processes on one database that take every request in turn, so that each step of a journey meets another process than the one
 * before it: the main job holds (RE-08), also when their clocks are a minute apart (RE-09).
 */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { Sealer } from '../../src/core/secret.ts';
import { connect } from '../../src/db/connect.ts';
import { openStage, type Stage } from '../../src/demo/stage.ts';
import { inspect } from '../../src/doctor.ts';
import { mainJob } from '../flows/main-job.ts';
import { emptyDatabase, postgresOnly, testDatabaseAddress } from '../support/database.ts';
import { freePort, type LintelProcess, startProcess } from '../support/process.ts';
import { type Balancer, balancer } from './balancer.ts';

interface Several {
  readonly stage: Stage;
  readonly front: Balancer;
  readonly other: LintelProcess;
  readonly key: string;
}

/** The stage's own process, and another one whose clock is so far ahead; the address that everybody knows is the balancer's. */
async function several(aheadMs: number): Promise<Several> {
  await emptyDatabase();
  const front = await balancer();
  const key = randomBytes(32).toString('base64');
  const [own, identityProvider] = [await freePort(), await freePort()];
  const settings = {
    LINTEL_URL: front.url,
    LINTEL_DATABASE_URL: await testDatabaseAddress(),
    LINTEL_KEY: key,
    LINTEL_EGRESS_ALLOW: `127.0.0.1:${identityProvider}`,
  };
  const other = await startProcess({
    preload: 'test/faults/clock.ts',
    environment: { ...settings, LINTEL_TEST_CLOCK_MS: String(aheadMs) },
  });
  front.add(other.port);
  front.add(own);
  try {
    const stage = await openStage({ lintel: own, application: 0, identityProvider }, () => undefined, settings);
    return { stage, front, other, key };
  } catch (error) {
    other.signal('SIGKILL');
    await front.close();
    throw error;
  }
}

for (const [what, aheadMs] of [
  ['RE-08: every request alternated between two processes', 0],
  ['RE-09: the same, the clock of one a minute ahead', 60_000],
  ['RE-09: the same, the clock of one a minute behind', -60_000],
] as const) {
  describe(`faults: ${what}`, function () {
    this.timeout(120_000);
    let nodes: Several | undefined;
    before(function () {
      postgresOnly(this);
    });

    mainJob(async () => {
      nodes = await several(aheadMs);
      const { stage, front, other } = nodes;
      return {
        ...stage,
        close: async () => {
          await stage.close();
          other.signal('SIGKILL');
          await other.ended;
          await front.close();
        },
      };
    });

    it('met both processes, and left everything in order', async () => {
      const { front, key } = nodes as Several;
      const counts = [...front.sent.values()];
      expect(counts).to.have.length(2);
      expect(Math.min(...counts)).to.be.greaterThan(50);
      expect(Math.max(...counts) - Math.min(...counts)).to.be.below(3);
      expect(front.lost).to.deep.equal([]);
      const database = await connect(await testDatabaseAddress(), { pool: 2 });
      try {
        const found = await inspect(database.knex, { now: new Date(), sealer: new Sealer([key]) });
        expect(found).to.deep.equal([]);
      } finally {
        await database.close();
      }
    });
  });
}
