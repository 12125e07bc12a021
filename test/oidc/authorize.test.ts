/** The authorization endpoint (checklist OA; names after the certification's modules). */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import type { World } from '../support/world.ts';
import {
  authorizationUrl,
  basic,
  Browser,
  exchange,
  makeApplication,
  makePerson,
  oidcWorld,
  payloadOf,
  type Person,
  post,
  type RelyingParty,
  redirectUri,
  signIn,
  travel,
  verifierOf,
} from './rp.ts';

describe('oidc: authorization', () => {
  let w: World;
  let client: RelyingParty;
  let person: Person & { orgs: string[] };

  before(async () => {
    w = await oidcWorld();
    client = await makeApplication(w);
    person = await makePerson(w, ['Acme']);
  });
  after(() => w.close());

  /** A browser in which the person is signed in. */
  const signedIn = async (): Promise<Browser> => (await signIn(w, client, person)).browser;
  const go = (address: string, browser = new Browser(w)) => browser.go(address);

  it('OA-01, OA-11: anything but the registered address gets a page, never a redirect', async () => {
    const base = new URL(redirectUri);
    const mutations = [
      `${redirectUri}/`,
      `${redirectUri}x`,
      `${redirectUri}?a=b`,
      `${redirectUri}#x`,
      `${redirectUri}/../cb`,
      `${redirectUri}%2f`,
      `${redirectUri}%00`,
      redirectUri.toUpperCase(),
      redirectUri.replace('https', 'http'),
      redirectUri.replace('https', 'HTTPS'),
      `${base.origin}:443/cb`,
      `${base.origin}:8443/cb`,
      `https://app.example.evil.example/cb`,
      `https://evil.example/cb`,
      `https://app.example@evil.example/cb`,
      `https://evil.example\\@app.example/cb`,
      `https://app.example\\.evil.example/cb`,
      `https://user@app.example/cb`,
      `//app.example/cb`,
      `/cb`,
      'cb',
      'javascript:alert(1)',
      'data:text/html,x',
      `https://app.example./cb`,
      `https://xn--app-example/cb`,
      `https://аpp.example/cb`,
      ` ${redirectUri}`,
      `${redirectUri} `,
      `${redirectUri}\t`,
      `${redirectUri}\n`,
      `https://app.example/CB`,
      `https://app.example/./cb`,
      `https://app.example//cb`,
      `https://app.example/cb;x`,
      `https://app.example/cb\\`,
      `https://[::1]/cb`,
      'http://localhost/cb',
      'http://127.0.0.1:80/cb',
      `https://app.example/c%62`,
      `https://app.example/cb?`,
      `${redirectUri}&state=x`,
      'https://*.example/cb',
      '',
      'null',
      `${redirectUri} https://evil.example/`,
      `https:app.example/cb`,
      `https:/app.example/cb`,
    ];
    expect(mutations.length).to.be.greaterThan(40);
    for (const uri of mutations) {
      const answer = await go(authorizationUrl(client, { redirect_uri: uri }));
      expect([answer.status, answer.location], JSON.stringify(uri)).to.deep.equal([400, null]);
      expect(answer.headers.get('content-type')).to.match(/^text\/html/);
    }
    const twice = await go(`${authorizationUrl(client)}&redirect_uri=${encodeURIComponent('https://evil.example/')}`);
    expect([twice.status, twice.location]).to.deep.equal([400, null]);
  });

  it('OA-01: a native application may have any port on loopback, and nothing else', async () => {
    const native = await makeApplication(w, {
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['http://127.0.0.1/cb', 'com.example.app:/cb'],
    });
    const good = await go(authorizationUrl(native, { redirect_uri: 'http://127.0.0.1:49152/cb' }));
    expect(good.status).to.equal(303);
    for (const uri of [
      'http://127.0.0.1:49152/cb/x',
      'http://localhost:49152/cb',
      'http://127.0.0.2:1/cb',
      'com.example.app:/other',
      'https://127.0.0.1:1/cb',
    ]) {
      expect((await go(authorizationUrl(native, { redirect_uri: uri }))).status, uri).to.equal(400);
    }
  });

  it('OA-11: an unknown application gets a page, whatever address it names', async () => {
    for (const client_id of ['01890000-0000-7000-8000-000000000000', 'nobody', '', "'; drop table users; --"]) {
      const { status, location, text } = await go(
        authorizationUrl({ client_id }, { redirect_uri: 'https://evil.example/' }),
      );
      expect([status, location]).to.deep.equal([400, null]);
      expect(text).not.to.include('evil.example');
    }
  });

  it('response-type-missing, OA-08: only the code, nothing in the front channel, no password grant', async () => {
    for (const response_type of [
      'token',
      'id_token',
      'code id_token',
      'code token',
      'id_token token',
      'none',
      undefined,
    ]) {
      const { location, status } = await go(authorizationUrl(client, { response_type, nonce: 'n' }));
      const back = new URL(location ?? 'about:blank');
      expect(status, response_type).to.equal(303);
      expect(
        back.searchParams.get('error') ?? new URLSearchParams(back.hash.slice(1)).get('error'),
        response_type,
      ).to.match(/^(unsupported_response_type|invalid_request)$/);
    }
    const { status, body } = await post(w, '/oauth/token', client, {
      grant_type: 'password',
      username: 'a',
      password: 'b',
    });
    expect([status, body.error]).to.deep.equal([400, 'unsupported_grant_type']);
    expect((await post(w, '/oauth/token', client, { grant_type: 'implicit' })).body.error).to.equal(
      'unsupported_grant_type',
    );
  });

  it('OA-09: every response, good or bad, names its issuer', async () => {
    const browser = await signedIn();
    const answers = [
      await browser.go(authorizationUrl(client)),
      await go(authorizationUrl(client, { prompt: 'none' })),
      await browser.go(authorizationUrl(client, { response_type: 'token' })),
      await browser.go(authorizationUrl(client, { scope: 'openid', claims: '{' })),
      await browser.go(authorizationUrl(client, { prompt: 'none login' })),
    ];
    for (const { location } of answers) {
      const back = new URL(location ?? 'about:blank');
      const parameters = back.hash ? new URLSearchParams(back.hash.slice(1)) : back.searchParams;
      expect(parameters.get('iss'), location ?? '').to.equal(w.url);
      expect(parameters.get('state')).to.equal('state-1');
    }
  });

  it('OA-10: doubled, structured and mixed parameters are refused', async () => {
    const address = authorizationUrl(client);
    for (const extra of ['client_id=x', 'scope=openid', 'state=x', 'code_challenge=x']) {
      const { location, status } = await go(`${address}&${extra}`);
      if (status === 303) expect(new URL(location ?? '').searchParams.get('error'), extra).to.equal('invalid_request');
      else expect(status, extra).to.equal(400);
    }
    const twice = await w.request('/oauth/token', {
      method: 'POST',
      headers: { authorization: basic(client), 'content-type': 'application/x-www-form-urlencoded' },
      body: 'grant_type=client_credentials&grant_type=refresh_token',
    });
    expect([twice.status, twice.body.error]).to.deep.equal([400, 'invalid_request']);
    const both = await w.request('/oauth/token?grant_type=client_credentials', {
      method: 'POST',
      headers: {
        authorization: basic(client),
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
      },
      body: 'grant_type=client_credentials',
    });
    expect([both.status, both.body.error]).to.deep.equal([400, 'invalid_request']);
  });

  it('refuses null characters wherever they are, instead of failing', async () => {
    expect((await go(`${authorizationUrl(client)}&login_hint=a%00b`)).status).to.equal(400);
    const query = Object.fromEntries(new URL(authorizationUrl(client), w.url).searchParams);
    const { status, body } = await post(w, '/oauth/par', client, { ...query, nonce: 'a\u0000b' });
    expect(status).to.equal(201);
    // The pushed request is one text; the null would come out of it here.
    const { location } = await go(
      `/oauth/authorize?${new URLSearchParams({ client_id: client.client_id, request_uri: String(body.request_uri) })}`,
    );
    expect(new URL(location ?? '').searchParams.get('error')).to.equal('invalid_request');
    expect(w.logLines.filter((line) => /22P05|22021|"internal"|provider failed/.test(line))).to.deep.equal([]);
  });

  it('OA-14: state and nonce of 2 KiB come back byte for byte', async () => {
    const browser = await signedIn();
    const wild = `${'ä€😀 "<>&%+'.repeat(60)}${randomBytes(300).toString('base64')}`;
    const address = authorizationUrl(client, { state: wild, nonce: wild });
    const { code, location } = await travel(w, browser, address, {});
    expect(location?.searchParams.get('state')).to.equal(wild);
    const { body } = await exchange(w, client, code, verifierOf(address));
    expect(payloadOf(body.id_token as string).nonce).to.equal(wild);
  });

  it('request-without-nonce, unknown-parameter, ui-locales, claims-locales, login-hint: are no obstacle', async () => {
    const browser = await signedIn();
    const { code } = await travel(
      w,
      browser,
      authorizationUrl(client, { foo: 'bar', ui_locales: 'se', claims_locales: 'se', login_hint: 'x@y.example' }),
      {},
    );
    expect(code).not.to.equal('');
  });

  it('post-request: an authorization request may be posted', async () => {
    const browser = await signedIn();
    const query = new URL(authorizationUrl(client), w.url).searchParams;
    const posted = await browser.go('/oauth/authorize', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: query.toString(),
    });
    expect(posted.status).to.equal(303);
    expect((await travel(w, browser, posted.location as string, {})).code).not.to.equal('');
  });

  it('form_post: the answer comes as a form that sends itself, escaped', async () => {
    const browser = await signedIn();
    const state = '"><script>alert(1)</script>';
    const { status, text, headers } = await browser.go(authorizationUrl(client, { response_mode: 'form_post', state }));
    expect(status).to.equal(200);
    expect(text).to.include(`action="${redirectUri}"`).and.to.include('name="code"').and.to.include('data-send');
    expect(text).not.to.include('<script>alert');
    expect(headers.get('content-security-policy')).to.include('form-action').and.to.include('https://app.example');
    expect(headers.get('cache-control')).to.equal('no-store');
  });

  it('SE-01: an interaction belongs to the browser that began it', async () => {
    const browser = new Browser(w);
    const { location } = await browser.go(authorizationUrl(client));
    const path = new URL(location ?? '', w.url).pathname;
    const stranger = await new Browser(w).go(`${path}/test`, { headers: { 'x-test-answer': 'none' } });
    expect(stranger.status).to.be.greaterThanOrEqual(400);
    expect((await new Browser(w).go(path.replace('/signin/', '/oauth/authorize/'))).status).to.equal(400);
  });

  it('OA-12, OA-13, WB-03: redirects are 303; pages send no referrer elsewhere, and cannot be framed', async () => {
    const browser = new Browser(w);
    const first = await browser.go(authorizationUrl(client));
    expect(first.status).to.equal(303);
    const page = await go(authorizationUrl(client, { redirect_uri: 'https://evil.example/' }));
    expect(page.headers.get('referrer-policy')).to.match(/^(no-referrer|same-origin)$/);
    expect(page.headers.get('content-security-policy')).to.include("frame-ancestors 'none'");
    expect(page.headers.get('x-frame-options')).to.equal('DENY');
  });
});
