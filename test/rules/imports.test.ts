/** Who may use whom: doors use rooms and base, rooms use the rows below, base knows nobody (design §2). */
import { expect } from 'chai';
import { type Source, sourcesUnder } from './sources.ts';

/** Lower rows are used by higher ones, never the other way; rooms of one row do not know each other. */
const rows: readonly (readonly string[])[] = [
  ['config', 'core', 'db', 'http'],
  ['directory'],
  ['access', 'credentials', 'notifications', 'ratelimits', 'settings', 'events'],
  ['federation', 'applications'],
  ['signin', 'provisioning'],
  ['oidc', 'scim', 'saml', 'console', 'account', 'portal', 'site'],
];
const base = 0;
const top = rows.length;
/** The files and the folder that know everyone. */
const knowsEveryone = new Set([
  'app.ts',
  'main.ts',
  'start.ts',
  'reactions.ts',
  'jobs.ts',
  'metrics.ts',
  'cli.ts',
  'doctor.ts',
  'demo',
]);

const roomOf = (path: string): string => path.split('/')[1] ?? '';
const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));

function rowOf(path: string): number {
  const room = roomOf(path);
  if (knowsEveryone.has(room)) return top;
  const row = rows.findIndex((names) => names.includes(room));
  if (row < 0) throw new Error(`${path} stands in no row; put its folder into the table of this test, and say why.`);
  return row;
}

/** What is wrong with an import, or null. */
export function objection(from: string, to: string): string | null {
  if (!to.startsWith('src/')) return 'leaves src';
  if (to.endsWith('/store.ts') && folderOf(from) !== folderOf(to)) return 'reads the store of another noun';
  const sameRoom = roomOf(from) === roomOf(to);
  const isPeer = rowOf(from) === rowOf(to) && (rowOf(from) === base || rowOf(from) === top);
  // Shapes, event names and permission names may be read by everyone above the base.
  const isShape = to.endsWith('/schema.ts') && rowOf(from) !== base;
  if (sameRoom || isPeer || isShape || rowOf(to) < rowOf(from)) return null;
  return rowOf(from) === base ? 'base knows a room' : `row ${rowOf(from)} reaches into row ${rowOf(to)}`;
}

describe('rules: imports', () => {
  const sources: Source[] = sourcesUnder('src');

  it('respect the order of rows', () => {
    const wrong = sources.flatMap(({ path, imports }) =>
      imports.flatMap((target) => {
        const why = objection(path, target);
        return why === null ? [] : [`${path} → ${target}: ${why}`];
      }),
    );
    expect(wrong).to.deep.equal([]);
  });

  it('are refused by this test when they go up, sideways, or into a foreign store', () => {
    expect(objection('src/core/call.ts', 'src/access/roles/service.ts')).to.equal('base knows a room');
    expect(objection('src/oidc/provider.ts', 'src/scim/router.ts')).to.match(/row 5/);
    expect(objection('src/directory/users/service.ts', 'src/access/roles/service.ts')).to.match(/row 1/);
    expect(objection('src/scim/users.ts', 'src/directory/users/store.ts')).to.match(/store/);
    expect(objection('src/signin/flow/service.ts', 'src/federation/saml/request.ts')).to.equal(null);
    expect(objection('src/directory/users/service.ts', 'src/access/roles/schema.ts')).to.equal(null);
  });

  it('have no cycle between files', () => {
    const targets = new Map(sources.map(({ path, text }) => [path, valueImports(path, text)]));
    const finished = new Set<string>();
    const visit = (path: string, trail: readonly string[]): void => {
      if (finished.has(path)) return;
      expect(trail, `a cycle: ${[...trail, path].join(' → ')}`).not.to.include(path);
      for (const next of targets.get(path) ?? []) visit(next, [...trail, path]);
      finished.add(path);
    };
    for (const path of targets.keys()) visit(path, []);
  });

  function valueImports(path: string, text: string): string[] {
    const source = sources.find((candidate) => candidate.path === path) as Source;
    const typesOnly = new Set([...text.matchAll(/import type [^;]*? from '([^']+)'/g)].map(([, name]) => name));
    return source.imports.filter(
      (target) => ![...typesOnly].some((name) => name && target.endsWith(name.replace(/^[./]+/, ''))),
    );
  }
});
