/** The token endpoint: codes, refresh tokens, client authentication (checklist OA, RT, TK). */
import { expect } from 'chai';
import type { World } from '../support/world.ts';
import {
  type AuthorizationOptions,
  authorizationUrl,
  basic,
  Browser,
  exchange,
  introspect,
  join,
  makeApplication,
  makePerson,
  oidcWorld,
  payloadOf,
  type Person,
  post,
  type RelyingParty,
  redirectUri,
  refresh,
  signIn,
  travel,
  userinfo,
  verifierOf,
} from './rp.ts';
import { pause } from '../support/waiting.ts';

describe('oidc: tokens', () => {
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

  /** A fresh code, not redeemed. */
  const getCode = async (rp = client, options: AuthorizationOptions = {}) => {
    const address = authorizationUrl(rp, options);
    const { code } = await travel(w, new Browser(w), address, { login: { account_id: person.user_id } });
    return { code, verifier: verifierOf(address) };
  };

  /** Lets what is stored look as if it had been made earlier. */
  const age = async (table: string, seconds: number) => {
    await w.db.raw(
      `update ${table} set payload = payload || jsonb_build_object('exp', (payload->>'exp')::bigint - ?::bigint, 'iat', (payload->>'iat')::bigint - ?::bigint)`,
      [seconds, seconds],
    );
  };

  describe('codes', () => {
    it('codereuse, codereuse-30seconds, OA-04: a second redemption is refused and ends what the first one gave', async () => {
      const { tokens, code, verifier } = await signIn(w, client, person);
      const next = await refresh(w, client, tokens.refresh_token as string);
      const again = await exchange(w, client, code, verifier);
      expect([again.status, again.body.error]).to.deep.equal([400, 'invalid_grant']);
      for (const token of [tokens.access_token, next.body.access_token, next.body.refresh_token])
        expect(await isActive(token)).to.equal(false);
      expect((await userinfo(w, next.body.access_token as string)).status).to.equal(401);
      expect((await refresh(w, client, next.body.refresh_token as string)).body.error).to.equal('invalid_grant');
      const events = await w.db('audit_logs').where({ action: 'token.reused' }).select('result', 'org_id', 'details');
      expect(events).to.have.length(1);
      expect(events[0]).to.deep.include({ result: 'denied', org_id: person.orgs[0] });
    });

    it('OA-04: other sign-ins of the same person at the same application are not touched', async () => {
      const phone = await signIn(w, client, person);
      const laptop = await signIn(w, client, person);
      await exchange(w, client, laptop.code, laptop.verifier);
      expect(await isActive(laptop.tokens.access_token)).to.equal(false);
      expect(await isActive(phone.tokens.access_token)).to.equal(true);
      expect((await refresh(w, client, phone.tokens.refresh_token as string)).status).to.equal(200);
    });

    it('OA-05: live for at most sixty seconds', async () => {
      const early = await getCode();
      const [row] = await w
        .db('oidc_artifacts')
        .where({ kind: 'AuthorizationCode', consumed_at: null })
        .orderBy('expires_at', 'desc')
        .limit(1);
      expect(row.payload.exp - row.payload.iat).to.be.at.most(60);
      await age('oidc_artifacts', 61);
      expect((await exchange(w, client, early.code, early.verifier)).body.error).to.equal('invalid_grant');
    });

    it('OA-06: are bound to application, address and challenge; a wrong presentation kills them', async () => {
      const other = await makeApplication(w);
      const wrong: Record<string, (code: string, verifier: string) => ReturnType<typeof exchange>> = {
        client: (code, verifier) => exchange(w, other, code, verifier),
        redirect_uri: (code, verifier) =>
          exchange(w, client, code, verifier, { redirect_uri: 'https://app.example/other' }),
        verifier: (code) => exchange(w, client, code, 'x'.repeat(43)),
        'no verifier': (code) => exchange(w, client, code, ''),
      };
      for (const [what, present] of Object.entries(wrong)) {
        const { code, verifier } = await getCode();
        const refused = await present(code, verifier);
        expect([refused.status, refused.body.error], what).to.deep.equal([400, 'invalid_grant']);
        expect((await exchange(w, client, code, verifier)).body.error, `${what}: then dead`).to.equal('invalid_grant');
      }
    });

    it('OA-06: a presentation without client authentication harms nobody', async () => {
      const { code, verifier } = await getCode();
      expect((await exchange(w, { ...client, client_secret: 'wrong' }, code, verifier)).body.error).to.equal(
        'invalid_client',
      );
      expect((await exchange(w, client, code, verifier)).status).to.equal(200);
    });

    it('garbage is refused quickly, whatever it looks like', async () => {
      for (const code of ['x', 'a'.repeat(2000), "' or 1=1 --", '😀', '..']) {
        expect((await exchange(w, client, code, 'v'.repeat(43))).body.error).to.equal('invalid_grant');
      }
    });
  });

  describe('answers', () => {
    it('OA-19: are not kept by anybody', async () => {
      const { code, verifier } = await getCode();
      const { headers } = await exchange(w, client, code, verifier);
      expect(headers.get('cache-control')).to.equal('no-store');
    });

    it('TK-06, SE-02, SD-02: the database and the log have hashes only', async () => {
      w.logLines.length = 0;
      const { tokens, code, browser } = await signIn(w, client, person);
      expect(tokens.access_token).to.match(/^ltl_at_[\w-]{43}$/);
      expect(tokens.refresh_token).to.match(/^ltl_rt_[\w-]{43}$/);
      const { rows: tables } = await w.db.raw(
        `select c.relname as name from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')`,
      );
      let dump = '';
      for (const { name } of tables)
        dump += JSON.stringify((await w.db.raw(`select t::text as row from "${name}" t`)).rows);
      const cookie = browser.cookies.join();
      expect(cookie).to.include('lintel_session');
      for (const secret of [code, tokens.access_token, tokens.refresh_token, client.client_secret].map(String)) {
        const bare = secret.replace(/^ltl_[a-z]+_/, '');
        for (const form of [bare, Buffer.from(bare).toString('hex'), Buffer.from(bare).toString('base64')]) {
          expect(dump.includes(form), form).to.equal(false);
          expect(
            w.logLines.some((line) => line.includes(form)),
            form,
          ).to.equal(false);
        }
      }
    });

    it('TK-07: opaque access tokens live an hour, ID tokens too', async () => {
      const { tokens } = await signIn(w, client, person);
      expect(tokens.expires_in).to.equal(3600);
      const { exp, iat } = payloadOf(tokens.id_token as string) as { exp: number; iat: number };
      expect(exp - iat).to.equal(3600);
    });
  });

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
      await age('oidc_refresh_tokens', 14 * 86_400 + 20);
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

  describe('resources (RFC 8707)', () => {
    let api: RelyingParty;
    const resource = 'https://items.example/api';
    before(async () => {
      api = await makeApplication(w, {
        client_name: 'Items',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        resource_uri: resource,
        resource_scope: 'items.read items.write',
      });
    });

    it('OA-17, OA-26: a token for a resource is for it alone', async () => {
      const { tokens } = await signIn(w, client, person, { scope: 'openid items.read items.unknown', resource });
      expect(tokens.scope).to.equal('items.read');
      const facts = await introspect(w, api, tokens.access_token as string);
      expect(facts).to.deep.include({
        active: true,
        aud: resource,
        sub: person.user_id,
        org_id: person.orgs[0],
        roles: ['member'],
        client_id: client.client_id,
      });
      expect((await userinfo(w, tokens.access_token as string)).status).to.equal(401);
      const other = await makeApplication(w, { grant_types: ['client_credentials'], redirect_uris: [] });
      expect(await introspect(w, other, tokens.access_token as string)).to.deep.equal({ active: false });
      const plain = await signIn(w, client, person);
      expect(await introspect(w, api, plain.tokens.access_token as string)).to.deep.equal({ active: false });
    });

    it('TK-03: a resource that wants JWTs gets them typed, short-lived and with the organization', async () => {
      const jwtResource = 'https://jwt.example/api';
      await makeApplication(w, {
        client_name: 'Jwt',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        resource_uri: jwtResource,
        resource_scope: 'a b',
        resource_token_format: 'jwt',
      });
      const { tokens } = await signIn(w, client, person, { scope: 'openid a', resource: jwtResource });
      const { createRemoteJWKSet, jwtVerify } = await import('jose');
      const { payload, protectedHeader } = await jwtVerify(
        tokens.access_token as string,
        createRemoteJWKSet(new URL(`${w.url}/oauth/jwks`)),
        {
          issuer: w.url,
          audience: jwtResource,
          typ: 'at+jwt',
          algorithms: ['ES256'],
        },
      );
      expect(protectedHeader.typ).to.equal('at+jwt');
      expect(payload).to.deep.include({
        sub: person.user_id,
        client_id: client.client_id,
        scope: 'a',
        org_id: person.orgs[0],
        roles: ['member'],
      });
      expect(Number(payload.exp) - Number(payload.iat)).to.be.at.most(600);
      expect((await userinfo(w, tokens.access_token as string)).status).to.equal(401);
      expect((await userinfo(w, tokens.id_token as string)).status).to.equal(401);
    });

    it('refuses a resource that nobody declared, and one of another organization', async () => {
      const { location } = await travel(
        w,
        new Browser(w),
        authorizationUrl(client, { resource: 'https://unknown.example/' }),
        {},
      );
      expect(location?.searchParams.get('error')).to.equal('invalid_target');
      const org_id = person.orgs[0];
      await makeApplication(w, {
        client_name: 'Private',
        org_id,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        resource_uri: 'https://private.example/',
        resource_scope: 'x',
      });
      const outside = await travel(
        w,
        new Browser(w),
        authorizationUrl(client, { resource: 'https://private.example/' }),
        {},
      );
      expect(outside.location?.searchParams.get('error')).to.equal('invalid_target');
    });
  });

  describe('our own API', () => {
    const call = (token: unknown, path: string) =>
      w.request(`/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } });

    it('takes a person’s token for it, within what both token and membership allow', async () => {
      const admin = await makePerson(w);
      const org_id = person.orgs[0] as string;
      await join(w, admin.user_id, org_id, ['admin'], ['applications.read', 'applications.manage']);
      const app = await makeApplication(w, { scope: 'openid applications.read applications.manage' });
      const { tokens } = await signIn(w, app, admin, {
        scope: 'openid applications.read',
        resource: `${w.url}/api/v1`,
      });
      const read = await call(tokens.access_token, '/applications');
      expect(read.status).to.equal(200);
      for (const item of read.body.items as { org_id: string }[]) expect(item.org_id).to.equal(org_id);
      const created = await w.api(
        'POST',
        '/applications',
        { client_name: 'x', redirect_uris: [redirectUri] },
        tokens.access_token,
      );
      expect([created.status, created.body.code]).to.deep.equal([403, 'not_allowed']);
      await w.db('user_organization_info').where({ user_id: admin.user_id, org_id }).update({ user_permissions: [] });
      expect((await call(tokens.access_token, '/applications')).status).to.equal(403);
      await w.db('users').where({ user_id: admin.user_id }).update({ enabled: false });
      expect((await call(tokens.access_token, '/applications')).status).to.equal(401);
    });

    it('OA-17, TK-05: takes no token that was issued for anything else', async () => {
      const { tokens } = await signIn(w, client, person, { scope: 'openid profile' });
      for (const token of [tokens.access_token, tokens.id_token, tokens.refresh_token])
        expect((await call(token, '/applications')).status).to.equal(401);
    });

    it('OA-17: a token without scopes is not its person: her consents are not the application’s to see or end', async () => {
      const third = await makeApplication(w, { first_party: false, scope: 'openid' });
      const { tokens } = await signIn(
        w,
        third,
        person,
        { scope: 'openid', resource: `${w.url}/api/v1` },
        { consent: 'allow' },
      );
      const reply = await call(tokens.access_token, `/users/${person.user_id}/consents`);
      expect([reply.status, reply.body.code]).to.deep.equal([403, 'not_allowed']);
    });

    it('takes an application’s own token', async () => {
      const machine = await makeApplication(w, {
        grant_types: ['client_credentials'],
        redirect_uris: [],
        scope: 'applications.read',
      });
      const { body } = await post(w, '/oauth/token', machine, {
        grant_type: 'client_credentials',
        resource: `${w.url}/api/v1`,
        scope: 'applications.read',
      });
      expect(body.scope).to.equal('applications.read');
      expect((await call(body.access_token, '/applications')).status).to.equal(200);
      expect(
        (await w.api('POST', '/applications', { client_name: 'x', redirect_uris: [redirectUri] }, body.access_token))
          .status,
      ).to.equal(403);
    });
  });
});
