/** Connections to identity providers over REST: where trust comes from, and what never weakens it. */
import { expect } from 'chai';
import { keys } from '../../support/saml/keys.ts';
import { endpoint, idpMetadataXml, keyDescriptor } from '../../support/saml/metadata.ts';
import { type World, world } from '../../support/world.ts';
import { manual, organization, type Provider } from '../company.ts';

interface Certificate {
  certificate_id: string;
  fingerprint_sha256: string;
  status: string;
  source: string;
  not_after: string;
}

describe('federation/providers', () => {
  let w: World;
  let org_id: string;
  let all: string;

  before(async () => {
    w = await world();
  });
  beforeEach(async () => {
    org_id = await organization(w);
    all = `/organizations/${org_id}/identity-providers`;
  });
  after(() => w.close());

  const idp = 'https://idp.example/entity';
  const create = (config: object | undefined, more: object = {}) =>
    w.api<Provider & { code: string }>('POST', all, { type: 'saml', name: 'Acme', config, ...more });
  const certificates = async (provider_id: string) =>
    (await w.api<{ items: Certificate[] }>('GET', `${all}/${provider_id}/certificates`)).body.items;

  it('are made from typed values, active at once, with our addresses', async () => {
    const { status, body } = await create(manual(idp));
    expect(status).to.equal(201);
    const own = `${w.url}/saml/${body.provider_id}`;
    expect(body.sp).to.deep.equal({
      entity_id: `${own}/metadata`,
      acs_url: `${own}/acs`,
      slo_url: `${own}/slo`,
      metadata_url: `${own}/metadata`,
      login_url: `${own}/login`,
    });
    expect(body).to.include({ enabled: true, state: 'active', auto_provision: false });
    expect(body.config).to.include({ idp_entity_id: idp, sso_url: 'https://idp.example/sso', idp_initiated: 'refuse' });
    expect((await w.api('GET', `${all}/${body.provider_id}`)).body).to.deep.equal(body);
    const list = await w.api<{ items: Provider[] }>('GET', all);
    expect(list.body.items.map(({ provider_id }) => provider_id)).to.deep.equal([body.provider_id]);
  });

  it('are made from a metadata file, of which only keys and addresses count (FD-10)', async () => {
    const xml = idpMetadataXml({ roleAttributes: ' WantAuthnRequestsSigned="false"' });
    const { body } = await create({ metadata_xml: xml, want_response_signed: true });
    expect(body.config).to.include({
      idp_entity_id: idp,
      slo_url: 'https://idp.example/slo',
      want_response_signed: true,
    });
    const [certificate] = await certificates(body.provider_id);
    expect(certificate).to.include({ source: 'metadata', status: 'active' });
    const again = await w.api<Provider>('PATCH', `${all}/${body.provider_id}`, { config: { metadata_xml: xml } });
    expect(again.body.config, 'reading it again loosens nothing').to.include({ want_response_signed: true });
  });

  it('are drafts while something is missing, and cannot be enabled', async () => {
    const { body, status } = await create(undefined);
    expect(status).to.equal(201);
    expect(body).to.include({ enabled: false, state: 'draft' });
    const path = `${all}/${body.provider_id}`;
    expect((await w.api('PATCH', path, { enabled: true })).body.code).to.equal('provider_incomplete');
    await w.api('PATCH', path, { config: { idp_entity_id: idp, sso_url: 'https://idp.example/sso' } });
    const bare = await w.api('PATCH', path, { enabled: true });
    expect([bare.status, bare.body.code], 'without a certificate').to.deep.equal([409, 'provider_incomplete']);
    await w.api('PATCH', path, { config: { certificates: [keys.idp().certificate] } });
    expect((await w.api('PATCH', path, { enabled: true })).body).to.include({ state: 'active' });
    expect((await create(manual(`${idp}/2`, { certificates: [] }), { enabled: true })).body.code).to.equal(
      'provider_incomplete',
    );
  });

  it('say so of an Idempotency-Key, too, where the transaction is an outer one', async () => {
    const body = { type: 'saml', name: 'Acme', config: manual(idp, { certificates: [] }), enabled: true };
    const answer = await w.api('POST', all, body, undefined, { 'idempotency-key': 'once' });
    expect([answer.status, answer.body.code]).to.deep.equal([409, 'provider_incomplete']);
  });

  it('are by SAML in this version', async () => {
    const { body } = await w.api('POST', all, { type: 'oidc', name: 'Google' });
    expect(body.code).to.equal('provider_type_unsupported');
    expect((await w.api('POST', all, { type: 'magic', name: 'x' })).body.code).to.equal('request_invalid');
  });

  it('SA-13: an entity ID names one connection of an organization; of several organizations it may', async () => {
    await create(manual(idp));
    const again = await create(manual(idp));
    expect([again.status, again.body.code]).to.deep.equal([409, 'provider_entity_taken']);
    const second = await create(manual(`${idp}/2`));
    const moved = await w.api('PATCH', `${all}/${second.body.provider_id}`, { config: { idp_entity_id: idp } });
    expect(moved.body.code).to.equal('provider_entity_taken');
    all = `/organizations/${await organization(w)}/identity-providers`;
    expect((await create(manual(idp))).status).to.equal(201);
  });

  it('FD-10: metadata without a usable certificate, or of several entities, is refused with the reason', async () => {
    const refused = async (metadata_xml: string) => {
      const { status, body } = await create({ metadata_xml });
      expect(status).to.equal(400);
      return body as unknown as { code: string; detail: string };
    };
    const keyless = await refused(idpMetadataXml({ keyDescriptors: '' }));
    expect(keyless).to.include({ code: 'provider_metadata_refused' });
    expect(keyless.detail).to.include('no usable signing certificate');
    const weak = await refused(idpMetadataXml({ keyDescriptors: keyDescriptor(keys.weak().certificate, 'signing') }));
    expect(weak.code).to.equal('provider_metadata_refused');
    const encryptionOnly = keyDescriptor(keys.idp().certificate, 'encryption');
    expect((await refused(idpMetadataXml({ keyDescriptors: encryptionOnly }))).code).to.equal(
      'provider_metadata_refused',
    );
    const plain = endpoint('SingleSignOnService', 'HTTP-Redirect', 'http://idp.example/sso');
    expect((await refused(idpMetadataXml({ sso: plain }))).detail).to.include('https');
    expect((await refused('<!DOCTYPE x [<!ENTITY a "b">]><x/>')).code).to.equal('provider_metadata_refused');
    expect((await refused('no xml')).code).to.equal('provider_metadata_refused');
  });

  it('take one source of trust at a time, and read values strictly', async () => {
    const code = async (config: object) => (await create(config)).body.code;
    expect(await code({ metadata_xml: idpMetadataXml(), ...manual(idp) })).to.equal('provider_config_invalid');
    expect(await code({ metadata_xml: idpMetadataXml(), metadata_url: 'https://idp.example/' })).to.equal(
      'provider_config_invalid',
    );
    expect(await code(manual(idp, { sso_url: 'javascript:alert(1)' }))).to.equal('request_invalid');
    expect(await code(manual(idp, { sso_url: 'http://idp.example/sso' }))).to.equal('request_invalid');
    expect(await code(manual(' idp '))).to.equal('request_invalid');
    expect(await code(manual(idp, { certificates: ['no certificate'] }))).to.equal('request_invalid');
    expect(await code(manual(idp, { certificates: [keys.weak().certificate] }))).to.equal('request_invalid');
    expect(await code(manual(idp, { trust_everything: true }))).to.equal('request_invalid');
    expect(await code(manual(idp, { login_hint_parameter: 'SAML Request' }))).to.equal('request_invalid');
  });

  it('SS-01: metadata is not fetched from inside', async () => {
    for (const metadata_url of [
      'http://169.254.169.254/latest',
      'https://127.0.0.2/metadata',
      'https://[::1]/',
      'file:///etc/passwd',
    ]) {
      expect((await create({ metadata_url })).body.code, metadata_url).to.equal('egress_refused');
    }
  });

  it('SA-12: have up to five certificates, which are added and retired one by one', async () => {
    const { body } = await create(manual(idp));
    const path = `${all}/${body.provider_id}/certificates`;
    const [first] = await certificates(body.provider_id);
    const lonely = await w.api('DELETE', `${path}/${first?.certificate_id}`);
    expect([lonely.status, lonely.body.code]).to.deep.equal([409, 'provider_incomplete']);
    expect((await w.api('POST', path, { pem: keys.idp().certificate })).body.code).to.equal(
      'provider_certificate_exists',
    );
    for (const pem of [keys.idpNext(), keys.ec(), keys.sp(), keys.spNext()].map((pair) => pair.certificate)) {
      expect((await w.api('POST', path, { pem })).status).to.equal(201);
    }
    expect((await w.api('POST', path, { pem: keys.attacker().certificate })).body.code).to.equal(
      'provider_certificates_too_many',
    );
    expect((await w.api('DELETE', `${path}/${first?.certificate_id}`)).status).to.equal(204);
    expect((await certificates(body.provider_id)).filter(({ status }) => status === 'active')).to.have.length(4);
    // Retired is not forgotten: it comes back when it is wanted, as the same row.
    expect((await w.api('POST', path, { pem: keys.idp().certificate })).body.certificate_id).to.equal(
      first?.certificate_id,
    );
  });

  it('audit every change of whom we believe', async () => {
    const { body } = await create(manual(idp));
    const path = `${all}/${body.provider_id}`;
    await w.api('PATCH', path, { config: { sso_url: 'https://idp.example/other' } });
    await w.api('PATCH', path, { config: { sso_url: 'https://idp.example/other' } });
    await w.api('PATCH', path, { enabled: false });
    await w.api('DELETE', path);
    const rows = await w.db('audit_logs').where({ org_id, object_type: 'identity_provider' }).orderBy('log_id');
    expect(rows.map(({ action }) => action)).to.deep.equal([
      'identity_provider.created',
      'identity_provider.updated',
      'identity_provider.disabled',
      'identity_provider.deleted',
    ]);
    expect(rows[1].details.before.config.sso[0].location).to.equal('https://idp.example/sso');
    expect(rows[1].details.after.config.sso[0].location).to.equal('https://idp.example/other');
    const added = await w.db('audit_logs').where({ org_id, action: 'identity_provider_certificate.added' });
    expect(added).to.have.length(1);
    expect(added[0].details.after.fingerprint_sha256).to.match(/^[0-9a-f]{64}$/);
  });

  it('MT-01: are not found through another organization', async () => {
    const { body } = await create(manual(idp));
    const other = `/organizations/${await organization(w)}/identity-providers/${body.provider_id}`;
    const pem = { pem: keys.ec().certificate };
    for (const [method, path, sent] of [
      ['GET', other],
      ['PATCH', other, { name: 'mine' }],
      ['DELETE', other],
      ['POST', `${other}/metadata`, {}],
      ['POST', `${other}/tests`, {}],
      ['GET', `${other}/certificates`],
      ['POST', `${other}/certificates`, pem],
    ] as const) {
      expect((await w.api(method, path, sent)).status, `${method} ${path}`).to.equal(404);
    }
    expect((await w.api('GET', `${all}/${body.provider_id}`)).body.name).to.equal('Acme');
  });

  it('disabling a connection ends the sessions that came through it', async () => {
    const { body } = await create(manual(idp));
    const { user_id } = (
      await w.api<{ user_id: string }>('POST', `/organizations/${org_id}/users`, { email: 'a@b.example' })
    ).body;
    await w.db('sessions').insert({
      session_id: '01900000-0000-7000-8000-000000000001',
      user_id,
      org_id,
      provider_id: body.provider_id,
      expires_at: new Date(Date.now() + 3_600_000),
    });
    await w.api('PATCH', `${all}/${body.provider_id}`, { enabled: false });
    expect(await w.db('sessions').first('revoked', 'revocation_reason')).to.deep.equal({
      revoked: true,
      revocation_reason: 'provider_disabled',
    });
  });
});
