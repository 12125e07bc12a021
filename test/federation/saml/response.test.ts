/**
 * Responses of an identity provider: what is believed, and by which code the rest is refused. Over 300 lines because it follows the
 * checks in their order.
 */
import { expect } from 'chai';
import { SignedXml } from 'xml-crypto';
import { type ResponseOptions, verifyResponse } from '../../../src/federation/saml/response.ts';
import { enc } from '../../support/saml/encrypt.ts';
import { keys } from '../../support/saml/keys.ts';
import {
  at,
  attribute,
  encodePost,
  expectations,
  idpEntityId,
  type MessageOptions,
  now,
  responseXml,
  spEntityId,
} from '../../support/saml/messages.ts';
import { leastCost } from '../../support/effort.ts';
import { products } from '../../support/saml/products.ts';
import { uri } from '../../support/saml/sign.ts';

function verify(message: MessageOptions, changes: Partial<ResponseOptions> = {}) {
  return verifyResponse(encodePost(responseXml(message)), expectations(changes));
}

function accepted(message: MessageOptions, changes: Partial<ResponseOptions> = {}) {
  const result = verify(message, changes);
  if (!result.ok) throw new Error(`${result.code} ${JSON.stringify(result.checks.at(-1))}`);
  return result.identity;
}

function refused(message: MessageOptions, changes: Partial<ResponseOptions> = {}): string {
  const result = verify(message, changes);
  return result.ok ? 'accepted' : result.code;
}

