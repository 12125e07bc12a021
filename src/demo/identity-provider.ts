/**
 * The demonstration's enterprise identity provider ("Acme SSO"): it stands for a customer's Okta, Entra ID or AD FS. A small
 * web server of its own, on its own address, with metadata, sign-on by redirect and by POST, sign-on without a request, and
 * single logout. It keeps no session: every sign-on asks for the password again. It is honest as an identity provider must be
 * (SA-11): it answers only to addresses of service providers that it was told to trust, and escapes every value.
 * Over 300 lines because it is a whole other party, kept in one place so that nobody mistakes a part of it for Lintel's.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { bodyParser } from '@koa/bodyparser';
import Router from '@koa/router';
import Koa, { type Context } from 'koa';
import { SignedXml } from 'xml-crypto';
import { certificateBody } from '../federation/saml/certificate.ts';
import { SamlRefusal } from '../federation/saml/codes.ts';
import { decodePost } from '../federation/saml/decode.ts';
import { escapeXml, xmlAttribute } from '../federation/saml/escape.ts';
import { type LogoutInput, verifyLogout } from '../federation/saml/logout.ts';
import { createLogoutResponse } from '../federation/saml/logout-messages.ts';
import { binding, nameIdFormat, ns, statusSuccess } from '../federation/saml/names.ts';
import { parseMessage } from '../federation/saml/parse.ts';
import { readRedirect } from '../federation/saml/redirect.ts';
import { messageId } from '../federation/saml/request.ts';
import type { KeyPair } from '../federation/saml/service-provider.ts';
import { verificationKeys, verifyDetached, verifyEnveloped } from '../federation/saml/signature.ts';
import { toSamlTime } from '../federation/saml/times.ts';
import { attributeOf, childrenNamed, plainText, type XmlTree } from '../federation/saml/tree.ts';
import { createPages } from '../http/pages.ts';

export type DemoPerson = {
  username: string;
  password: string;
  email: string;
  first_name: string;
  last_name: string;
  groups: string[];
};

/** A service provider that the identity provider answers to; requests must be signed when its certificate is known. */
export type TrustedServiceProvider = {
  entityId: string;
  acsUrl: string;
  name: string;
  certificate?: string;
  sloUrl?: string;
};

export type DemoIdentityProviderOptions = {
  /** Its own address, without a trailing slash. */
  baseUrl: string;
  keyPair: KeyPair;
  name?: string;
  people: DemoPerson[];
  /** Milliseconds since 1970. */
  now?: () => number;
};

export type DemoIdentityProvider = {
  app: Koa;
  entityId: string;
  metadata: () => string;
  trust: (sp: TrustedServiceProvider) => void;
};

type Pending = { sp: TrustedServiceProvider; inResponseTo: string | null; relayState: string | null; until: number };

const pendingLifetime = 10 * 60_000;
const maxPending = 1_000;

