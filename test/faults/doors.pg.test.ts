/**
 * Every door while the database is frozen, and while slow statements hold every connection: 503 with Retry-After in the door's own
 * words, soon; what needs no database is answered as ever; and all of it recovers by itself (RE-01, RE-03, RE-05). The list of REST
 * addresses is generated from the routes.
 */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import pg from 'pg';
import { routes } from '../../src/app.ts';
import { newId } from '../../src/core/id.ts';
import { Browser } from '../../src/demo/browser.ts';
import { authorizationParameters, authorizationUrl, redirectUri } from '../oidc/rp.ts';
import { type OwnPostgres, ownPostgres, skipWithoutPostgres } from '../support/own-postgres.ts';
import { type LintelProcess, startProcess } from '../support/process.ts';
import { USER } from '../scim/door.ts';
import { pause } from '../support/waiting.ts';

type Words = 'problem' | 'scim' | 'oauth' | 'page';

interface Asked {
  readonly door: Words;
  readonly method: string;
  readonly path: string;
  readonly init: RequestInit;
}

interface Seen {
  readonly asked: Asked;
  readonly status: number;
  readonly retry: string | null;
  readonly type: string;
  readonly text: string;
  readonly ms: number;
}

describe('faults: every door without a database', function () {
  this.timeout(180_000);
  // Seconds are counted here, on a machine that others use too: a second try, never a third.
  this.retries(1);
  let postgres: OwnPostgres;
  let lintel: LintelProcess;
  let asked: Asked[];

  before(async function () {
    skipWithoutPostgres(this);
    postgres = await ownPostgres();
    await postgres.start();
    lintel = await startProcess({
      environment: {
        LINTEL_DATABASE_URL: postgres.address,
        LINTEL_KEY: randomBytes(32).toString('base64'),
        LINTEL_DATABASE_POOL: '4',
        LINTEL_LOG_LEVEL: 'error',
      },
    });
    const made = async (path: string, body: object) =>
      (await (await lintel.api('POST', path, body)).json()) as Record<string, string>;
    const { org_id = '' } = await made('/organizations', { org_name: 'Doors' });
    const { client_id } = await made(`/organizations/${org_id}/scim-clients`, {});
    const { token = '' } = await made(`/organizations/${org_id}/scim-clients/${client_id}/tokens`, {});
    const application = await made('/applications', {
      client_name: 'Doors',
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    });
    asked = [...rest(lintel, org_id), ...scim(token), ...oauth(application), ...(await pages(application))];
  });
  after(async () => {
    lintel?.signal('SIGKILL');
    await postgres?.remove();
  });

  /** Each REST route, with an id for each parameter; nobody gets as far as the body. */
  function rest({ apiKey }: LintelProcess, orgId: string): Asked[] {
    return routes.map(({ method, path }) => ({
      door: 'problem',
      method: method.toUpperCase(),
      path: `/api/v1${path.replace('{org_id}', orgId).replace(/\{[a-z_]+\}/g, () => newId())}`,
      init: {
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        ...(/^(GET|DELETE)$/i.test(method) ? {} : { body: '{}' }),
      },
    }));
  }

  function scim(token: string): Asked[] {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' };
    const one = (method: string, path: string, body?: object): Asked => ({
      door: 'scim',
      method,
      path: `/scim/v2${path}`,
      init: { headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) },
    });
    const operations = { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations: [] };
    const kinds = ['Users', 'Groups'].flatMap((kind) => [
      one('GET', `/${kind}`),
      one('POST', `/${kind}`, { schemas: [USER], userName: 'new@example.test' }),
      one('POST', `/${kind}/.search`, { schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'] }),
      one('GET', `/${kind}/${newId()}`),
      one('PUT', `/${kind}/${newId()}`, { schemas: [USER], userName: 'new@example.test' }),
      one('PATCH', `/${kind}/${newId()}`, operations),
      one('DELETE', `/${kind}/${newId()}`),
    ]);
    const bulk = { schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'], Operations: [] };
    return [...kinds, one('POST', '/Bulk', bulk), one('GET', '/Schemas'), one('GET', '/ServiceProviderConfig')];
  }

  function oauth({ client_id = '', client_secret = '' }: Record<string, string>): Asked[] {
    const form = (path: string, parameters: Record<string, string>): Asked => ({
      door: 'oauth',
      method: 'POST',
      path,
      init: {
        body: new URLSearchParams({ client_id, client_secret, ...parameters }),
        headers: { accept: 'application/json' },
      },
    });
    const bearer = { authorization: `Bearer ltl_at_${'a'.repeat(43)}`, accept: 'application/json' };
    return [
      form('/oauth/token', { grant_type: 'client_credentials' }),
      form('/oauth/token', { grant_type: 'refresh_token', refresh_token: `ltl_rt_${'a'.repeat(43)}` }),
      form('/oauth/token', {
        grant_type: 'authorization_code',
        code: 'a'.repeat(43),
        redirect_uri: redirectUri,
        code_verifier: 'v'.repeat(43),
      }),
      form('/oauth/introspect', { token: `ltl_at_${'a'.repeat(43)}` }),
      form('/oauth/revoke', { token: `ltl_rt_${'a'.repeat(43)}` }),
      form('/oauth/par', authorizationParameters({ client_id })),
      { door: 'oauth', method: 'GET', path: '/oauth/userinfo', init: { headers: bearer } },
    ];
  }

  /** As a browser asks. */
  async function pages({ client_id = '' }: Record<string, string>): Promise<Asked[]> {
    const headers = { accept: 'text/html' };
    const authorize = authorizationUrl({ client_id });
    const browser = new Browser();
    const signin = await browser.open(lintel.url + authorize);
    const cookie = browser.cookiesFor(signin.url).join('; ');
    const response = Buffer.from(
      '<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_1" Version="2.0"/>',
    ).toString('base64');
    return [
      { door: 'page', method: 'GET', path: authorize, init: { headers } },
      { door: 'page', method: 'GET', path: new URL(signin.url).pathname, init: { headers: { ...headers, cookie } } },
      { door: 'page', method: 'GET', path: `/setup/${'s'.repeat(43)}`, init: { headers } },
      { door: 'page', method: 'GET', path: `/saml/${newId()}/metadata`, init: { headers } },
      {
        door: 'page',
        method: 'POST',
        path: `/saml/${newId()}/acs`,
        init: { headers, body: new URLSearchParams({ SAMLResponse: response, RelayState: 'r'.repeat(43) }) },
      },
    ];
  }

  async function see(one: Asked): Promise<Seen> {
    const began = performance.now();
    const response = await fetch(lintel.url + one.path, { method: one.method, redirect: 'manual', ...one.init });
    const text = await response.text();
    const { status, headers } = response;
    const type = headers.get('content-type') ?? '';
    return { asked: one, status, retry: headers.get('retry-after'), type, text, ms: performance.now() - began };
  }

  /** So many at a time: each of them waits for the database by itself. */
  async function seeAll(list: readonly Asked[], atOnce = 24): Promise<Seen[]> {
    const seen: Seen[] = [];
    for (let at = 0; at < list.length; at += atOnce)
      seen.push(...(await Promise.all(list.slice(at, at + atOnce).map((one) => see(one)))));
    return seen;
  }

  /** Of addresses that are answered from memory, or refused before anybody asks the database, nothing is expected here. */
  const needsDatabase = ({ path }: Asked): boolean => !/^\/scim\/v2\/(Schemas|ServiceProviderConfig)$/.test(path);

  function expectWords({ asked: { door, method, path }, status, retry, type, text }: Seen): void {
    const what = `${method} ${path}: ${status} ${type} ${text.slice(0, 300)}`;
    expect(status, what).to.equal(503);
    expect(Number(retry), what).to.be.greaterThan(0);
    if (door === 'page') expect(type, what).to.match(/^text\/html/);
    if (door === 'problem') expect(type, what).to.match(/^application\/problem\+json/);
    if (door === 'problem')
      expect(JSON.parse(text), what).to.deep.include({ code: 'database_unavailable', status: 503 });
    if (door === 'scim') expect(type, what).to.match(/^application\/scim\+json/);
    if (door === 'scim') expect(JSON.parse(text), what).to.deep.include({ status: '503' });
    if (door === 'oauth') expect(JSON.parse(text), what).to.deep.include({ error: 'temporarily_unavailable' });
  }

  async function expectAlive(): Promise<void> {
    for (const path of [
      '/health/live',
      '/.well-known/openid-configuration',
      '/oauth/jwks',
      '/.well-known/oauth-authorization-server',
    ]) {
      const began = performance.now();
      const response = await fetch(lintel.url + path);
      await response.text();
      expect([path, response.status]).to.deep.equal([path, 200]);
      expect(performance.now() - began, path).to.be.below(1000);
    }
  }

  async function expectRecovery(): Promise<void> {
    const deadline = performance.now() + 10_000;
    for (;;) {
      const ready = await fetch(`${lintel.url}/health/ready`);
      await ready.text();
      if (ready.status === 200) break;
      expect(performance.now()).to.be.below(deadline);
      await pause(100);
    }
    const seen = await seeAll(asked, 4);
    expect(
      seen.filter(({ status }) => status >= 500).map(({ asked: { path }, status }) => `${path} ${status}`),
    ).to.deep.equal([]);
  }

  it('answers every one of them while all is well', async () => {
    await expectRecovery();
    expect(asked.length).to.be.greaterThan(routes.length + 20);
  });

  it('RE-01, RE-05: frozen: every address within five seconds and in its own words; discovery, keys and health/live as ever', async () => {
    postgres.freeze();
    try {
      const all = seeAll(asked.filter(needsDatabase));
      await expectAlive();
      const seen = await all;
      await expectAlive();
      for (const one of seen) expectWords(one);
      expect(seen.filter(({ ms }) => ms > 5000).map(({ asked: { path }, ms }) => `${path} ${ms}`)).to.deep.equal([]);
      const ready = await fetch(`${lintel.url}/health/ready`);
      expect(ready.status).to.equal(503);
    } finally {
      postgres.thaw();
    }
    await expectRecovery();
  });

  it('RE-03: slow statements hold every connection: 503 about two seconds later, the queue is bounded, and it recovers', async () => {
    const holder = new pg.Client(postgres.address);
    await holder.connect();
    let holding = true;
    try {
      await holder.query('begin; lock table service_accounts in access exclusive mode');
      // Each of these takes a connection until its statement is given up, and the next one takes it then.
      const slow = async () => {
        while (holding) await (await lintel.api('GET', '/service-accounts')).text().catch(() => undefined);
      };
      for (let count = 0; count < 16; count += 1) void slow();
      await pause(300);
      const sample = asked.filter(
        (one, at) =>
          needsDatabase(one) && !one.path.includes('service-accounts') && (one.door !== 'problem' || at % 12 === 0),
      );
      const seen = await seeAll(sample, sample.length);
      await expectAlive();
      const unavailable = seen.filter(({ status }) => status === 503);
      // A connection is free for a moment when a slow statement is given up: who gets it then is answered.
      expect(
        unavailable.length,
        seen.map(({ asked: { path }, status }) => `${path} ${status}`).join('\n'),
      ).to.be.greaterThan(seen.length / 2);
      for (const one of unavailable) expectWords(one);
      const times = seen.map(({ ms }) => ms).toSorted((a, b) => a - b);
      process.stdout.write(
        `      ${seen.length} asked, ${unavailable.length} × 503; median ${Math.round(times[times.length >> 1] ?? 0)} ms, slowest ${Math.round(times.at(-1) ?? 0)} ms\n`,
      );
      expect(times[times.length >> 1]).to.be.below(3500);
      expect(times.at(-1)).to.be.below(5000);

      const one = asked.find(({ path }) => path.endsWith('/audit-logs')) as Asked;
      const flood = await Promise.all(Array.from({ length: 600 }, () => see(one)));
      // Who has waited for a place, then for a connection, then for another one, may be told a little later than the others.
      const others = flood.filter(({ status, ms }) => (status !== 503 && status !== 200) || ms > 8000);
      expect(others.map(({ status, ms, text }) => `${status} ${Math.round(ms)} ${text.slice(0, 200)}`)).to.deep.equal(
        [],
      );
      expect(flood.filter(({ ms }) => ms > 5000).length).to.be.below(flood.length / 20);
      expect(flood.filter(({ status }) => status === 503).length).to.be.greaterThan(100);
      await expectAlive();
    } finally {
      holding = false;
      await holder.query('rollback');
      await holder.end();
    }
    await expectRecovery();
  });
});
