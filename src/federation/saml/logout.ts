import { type NameId, readNameId, requireIssuer, requireRecent, requireVersion } from './assertion.ts';
import { canonical } from './canonical.ts';
import { type Check, type RefusalCode, SamlRefusal, Trace } from './codes.ts';
import { decodePost } from './decode.ts';
import { ns, statusSuccess } from './names.ts';
import { type Parsed, parseMessage, readCanonical } from './parse.ts';
import { type Detached, readRedirect } from './redirect.ts';
import { type SamlStatus, statusOf } from './response.ts';
import { verificationKeys, verifyDetached, verifyEnveloped } from './signature.ts';
import { samlTime } from './times.ts';
import { attributeOf, childrenNamed, elementsOf, everyElement, isElement, plainText, type XmlTree } from './tree.ts';

// Single logout (SAML core §3.7, profiles §4.4) by redirect and by POST: what comes in. It is verified by us: always signed, by
// a pinned key. The caller ends its own session first, whatever the IdP says.

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

type Incoming = {
  kind: 'request' | 'response';
  xml: string;
  relayState: string | null;
  signature: Detached | undefined;
};

function fromPost(input: Extract<LogoutInput, { binding: 'post' }>): Incoming {
  return { kind: input.kind, xml: decodePost(input.field), relayState: input.relayState ?? null, signature: undefined };
}

function fromRedirect(query: string): Incoming {
  const { parameter, xml, relayState, signature } = readRedirect(query);
  if (!signature) throw new SamlRefusal('signature.missing');
  return { kind: parameter === 'SAMLRequest' ? 'request' : 'response', xml, relayState, signature };
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
