/** Our metadata, the address for portals, and tests of a connection, as the other side meets them. */
import { expect } from 'chai';
import { XmlDocument } from 'libxml2-wasm';
import { followSchema } from '../../src/federation/saml/xsd.ts';
import {
  company,
  latestTrace,
  organization,
  post,
  type Provider,
  readRequest,
  response,
  type Company,
} from '../federation/company.ts';
import { type World, world } from '../support/world.ts';

describe('saml: addresses of a connection', () => {
  let w: World;
  let c: Company;
  before(async () => {
    w = await world();
    c = await company(w, { auto_provision: true });
  });
  after(() => w.close());

  const path = (address: string) => new URL(address).pathname;
  const get = (address: string, headers = { accept: 'text/html' }) => w.request(path(address), { headers });
  const change = (body: object) =>
    w.api<Provider>('PATCH', `/organizations/${c.org_id}/identity-providers/${c.provider.provider_id}`, body);

  it('metadata is valid, stable, and names current and next keys for signing and encryption', async () => {
    const { sp } = c.provider;
    const answer = await get(sp.metadata_url);
    expect(answer.status).to.equal(200);
    expect(answer.headers.get('content-type')).to.include('application/samlmetadata+xml');
    const document = XmlDocument.fromString(answer.text);
    expect(() => followSchema(document)).not.to.throw();
    document.dispose();
    expect(answer.text).to.include(`entityID="${sp.entity_id}"`).and.include(`Location="${sp.acs_url}"`);
    expect(answer.text.match(/use="signing"/g)).to.have.length(2);
    expect(answer.text.match(/use="encryption"/g)).to.have.length(2);
    const certificates = [...answer.text.matchAll(/X509Certificate>([^<]+)</g)].map(([, body]) => body);
    expect(new Set(certificates).size).to.equal(4);
    expect((await get(sp.metadata_url)).text).to.equal(answer.text);
  });

  it('metadata is there for drafts, and for nothing that does not exist', async () => {
    const org_id = await organization(w);
    const all = `/organizations/${org_id}/identity-providers`;
    const draft = (await w.api<Provider>('POST', all, { type: 'saml', name: 'draft' })).body;
    expect((await get(draft.sp.metadata_url)).status).to.equal(200);
    await w.api('DELETE', `${all}/${draft.provider_id}`);
    expect((await get(draft.sp.metadata_url)).status).to.equal(404);
    expect((await get(`${w.url}/saml/${org_id}/metadata`)).status).to.equal(404);
  });

  it('SA-08: a sign-in cannot begin at a portal unless the connection says so', async () => {
    const answer = await get(c.provider.sp.login_url);
    expect(answer.status).to.equal(403);
    expect(answer.text).to.include('Start at the application').and.not.include('idp_initiated');
  });

  describe('with a landing application', () => {
    let client_id: string;
    before(async () => {
      const made = await w.api<{ client_id: string }>('POST', '/applications', {
        client_name: 'Portal',
        redirect_uris: ['https://app.example/callback'],
        initiate_login_uri: 'https://app.example/login?from=portal',
      });
      client_id = made.body.client_id;
    });
    afterEach(() => change({ config: { idp_initiated: 'refuse', landing_client_id: null } }));

    const landed = (location: string | null) => {
      const url = new URL(location ?? '');
      expect(url.origin + url.pathname).to.equal('https://app.example/login');
      expect(Object.fromEntries(url.searchParams)).to.deep.equal({
        from: 'portal',
        iss: w.url,
        login_hint: `urn:lintel:connection:${c.provider.provider_id}`,
      });
    };

    /** At the portal's address, and of a response that nobody asked for. */
    const unasked = async () => {
      const portal = await get(c.provider.sp.login_url);
      const field = response(w, c, null, { subject: 'unasked', email: `u@${c.domain}` });
      const answer = await post(w, c.provider.sp.acs_url, { SAMLResponse: field });
      return [portal, answer].map(({ status, headers }) => [status, headers.get('location')]);
    };

    it('SA-08: refuse: neither leads anywhere, although the application is named', async () => {
      await change({ config: { idp_initiated: 'refuse', landing_client_id: client_id } });
      expect(await unasked()).to.deep.equal([
        [403, null],
        [400, null],
      ]);
      expect((await latestTrace(w, c.org_id)).code).to.equal('unsolicited');
    });

    it('SA-08, FD-03: a disabled connection leads nowhere, whatever it takes when it is not', async () => {
      for (const idp_initiated of ['bounce', 'accept']) {
        await change({ enabled: false, config: { idp_initiated, landing_client_id: client_id } });
        expect(await unasked(), idp_initiated).to.deep.equal([
          [403, null],
          [403, null],
        ]);
        expect((await latestTrace(w, c.org_id)).code).to.equal('connection.closed');
      }
      await change({ enabled: true });
    });

    it('FD-03: a disabled application is nowhere to land', async () => {
      await change({ config: { idp_initiated: 'bounce', landing_client_id: client_id } });
      await w.api('PATCH', `/applications/${client_id}`, { enabled: false });
      expect(await unasked()).to.deep.equal([
        [403, null],
        [403, null],
      ]);
      await w.api('PATCH', `/applications/${client_id}`, { enabled: true });
    });

    it('bounce: portal and unasked response go there, and the response is not believed', async () => {
      await change({ config: { idp_initiated: 'bounce', landing_client_id: client_id } });
      const portal = await get(c.provider.sp.login_url);
      expect(portal.status).to.equal(303);
      landed(portal.headers.get('location'));
      const field = response(w, c, null, { subject: 'bounced', email: `b@${c.domain}` });
      const answer = await post(w, c.provider.sp.acs_url, { SAMLResponse: field, RelayState: 'https://evil.example/' });
      landed(answer.headers.get('location'));
      expect(await w.db('users').where({ email: `b@${c.domain}` })).to.have.length(0);
      expect(answer.headers.get('set-cookie')).to.equal(null);
    });

    it('accept: verified, once, and provisioned; where it goes is fixed', async () => {
      await change({ config: { idp_initiated: 'accept', landing_client_id: client_id } });
      const field = response(w, c, null, { subject: 'accepted', email: `a@${c.domain}` });
      const answer = await post(w, c.provider.sp.acs_url, { SAMLResponse: field, RelayState: 'https://evil.example/' });
      landed(answer.headers.get('location'));
      expect(await w.db('users').where({ email: `a@${c.domain}` })).to.have.length(1);
      expect(await w.db('federation_handoffs')).to.have.length(0);
      expect((await post(w, c.provider.sp.acs_url, { SAMLResponse: field })).status).to.equal(400);
      expect((await latestTrace(w, c.org_id)).code).to.equal('replayed');
      const forged = response(w, c, null, { subject: 'forged' }, { sign: 'none' });
      expect((await post(w, c.provider.sp.acs_url, { SAMLResponse: forged })).status).to.equal(400);
      const answering = response(w, c, { request_id: '_of-somebody-else' }, { subject: 'stolen' });
      expect((await post(w, c.provider.sp.acs_url, { SAMLResponse: answering })).status).to.equal(400);
    });

    it('without one, or with another organization’s, a page says where to begin', async () => {
      await change({ config: { idp_initiated: 'bounce' } });
      expect((await get(c.provider.sp.login_url)).status).to.equal(403);
      const other = await w.api<{ client_id: string }>('POST', '/applications', {
        client_name: 'Theirs',
        org_id: await organization(w),
        redirect_uris: ['https://theirs.example/callback'],
        initiate_login_uri: 'https://theirs.example/login',
      });
      expect(other.status).to.equal(201);
      await change({ config: { landing_client_id: other.body.client_id } });
      expect((await get(c.provider.sp.login_url)).status).to.equal(403);
    });
  });

  describe('tests of a connection', () => {
    const begin = async () => {
      const tests = `/organizations/${c.org_id}/identity-providers/${c.provider.provider_id}/tests`;
      const answer = await w.api<{ method: string; url: string }>('POST', tests, {});
      expect(answer.status).to.equal(201);
      return readRequest(answer.body.url);
    };
    before(() => change({ enabled: false }));
    after(() => change({ enabled: true }));

    it('begin under an Idempotency-Key too, when no key of ours is in memory', async () => {
      const tests = `/organizations/${c.org_id}/identity-providers/${c.provider.provider_id}/tests`;
      w.skew = 120_000;
      try {
        expect((await w.api('POST', tests, {}, undefined, { 'idempotency-key': 'cold' })).status).to.equal(201);
      } finally {
        w.skew = 0;
      }
    });

    it('go the real way on a draft, sign nobody in, and show what came in outline', async () => {
      const asked = await begin();
      const field = response(w, c, asked, {
        subject: 'tester',
        email: `tester@${c.domain}`,
        groups: ['staff', 'admins'],
      });
      const answer = await post(w, c.provider.sp.acs_url, { SAMLResponse: field, RelayState: asked.relay_state });
      expect(answer.status).to.equal(200);
      expect(answer.text).to.include('The test went well');
      expect(await w.db('users').where({ email: `tester@${c.domain}` })).to.have.length(0);
      const trace = await latestTrace(w, c.org_id);
      expect(trace).to.deep.include({ is_test: true, result: 'success', code: null, user_id: null });
      expect(trace.attributes.received?.email).to.deep.equal({ count: 1, first: `t…(6)@${c.domain}` });
      expect(trace.attributes.received?.groups).to.deep.equal({ count: 2, first: 's…(5)' });
      expect(trace.attributes.taken_for).to.deep.equal({ email: 'email', groups: 'groups' });
      expect(trace.checks.map(({ check }) => check)).to.include.members(['assertion signature', 'audience', 'replay']);
    });

    it('show what is wrong, and no sign-in is possible meanwhile', async () => {
      const asked = await begin();
      const field = response(w, c, asked, { subject: 'tester' }, { audience: 'https://wrong.example' });
      const answer = await post(w, c.provider.sp.acs_url, { SAMLResponse: field, RelayState: asked.relay_state });
      expect(answer.text).to.include('The test found a problem').and.not.include('audience');
      const trace = await latestTrace(w, c.org_id);
      expect(trace).to.deep.include({ is_test: true, result: 'denied', code: 'audience' });
      expect(trace.checks.at(-1)?.detail).to.include('https://wrong.example');
      const unasked = await post(w, c.provider.sp.acs_url, { SAMLResponse: response(w, c, null, {}) });
      expect(unasked.status).to.equal(403);
    });
  });
});