export function createDemoIdentityProvider(options: DemoIdentityProviderOptions): DemoIdentityProvider {
  const { baseUrl, keyPair, people, name = 'Acme SSO', now = Date.now } = options;
  const entityId = `${baseUrl}/metadata`;
  const trusted = new Map<string, TrustedServiceProvider>();
  const pending = new Map<string, Pending>();
  const pages = createPages({ viewsDir: fileURLToPath(new URL('../../views', import.meta.url)) });
  const router = new Router();
  const form = bodyParser({ enableTypes: ['form'], formLimit: '400kb' });

  function show(ctx: Context, view: string, data: Record<string, unknown>, formTarget = "'self'"): void {
    const nonce = randomBytes(18).toString('base64');
    const script = `script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'`;
    ctx.set(
      'content-security-policy',
      `default-src 'none'; ${script}; img-src 'self'; form-action ${formTarget}; frame-ancestors 'none'; base-uri 'none'`,
    );
    ctx.set('cache-control', 'no-store');
    ctx.type = 'html';
    ctx.body = pages.render(view, { nonce, ...data });
  }

  function ask(ctx: Context, request: Omit<Pending, 'until'>): void {
    for (const [handle, { until }] of pending) if (until <= now() || pending.size >= maxPending) pending.delete(handle);
    const handle = randomBytes(24).toString('base64url');
    pending.set(handle, { ...request, until: now() + pendingLifetime });
    showLogin(ctx, handle, request.sp);
  }

  function showLogin(ctx: Context, handle: string, sp: TrustedServiceProvider, username = '', problem?: string): void {
    const shown = people.map((person) => ({
      name: `${person.first_name} ${person.last_name}`,
      username: person.username,
      password: person.password,
    }));
    const failure = problem === undefined ? {} : { problem: { field: 'password', message: problem } };
    const data = {
      action: '/log-in',
      fields: { handle },
      provider: { name },
      service: { name: sp.name },
      values: { username },
      people: shown,
    };
    show(ctx, 'demo/identity-provider', { ...data, ...failure });
  }

  function answer(ctx: Context, sp: TrustedServiceProvider, xml: string, relayState: string | null): void {
    const fields = {
      SAMLResponse: Buffer.from(xml).toString('base64'),
      ...(relayState === null ? {} : { RelayState: relayState }),
    };
    // Chromium holds every redirect behind a form to form-action, and the last one leads to an application we do not know.
    show(ctx, 'signin/post', { action: sp.acsUrl, fields, provider: { name: sp.name } }, '*');
  }

  function receive(ctx: Context, incoming: AuthnRequest): void {
    const { sp, tree, relayState } = incoming;
    const id = attributeOf(tree, 'ID') ?? '';
    const acs = attributeOf(tree, 'AssertionConsumerServiceURL');
    if (acs !== undefined && acs !== sp.acsUrl)
      throw new SamlRefusal('destination', 'an unknown assertion consumer service');
    if (attributeOf(tree, 'IsPassive') === 'true') {
      answer(ctx, sp, refusalXml({ entityId, keyPair, sp, inResponseTo: id, now: now() }), relayState);
    } else ask(ctx, { sp, inResponseTo: id, relayState });
  }

  router.get('/metadata', (ctx) => {
    ctx.type = 'application/samlmetadata+xml';
    ctx.body = metadata();
  });
  router.get('/sso', (ctx) => receive(ctx, authnRequest({ query: ctx.querystring }, trusted)));
  router.post('/sso', form, (ctx) => receive(ctx, authnRequest(textFields(ctx), trusted)));
  router.get('/start', (ctx) => {
    const sp = trusted.get(String(ctx.query.service ?? '')) ?? [...trusted.values()][0];
    if (!sp) return ctx.throw(404, 'no service is known');
    ask(ctx, { sp, inResponseTo: null, relayState: null });
  });
  router.post('/log-in', form, (ctx) => {
    const { handle = '', username = '', password = '' } = textFields(ctx);
    const request = pending.get(handle);
    if (!request || request.until <= now())
      return ctx.throw(400, 'this log-in is over: start again at the application');
    const person = people.find((candidate) => candidate.username === username.trim().toLowerCase());
    if (!person || !samePassword(person.password, password)) {
      ctx.status = 401;
      showLogin(ctx, handle, request.sp, username, 'Username or password is wrong.');
      return;
    }
    pending.delete(handle);
    const response = { entityId, keyPair, sp: request.sp, inResponseTo: request.inResponseTo, now: now() };
    answer(ctx, request.sp, responseXml({ ...response, person }), request.relayState);
  });
  const logout = (ctx: Context, input: LogoutInput, sp: TrustedServiceProvider | undefined): void => {
    if (!sp?.sloUrl || !sp.certificate) return ctx.throw(400, 'no service of this name takes part in single logout');
    const expected = { idpEntityId: sp.entityId, sloUrl: `${baseUrl}/slo`, certificates: [sp.certificate], now: now() };
    const result = verifyLogout(input, expected);
    if (!result.ok) return ctx.throw(400, `the logout was refused: ${result.code}`);
    if (result.message.kind === 'response') {
      ctx.body = 'Logged out.';
      return;
    }
    const self = { entityId, acsUrl: `${baseUrl}/sso`, sloUrl: `${baseUrl}/slo`, current: keyPair };
    const endpoint = { binding: 'redirect' as const, location: sp.sloUrl };
    const relayState = result.message.relay_state;
    const made = createLogoutResponse({
      serviceProvider: self,
      idpEntityId: sp.entityId,
      endpoint,
      now: now(),
      inResponseTo: result.message.id,
      success: true,
      relayState,
    });
    ctx.status = 303;
    ctx.redirect(made.url);
  };
  router.get('/slo', (ctx) =>
    logout(ctx, { binding: 'redirect', query: ctx.querystring }, issuerOf(readRedirect(ctx.querystring).xml, trusted)),
  );
  router.post('/slo', form, (ctx) => {
    const { SAMLRequest, SAMLResponse, RelayState } = textFields(ctx);
    const field = SAMLRequest ?? SAMLResponse ?? '';
    const relay = RelayState === undefined ? {} : { relayState: RelayState };
    logout(
      ctx,
      { binding: 'post', kind: SAMLRequest ? 'request' : 'response', field, ...relay },
      issuerOf(decodePost(field), trusted),
    );
  });

  function metadata(): string {
    const endpoint = (element: string, kind: keyof typeof binding, path: string): string =>
      `<md:${element} Binding="${binding[kind]}"${xmlAttribute('Location', `${baseUrl}${path}`)}/>`;
    return (
      `<?xml version="1.0" encoding="UTF-8"?>\n<md:EntityDescriptor xmlns:md="${ns.metadata}"${xmlAttribute('entityID', entityId)}>` +
      `<md:IDPSSODescriptor WantAuthnRequestsSigned="true" protocolSupportEnumeration="${ns.protocol}">` +
      `<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="${ns.signature}"><ds:X509Data><ds:X509Certificate>${certificateBody(keyPair.certificate)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>` +
      `${endpoint('SingleLogoutService', 'redirect', '/slo')}${endpoint('SingleLogoutService', 'post', '/slo')}` +
      `<md:NameIDFormat>${nameIdFormat.persistent}</md:NameIDFormat>` +
      `${endpoint('SingleSignOnService', 'redirect', '/sso')}${endpoint('SingleSignOnService', 'post', '/sso')}` +
      `</md:IDPSSODescriptor><md:Organization><md:OrganizationName xml:lang="en">${escapeXml(name)}</md:OrganizationName><md:OrganizationDisplayName xml:lang="en">${escapeXml(name)}</md:OrganizationDisplayName><md:OrganizationURL xml:lang="en">${escapeXml(baseUrl)}</md:OrganizationURL></md:Organization></md:EntityDescriptor>\n`
    );
  }

  const app = new Koa();
  // It answers by itself; nothing of it belongs in Lintel's log.
  app.silent = true;
  app.use(async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      if (!(error instanceof SamlRefusal)) throw error;
      ctx.throw(400, `the request was refused: ${error.code}`);
    }
  });
  app.use(pages.serveAssets());
  app.use(router.routes());
  return { app, entityId, metadata, trust: (sp) => trusted.set(sp.entityId, sp) };
}

