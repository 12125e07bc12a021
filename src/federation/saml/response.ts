import type { XmlElement } from 'libxml2-wasm';
import { checkAssertion, requireAnswer, requireIssuer, requireRecent, requireVersion } from './assertion.ts';
import { canonical } from './canonical.ts';
import { type Check, type RefusalCode, SamlRefusal, Trace } from './codes.ts';
import { decodePost, decodeUtf8 } from './decode.ts';
import { decryptAssertion } from './decrypt.ts';
import { ns, statusSuccess } from './names.ts';
import { type Parsed, parseMessage, parseStrictly, readCanonical } from './parse.ts';
import { type SignedElement, type VerificationKey, verificationKeys, verifyEnveloped } from './signature.ts';
import { hasSignature, requireOneAssertion, requireStructure } from './structure.ts';
import { attributeOf, childrenNamed, isElement, type XmlTree } from './tree.ts';
import { followSchema } from './xsd.ts';

// A SAML response in, an identity or a refusal out: the whole order of work of a service provider (SAML profiles §4.1.4.3),
// as a pure function. It knows no database: the caller consumes the request (`in_response_to`) and stores the assertion id
// until `assertion_expires_at` plus the skew, both in one transaction, before it believes the identity (SA-07).

export type ResponseExpectations = {
  acsUrl: string;
  spEntityId: string;
  idpEntityId: string;
  /** The pinned certificates of the connection, PEM. */
  certificates: string[];
  /**
   * `solicited` without an id: any request id is taken, and the caller must consume it by `in_response_to`.
   * `reauthenticatedSince` (ms) when ForceAuthn was asked for; `authnContexts` when a context was requested.
   */
  request:
    | { kind: 'solicited'; id?: string; reauthenticatedSince?: number; authnContexts?: string[] }
    | { kind: 'idp_initiated' };
  policy: {
    wantResponseSigned?: boolean;
    wantAssertionSigned?: boolean;
    wantEncrypted?: boolean;
    /** AES-CBC, only under a verified response signature, or where the caller limits the rate of failures. */
    allowCbc?: boolean;
    failuresAreRateLimited?: boolean;
    /** The attribute that names the subject, instead of the NameID. */
    subjectAttribute?: string;
  };
  /** Private keys, PKCS#8 PEM: current and next. */
  decryptionKeys: string[];
  /** Oldest IssueInstant accepted, in milliseconds. */
  maxAge: number;
};

export type ResponseOptions = Omit<ResponseExpectations, 'maxAge'> & {
  /** Milliseconds since 1970. */
  now: number;
  /** Allowed difference of clocks in seconds: 180, at most 300. */
  skewSeconds?: number;
  /** Oldest IssueInstant accepted, in seconds: 600. */
  maxAgeSeconds?: number;
};

export type SamlIdentity = {
  subject: string;
  subject_source: 'name_id' | 'attribute';
  name_id: string | null;
  name_id_format: string | null;
  name_qualifier: string | null;
  sp_name_qualifier: string | null;
  session_index: string | null;
  session_not_on_or_after: Date | null;
  authn_instant: Date;
  authn_context_class_ref: string | null;
  attributes: Record<string, string[]>;
  assertion_id: string;
  /** From when on the assertion can no longer be accepted at all; add the skew before its id may be forgotten. */
  assertion_expires_at: Date;
  in_response_to: string | null;
  /** SHA-256 of the certificate whose key signed what the identity was read from. */
  certificate_fingerprint: string;
};

export type SamlStatus = { code: string; subcode: string | null };

export type ResponseResult =
  | { ok: true; identity: SamlIdentity; checks: Check[] }
  | { ok: false; code: RefusalCode; checks: Check[]; status?: SamlStatus };

const maxSkewSeconds = 300;

/**
 * Verifies a `SAMLResponse` form field and reads the identity from it. Never throws about a message.
 *
 * @param field the value as posted, base64
 * @throws TypeError on a skew over 300 s
 */
