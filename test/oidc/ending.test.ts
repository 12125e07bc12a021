/** What ends tokens and sessions, and how soon (checklist OA-25, OA-26, RT-06, RT-07, SE). */
import { expect } from 'chai';
import { endTokens } from '../../src/applications/tokens/service.ts';
import { activateOrganization, suspendOrganization } from '../../src/directory/organizations/service.ts';
import type { World } from '../support/world.ts';
import {
  authorizationUrl,
  Browser,
  introspect,
  join,
  makeApplication,
  makePerson,
  oidcWorld,
  type Person,
  post,
  type RelyingParty,
  refresh,
  signIn,
  type Tokens,
  travel,
  userinfo,
} from './rp.ts';
import { pause } from '../support/waiting.ts';

const offline = { scope: 'openid offline_access', prompt: 'consent' };

describe('oidc: endings', () => {
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

  /** Userinfo, introspection of both, and refresh: none of them must work. */
  async function expectDead(tokens: Tokens, by = client): Promise<void> {
    expect((await userinfo(w, tokens.access_token as string)).status, 'userinfo').to.equal(401);
    for (const token of [tokens.access_token, tokens.refresh_token]) {
      const { status, body } = await post(w, '/oauth/introspect', by, { token: String(token) });
      expect(status === 401 || body.active === false, `introspection: ${status}`).to.equal(true);
    }
    const again = await refresh(w, by, tokens.refresh_token as string);
    expect(['invalid_grant', 'invalid_client'], JSON.stringify(again.body)).to.include(again.body.error);
  }

  async function expectAlive(tokens: Tokens): Promise<void> {
    expect((await userinfo(w, tokens.access_token as string)).status).to.equal(200);
    expect((await introspect(w, client, tokens.refresh_token as string)).active).to.equal(true);
  }

  describe('OA-26, RT-06, RT-07, SE-06: at the next request', () => {
    const cases: Record<string, () => Promise<unknown>> = {
      'a disabled account': () => w.db('users').where({ user_id: person.user_id }).update({ enabled: false }),
      'a deleted account': () => w.db('users').where({ user_id: person.user_id }).update({ deleted_at: new Date() }),
      'a suspended organization': () =>
        w.db('organizations').where({ org_id: person.orgs[0] }).update({ status: 'suspended' }),
      'a suspended membership': () =>
        w.db('user_organization_info').where({ user_id: person.user_id }).update({ status: 'suspended' }),
      'an ended membership': () => w.db('user_organization_info').where({ user_id: person.user_id }).delete(),
      'a revoked session': () =>
        w.db('sessions').where({ user_id: person.user_id }).update({ revoked: true, revoked_at: new Date() }),
    };
    for (const [what, happen] of Object.entries(cases)) {
      it(`${what} ends tokens`, async () => {
        const { tokens } = await begin();
        await expectAlive(tokens);
        await happen();
        await expectDead(tokens);
      });
    }

    it('a disabled owner of the account ends tokens, also in organizations where it is a guest', async () => {
      const owner = (await makePerson(w, ['Owner'])).orgs[0];
      await w.db('users').where({ user_id: person.user_id }).update({ home_org_id: owner });
      const { tokens } = await begin();
      await expectAlive(tokens);
      await w.db('organizations').where({ org_id: owner }).update({ status: 'suspended' });
      await expectDead(tokens);
    });

    it('what was issued for an organization stays dead when it is active again', async () => {
      const { tokens } = await begin();
      const org = person.orgs[0] as string;
      await suspendOrganization(w.call(), org);
      await activateOrganization(w.call(), org);
      const again = await refresh(w, client, tokens.refresh_token as string);
      expect(again.body.error).to.equal('invalid_grant');
      expect((await userinfo(w, tokens.access_token as string)).status).to.equal(401);
    });

    it('a disabled application: its tokens end at once, it cannot authenticate within a second', async () => {
      const rp = await makeApplication(w);
      const { tokens } = await begin(rp);
      await w.api('PATCH', `/applications/${rp.client_id}`, { enabled: false });
      expect((await userinfo(w, tokens.access_token as string)).status).to.equal(401);
      await pause(800);
      await expectDead(tokens, rp);
      const { status, location } = await new Browser(w).go(authorizationUrl(rp));
      expect([status, location]).to.deep.equal([400, null]);
      await w.api('PATCH', `/applications/${rp.client_id}`, { enabled: true });
      await pause(800);
      expect((await refresh(w, rp, tokens.refresh_token as string)).body.error, 'they stay dead').to.equal(
        'invalid_grant',
      );
      expect((await begin(rp)).tokens).to.have.property('access_token');
    });

    it('a deleted application leaves nothing behind', async () => {
      const rp = await makeApplication(w);
      const { tokens } = await begin(rp);
      expect((await w.api('DELETE', `/applications/${rp.client_id}`)).status).to.equal(204);
      expect((await userinfo(w, tokens.access_token as string)).status).to.equal(401);
      expect(await w.db('oidc_grants').where({ client_id: rp.client_id })).to.deep.equal([]);
    });
  });

  describe('the kill switch (endTokens)', () => {
    const kill: Record<string, () => Parameters<typeof endTokens>[1]> = {
      account: () => ({ user_id: person.user_id }),
      organization: () => ({ org_id: person.orgs[0] as string }),
      membership: () => ({ user_id: person.user_id, org_id: person.orgs[0] as string }),
      'account at one application': () => ({ user_id: person.user_id, client_id: client.client_id }),
    };
    for (const [what, ending] of Object.entries(kill)) {
      it(`ends the tokens of one ${what}, for good, and no others`, async () => {
        const mine = await begin();
        const somebody = await signIn(w, client, await makePerson(w, ['Other']), offline, { consent: 'allow' });
        await endTokens(w.call(), ending());
        await expectDead(mine.tokens);
        await expectAlive(somebody.tokens);
        expect((await begin()).tokens).to.have.property('access_token');
      });
    }

    it('of a session ends its offline tokens and its single sign-on, and no other session', async () => {
      const laptop = await begin();
      const phone = await begin();
      await endTokens(w.call(), { session_ids: [laptop.journey.session_id as string] });
      await expectDead(laptop.tokens);
      await expectAlive(phone.tokens);
      const { location } = await travel(w, laptop.browser, authorizationUrl(client, { prompt: 'none' }), {});
      expect(location?.searchParams.get('error')).to.equal('login_required');
      expect((await travel(w, phone.browser, authorizationUrl(client, { prompt: 'none' }), {})).code).not.to.equal('');
    });

    it('ends codes that were not redeemed yet', async () => {
      const address = authorizationUrl(client);
      const { code } = await travel(w, new Browser(w), address, { login: { account_id: person.user_id } });
      await endTokens(w.call(), { user_id: person.user_id });
      const { exchange, verifierOf } = await import('./rp.ts');
      expect((await exchange(w, client, code, verifierOf(address))).body.error).to.equal('invalid_grant');
    });

    it('follows the end of a membership: who comes back signs in anew', async () => {
      const { removeMember } = await import('../../src/directory/memberships/service.ts');
      const { tokens } = await begin();
      await removeMember(w.call(), person.orgs[0] as string, person.user_id);
      await expectDead(tokens);
      await join(w, person.user_id, person.orgs[0] as string);
      await expectDead(tokens);
    });

    it('does nothing when nothing is named', async () => {
      const { tokens } = await begin();
      expect(await endTokens(w.call(), {})).to.equal(0);
      await expectAlive(tokens);
    });
  });

  describe('OA-25: revocation', () => {
    it('of a refresh token ends its family, and not the next sign-in', async () => {
      const { tokens } = await begin();
      const other = await begin();
      const { status } = await post(w, '/oauth/revoke', client, { token: tokens.refresh_token as string });
      expect(status).to.equal(200);
      await expectDead(tokens);
      await expectAlive(other.tokens);
    });

    it('of an access token ends it', async () => {
      const { tokens } = await begin();
      await post(w, '/oauth/revoke', client, { token: tokens.access_token as string, token_type_hint: 'access_token' });
      expect((await introspect(w, client, tokens.access_token as string)).active).to.equal(false);
    });

    it('of an application’s own token ends it', async () => {
      const machine = await makeApplication(w, { grant_types: ['client_credentials'], redirect_uris: [] });
      const { body } = await post(w, '/oauth/token', machine, { grant_type: 'client_credentials' });
      expect((await introspect(w, machine, body.access_token as string)).active).to.equal(true);
      expect((await post(w, '/oauth/revoke', machine, { token: body.access_token as string })).status).to.equal(200);
      expect((await introspect(w, machine, body.access_token as string)).active).to.equal(false);
    });

    it('answers 200 to what it does not know, and leaves other applications’ tokens alone', async () => {
      const other = await makeApplication(w);
      const { tokens } = await begin();
      for (const token of ['x', 'ltl_rt_' + 'x'.repeat(43), '😀']) {
        expect((await post(w, '/oauth/revoke', other, { token })).status).to.equal(200);
      }
      const foreign = await post(w, '/oauth/revoke', other, { token: tokens.refresh_token as string });
      expect(foreign.status).to.equal(400);
      const open = await makeApplication(w, { token_endpoint_auth_method: 'none' });
      expect((await post(w, '/oauth/revoke', open, { token: tokens.refresh_token as string })).status).to.equal(200);
      await expectAlive(tokens);
      expect((await post(w, '/oauth/revoke', { ...client, client_secret: 'no' }, { token: 'x' })).status).to.equal(401);
    });
  });

  it('OA-26: introspection needs authentication, and tells only whom the token concerns', async () => {
    const { tokens } = await begin();
    expect((await post(w, '/oauth/introspect', { ...client, client_secret: 'no' }, { token: 'x' })).status).to.equal(
      401,
    );
    const other = await makeApplication(w);
    for (const token of [tokens.access_token, tokens.refresh_token, 'garbage', tokens.id_token]) {
      const { body, status } = await post(w, '/oauth/introspect', other, { token: String(token) });
      expect(body.active === false || status === 400, String(token)).to.equal(true);
    }
  });
});
