import { expect } from 'chai';
import { hashSecret } from '../../../src/core/secret.ts';
import { findScimOAuthClient } from '../../../src/provisioning/clients/oauth.ts';
import { clientPermissions } from '../../../src/provisioning/clients/permissions.ts';
import { type World, world } from '../../support/world.ts';
import { makeDirectory, makeKey, makeOrganization } from '../directories.ts';

const minute = 60_000;

describe('provisioning/clients', () => {
  let w: World;
  before(async () => {
    w = await world();
  });
  beforeEach(() => {
    w.skew = 0;
  });
  after(() => w.close());

  const events = (object_id: string) => w.db('audit_logs').where({ object_id }).orderBy('log_id');

  it('is made with an address, an id of ours and a secret that is shown once (AZ-04, SD-02)', async () => {
    const org = await makeOrganization(w);
    const answer = await w.api('POST', `/organizations/${org}/scim-clients`, { name: 'Entra' });
    expect(answer.status, answer.text).to.equal(201);
    const { client_id, client_secret } = answer.body as Record<string, string>;
    expect(answer.body).to.include({ org_id: org, name: 'Entra', enabled: true, mapping_version: 1, expires_at: null });
    expect(answer.body.base_url).to.equal(`${w.url}/scim/v2`);
    expect(client_secret).to.match(/^ltl_secret_[\w-]{43}$/);
    const place = `/organizations/${org}/scim-clients`;
    for (const path of [place, `${place}/${client_id}`]) {
      const { status, text } = await w.api('GET', path);
      expect(status).to.equal(200);
      expect(text).to.include(client_id);
      expect(text)
        .not.to.include('secret_hash')
        .and.not.to.include(hashSecret(client_secret as string));
      expect(text).not.to.include(client_secret);
    }
    const row = await w.db('scim_clients').where({ client_id }).first();
    expect(row.client_secret_hash).to.equal(hashSecret(client_secret as string));
    const kept = JSON.stringify([await w.db('audit_logs'), await w.db('scim_clients'), w.logLines]);
    expect(kept).not.to.include((client_secret as string).slice(20));
    expect((await events(client_id as string)).map(({ action }) => action)).to.deep.equal(['scim_client.created']);
  });

  it('SC-02: has an id that nobody chooses, and a name that may be anybody’s', async () => {
    const org = await makeOrganization(w);
    const first = await makeDirectory(w, org, { name: 'saml' });
    const second = await makeDirectory(w, org, { name: 'saml' });
    expect(first.client_id).not.to.equal(second.client_id);
    const chosen = await w.api('POST', `/organizations/${org}/scim-clients`, { client_id: first.client_id });
    expect([chosen.status, chosen.body.code]).to.deep.equal([400, 'request_invalid']);
    expect(chosen.text).to.include('/body/client_id');
    const other = await w.api('POST', `/organizations/${org}/scim-clients`, { org_id: crypto.randomUUID() });
    expect(other.body.code).to.equal('request_invalid');
  });

  it('AZ-04: is seen and changed within its organization only', async () => {
    const ours = await makeDirectory(w);
    const stranger = await makeKey(w, await makeOrganization(w), [
      'scim_clients.read',
      'scim_clients.manage',
      ...clientPermissions,
    ]);
    const theirs = await makeDirectory(w);
    const requests: [string, string, unknown?][] = [
      ['GET', ours.place],
      ['PATCH', ours.place, { enabled: false }],
      ['DELETE', ours.place],
      ['POST', `${ours.place}/secret`, {}],
      ['GET', `${ours.place}/tokens`],
      ['POST', `${ours.place}/tokens`, {}],
      ['DELETE', `${ours.place}/tokens/${ours.token_id}`],
      ['GET', `${ours.place}/mappings`],
      ['PUT', `${ours.place}/mappings`, { mappings: [] }],
      ['POST', `${ours.place}/mappings/preview`, { payload: {} }],
      ['GET', `/organizations/${ours.org_id}/scim-requests`],
      ['GET', `/organizations/${ours.org_id}/scim-clients`],
      ['POST', `/organizations/${ours.org_id}/scim-clients`, {}],
    ];
    for (const [method, path, body] of requests) {
      const answer = await w.api(method, path, body, stranger);
      expect([answer.status, answer.body.code], `${method} ${path}`).to.deep.equal([404, 'not_found']);
      if (!path.includes(ours.client_id)) continue;
      // The right organization in the path, another one's client behind it.
      const crossed = path.replace(ours.client_id, theirs.client_id);
      const answered = await w.api(method, crossed, body);
      expect([answered.status, answered.body.code], `${method} ${crossed}`).to.deep.equal([404, 'not_found']);
    }
    expect((await w.api('GET', ours.place)).body).to.include({ enabled: true, mapping_version: 1 });
    const foreignToken = await w.api('DELETE', `${ours.place}/tokens/${theirs.token_id}`);
    expect([foreignToken.status, foreignToken.body.code]).to.deep.equal([404, 'not_found']);
  });

  it('AZ-05: is made by nobody who could not do by hand what it may do', async () => {
    const directory = await makeDirectory(w);
    const { org_id, place } = directory;
    const weak = await makeKey(w, org_id, ['scim_clients.read', 'scim_clients.manage', 'users.read']);
    for (const path of [`/organizations/${org_id}/scim-clients`, `${place}/tokens`, `${place}/secret`]) {
      const answer = await w.api('POST', path, {}, weak);
      expect([answer.status, answer.body.code], path).to.deep.equal([403, 'permission_not_held']);
    }
    expect((await w.api('PATCH', place, { enabled: false }, weak)).status).to.equal(200);
    const reader = await makeKey(w, org_id, ['scim_clients.read', ...clientPermissions]);
    for (const [method, path, body] of [
      ['PATCH', place, { enabled: true }],
      ['DELETE', place],
      ['POST', `${place}/tokens`, {}],
      ['PUT', `${place}/mappings`, { mappings: [] }],
    ] as const) {
      const answer = await w.api(method, path, body, reader);
      expect([answer.status, answer.body.code], path).to.deep.equal([403, 'not_allowed']);
    }
    expect((await w.api('GET', place, undefined, reader)).status).to.equal(200);
  });

  it('is changed with before and after in the audit log, and nothing is said when nothing differs', async () => {
    const { place, client_id } = await makeDirectory(w, undefined, { name: 'Okta' });
    const changed = await w.api('PATCH', place, { name: 'Okta production', enabled: false });
    expect(changed.body).to.include({ name: 'Okta production', enabled: false });
    expect((await w.api('PATCH', place, { enabled: false })).status).to.equal(200);
    const told = (await events(client_id)).filter(({ action }) => action === 'scim_client.updated');
    expect(told).to.have.length(1);
    expect(told[0].details).to.deep.equal({
      before: { name: 'Okta', enabled: true },
      after: { name: 'Okta production', enabled: false },
    });
    for (const body of [{}, { name: '' }, { name: 'a\u202eb' }, { expires_at: '2001-01-01T00:00:00Z' }]) {
      const refused = await w.api('PATCH', place, body);
      expect([refused.status, refused.body.code], JSON.stringify(body)).to.deep.equal([400, 'request_invalid']);
    }
  });

  it('is deleted with its tokens and mappings; a deleted organization gets no new one', async () => {
    const { place, client_id, org_id } = await makeDirectory(w);
    expect((await w.api('DELETE', place)).status).to.equal(204);
    for (const table of ['scim_clients', 'scim_tokens', 'scim_mappings']) {
      expect(await w.db(table).where({ client_id }), table).to.deep.equal([]);
    }
    expect((await w.api('DELETE', place)).body.code).to.equal('not_found');
    await w.db('organizations').where({ org_id }).update({ status: 'deleted', deleted_at: new Date() });
    const late = await w.api('POST', `/organizations/${org_id}/scim-clients`, {});
    expect([late.status, late.body.code]).to.deep.equal([404, 'not_found']);
  });

  it('is an OAuth client whose secret rotates without a gap', async () => {
    const { client_id, client_secret, place, org_id } = await makeDirectory(w);
    const seen = () => findScimOAuthClient(w.db, client_id, w.app.clock());
    const before = await seen();
    expect(before?.metadata).to.deep.include({
      client_secret: hashSecret(client_secret),
      grant_types: ['client_credentials'],
      org_id,
      previous_secret_hash: null,
    });
    const rotated = await w.api('POST', `${place}/secret`, { grace_seconds: 3600 });
    expect(rotated.status, rotated.text).to.equal(200);
    expect(rotated.body.client_secret).to.match(/^ltl_secret_[\w-]{43}$/);
    const after = await seen();
    expect(after?.version).to.be.greaterThan(before?.version as number);
    expect(after?.metadata).to.include({
      client_secret: hashSecret(rotated.body.client_secret as string),
      previous_secret_hash: hashSecret(client_secret),
    });
    const until = after?.metadata.previous_secret_expires_at as number;
    expect(until - w.app.clock().getTime()).to.be.within(59 * minute, 60 * minute);
    const again = await w.api('POST', `${place}/secret`, {});
    expect(again.body.previous_secret_expires_at).to.equal(null);
    expect((await seen())?.metadata.previous_secret_hash).to.equal(null);
    expect(JSON.stringify(await w.db('audit_logs'))).not.to.include((again.body.client_secret as string).slice(20));
    expect((await events(client_id)).filter(({ action }) => action === 'scim_client.secret_rotated')).to.have.length(2);

    await w.api('PATCH', place, { enabled: false });
    expect(await seen()).to.equal(undefined);
    await w.api('PATCH', place, { enabled: true, expires_at: new Date(Date.now() + minute).toISOString() });
    expect(await seen()).not.to.equal(undefined);
    w.skew = 2 * minute;
    expect(await seen()).to.equal(undefined);
    expect(await findScimOAuthClient(w.db, 'not-an-id', w.app.clock())).to.equal(undefined);
  });
});
