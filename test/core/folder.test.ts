import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { isVacant, makeFolder, makingMark, refuseStrange } from '../../src/core/folder.ts';

describe('core/folder', () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'lintel-folder-'));
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  it('makes a folder and those above it, for their owner only, and takes one that is there', () => {
    makeFolder(join(home, 'a/b/c'));
    makeFolder(join(home, 'a/b/c'));
    for (const path of ['a', 'a/b', 'a/b/c']) expect(statSync(join(home, path)).mode & 0o777, path).to.equal(0o700);
  });

  it('gives the error of the system, also where recursive mkdir would never end', () => {
    writeFileSync(join(home, 'file'), '');
    expect(() => makeFolder(join(home, 'file/a/b'))).to.throw(/ENOTDIR/);
    if (existsSync('/proc/self')) expect(() => makeFolder('/proc/nowhere/a')).to.throw(/ENOENT/);
  });

  it('knows a place where nothing is yet', () => {
    expect(isVacant(join(home, 'nothing'))).to.equal(true);
    mkdirSync(join(home, 'empty'));
    expect(isVacant(join(home, 'empty'))).to.equal(true);
    expect(isVacant(home)).to.equal(false);
    writeFileSync(join(home, 'file'), '');
    expect(isVacant(join(home, 'file'))).to.equal(false);
  });

  it('lets a database, an empty place and what is only being made be one, and nothing else', () => {
    const place = join(home, 'db');
    refuseStrange(place);
    mkdirSync(place);
    refuseStrange(place);
    writeFileSync(join(place, 'base'), '');
    expect(() => refuseStrange(place)).to.throw('holds other things and is no database');
    writeFileSync(makingMark(place), '');
    refuseStrange(place);
    rmSync(makingMark(place));
    writeFileSync(join(place, 'PG_VERSION'), '18');
    refuseStrange(place);
  });
});
