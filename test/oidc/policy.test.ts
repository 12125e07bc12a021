/** When the person is asked, and how sure the sign-in must be: prompt, max_age, acr_values. */
import { expect } from 'chai';
import type { World } from '../support/world.ts';
import {
  authorizationUrl,
  Browser,
  exchange,
  makeApplication,
  makePerson,
  oidcWorld,
  payloadOf,
  type Person,
  type RelyingParty,
  signIn,
  travel,
  verifierOf,
} from './rp.ts';

describe('oidc: prompt and assurance', () => {
  let w: World;
  let client: RelyingParty;
  let person: Person & { orgs: string[] };

  before(async () => {
    w = await oidcWorld();
    client = await makeApplication(w);
    person = await makePerson(w, ['Acme']);
  });
  after(() => w.close());

  const go = (address: string, browser = new Browser(w)) => browser.go(address);

  describe('prompt and assurance', () => {
    it('prompt-none-not-logged-in: login_required', async () => {
      const { location } = await go(authorizationUrl(client, { prompt: 'none' }));
      expect(new URL(location ?? '').searchParams.get('error')).to.equal('login_required');
    });

    it('prompt-none-logged-in, id-token-hint: single sign-on without a page, for that person only', async () => {
      const { browser, tokens } = await signIn(w, client, person);
      const again = await travel(
        w,
        browser,
        authorizationUrl(client, { prompt: 'none', id_token_hint: tokens.id_token }),
        {},
      );
      expect(again.code).not.to.equal('');
      const other = await makePerson(w);
      const { tokens: theirs } = await signIn(w, client, other);
      const refused = await travel(
        w,
        browser,
        authorizationUrl(client, { prompt: 'none', id_token_hint: theirs.id_token }),
        {},
      );
      expect(refused.location?.searchParams.get('error')).to.equal('login_required');
      const forged = `${tokens.id_token?.split('.').slice(0, 2).join('.')}.AAAA`;
      const bad = await travel(w, browser, authorizationUrl(client, { prompt: 'none', id_token_hint: forged }), {});
      expect(bad.location?.searchParams.get('error')).to.equal('invalid_request');
    });

    it('prompt-login, max-age-1, max-age-10000: a new sign-in where it is asked for, with the true time', async () => {
      const { browser, tokens } = await signIn(
        w,
        client,
        person,
        {},
        { login: { account_id: person.user_id, auth_time: new Date(Date.now() - 60_000) } },
      );
      const first = Number(payloadOf(tokens.id_token as string).auth_time);
      expect(first).to.be.closeTo(Date.now() / 1000 - 60, 3);
      const calm = authorizationUrl(client, { max_age: '10000' });
      const same = await travel(w, browser, calm, { login: { account_id: person.user_id } });
      expect(same.prompts).to.deep.equal([]);
      expect(
        payloadOf((await exchange(w, client, same.code, verifierOf(calm))).body.id_token as string).auth_time,
      ).to.equal(first);
      for (const options of [{ max_age: '1' }, { max_age: '0' }, { prompt: 'login' }]) {
        const address = authorizationUrl(client, options);
        const { prompts, code } = await travel(w, browser, address, {
          login: { account_id: person.user_id, auth_time: new Date(Date.now() - 30_000) },
        });
        expect(prompts, JSON.stringify(options)).to.deep.equal(['login']);
        const { body } = await exchange(w, client, code, verifierOf(address));
        expect(Number(payloadOf(body.id_token as string).auth_time)).to.be.greaterThan(first + 20);
      }
    });

    it('acr-values: a weaker sign-in is not enough; what cannot be reached is said; unknown values are ignored', async () => {
      const mfa = 'urn:lintel:acr:mfa';
      const { browser } = await signIn(w, client, person);
      const address = authorizationUrl(client, { acr_values: mfa });
      const strong = await travel(w, browser, address, {
        login: { account_id: person.user_id, acr: 'phr', amr: ['hwk', 'user'] },
      });
      expect(strong.prompts).to.deep.equal(['login']);
      const { body } = await exchange(w, client, strong.code, verifierOf(address));
      expect(payloadOf(body.id_token as string)).to.deep.include({ acr: 'phr', amr: ['hwk', 'user'] });
      const weak = await travel(w, new Browser(w), address, { login: { account_id: person.user_id } });
      expect(weak.location?.searchParams.get('error')).to.equal('unmet_authentication_requirements');
      const unknown = await travel(w, new Browser(w), authorizationUrl(client, { acr_values: '1 2' }), {
        login: { account_id: person.user_id },
      });
      expect(unknown.code).not.to.equal('');
    });

    it('claims-essential: single claims can be asked for, for the ID token and for userinfo', async () => {
      const claims = JSON.stringify({
        id_token: { email: { essential: true } },
        userinfo: { name: { essential: true } },
      });
      const { tokens } = await signIn(w, client, person, { claims });
      expect(payloadOf(tokens.id_token as string)).to.include({ email: person.email });
      expect(payloadOf(tokens.id_token as string)).not.to.have.property('name');
      const info = await w.request('/oauth/userinfo', { headers: { authorization: `Bearer ${tokens.access_token}` } });
      expect(info.body).to.include({ name: 'Ada Beam' }).and.not.to.have.property('email');
    });

    it('a person who gives up goes back with access_denied', async () => {
      const { location } = await travel(w, new Browser(w), authorizationUrl(client), {});
      expect(location?.searchParams.get('error')).to.equal('access_denied');
      expect(location?.searchParams.get('state')).to.equal('state-1');
    });
  });
});
