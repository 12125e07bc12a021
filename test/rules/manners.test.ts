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

const secretOperand = /(secret|token|hash|digest|signature|csrf|password|hmac|mac|cookie)\)?$/i;
const constant = /^(['"`\d(]|null\b|undefined\b|true\b|false\b|typeof\b)|\.(length|size|type)$/;
/** Whether a line compares two values, one of which by its name is a secret or made from one. */
const comparesSecrets = (line: string): boolean =>
  [...line.matchAll(/([\w$.?[\]]+(?:\([\w$.]*\))?)\s(?:===|!==|==|!=)\s(['"`]?[\w$.?[\]]*(?:\([\w$.]*\))?)/g)].some(
    ([, left = '', right = '']) =>
      !constant.test(left) &&
      !constant.test(right) &&
      [left, right].some((side) => secretOperand.test(side.replace(/\([\w$.]*\)$/, ''))),
  );

describe('rules: manners', () => {
  it('reads the clock in one place', () => {
    // The application's clock, and the default of ids that no call makes.
    // The OpenID door reckons with the machine's clock, by which its library goes.
    const may = ['src/app.ts', 'src/core/id.ts', 'src/oidc/models.ts'];
    expect(places(/new Date\(\)|Date\.now\(\)/, server, may)).to.deep.equal([]);
  });

  it('reads the environment in one place', () => {
    expect(places(/process\.env/, sources, ['src/config/config.ts'])).to.deep.equal([]);
  });

  it('SD-09: takes randomness from the system only', () => {
    const weak = /Math\.random|pseudoRandomBytes|crypto\.randomUUID\(\{/;
    expect(places(weak, sources)).to.deep.equal([]);
    // What runs in browsers too, and the templates.
    const views = readdirSync(join(root, 'views'), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(eta|js|html)$/.test(name))
      .map((name) => [name, readFileSync(join(root, 'views', name), 'utf8')] as const);
    expect(views.length).to.be.greaterThan(20);
    expect(views.filter(([, text]) => weak.test(text)).map(([name]) => name)).to.deep.equal([]);
  });

  it('SD-08: compares what is secret, or a hash of it, in constant time only', () => {
    const compared = server.flatMap(({ path, code }) =>
      code.split('\n').flatMap((line) => (comparesSecrets(line) ? [`${path}: ${line.trim()}`] : [])),
    );
    const harmless = [
      // The hash of a public file, which is in its address.
      /^src\/http\/pages\.ts: .*hash === found\.hash/,
      // Whether a cursor belongs to the question that it comes with: a hash of the caller's own filter.
      /^src\/scim\/list\.ts: .*asked !== hash/,
      // Names of namespaces, elements and algorithms in XML, all of them public.
      /^src\/federation\/saml\/\w+\.ts: .*(ns\.signature|hash !== mask)/,
      // Whether a method of authentication has a secret: two booleans.
      /^src\/applications\/clients\/service\.ts: .*usesSecret\(method\) === usesSecret\(/,
      // Two readings of one row of ours; the value stands in public DNS.
      /^src\/directory\/domains\/service\.ts: .*before\.verification_token !== asked\.verification_token/,
    ];
    expect(compared.filter((place) => !harmless.some((reason) => reason.test(place)))).to.deep.equal([]);
    const idle = harmless.filter((reason) => !compared.some((place) => reason.test(place)));
    expect(idle, 'the list of harmless ones is not longer than it must be').to.deep.equal([]);
    // The primitive itself is used where any lengths are made equal, and for the digest of SAML, whose length was checked;
    // certificates are public.
    const primitives = ['src/core/secret.ts', 'src/federation/saml/signature.ts', 'src/federation/saml/certificate.ts'];
    expect(places(/timingSafeEqual|Buffer\.compare|\.equals\(/, server, primitives)).to.deep.equal([]);
    for (const line of [
      'if (row.token_hash === hashSecret(given)) return row;',
      'return secret !== row.client_secret;',
      'found = rows.find(({ code_hash }) => code_hash === hash);',
      'const same = header == csrfToken;',
    ])
      expect(comparesSecrets(line), line).to.equal(true);
    for (const line of ["if (token === '') return;", 'if (hash === null || secret.length !== 43) return;'])
      expect(comparesSecrets(line), line).to.equal(false);
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
    const long = [...sources, ...sourcesUnder('test')].filter(({ text }) => text.split('\n').length > 301);
    expect(long).not.to.deep.equal([]);
    const unexplained = long.filter(({ text }) => !/long because|over 300|one file because/i.test(text.slice(0, 2000)));
    expect(unexplained.map(({ path }) => path)).to.deep.equal([]);
  });

  it('names limits one way: maxX', () => {
    expect(places(/\bmost[A-Z]|\b(MAX|MOST)_(?!SAFE_INTEGER)/, sources)).to.deep.equal([]);
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

  it('is drawn as it is: src/README.md names what is there, all of it, and nothing else', () => {
    const drawing = readFileSync(join(root, 'src/README.md'), 'utf8');
    const rows = [...drawing.matchAll(/^\| `([\w.-]+)\/?` \|/gm)].map(([, name = '']) => name);
    const there = readdirSync(join(root, 'src')).filter((name) => name !== 'README.md');
    expect(rows.toSorted()).to.deep.equal(there.toSorted());
    const named = [...drawing.matchAll(/`((?:[\w-]+\/)+[\w.-]*)`/g)].map(([, path = '']) => path);
    expect(named).to.have.length.greaterThan(10);
    expect(named.filter((path) => ![`src/${path}`, path].some((name) => existsSync(join(root, name))))).to.deep.equal(
      [],
    );
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
      'load',
      'races',
      'faults',
    ]);
    const orphans = folders
      .map(({ name }) => name)
      .filter((name) => !own.has(name) && !existsSync(join(root, 'src', name)));
    expect(orphans).to.deep.equal([]);
  });
});
