/** Wrapping and structure: changes of the finished message. */
import { encryptAssertion } from '../encrypt.ts';
import { keys } from '../keys.ts';
import { buildSignature } from '../sign.ts';
import { clear, type Mutant } from './mutant.ts';
import {
  assertionOf,
  evil,
  hiddenInfo,
  insertInto,
  payload,
  signatureOf,
  tampered,
  withoutSignature,
} from './tampered.ts';

export const wrappingMutants: Mutant[] = [
  tampered(
    'SA-01',
    'XSW1: a forged response with the signed one inside its signature',
    'message.schema',
    (xml) => {
      const forged = xml
        .replace('ID="_r1"', 'ID="_evil"')
        .replace('ID="_a1"', 'ID="_evil2"')
        .replace('u-4711', 'admin');
      return forged.replace('</ds:Signature>', `${withoutSignature(xml)}</ds:Signature>`);
    },
    (form) => form.responseSigned,
  ),
  tampered(
    'SA-01',
    'XSW2: a forged response, the signed one detached before its signature',
    'message.schema',
    (xml) => {
      const forged = xml
        .replace('ID="_r1"', 'ID="_evil"')
        .replace('ID="_a1"', 'ID="_evil2"')
        .replace('u-4711', 'admin');
      return forged.replace('<ds:Signature ', `${withoutSignature(xml)}<ds:Signature `);
    },
    (form) => form.responseSigned,
  ),
  tampered('SA-01', 'XSW3: a forged assertion before the signed one', 'message.structure', (xml) =>
    xml.replace(payload(xml), evil() + payload(xml)),
  ),
  tampered('SA-01', 'XSW3b: a forged assertion after the signed one', 'message.structure', (xml) =>
    xml.replace(payload(xml), payload(xml) + evil()),
  ),
  tampered(
    'SA-01',
    'XSW4: a forged assertion around the signed one',
    'message.schema',
    (xml) => xml.replace(assertionOf(xml), insertInto(evil(), '</saml:Assertion>', assertionOf(xml))),
    clear,
  ),
  tampered(
    'SA-01',
    'XSW5: the signature moved into a forged assertion, the signed one behind it',
    'message.structure',
    (xml) => {
      const assertion = assertionOf(xml);
      return xml.replace(
        assertion,
        evil().replace('</saml:Issuer>', `</saml:Issuer>${signatureOf(assertion)}`) + withoutSignature(assertion),
      );
    },
    (form) => clear(form) && form.assertionSigned,
  ),
  tampered(
    'SA-01',
    'XSW6: the signed assertion inside its signature, in a forged one',
    'message.schema',
    (xml) => {
      const assertion = assertionOf(xml);
      const moved = insertInto(signatureOf(assertion), '</ds:Signature>', withoutSignature(assertion));
      return xml.replace(assertion, evil().replace('</saml:Issuer>', `</saml:Issuer>${moved}`));
    },
    (form) => clear(form) && form.assertionSigned,
  ),
  tampered(
    'SA-01',
    'XSW7: the signed assertion in Extensions, a forged one in its place',
    'signature.place',
    (xml) => {
      const assertion = assertionOf(xml);
      return xml
        .replace(assertion, evil())
        .replace('<samlp:Status>', `<samlp:Extensions>${assertion}</samlp:Extensions><samlp:Status>`);
    },
    (form) => clear(form) && form.assertionSigned,
  ),
  tampered('SA-01', 'XSW7b: an unsigned copy in Extensions', 'message.structure', (xml) => {
    const extensions = `<samlp:Extensions>${evil()}</samlp:Extensions>`;
    return xml.replace('<samlp:Status>', `${extensions}<samlp:Status>`);
  }),
  tampered(
    'SA-01',
    'XSW8: the signed assertion in an Object of the signature of a forged one',
    'message.structure',
    (xml) => {
      const assertion = assertionOf(xml);
      const moved = insertInto(
        signatureOf(assertion),
        '</ds:Signature>',
        `<ds:Object>${withoutSignature(assertion)}</ds:Object>`,
      );
      return xml.replace(assertion, evil().replace('</saml:Issuer>', `</saml:Issuer>${moved}`));
    },
    (form) => clear(form) && form.assertionSigned,
  ),
  tampered(
    'SA-01',
    'a forged assertion in Advice of the signed one',
    'message.structure',
    (xml) => xml.replace('<saml:AuthnStatement', `<saml:Advice>${evil()}</saml:Advice><saml:AuthnStatement`),
    clear,
  ),
  tampered('SA-01', 'an assertion of the same name in another namespace', 'message.structure', (xml) =>
    xml.replace('<samlp:Status>', '<samlp:Extensions><x:Assertion xmlns:x="urn:x"/></samlp:Extensions><samlp:Status>'),
  ),
  tampered('SA-01', 'a Response within Extensions', 'message.structure', (xml) =>
    xml.replace('<samlp:Status>', '<samlp:Extensions><x:Response xmlns:x="urn:x"/></samlp:Extensions><samlp:Status>'),
  ),
  tampered('SA-01', 'an EncryptedAssertion injected beside the assertion', 'message.structure', (xml) =>
    xml.replace(
      '</samlp:Response>',
      `${encryptAssertion(evil(), { certificate: keys.sp().certificate })}</samlp:Response>`,
    ),
  ),
  tampered(
    'SA-01',
    'an EncryptedAssertion injected instead of the assertion',
    (form) => (form.responseSigned ? 'signature.digest' : 'signature.missing'),
    (xml) => xml.replace(payload(xml), encryptAssertion(evil(), { certificate: keys.sp().certificate })),
  ),
  tampered('SA-01', 'no assertion', 'message.structure', (xml) => xml.replace(payload(xml), '')),
  tampered(
    'SA-01',
    'the signatures cut out',
    (form) => (form.name === 'encrypted, assertion signed' ? 'signature.digest' : 'signature.missing'),
    (xml) => withoutSignature(withoutSignature(xml)),
    (form) => form.name !== 'encrypted, assertion signed',
  ),
  tampered(
    'SA-01',
    'a signed value changed',
    (form) => (form.encrypted ? 'encrypted' : 'signature.digest'),
    (xml, form) =>
      form.encrypted
        ? xml.replace(
            /(<\/xenc:EncryptedKey>[\s\S]*<xenc:CipherValue>.{200})(.)/,
            (_a, head: string, c: string) => head + (c === 'A' ? 'B' : 'A'),
          )
        : xml.replace('u-4711', 'admin'),
    (form) => !(form.encrypted && form.responseSigned),
  ),
  tampered(
    'SA-01',
    'an attribute added to the signed element',
    'signature.digest',
    (xml, form) =>
      form.responseSigned
        ? xml.replace('<samlp:Response ', '<samlp:Response Consent="urn:x" ')
        : xml.replace('<saml:AuthnStatement ', '<saml:AuthnStatement SessionNotOnOrAfter="2027-01-01T00:00:00Z" '),
    (form) => form.responseSigned || clear(form),
  ),
  tampered(
    'SA-01',
    'the signature after the subject',
    'message.schema',
    (xml) => {
      const signature = signatureOf(assertionOf(xml));
      return xml.replace(signature, '').replace('</saml:Subject>', `</saml:Subject>${signature}`);
    },
    (form) => clear(form) && form.assertionSigned,
  ),
  tampered(
    'SA-01',
    'the assertion’s signature moved to the response',
    'signature.reference',
    (xml) => {
      const signature = signatureOf(assertionOf(xml));
      return xml.replace(signature, '').replace('</saml:Issuer>', `</saml:Issuer>${signature}`);
    },
    (form) => form.name === 'assertion signed',
  ),
  tampered(
    'SA-01',
    'the response’s signature moved to the assertion',
    'signature.reference',
    (xml) => {
      const signature = signatureOf(xml);
      const without = xml.replace(signature, '');
      return without.replace(
        assertionOf(without),
        assertionOf(without).replace('</saml:Issuer>', `</saml:Issuer>${signature}`),
      );
    },
    (form) => form.name === 'response signed',
  ),
  tampered('SA-01', 'a signature in Extensions', 'signature.place', (xml) => {
    const stray = buildSignature('47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=', '#_r1', {
      privateKey: keys.idp().privateKey,
    });
    return xml.replace('<samlp:Status>', `<samlp:Extensions>${stray}</samlp:Extensions><samlp:Status>`);
  }),
  tampered(
    'SA-02',
    'two SignedInfo, the forged one first',
    'message.schema',
    (xml) => xml.replace('<ds:SignedInfo', `${/<ds:SignedInfo[\s\S]*?<\/ds:SignedInfo>/.exec(xml)?.[0]}<ds:SignedInfo`),
    (form) => form.responseSigned || clear(form),
  ),
  tampered(
    'SA-02',
    'a second SignedInfo inside an Object',
    'signature.structure',
    (xml) =>
      xml.replace(
        '</ds:Signature>',
        `<ds:Object>${/<ds:SignedInfo[\s\S]*?<\/ds:SignedInfo>/.exec(xml)?.[0]}</ds:Object></ds:Signature>`,
      ),
    (form) => form.responseSigned || clear(form),
  ),
  tampered(
    'SA-02',
    'a second SignedInfo inside KeyInfo',
    'signature.structure',
    (xml) => xml.replace('<ds:KeyInfo>', `<ds:KeyInfo>${hiddenInfo(xml)}`),
    (form) => form.responseSigned || clear(form),
  ),
  tampered(
    'SA-02',
    'two signatures one after the other',
    'message.schema',
    (xml) => xml.replace('<ds:Signature ', `${signatureOf(xml)}<ds:Signature `),
    (form) => form.responseSigned || clear(form),
  ),
  tampered('SA-01', 'the same ID twice', 'message.duplicate_id', (xml) =>
    xml.replace('<samlp:Status>', '<samlp:Extensions><x:y xmlns:x="urn:x" ID="_r1"/></samlp:Extensions><samlp:Status>'),
  ),
  tampered('SA-01', 'the same id in lower case', 'message.duplicate_id', (xml) =>
    xml.replace('<samlp:Status>', '<samlp:Extensions><x:y xmlns:x="urn:x" id="_r1"/></samlp:Extensions><samlp:Status>'),
  ),
  tampered('SA-01', 'the same id as xml:id', 'message.duplicate_id', (xml) =>
    xml.replace(
      '<samlp:Status>',
      '<samlp:Extensions><x:y xmlns:x="urn:x" xml:id="_r1"/></samlp:Extensions><samlp:Status>',
    ),
  ),
  tampered('SA-01', 'the same id in a namespace', 'message.duplicate_id', (xml) =>
    xml.replace(
      '<samlp:Status>',
      '<samlp:Extensions><x:y xmlns:x="urn:x" x:Id="_r1"/></samlp:Extensions><samlp:Status>',
    ),
  ),
  tampered('SA-01', 'another root element', 'message.structure', (xml) => payload(xml), clear),
  tampered('SA-01', 'a LogoutResponse instead', 'message.schema', (xml) =>
    xml.replaceAll('samlp:Response', 'samlp:LogoutResponse'),
  ),
  tampered('SA-01', 'the root in another namespace', 'message.schema', (xml) =>
    xml.replace(
      'xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"',
      'xmlns:samlp="urn:oasis:names:tc:SAML:1.0:protocol"',
    ),
  ),
  tampered(
    'SA-06',
    'no Issuer in the response',
    (form) => (form.responseSigned ? 'signature.place' : 'issuer'),
    (xml) => xml.replace('<saml:Issuer>https://idp.example/entity</saml:Issuer>', ''),
  ),
  tampered(
    'SA-06',
    'an unsigned response with another issuer',
    'issuer',
    (xml) => xml.replace('https://idp.example/entity', 'https://other.example/'),
    (form) => !form.responseSigned,
  ),
  tampered(
    'SA-06',
    'an unsigned response with another destination',
    'destination',
    (xml) => xml.replace(/Destination="[^"]+"/, 'Destination="https://other.example/acs"'),
    (form) => !form.responseSigned,
  ),
];
