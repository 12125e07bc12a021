/** Hostile bodies at every door: refused in the door's own words, with nothing half-written. */
import { expect } from 'chai';
import { samlKeys } from '../../src/federation/keys/service.ts';
import { company, type Company } from '../federation/company.ts';
import { authorizationUrl, basic, makeApplication, type RelyingParty } from '../oidc/rp.ts';
import { directory, type Directory, ERROR, USER } from '../scim/door.ts';
import { formsOf, Visitor } from '../signin/person.ts';
import { type Answer, type World, world } from '../support/world.ts';

const deep = (depth: number, open: string, close: string): string => open.repeat(depth) + close.repeat(depth);
const nul = '\u0000';

/** Bodies that no honest program sends, around a field that the door knows. */
const jsonBodies = (field: string): Record<string, string> => ({
  '10 MB': JSON.stringify({ [field]: 'x'.repeat(10 * 1024 * 1024) }),
  'arrays of depth 100,000': `{"${field}":${deep(100_000, '[', ']')}}`,
  'objects of depth 100,000': `{"${field}":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`,
  'a null character': JSON.stringify({ [field]: `a${nul}b` }),
  'a null character in a name': `{"${field}\\u0000":"x"}`,
  'a lone surrogate': `{"${field}":"\\ud800"}`,
  'a lone surrogate in a name': `{"\\udfff":"x"}`,
  '10,000 names': JSON.stringify(Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`n${i}`, i]))),
  __proto__: `{"__proto__":{"isAdmin":true},"${field}":"x"}`,
  constructor: `{"constructor":{"prototype":{"isAdmin":true}},"${field}":"x"}`,
  'no object': '[]',
  'a text': '"x"',
  null: 'null',
  'broken JSON': `{"${field}":`,
  'two values': `{"${field}":"x"}{"${field}":"y"}`,
  'invalid UTF-8': `{"${field}":"\xff\xfe`,
  'a number beyond numbers': `{"${field}":1e999999}`,
});

const formBodies = (field: string): Record<string, string> => ({
  '10 MB': `${field}=${'x'.repeat(10 * 1024 * 1024)}`,
  'a null character': `${field}=a%00b`,
  '10,000 parameters': Array.from({ length: 10_000 }, (_, i) => `n${i}=${i}`).join('&'),
  'the same 1,000 times': Array.from({ length: 1000 }, (_, i) => `${field}=${i}`).join('&'),
  'brackets of depth 10,000': `${field}${deep(10_000, '[a]', '')}=x`,
  __proto__: `__proto__[isAdmin]=1&${field}=x&constructor[prototype][isAdmin]=1`,
  'broken escapes': `${field}=%zz%u0041%`,
  'invalid UTF-8': `${field}=%ff%fe%c0%af`,
  'a lone surrogate': `${field}=%ed%a0%80`,
  JSON: JSON.stringify({ [field]: 'x' }),
});

