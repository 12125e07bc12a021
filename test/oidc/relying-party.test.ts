/**
 * A relying party that this project did not write: openid-client, strict, with every check that it has. Over 300 lines because the
 * same library is led through every kind of application.
 */
import { expect } from 'chai';
import { exportJWK, generateKeyPair } from 'jose';
import * as client from 'openid-client';
import type { World } from '../support/world.ts';
import { Browser, makeApplication, makePerson, oidcWorld, type Person, redirectUri, travel } from './rp.ts';
import { pause } from '../support/waiting.ts';

describe('oidc: openid-client', () => {
  let w: World;
  let person: Person & { orgs: string[] };

  before(async () => {
    w = await oidcWorld();
    person = await makePerson(w, ['Acme']);
  });
  after(() => w.close());

  const discover = (id: string, metadata: object, authentication?: client.ClientAuth) =>
    client.discovery(new URL(w.url), id, metadata, authentication, {
      execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
    });

  async function authorize(config: client.Configuration, parameters: Record<string, string>): Promise<URL> {
    const journey = await travel(w, new Browser(w), client.buildAuthorizationUrl(config, parameters).href, {
      login: { account_id: person.user_id },
    });
    if (!journey.location) throw new Error(journey.text);
    return journey.location;
  }

  it('oidcc-server: code with PKCE, nonce and state; userinfo, refresh, introspection, revocation', async () => {
    const { client_id, client_secret } = await makeApplication(w);
    const config = await discover(client_id, { client_secret }, client.ClientSecretBasic(client_secret));
    const verifier = client.randomPKCECodeVerifier();
    const checks = {
      pkceCodeVerifier: verifier,
      expectedNonce: client.randomNonce(),
      expectedState: client.randomState(),
    };
    const back = await authorize(config, {
      redirect_uri: redirectUri,
      scope: 'openid profile email',
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      nonce: checks.expectedNonce,
      state: checks.expectedState,
      max_age: '3600',
    });
    const tokens = await client.authorizationCodeGrant(config, back, {
      ...checks,
      maxAge: 3600,
      idTokenExpected: true,
    });
    expect(tokens.claims()).to.include({ sub: person.user_id, org_id: person.orgs[0], name: 'Ada Beam' });
    const info = await client.fetchUserInfo(config, tokens.access_token, person.user_id);
    expect(info).to.include({ email: person.email });
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token as string);
    expect(refreshed.claims()?.sub).to.equal(person.user_id);
    expect((await client.tokenIntrospection(config, refreshed.access_token)).active).to.equal(true);
    await client.tokenRevocation(config, refreshed.refresh_token as string);
    expect((await client.tokenIntrospection(config, refreshed.access_token)).active).to.equal(false);
    expect(client.buildEndSessionUrl(config, { id_token_hint: String(tokens.id_token) }).pathname).to.equal(
      '/oauth/logout',
    );
  });

  it('a public application; a pushed request; RS256', async () => {
    const { client_id } = await makeApplication(w, {
      token_endpoint_auth_method: 'none',
      id_token_signed_response_alg: 'RS256',
    });
    const config = await discover(client_id, { id_token_signed_response_alg: 'RS256' }, client.None());
    const verifier = client.randomPKCECodeVerifier();
    const parameters = {
      redirect_uri: redirectUri,
      scope: 'openid',
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    };
    const url = await client.buildAuthorizationUrlWithPAR(config, parameters);
    const { location } = await travel(w, new Browser(w), url.href, { login: { account_id: person.user_id } });
    const tokens = await client.authorizationCodeGrant(config, location as URL, {
      pkceCodeVerifier: verifier,
      idTokenExpected: true,
    });
    expect(tokens.claims()?.sub).to.equal(person.user_id);
  });

  it('OA-21: private_key_jwt, with keys in the registration and at a jwks_uri', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'k1' }] };
    const { createServer } = await import('node:http');
    let asked = 0;
    const server = createServer((_, response) => {
      asked += 1;
      response.setHeader('content-type', 'application/json').end(JSON.stringify(jwks));
    });
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    const { port } = server.address() as { port: number };
    try {
      for (const keys of [{ jwks }, { jwks_uri: `http://localhost:${port}/jwks` }]) {
        const registered = await w.api<{ client_id: string; client_secret?: string }>('POST', '/applications', {
          client_name: 'Machine',
          grant_types: ['client_credentials'],
          token_endpoint_auth_method: 'private_key_jwt',
          ...keys,
        });
        if ('jwks_uri' in keys && registered.status === 400) throw new Error(registered.text);
        expect(registered.body).not.to.have.property('client_secret');
        const config = await discover(
          registered.body.client_id,
          {},
          client.PrivateKeyJwt({ key: privateKey, kid: 'k1' }),
        );
        for (let time = 0; time < 2; time += 1) {
          expect((await client.clientCredentialsGrant(config)).access_token).to.match(/^ltl_at_/);
        }
      }
      expect(asked, 'keys are kept').to.equal(1);
    } finally {
      server.close();
    }
  });

  it('OA-21: an assertion for another audience, too long, without sub, or with a foreign key is refused', async () => {
    const { SignJWT } = await import('jose');
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const foreign = (await generateKeyPair('ES256')).privateKey;
    const { body } = await w.api<{ client_id: string }>('POST', '/applications', {
      client_name: 'Machine',
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256' }] },
    });
    const now = Math.floor(Date.now() / 1000);
    const usual = {
      iss: body.client_id,
      sub: body.client_id,
      aud: w.url as string | string[],
      exp: now + 60,
      jti: 'a',
    };
    const ask = async (claims: object, key = privateKey, header = { alg: 'ES256' }) => {
      const assertion = await new SignJWT({ ...usual, jti: Math.random().toString(), ...claims })
        .setProtectedHeader(header)
        .sign(key);
      const answer = await w.request('/oauth/token', {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          client_assertion: assertion,
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        }),
      });
      return [answer.status, answer.body.error];
    };
    expect(await ask({})).to.deep.equal([200, undefined]);
    const refused: Record<string, () => Promise<unknown>> = {
      'the token endpoint as audience': () => ask({ aud: `${w.url}/oauth/token` }),
      'a list as audience': () => ask({ aud: [w.url, 'https://other.example'] }),
      'another audience': () => ask({ aud: 'https://other.example' }),
      'over five minutes': () => ask({ exp: now + 600 }),
      expired: () => ask({ exp: now - 60 }),
      'no expiry': () => ask({ exp: undefined }),
      'no jti': () => ask({ jti: undefined }),
      'no sub': () => ask({ sub: undefined }),
      'another issuer': () => ask({ iss: 'other' }),
      'a foreign key': () => ask({}, foreign),
    };
    for (const [what, attempt] of Object.entries(refused)) {
      expect(await attempt(), what).to.deep.equal([401, 'invalid_client']);
    }
  });

  it('TK-02: jku, x5u, jwk and a path-like kid are not followed', async () => {
    const { SignJWT } = await import('jose');
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const attacker = await exportJWK(publicKey);
    const { createServer } = await import('node:http');
    let hits = 0;
    const canary = createServer((_, response) => {
      hits += 1;
      response.end(JSON.stringify({ keys: [attacker] }));
    });
    await new Promise<void>((resolve) => canary.listen(0, 'localhost', resolve));
    const address = `http://localhost:${(canary.address() as { port: number }).port}/`;
    const machine = await makeApplication(w, {
      grant_types: ['client_credentials'],
      redirect_uris: [],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [{ ...(await exportJWK((await generateKeyPair('ES256')).publicKey)), alg: 'ES256' }] },
    });
    for (const header of [
      { jku: address },
      { x5u: address },
      { jwk: attacker },
      { kid: '../../etc/passwd' },
      { kid: "' or 1=1" },
    ]) {
      const assertion = await new SignJWT({ jti: Math.random().toString() })
        .setProtectedHeader({ alg: 'ES256', ...header })
        .setIssuer(machine.client_id)
        .setSubject(machine.client_id)
        .setAudience(w.url)
        .setExpirationTime('1m')
        .sign(privateKey);
      const { status } = await w.request('/oauth/token', {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          client_assertion: assertion,
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        }),
      });
      expect(status).to.equal(401);
    }
    expect(hits).to.equal(0);
    canary.close();
  });

  it('SS-01: a jwks_uri inside of our network is not asked', async () => {
    const { createServer } = await import('node:http');
    const { SignJWT } = await import('jose');
    let hits = 0;
    const canary = createServer((_, response) => response.end('{}')).on('connection', () => {
      hits += 1;
    });
    await new Promise<void>((resolve) => canary.listen(0, '127.0.0.1', resolve));
    const { port } = canary.address() as { port: number };
    const { privateKey } = await generateKeyPair('ES256');
    const strict = await oidcWorld({ environment: { LINTEL_EGRESS_ALLOW: 'nothing.example' } });
    try {
      for (const host of [
        '127.0.0.1',
        'localhost',
        '[::1]',
        '2130706433',
        '[::ffff:127.0.0.1]',
        '10.0.0.1',
        '169.254.169.254',
      ]) {
        const machine = await makeApplication(strict, {
          grant_types: ['client_credentials'],
          redirect_uris: [],
          token_endpoint_auth_method: 'private_key_jwt',
          jwks_uri: `https://${host}:${port}/`,
        });
        const assertion = await new SignJWT({ jti: host })
          .setProtectedHeader({ alg: 'ES256' })
          .setIssuer(machine.client_id)
          .setSubject(machine.client_id)
          .setAudience(strict.url)
          .setExpirationTime('1m')
          .sign(privateKey);
        const { status, body } = await strict.request('/oauth/token', {
          method: 'POST',
          body: new URLSearchParams({
            grant_type: 'client_credentials',
            client_assertion: assertion,
            client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          }),
        });
        expect([status, body.error], host).to.deep.equal([401, 'invalid_client']);
      }
      expect(hits).to.equal(0);
    } finally {
      canary.close();
      await strict.close();
      await w.close();
      w = await oidcWorld();
      person = await makePerson(w, ['Acme']);
    }
  });

  it('WB-09: a script may use its own public application from where it lives, and nobody else', async () => {
    const { client_id } = await makeApplication(w, {
      token_endpoint_auth_method: 'none',
      redirect_uris: ['https://spa.example/cb'],
    });
    const confidential = await makeApplication(w);
    const ask = (origin: string, id = client_id) =>
      w.request('/oauth/token', {
        method: 'POST',
        headers: { origin },
        body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'x', client_id: id }),
      });
    const own = await ask('https://spa.example');
    expect(own.headers.get('access-control-allow-origin')).to.equal('https://spa.example');
    expect(own.body.error).to.equal('invalid_grant');
    for (const origin of ['https://evil.example', 'null', 'http://spa.example', 'https://spa.example:8443']) {
      const { headers, body } = await ask(origin);
      expect([headers.get('access-control-allow-origin'), body.error], origin).to.deep.equal([null, 'invalid_request']);
      expect(headers.get('access-control-allow-credentials')).to.equal(null);
    }
    const other = await ask('https://app.example', confidential.client_id);
    expect(other.headers.get('access-control-allow-origin')).to.equal(null);
    const preflight = await w.request('/oauth/token', {
      method: 'OPTIONS',
      headers: { origin: 'https://spa.example', 'access-control-request-method': 'POST' },
    });
    expect(preflight.status).to.equal(204);
    expect(
      (
        await w.request('/oauth/authorize', {
          method: 'OPTIONS',
          headers: { origin: 'https://spa.example', 'access-control-request-method': 'GET' },
        })
      ).headers.get('access-control-allow-origin'),
    ).to.equal(null);
  });

  it('a change of an application is felt within a second', async () => {
    const app = await makeApplication(w);
    const before = await new Browser(w).go(
      `/oauth/authorize?client_id=${app.client_id}&redirect_uri=https://new.example/cb&response_type=code&scope=openid`,
    );
    expect(before.status).to.equal(400);
    await w.api('PATCH', `/applications/${app.client_id}`, { redirect_uris: ['https://new.example/cb'] });
    await pause(1000);
    const after = await new Browser(w).go(
      `/oauth/authorize?client_id=${app.client_id}&redirect_uri=https://new.example/cb&response_type=code&scope=openid`,
    );
    expect(after.status).to.equal(303);
  });
});