export function verifyResponse(field: string, options: ResponseOptions): ResponseResult {
  const skewSeconds = options.skewSeconds ?? 180;
  if (!(skewSeconds >= 0 && skewSeconds <= maxSkewSeconds))
    throw new TypeError('skew must be between 0 and 300 seconds');
  const expected = { ...options, skew: skewSeconds * 1000, maxAge: (options.maxAgeSeconds ?? 600) * 1000 };
  const trace = new Trace();
  const open: Parsed[] = [];
  try {
    const identity = work(field, expected, trace, open);
    return { ok: true, identity, checks: trace.checks };
  } catch (error) {
    const last = trace.checks.at(-1);
    const code = last && !last.ok && last.code ? last.code : trace.fail('message', error);
    const status = error instanceof StatusRefusal ? { status: error.status } : {};
    return { ok: false, code, checks: trace.checks, ...status };
  } finally {
    for (const { document } of open) document.dispose();
  }
}

type Expected = ResponseExpectations & { now: number; skew: number };

function work(field: string, expected: Expected, trace: Trace, open: Parsed[]): SamlIdentity {
  const text = trace.run('decoding', () => decodePost(field));
  const parsed = trace.run('parsing and schema', () => parseMessage(text));
  open.push(parsed);
  trace.run('status', () => requireSuccess(parsed.tree));
  const encrypted = trace.run('structure', () => requireStructure(parsed.tree));
  const keys = trace.run('pinned certificates', () => verificationKeys(expected.certificates));

  const root = parsed.document.root;
  const outer = hasSignature(parsed.tree)
    ? trace.run('response signature', () => verifyEnveloped(root, keys))
    : undefined;
  const response = outer?.tree ?? parsed.tree;
  if (expected.policy.wantResponseSigned && !outer) refuse(trace, 'response signature', 'signature.policy');

  if (expected.policy.wantEncrypted && !encrypted) refuse(trace, 'encryption', 'encrypted.required');
  const element = encrypted
    ? trace.run('decryption', () => decrypted(response, outer !== undefined, expected, parsed.tree, open))
    : assertionElement(root);
  const { tree: assertion, fingerprint } = trustedAssertion(element, response, encrypted, outer, keys, expected, trace);

  trace.run('response version', () => requireVersion(response));
  trace.run('destination', () => requireDestination(response, expected.acsUrl));
  trace.run('response issuer', () => requireIssuer(response, expected.idpEntityId));
  trace.run('response issue time', () => requireRecent(attributeOf(response, 'IssueInstant'), expected));
  trace.run('request', () => requireAnswer(attributeOf(response, 'InResponseTo'), expected, 'unsolicited'));
  const identity = checkAssertion(assertion, expected, trace);
  if (identity.in_response_to !== (attributeOf(response, 'InResponseTo') ?? null))
    refuse(trace, 'request', 'in_response_to');
  return { ...identity, certificate_fingerprint: fingerprint };
}

function refuse(trace: Trace, check: string, code: RefusalCode): never {
  const refusal = new SamlRefusal(code);
  trace.fail(check, refusal);
  throw refusal;
}

class StatusRefusal extends SamlRefusal {
  readonly status: SamlStatus;

  constructor(status: SamlStatus) {
    super('status', [status.code, status.subcode].filter((part) => part !== null).join(' '));
    this.status = status;
  }
}

/** The Status of a response. The text of its StatusMessage is the IdP's own prose and is not read. */
export function statusOf(tree: XmlTree): SamlStatus {
  const [status] = childrenNamed(tree, ns.protocol, 'Status');
  const [code] = status ? childrenNamed(status, ns.protocol, 'StatusCode') : [];
  const [subcode] = code ? childrenNamed(code, ns.protocol, 'StatusCode') : [];
  return {
    code: (code && attributeOf(code, 'Value')) ?? '',
    subcode: (subcode && attributeOf(subcode, 'Value')) ?? null,
  };
}

