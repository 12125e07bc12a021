import { existsSync, mkdtempSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ConfigurationError, loadConfig } from '../../src/config/config.ts';
import { aboutKeys, sealingKeys } from '../../src/config/sealing-key.ts';
import { Sealer, SealError } from '../../src/core/secret.ts';

describe('config/sealing-key', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lintel-key-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const configured = (key = '') => loadConfig({ LINTEL_DATABASE_URL: `pglite:${folder}/data/db`, LINTEL_KEY: key });

  it('is made once, readable by its owner only, and found again', () => {
    const [key = ''] = sealingKeys(configured());
    expect(Buffer.from(key, 'base64')).to.have.length(32);
    expect(statSync(join(folder, 'data/key')).mode & 0o777).to.equal(0o600);
    expect(sealingKeys(configured())).to.deep.equal([key]);
    expect(readFileSync(join(folder, 'data/key'), 'utf8').trim()).to.equal(key);
  });

  it('SD-05: is never made anew beside a database that is there', () => {
    mkdirSync(join(folder, 'data/db'), { recursive: true });
    expect(sealingKeys(configured()), 'an empty folder is no database').to.have.length(1);
    rmSync(join(folder, 'data/key'));
    writeFileSync(join(folder, 'data/db/PG_VERSION'), '18');
    expect(() => sealingKeys(configured())).to.throw(ConfigurationError, /Put the key back/);
  });

  it('is not missed where there is no database: a file, or a folder of other things, is told as what it is', () => {
    const told = (): string => {
      try {
        sealingKeys(configured());
        return 'a key';
      } catch (error) {
        return (error as Error).message;
      }
    };
    mkdirSync(join(folder, 'data/db'), { recursive: true });
    writeFileSync(join(folder, 'data/db/letter.txt'), 'mine');
    const prefix = 'LINTEL_DATABASE_URL cannot be used. ';
    const advice = 'name another folder, or one that is empty, as pglite:<folder>.';
    expect(told()).to.equal(`${prefix}${folder}/data/db holds other things and is no database: ${advice}`);
    mkdirSync(join(folder, 'data/db/db'));
    writeFileSync(join(folder, 'data/db/db/PG_VERSION'), '18');
    expect(told()).to.include(`There is one in ${folder}/data/db/db: perhaps that is meant.`);
    rmSync(join(folder, 'data/db'), { recursive: true });
    writeFileSync(join(folder, 'data/db'), 'SQLite format 3');
    expect(told()).to.equal(`${prefix}${folder}/data/db is a file and is no database: ${advice}`);
    expect(existsSync(join(folder, 'data/key')), 'nothing is made beside it').to.equal(false);
  });

  it('SD-05: that is another than the database was sealed under is told by where it came from, with what to do', () => {
    const first = new Sealer(sealingKeys(configured()));
    const other = Buffer.alloc(32, 5).toString('base64');
    const second = new Sealer([other]);
    let failure = new Error('it opened');
    try {
      second.open(first.seal('secret', 'x'), 'x');
    } catch (error) {
      failure = error as Error;
    }
    const [mine = '', theirs = ''] = [...first.ids, ...second.ids];
    for (const [config, from] of [
      [configured(other), `LINTEL_KEY (while it is set, ${folder}/data/key is not read)`],
      [configured(), `${folder}/data/key`],
      [loadConfig({ LINTEL_DATABASE_URL: 'postgres://x@y/z', LINTEL_KEY: other }), 'LINTEL_KEY'],
    ] as const) {
      const told = aboutKeys(config, failure);
      expect(told).to.be.instanceOf(ConfigurationError);
      expect(told.message).to.include(`another key than that of ${from}.`).and.include('Put the right key there');
      expect(told.message).to.include(mine).and.include(theirs).and.not.include(other);
    }
    const changed = new SealError('A sealed value does not belong here, or was changed.');
    expect(aboutKeys(configured(), changed), 'anything else stays as it is').to.equal(changed);
  });

  it('is told by the name of the setting when its folder cannot be made or read', () => {
    writeFileSync(join(folder, 'data'), '');
    expect(() => sealingKeys(configured())).to.throw(ConfigurationError, /LINTEL_DATABASE_URL: choose a folder/);
  });

  it('comes from the configuration when given, the first one sealing', () => {
    const keys = ['A'.repeat(43), 'B'.repeat(43)].map((text) => `${text}=`);
    expect(sealingKeys(configured(keys.join(' , ')))).to.deep.equal(keys);
  });

  it('SD-05: is refused by the name of its setting when it is none, and never printed', () => {
    for (const given of ['too-short', `${'A'.repeat(43)}=,`, `${'A'.repeat(43)}=,too-short`]) {
      expect(() => sealingKeys(configured(given)), given)
        .to.throw(ConfigurationError, /^LINTEL_KEY .*base64 of exactly 32 bytes/)
        .with.property('message')
        .that.does.not.include('too-short');
    }
  });
});
