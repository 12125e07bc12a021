/** Small promises about every source file: one clock, one reader of the environment, good randomness, a head that says what it is. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { root, sourcesUnder } from './sources.ts';

const sources = sourcesUnder('src');
/** The demo is a user of Lintel, not a part of the server: it lives by the real clock. */
const server = sources.filter(({ path }) => !path.startsWith('src/demo/'));

/** `path:line` of every match outside of the allowed files. */
const places = (pattern: RegExp, among = server, allowed: readonly string[] = []): string[] =>
  among
    .filter(({ path }) => !allowed.includes(path))
    .flatMap(({ path, code }) =>
      code.split('\n').flatMap((line) => (pattern.test(line) ? [`${path}: ${line.trim()}`] : [])),
    );

describe('rules: manners', () => {
  it('reads the clock in one place', () => {
    // The application's clock, and the default of ids that no call makes.
    expect(places(/new Date\(\)|Date\.now\(\)/, server, ['src/app.ts', 'src/core/id.ts'])).to.deep.equal([]);
  });

  it('reads the environment in one place', () => {
    expect(places(/process\.env/, sources, ['src/config/config.ts'])).to.deep.equal([]);
  });

  it('SD-09: takes randomness from the system only', () => {
    expect(places(/Math\.random/, sources)).to.deep.equal([]);
  });

  it('does not let go of types, and leaves nothing for later', () => {
    expect(places(/@ts-(ignore|nocheck|expect-error)|\bas any\b|: any\b|<any>/, sources)).to.deep.equal([]);
    const later = sources.filter(({ text }) => /\b(TODO|FIXME|XXX|HACK)\b|not implemented/i.test(text));
    expect(later.map(({ path }) => path)).to.deep.equal([]);
  });

  it('says at the head of each file what it is', () => {
    // Before the imports, or right after them.
    const beginnings = (text: string) => [text, text.replace(/^(import [\s\S]*?;\n)+\s*/, '')];
    const headless = sources.filter(
      ({ text }) => !beginnings(text.replace(/^#!.*\n/, '')).some((start) => /^\/(\/|\*\*)/.test(start)),
    );
    expect(headless.map(({ path }) => path)).to.deep.equal([]);
  });

  it('says at the head of each service its tables, its events and its invariant', () => {
    const silent = sources
      .filter(({ path }) => path.endsWith('/service.ts'))
      .filter(({ text }) => {
        const head = text.slice(0, text.indexOf('*/'));
        return !/Tables?:/.test(head) || !/Events?:/.test(head) || !/Invariants?:/.test(head);
      });
    expect(silent.map(({ path }) => path)).to.deep.equal([]);
  });

  it('gives a reason for each file over 300 lines', () => {
    const long = sources.filter(({ text }) => text.split('\n').length > 301);
    const unexplained = long.filter(({ text }) => !/long because|over 300|one file because/i.test(text.slice(0, 2000)));
    expect(unexplained.map(({ path }) => path)).to.deep.equal([]);
  });

  it('has no drawer: no utils, helpers, common, shared or manager, no barrels', () => {
    const drawers = sources.filter(({ path }) => /(^|\/)(utils?|helpers?|shared|managers?|index)(\/|\.ts$)/.test(path));
    expect(drawers.map(({ path }) => path)).to.deep.equal([]);
    const barrels = sources.filter(({ code }) => {
      const lines = code.split('\n').filter((line) => line.trim() !== '');
      return lines.length > 0 && lines.every((line) => /^export (\*|\{.*\}|type \{.*\}) from /.test(line.trim()));
    });
    expect(barrels.map(({ path }) => path)).to.deep.equal([]);
  });

  it('PR-02: pins every dependency exactly, and runs no install script', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
      string,
      Record<string, string>
    >;
    for (const part of ['dependencies', 'devDependencies', 'optionalDependencies']) {
      for (const [name, range] of Object.entries(manifest[part] ?? {})) expect(range, name).to.match(/^\d+\.\d+\.\d+$/);
    }
    expect(readFileSync(join(root, '.npmrc'), 'utf8')).to.include('ignore-scripts=true');
  });

  it('has a test folder for each folder that tests mirror', () => {
    const folders = readdirSync(join(root, 'test'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const own = new Set([
      'browser',
      'flows',
      'parties',
      'rules',
      'snapshots',
      'support',
      'migrations',
      'demo',
      'bench',
      'security',
      'security',
    ]);
    const orphans = folders
      .map(({ name }) => name)
      .filter((name) => !own.has(name) && !existsSync(join(root, 'src', name)));
    expect(orphans).to.deep.equal([]);
  });
});
