/** The process as a whole: start, stop, kill. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Sealer } from '../src/core/secret.ts';
import { connect as connectDatabase } from '../src/db/connect.ts';
import { inspect } from '../src/doctor.ts';
import { Traffic } from './faults/traffic.ts';
import { ask } from './http/served.ts';
import { freePort, type LintelProcess, startProcess } from './support/process.ts';
import { Random } from './support/random.ts';
import { pause } from './support/waiting.ts';

describe('main', function () {
  this.timeout(240_000);
  // Processes and browsers on a machine that others use too: a second try, never a third.
  this.retries(1);
  let home: string;
  let running: LintelProcess | undefined;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'lintel-main-'));
  });
  afterEach(async () => {
    running?.signal('SIGKILL');
    await running?.ended;
    running = undefined;
    rmSync(home, { recursive: true, force: true });
  });

  const start = async (more: Partial<Parameters<typeof startProcess>[0]> = {}): Promise<LintelProcess> => {
    running = await startProcess({ environment: { LINTEL_DATABASE_URL: `pglite:${home}/data/db` }, ...more });
    return running;
  };

  it('stops by itself with a plain sentence when it cannot start', async () => {
    const refused = (environment: Record<string, string>) =>
      startProcess({ environment }).then(
        () => 'it started',
        (error: Error) => error.message,
      );
    expect(await refused({ LINTEL_DATABSE_URL: 'x' })).to.match(
      /ended with 1:\nLintel did not start. LINTEL_DATABSE_URL is not a setting/,
    );
    expect(await refused({ LINTEL_URL: 'http://id.example.com' })).to.match(/must be https/);
    expect(await refused({ LINTEL_DATABASE_URL: 'postgres://127.0.0.1:1/x', LINTEL_KEY: 'A'.repeat(43) })).to.match(
      /did not start/,
    );
  });

  it('says which port is taken, and what to set', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, 'localhost', resolve));
    const { port } = other.address() as AddressInfo;
    const said = await startProcess({ port, environment: { LINTEL_DATABASE_URL: 'pglite::memory:' } }).then(
      () => 'it started',
      (error: Error) => error.message,
    );
    await new Promise((resolve) => other.close(resolve));
    expect(said, 'and its jobs, which are planned by then, do not keep it').to.match(/ended with 1:/);
    expect(said).to.include(`Lintel did not start. Port ${port} on localhost is in use.`).and.include('LINTEL_URL');
  });

  it('says by the name of the setting that it cannot listen, or that it has another key than its database, and ends', async () => {
    const refused = (environment: Record<string, string>) =>
      startProcess({ environment }).then(
        () => 'it started',
        (error: Error) => error.message,
      );
    expect(await refused({ LINTEL_DATABASE_URL: 'pglite::memory:', LINTEL_HOST: 'nowhere.invalid' })).to.match(
      /ended with 1:\n(.*\n)*Lintel did not start. LINTEL_HOST is nowhere.invalid, [^\n]*\n$/,
    );
    running = await start();
    running.signal('SIGINT');
    await running.ended;
    const LINTEL_KEY = Buffer.alloc(32, 7).toString('base64');
    const said = await refused({ LINTEL_DATABASE_URL: `pglite:${home}/data/db`, LINTEL_KEY });
    expect(said).to.match(
      /ended with 1:\nLintel did not start. This database was sealed under another key than that of LINTEL_KEY/,
    );
    expect(said, 'and no stack').not.to.match(/\n +at /);
  });

  it('a test’s process whose port was taken between the look and the start begins again at another one', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, 'localhost', resolve));
    const { port } = other.address() as AddressInfo;
    const ports = [port];
    const lintel = await start({
      environment: { LINTEL_DATABASE_URL: 'pglite::memory:' },
      choosePort: async () => ports.pop() ?? freePort(),
    });
    await new Promise((resolve) => other.close(resolve));
    expect(lintel.port).not.to.equal(port);
    expect((await lintel.api('GET', '/service-accounts')).status).to.equal(200);
  });

  it('RE-06: finishes what is in flight, refuses what is new, and ends with 0', async () => {
    const lintel = await start({
      environment: { LINTEL_DATABASE_URL: `pglite:${home}/data/db`, LINTEL_UNREADY_SECONDS: '1' },
    });
    const body = JSON.stringify({ name: 'in flight', permissions: [] });
    const slow = connect(lintel.port, 'localhost');
    let answer = '';
    slow.on('data', (data) => {
      answer += data.toString('utf8');
    });
    const closed = new Promise((resolve) => slow.once('close', resolve));
    slow.write(
      `POST /api/v1/service-accounts HTTP/1.1\r\nHost: localhost:${lintel.port}\r\nAuthorization: Bearer ${lintel.apiKey}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body.slice(0, 10)}`,
    );
    await pause(300);
    lintel.signal('SIGTERM');
    await pause(300);
    const late = await ask(lintel.port, '/health/ready').then(
      ({ status }) => String(status),
      (error: NodeJS.ErrnoException) => error.code,
    );
    expect(late).to.equal('503');
    expect(answer).to.equal('');
    // Longer than it is unready and still listens: then only what was in flight is answered.
    await pause(1500);
    const refused = await ask(lintel.port, '/health/ready').then(
      ({ status }) => String(status),
      (error: NodeJS.ErrnoException) => error.code,
    );
    expect(refused).to.equal('ECONNREFUSED');
    slow.write(body.slice(10));
    await closed;
    expect(answer)
      .to.match(/^HTTP\/1\.1 201 /)
      .and.to.match(/connection: close/i);
    expect(await lintel.ended).to.equal(0);
    const again = await start({ apiKey: lintel.apiKey });
    expect(await (await again.api('GET', '/service-accounts')).text()).to.include('in flight');
  });

  it('RE-06: breaks no request of clients that keep their connections', async () => {
    const lintel = await start();
    const seen: string[] = [];
    let going = true;
    const client = async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      while (going) {
        const result = await ask(lintel.port, '/api/v1/service-accounts', {
          agent,
          headers: { authorization: `Bearer ${lintel.apiKey}` },
        }).then(
          ({ status }) => String(status),
          (error: NodeJS.ErrnoException) => error.code ?? 'error',
        );
        seen.push(result);
        if (result === 'ECONNREFUSED') break;
      }
      agent.destroy();
    };
    const clients = Array.from({ length: 6 }, client);
    await pause(700);
    lintel.signal('SIGTERM');
    expect(await lintel.ended).to.equal(0);
    going = false;
    await Promise.all(clients);
    expect(seen.filter((result) => result === '200').length).to.be.greaterThan(20);
    // Served until the end, then told to go elsewhere: nothing is refused on an open connection.
    expect([...new Set(seen)].filter((result) => !['200', 'ECONNREFUSED'].includes(result))).to.deep.equal([]);
  });

  it('RE-06: Ctrl-C does not wait for balancers, and neither does a second SIGTERM', async () => {
    for (const signals of [['SIGINT'], ['SIGTERM', 'SIGTERM']] as const) {
      const lintel = await start({
        environment: {
          LINTEL_DATABASE_URL: `pglite:${home}/data/db`,
          LINTEL_UNREADY_SECONDS: '120',
          LINTEL_LOG_LEVEL: 'info',
        },
      });
      for (const signal of signals) {
        lintel.signal(signal);
        await pause(200);
      }
      expect(await lintel.ended, signals.join()).to.equal(0);
      const said = lintel
        .output()
        .split('\n')
        .filter((line) => line.includes('"signal"'))
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(said[0], 'how long it may take').to.include({
        message: 'stopping',
        signal: signals[0],
        at_most_seconds: signals[0] === 'SIGINT' ? 30 : 150,
      });
      expect(said.at(-1)).to.include({ message: 'stopped' }).and.property('seconds').is.within(0, 30);
    }
  });

  it('RE-06: gives up on a client that never finishes, after the grace that is configured', async () => {
    const lintel = await start({
      environment: {
        LINTEL_DATABASE_URL: `pglite:${home}/data/db`,
        LINTEL_GRACE_SECONDS: '1',
        LINTEL_UNREADY_SECONDS: '0',
      },
    });
    const hanging = connect(lintel.port, 'localhost');
    hanging.on('error', () => undefined);
    hanging.write(
      `POST /api/v1/service-accounts HTTP/1.1\r\nHost: localhost:${lintel.port}\r\nContent-Length: 100\r\n\r\n{`,
    );
    await pause(200);
    const began = performance.now();
    lintel.signal('SIGTERM');
    expect(await lintel.ended).to.equal(0);
    expect(performance.now() - began).to.be.within(900, 6000);
  });

  it('RE-07: kill -9 at up to twelve random moments of mixed writes, embedded: nothing acknowledged is lost, doctor finds nothing', async () => {
    const seed = Number(process.env.LINTEL_TEST_SEED ?? 7);
    const random = new Random(seed);
    const key = randomBytes(32).toString('base64');
    const address = `pglite:${home}/data/db`;
    // As `npm start` keeps it; npm itself stands in between in some rounds only, because it takes its time.
    const environment = {
      LINTEL_DATABASE_URL: address,
      LINTEL_KEY: key,
      NODE_COMPILE_CACHE: join(home, 'compiled'),
    };
    const first = await start({ npm: true, environment });
    const { port, apiKey, url } = first;
    const traffic = new Traffic({ url, apiKey, workers: 4, seed });
    await traffic.prepare();
    const began = performance.now();
    let kills = 0;
    // On a slow machine fewer, so that a test stays one.
    while (kills < 12 && (kills < 3 || kills % 3 !== 0 || performance.now() - began < 60_000)) {
      const lintel = kills === 0 ? first : await start({ npm: kills % 4 === 0, environment, apiKey, port });
      let isOver = false;
      const working = traffic.run(() => isOver);
      // By what was done, not by the time: a slow machine is killed in the middle of its work, too.
      const enough = traffic.succeeded + 2 + random.below(12);
      for (let waited = 0; traffic.succeeded < enough && waited < 200; waited += 1) await pause(25);
      await pause(random.below(40));
      lintel.signal('SIGKILL');
      await lintel.ended;
      isOver = true;
      await working;
      kills += 1;
      // What is lost or half done stays so: to look costs as much as a start, so it is done after every third kill.
      if (kills % 3 !== 0) continue;
      const database = await connectDatabase(address);
      try {
        await traffic.journal.hold(database.knex, traffic.groupId);
        const findings = await inspect(database.knex, { now: new Date(), sealer: new Sealer([key]) });
        expect(findings, `after kill ${kills} (LINTEL_TEST_SEED=${seed})`).to.deep.equal([]);
      } finally {
        await database.close();
      }
    }
    // And what was acknowledged last still works.
    await start({ environment, apiKey, port });
    await traffic.settle();
    expect([...new Set(traffic.journal.violations)]).to.deep.equal([]);
    process.stdout.write(
      `      ${kills} kills, ${traffic.operations} operations, ${traffic.succeeded} answered as asked\n`,
    );
    expect(traffic.succeeded).to.be.greaterThan(kills * 2);
  });
});
