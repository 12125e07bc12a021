/**
 * Tokens that are not what they say, and matrices of who may present what. Over 300 lines because its matrices share one set of
 * tokens of every kind.
 */
import { createPublicKey, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import {
  basic,
  Browser,
  authorizationUrl,
  exchange,
  introspect,
  makeApplication,
  makePerson,
  oidcWorld,
  payloadOf,
  type Person,
  post,
  refresh,
  type RelyingParty,
  signIn,
  travel,
  verifierOf,
} from '../oidc/rp.ts';
import type { World } from '../support/world.ts';

describe('security: tokens', function () {
  this.timeout(60_000);
  let w: World;
  let client: RelyingParty;
  let person: Person;
  before(async () => {
    w = await oidcWorld();
    client = await makeApplication(w, { post_logout_redirect_uris: ['https://app.example/bye'] });
    person = await makePerson(w, ['Mill']);
  });
  after(() => w.close());

  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

  /** The same claims under every signature that is none. */
  async function forgeries(claims: Record<string, unknown>, typ: string): Promise<Record<string, string>> {
    const { keys } = (await w.request('/oauth/jwks')).body as unknown as { keys: (JWK & { kid: string })[] };
    const [es = keys[0], rs = keys[1]] = [keys.find(({ kty }) => kty === 'EC'), keys.find(({ kty }) => kty === 'RSA')];
    if (!es || !rs) throw new Error('There are not two keys.');
    const foreign = await generateKeyPair('ES256', { extractable: true });
    const wide = await generateKeyPair('ES384');
    const pem = (jwk: JWK) =>
      createPublicKey({ key: jwk as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    const made: Record<string, string> = {};
    for (const alg of ['none', 'None', 'NONE', '']) {
      made[`alg ${JSON.stringify(alg)}`] = `${encode({ alg, typ })}.${encode(claims)}.`;
      made[`alg ${JSON.stringify(alg)} with a signature`] =
        `${encode({ alg, typ, kid: es.kid })}.${encode(claims)}.${'A'.repeat(86)}`;
    }
    for (const [name, key] of Object.entries({
      'RSA PEM': pem(rs),
      'EC PEM': pem(es),
      modulus: rs.n ?? '',
      x: es.x ?? '',
      'whole JWK': JSON.stringify(es),
      empty: '\0',
    }))
      made[`HS256 with ${name}`] = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', typ, kid: es.kid })
        .sign(new TextEncoder().encode(String(key)));
    made['a foreign key under our kid'] = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', typ, kid: es.kid })
      .sign(foreign.privateKey);
    made['a key of its own in the header'] = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', typ, jwk: await exportJWK(foreign.publicKey) })
      .sign(foreign.privateKey);
    made['another curve'] = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES384', typ, kid: es.kid })
      .sign(wide.privateKey);
    made['zeros for a signature'] =
      `${encode({ alg: 'ES256', typ, kid: es.kid })}.${encode(claims)}.${Buffer.alloc(64).toString('base64url')}`;
    return made;
  }

  it('TK-01, TK-05: no input takes a JWT that is unsigned, signed with a public key, or by somebody else', async () => {
    const { tokens } = await signIn(w, client, person);
    const claims = payloadOf(tokens.id_token as string);
    for (const [name, token] of Object.entries(await forgeries(claims, 'JWT'))) {
      const hinted = await new Browser(w).go(
        `/oauth/logout?${new URLSearchParams({ id_token_hint: token, post_logout_redirect_uri: 'https://app.example/bye' })}`,
      );
      expect([hinted.status, hinted.location], `sign-out hint: ${name}`).to.deep.equal([400, null]);
      const asked = await travel(
        w,
        new Browser(w),
        authorizationUrl(client, { prompt: 'none', id_token_hint: token }),
        {},
      );
      expect(asked.location?.searchParams.get('error'), `authorization hint: ${name}`).to.equal('invalid_request');
      const assertion = {
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: token,
      };
      const proven = await post(
        w,
        '/oauth/token',
        { client_id: client.client_id },
        { grant_type: 'client_credentials', ...assertion },
      );
      expect(proven.body.error, `assertion: ${name}`).to.be.oneOf(['invalid_client', 'invalid_request']);
    }
    const access = {
      iss: w.url,
      sub: person.user_id,
      client_id: client.client_id,
      aud: `${w.url}/api/v1`,
      scope: 'users.read *',
      jti: 'x',
      iat: 1,
      exp: 9_999_999_999,
    };
    for (const [name, token] of Object.entries(await forgeries(access, 'at+jwt'))) {
      for (const path of ['/api/v1/organizations', '/scim/v2/Users', '/oauth/userinfo']) {
        const answer = await w.request(path, { headers: { authorization: `Bearer ${token}` } });
        expect(answer.status, `${path}: ${name}`).to.equal(401);
      }
      // The library says that it reads none there at all.
      expect((await introspect(w, client, token)).active, `introspection: ${name}`).to.not.equal(true);
    }
  });

  it('TK-04, TK-05: a token of one kind is none of another', async () => {
    const { tokens, code } = await signIn(w, client, person, { scope: 'openid offline_access' });
    const kinds = {
      access: tokens.access_token,
      refresh: tokens.refresh_token,
      id: tokens.id_token,
      code,
      key: w.apiKey,
    } as Record<string, string>;
    for (const [kind, token] of Object.entries(kinds)) {
      if (kind !== 'access')
        expect(
          (await w.request('/oauth/userinfo', { headers: { authorization: `Bearer ${token}` } })).status,
          `userinfo: ${kind}`,
        ).to.equal(401);
      if (kind !== 'refresh')
        expect((await refresh(w, client, token)).body.error, `refresh: ${kind}`).to.equal('invalid_grant');
      if (kind !== 'key')
        expect((await w.api('GET', '/organizations', undefined, token)).status, `REST: ${kind}`).to.equal(401);
      expect(
        (await w.request('/scim/v2/Users', { headers: { authorization: `Bearer ${token}` } })).status,
        `SCIM: ${kind}`,
      ).to.equal(401);
      const used = await post(w, '/oauth/token', client, {
        grant_type: 'authorization_code',
        code: token,
        redirect_uri: 'https://app.example/cb',
        code_verifier: 'v'.repeat(43),
      });
      expect(used.body.error, `code: ${kind}`).to.equal('invalid_grant');
    }
  });

  it('OA-22: each of four registered methods opens for itself alone', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', use: 'sig', alg: 'ES256' }] };
    const methods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'];
    for (const registered of methods) {
      const application = await makeApplication(w, {
        token_endpoint_auth_method: registered,
        ...(registered === 'private_key_jwt' ? { jwks } : {}),
      });
      const { client_id, client_secret = 'a-secret-that-it-does-not-have' } = application;
      for (const used of methods) {
        const { tokens } = await signInWithKey(application, registered, privateKey);
        const form = new URLSearchParams({
          grant_type: 'refresh_token',
          refresh_token: tokens.refresh_token as string,
        });
        const more = await credentials(used, client_id, client_secret, privateKey);
        for (const [name, value] of Object.entries(more.form)) form.set(name, value);
        const answer = await w.request('/oauth/token', {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded', ...more.headers },
          body: form.toString(),
        });
        expect(answer.status, `${registered} registered, ${used} used: ${answer.text}`).to.equal(
          used === registered ? 200 : 401,
        );
        if (used !== registered) expect(answer.body.error).to.equal('invalid_client');
      }
    }
  });

  async function credentials(
    method: string,
    client_id: string,
    client_secret: string,
    key: CryptoKey,
  ): Promise<{ headers: Record<string, string>; form: Record<string, string> }> {
    if (method === 'client_secret_basic')
      return { headers: { authorization: basic({ client_id, client_secret }) }, form: {} };
    if (method === 'client_secret_post') return { headers: {}, form: { client_id, client_secret } };
    if (method === 'none') return { headers: {}, form: { client_id } };
    const client_assertion = await new SignJWT({ jti: randomBytes(12).toString('hex') })
      .setProtectedHeader({ alg: 'ES256', kid: 'k' })
      .setIssuer(client_id)
      .setSubject(client_id)
      .setAudience(w.url)
      .setExpirationTime('1m')
      .sign(key);
    return {
      headers: {},
      form: {
        client_id,
        client_assertion,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      },
    };
  }

  /** A sign-in of an application, whatever it authenticates with. */
  async function signInWithKey(application: RelyingParty, method: string, key: CryptoKey) {
    const address = authorizationUrl(application);
    const journey = await travel(w, new Browser(w), address, { login: { account_id: person.user_id } });
    const { headers, form } = await credentials(method, application.client_id, application.client_secret ?? '', key);
    const answer = await w.request('/oauth/token', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code: journey.code,
        code_verifier: verifierOf(address),
        redirect_uri: 'https://app.example/cb',
        ...form,
      }).toString(),
    });
    expect(answer.status, `${method}: ${answer.text}`).to.equal(200);
    return { tokens: answer.body };
  }

  it('OA-18: no grant gives a scope that was not registered, not asked for, or not given before', async () => {
    const narrow = await makeApplication(w, {
      scope: 'openid email',
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    });
    const asked = 'openid email profile phone users.read organizations.delete *';
    const { tokens } = await signIn(w, narrow, person, { scope: 'openid email' });
    const scopes = (given: unknown) =>
      String(given ?? '')
        .split(' ')
        .filter(Boolean)
        .sort();
    expect(scopes(tokens.scope)).to.deep.equal(['email', 'openid']);
    for (const scope of [asked, 'openid email profile', 'users.read']) {
      const address = authorizationUrl(narrow, { scope });
      const journey = await travel(w, new Browser(w), address, { login: { account_id: person.user_id } });
      if (journey.code) {
        const { body } = await exchange(w, narrow, journey.code, verifierOf(address));
        expect(
          scopes(body.scope).filter((one) => !['openid', 'email'].includes(one)),
          scope,
        ).to.deep.equal([]);
      } else expect(journey.location?.searchParams.get('error'), scope).to.be.oneOf(['invalid_scope', 'access_denied']);
      const own = await post(w, '/oauth/token', narrow, { grant_type: 'client_credentials', scope });
      if (own.status === 200)
        expect(
          scopes(own.body.scope).filter((one) => !['openid', 'email'].includes(one)),
          scope,
        ).to.deep.equal([]);
      else expect(own.body.error, scope).to.be.oneOf(['invalid_scope', 'invalid_target', 'invalid_request']);
      const wider = await refresh(w, narrow, tokens.refresh_token as string, { scope });
      expect(wider.body.error, scope).to.equal('invalid_scope');
    }
    const smaller = await refresh(w, narrow, tokens.refresh_token as string, { scope: 'openid' });
    expect(scopes(smaller.body.scope)).to.deep.equal(['openid']);
  });

  it('OA-17: two resources get two tokens, and neither is taken by the other', async () => {
    const apis = await Promise.all(
      ['one', 'two'].map(async (name) => ({
        resource: `https://${name}.example/api`,
        party: await makeApplication(w, {
          client_name: name,
          grant_types: ['client_credentials'],
          redirect_uris: [],
          resource_uri: `https://${name}.example/api`,
          resource_scope: 'things.read',
        }),
      })),
    );
    const tokens: string[] = [];
    for (const { resource } of apis)
      tokens.push(
        (await signIn(w, client, person, { scope: 'openid things.read', resource })).tokens.access_token as string,
      );
    for (const [i, { party }] of apis.entries()) {
      for (const [j, token] of tokens.entries())
        expect((await introspect(w, party, token)).active, `${i} asks about ${j}`).to.equal(i === j);
      expect((await w.api('GET', '/organizations', undefined, tokens[i])).status).to.equal(401);
    }
  });

  it('OA-24: an application cannot take the identifier of a person, nor speak as one', async () => {
    const taken = await w.api('POST', '/applications', {
      client_name: 'x',
      redirect_uris: ['https://app.example/cb'],
      client_id: person.user_id,
    });
    expect([taken.status, taken.body.code]).to.deep.equal([400, 'request_invalid']);
    const machine = await makeApplication(w, {
      grant_types: ['client_credentials'],
      redirect_uris: [],
      scope: 'users.read',
    });
    const { body } = await post(w, '/oauth/token', machine, {
      grant_type: 'client_credentials',
      resource: `${w.url}/api/v1`,
      scope: 'users.read',
      sub: person.user_id,
    });
    const facts = await introspect(w, machine, body.access_token as string);
    expect(facts.sub ?? null).to.not.equal(person.user_id);
    expect(
      (await w.request('/oauth/userinfo', { headers: { authorization: `Bearer ${body.access_token}` } })).status,
    ).to.equal(401);
    expect(await w.db('oidc_clients').join('users', 'users.user_id', 'oidc_clients.client_id')).to.deep.equal([]);
  });

  it('OA-02: no application is registered with an address that is none of the web’s or its own', async () => {
    for (const uri of [
      'javascript:alert(1)',
      'JAVASCRIPT:alert(1)',
      'data:text/html,x',
      'file:///etc/passwd',
      'blob:https://app.example/x',
      'vbscript:x',
      'about:blank',
      'http://app.example/cb',
      'https://*.example/cb',
      'https://app.example/cb#x',
      'https://user:pw@app.example/cb',
      '//app.example/cb',
      '/cb',
      'https://',
      'ftp://app.example/',
      'myapp://cb',
      'ws://app.example/',
      'intent://x',
      'view-source:https://x.example/',
      'https://app.example/\ncb',
      '',
    ]) {
      for (const name of ['redirect_uris', 'post_logout_redirect_uris']) {
        const answer = await w.api('POST', '/applications', {
          client_name: 'x',
          redirect_uris: ['https://app.example/cb'],
          [name]: [uri],
        });
        expect(answer.status, `${name} ${JSON.stringify(uri)} ${answer.text}`).to.equal(400);
      }
    }
  });
});
