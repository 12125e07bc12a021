/** How applications prove themselves at the token endpoint, and what they get for themselves (checklist OA-20…22, TK). */
import { expect } from 'chai';
import type { World } from '../support/world.ts';
import { basic, introspect, makeApplication, oidcWorld, post, type RelyingParty, userinfo } from './rp.ts';
import { pause } from '../support/waiting.ts';

describe('oidc: applications that prove themselves', () => {
  let w: World;
  let client: RelyingParty;

  before(async () => {
    w = await oidcWorld();
    client = await makeApplication(w);
  });
  after(() => w.close());

  describe('client authentication', () => {
    const ask = (form: Record<string, string>, headers: Record<string, string> = {}) =>
      w.request('/oauth/token', {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body: new URLSearchParams({ grant_type: 'client_credentials', ...form }).toString(),
      });

    it('OA-20: an unknown application and a wrong secret read alike', async () => {
      const machine = await makeApplication(w, { grant_types: ['client_credentials'], redirect_uris: [] });
      const unknown = await ask(
        {},
        { authorization: basic({ client_id: '01890000-0000-7000-8000-000000000000', client_secret: 'x' }) },
      );
      const wrong = await ask({}, { authorization: basic({ ...machine, client_secret: 'x' }) });
      expect([unknown.status, unknown.text]).to.deep.equal([wrong.status, wrong.text]);
      expect([wrong.status, wrong.body.error]).to.deep.equal([401, 'invalid_client']);
      expect(wrong.headers.get('www-authenticate')).to.match(/^Basic /);
    });

    it('OA-22, client-secret-post: only the registered method works', async () => {
      const machines = {
        client_secret_basic: await makeApplication(w, { grant_types: ['client_credentials'], redirect_uris: [] }),
        client_secret_post: await makeApplication(w, {
          grant_types: ['client_credentials'],
          redirect_uris: [],
          token_endpoint_auth_method: 'client_secret_post',
        }),
      };
      for (const [method, machine] of Object.entries(machines)) {
        const { client_id, client_secret = '' } = machine;
        const answers = {
          client_secret_basic: await ask({}, { authorization: basic(machine) }),
          client_secret_post: await ask({ client_id, client_secret }),
          none: await ask({ client_id }),
        };
        for (const [used, { status, text }] of Object.entries(answers)) {
          expect(status, `${method} registered, ${used} used: ${text}`).to.equal(used === method ? 200 : 401);
        }
        expect((await ask({ client_id, client_secret }, { authorization: basic(machine) })).body.error).to.equal(
          'invalid_request',
        );
      }
    });

    it('SD-03, TK-01: a secret is no key: client_secret_jwt and HS256 are refused', async () => {
      const { hashSecret } = await import('../../src/core/secret.ts');
      const { SignJWT } = await import('jose');
      for (const key of [client.client_secret ?? '', hashSecret(client.client_secret ?? '')]) {
        const assertion = await new SignJWT({ jti: 'j' })
          .setProtectedHeader({ alg: 'HS256' })
          .setIssuer(client.client_id)
          .setSubject(client.client_id)
          .setAudience(w.url)
          .setExpirationTime('1m')
          .sign(new TextEncoder().encode(key));
        const { status, body } = await ask({
          client_assertion: assertion,
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        });
        expect([status, body.error]).to.deep.equal([401, 'invalid_client']);
      }
    });

    it('a rotated secret works at once, the one before it for its grace, and no longer', async () => {
      const machine = await makeApplication(w, { grant_types: ['client_credentials'], redirect_uris: [] });
      const works = async (client_secret: string) =>
        (await ask({}, { authorization: basic({ ...machine, client_secret }) })).status;
      expect(await works(machine.client_secret as string)).to.equal(200);
      const first = await w.api('POST', `/applications/${machine.client_id}/secret`, { grace_seconds: 60 });
      await pause(800);
      expect(await works(String(first.body.client_secret))).to.equal(200);
      expect(await works(machine.client_secret as string)).to.equal(200);
      w.skew = 61_000;
      expect(await works(machine.client_secret as string)).to.equal(401);
      w.skew = 0;
      const second = await w.api('POST', `/applications/${machine.client_id}/secret`, {});
      await pause(800);
      expect(await works(String(second.body.client_secret))).to.equal(200);
      expect(await works(String(first.body.client_secret))).to.equal(401);
    });
  });

  describe('client credentials', () => {
    it('give an application a token of its own, with no person behind it', async () => {
      const machine = await makeApplication(w, { grant_types: ['client_credentials'], redirect_uris: [] });
      const { status, body } = await post(w, '/oauth/token', machine, { grant_type: 'client_credentials' });
      expect(status).to.equal(200);
      expect(body).not.to.have.any.keys('refresh_token', 'id_token');
      const facts = await introspect(w, machine, body.access_token as string);
      expect(facts).to.include({ active: true, client_id: machine.client_id }).and.not.to.have.property('sub');
      expect((await userinfo(w, body.access_token as string)).status).to.equal(401);
    });

    it('are only for those that are registered for them', async () => {
      const { status, body } = await post(w, '/oauth/token', client, { grant_type: 'client_credentials' });
      expect([status, body.error]).to.deep.equal([400, 'invalid_request']);
    });

    it('OA-18: cannot ask for more than the application is registered for', async () => {
      const machine = await makeApplication(w, {
        grant_types: ['client_credentials'],
        redirect_uris: [],
        scope: 'openid users.read',
      });
      const resource = `${w.url}/api/v1`;
      const wide = await post(w, '/oauth/token', machine, {
        grant_type: 'client_credentials',
        resource,
        scope: 'applications.read applications.manage',
      });
      expect(wide.body.scope ?? '').to.equal('');
    });
  });
});
