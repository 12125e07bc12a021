/** Authorization requests that are protected on their way: PKCE, and those that are pushed (checklist OA-07, OA-15). */
import { createHash } from 'node:crypto';
import { expect } from 'chai';
import type { World } from '../support/world.ts';
import {
  authorizationUrl,
  Browser,
  exchange,
  makeApplication,
  makePerson,
  oidcWorld,
  type Person,
  post,
  type RelyingParty,
  redirectUri,
  signIn,
  travel,
} from './rp.ts';

describe('oidc: protected requests', () => {
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

  describe('OA-07: PKCE', () => {
    const challenge = createHash('sha256').update('v'.repeat(43)).digest('base64url');
    let relaxed: RelyingParty;
    let open: RelyingParty;
    before(async () => {
      relaxed = await makeApplication(w, { require_pkce: false });
      open = await makeApplication(w, { token_endpoint_auth_method: 'none' });
    });

    const codeFor = async (rp: RelyingParty, options: object) =>
      travel(w, new Browser(w), authorizationUrl(rp, { pkce: 'no', ...options }), {
        login: { account_id: person.user_id },
      });

    it('is required of confidential and public applications', async () => {
      for (const rp of [client, open]) {
        const { location } = await codeFor(rp, {});
        expect(location?.searchParams.get('error')).to.equal('invalid_request');
      }
    });

    it('valid-pkce: may be left out by a confidential application that is registered so, and only by one', async () => {
      const { code } = await codeFor(relaxed, {});
      expect((await exchange(w, relaxed, code, '')).status).to.equal(200);
      const refused = await w.api('POST', '/applications', {
        client_name: 'x',
        redirect_uris: [redirectUri],
        token_endpoint_auth_method: 'none',
        require_pkce: false,
      });
      expect([refused.status, refused.body.code]).to.deep.equal([400, 'request_invalid']);
    });

    it('refuses plain, also by silence', async () => {
      for (const options of [
        { code_challenge: challenge, code_challenge_method: 'plain' },
        { code_challenge: challenge },
      ]) {
        for (const rp of [client, relaxed]) {
          const { location } = await codeFor(rp, options);
          expect(location?.searchParams.get('error')).to.equal('invalid_request');
        }
      }
    });

    it('enforces a challenge that was sent, and refuses a verifier that none was sent for', async () => {
      const withChallenge = await codeFor(relaxed, { code_challenge: challenge, code_challenge_method: 'S256' });
      expect((await exchange(w, relaxed, withChallenge.code, '')).body.error).to.equal('invalid_grant');
      const without = await codeFor(relaxed, {});
      expect((await exchange(w, relaxed, without.code, 'v'.repeat(43))).body.error).to.equal('invalid_grant');
    });
  });

  describe('OA-15: pushed authorization requests', () => {
    const push = (rp: RelyingParty, changes: Record<string, string> = {}) => {
      const query = Object.fromEntries(new URL(authorizationUrl(rp), w.url).searchParams);
      return post(w, '/oauth/par', rp, { ...query, ...changes });
    };
    const use = (rp: RelyingParty, uri: unknown, browser: Browser) =>
      travel(
        w,
        browser,
        `/oauth/authorize?${new URLSearchParams({ client_id: rp.client_id, request_uri: String(uri) })}`,
        {},
      );

    it('are used once, within 90 seconds, by their application', async () => {
      const browser = await signedIn();
      const { status, body } = await push(client);
      expect(status).to.equal(201);
      expect(body.expires_in).to.be.at.most(90);
      const other = await makeApplication(w);
      expect((await use(other, body.request_uri, browser)).location).to.equal(null);
      expect((await use(client, body.request_uri, browser)).code).not.to.equal('');
      expect((await use(client, body.request_uri, browser)).code, 'again').to.equal('');
      await w.db('oidc_artifacts').where({ kind: 'PushedAuthorizationRequest' }).delete();
    });

    it('expire', async () => {
      const { body } = await push(client);
      await w.db.raw(
        `update oidc_artifacts set payload = payload || '{"exp": 1}' where kind = 'PushedAuthorizationRequest'`,
      );
      const { location, code } = await use(client, body.request_uri, await signedIn());
      expect([location, code]).to.deep.equal([null, '']);
    });

    it('need client authentication, and obey the rules of the front door', async () => {
      const wrong = await push({ ...client, client_secret: 'wrong' });
      expect([wrong.status, wrong.body.error]).to.deep.equal([401, 'invalid_client']);
      expect((await push(client, { redirect_uri: 'https://evil.example/' })).body.error).to.match(
        /^invalid_(request|redirect_uri)$/,
      );
      expect((await push(client, { code_challenge_method: 'plain' })).body.error).to.equal('invalid_request');
      expect((await push(client, { request_uri: 'urn:ietf:params:oauth:request_uri:x' })).status).to.equal(400);
    });

    it('can be required of an application', async () => {
      const strict = await makeApplication(w, { require_pushed_authorization_requests: true });
      const { location } = await go(authorizationUrl(strict));
      expect(new URL(location ?? '').searchParams.get('error')).to.equal('invalid_request');
      const { body } = await push(strict);
      expect((await use(strict, body.request_uri, await signedIn())).code).not.to.equal('');
    });
  });
});
