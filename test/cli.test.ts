import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { version } from '../src/app.ts';
import { repository } from './support/process.ts';

describe('cli', function () {
  this.timeout(240_000);
  let home: string;
  before(() => {
    home = mkdtempSync(join(tmpdir(), 'lintel-cli-'));
  });
  after(() => rmSync(home, { recursive: true, force: true }));

  const lintel = (...words: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(repository, 'src/cli.ts'), ...words], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, LINTEL_DATABASE_URL: `pglite:${home}/data/db`, LINTEL_LOG_LEVEL: 'error' },
    });
    return { status, stdout, stderr };
  };

  it('says how it is used, and what it does not know', () => {
    expect(lintel()).to.include({ status: 0, stderr: '' });
    expect(lintel('--version').stdout).to.equal(`${version}\n`);
    for (const words of [['nonsense'], ['--nonsense'], ['keys', 'nonsense'], ['keys', 'remove']]) {
      const { status, stderr } = lintel(...words);
      expect([status, stderr.includes('lintel migrate')], words.join(' ')).to.deep.equal([2, true]);
    }
  });

  it('migrates once, lists and rotates keys, and finds everything in order', () => {
    const early = lintel('doctor');
    expect(early.stdout).to.match(
      /^FAIL {2}configuration: There is no database in .*data\/db .*start Lintel to make one\.$/m,
    );
    expect(early.status).to.equal(1);
    expect(existsSync(join(home, 'data')), 'nothing was made').to.equal(false);
    expect(lintel('migrate').stdout).to.match(/^Done: 0001_directory, /);
    expect(lintel('migrate').stdout).to.equal('The database is up to date.\n');
    const before = lintel('keys').stdout;
    expect(before.split('\n').filter((line) => line.endsWith('current'))).to.have.length(2);
    expect(lintel('keys', 'rotate').stdout).to.match(/No key was due/);
    // SD-04: everything that lasts, so that an old sealing key can be taken away.
    expect(lintel('keys', 'rotate-saml').stdout).to.match(/no SAML keys yet/);
    expect(lintel('keys', 'reseal').stdout).to.match(
      /^\d+ signing keys, \d+ SAML keys and \d+ sessions were sealed anew/,
    );
    const doctor = lintel('doctor');
    expect(doctor.stdout)
      .to.match(/ ok {3}applications: \d+ checks/)
      .and.not.match(/FAIL/);
    expect(doctor.status).to.equal(0);
  });

  it('UP-04: finds what is wrong', () => {
    rmSync(join(home, 'data/key'));
    const { status, stdout } = lintel('doctor');
    expect([status, /FAIL {2}configuration: .*Put the key back/.test(stdout)]).to.deep.equal([1, true]);
  });

  it('makes sealing keys', () => {
    expect(Buffer.from(lintel('keys', 'new').stdout.trim(), 'base64')).to.have.length(32);
  });
});
