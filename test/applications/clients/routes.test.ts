/** Applications over REST (checklist AZ, MT, OA-02, OA-07, OA-24, SD-03). */
import { expect } from 'chai';
import type { Actor } from '../../../src/core/call.ts';
import { newId } from '../../../src/core/id.ts';
import { hashSecret } from '../../../src/core/secret.ts';
import {
  createApplication,
  getApplication,
  listApplications,
  updateApplication,
} from '../../../src/applications/clients/service.ts';
import { type World, world } from '../../support/world.ts';

const minimal = { client_name: 'Sample', redirect_uris: ['https://app.example/cb'] };

describe('applications: REST', () => {
  let w: World;
  beforeEach(async () => {
    w = await world();
  });
  afterEach(() => w.close());

  const organization = async (): Promise<string> => {
    const org_id = newId();
    await w.db('organizations').insert({ org_id, org_name: 'Acme', slug: `o${org_id.slice(-12)}` });
    return org_id;
  };
  const admin = (org_id: string, permissions = ['applications.read', 'applications.manage']): Actor => ({
    type: 'service_account',
    id: newId(),
    label: 'admin',
    reach: { org_id },
    permissions: new Set(permissions),
  });
  const codeOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'done',
      (error: { code?: string }) => error.code,
    );

  it('registers by RFC 7591 names with its defaults; the secret is shown once and kept as a hash', async () => {
    const { status, body } = await w.api('POST', '/applications', minimal);
    expect(status).to.equal(201);
    expect(body).to.deep.include({
      client_name: 'Sample',
      application_type: 'web',
      grant_types: ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
      id_token_signed_response_alg: 'ES256',
      subject_type: 'public',
      require_pkce: true,
      first_party: false,
      enabled: true,
      org_id: null,
      client_secret_expires_at: 0,
    });
    expect(body.client_secret).to.match(/^ltl_secret_[\w-]{43}$/);
    expect(body.client_id_issued_at).to.be.closeTo(Date.now() / 1000, 5);
    const [row] = await w.db('oidc_clients');
    expect(row.secret_hash).to.equal(hashSecret(String(body.client_secret)));
    expect(JSON.stringify(row)).not.to.include(String(body.client_secret));
    const read = await w.api('GET', `/applications/${body.client_id}`);
    const list = await w.api('GET', '/applications');
    const audit = await w.api('GET', '/audit-logs');
    for (const { text } of [read, list, audit]) {
      expect(text).not.to.include(String(body.client_secret)).and.not.to.include(row.secret_hash);
    }
    expect(read.body).not.to.have.any.keys('client_secret', 'secret_hash');
    expect(audit.text).to.include('application.created');
  });

  it('OA-24, AZ-06: takes no id, secret or anything else that is not named', async () => {
    for (const extra of [
      { client_id: newId() },
      { client_secret: 'x' },
      { secret_hash: 'x' },
      { version: 9 },
      { created_by: newId() },
      { software_statement: 'x' },
    ]) {
      const { status, body } = await w.api('POST', '/applications', { ...minimal, ...extra });
      expect([status, body.code], JSON.stringify(extra)).to.deep.equal([400, 'request_invalid']);
    }
  });

  it('OA-02, OA-07, OA-08: refuses what no application may be', async () => {
    const bad: object[] = [
      { redirect_uris: ['javascript:alert(1)'] },
      { redirect_uris: ['http://app.example/cb'] },
      { redirect_uris: ['https://app.example/#x'] },
      { redirect_uris: [] },
      { redirect_uris: ['com.example:/cb'] },
      { post_logout_redirect_uris: ['data:text/html,x'] },
      { grant_types: ['implicit'] },
      { grant_types: ['password'] },
      { grant_types: ['refresh_token'] },
      { response_types: ['token'] },
      { response_types: [] },
      { token_endpoint_auth_method: 'client_secret_jwt' },
      { token_endpoint_auth_method: 'none', require_pkce: false },
      { token_endpoint_auth_method: 'none', grant_types: ['client_credentials'], redirect_uris: [] },
      { token_endpoint_auth_method: 'private_key_jwt' },
      { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ kty: 'oct', k: 'x' }] } },
      { jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'a', y: 'b', d: 'c' }] } },
      { jwks_uri: 'http://keys.example/' },
      { jwks_uri: 'https://k.example/', jwks: { keys: [{}] } },
      { id_token_signed_response_alg: 'none' },
      { id_token_signed_response_alg: 'HS256' },
      { subject_type: 'pairwise' },
      { logo_uri: 'javascript:x' },
      { logo_uri: 'http://logo.example/' },
      { client_uri: 'data:x' },
      { client_name: 'a\u202eb' },
      { client_name: '   ' },
      { scope: 'a"b' },
      { resource_scope: 'x' },
      { resource_uri: `${w.url}/api/v1` },
      { resource_uri: `${w.url}/other` },
      { resource_uri: 'nothing' },
      { resource_uri: 'https://r.example/#x' },
      { resource_uri: 'https://r.example/', resource_scope: 'openid' },
      { contacts: ['nobody'] },
      { default_max_age: -1 },
    ];
    for (const part of bad) {
      const { status, body } = await w.api('POST', '/applications', { ...minimal, ...part });
      expect([status, body.code], JSON.stringify(part)).to.deep.equal([400, 'request_invalid']);
    }
    expect(await w.db('oidc_clients')).to.deep.equal([]);
  });

  it('changes, disables and deletes', async () => {
    const { body } = await w.api('POST', '/applications', minimal);
    const path = `/applications/${body.client_id}`;
    const changed = await w.api('PATCH', path, {
      client_name: 'Other',
      redirect_uris: ['https://b.example/cb'],
      enabled: false,
    });
    expect(changed.body).to.deep.include({
      client_name: 'Other',
      redirect_uris: ['https://b.example/cb'],
      enabled: false,
    });
    expect(changed.body).not.to.have.property('client_secret');
    expect((await w.api('PATCH', path, { redirect_uris: ['http://b.example/cb'] })).status).to.equal(400);
    expect((await w.api('PATCH', path, {})).status).to.equal(400);
    const [event] = await w.db('audit_logs').where({ action: 'application.updated' });
    expect(event.details).to.deep.equal({
      before: { client_name: 'Sample', redirect_uris: ['https://app.example/cb'], enabled: true },
      after: { client_name: 'Other', redirect_uris: ['https://b.example/cb'], enabled: false },
    });
    expect((await w.api('DELETE', path)).status).to.equal(204);
    expect((await w.api('GET', path)).status).to.equal(404);
    expect((await w.api('DELETE', path)).status).to.equal(404);
  });

  it('gives a secret when it begins to need one, and forgets it when it stops', async () => {
    const { body } = await w.api('POST', '/applications', { ...minimal, token_endpoint_auth_method: 'none' });
    expect(body).not.to.have.property('client_secret');
    const path = `/applications/${body.client_id}`;
    expect((await w.api('POST', `${path}/secret`, {})).body.code).to.equal('application_without_secret');
    const confidential = await w.api('PATCH', path, { token_endpoint_auth_method: 'client_secret_post' });
    expect(confidential.body.client_secret).to.match(/^ltl_secret_/);
    const open = await w.api('PATCH', path, { token_endpoint_auth_method: 'none' });
    expect(open.body).not.to.have.property('client_secret');
    expect((await w.db('oidc_clients').first()).secret_hash).to.equal(null);
  });

  it('rotates the secret; the answer is the only place that has it', async () => {
    const { body } = await w.api('POST', '/applications', minimal);
    const rotated = await w.api('POST', `/applications/${body.client_id}/secret`, { grace_seconds: 60 });
    expect(rotated.status).to.equal(201);
    expect(rotated.body.client_secret)
      .to.match(/^ltl_secret_/)
      .and.not.equal(body.client_secret);
    expect(rotated.body.previous_secret_expires_at).to.be.a('string');
    const row = await w.db('oidc_clients').first();
    expect([row.secret_hash, row.previous_secret_hash]).to.deep.equal(
      [rotated.body.client_secret, body.client_secret].map((secret) => hashSecret(String(secret))),
    );
    expect((await w.api('GET', '/audit-logs')).text)
      .to.include('application.secret_rotated')
      .and.not.to.include(String(rotated.body.client_secret));
  });

  it('MT, AZ-01: an organization’s administrator has its applications only, and learns nothing of others', async () => {
    const [mine, theirs] = [await organization(), await organization()];
    const call = w.call(admin(mine));
    const own = await createApplication(call, minimal);
    expect(own.org_id).to.equal(mine);
    const foreign = await createApplication(w.call(admin(theirs)), minimal);
    const system = await createApplication(w.call(), minimal);
    for (const other of [foreign, system]) {
      expect(await codeOf(getApplication(call, other.client_id))).to.equal('not_found');
      expect(await codeOf(updateApplication(call, other.client_id, { client_name: 'x' }))).to.equal('not_found');
    }
    expect(await codeOf(createApplication(call, { ...minimal, org_id: theirs }))).to.equal('not_found');
    expect(await codeOf(listApplications(call, { org_id: theirs }))).to.equal('not_found');
    expect((await listApplications(call, {})).items.map(({ client_id }) => client_id)).to.deep.equal([own.client_id]);
    expect((await listApplications(w.call(), {})).items).to.have.length(3);
    expect(await codeOf(createApplication(w.call(admin(mine, ['applications.read'])), minimal))).to.equal(
      'not_allowed',
    );
    expect((await w.api('GET', '/applications', undefined, null)).status).to.equal(401);
  });

  it('names org_id where the body names an organization that is not there, or is another one', async () => {
    const errors = [{ pointer: '/body/org_id', detail: 'is no organization that you can see' }];
    const nowhere = await w.api('POST', '/applications', { ...minimal, org_id: newId() });
    expect([nowhere.status, nowhere.body.code, nowhere.body.errors]).to.deep.equal([404, 'not_found', errors]);
    const call = w.call(admin(await organization()));
    for (const org_id of [await organization(), newId()]) {
      const fault = await createApplication(call, { ...minimal, org_id }).catch((error: unknown) => error);
      expect(fault).to.deep.include({ code: 'not_found', errors });
    }
  });

  it('AZ-05: nobody registers an application for a permission that they do not hold', async () => {
    const org_id = await organization();
    const call = w.call(admin(org_id));
    expect(await codeOf(createApplication(call, { ...minimal, scope: 'openid audit_logs.read' }))).to.equal(
      'permission_not_held',
    );
    const own = await createApplication(call, { ...minimal, scope: 'openid applications.read' });
    expect(await codeOf(updateApplication(call, own.client_id, { scope: 'openid audit_logs.read' }))).to.equal(
      'permission_not_held',
    );
    await updateApplication(w.call(), own.client_id, { scope: 'openid audit_logs.read' });
    await updateApplication(call, own.client_id, { client_name: 'what is there may stay' });
  });

  it('one owner has one application for a resource; another owner may have its own', async () => {
    const [a, b] = [await organization(), await organization()];
    const api = {
      client_name: 'Api',
      grant_types: ['client_credentials' as const],
      resource_uri: 'https://r.example/',
    };
    await createApplication(w.call(admin(a)), api);
    await createApplication(w.call(admin(b)), api);
    expect(await codeOf(createApplication(w.call(admin(a)), api))).to.equal('resource_uri_taken');
    expect(await codeOf(createApplication(w.call(), { ...minimal, org_id: newId() }))).to.equal('not_found');
  });
});