describe('security: hostile bodies', function () {
  this.timeout(180_000);
  let w: World;
  let client: RelyingParty;
  let scim: Directory;
  let acme: Company;
  before(async () => {
    w = await world();
    client = await makeApplication(w, { grant_types: ['authorization_code', 'refresh_token', 'client_credentials'] });
    scim = await directory(w);
    acme = await company(w);
    // Made at their first use.
    await samlKeys(w.app);
  });
  after(() => w.close());

  const tables = [
    'users',
    'organizations',
    'user_groups',
    'oidc_access_tokens',
    'oidc_grants',
    'sessions',
    'audit_logs',
    'roles',
  ];
  const rows = async (): Promise<string> => {
    const counts = tables.map((table) => `(select count(*) from ${table})::text`).join(" || ',' || ");
    return (await w.db.raw(`select ${counts} as counts`)).rows[0].counts;
  };

  async function holds(name: string, ask: () => Promise<Answer>, form: (answer: Answer) => void): Promise<void> {
    const before = await rows();
    const began = performance.now();
    const answer = await ask();
    expect(answer.status, `${name}: ${answer.text.slice(0, 300)}`).to.be.within(400, 499);
    expect(answer.text.length, name).to.be.below(20_000);
    form(answer);
    expect(performance.now() - began, `${name} took long`).to.be.below(5000);
    expect(await rows(), `${name} wrote something`).to.equal(before);
    expect(({} as { isAdmin?: unknown }).isAdmin, name).to.equal(undefined);
  }

  const problem = (answer: Answer) => {
    expect(answer.headers.get('content-type')).to.match(/^application\/problem\+json/);
    expect(answer.body.status).to.equal(answer.status);
  };
  const latin1 = (body: string): Uint8Array<ArrayBuffer> =>
    new Uint8Array(Buffer.from(body, body.includes('\xff') ? 'latin1' : 'utf8'));

  it('AZ-07: REST answers with problems', async () => {
    for (const path of [
      '/organizations',
      `/organizations/${acme.org_id}/users`,
      `/organizations/${acme.org_id}/identity-providers`,
    ]) {
      const field = path.endsWith('/users') ? 'email' : path.endsWith('providers') ? 'name' : 'org_name';
      for (const [name, body] of Object.entries(jsonBodies(field))) {
        const ask = () =>
          w.request(`/api/v1${path}`, {
            method: 'POST',
            headers: { authorization: `Bearer ${w.apiKey}`, 'content-type': 'application/json' },
            body: latin1(body),
          });
        await holds(`${path} ${name}`, ask, problem);
      }
    }
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/xml',
      '',
    ]) {
      const headers = { authorization: `Bearer ${w.apiKey}`, ...(type === '' ? {} : { 'content-type': type }) };
      const ask = () =>
        w.request('/api/v1/organizations', { method: 'POST', headers, body: latin1('{"org_name":"x"}') });
      await holds(`as ${type}`, ask, (answer) => expect(answer.status).to.equal(415));
    }
  });

  it('SC-06, AZ-07: SCIM answers with SCIM errors', async () => {
    const id = await scim.user('here@scim.example');
    for (const [method, path] of [
      ['POST', '/Users'],
      ['PUT', `/Users/${id}`],
      ['PATCH', `/Users/${id}`],
      ['POST', '/Groups'],
      ['POST', '/Bulk'],
      ['POST', '/.search'],
    ] as const) {
      const field = path.startsWith('/Users') ? 'userName' : path === '/Groups' ? 'displayName' : 'Operations';
      for (const [name, body] of Object.entries(jsonBodies(field))) {
        const ask = () =>
          w.request(`/scim/v2${path}`, {
            method,
            headers: { authorization: `Bearer ${scim.token}`, 'content-type': 'application/scim+json' },
            body: latin1(body),
          });
        // A search without a filter is a list; 10,000 unknown names beside it mean nothing.
        if (path === '/.search' && ['10,000 names', 'a number beyond numbers'].includes(name)) continue;
        await holds(`${method} ${path} ${name}`, ask, (answer) => {
          expect(answer.headers.get('content-type')).to.match(/^application\/scim\+json/);
          expect(answer.body.schemas).to.deep.equal([ERROR]);
        });
      }
    }
    expect((await scim.send('GET', `/Users/${id}`)).body.userName).to.equal('here@scim.example');
    expect((await scim.send('POST', '/Users', { schemas: [USER], userName: 'still@scim.example' })).status).to.equal(
      201,
    );
  });

  it('OA-10: OAuth answers with OAuth errors', async () => {
    for (const [path, field] of [
      ['/oauth/token', 'grant_type'],
      ['/oauth/introspect', 'token'],
      ['/oauth/par', 'client_id'],
    ] as const) {
      for (const [name, body] of Object.entries(formBodies(field))) {
        const ask = () =>
          w.request(path, {
            method: 'POST',
            headers: { authorization: basic(client), 'content-type': 'application/x-www-form-urlencoded' },
            body,
          });
        // Introspection of what is no token is a good question.
        if (path === '/oauth/introspect' && /null|UTF-8|surrogate|escapes|__proto__/.test(name)) continue;
        await holds(`${path} ${name}`, ask, (answer) => expect(answer.body.error, name).to.be.a('string'));
      }
    }
  });

  it('AZ-07, WB-15: sign-in forms and SAML answer with pages', async () => {
    const visitor = await new Visitor(w).begin(client);
    const csrf = formsOf(visitor.page.text)[0]?.fields.csrf ?? '';
    for (const [name, body] of Object.entries(formBodies('identifier'))) {
      const ask = () =>
        visitor.browser.go(`/signin/${visitor.uid}/identify`, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body,
        });
      await holds(name, ask as never, (answer) => expect(answer.headers.get('content-type')).to.match(/^text\/html/));
    }
    // With a good token, what is left of the name is only a name.
    for (const name of ['broken escapes', 'invalid UTF-8', 'a lone surrogate', 'the same 1,000 times'] as const) {
      const body = `${formBodies('identifier')[name]}&csrf=${csrf}`;
      const answer = await visitor.browser.go(`/signin/${visitor.uid}/identify`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body,
      });
      expect(answer.status, `${name}: ${answer.text.slice(0, 200)}`).to.be.oneOf([303, 400, 403]);
    }
    for (const [name, body] of Object.entries(formBodies('SAMLResponse'))) {
      for (const address of [acme.provider.sp.acs_url, acme.provider.sp.slo_url]) {
        const ask = () =>
          w.request(new URL(address).pathname, {
            method: 'POST',
            headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/html' },
            body,
          });
        await holds(`${address} ${name}`, ask, (answer) =>
          expect(answer.headers.get('content-type')).to.match(/^text\/html/),
        );
      }
    }
  });

  it('OA-01, WB-05: hostile parameters of an authorization request', async () => {
    const good = authorizationUrl(client);
    for (const [name, more] of Object.entries({
      'null character': '&login_hint=%00',
      'null character in a name': '&a%00b=1',
      '10,000 parameters': `&${Array.from({ length: 1500 }, (_, i) => `n${i}=1`).join('&')}`,
      surrogate: '&login_hint=%ed%a0%80',
      escapes: '&login_hint=%zz%',
      proto: '&__proto__[x]=1&constructor=1&toString=1',
      claims: `&claims=${encodeURIComponent(deep(3000, '{"a":', '}'))}`,
      'claims of a kind': `&claims=${encodeURIComponent('{"id_token":{"__proto__":{"essential":true}},"userinfo":5}')}`,
    })) {
      const answer = await w.request(good + more, { headers: { accept: 'text/html' } });
      expect(answer.status, `${name}: ${answer.text.slice(0, 200)}`).to.be.oneOf([303, 400, 414, 431]);
      expect(
        w.logLines.filter((line) => line.includes('"level":"error"')),
        name,
      ).to.deep.equal([]);
    }
  });
});
