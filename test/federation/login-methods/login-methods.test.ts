/** Which ways of signing in an organization allows. */
import { expect } from 'chai';
import { loginMethodsOf } from '../../../src/federation/login-methods/service.ts';
import { connectionsOf } from '../../../src/federation/providers/service.ts';
import { type World, world } from '../../support/world.ts';
import { company, organization } from '../company.ts';

describe('federation/login-methods', () => {
  let w: World;
  before(async () => {
    w = await world();
  });
  after(() => w.close());

  const set = (org_id: string, method: string, enabled: boolean) =>
    w.api('PUT', `/organizations/${org_id}/login-methods/${method}`, { enabled });

  it('are allowed as far as they exist here, until one is switched off', async () => {
    const org_id = await organization(w);
    const { body } = await w.api<{ items: { method: string; enabled: boolean }[] }>(
      'GET',
      `/organizations/${org_id}/login-methods`,
    );
    expect(body.items).to.have.length(7);
    expect(body.items.filter(({ enabled }) => enabled).map(({ method }) => method)).to.have.members([
      'password',
      'saml',
    ]);
    expect((await set(org_id, 'password', false)).body).to.include({ method: 'password', enabled: false });
    expect(await loginMethodsOf(w.db, org_id)).to.include({ password: false, saml: true });
  });

  it('say so once, in the audit log', async () => {
    const org_id = await organization(w);
    for (const enabled of [true, false, false, true]) await set(org_id, 'saml', enabled);
    const actions = await w
      .db('audit_logs')
      .where({ org_id, object_type: 'login_method' })
      .orderBy('log_id')
      .pluck('action');
    expect(actions).to.deep.equal(['login_method.disabled', 'login_method.enabled']);
  });

  it('are switched on only as far as they exist here; off is accepted', async () => {
    const org_id = await organization(w);
    for (const method of ['oidc', 'social', 'ldap', 'passkey', 'email_code']) {
      const { status, body } = await set(org_id, method, true);
      expect([status, body.code], method).to.deep.equal([400, 'request_invalid']);
      expect(body.errors, method).to.deep.equal([
        {
          pointer: '/body/enabled',
          detail: `must be false for ${method}: this version signs in by password and saml only`,
        },
      ]);
      expect((await set(org_id, method, false)).body, method).to.include({ method, enabled: false });
    }
    expect((await w.db('org_login_methods').where({ org_id, enabled: true })).length).to.equal(0);
  });

  it('that an earlier version let be switched on are told as off', async () => {
    const org_id = await organization(w);
    await w.db('org_login_methods').insert({ org_id, method: 'passkey', enabled: true, updated_at: new Date() });
    expect(await loginMethodsOf(w.db, org_id)).to.include({ passkey: false, password: true });
    expect((await set(org_id, 'passkey', false)).body).to.include({ method: 'passkey', enabled: false });
  });

  it('FD-03: without SAML an organization has no connection, nor while one is disabled', async () => {
    const c = await company(w);
    const names = async () => (await connectionsOf(w.db, c.org_id)).map(({ provider_id }) => provider_id);
    expect(await names()).to.deep.equal([c.provider.provider_id]);
    await set(c.org_id, 'saml', false);
    expect(await names()).to.deep.equal([]);
    await set(c.org_id, 'saml', true);
    await w.api('PATCH', `/organizations/${c.org_id}/identity-providers/${c.provider.provider_id}`, { enabled: false });
    expect(await names()).to.deep.equal([]);
  });

  it('are those that there are, of organizations that there are', async () => {
    const org_id = await organization(w);
    expect((await set(org_id, 'telepathy', true)).body.code).to.equal('request_invalid');
    expect((await set('01900000-0000-7000-8000-000000000000', 'saml', true)).status).to.equal(404);
  });
});
