/**
 * What every page and answer must keep, seen from outside: headers, cookies, redirects, escaping. Over 300 lines because each rule
 * is held against every page.
 */
import { expect } from 'chai';
import { company, type Company, post as postSaml, readRequest, response } from '../federation/company.ts';
import {
  authorizationUrl,
  Browser,
  makeApplication,
  redirectUri,
  type RelyingParty,
  verifierOf,
  exchange,
} from '../oidc/rp.ts';
import { formsOf, goodPassword, insertPersonWithPassword, Visitor } from '../signin/person.ts';
import { insertMember, insertOrganization } from '../credentials/owners.ts';
import { type World, world } from '../support/world.ts';

const elsewhere = [
  'https://evil.example/',
  '//evil.example/',
  '/\\evil.example',
  '\\\\evil.example',
  'https:evil.example',
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'data:text/html,x',
  'https://app.example.evil.example/bye',
  'https://app.example@evil.example/bye',
  'https://evil.example\\@app.example/bye',
  'https://app.example/bye/../../evil',
  'https://app.example/bye#x',
  'https://app.example/bye?x=1',
  'https://app.example/Bye',
  'https://app.example:444/bye',
  'http://app.example/bye',
  ' https://app.example/bye',
  'https://app.example/bye%0d%0aSet-Cookie:x=1',
  'https://аpp.example/bye',
  '',
];

