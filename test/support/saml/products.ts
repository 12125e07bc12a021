import type { ResponseOptions } from '../../../src/federation/saml/response.ts';
import { encryptAssertion } from './encrypt.ts';
import { keys } from './keys.ts';
import { acsUrl, at, spEntityId } from './messages.ts';
import { type SignOptions, signElement } from './sign.ts';

// Responses laid out as well-known products lay them out (prefixes, default namespaces, what is signed, attribute names,
// kinds of NameID), written from their documentation. Only the shape is theirs; people and organizations are invented.

export type Product = { name: string; xml: () => string; subject: string; expected: Partial<ResponseOptions> };

const time = { now: at(-2), before: at(-300), after: at(300), authn: at(-20) };
const signer = (prefix: string, more: Partial<SignOptions> = {}): SignOptions => ({
  privateKey: keys.idp().privateKey,
  certificate: keys.idp().certificate,
  prefix,
  ...more,
});
const SAML = 'urn:oasis:names:tc:SAML:2.0:assertion';
const SAMLP = 'urn:oasis:names:tc:SAML:2.0:protocol';
const success = 'urn:oasis:names:tc:SAML:2.0:status:Success';
const password = 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport';

type Layout = {
  entityId: string;
  /** Prefix of the assertion's namespace, '' for a default namespace. */
  a: string;
  p: string;
  nameId: { format?: string; value: string; qualifiers?: string };
  attributes: Record<string, string[]>;
  nameFormat?: string;
  typed?: boolean;
  conditionsExtra?: string;
  authnExtra?: string;
  rootDeclarations?: string;
};

function layout(l: Layout): { root: (assertion: string, signedRoot?: boolean) => string; assertion: string } {
  const tag = (name: string): string => (l.a === '' ? name : `${l.a}:${name}`);
  const declared = l.a === '' ? `xmlns="${SAML}"` : `xmlns:${l.a}="${SAML}"`;
  const typed = l.typed
    ? ' xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xs:string"'
    : '';
  const attributes = Object.entries(l.attributes).map(
    ([name, values]) =>
      `<${tag('Attribute')} Name="${name}"${l.nameFormat ? ` NameFormat="${l.nameFormat}"` : ''}>` +
      `${values.map((v) => `<${tag('AttributeValue')}${typed}>${v}</${tag('AttributeValue')}>`).join('')}</${tag('Attribute')}>`,
  );
  const format = l.nameId.format ? ` Format="${l.nameId.format}"` : '';
  const assertion =
    `<${tag('Assertion')} ${declared} ID="_a1" IssueInstant="${time.now}" Version="2.0"><${tag('Issuer')}>${l.entityId}</${tag('Issuer')}>` +
    `<${tag('Subject')}><${tag('NameID')}${l.nameId.qualifiers ?? ''}${format}>${l.nameId.value}</${tag('NameID')}>` +
    `<${tag('SubjectConfirmation')} Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><${tag('SubjectConfirmationData')} InResponseTo="_q1" NotOnOrAfter="${time.after}" Recipient="${acsUrl}"/></${tag('SubjectConfirmation')}></${tag('Subject')}>` +
    `<${tag('Conditions')} NotBefore="${time.before}" NotOnOrAfter="${time.after}"><${tag('AudienceRestriction')}><${tag('Audience')}>${spEntityId}</${tag('Audience')}></${tag('AudienceRestriction')}>${l.conditionsExtra ?? ''}</${tag('Conditions')}>` +
    `<${tag('AuthnStatement')} AuthnInstant="${time.authn}" SessionIndex="_s1"${l.authnExtra ?? ''}><${tag('AuthnContext')}><${tag('AuthnContextClassRef')}>${password}</${tag('AuthnContextClassRef')}></${tag('AuthnContext')}></${tag('AuthnStatement')}>` +
    `${attributes.length === 0 ? '' : `<${tag('AttributeStatement')}>${attributes.join('')}</${tag('AttributeStatement')}>`}</${tag('Assertion')}>`;
  const issuer =
    l.a === ''
      ? `<Issuer xmlns="${SAML}">${l.entityId}</Issuer>`
      : `<${tag('Issuer')} ${declared}>${l.entityId}</${tag('Issuer')}>`;
  const root = (inner: string): string =>
    `<${l.p}:Response xmlns:${l.p}="${SAMLP}"${l.rootDeclarations ?? ''} ID="_r1" Version="2.0" IssueInstant="${time.now}" Destination="${acsUrl}" InResponseTo="_q1">` +
    `${issuer}<${l.p}:Status><${l.p}:StatusCode Value="${success}"/></${l.p}:Status>${inner}</${l.p}:Response>`;
  return { root, assertion };
}

