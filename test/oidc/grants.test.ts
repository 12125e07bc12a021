/** What a person allows an application, in which organization (checklist OA-23). */
import { expect } from 'chai';
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
  userinfo,
} from './rp.ts';

describe('oidc: consent', () => {
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

  describe('OA-23: consent', () => {
    let third: RelyingParty;
    before(async () => {
      third = await makeApplication(w, { first_party: false, client_name: 'Third' });
    });
    const there = () => ({ organization_id: acme() });

    it('is asked of every application that is not ours, once, and again for every new scope', async () => {
      const first = await signIn(w, third, person, there(), { consent: 'allow' });
      expect(first.journey.prompts).to.deep.equal(['login', 'consent']);
      const again = await signIn(w, third, person, there());
      expect(again.journey.prompts).to.deep.equal(['login']);
      const more = await signIn(w, third, person, { ...there(), scope: 'openid email' }, { consent: 'allow' });
      expect(more.journey.prompts).to.deep.equal(['login', 'consent']);
      const elsewhere = await signIn(w, third, person, { organization_id: beta() }, { consent: 'allow' });
      expect(elsewhere.journey.prompts, 'in another organization').to.deep.equal(['login', 'consent']);
      const events = await w.db('audit_logs').where({ action: 'consent.granted', user_id: person.user_id });
      expect(events).to.have.length(3);
    });

    it('a person who does not allow it sends the application away empty', async () => {
      const { location, code } = await travel(w, new Browser(w), authorizationUrl(third, there()), {
        login: { account_id: person.user_id },
        consent: 'deny',
      });
      expect([location?.searchParams.get('error'), code]).to.deep.equal(['access_denied', '']);
      expect(await w.db('oidc_grants').where({ user_id: person.user_id })).to.deep.equal([]);
    });

    it('cannot be skipped with prompt=none', async () => {
      const { browser } = await signIn(w, client, person, there());
      const { location } = await travel(w, browser, authorizationUrl(third, { ...there(), prompt: 'none' }), {});
      expect(location?.searchParams.get('error')).to.equal('consent_required');
    });

    it('is seen and taken back over REST; its tokens end, and it is asked for again', async () => {
      const { tokens } = await signIn(w, third, person, { ...there(), scope: 'openid email' }, { consent: 'allow' });
      const { body } = await w.api<{ items: Record<string, unknown>[] }>('GET', `/users/${person.user_id}/consents`);
      expect(body.items).to.have.length(1);
      const [consent] = body.items;
      expect(consent).to.include({
        client_name: 'Third',
        org_id: acme(),
        org_name: 'Acme',
        scope: 'openid email',
        first_party: false,
      });
      const path = `/users/${person.user_id}/consents/${consent?.grant_id}`;
      expect((await w.api('DELETE', path)).status).to.equal(204);
      expect((await w.api('DELETE', path)).status).to.equal(404);
      expect((await userinfo(w, tokens.access_token as string)).status).to.equal(401);
      expect((await refresh(w, third, tokens.refresh_token as string)).body.error).to.equal('invalid_grant');
      const again = await signIn(w, third, person, there(), { consent: 'allow' });
      expect(again.journey.prompts).to.deep.equal(['login', 'consent']);
    });

    it('two tabs may consent one after the other: the grant allows both', async () => {
      const { browser } = await signIn(w, client, person, there());
      const tabs = ['openid email', 'openid profile'].map((scope) => authorizationUrl(third, { ...there(), scope }));
      for (const tab of tabs) expect((await travel(w, browser, tab, { consent: 'allow' })).code).not.to.equal('');
      const both = await travel(
        w,
        browser,
        authorizationUrl(third, { ...there(), scope: 'openid email profile', prompt: 'none' }),
        {},
      );
      expect(both.code).not.to.equal('');
    });
  });
});
