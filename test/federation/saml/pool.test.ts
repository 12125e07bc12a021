import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { createSamlPool, type SamlPool } from '../../../src/federation/saml/pool.ts';
import { processorTime } from '../../support/effort.ts';
import { attribute, encodePost, expectations, responseXml } from '../../support/saml/messages.ts';

describe('the pool of SAML workers', () => {
  let pool: SamlPool;
  afterEach(() => pool.close());

  const field = encodePost(responseXml({ sign: 'both' }));

  it('SA-15: verifies in a worker, run as TypeScript, with dates and maps intact', async () => {
    pool = createSamlPool();
    const result = await pool.verifyResponse(field, expectations());
    expect(result.ok && result.identity.authn_instant).to.be.an.instanceOf(Date);
    expect(result.ok && result.identity.attributes).to.deep.equal({
      email: ['ada@acme.example'],
      groups: ['staff', 'admins'],
    });
  });

  it('gives the same refusals as without a worker', async () => {
    pool = createSamlPool();
    const result = await pool.verifyResponse(encodePost(responseXml({ audience: 'x' })), expectations());
    expect(result.ok ? 'accepted' : result.code).to.equal('audience');
  });

  it('SA-15: the event loop goes on while heavy messages are read', async () => {
    pool = createSamlPool({ deadline: 20_000 });
    await pool.verifyResponse(field, expectations());
    const attributes = `<saml:AttributeStatement>${Array.from({ length: 1500 }, (_n, i) => attribute(`a${i}`, ['value'])).join('')}</saml:AttributeStatement>`;
    const heavy = encodePost(responseXml({ sign: 'both', attributes }));
    // By processor time, because the workers have the cores: in this thread only a clone of the answers is made.
    let [last, longest] = [processorTime(), 0];
    const look = () => {
      const now = processorTime();
      longest = Math.max(longest, now - last);
      last = now;
    };
    const looking = setInterval(look, 1);
    const results = await Promise.all(Array.from({ length: 20 }, () => pool.verifyResponse(heavy, expectations())));
    look();
    clearInterval(looking);
    expect(results.every((result) => result.ok)).to.equal(true);
    expect(longest).to.be.below(50);
  }).timeout(30_000);

  it('SA-15: a message over its deadline is answered timeout, its worker replaced', async () => {
    pool = createSamlPool({ size: 1, deadline: 1 });
    const slow = encodePost(
      responseXml({
        sign: 'both',
        attributes: `<saml:AttributeStatement>${attribute('a', Array(2000).fill('v'))}</saml:AttributeStatement>`,
      }),
    );
    const first = await pool.verifyResponse(slow, expectations());
    expect(first.ok ? 'accepted' : first.code).to.equal('timeout');
    const second = await pool.verifyResponse(slow, expectations());
    expect(second.ok ? 'accepted' : second.code).to.equal('timeout');
  });

  it('SA-10: beyond the queue the answer is busy, at once', async () => {
    pool = createSamlPool({ size: 1, queueLimit: 3 });
    const asked = Array.from({ length: 6 }, () => pool.verifyResponse(field, expectations()));
    expect(pool.load).to.deep.equal({ running: 0, waiting: 3, refused: 3 });
    const results = await Promise.all(asked);
    expect(pool.load).to.deep.equal({ running: 0, waiting: 0, refused: 3 });
    expect(results.map((result) => (result.ok ? 'ok' : result.code))).to.deep.equal([
      'ok',
      'ok',
      'ok',
      'busy',
      'busy',
      'busy',
    ]);
  });

  it('answers internal, and tells the log, when a caller asks for nonsense', async () => {
    const errors: Error[] = [];
    pool = createSamlPool({ onError: (error) => errors.push(error) });
    const result = await pool.verifyResponse(field, expectations({ skewSeconds: 9999 }));
    expect(result.ok ? 'accepted' : result.code).to.equal('internal');
    expect(errors.map((error) => error.message)).to.deep.equal(['TypeError: skew must be between 0 and 300 seconds']);
  });

  it('answers what waits when it is closed', async () => {
    pool = createSamlPool({ size: 1 });
    const waiting = pool.verifyResponse(field, expectations());
    await pool.close();
    const result = await waiting;
    expect(result.ok ? 'accepted' : result.code).to.equal('busy');
  });

  it('reads metadata and logout messages too', async () => {
    pool = createSamlPool();
    expect(await pool.readIdpMetadata('<x/>', { now: 0 })).to.deep.include({ ok: false, code: 'message.namespace' });
    const logout = await pool.verifyLogout(
      { binding: 'redirect', query: 'x=y' },
      { idpEntityId: 'x', sloUrl: 'y', certificates: [], now: 0 },
    );
    expect(logout.ok ? 'accepted' : logout.code).to.equal('message.structure');
  });

  it('works after a build too: worker and schemas are found beside the emitted file', async function () {
    this.timeout(60_000);
    pool = createSamlPool();
    const root = fileURLToPath(new URL('../../../', import.meta.url));
    const out = await mkdtemp(join(root, 'node_modules/.saml-build-'));
    try {
      const run = promisify(execFile);
      const source = join(root, 'src/federation/saml');
      const options = [
        '--outDir',
        join(out, 'saml'),
        '--rootDir',
        source,
        '--noEmit',
        'false',
        '--target',
        'es2024',
        '--module',
        'nodenext',
      ];
      const flags = ['--skipLibCheck', '--rewriteRelativeImportExtensions', '--types', 'node', '--ignoreConfig'];
      await run(
        join(root, 'node_modules/.bin/tsc'),
        [join(source, 'pool.ts'), join(source, 'worker.ts'), ...options, ...flags],
        { cwd: out },
      );
      await symlink(join(source, 'schemas'), join(out, 'saml/schemas'));
      const built = (await import(join(out, 'saml/pool.js'))) as { createSamlPool: typeof createSamlPool };
      expect(await readFile(join(out, 'saml/worker.js'), 'utf8')).to.include("from './jobs.js'");
      const other = built.createSamlPool();
      const result = await other.verifyResponse(field, expectations());
      await other.close();
      expect(result.ok ? 'accepted' : result.code).to.equal('accepted');
    } finally {
      await rm(out, { recursive: true });
    }
  });
});

describe('what a worker loads', () => {
  it('samlify builds messages and reads none: nothing that a worker imports leads to it', async () => {
    const folder = new URL('../../../src/federation/saml/', import.meta.url);
    const seen = new Set<string>();
    const waiting = ['worker.ts'];
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      if (seen.has(name)) continue;
      seen.add(name);
      const source = await readFile(new URL(name, folder), 'utf8');
      for (const [, from = ''] of source.matchAll(/^(?:import|export)\b(?! type)[^;]*? from '([^']+)';/gms)) {
        expect(from, name).to.not.equal('samlify');
        if (from.startsWith('./')) waiting.push(from.slice(2));
      }
    }
    expect([...seen]).to.include.members(['response.ts', 'signature.ts', 'logout.ts', 'metadata.ts']);
  });
});