function textFields(ctx: Context): Record<string, string | undefined> {
  const body = (ctx.request as { body?: unknown }).body;
  const entries = typeof body === 'object' && body !== null ? Object.entries(body) : [];
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

function samePassword(known: string, given: string): boolean {
  const [one, other] = [Buffer.from(known), Buffer.from(given)];
  return one.length === other.length && timingSafeEqual(one, other);
}

function issuerOf(xml: string, trusted: Map<string, TrustedServiceProvider>): TrustedServiceProvider | undefined {
  const { document, tree } = parseMessage(xml);
  document.dispose();
  const [issuer] = childrenNamed(tree, ns.assertion, 'Issuer');
  return trusted.get((issuer && plainText(issuer)) ?? '');
}

type AuthnRequest = { sp: TrustedServiceProvider; tree: XmlTree; relayState: string | null };

/** Reads an AuthnRequest of a trusted service provider; signed by it when its certificate is known. */
function authnRequest(
  input: { query: string } | Record<string, string | undefined>,
  trusted: Map<string, TrustedServiceProvider>,
): AuthnRequest {
  const redirect = 'query' in input && input.query !== undefined ? readRedirect(input.query) : undefined;
  const fields = input as Record<string, string | undefined>;
  const xml = redirect?.xml ?? decodePost(fields.SAMLRequest ?? '');
  const relayState = redirect ? redirect.relayState : (fields.RelayState ?? null);
  const { document, tree } = parseMessage(xml);
  try {
    const sp = issuerOf(xml, trusted);
    if (tree.name !== 'AuthnRequest' || !sp) throw new SamlRefusal('issuer', 'an unknown service provider');
    if (!sp.certificate) return { sp, tree, relayState };
    const keys = verificationKeys([sp.certificate]);
    if (!redirect) return { sp, tree: verifyEnveloped(document.root, keys).tree, relayState };
    if (!redirect.signature) throw new SamlRefusal('signature.missing');
    verifyDetached(redirect.signature.algorithm, redirect.signature.bytes, redirect.signature.value, keys);
    return { sp, tree, relayState };
  } finally {
    document.dispose();
  }
}

type ResponseParts = {
  entityId: string;
  keyPair: KeyPair;
  sp: TrustedServiceProvider;
  inResponseTo: string | null;
  now: number;
};

/** A response with one assertion, both signed. The NameID is persistent: the username, which this company never reuses. */
function responseXml({
  entityId,
  keyPair,
  sp,
  inResponseTo,
  now,
  person,
}: ResponseParts & { person: DemoPerson }): string {
  const assertionId = messageId();
  const answerTo = xmlAttribute('InResponseTo', inResponseTo);
  const end = toSamlTime(now + 5 * 60_000);
  const attributes: Record<string, string[]> = {
    email: [person.email],
    firstName: [person.first_name],
    lastName: [person.last_name],
    groups: person.groups,
  };
  const statements = Object.entries(attributes)
    .filter(([, values]) => values.length > 0)
    .map(
      ([name, values]) =>
        `<saml:Attribute${xmlAttribute('Name', name)} NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:basic">` +
        `${values.map((value) => `<saml:AttributeValue>${escapeXml(value)}</saml:AttributeValue>`).join('')}</saml:Attribute>`,
    );
  const assertion =
    `<saml:Assertion ID="${assertionId}" Version="2.0" IssueInstant="${toSamlTime(now)}"><saml:Issuer>${escapeXml(entityId)}</saml:Issuer>` +
    `<saml:Subject><saml:NameID Format="${nameIdFormat.persistent}"${xmlAttribute('NameQualifier', entityId)}${xmlAttribute('SPNameQualifier', sp.entityId)}>${escapeXml(person.username)}</saml:NameID>` +
    `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="${end}"${xmlAttribute('Recipient', sp.acsUrl)}${answerTo}/></saml:SubjectConfirmation></saml:Subject>` +
    `<saml:Conditions NotBefore="${toSamlTime(now - 60_000)}" NotOnOrAfter="${end}"><saml:AudienceRestriction><saml:Audience>${escapeXml(sp.entityId)}</saml:Audience></saml:AudienceRestriction></saml:Conditions>` +
    `<saml:AuthnStatement AuthnInstant="${toSamlTime(now)}" SessionIndex="${messageId()}"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>` +
    `<saml:AttributeStatement>${statements.join('')}</saml:AttributeStatement></saml:Assertion>`;
  const id = messageId();
  const status = `<samlp:StatusCode Value="${statusSuccess}"/>`;
  const signed = signEnveloped(envelope({ entityId, sp, now, id, answerTo, status, assertion }), assertionId, keyPair);
  return signEnveloped(signed, id, keyPair);
}

/** The answer to IsPassive: nobody is signed in here without being asked (SAML core §3.4.1). */
function refusalXml({ entityId, keyPair, sp, inResponseTo, now }: ResponseParts): string {
  const id = messageId();
  const status =
    '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder"><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:NoPassive"/></samlp:StatusCode>';
  const answerTo = xmlAttribute('InResponseTo', inResponseTo);
  return signEnveloped(envelope({ entityId, sp, now, id, answerTo, status, assertion: '' }), id, keyPair);
}

type Envelope = {
  entityId: string;
  sp: TrustedServiceProvider;
  now: number;
  id: string;
  answerTo: string;
  status: string;
  assertion: string;
};

function envelope({ entityId, sp, now, id, answerTo, status, assertion }: Envelope): string {
  return (
    `<samlp:Response xmlns:samlp="${ns.protocol}" xmlns:saml="${ns.assertion}" ID="${id}" Version="2.0" IssueInstant="${toSamlTime(now)}"` +
    `${xmlAttribute('Destination', sp.acsUrl)}${answerTo}><saml:Issuer>${escapeXml(entityId)}</saml:Issuer>` +
    `<samlp:Status>${status}</samlp:Status>${assertion}</samlp:Response>`
  );
}

function signEnveloped(xml: string, id: string, { privateKey, certificate }: KeyPair): string {
  const signer = new SignedXml({
    privateKey,
    publicCert: certificate,
    signatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    canonicalizationAlgorithm: ns.exclusive,
  });
  const xpath = `//*[@ID='${id}']`;
  const transforms = ['http://www.w3.org/2000/09/xmldsig#enveloped-signature', ns.exclusive];
  signer.addReference({ xpath, transforms, digestAlgorithm: 'http://www.w3.org/2001/04/xmlenc#sha256' });
  signer.computeSignature(xml, {
    prefix: 'ds',
    location: { reference: `${xpath}/*[local-name(.)='Issuer']`, action: 'after' },
  });
  return signer.getSignedXml();
}