describe('security: the web', function () {
  this.timeout(120_000);
  let w: World;
  let client: RelyingParty;
  let acme: Company;
  before(async () => {
    w = await world();
    client = await makeApplication(w, { post_logout_redirect_uris: ['https://app.example/bye'] });
    acme = await company(w, { auto_provision: true });
  });
  beforeEach(() => w.db('rate_limit_counters').delete());
  after(() => w.close());

  const signedIn = async (options = {}, columns = {}) => {
    const person = await insertPersonWithPassword(w, columns);
    const visitor = await new Visitor(w).begin(client, options);
    await visitor.signIn(person.email);
    return { person, visitor };
  };

  it('WB-06, SE-08: a sign-out returns to a registered address or nowhere', async () => {
    for (const uri of elsewhere) {
      const { visitor } = await signedIn();
      const asked = { client_id: client.client_id, post_logout_redirect_uri: uri };
      const answer = await visitor.browser.go(`/oauth/logout?${new URLSearchParams(asked)}`);
      expect(answer.location, JSON.stringify(uri)).to.equal(null);
      if (uri === '') continue;
      expect(answer.status, JSON.stringify(uri)).to.equal(400);
      expect(answer.text, 'an address that nobody registered is no link either').not.to.match(/href="[^"]*evil/);
    }
  });

  it('SA-09, WB-06: a RelayState is a key of ours, never an address', async () => {
    for (const relay_state of [...elsewhere, `${w.url}/oauth/logout`, '/signin/x']) {
      const visitor = await new Visitor(w).begin(client);
      await visitor.fill({ identifier: `ida@${acme.domain}` });
      const href =
        /href="(https:\/\/idp\.example\/sso[^"]*)"/.exec(visitor.page.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
      const request = readRequest(href);
      expect(request.relay_state.length).to.be.within(16, 80);
      const field = response(w, acme, request, { subject: 'ida', email: `ida@${acme.domain}` });
      const answer = await postSaml(w, acme.provider.sp.acs_url, { SAMLResponse: field, RelayState: relay_state });
      expect([answer.status, answer.headers.get('location')], JSON.stringify(relay_state)).to.deep.equal([400, null]);
      expect(answer.text).not.to.include('evil');
    }
  });

  it('WB-03, WB-04, WB-08, WB-11: every page and every answer carries the headers, errors included', async () => {
    const { visitor } = await signedIn({ prompt: 'login' });
    const begun = await new Visitor(w).begin(client);
    const asked: [string, RequestInit?][] = [
      ['/'],
      ['/nowhere'],
      ['/setup/xxx'],
      ['/dev/mail'],
      ['/dev/mail/x'],
      ['/api/docs'],
      ['/openapi.json'],
      ['/.well-known/openid-configuration'],
      ['/oauth/jwks'],
      ['/oauth/logout/success'],
      [new URL(acme.provider.sp.metadata_url).pathname],
      [new URL(acme.provider.sp.slo_url).pathname],
      ['/oauth/authorize'],
      ['/oauth/logout'],
      [`/signin/${'x'.repeat(43)}`],
      ['/oauth/token', { method: 'POST' }],
      ['/oauth/userinfo'],
      ['/api/v1/organizations'],
      ['/api/v1/nothing'],
      ['/scim/v2/Users'],
      ['/scim/v2/Nothing'],
      ['/saml/x/acs'],
      [new URL(acme.provider.sp.acs_url).pathname, { method: 'POST' }],
      ['/api/v1/organizations', { headers: { authorization: `Bearer ${w.apiKey}` } }],
      ['/health/live'],
    ];
    const forEverybody = new Set([
      ...['/', '/health/live', '/openapi.json', '/.well-known/openid-configuration', '/oauth/jwks'],
      new URL(acme.provider.sp.metadata_url).pathname,
    ]);
    for (const accept of ['text/html', 'application/json']) {
      for (const [path, init] of asked) {
        const answer = await visitor.browser.go(path, {
          ...init,
          headers: { accept, ...init?.headers } as Record<string, string>,
        });
        check(path, answer.headers, answer.text);
        if (!forEverybody.has(path)) expect(answer.headers.get('cache-control'), path).to.match(/no-store/);
      }
    }
    const page = await begun.browser.go(`/signin/${begun.uid}`);
    check('sign-in', page.headers, page.text);
    expect(page.headers.get('cache-control')).to.match(/no-store/);
  });

  function check(path: string, headers: Headers, text: string): void {
    expect(headers.get('x-content-type-options'), path).to.equal('nosniff');
    expect(headers.get('x-frame-options'), path).to.equal('DENY');
    expect(headers.get('cross-origin-opener-policy'), path).to.equal('same-origin');
    expect(headers.get('referrer-policy'), path).to.match(/same-origin|no-referrer/);
    for (const banner of ['server', 'x-powered-by']) expect(headers.get(banner), path).to.equal(null);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy, path).to.include("frame-ancestors 'none'").and.to.include("base-uri 'none'");
    expect(policy, path).not.to.match(/unsafe|script-src[^;]*\*/);
    for (const [tag] of text.matchAll(/<script\b[^>]*>/g)) expect(tag, path).to.match(/nonce="/);
    expect(text, path).not.to.match(/\son\w+="|javascript:/i);
    expect(text, path).not.to.match(/node_modules|at [\w.]+ \(file:/);
  }

  it('MT-04: nothing that a request says of itself gets into an address, a page or a document', async () => {
    const forged = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      'x-forwarded-for': '203.0.113.9',
      'x-forwarded-prefix': '/evil',
      'x-forwarded-server': 'evil.example',
      'x-original-host': 'evil.example',
      'x-host': 'evil.example',
      forwarded: 'for=203.0.113.9;host=evil.example;proto=https',
      'x-real-ip': '203.0.113.9',
      'x-url-scheme': 'https',
    };
    const paths = [
      '/',
      '/.well-known/openid-configuration',
      '/openapi.json',
      new URL(acme.provider.sp.metadata_url).pathname,
      authorizationUrl(client),
      '/oauth/logout',
      '/scim/v2/ServiceProviderConfig',
      '/nowhere',
      '/oauth/token',
    ];
    for (const path of paths) {
      const answer = await w.request(path, {
        headers: { ...forged, accept: 'text/html', origin: 'https://evil.example' },
      });
      const said = `${answer.text} ${[...answer.headers].flat().join(' ')}`;
      expect(said, path).not.to.include('evil').and.not.to.include('203.0.113.9');
    }
    const { person } = await signedIn();
    const [session] = await w.db('sessions').where({ user_id: person.user_id });
    expect(session.ip_address ?? '127.0.0.1').to.match(/^(127\.0\.0\.1|::1|::ffff:127\.0\.0\.1)$/);
    const visitor = await new Visitor(w).begin(client);
    await visitor.fill({ identifier: person.email });
    const [form] = formsOf(visitor.page.text);
    await visitor.post(form?.action ?? '', { ...form?.fields, password: 'not it at all' }, forged);
    const tries = await w.db('login_attempts').where({ user_id: person.user_id });
    expect(JSON.stringify(tries)).not.to.include('203.0.113.9');
  });

  it('SD-03: no way to authenticate is told of that needs a secret in the clear', async () => {
    const { body } = await w.request('/.well-known/openid-configuration');
    const methods = Object.entries(body).filter(([name]) => name.endsWith('_auth_methods_supported'));
    expect(methods.map(([name]) => name)).to.include('token_endpoint_auth_methods_supported');
    for (const [name, list] of methods) {
      const known = ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'];
      for (const method of list as string[]) expect(method, name).to.be.oneOf(known);
    }
    const algorithms = Object.entries(body).filter(([name]) => name.endsWith('signing_alg_values_supported'));
    expect(algorithms.length).to.be.greaterThan(1);
    for (const [name, list] of algorithms)
      expect(
        (list as string[]).filter((one) => /^HS|none/.test(one)),
        name,
      ).to.deep.equal([]);
    const asked = { client_name: 'x', redirect_uris: [redirectUri], token_endpoint_auth_method: 'client_secret_jwt' };
    const answer = await w.api('POST', '/applications', asked);
    expect([answer.status, answer.body.code]).to.deep.equal([400, 'request_invalid']);
  });

  it('WB-10, SE-03: no bit of a cookie can be changed, and none is another’s', async () => {
    const stable = async (name: string, change: (value: string) => string) => {
      const { visitor } = await signedIn();
      visitor.browser.change(name, change);
      await visitor.begin(client, { prompt: 'none' });
      return visitor.callback?.searchParams.get('error') ?? 'signed in';
    };
    expect(await stable('lintel_session', (value) => value)).to.equal('signed in');
    for (const at of [0, 7, 21, 42]) {
      const flip = (value: string) => value.slice(0, at) + (value[at] === 'A' ? 'B' : 'A') + value.slice(at + 1);
      expect(await stable('lintel_session', flip), `bit at ${at}`).to.equal('login_required');
      if (at < 27) expect(await stable('lintel_session.sig', flip), `signature at ${at}`).to.equal('login_required');
    }
    const [one, two] = [await signedIn(), await signedIn()];
    const value = two.visitor.browser.value('lintel_session') ?? '';
    one.visitor.browser.change('lintel_session', () => value);
    await one.visitor.begin(client, { prompt: 'none' });
    expect(one.visitor.callback?.searchParams.get('error'), 'another’s session under one’s own signature').to.equal(
      'login_required',
    );
    // A signed value of one cookie is none of another cookie.
    const begun = await new Visitor(w).begin(client);
    const interaction = begun.browser.value('lintel_interaction') ?? '';
    const mixed = new Browser(w);
    mixed.set('lintel_session', interaction);
    mixed.set('lintel_session.sig', begun.browser.value('lintel_interaction.sig') ?? '');
    const answer = await mixed.go(authorizationUrl(client, { prompt: 'none' }));
    expect(new URL(answer.location ?? '').searchParams.get('error')).to.equal('login_required');
  });

  it('WB-02, SE-01, AU-13: one’s own interaction opens nobody else’s sign-in, though its address is known', async () => {
    const person = await insertPersonWithPassword(w);
    const orgs = [await insertOrganization(w.db), await insertOrganization(w.db)];
    for (const org of orgs) await insertMember(w.db, org, person.user_id);
    const victim = await new Visitor(w).begin(client);
    await victim.signIn(person.email);
    const [waiting] = formsOf(victim.page.text);
    expect(waiting?.action, 'who she is is proven; where she goes is not').to.equal(
      `/signin/${victim.uid}/organization`,
    );
    const thief = await new Visitor(w).begin(client);
    const form = formsOf(thief.page.text)[0]?.fields ?? {};
    // A browser sends this cookie to its own address only; whoever writes requests by hand sends it anywhere.
    for (const name of ['lintel_interaction', 'lintel_interaction.sig'])
      thief.browser.set(name, thief.browser.value(name) ?? '');
    const before = await w.db('sessions').count();
    const refused = [
      await thief.browser.go(`/signin/${victim.uid}`, { headers: { accept: 'application/json' } }),
      await thief.post(
        `/signin/${victim.uid}/organization`,
        { ...form, org_id: orgs[0] ?? '' },
        { accept: 'application/json' },
      ),
      await thief.post(
        `/signin/${victim.uid}/password`,
        { ...form, password: goodPassword },
        { accept: 'application/json' },
      ),
      await thief.browser.go(`/signin/${victim.uid}/change`, { headers: { accept: 'application/json' } }),
    ];
    for (const { status, location, text } of refused)
      expect([status, location, JSON.parse(text).code]).to.deep.equal([400, null, 'interaction_gone']);
    expect(await w.db('sessions').count()).to.deep.equal(before);
    await victim.fill({ org_id: orgs[0] ?? '' });
    expect(victim.callback?.searchParams.get('code'), 'and she goes on undisturbed').to.be.a('string');
  });

  it('SE-05: a session that was ended opens nothing with its old cookies', async () => {
    const { visitor } = await signedIn();
    const old = visitor.browser.copy();
    await visitor.open('/oauth/logout');
    await visitor.fill({ logout: 'yes' });
    const after = await old.go(authorizationUrl(client, { prompt: 'none' }));
    expect(new URL(after.location ?? '').searchParams.get('error')).to.equal('login_required');
  });

  it('WB-09: no origin of somebody else is let in, and none with credentials', async () => {
    const paths = [
      '/oauth/token',
      '/oauth/userinfo',
      '/oauth/revoke',
      '/oauth/introspect',
      '/oauth/par',
      '/oauth/authorize',
      '/oauth/logout',
      '/api/v1/organizations',
      '/scim/v2/Users',
      '/.well-known/openid-configuration',
      '/oauth/jwks',
      '/',
    ];
    for (const path of paths) {
      for (const origin of [
        'https://evil.example',
        'null',
        'https://app.example.evil.example',
        w.url.replace('http', 'https'),
      ]) {
        for (const method of ['OPTIONS', 'GET', 'POST']) {
          const { headers, status } = await w.request(path, {
            method,
            headers: {
              origin,
              'access-control-request-method': 'POST',
              'access-control-request-headers': 'authorization',
            },
          });
          const allowed = headers.get('access-control-allow-origin');
          expect(headers.get('access-control-allow-credentials'), `${method} ${path} ${origin}`).to.equal(null);
          const isDocument = path.startsWith('/.well-known') || path === '/oauth/jwks';
          // A preflight does not know the client yet; what counts is the answer behind it.
          // A refusal that names no client says nothing that a script could not know.
          const isRefusal = path.startsWith('/oauth/') && status >= 400;
          if (!isDocument && !isRefusal && method !== 'OPTIONS')
            expect(allowed, `${method} ${path} ${origin}`).to.equal(null);
        }
      }
    }
  });

  it('WB-07: an organization’s colour and pictures cannot carry a script, a style or an address that runs', async () => {
    const place = `/organizations/${acme.org_id}`;
    const style = '#fff;}</style><script>alert(1)</script>';
    const colours = [
      style,
      'red',
      'url(https://evil.example/x)',
      '#12345',
      '#fff\n}',
      'expression(alert(1))',
      'var(--x)',
    ];
    const pictures = [
      'javascript:alert(1)',
      'JaVaScRiPt:alert(1)',
      'data:image/svg+xml,<svg onload=alert(1)>',
      'data:text/html;base64,PHNjcmlwdD4=',
      '//evil.example/x.png',
      'https://cdn.example/"onerror="alert(1)',
      "https://cdn.example/'><script>alert(1)</script>",
      'file:///etc/passwd',
      'blob:https://x/1',
      ' javascript:alert(1)',
    ];
    for (const [field, corpus] of [
      ['primary_color', colours],
      ['logo_url', pictures],
    ] as const) {
      for (const value of corpus) {
        for (const [method, path] of [
          ['PATCH', place],
          ['POST', '/organizations'],
        ] as const) {
          const answer = await w.api(method, path, { ...(method === 'POST' && { org_name: 'x' }), [field]: value });
          expect([answer.status, answer.body.code], `${method} ${value}`).to.deep.equal([400, 'request_invalid']);
          expect(answer.text).to.include(`/body/${field}`);
        }
      }
    }
    // Where markup follows an https address, it is only a strange address: what the page makes of it is seen below.
    for (const value of pictures.filter((one) => !one.startsWith('https:'))) {
      const answer = await w.api('POST', '/applications', {
        client_name: 'x',
        redirect_uris: [redirectUri],
        logo_uri: value,
      });
      expect([answer.status, answer.body.code], value).to.deep.equal([400, 'request_invalid']);
    }
    for (const primary_color of colours) {
      const kept = w.db('organizations').where({ org_id: acme.org_id }).update({ primary_color });
      const refusal = await kept.then(
        () => 'kept',
        (error: { code?: string }) => error.code,
      );
      expect(refusal, 'nor by an import that writes rows').to.equal('23514');
    }
    await w.api('PATCH', place, { primary_color: '#a1b2c3' });
    // What an earlier version or an import left in the tables.
    const hostile = await makeApplication(w, { first_party: false });
    const person = await insertPersonWithPassword(w);
    await insertMember(w.db, acme.org_id, person.user_id);
    for (const logo of pictures) {
      await w.db('organizations').where({ org_id: acme.org_id }).update({ logo_url: logo });
      // Of another kind of address the provider makes no sign-in at all.
      if (logo.startsWith('https:'))
        await w.db('oidc_clients').where({ client_id: hostile.client_id }).update({ logo_uri: logo });
      const visitor = await new Visitor(w).begin(hostile, { organization_id: acme.org_id });
      const seen = [visitor.page.text];
      await visitor.fill({ identifier: person.email });
      seen.push(visitor.page.text);
      for (const text of seen) {
        expect(text, 'it is their page').to.include('--brand:#a1b2c3');
        for (const [, source = ''] of text.matchAll(/\s(?:src|href)="([^"]*)"/g))
          expect(source, logo).to.match(/^(\/|#|https:\/\/cdn\.example\/(?!.*["'<>]))/);
        expect(text, logo).not.to.match(/<script>|onload=|onerror="|javascript:|<svg onload/i);
      }
    }
  });

  it('WB-09: a script reads the account of whoever signed in from where its application lives, and from nowhere else', async () => {
    const { person, visitor } = await signedIn();
    const address = authorizationUrl(client);
    const again = await visitor.open(address);
    const { body } = await exchange(w, client, again.callback?.searchParams.get('code') ?? '', verifierOf(address));
    const read = (origin: string) =>
      w.request('/oauth/userinfo', { headers: { origin, authorization: `Bearer ${body.access_token}` } });
    const home = await read(new URL(redirectUri).origin);
    expect(home.headers.get('access-control-allow-origin')).to.equal(new URL(redirectUri).origin);
    expect(home.body.sub).to.equal(person.user_id);
    for (const origin of [
      'https://evil.example',
      'null',
      `${new URL(redirectUri).origin}.evil.example`,
      'http://app.example',
    ]) {
      const { headers, text } = await read(origin);
      expect(headers.get('access-control-allow-origin'), origin).to.equal(null);
      expect(headers.get('access-control-allow-credentials'), origin).to.equal(null);
      expect(text, origin).not.to.include(person.user_id);
    }
  });

  it('WB-09: an application of an address that has no origin gives none to pages that have none', async () => {
    const native = await makeApplication(w, {
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['com.example.keel:/callback'],
    });
    // A sandboxed frame, a file and a redirect across origins all call themselves `null`; so does a scheme of one's own.
    for (const origin of ['null', 'com.example.keel:', 'com.example.keel://']) {
      const { headers, body } = await w.request('/oauth/token', {
        method: 'POST',
        headers: { origin },
        body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'x', client_id: native.client_id }),
      });
      expect([headers.get('access-control-allow-origin'), body.error], origin).to.deep.equal([null, 'invalid_request']);
    }
  });

  it('WB-05, WB-13: names with markup, quotes and reversed writing are text on every page of the way', async () => {
    const nasty = `"><script>alert(1)</script><img src=x onerror=alert(1)>'\u202Egnp.exe\u2066`;
    const hostile = await makeApplication(w, { client_name: nasty.replace(/[\u202E\u2066]/g, ''), first_party: false });
    const orgs = [
      await insertOrganization(w.db, { org_name: `A ${nasty}` }),
      await insertOrganization(w.db, { org_name: `B ${nasty}` }),
    ];
    const person = await insertPersonWithPassword(w, {
      first_name: nasty,
      last_name: nasty,
      username: `u'"><b>${Date.now()}`,
    });
    for (const org of orgs) await insertMember(w.db, org, person.user_id);
    const visitor = await new Visitor(w).begin(hostile, {
      login_hint: nasty,
      ui_locales: nasty,
      state: nasty,
      nonce: nasty,
    });
    const seen: string[] = [];
    const look = () => {
      seen.push(visitor.heading);
      check(visitor.heading, visitor.page.headers, visitor.page.text.replace(/onerror=alert\(1\)&gt;/g, ''));
      expect(visitor.page.text).not.to.match(/<script>alert|<img src=x|<b>\d/);
      const shown = visitor.page.text.replace(/<input\b[^>]*>/g, '');
      expect(shown, visitor.heading).not.to.match(/[\u202a-\u202e\u2066-\u2069]/);
    };
    look();
    await visitor.fill({ identifier: nasty });
    look();
    await visitor.open(`/signin/${visitor.uid}/change`);
    await visitor.fill({ identifier: person.email });
    await visitor.fill({ password: goodPassword });
    look();
    await visitor.fill({ org_id: orgs[0] ?? '' });
    look();
    await visitor.fill({ decision: 'allow' });
    expect(visitor.callback?.searchParams.get('state')).to.equal(nasty);
    await visitor.open('/oauth/logout');
    look();
    expect(new Set(seen).size, seen.join(' | ')).to.be.greaterThan(4);
  });

  it('OA-12, OA-19, WB-06: forms answer 303, and no token is ever in an address', async () => {
    const person = await insertPersonWithPassword(w);
    const address = authorizationUrl(client, { scope: 'openid offline_access' });
    const visitor = await new Visitor(w).open(address);
    const filled: Record<string, string>[] = [{ identifier: person.email }, { password: goodPassword }];
    for (const fields of filled) {
      const [form] = formsOf(visitor.page.text);
      const answer = await visitor.post(form?.action ?? '', { ...form?.fields, ...fields });
      expect(answer.status).to.equal(303);
      await visitor.follow(answer);
    }
    const callback = visitor.callback as URL;
    expect(callback.origin + callback.pathname).to.equal(redirectUri);
    expect([...callback.searchParams.keys()].sort()).to.deep.equal(['code', 'iss', 'state']);
    expect(callback.hash).to.equal('');
    const tokens = await exchange(w, client, callback.searchParams.get('code') ?? '', verifierOf(address));
    expect([tokens.status, tokens.headers.get('cache-control')]).to.deep.equal([200, 'no-store']);
    for (const name of ['access_token', 'token']) {
      const answer = await w.request(`/oauth/userinfo?${name}=${tokens.body.access_token}`);
      expect(answer.status, `${name} in the address`).to.be.oneOf([400, 401]);
    }
  });
});
