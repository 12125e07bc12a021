import { mkdtempSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ConfigurationError, loadConfig } from '../../src/config/config.ts';
import { sealingKeys } from '../../src/config/sealing-key.ts';

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
    expect(() => sealingKeys(configured())).to.throw(ConfigurationError, /Put the key back/);
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
