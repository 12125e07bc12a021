/**
 * Every place that takes a JWT, given everything that is none of ours, ours for another purpose, or ours at another time. Over 300
 * lines because every place is given the same whole list.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { loadSigningKeys } from '../../src/applications/keys/service.ts';
import {
  authorizationUrl,
  type Browser,
  introspect,
  makeApplication,
  oidcWorld,
  makePerson,
  payloadOf,
  type Person,
  post,
  refresh,
  type RelyingParty,
  signIn,
  type Tokens,
  travel,
} from '../oidc/rp.ts';
import { directory } from '../scim/door.ts';
import type { World } from '../support/world.ts';
import { forgeries, jws } from './forgeries.ts';

const bye = 'https://app.example/bye';
const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

describe('security: every input that takes a JWT', function () {
  this.timeout(180_000);
  let w: World;
  let client: RelyingParty;
  let machine: RelyingParty;
  let person: Person;
  let browser: Browser;
  let tokens: Tokens;
  /** Ours, and the machine’s. */
  let ours: { privateKey: KeyObject; kid: string };
  const theirs = { privateKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, kid: 'k1' };
  let published: { kid: string; key: KeyObject }[];

  before(async () => {
    w = await oidcWorld();
    client = await makeApplication(w, { post_logout_redirect_uris: [bye] });
    person = await makePerson(w, ['Mill']);
    ({ browser, tokens } = await signIn(w, client, person, { scope: 'openid offline_access' }));
    const jwk = {
      ...createPublicKey(theirs.privateKey).export({ format: 'jwk' }),
      kid: theirs.kid,
      use: 'sig',
      alg: 'ES256',
    };
    machine = await makeApplication(w, {
      grant_types: ['client_credentials', 'authorization_code'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [jwk] },
    });
    const own = (await loadSigningKeys(w.app)).map(
      ({ jwk }) => jwk as unknown as JsonWebKey & { kid: string; kty: string },
    );
    const current = own.find(({ kty, d }) => kty === 'EC' && d !== undefined);
    if (!current) throw new Error('There is no key.');
    ours = { privateKey: createPrivateKey({ key: current as never, format: 'jwk' }), kid: current.kid };
    published = own
      .filter(({ kty }) => kty === 'RSA')
      .map((jwk) => ({ kid: jwk.kid, key: createPublicKey({ key: jwk as never, format: 'jwk' }) }));
    expect(published).to.have.length.greaterThan(0);
  });
  after(() => w.close());

  const seconds = () => Math.floor(Date.now() / 1000);
  const assertionClaims = (changes: object = {}) => ({
    iss: machine.client_id,
    sub: machine.client_id,
    aud: w.url,
    jti: randomBytes(12).toString('hex'),
    iat: seconds(),
    exp: seconds() + 120,
    ...changes,
  });

  const bearer = (path: string) => async (token: string) => {
    const answer = await w.request(path, {
      headers: { authorization: `Bearer ${token.replace(/[^\x21-\x7e]/g, '')}` },
    });
    return answer.status === 401 ? 'refused' : `${answer.status} ${answer.text}`;
  };
  const asserted = (path: string, form: Record<string, string>) => async (client_assertion: string) => {
    const { status, body } = await post(
      w,
      path,
      { client_id: machine.client_id },
      { ...form, client_assertion, client_assertion_type: jwtBearer },
    );
    // What is no JWT at all, or names two applications, is a bad request (RFC 6749 §5.2).
    const isRefused =
      `${status} ${body.error}` === '401 invalid_client' || `${status} ${body.error}` === '400 invalid_request';
    return isRefused && !body.access_token ? 'refused' : `${status} ${JSON.stringify(body)}`;
  };

  /** What each input makes of a token: `refused`, with the code that belongs to it, or what it said. */
  const hints: Record<string, (token: string) => Promise<string>> = {
    'id_token_hint of an authorization request': async (token) => {
      const asked = await travel(w, browser, authorizationUrl(client, { prompt: 'none', id_token_hint: token }), {});
      const error = asked.location?.searchParams.get('error');
      return error === 'invalid_request' && asked.code === '' ? 'refused' : `${error} ${asked.code}`;
    },
    'id_token_hint of a sign-out': async (token) => {
      const query = new URLSearchParams({ id_token_hint: token, post_logout_redirect_uri: bye });
      const { status, location, text } = await browser.go(`/oauth/logout?${query}`);
      return status === 400 && location === null ? 'refused' : `${status} ${text.slice(0, 200)}`;
    },
    'id_token_hint of a pushed request': async (token) => {
      const query = Object.fromEntries(
        new URL(authorizationUrl(client, { prompt: 'none', id_token_hint: token }), w.url).searchParams,
      );
      const { body } = await post(w, '/oauth/par', client, query);
      if (body.error) return body.error === 'invalid_request' ? 'refused' : JSON.stringify(body);
      const address = `/oauth/authorize?${new URLSearchParams({ client_id: client.client_id, request_uri: String(body.request_uri) })}`;
      const asked = await travel(w, browser, address, {});
      return asked.location?.searchParams.get('error') === 'invalid_request' ? 'refused' : `taken ${asked.code}`;
    },
  };
  const assertions = {
    'client assertion at the token endpoint': asserted('/oauth/token', { grant_type: 'client_credentials' }),
    'client assertion at introspection': asserted('/oauth/introspect', { token: 'x' }),
    'client assertion at revocation': asserted('/oauth/revoke', { token: 'x' }),
    'client assertion of a pushed request': (token: string) =>
      asserted('/oauth/par', Object.fromEntries(new URL(authorizationUrl(machine), w.url).searchParams))(token),
  };
  const bearers = {
    'bearer of the REST API': bearer('/api/v1/organizations'),
    'bearer of SCIM': bearer('/scim/v2/Users'),
    'bearer of userinfo': bearer('/oauth/userinfo'),
  };

  async function expectRefused(
    inputs: Record<string, (token: string) => Promise<string>>,
    given: Record<string, string>,
  ): Promise<number> {
    let asked = 0;
    for (const [input, ask] of Object.entries(inputs)) {
      for (const [what, token] of Object.entries(given)) {
        expect(await ask(token), `${input}: ${what}`).to.equal('refused');
        asked += 1;
      }
    }
    return asked;
  }

  it('TK-01: a hint is an ID token that we signed with the registered algorithm, or it is refused', async () => {
    const claims = payloadOf(tokens.id_token as string);
    const good = jws({ alg: 'ES256', typ: 'JWT', kid: ours.kid }, claims, ours.privateKey);
    // The measure of what follows: made by the same means, it is taken.
    for (const [input, ask] of Object.entries(hints)) expect(await ask(good), input).not.to.equal('refused');
    // An unencoded payload needs our own key; of what we sign, nothing has one.
    const { 'b64 false': _ours, ...forged } = forgeries(claims, ours, 'JWT', published);
    const asked = await expectRefused(hints, forged);
    expect(asked).to.be.greaterThan(200);
    const rsa = (await loadSigningKeys(w.app)).find(({ jwk }) => (jwk as { kty: string }).kty === 'RSA');
    if (!rsa) throw new Error('There is no RSA key.');
    const other = createPrivateKey({ key: rsa.jwk as never, format: 'jwk' });
    const { kid } = rsa.jwk as unknown as { kid: string };
    await expectRefused(hints, { 'our other key': jws({ alg: 'RS256', typ: 'JWT', kid }, claims, other) });
  });

  it('TK-01: a client assertion is signed with the application’s own key, or it is refused', async () => {
    const sign = (changes?: object) =>
      jws({ alg: 'ES256', typ: 'JWT', kid: theirs.kid }, assertionClaims(changes), theirs.privateKey);
    for (const [input, ask] of Object.entries(assertions)) expect(await ask(sign()), input).not.to.equal('refused');
    const known = [{ kid: ours.kid, key: createPublicKey(ours.privateKey) }, ...published];
    const asked = await expectRefused(assertions, forgeries(assertionClaims(), theirs, 'JWT', known));
    expect(asked).to.be.greaterThan(300);
    await expectRefused(assertions, {
      'signed by us': jws({ alg: 'ES256', typ: 'JWT', kid: ours.kid }, assertionClaims(), ours.privateKey),
    });
  });

  it('TK-01, TK-03: no door takes a JWT as a bearer, however well it is signed; introspection reads none', async () => {
    const claims = {
      iss: w.url,
      sub: person.user_id,
      client_id: client.client_id,
      aud: `${w.url}/api/v1`,
      scope: 'openid users.read organizations.read *',
      jti: 'x',
      iat: seconds(),
      exp: seconds() + 600,
    };
    const good = jws({ alg: 'ES256', typ: 'at+jwt', kid: ours.kid }, claims, ours.privateKey);
    const all = { ...forgeries(claims, ours, 'at+jwt', published), 'signed by us': good };
    await expectRefused(bearers, all);
    for (const [what, token] of Object.entries(all))
      expect((await introspect(w, client, token)).active, what).to.not.equal(true);
  });

  it('TK-01: what takes no JWT says so: request objects, assertions and token exchange as grants', async () => {
    const claims = {
      ...Object.fromEntries(new URL(authorizationUrl(client), w.url).searchParams),
      iss: client.client_id,
      aud: w.url,
    };
    for (const request of Object.values(forgeries(claims, theirs, 'JWT')).slice(0, 12)) {
      const asked = await travel(w, browser, authorizationUrl(client, { prompt: 'none', request }), {});
      expect(asked.location?.searchParams.get('error'), request.slice(0, 40)).to.equal('request_not_supported');
    }
    for (const grant_type of [
      'urn:ietf:params:oauth:grant-type:jwt-bearer',
      'urn:ietf:params:oauth:grant-type:token-exchange',
      'urn:ietf:params:oauth:grant-type:saml2-bearer',
    ]) {
      const form = { grant_type, assertion: String(tokens.id_token), subject_token: String(tokens.id_token) };
      const { status, body } = await post(w, '/oauth/token', client, form);
      expect([status, body.error], grant_type).to.deep.equal([400, 'unsupported_grant_type']);
    }
  });

  it('TK-03: each kind of token works in its own place and in no other', async () => {
    const resource = 'https://jwt.example/api';
    const api = { grant_types: ['client_credentials'], redirect_uris: [], resource_uri: resource, resource_scope: 'a' };
    await makeApplication(w, { ...api, client_name: 'Jwt', resource_token_format: 'jwt' });
    const { tokens: first, code } = await signIn(w, client, person, { scope: 'openid offline_access' });
    const { tokens: wide } = await signIn(w, client, person, { scope: 'openid a', resource });
    const scim = await directory(w);
    const kinds: Record<string, string> = {
      'access token': String(first.access_token),
      'access token as a JWT': String(wide.access_token),
      'ID token': String(first.id_token),
      'refresh token': String(first.refresh_token),
      code,
      'API key': w.apiKey,
      'SCIM token': scim.token,
      'client assertion': jws({ alg: 'ES256', typ: 'JWT', kid: theirs.kid }, assertionClaims(), theirs.privateKey),
      // What nobody issues today, and a provider of ours could: signed with our own key for another purpose.
      'logout token': jws(
        { alg: 'ES256', typ: 'logout+jwt', kid: ours.kid },
        {
          iss: w.url,
          aud: client.client_id,
          sub: person.user_id,
          iat: seconds(),
          jti: 'j',
          events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
        },
        ours.privateKey,
      ),
    };
    const places: Record<string, { own: readonly string[]; takes: (token: string) => Promise<boolean> }> = {
      userinfo: {
        own: ['access token'],
        takes: async (token) => (await bearers['bearer of userinfo'](token)) !== 'refused',
      },
      'REST API': {
        own: ['API key'],
        takes: async (token) => (await bearers['bearer of the REST API'](token)) !== 'refused',
      },
      SCIM: { own: ['SCIM token'], takes: async (token) => (await bearers['bearer of SCIM'](token)) !== 'refused' },
      refresh: {
        own: ['refresh token'],
        takes: async (token) => {
          const { body } = await refresh(w, client, token);
          if (body.error) expect(body.error).to.equal('invalid_grant');
          return body.error === undefined;
        },
      },
      'client assertion': {
        own: ['client assertion'],
        takes: async (token) => (await assertions['client assertion at the token endpoint'](token)) !== 'refused',
      },
      'hint of a sign-in': {
        own: ['ID token'],
        takes: async (token) => (await hints['id_token_hint of an authorization request']?.(token)) !== 'refused',
      },
      'hint of a sign-out': {
        own: ['ID token'],
        takes: async (token) => (await hints['id_token_hint of a sign-out']?.(token)) !== 'refused',
      },
    };
    for (const [place, { own, takes }] of Object.entries(places)) {
      for (const [kind, token] of Object.entries(kinds))
        expect(await takes(token), `${kind} at ${place}`).to.equal(own.includes(kind));
    }
    const presented = async (token: string) => {
      const form = {
        grant_type: 'authorization_code',
        code: token,
        redirect_uri: 'https://app.example/cb',
        code_verifier: 'v'.repeat(43),
      };
      return (await post(w, '/oauth/token', client, form)).body.error;
    };
    for (const [kind, token] of Object.entries(kinds)) expect(await presented(token), kind).to.equal('invalid_grant');
  });

  it('TK-04: the times of an assertion are kept within a minute', async () => {
    const ask = assertions['client assertion at the token endpoint'];
    const at = (changes: object) =>
      jws({ alg: 'ES256', typ: 'JWT', kid: theirs.kid }, assertionClaims(changes), theirs.privateKey);
    const now = seconds();
    for (const [what, changes, isGood] of [
      ['expires in 59 s', { exp: now + 59 }, true],
      ['expires in 61 s', { exp: now + 61 }, true],
      ['expired 61 s ago', { exp: now - 61 }, false],
      ['expired 59 s ago, above our tolerance of 15 s', { exp: now - 59 }, false],
      ['expired 5 s ago', { exp: now - 5 }, true],
      ['expires in an hour', { exp: now + 3600 }, false],
      ['never expires', { exp: undefined }, false],
      ['expires at a text', { exp: String(now + 60) }, false],
      ['not before 61 s from now', { nbf: now + 61 }, false],
      ['not before 59 s from now', { nbf: now + 59 }, false],
      ['not before 59 s ago', { nbf: now - 59 }, true],
      ['not before 61 s ago', { nbf: now - 61 }, true],
      ['issued 61 s from now', { iat: now + 61, exp: now + 120 }, false],
      ['issued 59 s from now', { iat: now + 59, exp: now + 120 }, false],
      ['issued 59 s ago', { iat: now - 59 }, true],
      ['issued 61 s ago', { iat: now - 61 }, true],
      ['issued at a text', { iat: String(now) }, false],
    ] as const)
      expect((await ask(at(changes))) !== 'refused', what).to.equal(isGood);
  });

  it('TK-05: audience and issuer of an assertion are exactly ours and its own', async () => {
    const at = (changes: object) =>
      jws({ alg: 'ES256', typ: 'JWT', kid: theirs.kid }, assertionClaims(changes), theirs.privateKey);
    const wrong: Record<string, string> = {
      'the token endpoint': at({ aud: `${w.url}/oauth/token` }),
      'a list': at({ aud: [w.url] }),
      'a list with another': at({ aud: [w.url, 'https://other.example'] }),
      'another provider': at({ aud: 'https://other.example' }),
      'our address and a slash': at({ aud: `${w.url}/` }),
      'no audience': at({ aud: undefined }),
      'another issuer': at({ iss: client.client_id }),
      'another subject': at({ sub: client.client_id }),
      'no subject': at({ sub: undefined }),
    };
    await expectRefused(assertions, wrong);
  });

  it('TK-05: a hint for another application, or of another issuer, is none', async () => {
    const claims = payloadOf(tokens.id_token as string);
    const sign = (changes: object) =>
      jws({ alg: 'ES256', typ: 'JWT', kid: ours.kid }, { ...claims, ...changes }, ours.privateKey);
    await expectRefused(hints, {
      'another application': sign({ aud: machine.client_id }),
      'another issuer': sign({ iss: 'https://other.example' }),
      'our address and a slash': sign({ iss: `${w.url}/` }),
      'no audience': sign({ aud: undefined }),
      'no subject': sign({ sub: undefined }),
    });
  });
});
