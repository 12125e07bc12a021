import * as samlify from 'samlify';
import { type NameId, readNameId, requireIssuer, requireRecent, requireVersion } from './assertion.ts';
import { canonical } from './canonical.ts';
import { type Check, type RefusalCode, SamlRefusal, Trace } from './codes.ts';
import { decodePost, decodeRedirect, strictBase64 } from './decode.ts';
import { escapeXml, xmlAttribute } from './escape.ts';
import { binding, nameIdFormat, ns, statusSuccess } from './names.ts';
import { type Parsed, parseMessage, readCanonical } from './parse.ts';
import { messageId, type Outgoing } from './request.ts';
import { type SamlStatus, statusOf } from './response.ts';
import type { ServiceProvider } from './service-provider.ts';
import { verificationKeys, verifyDetached, verifyEnveloped } from './signature.ts';
import { samlTime, toSamlTime } from './times.ts';
import { attributeOf, childrenNamed, elementsOf, everyElement, isElement, plainText, type XmlTree } from './tree.ts';

// Single logout (SAML core §3.7, profiles §4.4) by redirect and by POST. What comes in is verified by us: always signed, by a
// pinned key. What goes out is signed and encoded by samlify. The caller ends its own session first, whatever the IdP says.

export type LogoutInput =
  /** `query` is the raw query string, without `?`: the signature is over the bytes as they came, not over a re-encoding. */
  | { binding: 'redirect'; query: string }
  | { binding: 'post'; kind: 'request' | 'response'; field: string; relayState?: string };

export type LogoutExpectations = {
  idpEntityId: string;
  sloUrl: string;
  certificates: string[];
  /** Milliseconds since 1970. */
  now: number;
  skewSeconds?: number;
  /** Ids of LogoutRequests of ours that a LogoutResponse may answer; undefined when the caller looks them up afterwards. */
  requestIds?: string[];
};

export type LogoutMessage =
  | ({ kind: 'request'; id: string; session_indexes: string[]; relay_state: string | null } & NameId)
  | {
      kind: 'response';
      id: string;
      in_response_to: string;
      status: SamlStatus;
      success: boolean;
      relay_state: string | null;
    };

export type LogoutResult =
  | { ok: true; message: LogoutMessage; checks: Check[] }
  | { ok: false; code: RefusalCode; checks: Check[] };

const maxAge = 600_000;

/** Verifies a LogoutRequest or LogoutResponse and reads it. Never throws about a message. */
export function verifyLogout(input: LogoutInput, expected: LogoutExpectations): LogoutResult {
  const trace = new Trace();
  let parsed: Parsed | undefined;
  try {
    const incoming = trace.run('decoding', () =>
      input.binding === 'redirect' ? fromRedirect(input.query) : fromPost(input),
    );
    parsed = trace.run('parsing and schema', () => parseMessage(incoming.xml));
    const { document, tree: unverified } = parsed;
    trace.run('structure', () => requireLogout(unverified, incoming));
    const tree = trace.run('signature', () => {
      const keys = verificationKeys(expected.certificates);
      if (!incoming.signature) return verifyEnveloped(document.root, keys).tree;
      verifyDetached(incoming.signature.algorithm, incoming.signature.bytes, incoming.signature.value, keys);
      return readCanonical(canonical(document));
    });
    return { ok: true, message: trace.run('content', () => content(tree, incoming, expected)), checks: trace.checks };
  } catch (error) {
    const last = trace.checks.at(-1);
    const code = last && !last.ok && last.code ? last.code : trace.fail('message', error);
    return { ok: false, code, checks: trace.checks };
  } finally {
    parsed?.document.dispose();
  }
}

type Detached = { algorithm: string; bytes: Buffer; value: Buffer };
type Incoming = {
  kind: 'request' | 'response';
  xml: string;
  relayState: string | null;
  signature: Detached | undefined;
};

function fromPost(input: Extract<LogoutInput, { binding: 'post' }>): Incoming {
  return { kind: input.kind, xml: decodePost(input.field), relayState: input.relayState ?? null, signature: undefined };
}

/**
 * The redirect binding's parameters (SAML bindings §3.4.4.1). The signed bytes are the parameters in the standard's order
 * with the very escapes they came with: AD FS writes them in lower case, and re-encoding would break its signatures.
 */
