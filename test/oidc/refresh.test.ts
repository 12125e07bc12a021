/** Refresh tokens at the token endpoint: rotation, reuse, scope (checklist RT). */
import { expect } from 'chai';
import type { World } from '../support/world.ts';
import {
  age,
  introspect,
  makeApplication,
  makePerson,
  oidcWorld,
  payloadOf,
  type Person,
  type RelyingParty,
  refresh,
  signIn,
  userinfo,
} from './rp.ts';
import { pause } from '../support/waiting.ts';

describe('oidc: refresh', () => {
  let w: World;
  let client: RelyingParty;
  let person: Person & { orgs: string[] };

  before(async () => {
    w = await oidcWorld();
    client = await makeApplication(w);
    person = await makePerson(w, ['Acme']);
  });
  after(() => w.close());

  const isActive = async (token: unknown, by = client) => (await introspect(w, by, String(token))).active === true;

  describe('refresh tokens', () => {
    it('refresh-token, RT-04: rotate at each use, and the new one works', async () => {
      const { tokens } = await signIn(w, client, person);
      const second = await refresh(w, client, tokens.refresh_token as string);
      expect(second.status).to.equal(200);
      expect(second.body.refresh_token).not.to.equal(tokens.refresh_token);
      expect(payloadOf(second.body.id_token as string)).to.include({ sub: person.user_id, iss: w.url });
      const third = await refresh(w, client, second.body.refresh_token as string);
      expect(third.status).to.equal(200);
    });

    it('RT-03: a retry within two seconds gets invalid_grant and harms nobody', async () => {
      const { tokens } = await signIn(w, client, person);
      const second = await refresh(w, client, tokens.refresh_token as string);
      const retry = await refresh(w, client, tokens.refresh_token as string);
      expect([retry.status, retry.body.error]).to.deep.equal([400, 'invalid_grant']);
      expect(await isActive(second.body.access_token)).to.equal(true);
      expect((await refresh(w, client, second.body.refresh_token as string)).status).to.equal(200);
    });

    it('RT-02: a later reuse ends the whole family, also when it comes again', async () => {
      const { tokens } = await signIn(w, client, person);
      const second = await refresh(w, client, tokens.refresh_token as string);
      const third = await refresh(w, client, second.body.refresh_token as string);
      await pause(2100);
      for (let time = 0; time < 2; time += 1) {
        expect((await refresh(w, client, tokens.refresh_token as string)).body.error).to.equal('invalid_grant');
      }
      for (const token of [
        tokens.access_token,
        second.body.access_token,
        third.body.access_token,
        third.body.refresh_token,
      ]) {
        expect(await isActive(token)).to.equal(false);
      }
      expect((await refresh(w, client, third.body.refresh_token as string)).body.error).to.equal('invalid_grant');
    });

    it('RT-08: another application cannot use them, nor end them', async () => {
      const other = await makeApplication(w);
      const { tokens } = await signIn(w, client, person);
      const second = await refresh(w, client, tokens.refresh_token as string);
      await pause(2100);
      for (const token of [tokens.refresh_token, second.body.refresh_token]) {
        expect((await refresh(w, other, token as string)).body.error).to.equal('invalid_grant');
      }
      expect((await refresh(w, client, second.body.refresh_token as string)).status).to.equal(200);
    });

    it('RT-05: die unused after the idle time, and used or not after the absolute one', async () => {
      const idle = await signIn(w, client, person);
      await age(w, 'oidc_refresh_tokens', 14 * 86_400 + 20);
      expect((await refresh(w, client, idle.tokens.refresh_token as string)).body.error).to.equal('invalid_grant');
      const { tokens } = await signIn(w, client, person);
      await w.db.raw(
        `update oidc_refresh_tokens set payload = payload || jsonb_build_object('iiat', (payload->>'iiat')::bigint - ?::bigint)`,
        [90 * 86_400 - 100],
      );
      const last = await refresh(w, client, tokens.refresh_token as string);
      expect(last.status).to.equal(200);
      const { exp } = await introspect(w, client, last.body.refresh_token as string);
      expect(Number(exp) - Date.now() / 1000).to.be.below(101);
    });

    it('OA-18: give fewer scopes when asked, never more', async () => {
      const { tokens } = await signIn(w, client, person, { scope: 'openid email' });
      const wide = await refresh(w, client, tokens.refresh_token as string, { scope: 'openid email profile' });
      expect([wide.status, wide.body.error]).to.deep.equal([400, 'invalid_scope']);
      const narrow = await refresh(w, client, tokens.refresh_token as string, { scope: 'openid' });
      expect(narrow.body.scope).to.equal('openid');
      expect(payloadOf(narrow.body.id_token as string)).not.to.have.property('email');
    });

    it('RT-09: claims are read anew at refresh and userinfo', async () => {
      const other = await makePerson(w, ['Beta']);
      const org_id = other.orgs[0] as string;
      const { tokens } = await signIn(w, client, other, { scope: 'openid profile' });
      await w
        .db('user_organization_info')
        .where({ user_id: other.user_id, org_id })
        .update({
          inherited_user_roles_plus_current_role: ['admin'],
          user_permissions: ['users.read', 'users.update'],
        });
      await w.db('users').where({ user_id: other.user_id }).update({ first_name: 'Grace' });
      expect((await userinfo(w, tokens.access_token as string)).body).to.deep.include({
        roles: ['admin'],
        given_name: 'Grace',
      });
      const { body } = await refresh(w, client, tokens.refresh_token as string);
      expect(payloadOf(body.id_token as string)).to.deep.include({
        roles: ['admin'],
        permissions: ['users.read', 'users.update'],
        given_name: 'Grace',
      });
      expect(await introspect(w, client, tokens.access_token as string)).to.deep.include({ roles: ['admin'] });
    });

    it('are given to those registered for them only', async () => {
      const once = await makeApplication(w, { grant_types: ['authorization_code'] });
      expect((await signIn(w, once, person)).tokens).not.to.have.property('refresh_token');
    });

    it('end with the browser session unless offline_access was granted', async () => {
      const bound = await signIn(w, client, person);
      const offline = await signIn(
        w,
        client,
        person,
        { scope: 'openid offline_access', prompt: 'consent' },
        { consent: 'allow' },
      );
      for (const { journey } of [bound, offline]) {
        await w.db('oidc_sessions').where({ session_id: journey.session_id }).delete();
      }
      expect((await refresh(w, client, bound.tokens.refresh_token as string)).body.error).to.equal('invalid_grant');
      expect((await refresh(w, client, offline.tokens.refresh_token as string)).status).to.equal(200);
    });
  });
});
