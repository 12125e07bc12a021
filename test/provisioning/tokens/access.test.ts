import { expect } from 'chai';
import { authenticateScim, authenticateScimAccess } from '../../../src/provisioning/tokens/authenticate.ts';
import { type World, world } from '../../support/world.ts';
import { type Directory, makeDirectory } from '../directories.ts';

const hour = 3_600_000;

/** Microsoft Entra's gallery applications authenticate so: client credentials at our token endpoint. */
describe('provisioning/tokens: OAuth 2.0 client credentials', () => {
  let w: World;
  let directory: Directory;
  before(async () => {
    w = await world();
  });
  beforeEach(async () => {
    w.skew = 0;
    directory = await makeDirectory(w, undefined, { name: 'Entra' });
  });
  after(() => w.close());

  const post = (path: string, fields: Record<string, string>, authorization?: string) =>
    w.request(path, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
        ...(authorization ? { authorization } : {}),
      },
      body: new URLSearchParams(fields).toString(),
    });
  const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
  const ask = (fields: Record<string, string> = {}, { client_id, client_secret } = directory) =>
    post('/oauth/token', { grant_type: 'client_credentials', client_id, client_secret, ...fields });
  const getToken = async (): Promise<string> => {
    const answer = await ask();
    expect(answer.status, answer.text).to.equal(200);
    return answer.body.access_token as string;
  };
  const who = (token: string) => authenticateScim(w.app, token);

  it('gives a SCIM client an access token for the SCIM endpoint, whichever way it sends its secret', async () => {
    const inBody = await ask();
    expect(inBody.status, inBody.text).to.equal(200);
    expect(inBody.body).to.include({ token_type: 'Bearer', expires_in: 3600 });
    const inHeader = await post(
      '/oauth/token',
      { grant_type: 'client_credentials', scope: 'scim' },
      basic(directory.client_id, directory.client_secret),
    );
    expect(inHeader.body.scope).to.equal('scim');
    const named = await ask({ resource: `${w.url}/scim/v2` });
    for (const { body } of [inBody, inHeader, named]) {
      const found = await who(body.access_token as string);
      expect(found?.client).to.deep.equal({
        client_id: directory.client_id,
        org_id: directory.org_id,
        name: 'Entra',
        mapping_version: 1,
      });
      expect(found?.actor).to.deep.include({ type: 'scim_client', id: directory.client_id, label: 'scim:Entra' });
    }
    const { last_used_at } = await w.db('scim_clients').where({ client_id: directory.client_id }).first();
    expect(last_used_at).to.be.instanceOf(Date);
    expect(JSON.stringify(await w.db('oidc_access_tokens'))).not.to.include(inBody.body.access_token);
  });

  it('refuses a wrong secret, another grant, another resource, and what it is not registered for', async () => {
    const wrong = await ask({ client_secret: `${directory.client_secret}x` });
    expect([wrong.status, wrong.body.error]).to.deep.equal([401, 'invalid_client']);
    for (const [fields, error] of [
      [{ grant_type: 'refresh_token', refresh_token: 'x' }, 'invalid_request'],
      [{ grant_type: 'authorization_code', code: 'x', redirect_uri: 'https://x.example/' }, 'invalid_request'],
      [{ resource: `${w.url}/api/v1` }, 'invalid_target'],
      [{ resource: 'https://other.example/' }, 'invalid_target'],
    ] as const) {
      const answer = await ask(fields);
      expect([answer.status, answer.body.error], JSON.stringify(fields)).to.deep.equal([400, error]);
    }
    const authorize = await w.request(
      `/oauth/authorize?client_id=${directory.client_id}&response_type=code&scope=openid&redirect_uri=https://x.example/`,
    );
    expect(authorize.status).to.equal(400);
    const broad = await ask({ scope: 'users.read openid' });
    if (broad.status === 200) expect(broad.body.scope).to.equal(undefined);
    else expect(broad.body.error).to.equal('invalid_scope');
  });

  it('is no token of the REST API, and a token of an application is none here (OA-17, TK-05)', async () => {
    const token = await getToken();
    expect((await w.api('GET', directory.place, undefined, token)).status).to.equal(401);
    const program = {
      client_name: 'Program',
      org_id: directory.org_id,
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_post',
    };
    // Nobody becomes the API that this address is.
    const posing = await w.api('POST', '/applications', { ...program, resource_uri: `${w.url}/scim/v2` });
    expect([posing.status, posing.body.code]).to.deep.equal([400, 'request_invalid']);
    const application = await w.api('POST', '/applications', { ...program, scope: 'users.read' });
    expect(application.status, application.text).to.equal(201);
    const refused = await ask({ resource: `${w.url}/scim/v2` }, application.body as never);
    expect([refused.status, refused.body.error]).to.deep.equal([400, 'invalid_target']);
    const other = await ask({ resource: `${w.url}/api/v1`, scope: 'users.read' }, application.body as never);
    expect(other.status, other.text).to.equal(200);
    expect(await authenticateScimAccess(w.app, other.body.access_token as string)).to.equal(null);
  });

  it('SE-06: ends at once with its client, its organization, its revocation, and after an hour', async () => {
    const token = await getToken();
    const { place, org_id, client_id, client_secret } = directory;
    expect(await who(token)).not.to.equal(null);
    await w.api('PATCH', place, { enabled: false });
    expect(await who(token), 'disabled').to.equal(null);
    expect((await ask()).body.error).to.equal('invalid_client');
    await w.api('PATCH', place, { enabled: true });
    expect(await who(token), 'enabled').not.to.equal(null);
    await w.db('organizations').where({ org_id }).update({ status: 'suspended' });
    expect(await who(token), 'suspended').to.equal(null);
    expect((await ask()).body.error).to.equal('invalid_client');
    await w.db('organizations').where({ org_id }).update({ status: 'active' });
    w.skew = hour + 1000;
    expect(await who(token), 'expired').to.equal(null);
    w.skew = 0;
    const revoked = await post('/oauth/revoke', { token }, basic(client_id, client_secret));
    expect(revoked.status, revoked.text).to.equal(200);
    expect(await who(token), 'revoked').to.equal(null);
    const second = await getToken();
    await w.api('DELETE', place);
    expect(await who(second), 'deleted').to.equal(null);
    expect(await w.db('oidc_access_tokens').where({ org_id })).to.deep.equal([]);
    expect((await ask()).body.error).to.equal('invalid_client');
  });

  it('SC-12: two secrets work while one is exchanged for the other, at once and no longer', async () => {
    const rotated = await w.api('POST', `${directory.place}/secret`, { grace_seconds: 60 });
    const fresh = { ...directory, client_secret: rotated.body.client_secret as string };
    expect((await ask()).status).to.equal(200);
    expect((await ask({}, fresh)).status).to.equal(200);
    w.skew = 61_000;
    expect((await ask()).body.error).to.equal('invalid_client');
    expect((await ask({}, fresh)).status).to.equal(200);
    const last = await w.api('POST', `${directory.place}/secret`, {});
    expect((await ask({}, fresh)).body.error).to.equal('invalid_client');
    expect((await ask({}, { ...directory, client_secret: last.body.client_secret as string })).status).to.equal(200);
  });
});
