/** Everything signed properly, one statement wrong or missing. */
import type { RefusalCode } from '../../../../src/federation/saml/codes.ts';
import type { ResponseOptions } from '../../../../src/federation/saml/response.ts';
import { acsUrl, at, attribute, encodePost, type MessageOptions, responseXml } from '../messages.ts';
import type { Form, Mutant } from './mutant.ts';

export function content(
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

export const schemaOr =
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

export const contentMutants: Mutant[] = [
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
