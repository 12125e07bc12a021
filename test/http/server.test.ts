import { expect } from 'chai';
import { policyOf } from '../../src/http/server.ts';
import { type World, world } from '../support/world.ts';
import { ask } from './served.ts';

describe('http/server', () => {
  let w: World;
  let port: number;
  before(async () => {
    w = await world();
    port = w.config.port;
  });
  after(() => w.close());

  it('MT-04: answers 421 for a Host that is not the issuer’s', async () => {
    for (const host of [
      'evil.example',
      `localhost:${port}.evil.example`,
      `127.0.0.1:${port}`,
      'localhost',
      `localhost:${port}@evil.example`,
    ]) {
      const reply = await ask(port, '/api/v1/audit-logs', { headers: { host } });
      expect([reply.status, reply.body.code], host).to.deep.equal([421, 'misdirected']);
      expect(reply.text).not.to.include('evil');
    }
    expect((await ask(port, '/openapi.json', { headers: { host: `LOCALHOST:${port}` } })).status).to.equal(200);
  });

  it('leads a browser that came by another name to the one that is ours', async () => {
    const reply = await ask(port, '/', { headers: { host: `127.0.0.1:${port}`, accept: 'text/html' } });
    expect(reply.status).to.equal(421);
    expect(reply.text).to.include(`This server answers as ${w.config.url}.`).and.include(`href="${w.config.url}"`);
  });

  it('MT-04: believes no forwarded header about its own name', async () => {
    const plain = await ask(port, '/openapi.json');
    const forged = await ask(port, '/openapi.json', {
      headers: {
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'https',
        'x-forwarded-port': '444',
        forwarded: 'host=evil.example;proto=https',
        'x-original-host': 'evil.example',
      },
    });
    expect(forged.text).to.equal(plain.text);
    expect(JSON.stringify(forged.headers)).not.to.include('evil');
  });

  it('lets health checks come by address', async () => {
    expect((await ask(port, '/health/live', { headers: { host: '10.0.0.7' } })).status).to.equal(200);
  });

  it('WB-08: sends the security headers with every answer, faults included', async () => {
    for (const path of ['/openapi.json', '/api/v1/audit-logs', '/nowhere', '/health/ready']) {
      const { headers } = await ask(port, path);
      if (path !== '/openapi.json') expect(headers['cache-control'], path).to.equal('no-store');
      expect(headers, path).to.include({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'same-origin',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=()',
      });
      expect(headers['content-security-policy'], path).to.match(/default-src 'none'/);
      expect(headers, path).not.to.have.any.keys('x-powered-by', 'server', 'strict-transport-security');
    }
  });

  it('WB-04: makes a policy with a fresh nonce, without unsafe words, that nobody may frame', async () => {
    const policies = await Promise.all(
      [1, 2, 3].map(async () => (await ask(port, '/api/docs')).headers['content-security-policy']),
    );
    expect(new Set(policies).size).to.equal(3);
    for (const policy of policies) {
      expect(policy).to.match(/script-src 'nonce-[\w+/=]{24}'/);
      expect(policy).to.include("frame-ancestors 'none'").and.include("base-uri 'none'");
      expect(policy).not.to.match(/unsafe|\*/);
    }
    const policy = policyOf({ nonce: 'n', formTargets: ['https://idp.example'] });
    expect(policy).to.include("form-action 'self' https://idp.example;");
  });

  it('WB-04, WB-15: the page of a fault allows what it carries itself', async () => {
    const { headers, text } = await ask(port, '/nowhere', { headers: { accept: 'text/html' } });
    const [, nonce] = /nonce="([^"]+)"/.exec(text) ?? [];
    expect(nonce).to.have.length(24);
    expect(headers['content-security-policy']).to.include(`script-src 'nonce-${nonce}';`);
  });

  it('WB-04: what is no page runs no script', async () => {
    for (const path of ['/openapi.json', '/health/live', '/api/v1/audit-logs']) {
      const policy = (await ask(port, path)).headers['content-security-policy'];
      expect(policy, path).to.include("script-src 'none';").and.include("style-src 'self';").and.not.include('nonce');
      expect(policy, path).to.include("frame-ancestors 'none'").and.include("base-uri 'none'");
    }
  });

  it('RFC 6750 §3.1: tells who shows a token that is no good from who shows none', async () => {
    const challenge = async (headers: Record<string, string>) =>
      (await w.request('/api/v1/organizations', { headers })).headers.get('www-authenticate');
    expect(await challenge({})).to.equal('Bearer realm="lintel"');
    expect(await challenge({ authorization: 'Bearer of-nobody' })).to.equal(
      'Bearer realm="lintel", error="invalid_token"',
    );
  });

  it('gives each request an id of its own, whatever the client says', async () => {
    const ids = await Promise.all(
      [1, 2].map(
        async () =>
          (await ask(port, '/health/live', { headers: { 'x-request-id': 'forged' } })).headers['x-request-id'],
      ),
    );
    expect(ids[0]).to.match(/^[0-9a-f-]{36}$/);
    expect(ids[0]).not.to.equal(ids[1]);
  });

  it('logs a request by its route, never by its path, query or credentials', async () => {
    const before = w.logLines.length;
    await ask(port, '/nowhere/canary-path?canary=query', {
      headers: { authorization: 'Bearer canary-token', cookie: 'a=canary-cookie' },
    });
    const lines = w.logLines.slice(before).join('');
    expect(lines).to.include('"message":"request"').and.not.include('canary');
  });

  it('shows browsers a page and programs a problem', async () => {
    const page = await ask(port, '/nowhere', { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } });
    expect(page.status).to.equal(404);
    const problem = await ask(port, '/nowhere', { headers: { accept: '*/*' } });
    expect(problem.headers['content-type']).to.match(/problem\+json/);
    expect(problem.body).to.include({ code: 'not_found', status: 404, type: 'urn:lintel:fault:not_found' });
    const api = await ask(port, '/api/v1/nowhere', { headers: { accept: 'text/html' } });
    expect(api.headers['content-type']).to.match(/problem\+json/);
  });

  it('WB-12: refuses headers beyond 16 KiB', async () => {
    const reply = await ask(port, '/health/live', { headers: { 'x-large': 'x'.repeat(20_000) } });
    expect(reply.status).to.equal(431);
  });
});
