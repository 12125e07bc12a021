import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { createDemoIdentityProvider, type DemoIdentityProvider } from '../../src/demo/identity-provider.ts';
import { readCertificate } from '../../src/federation/saml/certificate.ts';
import { verifyLogout } from '../../src/federation/saml/logout.ts';
import { createLogoutRequest } from '../../src/federation/saml/logout-messages.ts';
import { type IdpMetadata, readIdpMetadata } from '../../src/federation/saml/metadata.ts';
import { type AuthnRequest, type AuthnRequestOptions, createAuthnRequest } from '../../src/federation/saml/request.ts';
import { type ResponseResult, verifyResponse } from '../../src/federation/saml/response.ts';
import { keys } from '../support/saml/keys.ts';
import { acsUrl, spEntityId } from '../support/saml/messages.ts';

const ada = {
  username: 'ada',
  password: 'analytical engine',
  email: 'ada@acme.example',
  first_name: 'Ada',
  last_name: 'Byron & <Söhne>',
  groups: ['staff', 'R&D'],
};
const sloUrl = 'https://id.lintel.example/saml/0198/slo';

describe('the simulated identity provider', () => {
  let server: Server;
  let base: string;
  let idp: DemoIdentityProvider;
  let metadata: IdpMetadata;

  before(async () => {
    server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    idp = createDemoIdentityProvider({ baseUrl: base, keyPair: keys.idp(), people: [ada] });
    idp.trust({ entityId: spEntityId, acsUrl, name: 'Lintel', certificate: keys.sp().certificate, sloUrl });
    server.on('request', idp.app.callback());
    const result = readIdpMetadata(await (await fetch(`${base}/metadata`)).text(), {
      now: Date.now(),
      allowHttpLoopback: true,
    });
    if (!result.ok) throw new Error(result.code);
    metadata = result.metadata;
  });
  after((done) => {
    server.close(done);
  });

  const us = { entityId: spEntityId, acsUrl, sloUrl, current: keys.sp() };
  const ask = (changes: Partial<AuthnRequestOptions> = {}): AuthnRequest =>
    createAuthnRequest({
      serviceProvider: us,
      idpEntityId: metadata.entity_id,
      endpoint: { binding: 'redirect', location: `${base}/sso` },
      now: Date.now(),
      sign: true,
      ...changes,
    });
  const hidden = (html: string, name: string): string | undefined =>
    new RegExp(`name="${name}" value="([^"]*)"`).exec(html)?.[1];
  const post = (path: string, fields: Record<string, string>): Promise<Response> =>
    fetch(`${base}${path}`, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });

  async function logIn(page: Response, fields: Record<string, string> = {}): Promise<Response> {
    const html = await page.text();
    return post('/log-in', {
      handle: hidden(html, 'handle') ?? '',
      username: 'ada',
      password: ada.password,
      ...fields,
    });
  }

  function verify(html: string, request: AuthnRequest | null): ResponseResult {
    return verifyResponse(hidden(html, 'SAMLResponse') ?? '', {
      acsUrl,
      spEntityId,
      idpEntityId: metadata.entity_id,
      certificates: metadata.certificates.map((certificate) => certificate.pem),
      request: request ? { kind: 'solicited', id: request.id } : { kind: 'idp_initiated' },
      policy: { wantAssertionSigned: true, wantResponseSigned: true },
      decryptionKeys: [],
      now: Date.now(),
    });
  }

  it('publishes metadata that our reader takes', () => {
    expect(metadata).to.deep.include({
      entity_id: idp.entityId,
      want_authn_requests_signed: true,
      display_name: 'Acme SSO',
    });
    expect(metadata.certificates[0]?.fingerprint).to.equal(readCertificate(keys.idp().certificate).fingerprint);
    expect(metadata.sso.map((endpoint) => endpoint.binding)).to.deep.equal(['redirect', 'post']);
  });

  for (const kind of ['redirect', 'post'] as const) {
    it(`signs a person in, asked by ${kind}, with a response that every check accepts`, async () => {
      const request = ask({ endpoint: { binding: kind, location: `${base}/sso` } });
      const page = request.method === 'redirect' ? await fetch(request.url) : await post('/sso', request.fields);
      expect(page.status).to.equal(200);
      const html = await (await logIn(page)).text();
      expect(html).to.include(`action="${acsUrl}"`);
      expect(hidden(html, 'RelayState')).to.equal(request.relayState);
      const result = verify(html, request);
      if (!result.ok) throw new Error(JSON.stringify(result.checks.at(-1)));
      expect(result.identity).to.deep.include({
        subject: 'ada',
        attributes: { email: [ada.email], firstName: ['Ada'], lastName: ['Byron & <Söhne>'], groups: ['staff', 'R&D'] },
      });
    });
  }

  it('signs in without a request, as a company’s portal does', async () => {
    const html = await (await logIn(await fetch(`${base}/start`))).text();
    expect(verify(html, null)).to.have.property('ok', true);
    expect(hidden(html, 'RelayState')).to.equal(undefined);
  });

  it('asks again after a wrong password, and forgets a log-in once it was used', async () => {
    const page = await fetch(ask().url);
    const handle = hidden(await page.text(), 'handle') ?? '';
    const wrong = await post('/log-in', { handle, username: 'ada', password: 'x' });
    expect(wrong.status).to.equal(401);
    expect(await wrong.text()).to.include('Username or password is wrong.');
    expect((await post('/log-in', { handle, username: 'ada', password: ada.password })).status).to.equal(200);
    expect((await post('/log-in', { handle, username: 'ada', password: ada.password })).status).to.equal(400);
  });

  it('SA-11: answers only known service providers, at the address it knows, asked under their signature', async () => {
    const stranger = await fetch(ask({ serviceProvider: { ...us, entityId: 'https://stranger.example/' } }).url);
    const elsewhere = await fetch(ask({ serviceProvider: { ...us, acsUrl: 'https://attacker.example/acs' } }).url);
    const unsigned = await fetch(ask({ sign: false }).url);
    const forged = await fetch(ask({ serviceProvider: { ...us, current: keys.attacker() } }).url);
    for (const [answer, code] of [
      [stranger, 'issuer'],
      [elsewhere, 'destination'],
      [unsigned, 'signature.missing'],
      [forged, 'signature.invalid'],
    ] as const) {
      expect(answer.status).to.equal(400);
      expect(await answer.text()).to.equal(`the request was refused: ${code}`);
    }
  });

  it('answers a signed logout request with a signed success', async () => {
    const endpoint = { binding: 'redirect' as const, location: `${base}/slo` };
    const nameId = { name_id: 'ada', name_id_format: null, name_qualifier: null, sp_name_qualifier: null };
    const request = createLogoutRequest({
      serviceProvider: us,
      idpEntityId: idp.entityId,
      endpoint,
      now: Date.now(),
      nameId,
      sessionIndex: null,
      relayState: 'r',
    });
    const answer = await fetch(request.url, { redirect: 'manual' });
    expect(answer.status).to.equal(303);
    const location = answer.headers.get('location') ?? '';
    const certificates = metadata.certificates.map((certificate) => certificate.pem);
    const expected = { idpEntityId: idp.entityId, sloUrl, certificates, now: Date.now(), requestIds: [request.id] };
    const result = verifyLogout({ binding: 'redirect', query: location.slice(location.indexOf('?') + 1) }, expected);
    expect(result.ok && result.message).to.deep.include({ kind: 'response', success: true, relay_state: 'r' });
  });
});
