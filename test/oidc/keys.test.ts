/** Signing keys live: rotation without a refused token, removal at once (checklist TK-08, TK-09, RE-05). */
import { expect } from 'chai';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { removeSigningKey, resealSigningKeys, rotateSigningKeys } from '../../src/applications/keys/service.ts';
import { Sealer } from '../../src/core/secret.ts';
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
} from './rp.ts';
import { pause } from '../support/waiting.ts';

const day = 86_400_000;

describe('oidc: signing keys', () => {
  let w: World;
  let client: RelyingParty;
  let person: Person;

  beforeEach(async () => {
    w = await oidcWorld();
    client = await makeApplication(w);
    person = await makePerson(w);
  });
  afterEach(() => w.close());

  const published = async () =>
    ((await w.request('/oauth/jwks')).body.keys as { kid: string; alg: string }[]).map(({ kid }) => kid);
  const kidOf = (jwt: unknown) =>
    JSON.parse(Buffer.from(String(jwt).split('.')[0] ?? '', 'base64url').toString()).kid as string;
  const idToken = async () => (await signIn(w, client, person)).tokens.id_token as string;
  /** Processes look for changes every three seconds. */
  const felt = async () => {
    await pause(3100);
    await w.request('/oauth/jwks');
    await pause(100);
  };

  it('sign ID tokens with ES256, and with RS256 for an application that asks', async () => {
    const rs = await makeApplication(w, { id_token_signed_response_alg: 'RS256' });
    const keys = createRemoteJWKSet(new URL(`${w.url}/oauth/jwks`));
    for (const [rp, alg] of [
      [client, 'ES256'],
      [rs, 'RS256'],
    ] as const) {
      const { tokens } = await signIn(w, rp, person);
      const { protectedHeader } = await jwtVerify(String(tokens.id_token), keys, {
        issuer: w.url,
        audience: rp.client_id,
        algorithms: [alg],
      });
      expect(protectedHeader.alg).to.equal(alg);
    }
  });

  it('TK-08: a next key is published for a day before it signs, and the one before stays for verification', async () => {
    const before = await published();
    const old = await idToken();
    expect(await rotateSigningKeys(w.app, true)).to.deep.equal([]);
    await felt();
    expect(await published()).to.have.length(before.length + 2);
    expect(kidOf(await idToken()), 'still the old one').to.equal(kidOf(old));
    expect(await rotateSigningKeys(w.app, true), 'published too short').to.deep.equal([]);
    w.skew = day + 1000;
    const begun = await rotateSigningKeys(w.app, true);
    w.skew = 0;
    expect(begun).to.have.length(2);
    await felt();
    expect(await published()).to.include.members([...before, ...begun]);
    const fresh = await idToken();
    expect(begun).to.include(kidOf(fresh));
    // The old token is still good as a hint, and for every relying party that asks for keys now.
    await jwtVerify(old, createRemoteJWKSet(new URL(`${w.url}/oauth/jwks`)), { issuer: w.url });
    const { browser } = await signIn(w, client, person);
    expect(
      (await travel(w, browser, authorizationUrl(client, { prompt: 'none', id_token_hint: old }), {})).code,
    ).not.to.equal('');
    const [retired] = await w.db('signing_keys').where({ kid: kidOf(old) });
    expect([retired.state, retired.private_jwk_encrypted]).to.deep.equal(['retired', null]);
    expect(await w.db('audit_logs').where({ action: 'signing_key.activated' })).to.have.length(2);
  });

  it('TK-09: a removed key leaves the key set, and what it signed is refused, within five seconds', async () => {
    const { browser, tokens } = await signIn(w, client, person);
    const hint = String(tokens.id_token);
    expect(await removeSigningKey(w.app, kidOf(hint), 'leaked')).to.equal(true);
    await felt();
    expect(await published()).not.to.include(kidOf(hint));
    const { location } = await travel(
      w,
      browser,
      authorizationUrl(client, { prompt: 'none', id_token_hint: hint }),
      {},
    );
    expect(location?.searchParams.get('error')).to.equal('invalid_request');
    const fresh = await idToken();
    await jwtVerify(fresh, createRemoteJWKSet(new URL(`${w.url}/oauth/jwks`)), { issuer: w.url });
    expect(await removeSigningKey(w.app, 'unknown-key-identifier', 'x')).to.equal(false);
  });

  it('SD-04, SD-05: are sealed anew under a new sealing key; without the right one nothing starts', async () => {
    const next = Buffer.alloc(32, 7).toString('base64');
    const both = { ...w.app, sealer: new Sealer([next, w.config.key]) };
    const { createOidcDoor } = await import('../../src/oidc/door.ts');
    const { createPages } = await import('../../src/http/pages.ts');
    const pages = createPages({ viewsDir: `${import.meta.dirname}/../../views` });
    const start = (sealer: Sealer) =>
      createOidcDoor({ app: { ...w.app, sealer }, pages, cookieKeys: sealer.derive('cookies') });
    const failure = await start(new Sealer([next])).then(
      () => undefined,
      (error: Error) => error.name,
    );
    expect(failure).to.be.a('string');
    expect(await resealSigningKeys(both)).to.equal(2);
    expect(await resealSigningKeys(both)).to.equal(0);
    await start(new Sealer([next]));
  });

  it('RE-05, RE-01: discovery and keys are there without a database; everything else answers 503 and recovers', async () => {
    const { tokens } = await signIn(w, client, person);
    const keys = (await w.request('/oauth/jwks')).text;
    await w.request('/.well-known/openid-configuration');
    await w.db.destroy();
    try {
      expect((await w.request('/oauth/jwks')).text).to.equal(keys);
      expect((await w.request('/.well-known/openid-configuration')).status).to.equal(200);
      const answers = {
        token: await refresh(w, client, String(tokens.refresh_token)),
        userinfo: await w.request('/oauth/userinfo', { headers: { authorization: `Bearer ${tokens.access_token}` } }),
      };
      for (const [what, { status, headers, body }] of Object.entries(answers)) {
        expect([status, body.error], what).to.deep.equal([503, 'temporarily_unavailable']);
        expect(headers.get('retry-after'), what).to.match(/^\d+$/);
      }
      const page = await new Browser(w).go(authorizationUrl(client));
      expect(page.status).to.equal(503);
      expect(page.headers.getSetCookie()).to.deep.equal([]);
    } finally {
      w.db.initialize();
    }
    expect(
      (await w.request('/oauth/userinfo', { headers: { authorization: `Bearer ${tokens.access_token}` } })).status,
    ).to.equal(200);
  });
});
