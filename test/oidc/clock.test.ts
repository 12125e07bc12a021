/** A machine whose clock is wrong by a minute: what it signs is dated by the clock that all processes share (checklist RE-09). */
import { expect } from 'chai';
import { makeApplication, makePerson, oidcWorld, payloadOf, post, refresh, signIn } from './rp.ts';
import type { World } from '../support/world.ts';

const minute = 60_000;

describe('oidc: the clock of one machine', () => {
  let w: World;
  before(async () => {
    w = await oidcWorld();
  });
  afterEach(() => {
    w.skew = 0;
  });
  after(() => w.close());

  /** Seconds of the shared clock; a token of this moment is of the second before at most, or of the one after by rounding. */
  const expectNow = (claims: Record<string, unknown>, lives: number) => {
    const now = Math.floor(w.app.clock().getTime() / 1000);
    expect(claims.iat, 'iat').to.be.within(now - 10, now + 1);
    expect((claims.exp as number) - (claims.iat as number), 'lifetime').to.be.within(lives - 1, lives + 1);
    if (claims.nbf !== undefined) expect(claims.nbf, 'nbf').to.be.at.most(now + 1);
    if (claims.auth_time !== undefined) expect(claims.auth_time, 'auth_time').to.be.at.most((claims.iat as number) + 1);
  };

  for (const [what, skew] of [
    ['a minute ahead', -minute],
    ['a minute behind', minute],
  ] as const) {
    it(`RE-09: ${what} of the others, an ID token and its renewal are neither of the future nor shorter`, async () => {
      const client = await makeApplication(w);
      const person = await makePerson(w);
      w.skew = skew;
      const { tokens } = await signIn(
        w,
        client,
        person,
        { scope: 'openid offline_access', prompt: 'consent', max_age: '600' },
        { consent: 'allow', login: { account_id: person.user_id, auth_time: w.app.clock() } },
      );
      expectNow(payloadOf(tokens.id_token ?? ''), 3600);
      const renewed = await refresh(w, client, tokens.refresh_token ?? '');
      expect(renewed.status, JSON.stringify(renewed.body)).to.equal(200);
      expectNow(payloadOf(renewed.body.id_token ?? ''), 3600);
    });

    it(`RE-09: ${what}, an access token that is a JWT`, async () => {
      const resource = `https://api.example/${skew}`;
      const api = { resource_uri: resource, resource_scope: 'read', resource_token_format: 'jwt' };
      await makeApplication(w, { ...api, grant_types: [], redirect_uris: [] });
      const client = await makeApplication(w, { grant_types: ['client_credentials'], redirect_uris: [] });
      w.skew = skew;
      const { status, body } = await post(w, '/oauth/token', client, {
        grant_type: 'client_credentials',
        resource,
      });
      expect(status, JSON.stringify(body)).to.equal(200);
      expectNow(payloadOf(body.access_token ?? ''), 600);
    });
  }
});