const email = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress';
const persistent = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';
const transient = 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient';
const basic = 'urn:oasis:names:tc:SAML:2.0:attrname-format:basic';
const uriFormat = 'urn:oasis:names:tc:SAML:2.0:attrname-format:uri';
const claims = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims';

function product(
  name: string,
  l: Layout,
  make: (parts: ReturnType<typeof layout>) => string,
  subject: string,
  more: Partial<ResponseOptions> = {},
): Product {
  return { name, xml: () => make(layout(l)), subject, expected: { idpEntityId: l.entityId, ...more } };
}

const signBoth =
  (prefix: string, more: Partial<SignOptions> = {}) =>
  ({ root, assertion }: ReturnType<typeof layout>): string =>
    signElement(signElement(root(assertion), '_a1', signer(prefix, more)), '_r1', signer(prefix, more));
const signAssertion =
  (prefix: string, more: Partial<SignOptions> = {}) =>
  ({ root, assertion }: ReturnType<typeof layout>): string =>
    root(signElement(assertion, '_a1', signer(prefix, more)));
const signResponse =
  (prefix: string, more: Partial<SignOptions> = {}) =>
  ({ root, assertion }: ReturnType<typeof layout>): string =>
    signElement(root(assertion), '_r1', signer(prefix, more));