function fromRedirect(query: string): Incoming {
  const raw = new Map<string, string>();
  for (const part of query.split('&')) {
    const at = part.indexOf('=');
    const name = at === -1 ? part : part.slice(0, at);
    if (raw.has(name)) throw new SamlRefusal('message.structure', 'a parameter given twice');
    raw.set(name, at === -1 ? '' : part.slice(at + 1));
  }
  const names = ['SAMLRequest', 'SAMLResponse'].filter((name) => raw.has(name));
  const [name] = names;
  if (!name || names.length > 1) throw new SamlRefusal('message.structure', 'not one message');
  const encoding = raw.get('SAMLEncoding');
  if (encoding !== undefined && unescape(encoding) !== 'urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE') {
    throw new SamlRefusal('message.encoding');
  }
  if (!raw.has('SigAlg') || !raw.has('Signature')) throw new SamlRefusal('signature.missing');
  const signed = [name, 'RelayState', 'SigAlg'].filter((key) => raw.has(key)).map((key) => `${key}=${raw.get(key)}`);
  const relayState = raw.get('RelayState');
  return {
    kind: name === 'SAMLRequest' ? 'request' : 'response',
    xml: decodeRedirect(unescape(raw.get(name) ?? '').replace(/[\r\n]/g, '')),
    relayState: relayState === undefined ? null : unescape(relayState),
    signature: {
      algorithm: unescape(raw.get('SigAlg') ?? ''),
      bytes: Buffer.from(signed.join('&'), 'utf8'),
      value: signatureValue(unescape(raw.get('Signature') ?? '')),
    },
  };
}

function unescape(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new SamlRefusal('message.encoding');
  }
}

function signatureValue(text: string): Buffer {
  try {
    return strictBase64(text.replace(/[\r\n]/g, ''));
  } catch {
    throw new SamlRefusal('signature.structure');
  }
}

/** One logout message with its signature in the one place where it belongs: second by POST, nowhere by redirect. */
function requireLogout(tree: XmlTree, { kind, signature }: Incoming): void {
  if (!isElement(tree, ns.protocol, kind === 'request' ? 'LogoutRequest' : 'LogoutResponse'))
    throw new SamlRefusal('message.structure');
  const own = elementsOf(tree).find((child, index) => index === 1 && isElement(child, ns.signature, 'Signature'));
  if (!signature && !own) throw new SamlRefusal('signature.missing');
  let infos = 0;
  for (const element of everyElement(tree)) {
    if (element !== tree && (element.name === 'LogoutRequest' || element.name === 'LogoutResponse'))
      throw new SamlRefusal('message.structure');
    if (element.namespace !== ns.signature) continue;
    if (element.name === 'Signature' && (signature || element !== own)) throw new SamlRefusal('signature.place');
    if (element.name === 'SignedInfo') infos += 1;
  }
  if (infos > 1) throw new SamlRefusal('signature.structure');
}

function content(tree: XmlTree, incoming: Incoming, expected: LogoutExpectations): LogoutMessage {
  const skew = Math.min(expected.skewSeconds ?? 180, 300) * 1000;
  requireVersion(tree);
  const destination = attributeOf(tree, 'Destination');
  if (destination !== expected.sloUrl)
    throw new SamlRefusal('destination', `expected ${expected.sloUrl}, received ${destination ?? 'none'}`);
  requireIssuer(tree, expected.idpEntityId);
  requireRecent(attributeOf(tree, 'IssueInstant'), { now: expected.now, skew, maxAge });
  const common = { id: attributeOf(tree, 'ID') ?? '', relay_state: incoming.relayState };
  if (incoming.kind === 'response') {
    const inResponseTo = attributeOf(tree, 'InResponseTo');
    if (!inResponseTo || (expected.requestIds && !expected.requestIds.includes(inResponseTo)))
      throw new SamlRefusal('in_response_to');
    const status = statusOf(tree);
    return {
      kind: 'response',
      ...common,
      in_response_to: inResponseTo,
      status,
      success: status.code === statusSuccess,
    };
  }
  const end = attributeOf(tree, 'NotOnOrAfter');
  if (end !== undefined && expected.now >= samlTime(end) + skew) throw new SamlRefusal('expired');
  if (childrenNamed(tree, ns.assertion, 'EncryptedID').length > 0) throw new SamlRefusal('name_id.encrypted');
  const [nameId] = childrenNamed(tree, ns.assertion, 'NameID');
  if (!nameId) throw new SamlRefusal('name_id');
  const indexes = childrenNamed(tree, ns.protocol, 'SessionIndex').map((index) => plainText(index)?.trim() ?? '');
  if (indexes.includes('')) throw new SamlRefusal('logout.session_index');
  return { kind: 'request', ...common, ...readNameId(nameId), session_indexes: indexes };
}

/**
 * Whether a logout names the person of a session (SA-14): NameID, format and both qualifiers are equal, an absent qualifier
 * meaning the two parties themselves (SAML core §8.3.7), an absent format meaning unspecified (§2.2.2).
 */
export function sameNameId(one: NameId, other: NameId, parties: { idpEntityId: string; spEntityId: string }): boolean {
  const full = (id: NameId): (string | null)[] => [
    id.name_id,
    id.name_id_format ?? nameIdFormat.unspecified,
    id.name_qualifier ?? parties.idpEntityId,
    id.sp_name_qualifier ?? parties.spEntityId,
  ];
  const others = full(other);
  return one.name_id !== null && full(one).every((part, index) => part === others[index]);
}

