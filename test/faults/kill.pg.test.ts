/**
 * `kill -9` at random while people, administrators and a directory work: two processes on one PostgreSQL, each killed again and again
 * and started again while the other serves. A few kills in the ordinary run; `LINTEL_TEST_KILLS=200 LINTEL_TEST_OPERATIONS=10000` is
 * the whole of RE-07, as `.ci/run` does it.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Sealer } from '../../src/core/secret.ts';
import { connect } from '../../src/db/connect.ts';
import { inspect } from '../../src/doctor.ts';
import { onPostgres } from '../support/database.ts';
import { type OwnPostgres, ownPostgres, skipWithoutPostgres } from '../support/own-postgres.ts';
import { freePort, type LintelProcess, repository, startProcess } from '../support/process.ts';
import { type Balancer, balancer } from './balancer.ts';
import { Traffic } from './traffic.ts';
import { Random } from '../support/random.ts';
import { pause } from '../support/waiting.ts';

const number = (name: string, usual: number): number => Number(process.env[name] ?? usual);
const kills = number('LINTEL_TEST_KILLS', 6);
const operations = number('LINTEL_TEST_OPERATIONS', 300);
const seed = number('LINTEL_TEST_SEED', Math.floor(Math.random() * 2 ** 31));

describe(`faults: kill -9 (LINTEL_TEST_SEED=${seed})`, function () {
  this.timeout(900_000);
  let postgres: OwnPostgres;
  let front: Balancer;
  let folder: string;
  const key = randomBytes(32).toString('base64');
  const apiKey = `ltl_key_${randomBytes(32).toString('base64url')}`;
  const running = new Set<LintelProcess>();

  before(async function () {
    skipWithoutPostgres(this, onPostgres ? null : 'LINTEL_TEST_DATABASE_URL is not set');
    folder = mkdtempSync(join(tmpdir(), 'lintel-kill-'));
  });
  beforeEach(async () => {
    postgres = await ownPostgres({ fsync: true });
    await postgres.start();
    front = await balancer();
  });
  afterEach(async () => {
    for (const lintel of running) lintel.signal('SIGKILL');
    await Promise.all([...running].map(({ ended }) => ended));
    running.clear();
    await front?.close();
    await postgres?.remove();
  });
  after(() => {
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  const environment = (port: number) => ({
    PORT: String(port),
    LINTEL_URL: front.url,
    LINTEL_DATABASE_URL: postgres.address,
    LINTEL_KEY: key,
    LINTEL_BOOTSTRAP_API_KEY: apiKey,
    LINTEL_SCIM_REQUESTS_PER_SECOND: '1000',
    LINTEL_LOG_LEVEL: 'error',
    // What the modules were compiled to is kept, as `npm start` does it.
    NODE_COMPILE_CACHE: join(folder, 'compiled'),
  });

  async function start(port: number): Promise<LintelProcess> {
    const lintel = await startProcess({ port, apiKey, environment: environment(port) });
    running.add(lintel);
    void lintel.ended.then(() => running.delete(lintel));
    return lintel;
  }

  /** In the middle of its start: migrations, catalogue, keys. */
  async function killWhileStarting(port: number, afterMs: number): Promise<void> {
    const child = spawn(process.execPath, ['src/main.ts'], {
      cwd: repository,
      stdio: 'ignore',
      env: { PATH: process.env.PATH, ...environment(port) },
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await pause(afterMs);
    child.kill('SIGKILL');
    await ended;
  }

  async function holds(traffic: Traffic): Promise<void> {
    await traffic.settle();
    const database = await connect(postgres.address, { pool: 4, statementMs: 60_000 });
    try {
      const { knex } = database;
      await traffic.journal.hold(knex, traffic.groupId);
      // Doctor does not ask about the log's first minute; here all of it is asked about.
      await knex.transaction(async (transaction) => {
        await transaction.raw('set local session_replication_role = replica');
        await transaction.raw(
          "update audit_logs set timestamp = timestamp - interval '1 hour' where log_id = (select min(log_id::text)::uuid from audit_logs)",
        );
      });
      const findings = await inspect(knex, { now: new Date(), sealer: new Sealer([key]) });
      expect(findings).to.deep.equal([]);
    } finally {
      await database.close();
    }
  }

  it(`RE-07, AL-02: ${kills} kills of two processes in ${operations} operations: nothing acknowledged is lost, nothing is half done, nothing is used twice`, async () => {
    const random = new Random(seed);
    const ports = [await freePort(), await freePort()];
    const first = await start(ports[0] as number);
    front.add(first.port);
    const traffic = new Traffic({ url: front.url, apiKey, workers: 10, seed });
    await traffic.prepare();
    let killed = 0;
    let early = 0;
    const serving = new Set<number>();
    const done = () => killed >= kills && traffic.operations >= operations;

    const killer = async (port: number, begun?: LintelProcess) => {
      for (let lintel = begun; !done(); lintel = undefined) {
        if (lintel === undefined && random.chance(0.1)) {
          await killWhileStarting(port, 200 + random.next() * 900);
          early += 1;
          killed += 1;
          continue;
        }
        const victim = lintel ?? (await start(port));
        front.add(port);
        serving.add(port);
        // The pace of kills follows that of the operations; and the other one serves.
        do await pause(random.next() * 400);
        while (!done() && (serving.size < 2 || killed / kills > traffic.operations / operations));
        if (done()) return;
        serving.delete(port);
        victim.signal('SIGKILL');
        front.remove(port);
        await victim.ended;
        killed += 1;
      }
    };
    await Promise.all([traffic.run(done), killer(ports[0] as number, first), killer(ports[1] as number)]);
    process.stdout.write(
      `      ${killed} kills (${early} while starting), ${traffic.operations} operations, ${traffic.succeeded} answered as asked, ` +
        `${front.lost.length} requests lost\n`,
    );
    process.stdout.write(`      ${[...traffic.byKind].map(([kind, count]) => `${kind} ${count}`).join(', ')}\n`);
    expect(serving.size).to.be.greaterThan(0);
    await holds(traffic);
    expect(traffic.journal.acknowledged).to.be.greaterThan(operations / 10);
  });

  const crashes = Math.max(2, Math.round(kills / 20));
  it(`RE-07: PostgreSQL itself killed ${crashes} times, fsync on: the same holds`, async () => {
    const random = new Random(seed + 1);
    const ports = [await freePort(), await freePort()];
    for (const port of ports) {
      await start(port);
      front.add(port);
    }
    const traffic = new Traffic({ url: front.url, apiKey, workers: 8, seed: seed + 1 });
    await traffic.prepare();
    let crashed = 0;
    let ended = false;
    const crash = async () => {
      for (; crashed < crashes; crashed += 1) {
        await pause(700 + random.next() * 1000);
        await postgres.crash();
      }
      await pause(1000);
      ended = true;
    };
    await Promise.all([traffic.run(() => ended), crash()]);
    for (const lintel of running) expect(lintel.child.exitCode, lintel.output()).to.equal(null);
    process.stdout.write(`      ${traffic.operations} operations, ${traffic.succeeded} answered as asked\n`);
    await holds(traffic);
    expect(traffic.journal.acknowledged).to.be.greaterThan(10);
  });
});
