import type { ResponseOptions } from '../../../src/federation/saml/response.ts';
import { type EncryptOptions, encryptAssertion } from './encrypt.ts';
import { keys } from './keys.ts';
import { type SignOptions, signElement } from './sign.ts';

// A misbehaving identity provider: responses in which every part can be left out, changed, signed wrongly or encrypted.

export const acsUrl = 'https://id.lintel.example/saml/0198/acs';
export const spEntityId = 'https://id.lintel.example/saml/0198/metadata';
export const idpEntityId = 'https://idp.example/entity';
export const now = Date.parse('2026-11-20T12:00:00Z');
export const at = (seconds: number): string => new Date(now + seconds * 1000).toISOString();

export type MessageOptions = {
  responseId?: string;
  assertionId?: string;
  /** Values set to null are left out of the message. */
  version?: string;
  assertionVersion?: string;
  issueInstant?: string;
  assertionIssueInstant?: string;
  destination?: string | null;
  responseIssuer?: string | null;
  issuer?: string | null;
  inResponseTo?: string | null;
  confirmationInResponseTo?: string | null;
  confirmationNotBefore?: string | null;
  confirmationNotOnOrAfter?: string | null;
  confirmationMethod?: string;
  recipient?: string | null;
  notBefore?: string | null;
  notOnOrAfter?: string | null;
  audience?: string | null;
  /** Whole elements, replacing what the values above would give. */
  conditions?: string | null;
  subject?: string | null;
  nameId?: string | null;
  confirmation?: string | null;
  authnStatement?: string | null;
  sessionNotOnOrAfter?: string | null;
  authnInstant?: string;
  classRef?: string;
  attributes?: string | null;
  status?: string;
  extensions?: string;
  advice?: string;
  /** XML after the assertion. */
  trailer?: string;
  sign?: 'assertion' | 'response' | 'both' | 'none';
  assertionSignature?: Partial<SignOptions>;
  responseSignature?: Partial<SignOptions>;
  /** Changes the assertion after its signature and before encryption. */
  tamperAssertion?: (xml: string) => string;
  encrypt?: Partial<EncryptOptions> | null;
  /** Changes the message before the response signature. */
  tamperUnsigned?: (xml: string) => string;
  /** Changes the finished message. */
  tamper?: (xml: string) => string;
};

const declarations =
  'xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"';
const attr = (name: string, value: string | null): string => (value === null ? '' : ` ${name}="${value}"`);

/** The XML of a response: valid as it stands, and wrong in exactly the ways the options say. */
export function responseXml(o: MessageOptions = {}): string {
  const sign = o.sign ?? 'assertion';
  const signer = { privateKey: keys.idp().privateKey, certificate: keys.idp().certificate };
  const responseId = o.responseId ?? '_r1';
  const assertionId = o.assertionId ?? '_a1';
  let assertion = assertionXml(o, assertionId);
  if (sign === 'assertion' || sign === 'both')
    assertion = signElement(assertion, assertionId, { ...signer, ...o.assertionSignature });
  assertion = (o.tamperAssertion ?? ((xml: string) => xml))(assertion);
  if (o.encrypt) assertion = encryptAssertion(assertion, { certificate: keys.sp().certificate, ...o.encrypt });
  let xml =
    `<samlp:Response ${declarations} ID="${responseId}" Version="${o.version ?? '2.0'}" IssueInstant="${o.issueInstant ?? at(-2)}"` +
    `${attr('Destination', value(o.destination, acsUrl))}${attr('InResponseTo', value(o.inResponseTo, '_q1'))}>` +
    `${issuerXml(value(o.responseIssuer, idpEntityId))}${o.extensions ?? ''}` +
    `<samlp:Status>${o.status ?? '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/>'}</samlp:Status>` +
    `${assertion}${o.trailer ?? ''}</samlp:Response>`;
  xml = (o.tamperUnsigned ?? ((same: string) => same))(xml);
  if (sign === 'response' || sign === 'both') xml = signElement(xml, responseId, { ...signer, ...o.responseSignature });
  return (o.tamper ?? ((same: string) => same))(xml);
}

function value<T>(given: T | undefined, fallback: T): T {
  return given === undefined ? fallback : given;
}

const issuerXml = (entity: string | null): string => (entity === null ? '' : `<saml:Issuer>${entity}</saml:Issuer>`);

export function assertionXml(o: MessageOptions = {}, id = '_a1'): string {
  const confirmation = value(
    o.confirmation,
    `<saml:SubjectConfirmation Method="${o.confirmationMethod ?? 'urn:oasis:names:tc:SAML:2.0:cm:bearer'}"><saml:SubjectConfirmationData` +
      attr('NotBefore', value(o.confirmationNotBefore, null)) +
      attr('NotOnOrAfter', value(o.confirmationNotOnOrAfter, at(300))) +
      attr('Recipient', value(o.recipient, acsUrl)) +
      attr('InResponseTo', value(o.confirmationInResponseTo, value(o.inResponseTo, '_q1'))) +
      '/></saml:SubjectConfirmation>',
  );
  const nameId = value(
    o.nameId,
    '<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">u-4711</saml:NameID>',
  );
  const subject = value(o.subject, `<saml:Subject>${nameId ?? ''}${confirmation ?? ''}</saml:Subject>`);
  const audience = value(o.audience, spEntityId);
  const restriction =
    audience === null
      ? ''
      : `<saml:AudienceRestriction><saml:Audience>${audience}</saml:Audience></saml:AudienceRestriction>`;
  const conditions = value(
    o.conditions,
    `<saml:Conditions${attr('NotBefore', value(o.notBefore, at(-60)))}${attr('NotOnOrAfter', value(o.notOnOrAfter, at(300)))}>${restriction}</saml:Conditions>`,
  );
  const authn = value(
    o.authnStatement,
    `<saml:AuthnStatement AuthnInstant="${o.authnInstant ?? at(-5)}" SessionIndex="_s1"${attr('SessionNotOnOrAfter', value(o.sessionNotOnOrAfter, null))}>` +
      `<saml:AuthnContext><saml:AuthnContextClassRef>${o.classRef ?? 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport'}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>`,
  );
  const attributes = value(
    o.attributes,
    `<saml:AttributeStatement>${attribute('email', ['ada@acme.example'])}${attribute('groups', ['staff', 'admins'])}</saml:AttributeStatement>`,
  );
  return (
    `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="${id}" Version="${o.assertionVersion ?? '2.0'}" IssueInstant="${o.assertionIssueInstant ?? at(-2)}">` +
    `${issuerXml(value(o.issuer, idpEntityId))}${subject ?? ''}${conditions ?? ''}${o.advice ?? ''}${authn ?? ''}${attributes ?? ''}</saml:Assertion>`
  );
}

export function attribute(name: string, values: string[]): string {
  return `<saml:Attribute Name="${name}">${values.map((text) => `<saml:AttributeValue>${text}</saml:AttributeValue>`).join('')}</saml:Attribute>`;
}

export const encodePost = (xml: string): string => Buffer.from(xml, 'utf8').toString('base64');

/** What the service provider of the tests expects; the decryption key is ready. */
export function expectations(changes: Partial<ResponseOptions> = {}): ResponseOptions {
  return {
    acsUrl,
    spEntityId,
    idpEntityId,
    certificates: [keys.idp().certificate],
    request: { kind: 'solicited', id: '_q1' },
    policy: {},
    decryptionKeys: [keys.sp().privateKey],
    now,
    ...changes,
  };
}
