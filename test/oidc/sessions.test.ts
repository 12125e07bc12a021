/** The session of a browser at the provider, and signing out of it (checklist SE). */
import { expect } from 'chai';
import type { World } from '../support/world.ts';
import {
  authorizationUrl,
  Browser,
  makeApplication,
  makePerson,
  oidcWorld,
  type Person,
  type RelyingParty,
  refresh,
  signIn,
  travel,
  userinfo,
} from './rp.ts';

const offline = { scope: 'openid offline_access', prompt: 'consent' };

describe('oidc: sessions', () => {
  let w: World;
  let client: RelyingParty;
  let person: Person & { orgs: string[] };

  before(async () => {
    w = await oidcWorld();
    client = await makeApplication(w);
  });
  beforeEach(async () => {
    person = await makePerson(w, ['Acme']);
  });
  after(() => w.close());

  const begin = (rp = client) => signIn(w, rp, person, offline, { consent: 'allow' });

  describe('sessions', () => {
    it('SE-03, SE-02: cookies are HttpOnly, Lax and signed; a changed one is none', async () => {
      const browser = new Browser(w);
      const { headers } = await browser.go(authorizationUrl(client));
      for (const line of headers.getSetCookie())
        expect(line)
          .to.match(/httponly/i)
          .and.to.match(/samesite=lax/i);
      const { browser: signedIn } = await begin();
      expect((await travel(w, signedIn, authorizationUrl(client, { prompt: 'none' }), {})).code).not.to.equal('');
      signedIn.change('lintel_session', (value) => `${value.slice(0, -1)}${value.endsWith('A') ? 'B' : 'A'}`);
      const { location } = await travel(w, signedIn, authorizationUrl(client, { prompt: 'none' }), {});
      expect(location?.searchParams.get('error')).to.equal('login_required');
    });

    it('SE-03: behind https, names have the prefixes that browsers enforce', async () => {
      const { createLintel } = await import('../../src/app.ts');
      const { loadConfig } = await import('../../src/config/config.ts');
      const config = loadConfig({ ...environmentOf(w), LINTEL_URL: 'https://id.example' });
      const lintel = await createLintel(
        config,
        { knex: w.db, embedded: true, close: async () => {} },
        { withoutJobs: true, logTo: { write: () => {} } },
      );
      expect(lintel.oidc.provider.cookieName('session')).to.equal('__Host-lintel_session');
      expect(lintel.oidc.provider.cookieName('interaction')).to.equal('__Secure-lintel_interaction');
      await lintel.close();
    });

    it('SE-01: a cookie that was set before the sign-in is not the session after it; nor at step-up', async () => {
      const browser = new Browser(w);
      browser.set('lintel_session', 'x'.repeat(43));
      await travel(w, browser, authorizationUrl(client), { login: { account_id: person.user_id } });
      const first = browser.value('lintel_session');
      expect(first).not.to.equal('x'.repeat(43));
      const stolen = browser.copy();
      await travel(w, browser, authorizationUrl(client, { prompt: 'login' }), {
        login: { account_id: person.user_id },
      });
      expect(browser.value('lintel_session')).not.to.equal(first);
      const { location } = await travel(w, stolen, authorizationUrl(client, { prompt: 'none' }), {});
      expect(location?.searchParams.get('error')).to.equal('login_required');
    });

    it('SE-04: end with the row of sessions: its end, its idle limit', async () => {
      for (const column of ['expires_at', 'idle_expires_at']) {
        const { browser, journey } = await begin();
        await w
          .db('sessions')
          .where({ session_id: journey.session_id })
          .update({ [column]: new Date(Date.now() - 1000) });
        const { location } = await travel(w, browser, authorizationUrl(client, { prompt: 'none' }), {});
        expect(location?.searchParams.get('error'), column).to.equal('login_required');
      }
    });

    it('SE-04: stay alive by use: single sign-on, and refreshing what is bound to them', async () => {
      const { browser, journey, tokens } = await signIn(w, client, person);
      const where = { session_id: journey.session_id };
      const old = (minutes: number) => new Date(Date.now() - minutes * 60_000);
      const idle = async (work: () => Promise<unknown>) => {
        await w
          .db('sessions')
          .where(where)
          .update({ last_accessed_at: old(50), idle_expires_at: old(-10) });
        await work();
        const row = await w.db('sessions').where(where).first();
        return Math.round((row.idle_expires_at.getTime() - Date.now()) / 60_000);
      };
      expect(await idle(() => travel(w, browser, authorizationUrl(client, { prompt: 'none' }), {}))).to.equal(60);
      expect(await idle(() => refresh(w, client, tokens.refresh_token as string))).to.equal(60);
      const offlineOnly = await begin();
      const other = { session_id: offlineOnly.journey.session_id };
      await w
        .db('sessions')
        .where(other)
        .update({ last_accessed_at: old(50), idle_expires_at: old(-10) });
      await refresh(w, client, offlineOnly.tokens.refresh_token as string);
      const { idle_expires_at } = await w.db('sessions').where(other).first();
      expect(Math.round((idle_expires_at.getTime() - Date.now()) / 60_000), 'offline use is no presence').to.equal(10);
    });

    it('SE-10: another person in the same browser gets another session, and nothing of the first', async () => {
      const { browser, tokens } = await signIn(w, client, person);
      const before = browser.value('lintel_session');
      const other = await makePerson(w, ['Beta']);
      const address = authorizationUrl(client, { prompt: 'login' });
      const journey = await travel(w, browser, address, { login: { account_id: other.user_id } });
      // The provider signs the first person out by a form of its own before it goes on.
      expect(journey.text)
        .to.include('Submitting Callback')
        .and.to.match(/<script nonce="/);
      const [, action = '', xsrf = ''] = /action="([^"]+)"[\s\S]*name="xsrf" value="([^"]+)"/.exec(journey.text) ?? [];
      const out = await browser.go(action, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ xsrf, logout: 'yes' }).toString(),
      });
      expect(out.status).to.equal(303);
      const end = await travel(w, browser, out.location as string, {});
      expect(end.code).not.to.equal('');
      expect(browser.value('lintel_session')).not.to.equal(before);
      expect((await refresh(w, client, tokens.refresh_token as string)).body.error).to.equal('invalid_grant');
      const { exchange, payloadOf, verifierOf } = await import('./rp.ts');
      const { body } = await exchange(w, client, end.code, verifierOf(address));
      expect(payloadOf(body.id_token as string).sub).to.equal(other.user_id);
    });
  });

  describe('SE-08: RP-initiated logout', () => {
    const back = 'https://app.example/bye';
    let rp: RelyingParty;
    before(async () => {
      rp = await makeApplication(w, { post_logout_redirect_uris: [back] });
    });

    const confirm = async (browser: Browser, page: string, logout = 'yes') => {
      const [, xsrf = ''] = /name="xsrf" value="([^"]+)"/.exec(page) ?? [];
      return browser.go('/oauth/logout/confirm', {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ xsrf, ...(logout ? { logout } : {}) }).toString(),
      });
    };
    const logout = (parameters: Record<string, string>) => `/oauth/logout?${new URLSearchParams(parameters)}`;

    it('SE-05: asks, signs out, returns with the state; the old cookie opens nothing', async () => {
      const { browser, tokens } = await signIn(w, rp, person);
      const page = await browser.go(
        logout({ id_token_hint: tokens.id_token as string, post_logout_redirect_uri: back, state: 'bye' }),
      );
      expect([page.status, page.location]).to.deep.equal([200, null]);
      // Chromium would not follow the redirect behind the form otherwise.
      expect(page.headers.get('content-security-policy')).to.include("form-action 'self' https://app.example;");
      const old = browser.copy();
      const done = await confirm(browser, page.text);
      expect([done.status, done.location]).to.deep.equal([303, `${back}?state=bye`]);
      for (const one of [browser, old]) {
        const { location } = await travel(w, one, authorizationUrl(rp, { prompt: 'none' }), {});
        expect(location?.searchParams.get('error')).to.equal('login_required');
      }
      expect((await refresh(w, rp, tokens.refresh_token as string)).body.error).to.equal('invalid_grant');
      expect((await userinfo(w, tokens.access_token as string)).status).to.equal(401);
    });

    it('SE-05: signs out also while a question of an application is open that allows it less so far', async () => {
      const third = await makeApplication(w, { first_party: false, post_logout_redirect_uris: [back] });
      const { browser, tokens } = await signIn(w, third, person, {}, { consent: 'allow' });
      const open = await browser.go(authorizationUrl(third, { scope: 'openid email' }));
      expect(open.location).to.match(/^\/signin\/|\/signin\//);
      for (const decision of ['', 'yes']) {
        const page = await browser.go(logout({ client_id: third.client_id }));
        const done = await confirm(browser, page.text, decision);
        expect(done.status, done.text.slice(0, 300)).to.equal(303);
        if (decision === '') await browser.go(authorizationUrl(third, { scope: 'openid email' }));
      }
      const { location } = await travel(w, browser, authorizationUrl(third, { prompt: 'none' }), {});
      expect(location?.searchParams.get('error')).to.equal('login_required');
      expect((await refresh(w, third, tokens.refresh_token as string)).body.error).to.equal('invalid_grant');
    });

    it('leaves offline access alone', async () => {
      const { browser, tokens } = await signIn(w, rp, person, offline, { consent: 'allow' });
      const page = await browser.go(logout({ id_token_hint: tokens.id_token as string }));
      const done = await confirm(browser, page.text);
      expect((await browser.go(done.location as string)).text).to.include('signed out');
      expect((await refresh(w, rp, tokens.refresh_token as string)).status).to.equal(200);
    });

    it('who stays signed in leaves only that application', async () => {
      const { browser, tokens } = await signIn(w, rp, person);
      const page = await browser.go(
        logout({ id_token_hint: tokens.id_token as string, post_logout_redirect_uri: back }),
      );
      expect((await confirm(browser, page.text, '')).location).to.equal(back);
      expect((await travel(w, browser, authorizationUrl(client, { prompt: 'none' }), {})).code).not.to.equal('');
      expect((await userinfo(w, tokens.access_token as string)).status).to.equal(401);
    });

    it('bad-id-token-hint, bad-post-logout-redirect-uri: a page, no redirect, still signed in', async () => {
      const { browser, tokens } = await signIn(w, rp, person);
      const hint = tokens.id_token as string;
      const cases: Record<string, string>[] = [
        { id_token_hint: `${hint.slice(0, -4)}AAAA`, post_logout_redirect_uri: back },
        { id_token_hint: 'garbage', post_logout_redirect_uri: back },
        { id_token_hint: hint, post_logout_redirect_uri: 'https://evil.example/' },
        { id_token_hint: hint, post_logout_redirect_uri: `${back}/` },
        { id_token_hint: hint, client_id: client.client_id, post_logout_redirect_uri: back },
        { client_id: rp.client_id, post_logout_redirect_uri: 'https://evil.example/' },
      ];
      for (const parameters of cases) {
        const { status, location } = await browser.go(logout(parameters));
        expect([status, location], JSON.stringify(parameters)).to.deep.equal([400, null]);
      }
      const { text, status } = await browser.go(logout({ post_logout_redirect_uri: 'https://evil.example/' }));
      expect(status).to.equal(200);
      expect(text).not.to.include('evil.example');
      expect((await travel(w, browser, authorizationUrl(rp, { prompt: 'none' }), {})).code).not.to.equal('');
    });

    it('WB-01: cannot be confirmed by another page', async () => {
      const { browser } = await signIn(w, rp, person);
      await browser.go('/oauth/logout');
      const forged = await confirm(browser, 'name="xsrf" value="0000"');
      expect(forged.status).to.equal(400);
      expect((await travel(w, browser, authorizationUrl(rp, { prompt: 'none' }), {})).code).not.to.equal('');
    });

    it('may be posted, and works for nobody too', async () => {
      const posted = await new Browser(w).go('/oauth/logout', {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ client_id: rp.client_id, post_logout_redirect_uri: back }).toString(),
      });
      expect(posted.status).to.equal(303);
      const page = await new Browser(w).go(posted.location as string);
      expect(page.status).to.equal(200);
      expect(page.text).to.match(/<script nonce="/);
      expect(page.headers.get('content-security-policy')).to.include("form-action 'self' https://app.example;");
    });

    it('a page is not allowed to send anybody to an address that is not registered', async () => {
      const { browser } = await signIn(w, rp, person);
      const { headers } = await browser.go(logout({ post_logout_redirect_uri: 'https://evil.example/' }));
      expect(headers.get('content-security-policy')).to.include("form-action 'self';");
    });
  });
});

const environmentOf = (w: World): Record<string, string> => ({
  LINTEL_KEY: w.config.key,
  LINTEL_LOG_LEVEL: 'silent',
  LINTEL_BOOTSTRAP_API_KEY: w.apiKey,
});
