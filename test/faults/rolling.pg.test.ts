/**
 * Two processes behind a balancer, restarted in turn by SIGTERM while people sign in, refresh and a directory writes: every request
 * gets the answer that it asked for (RE-06). The balancer repeats nothing, and looks at `/health/ready` once a second.
 */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { inspect } from '../../src/doctor.ts';
import { Sealer } from '../../src/core/secret.ts';
import { emptyDatabase, postgresOnly, testDatabaseAddress } from '../support/database.ts';
import { freePort, type LintelProcess, startProcess } from '../support/process.ts';
import { type Balancer, balancer } from './balancer.ts';
import { Traffic } from './traffic.ts';
import { pause } from '../support/waiting.ts';

const restarts = Number(process.env.LINTEL_TEST_RESTARTS ?? 4);

describe('faults: rolling restart', function () {
  this.timeout(300_000);
  // A busy machine gets a second try.
  this.retries(1);
  let front: Balancer;
  const running: LintelProcess[] = [];
  const key = randomBytes(32).toString('base64');
  const apiKey = `ltl_key_${randomBytes(32).toString('base64url')}`;

  before(async function () {
    postgresOnly(this);
    front = await balancer({ lookEveryMs: 1000 });
  });
  after(async () => {
    for (const lintel of running) lintel.signal('SIGKILL');
    await Promise.all(running.map(({ ended }) => ended));
    await front?.close();
  });

  it(`RE-06, RE-02: ${restarts} restarts in turn under load: no request fails, each process ends with 0`, async () => {
    const { knex } = await emptyDatabase();
    const start = async (port: number) => {
      const lintel = await startProcess({
        port,
        apiKey,
        environment: {
          LINTEL_URL: front.url,
          LINTEL_DATABASE_URL: await testDatabaseAddress(),
          LINTEL_KEY: key,
          LINTEL_SCIM_REQUESTS_PER_SECOND: '1000',
        },
      });
      running.push(lintel);
      front.add(port);
      await front.untilReady(port);
      return lintel;
    };
    const ports = [await freePort(), await freePort()];
    const nodes = [await start(ports[0] as number), await start(ports[1] as number)];
    const traffic = new Traffic({ url: front.url, apiKey, workers: 6, seed: 6, strict: true });
    await traffic.prepare();
    let over = false;
    const roll = async () => {
      for (let turn = 0; turn < restarts; turn += 1) {
        await pause(300);
        const leaving = nodes[turn % 2] as LintelProcess;
        leaving.signal('SIGTERM');
        expect(await leaving.ended, leaving.output()).to.equal(0);
        nodes[turn % 2] = await start(leaving.port);
      }
      over = true;
    };
    await Promise.all([traffic.run(() => over), roll().finally(() => (over = true))]);
    process.stdout.write(
      `      ${traffic.operations} operations, ${[...front.sent].map(([port, n]) => `${port}: ${n}`).join(', ')}\n`,
    );
    expect(front.lost).to.deep.equal([]);
    expect(traffic.refused).to.deep.equal([]);
    await traffic.settle();
    expect(traffic.journal.violations).to.deep.equal([]);
    expect(traffic.succeeded).to.equal(traffic.operations);
    expect(traffic.operations).to.be.greaterThan(50);
    expect(await inspect(knex, { now: new Date(), sealer: new Sealer([key]) })).to.deep.equal([]);
  });
});
