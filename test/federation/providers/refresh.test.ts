/** Metadata that is read again: keys come without a gap and go late; another identity provider waits for an administrator. */
import { expect } from 'chai';
import { Call, systemActor } from '../../../src/core/call.ts';
import { readMetadata, refreshDueProviders, refreshProvider } from '../../../src/federation/providers/refresh.ts';
import { readCertificate } from '../../../src/federation/saml/certificate.ts';
import { keys } from '../../support/saml/keys.ts';
import { endpoint, idpMetadataXml, keyDescriptor } from '../../support/saml/metadata.ts';
import { type World, world } from '../../support/world.ts';
import { organization, type Provider } from '../company.ts';
import { type MetadataSite, metadataSite } from './metadata-site.ts';

const day = 24 * 3_600_000;

describe('federation/providers/refresh', () => {
  let w: World;
  let site: MetadataSite;
  let path: string;
  let provider_id: string;
  let org_id: string;

  const signing = (...pairs: { certificate: string }[]) =>
    pairs.map(({ certificate }) => keyDescriptor(certificate, 'signing')).join('');
  const xml = (...pairs: { certificate: string }[]) => idpMetadataXml({ keyDescriptors: signing(...pairs) });
  const active = async (): Promise<string[]> =>
    w
      .db('identity_provider_certificates')
      .where({ provider_id, status: 'active' })
      .orderBy('certificate_id')
      .pluck('pem');
  const pems = (...pairs: { certificate: string }[]) => pairs.map(({ certificate }) => certificate);
  const refresh = (body: object = {}) => w.api<Provider & { code: string }>('POST', `${path}/metadata`, body);
  const read = async () => (await w.api<Provider>('GET', path)).body;
  const actions = (): Promise<string[]> => w.db('audit_logs').where({ org_id }).orderBy('log_id').pluck('action');

  before(async () => {
    w = await world();
  });
  beforeEach(async () => {
    w.skew = 0;
    site = await metadataSite(xml(keys.idp()));
    org_id = await organization(w);
    const all = `/organizations/${org_id}/identity-providers`;
    const { body } = await w.api<Provider>('POST', all, {
      type: 'saml',
      name: 'A',
      config: { metadata_url: site.url },
    });
    provider_id = body.provider_id;
    path = `${all}/${provider_id}`;
  });
  afterEach(async () => {
    await w.api('DELETE', path);
    await site.close();
  });
  after(() => w.close());

  it('makes a connection from its address', async () => {
    const provider = await read();
    expect(provider).to.include({ state: 'active' });
    expect(provider.config).to.include({ metadata_url: site.url, idp_entity_id: 'https://idp.example/entity' });
    expect(provider.metadata.read_at).to.be.a('string');
    expect(await active()).to.deep.equal(pems(keys.idp()));
  });

  it('adds new certificates, and keeps one that is absent for seven days, longer while it is used', async () => {
    site.content = xml(keys.idpNext());
    await refresh();
    expect(await active(), 'both').to.deep.equal(pems(keys.idp(), keys.idpNext()));
    await w
      .db('identity_provider_certificates')
      .where({ pem: keys.idp().certificate })
      .update({ last_used_at: w.app.clock() });
    w.skew += 6 * day;
    await refreshDueProviders(w.app);
    expect(await active(), 'absent for six days').to.have.length(2);
    w.skew += 1.5 * day;
    await w
      .db('identity_provider_certificates')
      .where({ pem: keys.idp().certificate })
      .update({ last_used_at: new Date(w.app.clock().getTime() - day) });
    await refreshDueProviders(w.app);
    expect(await active(), 'used yesterday').to.have.length(2);
    w.skew += 7 * day;
    await refreshDueProviders(w.app);
    expect(await active()).to.deep.equal(pems(keys.idpNext()));
    expect(site.answered.at(-1), 'asked with the ETag').to.equal(304);
    expect(await actions()).to.include('identity_provider_certificate.retired');
    site.content = xml(keys.idp(), keys.idpNext());
    await refresh();
    expect(await active(), 'back again').to.have.length(2);
  });

  it('never takes the last certificate, nor one that an administrator added, nor brings back one that was retired', async () => {
    await w.api('POST', `${path}/certificates`, { pem: keys.ec().certificate });
    site.content = xml(keys.idpNext());
    await refresh();
    w.skew += 8 * day;
    await refresh();
    expect(await active()).to.deep.equal(pems(keys.ec(), keys.idpNext()));
    const rows = await w.db('identity_provider_certificates').where({ pem: keys.idpNext().certificate });
    expect((await w.api('DELETE', `${path}/certificates/${rows[0].certificate_id}`)).status).to.equal(204);
    await refresh();
    expect(await active()).to.deep.equal(pems(keys.ec()));
  });

  it('keeps the last certificate, although it is absent and the one that came after it was retired', async () => {
    site.content = xml(keys.idpNext());
    await refresh();
    const [next] = await w.db('identity_provider_certificates').where({ provider_id, pem: keys.idpNext().certificate });
    expect((await w.api('DELETE', `${path}/certificates/${next.certificate_id}`)).status).to.equal(204);
    w.skew += 9 * day;
    expect((await refresh()).status).to.equal(200);
    expect(await active()).to.deep.equal(pems(keys.idp()));
  });

  it('FD-10: what was read from an address that is not the connection’s any more is of no interest', async () => {
    site.content = xml(keys.attacker());
    const call = Call.begin(w.app, systemActor('test'));
    const read = await readMetadata(call, org_id, provider_id);
    await w.api('PATCH', path, { config: { metadata_url: null } });
    await refreshProvider(call, org_id, read, { accept_changes: true });
    expect(await active()).to.deep.equal(pems(keys.idp()));
  });

  it('another entity ID waits, with its keys, until an administrator accepts it', async () => {
    site.content = idpMetadataXml({ entityId: 'https://evil.example/', keyDescriptors: signing(keys.attacker()) });
    await refreshWhenDue();
    await refreshWhenDue();
    const waiting = await read();
    expect(waiting.config.idp_entity_id).to.equal('https://idp.example/entity');
    expect(waiting.metadata.pending).to.include({ idp_entity_id: 'https://evil.example/' });
    expect(await active()).to.deep.equal(pems(keys.idp()));
    expect((await actions()).filter((action) => action === 'identity_provider.metadata_pending')).to.have.length(1);
    const accepted = await refresh({ accept_changes: true });
    expect(accepted.body.config.idp_entity_id).to.equal('https://evil.example/');
    expect(accepted.body.metadata.pending).to.equal(null);
  });

  it('another host waits; another path of the same host does not', async () => {
    const at = (location: string) =>
      idpMetadataXml({ sso: endpoint('SingleSignOnService', 'HTTP-Redirect', location) });
    site.content = at('https://idp.example/new-path');
    expect((await refresh()).body.config.sso_url).to.equal('https://idp.example/new-path');
    expect(await actions()).to.include('identity_provider.updated');
    site.content = at('https://idp.example.evil.example/sso');
    expect((await refresh()).body.config.sso_url).to.equal('https://idp.example/new-path');
    expect((await read()).metadata.pending).not.to.equal(null);
    site.content = at('https://idp.example/new-path');
    expect((await refresh()).body.metadata.pending, 'taken back').to.equal(null);
  });

  it('SA-13: an entity ID that another connection has is not taken over, by file, by address or by an administrator’s word', async () => {
    const all = path.slice(0, path.lastIndexOf('/'));
    const made = (config: object) =>
      w.api<Provider & { code: string }>('POST', all, { type: 'saml', name: 'B', config });
    for (const config of [{ metadata_xml: xml(keys.ec()) }, { metadata_url: site.url }]) {
      const { status, body } = await made(config);
      expect([status, body.code]).to.deep.equal([409, 'provider_entity_taken']);
    }
    const own = idpMetadataXml({ entityId: 'https://other.example/', keyDescriptors: signing(keys.ec()) });
    const second = (await made({ metadata_xml: own })).body.provider_id;
    const changed = await w.api('PATCH', `${all}/${second}`, { config: { metadata_url: site.url } });
    expect([changed.status, changed.body.code]).to.deep.equal([409, 'provider_entity_taken']);
    site.content = own;
    const accepted = await refresh({ accept_changes: true });
    expect([accepted.status, accepted.body.code]).to.deep.equal([409, 'provider_entity_taken']);
    expect((await read()).config.idp_entity_id).to.equal('https://idp.example/entity');
    expect(await active())
      .to.include(keys.idp().certificate)
      .and.not.include(keys.attacker().certificate);
    await w.api('DELETE', `${all}/${second}`);
  });

  it('SA-03, SA-13: what an address answers is read as strictly as a file, and no more than 2 MiB of it', async () => {
    for (const [content, code] of [
      [`<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>${xml(keys.attacker())}`, 'provider_metadata_refused'],
      [`${xml(keys.attacker())}${' '.repeat(2 * 1024 * 1024)}`, 'egress_failed'],
      [
        `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">${xml(keys.attacker())}</md:EntitiesDescriptor>`,
        'provider_metadata_refused',
      ],
      [
        idpMetadataXml({
          keyDescriptors: signing(keys.attacker()),
          entityAttributes: ' validUntil="2026-01-01T00:00:00Z"',
        }),
        'provider_metadata_refused',
      ],
      ['<html>', 'provider_metadata_refused'],
      [404, 'egress_failed'],
    ] as const) {
      site.content = content;
      const { status, body } = await refresh();
      expect([status >= 400, body.code], String(content).slice(0, 60)).to.deep.equal([true, code]);
      expect(await active()).to.deep.equal(pems(keys.idp()));
    }
  });

  it('SA-12, FD-10: who brought a key, and who let it go, is in the audit log', async () => {
    site.content = xml(keys.idpNext());
    await refreshWhenDue();
    await w.api('POST', `${path}/certificates`, { pem: keys.ec().certificate });
    const [mine] = await w.db('identity_provider_certificates').where({ provider_id, pem: keys.ec().certificate });
    await w.api('DELETE', `${path}/certificates/${mine.certificate_id}`);
    const rows = await w
      .db('audit_logs')
      .where({ org_id })
      .whereLike('action', 'identity_provider_certificate.%')
      .orderBy('log_id');
    const told = rows.map(({ action, actor_type, details }) => {
      const { source, fingerprint_sha256 } = details.after ?? details.before;
      return [action.split('.')[1], actor_type, source, fingerprint_sha256];
    });
    const print = ({ certificate }: { certificate: string }) => readCertificate(certificate).fingerprint;
    const [{ actor_type: administrator }] = await w
      .db('audit_logs')
      .where({ action: 'identity_provider.created', org_id });
    expect(administrator).not.to.equal('system');
    expect(told).to.deep.equal([
      ['added', administrator, 'metadata', print(keys.idp())],
      ['added', 'system', 'metadata', print(keys.idpNext())],
      ['added', administrator, 'manual', print(keys.ec())],
      ['retired', administrator, 'manual', print(keys.ec())],
    ]);
  });

  it('FD-10: an answer to a logout would go to another host: that waits as well', async () => {
    const slo = (location: string, back: string) =>
      endpoint('SingleLogoutService', 'HTTP-Redirect', location).replace('/>', ` ResponseLocation="${back}"/>`);
    for (const [location, back] of [
      ['https://evil.example/slo', 'https://idp.example/back'],
      ['https://idp.example/slo', 'https://evil.example/back'],
    ] as const) {
      site.content = idpMetadataXml({ slo: slo(location, back), keyDescriptors: signing(keys.attacker()) });
      const { body } = await refresh();
      expect(body.metadata.pending, `${location} ${back}`).not.to.equal(null);
      expect(body.config.slo_url).to.equal('https://idp.example/slo');
      expect(await active()).to.deep.equal(pems(keys.idp()));
    }
  });

  it('keeps the last good copy when reading fails, and says so once', async () => {
    for (const content of [500, 'no xml', xml({ certificate: keys.weak().certificate })]) {
      site.content = content;
      await refreshWhenDue();
    }
    const provider = await read();
    expect(provider.metadata.problem).to.be.a('string');
    expect(provider).to.include({ state: 'active' });
    expect(await active()).to.deep.equal(pems(keys.idp()));
    expect((await actions()).filter((action) => action === 'identity_provider.metadata_failed')).to.have.length(1);
    site.content = xml(keys.idp());
    await refreshWhenDue();
    expect((await read()).metadata.problem).to.equal(null);
    site.content = 500;
    expect((await refresh()).body.code, 'by hand').to.equal('egress_failed');
  });

  it('reads each connection about once a day, by one process', async () => {
    site.answered.length = 0;
    await refreshDueProviders(w.app);
    expect(site.answered, 'read just now').to.have.length(0);
    w.skew += 25 * 3_600_000;
    await Promise.all([refreshDueProviders(w.app), refreshDueProviders(w.app)]);
    expect(site.answered).to.deep.equal([304]);
  });

  it('has an address only when it was given one', async () => {
    await w.api('PATCH', path, { config: { metadata_url: null } });
    expect((await refresh()).body.code).to.equal('provider_metadata_missing');
    expect(await active()).to.deep.equal(pems(keys.idp()));
  });

  it('warns of certificates that end, once at each step', async () => {
    const expiring = () =>
      w.db('audit_logs').where({ org_id, action: 'identity_provider_certificate.expiring' }).orderBy('log_id');
    await w.db('identity_provider_certificates').update({ not_after: new Date(w.app.clock().getTime() + 40.5 * day) });
    await refreshDueProviders(w.app);
    await refreshDueProviders(w.app);
    expect((await expiring()).map(({ details }) => details.days)).to.deep.equal([40]);
    w.skew += 11 * day;
    await refreshDueProviders(w.app);
    w.skew += 29 * day;
    await refreshDueProviders(w.app);
    await refreshDueProviders(w.app);
    expect((await expiring()).map(({ details }) => details.days)).to.deep.equal([40, 29, 0]);
  });

  async function refreshWhenDue(): Promise<void> {
    w.skew += 1.1 * day;
    await refreshDueProviders(w.app);
  }
});
