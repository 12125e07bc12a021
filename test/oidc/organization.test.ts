/** For which organization a token speaks, and what each organization's tokens need (checklist OA-18, OA-23, MT, RT-09); consent itself: grants.test.ts. */
import { expect } from 'chai';
import type { World } from '../support/world.ts';
import {
  authorizationUrl,
  Browser,
  exchange,
  introspect,
  join,
  makeApplication,
  makeOrganization,
  makePerson,
  oidcWorld,
  payloadOf,
  type Person,
  post,
  type RelyingParty,
  refresh,
  signIn,
  travel,
  userinfo,
  verifierOf,
} from './rp.ts';

describe('oidc: organizations', () => {
  let w: World;
  let client: RelyingParty;
  let person: Person & { orgs: string[] };

  before(async () => {
    w = await oidcWorld();
    client = await makeApplication(w);
  });
  beforeEach(async () => {
    person = await makePerson(w, ['Acme', 'Beta']);
  });
  after(() => w.close());

  const [acme, beta] = [() => person.orgs[0] as string, () => person.orgs[1] as string];
  const claimsOf = (token: unknown) => payloadOf(String(token));

  describe('choosing', () => {
    it('asks who belongs to several, and puts the answer into every token', async () => {
      const { tokens, journey } = await signIn(w, client, person, {}, { organization: beta() });
      expect(journey.prompts).to.deep.equal(['login', 'organization']);
      const expected = { org_id: beta(), org_name: 'Beta', roles: ['member'], permissions: ['users.read'] };
      expect(claimsOf(tokens.id_token)).to.deep.include(expected);
      expect((await userinfo(w, tokens.access_token as string)).body).to.deep.include(expected);
      expect(await introspect(w, client, tokens.access_token as string)).to.deep.include(expected);
    });

    it('does not ask again for the same application in the same browser', async () => {
      const { browser } = await signIn(w, client, person, {}, { organization: beta() });
      const address = authorizationUrl(client, { prompt: 'none' });
      const { code } = await travel(w, browser, address, {});
      const { body } = await exchange(w, client, code, verifierOf(address));
      expect(claimsOf(body.id_token).org_id).to.equal(beta());
    });

    it('takes organization_id of the request, and the organization that the sign-in went through', async () => {
      const named = await signIn(w, client, person, { organization_id: acme().toUpperCase() });
      expect(named.journey.prompts).to.deep.equal(['login']);
      expect(claimsOf(named.tokens.id_token).org_id).to.equal(acme());
      const through = await signIn(w, client, person, {}, { login: { account_id: person.user_id, org_id: beta() } });
      expect(through.journey.prompts).to.deep.equal(['login']);
      expect(claimsOf(through.tokens.id_token).org_id).to.equal(beta());
    });

    it('takes organization_id from a pushed request', async () => {
      const query = Object.fromEntries(
        new URL(authorizationUrl(client, { organization_id: beta() }), w.url).searchParams,
      );
      const { body } = await post(w, '/oauth/par', client, query);
      const address = `/oauth/authorize?${new URLSearchParams({ client_id: client.client_id, request_uri: String(body.request_uri) })}`;
      const { prompts, code } = await travel(w, new Browser(w), address, { login: { account_id: person.user_id } });
      expect([prompts, code !== '']).to.deep.equal([['login'], true]);
    });

    it('MT: refuses an organization that the person does not belong to, in the same words as one that does not exist', async () => {
      const foreign = await makeOrganization(w, 'Foreign');
      const answers: (string | null | undefined)[] = [];
      for (const organization_id of [foreign, '01890000-0000-7000-8000-000000000000']) {
        const { location } = await travel(w, new Browser(w), authorizationUrl(client, { organization_id }), {
          login: { account_id: person.user_id },
        });
        expect(location?.searchParams.get('error')).to.equal('access_denied');
        answers.push(location?.searchParams.get('error_description'));
      }
      expect(answers[0]).to.equal(answers[1]);
      const { location } = await travel(w, new Browser(w), authorizationUrl(client, { organization_id: 'acme' }), {});
      expect(location?.searchParams.get('error')).to.equal('invalid_request');
    });

    it('a forged answer of the page chooses nothing', async () => {
      const foreign = await makeOrganization(w, 'Foreign');
      const { prompts, code } = await travel(w, new Browser(w), authorizationUrl(client), {
        login: { account_id: person.user_id, org_id: foreign },
        organization: foreign,
      });
      expect(code).to.equal('');
      expect(new Set(prompts)).to.deep.equal(new Set(['login', 'organization']));
    });

    it('an application of one organization serves its members only', async () => {
      const own = await makeApplication(w, { org_id: beta() });
      const { tokens, journey } = await signIn(w, own, person);
      expect(journey.prompts).to.deep.equal(['login']);
      expect(claimsOf(tokens.id_token).org_id).to.equal(beta());
      for (const [who, options] of [
        [await makePerson(w, ['Other']), {}],
        [person, { organization_id: acme() }],
      ] as const) {
        const { location } = await travel(w, new Browser(w), authorizationUrl(own, options), {
          login: { account_id: who.user_id },
        });
        expect(location?.searchParams.get('error')).to.equal('access_denied');
      }
    });

    it('who belongs to none signs in for themselves; who belongs to one is not asked', async () => {
      const nobody = await signIn(w, client, await makePerson(w));
      expect(claimsOf(nobody.tokens.id_token)).not.to.have.any.keys('org_id', 'org_name', 'roles', 'permissions');
      const one = await makePerson(w, ['Only']);
      const single = await signIn(w, client, one);
      expect(single.journey.prompts).to.deep.equal(['login']);
      expect(claimsOf(single.tokens.id_token).org_id).to.equal(one.orgs[0]);
    });

    it('prompt=organization asks again, and both tokens hold in one session', async () => {
      const first = await signIn(w, client, person, {}, { organization: acme() });
      const address = authorizationUrl(client, { prompt: 'organization' });
      const { prompts, code } = await travel(w, first.browser, address, { organization: beta() });
      expect(prompts).to.deep.equal(['organization']);
      const { body } = await exchange(w, client, code, verifierOf(address));
      expect(claimsOf(body.id_token).org_id).to.equal(beta());
      for (const token of [first.tokens.access_token, body.access_token])
        expect((await userinfo(w, token as string)).status).to.equal(200);
      const grants = await w.db('oidc_grants').where({ user_id: person.user_id, client_id: client.client_id });
      expect(grants.map(({ org_id }) => org_id)).to.have.members([acme(), beta()]);
    });

    it('prompt=none: interaction_required instead of a page', async () => {
      const other = await makeApplication(w);
      const { browser } = await signIn(w, client, person, {}, { organization: acme() });
      const { location } = await travel(w, browser, authorizationUrl(other, { prompt: 'none' }), {});
      expect(location?.searchParams.get('error')).to.equal('interaction_required');
    });
  });

  describe('refresh for another organization', () => {
    it('gives tokens for it; the refresh token stays where it was', async () => {
      const { tokens } = await signIn(w, client, person, { organization_id: acme() });
      const other = await refresh(w, client, tokens.refresh_token as string, { organization_id: beta() });
      expect(other.status, JSON.stringify(other.body)).to.equal(200);
      expect(claimsOf(other.body.id_token).org_id).to.equal(beta());
      expect((await userinfo(w, other.body.access_token as string)).body).to.include({ org_id: beta() });
      expect(await introspect(w, client, other.body.access_token as string)).to.include({ org_id: beta() });
      const back = await refresh(w, client, other.body.refresh_token as string);
      expect(claimsOf(back.body.id_token).org_id).to.equal(acme());
    });

    it('refuses one that the person does not belong to, and keeps the refresh token usable', async () => {
      const foreign = await makeOrganization(w, 'Foreign');
      const { tokens } = await signIn(w, client, person, { organization_id: acme() });
      for (const [organization_id, error] of [
        [foreign, 'access_denied'],
        ['nonsense', 'invalid_request'],
      ] as const) {
        const refused = await refresh(w, client, tokens.refresh_token as string, { organization_id });
        expect([refused.status, refused.body.error]).to.deep.equal([400, error]);
      }
      expect((await refresh(w, client, tokens.refresh_token as string)).status).to.equal(200);
    });

    it('its token ends with the membership there', async () => {
      const { tokens } = await signIn(w, client, person, { organization_id: acme() });
      const other = await refresh(w, client, tokens.refresh_token as string, { organization_id: beta() });
      await w.db('user_organization_info').where({ user_id: person.user_id, org_id: beta() }).delete();
      expect((await userinfo(w, other.body.access_token as string)).status).to.equal(401);
      const again = await refresh(w, client, other.body.refresh_token as string, { organization_id: beta() });
      expect(again.body.error).to.equal('access_denied');
    });

    it('OA-23: an application of others needs consent there, too', async () => {
      const third = await makeApplication(w, { first_party: false });
      const { tokens } = await signIn(w, third, person, { organization_id: acme() }, { consent: 'allow' });
      const refused = await refresh(w, third, tokens.refresh_token as string, { organization_id: beta() });
      expect(refused.body.error).to.equal('access_denied');
      await signIn(w, third, person, { organization_id: beta() }, { consent: 'allow' });
      expect((await refresh(w, third, tokens.refresh_token as string, { organization_id: beta() })).status).to.equal(
        200,
      );
    });

    it('OA-18, OA-23: what was consented to in one organization is not consented to in another', async () => {
      const third = await makeApplication(w, { first_party: false });
      const much = { scope: 'openid profile', organization_id: acme() };
      const { tokens } = await signIn(w, third, person, much, { consent: 'allow' });
      await signIn(w, third, person, { scope: 'openid', organization_id: beta() }, { consent: 'allow' });
      const token = tokens.refresh_token as string;
      const refused = await refresh(w, third, token, { organization_id: beta() });
      expect(refused.body.error).to.equal('access_denied');
      const less = await refresh(w, third, token, { organization_id: beta(), scope: 'openid' });
      expect(less.status, JSON.stringify(less.body)).to.equal(200);
    });
  });

  describe('claims', () => {
    it('scope-profile, scope-email, scope-phone, scope-all: each scope releases its claims and no others', async () => {
      await w.db('users').where({ user_id: person.user_id }).update({
        username: 'ada',
        phone: '+4312345',
        phone_verified: true,
        picture_url: 'https://p.example/a.png',
      });
      const expected: Record<string, object> = {
        profile: {
          name: 'Ada Beam',
          given_name: 'Ada',
          family_name: 'Beam',
          preferred_username: 'ada',
          picture: 'https://p.example/a.png',
        },
        email: { email: person.email, email_verified: false },
        phone: { phone_number: '+4312345', phone_number_verified: true },
      };
      for (const scope of ['profile', 'email', 'phone', 'profile email phone']) {
        const { tokens } = await signIn(w, client, person, {
          ...{ organization_id: acme() },
          scope: `openid ${scope}`,
        });
        const { body } = await userinfo(w, tokens.access_token as string);
        for (const [name, claims] of Object.entries(expected)) {
          if (scope.split(' ').includes(name)) expect(body, scope).to.deep.include(claims);
          else expect(body, scope).not.to.have.any.keys(...Object.keys(claims));
        }
        expect(body.sub).to.equal(person.user_id);
        expect(claimsOf(tokens.id_token)).to.include({ sub: person.user_id, aud: client.client_id, iss: w.url });
      }
    });

    it('userinfo-post-header, userinfo-post-body: the token may come in a form', async () => {
      const { tokens } = await signIn(w, client, person, { organization_id: acme() });
      const header = await w.request('/oauth/userinfo', {
        method: 'POST',
        headers: { authorization: `Bearer ${tokens.access_token}` },
      });
      const body = await w.request('/oauth/userinfo', {
        method: 'POST',
        body: new URLSearchParams({ access_token: String(tokens.access_token) }),
      });
      for (const answer of [header, body]) expect(answer.body.sub).to.equal(person.user_id);
      const query = await w.request(`/oauth/userinfo?access_token=${tokens.access_token}`);
      expect(query.status, 'never in an address').to.equal(400);
    });

    it('FD: an e-mail is verified when its person confirmed it, or the account’s owner verified its domain, not otherwise', async () => {
      const owner = await makeOrganization(w, 'Owner');
      const stranger = await makeOrganization(w, 'Stranger');
      const domain = 'people.example';
      const verified = async () => {
        const { tokens } = await signIn(w, client, person, { organization_id: acme(), scope: 'openid email' });
        return claimsOf(tokens.id_token).email_verified;
      };
      const verify = (org_id: string) =>
        w
          .db('organization_domains')
          .insert({ org_id, domain, verification_token: 'x'.repeat(32), verified_at: new Date(), verified_by: 'dns' });
      expect(await verified()).to.equal(false);
      await verify(stranger);
      expect(await verified(), 'somebody else’s domain').to.equal(false);
      await w.db('users').where({ user_id: person.user_id }).update({ home_org_id: owner });
      expect(await verified(), 'owned, but the domain is another’s').to.equal(false);
      await w.db('organization_domains').delete();
      await verify(owner);
      expect(await verified(), 'the owner’s domain').to.equal(true);
      await w.db('organization_domains').delete();
      await w.db('users').where({ user_id: person.user_id }).update({ email_confirmed: true });
      expect(await verified(), 'confirmed').to.equal(true);
    });

    it('TK-11: sub is the account’s id, never reused by a namesake', async () => {
      const first = await signIn(w, client, person, { organization_id: acme() });
      await w.db('users').where({ user_id: person.user_id }).delete();
      const second = await makePerson(w, [], { email: person.email });
      await join(w, second.user_id, acme());
      const again = await signIn(w, client, second);
      expect(claimsOf(again.tokens.id_token).sub).not.to.equal(claimsOf(first.tokens.id_token).sub);
    });
  });
});
