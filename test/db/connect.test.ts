/** The embedded folder: made, kept, begun anew when its making was cut off, and never thrown away otherwise. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { cannotUse, connect } from '../../src/db/connect.ts';

describe('db/connect', () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'lintel-connect-'));
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  const address = () => `pglite:${join(home, 'db')}`;

  it('makes a folder and keeps what was written', async () => {
    const first = await connect(address());
    await first.knex.raw('create table things (n integer primary key)');
    await first.knex.raw('insert into things values (7)');
    expect(existsSync(join(home, 'db.making'))).to.equal(false);
    await first.close();
    const second = await connect(address());
    expect((await second.knex.raw('select n from things')).rows).to.deep.equal([{ n: 7 }]);
    const { rows } = await second.knex.raw(`select current_setting('server_encoding') as encoding,
      current_setting('data_checksums') as checksums, current_setting('server_version_num')::int / 10000 as major`);
    const major = Number(readFileSync(join(home, 'db/PG_VERSION'), 'utf8'));
    expect(rows[0]).to.deep.equal({ encoding: 'UTF8', checksums: 'on', major });
    await second.close();
  });

  it('begins anew when the making of the folder was cut off', async () => {
    mkdirSync(join(home, 'db/base'), { recursive: true });
    writeFileSync(join(home, 'db/PG_VERSION'), '18\n');
    writeFileSync(join(home, 'db.making'), '');
    const database = await connect(address());
    expect((await database.knex.raw('select 1 as one')).rows).to.deep.equal([{ one: 1 }]);
    await database.close();
  });

  it('refuses a folder that does not open, and leaves it as it is', async () => {
    mkdirSync(join(home, 'db'));
    writeFileSync(join(home, 'db/PG_VERSION'), '11\n');
    const refused = await connect(address()).then(
      () => 'opened',
      (error: Error) => error.message,
    );
    expect(refused).to.contain('does not open (LINTEL_DATABASE_URL)').and.to.contain('another version of Lintel');
    expect(readFileSync(join(home, 'db/PG_VERSION'), 'utf8')).to.equal('11\n');
  });

  it('refuses what is there and is no database, at once and by the name of the setting; an empty folder will do', async () => {
    const refused = (path: string) =>
      connect(`pglite:${join(home, path)}`).then(
        () => 'opened',
        (error: Error) => error.message,
      );
    mkdirSync(join(home, 'strange'));
    writeFileSync(join(home, 'strange/letter.txt'), 'mine');
    writeFileSync(join(home, 'file'), '');
    for (const path of ['strange', 'file']) {
      expect(await refused(path), path).to.match(/^LINTEL_DATABASE_URL cannot be used\. .* is no database/);
      expect(existsSync(join(home, `${path}.lock`)), 'the lock is given back').to.equal(false);
    }
    expect(await refused('file/db')).to.match(
      /^LINTEL_DATABASE_URL cannot be used\. The folder .*file cannot be written/,
    );
    mkdirSync(join(home, 'db'));
    const database = await connect(address());
    expect((await database.knex.raw('select 1 as one')).rows).to.deep.equal([{ one: 1 }]);
    await database.close();
  });

  it('says what to do about a server that cannot be used, and keeps the password to itself', async () => {
    const unheard = 'postgres://lintel:hidden-word@127.0.0.1:1/people';
    const database = await connect(unheard);
    const error = await database.knex.raw('select 1').then(
      () => new Error('it answered'),
      (thrown: Error) => cannotUse(unheard, thrown),
    );
    await database.close();
    expect(error.message).to.include('LINTEL_DATABASE_URL').and.include('Nothing listens at 127.0.0.1:1.');
    expect(error.message).not.to.include('hidden-word');
    const missing = Object.assign(new Error('no such database'), { code: '3D000' });
    expect(cannotUse(unheard, missing).message).to.include('There is no database people.');
    for (const [code, sentence] of [
      ['28P01', /refuses its user or password/],
      ['28000', /does not let its user in/],
      ['42P07', /database people has tables that are not Lintel’s/],
      ['42501', /may not make tables in the database people/],
      ['EAI_AGAIN', /name server does not say where 127\.0\.0\.1:1 is/],
    ] as const) {
      expect(cannotUse(unheard, Object.assign(new Error('x'), { code })).message, code).to.match(sentence);
    }
    for (const silence of ['timeout expired', 'Connection terminated unexpectedly'])
      expect(cannotUse(unheard, new Error(silence)).message, silence).to.match(/does not answer as PostgreSQL does/);
    const unnamed = Object.assign(new Error('x'), { code: 'ECONNREFUSED' });
    expect(cannotUse('postgres://', unnamed).message).to.include('PGHOST');
    const other = new Error('something else');
    expect(cannotUse(unheard, other)).to.equal(other);
  });
});
