/** What this project promises about itself and what it is built on: read from the files that say it. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { root } from './sources.ts';

const read = (name: string): string => readFileSync(join(root, name), 'utf8');

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
}

const { lockfileVersion, packages } = JSON.parse(read('package-lock.json')) as {
  lockfileVersion: number;
  packages: Record<string, Locked>;
};
const locked = Object.entries(packages).filter(([path]) => path !== '');

/** What may be built into a product under the Apache licence and passed on with it. */
const permissive = new Set([
  'MIT',
  'MIT-0',
  'MIT License',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'PSF-2.0',
  'Zlib',
]);
const isPermissive = (license = ''): boolean =>
  license
    .replace(/[()]/g, '')
    .split(/ AND /)
    .every((part) => part.split(/ OR /).some((one) => permissive.has(one.trim())));

describe('rules: supply', function () {
  this.timeout(60_000);

  it('PR-01: SECURITY.md has a private channel, the versions that get fixes, and how fast', () => {
    const text = read('SECURITY.md');
    for (const heading of ['## Reporting', '## Which versions get fixes', '## How fast'])
      expect(text).to.include(heading);
    const section = (heading: string) => text.split(heading)[1]?.split('\n## ')[0] ?? '';
    expect(section('## Reporting'))
      .to.match(/privately/)
      .and.match(/not in a public issue/)
      .and.match(/within\s+\w+\s+working\s+days/);
    expect(section('## Which versions get fixes').trim()).to.not.equal('');
    const [, days = ''] = /\| critical[^|]*\| (\d+) days \|/.exec(section('## How fast')) ?? [];
    expect(Number(days)).to.be.within(1, 14);
    expect(section('## How fast'), 'PR-11').to.match(/within\s+seven\s+days/);
    expect(text).not.to.match(/TODO|TBD|example\.com|@example/);
  });

  it('PR-02: the lock file has every package at one version, of a permissive licence, without an install script', () => {
    expect(lockfileVersion).to.equal(3);
    expect(locked.length).to.be.greaterThan(100);
    const scripts = locked.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path);
    expect(scripts).to.deep.equal([]);
    const licences = locked
      .filter(([, { license }]) => !isPermissive(license))
      .map(([path, { license }]) => `${path} ${license}`);
    expect(licences).to.deep.equal([]);
    for (const [path, { version }] of locked) expect(version, path).to.match(/^\d+\.\d+\.\d+/);
    expect(isPermissive('GPL-3.0'), 'this test knows others').to.equal(false);
    expect(isPermissive('MIT AND GPL-3.0')).to.equal(false);
    expect(isPermissive(undefined)).to.equal(false);
  });

  it('PR-02: what is installed is checked by its hash, from the public registry or from nowhere else', () => {
    // Tools for other platforms only: none is installed where the tests run, and none is part of the product.
    const isOtherPlatforms = (path: string, { optional, os, cpu }: Locked) =>
      optional === true &&
      (os?.includes(process.platform) === false || cpu?.includes(process.arch) === false || path.endsWith('-musl'));
    const unchecked = locked.filter(([path, entry]) => !entry.integrity && !isOtherPlatforms(path, entry));
    expect(unchecked.map(([path]) => path)).to.deep.equal([]);
    for (const [path, { resolved, integrity }] of locked) {
      if (resolved) expect(resolved, path).to.match(/^https:\/\/registry\.npmjs\.org\//);
      if (integrity) expect(integrity, path).to.match(/^sha512-/);
    }
  });

  it('PR-02: a bill of materials is made from the lock file, complete and with hashes and licences', () => {
    // The whole of it: with `--omit dev` npm leaves out what a tool uses too.
    const { status, stdout, stderr } = spawnSync('npm', ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'], {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });
    expect(status, stderr).to.equal(0);
    interface Component {
      readonly name: string;
      readonly version: string;
      readonly purl: string;
      readonly hashes?: readonly { alg: string }[];
      readonly licenses?: readonly unknown[];
    }
    const bill = JSON.parse(stdout) as { bomFormat: string; specVersion: string; components: Component[] };
    expect([bill.bomFormat, bill.specVersion]).to.deep.equal(['CycloneDX', '1.5']);
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
    for (const [name, version] of Object.entries(dependencies)) {
      const part = bill.components.find((component) => component.name === name && component.version === version);
      expect(part?.purl, name).to.match(/^pkg:npm\//);
      expect(
        part?.hashes?.map(({ alg }) => alg),
        name,
      ).to.include('SHA-512');
      expect(part?.licenses, name).to.have.length.greaterThan(0);
    }
  });
});