export type LogoutEndpoint = { binding: 'redirect' | 'post'; location: string; response_location?: string | null };
type Parties = { serviceProvider: ServiceProvider; idpEntityId: string; endpoint: LogoutEndpoint; now: number };

/** A signed LogoutRequest for one session: the NameID goes out exactly as it came in, with all its qualifiers. */
export function createLogoutRequest(
  options: Parties & { nameId: NameId; sessionIndex: string | null; relayState?: string },
): { id: string } & Outgoing {
  const { nameId, sessionIndex, now } = options;
  const id = messageId();
  const xml =
    `<samlp:LogoutRequest xmlns:samlp="${ns.protocol}" xmlns:saml="${ns.assertion}" ID="${id}" Version="2.0" IssueInstant="${toSamlTime(now)}"` +
    ` NotOnOrAfter="${toSamlTime(now + 300_000)}"${xmlAttribute('Destination', options.endpoint.location)}>` +
    `<saml:Issuer>${escapeXml(options.serviceProvider.entityId)}</saml:Issuer>` +
    `<saml:NameID${xmlAttribute('NameQualifier', nameId.name_qualifier)}${xmlAttribute('SPNameQualifier', nameId.sp_name_qualifier)}` +
    `${xmlAttribute('Format', nameId.name_id_format)}>${escapeXml(nameId.name_id ?? '')}</saml:NameID>` +
    `${sessionIndex === null ? '' : `<samlp:SessionIndex>${escapeXml(sessionIndex)}</samlp:SessionIndex>`}</samlp:LogoutRequest>`;
  const { self, peer } = entities(options, options.endpoint.location);
  const relayState = options.relayState ?? '';
  const customTagReplacement = (): { id: string; context: string } => ({ id, context: xml });
  const made = self.createLogoutRequest(peer, options.endpoint.binding, {}, { relayState, customTagReplacement });
  return { id, ...outgoing(options.endpoint, options.endpoint.location, 'SAMLRequest', made.context, relayState) };
}

/** A signed LogoutResponse to a LogoutRequest: Success, or Responder with PartialLogout when something could not be ended. */
export function createLogoutResponse(
  options: Parties & { inResponseTo: string; success: boolean; relayState?: string | null },
): { id: string } & Outgoing {
  const id = messageId();
  const location = options.endpoint.response_location ?? options.endpoint.location;
  const partial =
    '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder"><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:PartialLogout"/></samlp:StatusCode>';
  const xml =
    `<samlp:LogoutResponse xmlns:samlp="${ns.protocol}" xmlns:saml="${ns.assertion}" ID="${id}" Version="2.0" IssueInstant="${toSamlTime(options.now)}"` +
    `${xmlAttribute('Destination', location)}${xmlAttribute('InResponseTo', options.inResponseTo)}>` +
    `<saml:Issuer>${escapeXml(options.serviceProvider.entityId)}</saml:Issuer>` +
    `<samlp:Status>${options.success ? `<samlp:StatusCode Value="${statusSuccess}"/>` : partial}</samlp:Status></samlp:LogoutResponse>`;
  const { self, peer } = entities(options, location);
  const relayState = options.relayState ?? '';
  const customTagReplacement = (): { id: string; context: string } => ({ id, context: xml });
  const made = self.createLogoutResponse(peer, { extract: {} }, options.endpoint.binding, {
    relayState,
    customTagReplacement,
  });
  return { id, ...outgoing(options.endpoint, location, 'SAMLResponse', made.context, relayState) };
}

function outgoing(
  endpoint: LogoutEndpoint,
  url: string,
  parameter: string,
  context: string,
  relayState: string,
): Outgoing {
  if (endpoint.binding === 'redirect') return { method: 'redirect', url: context };
  return {
    method: 'post',
    url,
    fields: { [parameter]: context, ...(relayState === '' ? {} : { RelayState: relayState }) },
  };
}

function entities({ serviceProvider: sp, idpEntityId, endpoint }: Parties, location: string) {
  const self = samlify.ServiceProvider({
    entityID: sp.entityId,
    privateKey: sp.current.privateKey,
    signingCert: sp.current.certificate,
    requestSignatureAlgorithm: samlify.Constants.algorithms.signature.RSA_SHA256,
    assertionConsumerService: [{ Binding: binding.post, Location: sp.acsUrl }],
    signatureConfig: { prefix: 'ds', location: { reference: "/*/*[local-name(.)='Issuer']", action: 'after' } },
  });
  const peer = samlify.IdentityProvider({
    entityID: idpEntityId,
    wantLogoutRequestSigned: true,
    wantLogoutResponseSigned: true,
    singleSignOnService: [{ Binding: binding.redirect, Location: location }],
    singleLogoutService: [{ Binding: binding[endpoint.binding], Location: location }],
  });
  return { self, peer };
}
