import { expect } from 'chai';
import { isEndpointUrl } from '../../../src/federation/saml/endpoint-url.ts';
import { readIdpMetadata } from '../../../src/federation/saml/metadata.ts';
import { certificateBody } from '../../../src/federation/saml/certificate.ts';
import { keys } from '../../support/saml/keys.ts';
import { idpEntityId, now } from '../../support/saml/messages.ts';
import { buildSignature } from '../../support/saml/sign.ts';
import { endpoint, idpMetadataXml, keyDescriptor, type MetadataParts } from '../../support/saml/metadata.ts';

function read(parts: MetadataParts = {}, allowHttpLoopback = false) {
  return readIdpMetadata(idpMetadataXml(parts), { now, allowHttpLoopback });
}
function accepted(parts: MetadataParts = {}, allowHttpLoopback = false) {
  const result = read(parts, allowHttpLoopback);
  if (!result.ok) throw new Error(`${result.code} ${result.detail}`);
  return result.metadata;
}
function refused(parts: MetadataParts): string {
  const result = read(parts);
  return result.ok ? 'accepted' : result.code;
}

describe('readIdpMetadata', () => {
  it('reads entity, endpoints, certificates and wishes', () => {
    const metadata = accepted();
    expect(metadata).to.deep.include({
      entity_id: idpEntityId,
      sso: [
        { binding: 'redirect', location: 'https://idp.example/sso', response_location: null },
        { binding: 'post', location: 'https://idp.example/sso', response_location: null },
      ],
      slo: [{ binding: 'redirect', location: 'https://idp.example/slo', response_location: null }],
      want_authn_requests_signed: true,
      name_id_formats: ['urn:oasis:names:tc:SAML:2.0:nameid-format:persistent'],
      valid_until: null,
    });
    expect(metadata.certificates.map((certificate) => certificate.pem)).to.deep.equal([keys.idp().certificate]);
  });

  it('SA-12: reads both certificates of a rollover, each once', () => {
    const two = keyDescriptor(keys.idp().certificate, 'signing') + keyDescriptor(keys.idpNext().certificate, 'signing');
    expect(accepted({ keyDescriptors: two + keyDescriptor(keys.idp().certificate) }).certificates).to.have.length(2);
  });

  it('FD-10: a key without use signs too; a key for encryption never does', () => {
    expect(accepted({ keyDescriptors: keyDescriptor(keys.idp().certificate) }).certificates).to.have.length(1);
    expect(refused({ keyDescriptors: keyDescriptor(keys.idp().certificate, 'encryption') })).to.equal(
      'metadata.certificate',
    );
  });

  const keyInfo = (inner: string): MetadataParts => ({
    keyDescriptors: `<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">${inner}</ds:KeyInfo></md:KeyDescriptor>`,
  });
  const role = (attributes: string): MetadataParts => ({
    role: (inner) => `<md:IDPSSODescriptor ${attributes}>${inner}</md:IDPSSODescriptor>`,
  });
  const sixKeys = (): string =>
    [keys.idp(), keys.idpNext(), keys.sp(), keys.spNext(), keys.ec(), keys.attacker()]
      .map(({ certificate }) => keyDescriptor(certificate, 'signing'))
      .join('');
  const refusals: [string, string, MetadataParts][] = [
    ['FD-10: no key at all', 'metadata.certificate', { keyDescriptors: '' }],
    ['FD-10: only a KeyName', 'metadata.certificate', keyInfo('<ds:KeyName>x</ds:KeyName>')],
    [
      'FD-10: only a KeyValue',
      'metadata.certificate',
      keyInfo(
        '<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQAB</ds:Modulus><ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>',
      ),
    ],
    [
      'FD-10: an empty certificate',
      'metadata.certificate',
      keyInfo('<ds:X509Data><ds:X509Certificate></ds:X509Certificate></ds:X509Data>'),
    ],
    [
      'FD-10: a certificate that is none',
      'metadata.certificate',
      keyInfo('<ds:X509Data><ds:X509Certificate>AAAA</ds:X509Certificate></ds:X509Data>'),
    ],
    [
      'FD-10: a key of 1024 bits only',
      'metadata.certificate',
      { keyDescriptors: keyDescriptor(keys.weak().certificate, 'signing') },
    ],
    ['SA-13: a federation’s aggregate', 'metadata.aggregate', {}],
    [
      'no identity provider',
      'metadata.role',
      {
        role: (inner) =>
          `<md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">${inner}</md:SPSSODescriptor>`,
      },
    ],
    [
      'another protocol only',
      'metadata.role',
      role('protocolSupportEnumeration="urn:oasis:names:tc:SAML:1.1:protocol"'),
    ],
    [
      'two identity providers',
      'metadata.role',
      {
        role: (inner) =>
          `<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">${inner}</md:IDPSSODescriptor>`.repeat(
            2,
          ),
      },
    ],
    ['an empty entity ID', 'metadata.entity_id', { entityId: ' ' }],
    ['an entity ID of 1,025 characters', 'metadata.entity_id', { entityId: 'x'.repeat(1025) }],
    [
      'an http sign-on URL',
      'metadata.sso_url',
      { sso: endpoint('SingleSignOnService', 'HTTP-Redirect', 'http://idp.example/sso') },
    ],
    [
      'an http sign-on URL on loopback, without the setting',
      'metadata.sso_url',
      { sso: endpoint('SingleSignOnService', 'HTTP-Redirect', 'http://127.0.0.1/sso') },
    ],
    [
      'a javascript sign-on URL',
      'metadata.sso_url',
      { sso: endpoint('SingleSignOnService', 'HTTP-Redirect', 'javascript:alert(1)') },
    ],
    [
      'a sign-on URL with credentials',
      'metadata.sso_url',
      { sso: endpoint('SingleSignOnService', 'HTTP-Redirect', 'https://a:b@idp.example/') },
    ],
    [
      'only SOAP and Artifact',
      'metadata.sso_url',
      {
        sso:
          endpoint('SingleSignOnService', 'SOAP', 'https://idp.example/') +
          endpoint('SingleSignOnService', 'HTTP-Artifact', 'https://idp.example/'),
      },
    ],
    ['past its validUntil', 'metadata.expired', { entityAttributes: ' validUntil="2026-01-01T00:00:00Z"' }],
    [
      'at the very moment of its validUntil',
      'metadata.expired',
      { entityAttributes: ` validUntil="${new Date(now).toISOString()}"` },
    ],
    [
      'a role past its validUntil, in an entity that is not',
      'metadata.expired',
      {
        entityAttributes: ' validUntil="2100-01-01T00:00:00Z"',
        roleAttributes: ' validUntil="2026-01-01T00:00:00Z"',
      },
    ],
    ['a validUntil that is no time', 'message.time_format', { entityAttributes: ' validUntil="never"' }],
    ['FD-10: more than five keys', 'metadata.certificate', { keyDescriptors: sixKeys() }],
    [
      'FD-10: a certificate that a comment cuts',
      'metadata.certificate',
      {
        keyDescriptors: keyDescriptor(keys.idp().certificate, 'signing').replace(
          /(<ds:X509Certificate>.{40})/,
          '$1<!-- -->',
        ),
      },
    ],
    ['SA-03: a DOCTYPE', 'message.doctype', { before: '<!DOCTYPE x [<!ENTITY a "b">]>' }],
    [
      'SA-03: a CDATA section',
      'message.cdata',
      { after: '<md:Extensions><x:y xmlns:x="urn:x"><![CDATA[x]]></x:y></md:Extensions>' },
    ],
  ];
  for (const [name, code, parts] of refusals) {
    it(`refuses ${name}: ${code}`, () => {
      if (code !== 'metadata.aggregate') expect(refused(parts)).to.equal(code);
      else {
        const text = `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">${idpMetadataXml()}</md:EntitiesDescriptor>`;
        expect(readIdpMetadata(text, { now })).to.deep.equal({ ok: false, code });
      }
    });
  }

  it('FD-10: an entity of the same name in another namespace is none', () => {
    const text = idpMetadataXml()
      .replaceAll('md:EntityDescriptor', 'x:EntityDescriptor')
      .replace(' xmlns:md', ' xmlns:x="urn:x" xmlns:md');
    expect(readIdpMetadata(text, { now })).to.include({ ok: false, code: 'metadata.role' });
  });

  it('FD-10: of a chain the first certificate is the key’s; who signed the file is nobody’s key', () => {
    const chain = keyDescriptor(keys.idp().certificate, 'signing').replace(
      '</ds:X509Certificate>',
      `</ds:X509Certificate><ds:X509Certificate>${certificateBody(keys.attacker().certificate)}</ds:X509Certificate>`,
    );
    const signature = buildSignature('47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=', '#_m', {
      privateKey: keys.attacker().privateKey,
      certificate: keys.attacker().certificate,
    });
    const xml = idpMetadataXml({ keyDescriptors: chain, entityAttributes: ' ID="_m"' });
    const result = readIdpMetadata(xml.replace('<md:IDPSSODescriptor', `${signature}<md:IDPSSODescriptor`), { now });
    expect(result.ok && result.metadata.certificates.map(({ pem }) => pem)).to.deep.equal([keys.idp().certificate]);
  });

  it('FD-10: logout goes to https addresses only, and answers to it as well', () => {
    const slo = (location: string, more = '') =>
      endpoint('SingleLogoutService', 'HTTP-Redirect', location).replace('/>', `${more}/>`);
    const good = slo('https://idp.example/slo', ' ResponseLocation="https://idp.example/back"');
    const back = {
      binding: 'redirect',
      location: 'https://idp.example/slo',
      response_location: 'https://idp.example/back',
    };
    for (const bad of [
      slo('http://idp.example/slo'),
      slo('javascript:alert(1)'),
      slo('https://idp.example/slo', ' ResponseLocation="http://idp.example/back"'),
      slo('https://idp.example/slo', ' ResponseLocation="javascript:alert(1)"'),
    ]) {
      expect(accepted({ slo: bad + good }).slo, bad).to.deep.equal([back]);
    }
  });

  it('SA-13: refuses more than 2 MiB before parsing it', () => {
    expect(readIdpMetadata(`${idpMetadataXml()}${' '.repeat(2 * 1024 * 1024)}`, { now })).to.deep.equal({
      ok: false,
      code: 'metadata.too_large',
    });
  });

  it('reads only the SAML 2.0 identity provider among other roles, as Entra and AD FS write them, after a byte order mark', () => {
    const attackersKey = keyDescriptor(keys.attacker().certificate, 'signing');
    const others =
      `<md:RoleDescriptor xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:fed="http://docs.oasis-open.org/wsfed/federation/200706" xsi:type="fed:SecurityTokenServiceType" protocolSupportEnumeration="http://docs.oasis-open.org/wsfed/federation/200706">${attackersKey}</md:RoleDescriptor>` +
      `<md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">${attackersKey}</md:SPSSODescriptor>`;
    const text = `\ufeff<?xml version="1.0" encoding="utf-8"?>\r\n<!-- exported -->\r\n${idpMetadataXml({ after: others })}`;
    const result = readIdpMetadata(text, { now });
    expect(result.ok && result.metadata.certificates.map((certificate) => certificate.pem)).to.deep.equal([
      keys.idp().certificate,
    ]);
  });

  it('keeps a sign-on URL with a query string, as Google gives it, and http on loopback by the setting', () => {
    const google = 'https://accounts.google.example/o/saml2/idp?idpid=C01abc234';
    expect(accepted({ sso: endpoint('SingleSignOnService', 'HTTP-Redirect', google) }).sso[0]?.location).to.equal(
      google,
    );
    const local = 'http://127.0.0.1:8080/sso';
    expect(accepted({ sso: endpoint('SingleSignOnService', 'HTTP-Redirect', local) }, true).sso[0]?.location).to.equal(
      local,
    );
  });

  it('judges endpoint addresses exactly', () => {
    for (const good of ['https://idp.example', 'https://idp.example:8443/x?y=z'])
      expect(isEndpointUrl(good), good).to.equal(true);
    for (const bad of [
      '',
      'idp.example',
      '//idp.example',
      'https://u@idp.example/',
      'https://idp.example/#x',
      'ftp://idp.example/',
      'data:text/html,x',
      `https://idp.example/${'x'.repeat(2048)}`,
    ]) {
      expect(isEndpointUrl(bad, true), bad).to.equal(false);
    }
    for (const loopback of ['http://localhost/x', 'http://[::1]/', 'http://127.9.9.9/'])
      expect([isEndpointUrl(loopback), isEndpointUrl(loopback, true)]).to.deep.equal([false, true]);
    for (const not of ['http://localhost.attacker.example/', 'http://127.0.0.1.attacker.example/', 'http://10.0.0.1/'])
      expect(isEndpointUrl(not, true), not).to.equal(false);
  });
});
