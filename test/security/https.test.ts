/** As it runs in production: behind a proxy that ends TLS, under an issuer that is https (WB-08, WB-10, SE-03, MT-04). */
import { expect } from 'chai';
import { createHmac } from 'node:crypto';
import { ask, type Reply } from '../http/served.ts';
import { authorizationUrl, type RelyingParty } from '../oidc/rp.ts';
import { formsOf, goodPassword, insertPersonWithPassword } from '../signin/person.ts';
import { type World, world } from '../support/world.ts';

const host = 'id.example.com';
const issuer = `https://${host}`;

interface Cookie {
  readonly name: string;
  value: string;
  readonly path: string;
  readonly line: string;
}

describe('security: behind a proxy, by https', function () {
  this.timeout(60_000);
  let w: World;
  let port: number;
  let client: RelyingParty;
  before(async () => {
    w = await world({ environment: { LINTEL_URL: issuer, LINTEL_TRUSTED_PROXIES: '127.0.0.1,::1' } });
    port = w.config.port;
    const made = await ask(port, '/api/v1/applications', {
      method: 'POST',
      headers: { host, 'content-type': 'application/json', authorization: `Bearer ${w.apiKey}` },
      body: JSON.stringify({ client_name: 'Sample', redirect_uris: ['https://app.example/cb'], first_party: true }),
    });
    expect(made.status, made.text).to.equal(201);
    client = made.body as unknown as RelyingParty;
  });
  after(() => w.close());

  /** A browser behind the proxy: cookies as a browser keeps them, one request at a time. */
  class Behind {
    jar: Cookie[] = [];
    /** Every cookie that was ever set, as it was set. */
    readonly lines: string[] = [];

    async go(address: string, form?: Record<string, string>): Promise<Reply> {
      const url = new URL(address, issuer);
      const cookie = this.jar
        .filter(({ path }) => url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`))
        .map(({ name, value }) => `${name}=${value}`)
        .join('; ');
      const answer = await ask(port, url.pathname + url.search, {
        method: form ? 'POST' : 'GET',
        headers: {
          host,
          accept: 'text/html',
          // What the proxy says of the address counts; what it is made to say of the protocol does not.
          'x-forwarded-for': '203.0.113.9',
          'x-forwarded-proto': 'http',
          ...(cookie ? { cookie } : {}),
          ...(form ? { origin: issuer, 'content-type': 'application/x-www-form-urlencoded' } : {}),
        },
        ...(form ? { body: new URLSearchParams(form).toString() } : {}),
      });
      for (const line of answer.headers['set-cookie'] ?? []) this.#keep(line);
      return answer;
    }

    #keep(line: string): void {
      this.lines.push(line);
      const [pair = '', ...rest] = line.split(/; */);
      const at = pair.indexOf('=');
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
      const path = rest.find((part) => /^path=/i.test(part))?.slice(5) ?? '/';
      this.jar = this.jar.filter((cookie) => cookie.name !== name || cookie.path !== path);
      if (value !== '' && !rest.some((part) => /^expires=Thu, 01 Jan 1970/i.test(part)))
        this.jar.push({ name, value, path, line });
    }

    async follow(answer: Reply): Promise<Reply> {
      let page = answer;
      for (let hop = 0; hop < 10 && page.status === 303; hop += 1) {
        const next = new URL(page.headers.location ?? '', issuer);
        if (next.origin !== issuer) return page;
        page = await this.go(next.href);
      }
      return page;
    }

    async fill(page: Reply, fields: Record<string, string>): Promise<Reply> {
      const [form] = formsOf(page.text);
      return this.follow(await this.go(form?.action ?? '', { ...form?.fields, ...fields }));
    }

    /** @returns the address at the application */
    async signIn(email: string): Promise<Reply> {
      const page = await this.follow(await this.go(authorizationUrl(client)));
      return this.fill(await this.fill(page, { identifier: email }), { password: goodPassword });
    }
  }

  it('WB-08: every answer asks for https for two years, on all hosts below', async () => {
    for (const path of [
      '/',
      '/nowhere',
      '/api/v1/organizations',
      '/scim/v2/Users',
      '/oauth/authorize',
      '/oauth/jwks',
      '/.well-known/openid-configuration',
      '/saml/x/acs',
      '/setup/x',
      '/health/live',
    ]) {
      const { headers } = await ask(port, path, { headers: { host, accept: 'text/html' } });
      expect(headers['strict-transport-security'], path).to.equal('max-age=63072000; includeSubDomains');
      expect(headers['cross-origin-opener-policy'], path).to.equal('same-origin');
      expect(headers, path).not.to.have.any.keys('server', 'x-powered-by', 'via');
      expect(JSON.stringify(headers), path).not.to.match(/lintel\/|koa|node\/|express/i);
    }
  });

  it('MT-04: the issuer is https whatever the proxy’s socket is', async () => {
    const { text } = await ask(port, '/.well-known/openid-configuration', {
      headers: { host, 'x-forwarded-proto': 'http', 'x-forwarded-host': 'evil.example' },
    });
    const said = JSON.parse(text) as Record<string, unknown>;
    expect(said.issuer).to.equal(issuer);
    for (const [name, value] of Object.entries(said)) {
      if (typeof value === 'string' && /_(endpoint|uri)$/.test(name))
        expect(value, name).to.match(/^https:\/\/id\.example\.com\//);
    }
    expect(text).not.to.include('evil');
  });

  it('SE-03, WB-10: every cookie is Secure, HttpOnly, SameSite=Lax, of this host only, and by its name cannot be set from elsewhere', async () => {
    const person = await insertPersonWithPassword(w);
    const browser = new Behind();
    const answer = await browser.signIn(person.email);
    expect(answer.headers.location, answer.text).to.match(/^https:\/\/app\.example\/cb\?code=/);
    expect(browser.lines.length).to.be.greaterThan(5);
    for (const line of browser.lines) {
      const [pair = '', ...attributes] = line.split(/; */).map((part) => part.trim());
      const name = pair.slice(0, pair.indexOf('='));
      const has = attributes.map((part) => part.toLowerCase());
      expect(has, line).to.include.members(['secure', 'httponly', 'samesite=lax']);
      expect(
        has.some((part) => part.startsWith('domain=')),
        line,
      ).to.equal(false);
      // __Host- wants Path=/; what belongs to one sign-in is bound to its path and at least to https.
      if (has.includes('path=/')) expect(name, line).to.match(/^__Host-/);
      else expect(name, line).to.match(/^__Secure-/);
    }
    const [session] = await w.db('sessions').where({ user_id: person.user_id });
    expect(session.ip_address).to.equal('203.0.113.9');
  });

  it('WB-10: no character of any cookie can be changed', async () => {
    const person = await insertPersonWithPassword(w);
    const browser = new Behind();
    await browser.signIn(person.email);
    const outcome = async (jar: Cookie[]): Promise<string> => {
      const trying = new Behind();
      trying.jar = jar;
      const answer = await trying.go(authorizationUrl(client, { prompt: 'none' }));
      const location = new URL(answer.headers.location ?? '', issuer);
      return location.searchParams.get('error') ?? (location.searchParams.get('code') ? 'signed in' : 'neither');
    };
    expect(await outcome(browser.jar)).to.equal('signed in');
    const sessions = browser.jar.filter(({ name }) => name.includes('session'));
    expect(sessions.map(({ name }) => name.endsWith('.sig')).sort()).to.deep.equal([false, true]);
    for (const cookie of sessions) {
      for (let at = 0; at < cookie.value.length; at += 1) {
        // Six bits a character; the highest of them changes what the value says, also in the last one.
        const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
        const flipped = alphabet[alphabet.indexOf(cookie.value[at] ?? 'A') ^ 0b100000] ?? 'A';
        const value = cookie.value.slice(0, at) + flipped + cookie.value.slice(at + 1);
        const jar = browser.jar.map((other) => (other === cookie ? { ...other, value } : other));
        expect(await outcome(jar), `${cookie.name} at ${at}`).to.equal('login_required');
      }
      expect(await outcome(browser.jar.filter((other) => other !== cookie)), `without ${cookie.name}`).to.equal(
        'login_required',
      );
    }
  });

  it('WB-10: nothing is made from what anybody knows', async () => {
    const person = await insertPersonWithPassword(w);
    const [one, two] = [new Behind(), new Behind()];
    await one.signIn(person.email);
    await two.signIn(person.email);
    const values = (browser: Behind) => browser.jar.map(({ value }) => value);
    expect(values(one).filter((value) => values(two).includes(value))).to.deep.equal([]);
    const secret = one.jar.find(({ name }) => name.includes('session') && !name.endsWith('.sig'));
    expect(secret?.value.length).to.be.at.least(43);
    // What a stranger could sign with: the issuer, the client, names of things, and nothing at all.
    const value = 'A'.repeat(43);
    for (const key of [
      '',
      'keyboard cat',
      'lintel',
      'lintel:cookies',
      issuer,
      client.client_id,
      person.user_id,
      'secret',
    ]) {
      for (const algorithm of ['sha1', 'sha256', 'sha512']) {
        const sig = createHmac(algorithm, key).update(`${secret?.name}=${value}`).digest('base64url');
        const trying = new Behind();
        trying.jar = [
          { name: secret?.name ?? '', value, path: '/', line: '' },
          { name: `${secret?.name}.sig`, value: sig, path: '/', line: '' },
        ];
        const answer = await trying.go(authorizationUrl(client, { prompt: 'none' }));
        expect(new URL(answer.headers.location ?? '').searchParams.get('error')).to.equal('login_required');
      }
    }
  });

  it('WB-01: a form is taken from our own origin only, which is https', async () => {
    const browser = new Behind();
    const page = await browser.follow(await browser.go(authorizationUrl(client)));
    const [form] = formsOf(page.text);
    for (const origin of [
      `http://${host}`,
      'null',
      `https://${host}.evil.example`,
      `https://${host}:8443`,
      'https://evil.example',
    ]) {
      const cookie = browser.jar.map(({ name, value }) => `${name}=${value}`).join('; ');
      const answer = await ask(port, form?.action ?? '', {
        method: 'POST',
        headers: {
          host,
          origin,
          cookie,
          accept: 'application/json',
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: new URLSearchParams({ ...form?.fields, identifier: 'x@y.example' }).toString(),
      });
      expect([answer.status, answer.body.code], origin).to.deep.equal([403, 'form_expired']);
    }
  });

  it('WB-11: what is about a person is kept by nobody on the way', async () => {
    const person = await insertPersonWithPassword(w);
    const browser = new Behind();
    const page = await browser.follow(await browser.go(authorizationUrl(client)));
    const next = await browser.fill(page, { identifier: person.email });
    const leaving = await browser.go('/oauth/logout');
    for (const { headers } of [page, next, leaving]) expect(headers['cache-control']).to.match(/\bno-store\b/);
  });
});