/** Anything but Success is the IdP's own refusal (SAML core §3.2.2): told apart before anything is consumed. */
function requireSuccess(tree: XmlTree): void {
  if (!isElement(tree, ns.protocol, 'Response')) throw new SamlRefusal('message.structure');
  const status = statusOf(tree);
  if (status.code !== statusSuccess) throw new StatusRefusal(status);
}

/** SAML bindings §3.5.5.2 asks for it on signed messages; every product sends it always, and so it is always due (SA-06). */
function requireDestination(response: XmlTree, acsUrl: string): void {
  const destination = attributeOf(response, 'Destination');
  if (destination !== acsUrl)
    throw new SamlRefusal('destination', `expected ${acsUrl}, received ${destination ?? 'none'}`);
}

function assertionElement(root: XmlElement): XmlElement {
  const found = root.get('saml:Assertion', { saml: ns.assertion });
  if (!found) throw new SamlRefusal('message.structure');
  return found as XmlElement;
}

/** A refusal while reading a decrypted assertion says nothing about how far it got: all of them are `encrypted` (SA-05). */
function decrypted(
  response: XmlTree,
  outerSigned: boolean,
  expected: Expected,
  whole: XmlTree,
  open: Parsed[],
): XmlElement {
  const [element] = childrenNamed(response, ns.assertion, 'EncryptedAssertion');
  if (!element) throw new SamlRefusal('message.structure');
  const { allowCbc = false, failuresAreRateLimited = false } = expected.policy;
  const plaintext = decryptAssertion(element, expected.decryptionKeys, {
    allowCbc: allowCbc && (outerSigned || failuresAreRateLimited),
  });
  try {
    const parsed = parseStrictly(inContext(decodeUtf8(plaintext), response, element));
    open.push(parsed);
    requireOneAssertion(parsed.tree, whole);
    const found = assertionElement(parsed.document.root);
    followSchema(found);
    return found;
  } catch {
    throw new SamlRefusal('encrypted');
  }
}

/** The plaintext under the namespace declarations that were in scope where it stood (xmlenc-core1 §4.4). */
function inContext(plaintext: string, response: XmlTree, encrypted: XmlTree): string {
  const declared = { ...response.declared, ...encrypted.declared };
  const declarations = Object.entries(declared).map(([prefix, uri]) => {
    const value = uri.replace(/[&<>"\t\r\n]/g, (character) => `&#${character.charCodeAt(0)};`);
    return prefix === '' ? `xmlns="${value}"` : `xmlns:${prefix}="${value}"`;
  });
  const body = plaintext.replace(/^<\?xml[^>]*\?>/, '').trim();
  return `<_lintel:context xmlns:_lintel="urn:lintel:decrypted" ${declarations.join(' ')}>${body}</_lintel:context>`;
}

/** The assertion as its innermost verified signature covers it; without any signature over it there is no identity. */
function trustedAssertion(
  element: XmlElement,
  response: XmlTree,
  encrypted: boolean,
  outer: SignedElement | undefined,
  keys: VerificationKey[],
  expected: Expected,
  trace: Trace,
): { tree: XmlTree; fingerprint: string } {
  const plain = readCanonical(canonical(element));
  if (hasSignature(plain)) {
    const inner = trace.run('assertion signature', () => verifyEnveloped(element, keys));
    return { tree: inner.tree, fingerprint: inner.certificate_fingerprint };
  }
  if (expected.policy.wantAssertionSigned) refuse(trace, 'assertion signature', 'signature.policy');
  if (!outer) refuse(trace, 'signature', 'signature.missing');
  if (encrypted) return { tree: plain, fingerprint: outer.certificate_fingerprint };
  const [covered] = childrenNamed(response, ns.assertion, 'Assertion');
  if (!covered) throw new SamlRefusal('message.structure');
  return { tree: covered, fingerprint: outer.certificate_fingerprint };
}
