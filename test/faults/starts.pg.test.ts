/** Five processes that start at once on an empty database, as a deployment does it: migrated once, one of everything (RE-18). */
import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { Sealer } from '../../src/core/secret.ts';
import { connect } from '../../src/db/connect.ts';
import { inspect } from '../../src/doctor.ts';
import { createScratchDatabase, postgresOnly, type ScratchDatabase } from '../support/database.ts';
import { freePort, type LintelProcess, startProcess } from '../support/process.ts';
import { until } from '../support/waiting.ts';

describe('faults: five starts at once', function () {
  this.timeout(180_000);
  // A busy machine gets a second try.
  this.retries(1);
  let database: ScratchDatabase;
  let started: LintelProcess[] = [];

  before(function () {
    postgresOnly(this);
  });
  beforeEach(async () => {
    database = await createScratchDatabase('starts');
  });
  afterEach(async () => {
    for (const lintel of started) lintel.signal('SIGKILL');
    await Promise.all(started.map(({ ended }) => ended));
    await database?.drop();
  });

  async function startFive(apiKey: string): Promise<void> {
    const key = randomBytes(32).toString('base64');
    const ports = await Promise.all(Array.from({ length: 5 }, freePort));
    const environment = {
      LINTEL_DATABASE_URL: database.address,
      LINTEL_KEY: key,
      LINTEL_URL: 'http://localhost:3000',
      LINTEL_BOOTSTRAP_API_KEY: apiKey,
    };
    started = await Promise.all(ports.map((port) => startProcess({ port, environment })));
    for (const { port, output } of started) {
      const ready = await fetch(`http://localhost:${port}/health/ready`);
      expect(ready.status, output()).to.equal(200);
      if (apiKey === '') await until(() => output().includes('/setup/'), 10_000);
    }
    const { knex, close } = await connect(database.address, { pool: 2 });
    try {
      const count = async (sql: string) => Number(Object.values((await knex.raw(sql)).rows[0])[0]);
      expect(await count('select count(*) - count(distinct name) from lintel_migrations')).to.equal(0);
      expect(await count("select count(*) from signing_keys where state = 'current'")).to.equal(2);
      expect(await count('select count(*) - count(distinct alg) from signing_keys')).to.equal(0);
      expect(await count("select count(*) from audit_logs where action = 'catalogue.updated'")).to.equal(1);
      expect(await count('select count(*) - count(distinct name) from permissions')).to.equal(0);
      expect(await count('select count(*) - count(distinct name) from roles')).to.equal(0);
      expect(await count('select count(*) from api_keys')).to.equal(apiKey === '' ? 0 : 1);
      expect(await count('select count(*) from service_accounts')).to.equal(apiKey === '' ? 0 : 1);
      const links = (await knex('setup_links').select('token_hash', 'used_at')) as { token_hash: string }[];
      const printed = started.flatMap(({ output }) => /\/setup\/([\w-]{43})/.exec(output())?.[1] ?? []);
      const hash = (token: string) => createHash('sha256').update(token).digest('base64url');
      const valid = printed.filter((token) => links.some(({ token_hash }) => token_hash === hash(token)));
      expect([printed.length, valid.length]).to.deep.equal(apiKey === '' ? [5, 1] : [0, 0]);
      expect(await inspect(knex, { now: new Date(), sealer: new Sealer([key]) })).to.deep.equal([]);
    } finally {
      await close();
    }
    for (const lintel of started) lintel.signal('SIGINT');
    expect(await Promise.all(started.map(({ ended }) => ended))).to.deep.equal([0, 0, 0, 0, 0]);
  }

  it('RE-18: all become ready; migrations, keys and catalogue are made once; of the printed set-up links the last one works', () =>
    startFive(''));

  it('RE-18: with a bootstrap key there is one of it, and no link', () =>
    startFive(`ltl_key_${randomBytes(32).toString('base64url')}`));
});