export const products: Product[] = [
  product(
    'Okta: both signed, saml2 prefixes, InclusiveNamespaces xs, e-mail NameID',
    {
      entityId: 'http://www.okta.com/exk1fcia6d6EMsf331d8',
      a: 'saml2',
      p: 'saml2p',
      nameId: { format: email, value: 'ada@acme.example' },
      attributes: {
        email: ['ada@acme.example'],
        firstName: ['Ada'],
        lastName: ['Byron'],
        groups: ['Everyone', 'Sales'],
      },
      nameFormat: basic,
      typed: true,
      rootDeclarations: ' xmlns:xs="http://www.w3.org/2001/XMLSchema"',
    },
    signBoth('ds', { inclusivePrefixes: ['xs'] }),
    'ada@acme.example',
  ),
  product(
    'Entra ID: assertion signed, default namespaces, subject from objectidentifier',
    {
      entityId: 'https://sts.windows.net/6b1f0a7e-0000-4000-8000-000000000001/',
      a: '',
      p: 'samlp',
      nameId: { format: email, value: 'ada@acme.example' },
      attributes: {
        'http://schemas.microsoft.com/identity/claims/tenantid': ['6b1f0a7e'],
        'http://schemas.microsoft.com/identity/claims/objectidentifier': ['11111111-2222-3333-4444-555555555555'],
        [`${claims}/givenname`]: ['Ada'],
        [`${claims}/emailaddress`]: ['ada@acme.example'],
      },
    },
    signAssertion(''),
    '11111111-2222-3333-4444-555555555555',
    { policy: { subjectAttribute: 'http://schemas.microsoft.com/identity/claims/objectidentifier' } },
  ),
  product(
    'AD FS: assertion signed, default namespaces, the second of two pinned certificates, unspecified NameID',
    {
      entityId: 'http://adfs.acme.example/adfs/services/trust',
      a: '',
      p: 'samlp',
      nameId: { value: 'ACME\\ada' },
      attributes: {
        [`${claims}/upn`]: ['ada@acme.example'],
        'http://schemas.microsoft.com/ws/2008/06/identity/claims/groups': ['Staff'],
      },
    },
    signAssertion('ds'),
    'ACME\\ada',
    { certificates: [keys.idpNext().certificate, keys.idp().certificate] },
  ),
  product(
    'Google Workspace: response signed, saml2 prefixes, attributes without format',
    {
      entityId: 'https://accounts.google.com/o/saml2?idpid=C01abc234',
      a: 'saml2',
      p: 'saml2p',
      nameId: { format: email, value: 'ada@acme.example' },
      attributes: { email: ['ada@acme.example'] },
      typed: true,
    },
    signResponse('ds'),
    'ada@acme.example',
  ),
  product(
    'Keycloak: both signed, KeyName in KeyInfo, OneTimeUse, SessionNotOnOrAfter',
    {
      entityId: 'https://sso.acme.example/realms/acme',
      a: 'saml',
      p: 'samlp',
      nameId: { format: persistent, value: 'G-7b1c' },
      attributes: { Role: ['offline_access', 'uma_authorization'] },
      nameFormat: basic,
      typed: true,
      authnExtra: ` SessionNotOnOrAfter="${at(36_000)}"`,
      rootDeclarations: ` xmlns:saml="${SAML}"`,
      conditionsExtra: '<saml:OneTimeUse/>',
    },
    signBoth('dsig', {
      keyInfo: '<dsig:KeyInfo><dsig:KeyName>FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE</dsig:KeyName></dsig:KeyInfo>',
    }),
    'G-7b1c',
  ),
  product(
    'Shibboleth: encrypted and response signed, transient NameID, urn:oid attributes, subject from an attribute',
    {
      entityId: 'https://idp.university.example/idp/shibboleth',
      a: 'saml2',
      p: 'saml2p',
      nameId: {
        format: transient,
        value: 'AAdzZWNyZXQx',
        qualifiers: ` NameQualifier="https://idp.university.example/idp/shibboleth" SPNameQualifier="${spEntityId}"`,
      },
      attributes: {
        'urn:oid:1.3.6.1.4.1.5923.1.1.1.6': ['ada@university.example'],
        'urn:oid:0.9.2342.19200300.100.1.3': ['ada@university.example'],
      },
      nameFormat: uriFormat,
      typed: true,
      conditionsExtra: '<saml2:ProxyRestriction Count="0"/>',
    },
    ({ root, assertion }) =>
      signElement(
        root(encryptAssertion(assertion, { certificate: keys.sp().certificate })),
        '_r1',
        signer('ds', {
          digest: 'http://www.w3.org/2001/04/xmlenc#sha512',
          method: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
        }),
      ),
    'ada@university.example',
    { policy: { subjectAttribute: 'urn:oid:1.3.6.1.4.1.5923.1.1.1.6' } },
  ),
  product(
    'OneLogin: response signed, saml prefixes, e-mail NameID',
    {
      entityId: 'https://app.onelogin.com/saml/metadata/0b1c',
      a: 'saml',
      p: 'samlp',
      nameId: { format: email, value: 'ada@acme.example' },
      attributes: {
        'User.email': ['ada@acme.example'],
        'User.FirstName': ['Ada'],
        'User.LastName': ['Byron'],
        memberOf: [''],
      },
      nameFormat: basic,
      typed: true,
    },
    signResponse('ds'),
    'ada@acme.example',
  ),
  product(
    'PingFederate: assertion signed, free-text entity ID',
    {
      entityId: 'acme-ping',
      a: 'saml',
      p: 'samlp',
      nameId: { format: 'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified', value: 'ada' },
      attributes: { mail: ['ada@acme.example'] },
      nameFormat: basic,
      typed: true,
    },
    signAssertion('ds'),
    'ada',
  ),
  product(
    'JumpCloud: both signed, free-text entity ID with a space',
    {
      entityId: 'Acme Directory',
      a: 'saml2',
      p: 'saml2p',
      nameId: { format: email, value: 'ada@acme.example' },
      attributes: { email: ['ada@acme.example'] },
      nameFormat: basic,
      typed: true,
    },
    signBoth('ds'),
    'ada@acme.example',
  ),
  product(
    'Auth0: assertion signed, urn entity ID, unprefixed signature',
    {
      entityId: 'urn:acme.eu.auth0.example',
      a: 'saml',
      p: 'samlp',
      nameId: { format: 'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified', value: 'auth0|5f7c8ec7' },
      attributes: {
        [`${claims}/nameidentifier`]: ['auth0|5f7c8ec7'],
        [`${claims}/emailaddress`]: ['ada@acme.example'],
      },
      nameFormat: uriFormat,
      typed: true,
      authnExtra: ` SessionNotOnOrAfter="${at(36_000)}"`,
    },
    signAssertion(''),
    'auth0|5f7c8ec7',
  ),
  product(
    'SimpleSAMLphp: both signed, SPNameQualifier on an e-mail NameID',
    {
      entityId: 'https://idp.example/simplesaml/saml2/idp/metadata.php',
      a: 'saml',
      p: 'samlp',
      nameId: { format: email, value: 'ada@acme.example', qualifiers: ` SPNameQualifier="${spEntityId}"` },
      attributes: { uid: ['ada'], mail: ['ada@acme.example'] },
      nameFormat: basic,
      typed: true,
    },
    signBoth('ds'),
    'ada@acme.example',
  ),
];
