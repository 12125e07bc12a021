/**
 * Two versions on one database, as in an update without a pause: a newer one migrates (a first step, which only adds) while a process of
 * this version serves. It goes on as if nothing were; one that starts afterwards refuses to, and says which version to start.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { expect } from 'chai';
import { Sealer } from '../../src/core/secret.ts';
import { connect, type Database } from '../../src/db/connect.ts';
import { migrate } from '../../src/db/migrate.ts';
import { inspect } from '../../src/doctor.ts';
import { createScratch, type Scratch } from '../bench/scratch.ts';
import { postgresOnly } from '../support/database.ts';
import { type LintelProcess, repository, startProcess } from '../support/process.ts';
import { newerMigrations, newerName } from './newer.ts';
import { Traffic } from './traffic.ts';

describe('faults: two versions on one database', function () {
  this.timeout(120_000);
  let scratch: Scratch;
  let database: Database;
  let lintel: LintelProcess;
  const newer = newerMigrations();
  const key = randomBytes(32).toString('base64');
  let environment: Record<string, string>;

  before(async function () {
    postgresOnly(this);
    scratch = createScratch();
    environment = {
      LINTEL_DATABASE_URL: await scratch.newDatabase(),
      LINTEL_KEY: key,
      LINTEL_SCIM_REQUESTS_PER_SECOND: '1000',
      LINTEL_UNREADY_SECONDS: '0',
    };
    lintel = await startProcess({ environment });
    database = await connect(environment.LINTEL_DATABASE_URL ?? '', { pool: 4 });
  });
  after(async () => {
    newer.remove();
    lintel?.signal('SIGKILL');
    await lintel?.ended;
    await database?.close();
    await scratch?.remove();
  });

  it('RE-06: a newer version adds columns and a table under load: the process that runs answers every request as before', async () => {
    const traffic = new Traffic({ url: lintel.url, apiKey: lintel.apiKey, workers: 4, seed: 11, strict: true });
    await traffic.prepare();
    // Every kind of statement has been planned on the connections before, and is sent again after.
    await traffic.run(() => traffic.operations >= 80);
    let over = false;
    const update = async () => {
      expect(await migrate(database.knex, newer.folder)).to.deep.equal([newerName]);
      const reached = traffic.operations + 100;
      while (traffic.operations < reached && traffic.refused.length === 0)
        await new Promise((wake) => setTimeout(wake, 50));
    };
    await Promise.all([traffic.run(() => over), update().finally(() => (over = true))]);
    expect(traffic.refused).to.deep.equal([]);
    await traffic.settle();
    expect(traffic.journal.violations).to.deep.equal([]);
    expect(traffic.succeeded).to.equal(traffic.operations);
    await traffic.journal.hold(database.knex, traffic.groupId);
    expect(await inspect(database.knex, { now: new Date(), sealer: new Sealer([key]) })).to.deep.equal([]);
    expect(lintel.output()).not.to.match(/"level":"(error|fatal)"/);
  });

  it('RE-06: a process of this version that starts now refuses to and says what to do; the one that runs goes on', async () => {
    const failure = await startProcess({ environment }).then(
      () => 'it started',
      (error: Error) => error.message,
    );
    expect(failure).to.include('Lintel ended with 1');
    expect(failure).to.include(`This database was migrated by a newer Lintel (${newerName}). Start that version.`);
    expect(failure, 'a sentence, no stack').not.to.match(/^\s+at /m);
    const command = spawnSync(process.execPath, [join(repository, 'src/cli.ts'), 'migrate'], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, ...environment },
    });
    expect([command.status, command.stderr.includes('migrated by a newer Lintel')]).to.deep.equal([1, true]);
    const ready = await fetch(`${lintel.url}/health/ready`);
    expect(ready.status).to.equal(200);
    expect((await lintel.api('GET', '/organizations')).status).to.equal(200);
    const { rows } = await database.knex.raw('select count(*)::int as n from lintel_migrations where name = ?', [
      newerName,
    ]);
    expect(rows).to.deep.equal([{ n: 1 }]);
    // It stops as it always does.
    lintel.signal('SIGTERM');
    expect(await lintel.ended, lintel.output()).to.equal(0);
  });
});