describe('verifyResponse', () => {
  it('reads every field of the identity from what was signed', () => {
    expect(accepted({ sign: 'both', sessionNotOnOrAfter: at(3600) })).to.deep.include({
      subject: 'u-4711',
      subject_source: 'name_id',
      name_id: 'u-4711',
      name_id_format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
      name_qualifier: null,
      sp_name_qualifier: null,
      session_index: '_s1',
      session_not_on_or_after: new Date(now + 3_600_000),
      authn_instant: new Date(now - 5000),
      authn_context_class_ref: 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport',
      attributes: { email: ['ada@acme.example'], groups: ['staff', 'admins'] },
      assertion_id: '_a1',
      assertion_expires_at: new Date(now + 300_000),
      in_response_to: '_q1',
    });
  });

  it('tells every check it made, and no personal data in any', () => {
    const good = verify({ sign: 'both' });
    expect(good.checks.every((check) => check.ok)).to.equal(true);
    expect(good.checks.map((check) => check.check)).to.include.members([
      'status',
      'response signature',
      'assertion signature',
      'audience',
      'request',
    ]);
    const bad = verify({ audience: 'https://other.example/' });
    expect(bad.checks.at(-1)).to.deep.equal({
      check: 'audience',
      ok: false,
      code: 'audience',
      detail: `expected ${spEntityId}, received https://other.example/`,
    });
    expect(JSON.stringify([good.checks, bad.checks])).to.not.match(/4711|ada@/);
  });

  describe('signatures', () => {
    for (const method of [uri.rsaSha256, uri.rsaSha384, uri.rsaSha512, uri.pssSha256]) {
      it(`SA-04: accepts ${method}`, () => {
        for (const digest of [uri.sha256, uri.sha384, uri.sha512]) {
          const options = { method, digest };
          expect(accepted({ sign: 'both', assertionSignature: options, responseSignature: options }).subject).to.equal(
            'u-4711',
          );
        }
      });
    }

    it('SA-04: accepts ECDSA with a P-256 key', () => {
      const options = { method: uri.ecdsaSha256, privateKey: keys.ec().privateKey };
      expect(accepted({ assertionSignature: options }, { certificates: [keys.ec().certificate] }).subject).to.equal(
        'u-4711',
      );
    });

    it('SA-12: takes any pinned certificate, whatever KeyInfo says, and reports whose key it was', () => {
      const certificates = [keys.idp().certificate, keys.idpNext().certificate];
      const one = accepted({}, { certificates });
      const other = accepted(
        { assertionSignature: { privateKey: keys.idpNext().privateKey, keyInfo: null } },
        { certificates },
      );
      expect(one.certificate_fingerprint).to.not.equal(other.certificate_fingerprint);
    });

    it('SA-12: goes on with the good certificate when others are too weak or do not parse', () => {
      expect(
        accepted({}, { certificates: ['', 'x', keys.weak().certificate, keys.idp().certificate] }).subject,
      ).to.equal('u-4711');
    });

    it('accepts an InclusiveNamespaces list, as Okta and Shibboleth send', () => {
      const attributes =
        '<saml:AttributeStatement xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">' +
        '<saml:Attribute Name="mail"><saml:AttributeValue xsi:type="xs:string">ada@acme.example</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>';
      expect(
        accepted({ sign: 'both', attributes, assertionSignature: { inclusivePrefixes: ['xs'] } }).attributes,
      ).to.deep.equal({ mail: ['ada@acme.example'] });
    });

    it('accepts what xml-crypto signs by itself', () => {
      const sig = new SignedXml({
        privateKey: keys.idp().privateKey,
        signatureAlgorithm: uri.rsaSha256,
        canonicalizationAlgorithm: uri.exclusive as 'http://www.w3.org/2001/10/xml-exc-c14n#',
      });
      sig.addReference({
        xpath: "//*[local-name(.)='Assertion']",
        transforms: [uri.enveloped, uri.exclusive],
        digestAlgorithm: uri.sha256,
      });
      sig.computeSignature(responseXml({ sign: 'none' }), {
        prefix: 'ds',
        location: { reference: "//*[local-name(.)='Assertion']/*[local-name(.)='Issuer']", action: 'after' },
      });
      const result = verifyResponse(encodePost(sig.getSignedXml()), expectations());
      expect(result.ok ? result.identity.subject : result.code).to.equal('u-4711');
    });

    it('accepts base64 in lines, white space between elements, and CRLF line ends', () => {
      const pretty = (xml: string): string =>
        xml
          .replace('<samlp:Status>', '\r\n  <samlp:Status>\r\n')
          .replace('</samlp:Response>', '\r\n</samlp:Response>\r\n');
      const lines = (xml: string): string => encodePost(xml).replace(/(.{76})/g, '$1\r\n');
      const result = verifyResponse(
        lines(`<?xml version="1.0" encoding="UTF-8"?>\r\n${responseXml({ tamper: pretty })}`),
        expectations(),
      );
      expect(result.ok ? result.identity.subject : result.code).to.equal('u-4711');
    });
  });

  describe('encryption', () => {
    for (const content of [enc.aes128Gcm, enc.aes256Gcm]) {
      it(`SA-05: decrypts ${content}`, () => expect(accepted({ encrypt: { content } }).subject).to.equal('u-4711'));
    }

    it('SA-05: decrypts AES-CBC only where it is allowed, under an outer signature or a rate limit', () => {
      const encrypt = { content: enc.aes256Cbc };
      expect(accepted({ encrypt, sign: 'both' }, { policy: { allowCbc: true } }).subject).to.equal('u-4711');
      expect(accepted({ encrypt }, { policy: { allowCbc: true, failuresAreRateLimited: true } }).subject).to.equal(
        'u-4711',
      );
      expect(refused({ encrypt }, { policy: { allowCbc: true } })).to.equal('encrypted.cbc');
      expect(refused({ encrypt, sign: 'both' })).to.equal('encrypted.cbc');
    });

    it('SA-05: decrypts with OAEP of SHA-256 in both places', () => {
      const transportChildren =
        `<ds:DigestMethod xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Algorithm="${uri.sha256}"/>` +
        '<xenc11:MGF xmlns:xenc11="http://www.w3.org/2009/xmlenc11#" Algorithm="http://www.w3.org/2009/xmlenc11#mgf1sha256"/>';
      expect(accepted({ encrypt: { transport: enc.oaep, transportChildren, oaepHash: 'sha256' } }).subject).to.equal(
        'u-4711',
      );
    });

    it('SA-12: decrypts with either of our keys during a rollover', () => {
      const decryptionKeys = [keys.spNext().privateKey, keys.sp().privateKey];
      expect(accepted({ encrypt: {} }, { decryptionKeys }).subject).to.equal('u-4711');
      expect(accepted({ encrypt: { certificate: keys.spNext().certificate } }, { decryptionKeys }).subject).to.equal(
        'u-4711',
      );
    });

    it('finds our EncryptedKey among others, inside KeyInfo or beside the data', () => {
      expect(accepted({ encrypt: { otherRecipients: [keys.attacker().certificate] } }).subject).to.equal('u-4711');
      expect(accepted({ encrypt: { keyBeside: true } }).subject).to.equal('u-4711');
    });

    it('decrypts a plaintext that leans on the namespaces around it, or has an XML declaration', () => {
      const lean = (xml: string): string => xml.replace(' xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"', '');
      expect(accepted({ encrypt: {}, tamperAssertion: lean }).subject).to.equal('u-4711');
      expect(accepted({ encrypt: {}, tamperAssertion: (xml) => `<?xml version="1.0"?>${xml}` }).subject).to.equal(
        'u-4711',
      );
    });
  });

  describe('what is expected', () => {
    it('SA-08: takes any request id when the caller consumes it afterwards, and says which', () => {
      expect(accepted({ inResponseTo: '_any' }, { request: { kind: 'solicited' } }).in_response_to).to.equal('_any');
      expect(
        refused({ inResponseTo: '_any', confirmationInResponseTo: '_q1' }, { request: { kind: 'solicited' } }),
      ).to.equal('in_response_to');
    });

    it('SA-08: accepts an unsolicited response only where it is expected', () => {
      const unsolicited = { inResponseTo: null, confirmationInResponseTo: null };
      expect(accepted(unsolicited, { request: { kind: 'idp_initiated' } }).in_response_to).to.equal(null);
      expect(refused(unsolicited, { request: { kind: 'solicited' } })).to.equal('unsolicited');
    });

    it('SA-06: tolerates clocks that differ by the skew, and not more', () => {
      expect(accepted({ notOnOrAfter: at(-179), confirmationNotOnOrAfter: at(-179) }).subject).to.equal('u-4711');
      expect(refused({ notOnOrAfter: at(-180), confirmationNotOnOrAfter: at(300) })).to.equal('expired');
      expect(accepted({ notBefore: at(180), issueInstant: at(180), assertionIssueInstant: at(180) }).subject).to.equal(
        'u-4711',
      );
      expect(refused({ notBefore: at(181) })).to.equal('not_yet_valid');
      expect(refused({ notOnOrAfter: at(-10) }, { skewSeconds: 5 })).to.equal('expired');
    });

    it('refuses a skew over five minutes as a programming error', () => {
      expect(() => verify({}, { skewSeconds: 301 })).to.throw(TypeError, 'skew');
    });

    it('SA-06: one bearer confirmation that holds is enough', () => {
      const good =
        /<saml:SubjectConfirmation [\s\S]*<\/saml:SubjectConfirmation>/.exec(responseXml({ sign: 'none' }))?.[0] ?? '';
      const confirmation = good.replace(/Recipient="[^"]+"/, 'Recipient="https://other.example/"') + good;
      expect(accepted({ confirmation }).subject).to.equal('u-4711');
    });

    it('SA-07: the id is remembered for as long as any confirmation of the assertion could be believed', () => {
      const until = (seconds: number) =>
        /<saml:SubjectConfirmation [\s\S]*<\/saml:SubjectConfirmation>/
          .exec(responseXml({ sign: 'none' }))?.[0]
          .replace(/NotOnOrAfter="[^"]+"/, `NotOnOrAfter="${at(seconds)}"`) ?? '';
      const message = { confirmation: until(10) + until(500), notOnOrAfter: at(500) };
      const kept = accepted(message).assertion_expires_at.getTime() + 180_000;
      // The last moment at which it passes, by the second confirmation.
      expect(accepted(message, { now: now + 679_000 }).assertion_id).to.equal('_a1');
      expect(refused(message, { now: now + 680_000 })).to.equal('expired');
      expect(kept).to.be.at.least(now + 680_000);
      // Without end by its Conditions it ends by its age, and need not be kept for years.
      const endless = { notOnOrAfter: at(1e8), confirmationNotOnOrAfter: at(1e8) };
      expect(accepted(endless).assertion_expires_at.getTime()).to.equal(now - 2_000 + 600_000);
      expect(refused(endless, { now: now - 2_000 + 780_001 })).to.equal('issue_instant');
    });

    it('SA-06: OneTimeUse and a limit for proxies ask nothing more of us; several audiences may name others too', () => {
      const restriction = (...names: string[]) =>
        `<saml:AudienceRestriction>${names.map((name) => `<saml:Audience>${name}</saml:Audience>`).join('')}</saml:AudienceRestriction>`;
      const conditions =
        `<saml:Conditions NotOnOrAfter="${at(300)}">${restriction('https://other.example/', spEntityId)}` +
        `${restriction(spEntityId)}<saml:OneTimeUse/><saml:ProxyRestriction Count="0"/></saml:Conditions>`;
      expect(accepted({ conditions }).subject).to.equal('u-4711');
    });

    it('SA-06: honours ForceAuthn and a requested context', () => {
      const request = {
        kind: 'solicited' as const,
        reauthenticatedSince: now - 30_000,
        authnContexts: ['urn:x', 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport'],
      };
      expect(accepted({ authnInstant: at(-20) }, { request }).subject).to.equal('u-4711');
    });

    it('reports the identity provider’s own refusal with its two status codes', () => {
      const status =
        '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder"><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"/></samlp:StatusCode>';
      const xml = responseXml({ sign: 'none', status }).replace(/<saml:Assertion [\s\S]*<\/saml:Assertion>/, '');
      expect(verifyResponse(encodePost(xml), expectations())).to.deep.include({
        ok: false,
        code: 'status',
        status: {
          code: 'urn:oasis:names:tc:SAML:2.0:status:Responder',
          subcode: 'urn:oasis:names:tc:SAML:2.0:status:AuthnFailed',
        },
      });
    });
  });

  describe('subjects and attributes', () => {
    it('FD-01: takes the subject from the attribute that the connection names, even without a NameID', () => {
      const attributes = `<saml:AttributeStatement>${attribute('employee', ['E-1'])}</saml:AttributeStatement>`;
      const policy = { subjectAttribute: 'employee' };
      expect(accepted({ attributes, nameId: null }, { policy })).to.deep.include({
        subject: 'E-1',
        subject_source: 'attribute',
        name_id: null,
      });
      const transient = '<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:transient">_t</saml:NameID>';
      expect(accepted({ attributes, nameId: transient }, { policy })).to.deep.include({
        subject: 'E-1',
        name_id: '_t',
      });
    });

    it('keeps the qualifiers of a persistent NameID that are ours and the identity provider’s', () => {
      const nameId = `<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" NameQualifier="${idpEntityId}" SPNameQualifier="${spEntityId}">u</saml:NameID>`;
      expect(accepted({ nameId })).to.deep.include({
        name_qualifier: idpEntityId,
        sp_name_qualifier: spEntityId,
        subject: 'u',
      });
    });

    it('keeps Unicode, escapes and line breaks of values as they were signed', () => {
      const attributes = `<saml:AttributeStatement>${attribute('name', ['Zoë &amp; &lt;b&gt; &#x1F600;', 'a&#13;b'])}</saml:AttributeStatement>`;
      expect(accepted({ attributes, sign: 'both' }).attributes).to.deep.equal({ name: ['Zoë & <b> 😀', 'a\rb'] });
    });

    it('merges repeated attributes, leaves out what is no text, and reads the NameID of eduPersonTargetedID', () => {
      const attributes =
        '<saml:AttributeStatement>' +
        attribute('groups', ['a']) +
        attribute('groups', ['b', ' ']) +
        '<saml:Attribute Name="odd"><saml:AttributeValue><x:y xmlns:x="urn:x">no</x:y></saml:AttributeValue>' +
        '<saml:AttributeValue>admin<x:y xmlns:x="urn:x"/>istrator</saml:AttributeValue></saml:Attribute>' +
        '<saml:Attribute Name="tid"><saml:AttributeValue><saml:NameID>t-1</saml:NameID></saml:AttributeValue></saml:Attribute>' +
        attribute('__proto__', ['x']) +
        '</saml:AttributeStatement>';
      const found = accepted({ attributes }).attributes;
      expect(Object.entries(found)).to.deep.equal([
        ['groups', ['a', 'b']],
        ['odd', []],
        ['tid', ['t-1']],
        ['__proto__', ['x']],
      ]);
    });
  });

  describe('shapes of products', () => {
    for (const product of products) {
      it(product.name, () => {
        const result = verifyResponse(encodePost(product.xml()), expectations({ ...product.expected }));
        if (!result.ok) throw new Error(`${result.code} ${JSON.stringify(result.checks.at(-1))}`);
        expect(result.identity.subject).to.equal(product.subject);
      });
    }
  });

  it('SA-15: reads 500 attributes in tens of milliseconds', () => {
    const attributes = `<saml:AttributeStatement>${Array.from({ length: 500 }, (_n, i) => attribute(`a${i}`, ['value', 'other'])).join('')}</saml:AttributeStatement>`;
    const field = encodePost(responseXml({ sign: 'both', attributes }));
    verifyResponse(field, expectations());
    const read = () => expect(verifyResponse(field, expectations())).to.have.property('ok', true);
    expect(leastCost(read, { milliseconds: 500 }).milliseconds).to.be.below(500);
  });
});
