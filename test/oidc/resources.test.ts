/** Whom access tokens are for: resources that applications name (RFC 8707), and our own API. */
import { expect } from 'chai';
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
  redirectUri,
  signIn,
  travel,
  userinfo,
} from './rp.ts';

describe('oidc: resources', () => {
  let w: World;
  let client: RelyingParty;
  let person: Person & { orgs: string[] };

  before(async () => {
    w = await oidcWorld();
    client = await makeApplication(w);
    person = await makePerson(w, ['Acme']);
  });
  after(() => w.close());

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
