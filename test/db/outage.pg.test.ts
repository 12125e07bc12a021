/** The database frozen, gone, restarted: 503 with Retry-After within five seconds, then recovery by itself (RE-01, RE-02). */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { type OwnPostgres, ownPostgres, skipWithoutPostgres } from '../support/own-postgres.ts';
import { type LintelProcess, startProcess } from '../support/process.ts';
import { pause } from '../support/waiting.ts';

describe('db: outages of PostgreSQL', function () {
  this.timeout(90_000);
  // Processes and browsers on a machine that others use too: a second try, never a third.
  this.retries(1);
  let postgres: OwnPostgres;
  let lintel: LintelProcess;

  before(async function () {
    skipWithoutPostgres(this);
    postgres = await ownPostgres();
    await postgres.start();
    const environment = { LINTEL_DATABASE_URL: postgres.address, LINTEL_KEY: randomBytes(32).toString('base64') };
    lintel = await startProcess({ environment });
  });
  after(async () => {
    lintel?.signal('SIGKILL');
    await postgres?.remove();
  });

  let count = 0;
  const write = () => lintel.api('POST', '/service-accounts', { name: `outage ${++count}`, permissions: [] });
  const read = () => lintel.api('GET', '/service-accounts');
  const timed = async (ask: () => Promise<Response>) => {
    const began = performance.now();
    const response = await ask();
    const text = await response.text();
    return { status: response.status, retry: response.headers.get('retry-after'), text, ms: performance.now() - began };
  };

  async function expectOutage(): Promise<void> {
    // Readiness is remembered for a quarter of a second.
    await pause(300);
    // Twelve at once, more than one connection pool: none may wait for the others' timeouts.
    const answers = await Promise.all([
      ...Array.from({ length: 6 }, () => timed(read)),
      ...Array.from({ length: 6 }, () => timed(write)),
      timed(() => fetch(`${lintel.url}/health/ready`)),
    ]);
    for (const { status, retry, ms, text } of answers) {
      expect(status, text).to.equal(503);
      expect(Number(retry), 'Retry-After').to.be.greaterThan(0);
      expect(ms, `${ms} ms`).to.be.below(5000);
    }
    expect(JSON.parse(answers[0]?.text ?? '{}')).to.include({ code: 'database_unavailable' });
    const live = await timed(() => fetch(`${lintel.url}/health/live`));
    expect([live.status, live.ms < 500]).to.deep.equal([200, true]);
  }

  async function expectRecovery(withinMs: number): Promise<void> {
    const began = performance.now();
    for (;;) {
      const [one, two] = [await timed(read), await timed(write)];
      if (one.status === 200 && two.status === 201) break;
      expect(performance.now() - began, `${one.status} ${two.status} ${two.text}`).to.be.below(withinMs);
      await pause(50);
    }
    const answers = await Promise.all(Array.from({ length: 12 }, () => timed(write)));
    expect(answers.map(({ status }) => status)).to.deep.equal(answers.map(() => 201));
    // Readiness is remembered for a quarter of a second; recovery may be faster.
    await pause(300);
    expect((await timed(() => fetch(`${lintel.url}/health/ready`))).status).to.equal(200);
    expect(lintel.child.exitCode, lintel.output()).to.equal(null);
  }

  it('answers while all is well', async () => {
    expect((await timed(read)).status).to.equal(200);
    expect((await timed(write)).status).to.equal(201);
  });

  it('RE-01: frozen in the middle of work: 503 within 5 s, again and again, and recovery after the thaw', async () => {
    await Promise.all(Array.from({ length: 10 }, read));
    postgres.freeze();
    try {
      await expectOutage();
      await expectOutage();
    } finally {
      postgres.thaw();
    }
    await expectRecovery(5000);
  });

  it('RE-02: gone: 503 within 5 s, and recovery when it comes back', async () => {
    await postgres.stop();
    await expectOutage();
    await postgres.start();
    await expectRecovery(3000);
  });

  it('RE-02: restarted under idle connections: the process lives, and the first requests after it succeed', async () => {
    await Promise.all(Array.from({ length: 8 }, read));
    await postgres.stop();
    await postgres.start();
    expect((await timed(read)).status).to.equal(200);
    expect((await timed(write)).status).to.equal(201);
    await expectRecovery(1000);
  });

  it('RE-02: crashed under load: every acknowledged write is there, none twice', async () => {
    const acknowledged: string[] = [];
    let going = true;
    const writer = async () => {
      while (going) {
        const name = `crash ${++count}`;
        const response = await lintel.api('POST', '/service-accounts', { name, permissions: [] });
        expect(response.status).to.be.oneOf([201, 503]);
        if (response.status === 201) acknowledged.push(name);
        else await pause(20);
        await response.text();
      }
    };
    const writers = Array.from({ length: 4 }, writer);
    await pause(500);
    await postgres.stop('SIGQUIT');
    await postgres.start();
    await pause(1000);
    going = false;
    await Promise.all(writers);
    const names: string[] = [];
    for (let after = ''; ; ) {
      const page = (await (await lintel.api('GET', `/service-accounts?limit=200${after}`)).json()) as {
        items: { name: string }[];
        next: string | null;
      };
      names.push(...page.items.map(({ name }) => name));
      if (page.next === null) break;
      after = `&after=${page.next}`;
    }
    expect(acknowledged.length).to.be.greaterThan(10);
    expect(names).to.include.members(acknowledged);
    expect(new Set(names).size).to.equal(names.length);
  });
});
