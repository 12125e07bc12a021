// Every way in which a SAML message can be refused: a stable code, one plain sentence for the organization's administrator,
// and what to do about it. The visitor sees none of this, only a reference (SA-16). No sentence carries data of a message.

type Explanation = { sentence: string; remedy: string };

const resend =
  'Send the message again from the identity provider. If it persists, something between the two changes messages.';
const attack =
  'Messages of real identity providers do not look like this. If nobody was testing, treat it as an attempt to forge a sign-in.';
const clocks = 'Compare the clocks of both sides, and try again with a fresh sign-in.';

export const refusals = {
  'message.encoding': {
    sentence: 'The message is not strict base64, or not a deflated message where one is due.',
    remedy: resend,
  },
  'message.too_large': {
    sentence: 'The message is larger than 256 KiB.',
    remedy: 'Send fewer attributes or groups: filter the groups at the identity provider.',
  },
  'message.charset': {
    sentence: 'The message is not UTF-8.',
    remedy: 'Have the identity provider send UTF-8 without a byte order mark.',
  },
  'message.doctype': { sentence: 'The message contains a DOCTYPE or another declaration.', remedy: attack },
  'message.comment': { sentence: 'The message contains an XML comment.', remedy: attack },
  'message.cdata': { sentence: 'The message contains a CDATA section.', remedy: attack },
  'message.processing_instruction': { sentence: 'The message contains a processing instruction.', remedy: attack },
  'message.limits': {
    sentence: 'The message has too many elements, attributes or namespaces, or is nested too deeply.',
    remedy: 'Send fewer attributes or groups: filter the groups at the identity provider.',
  },
  'message.not_well_formed': { sentence: 'The message is not well-formed XML.', remedy: resend },
  'message.namespace': { sentence: 'An element of the message has no namespace.', remedy: attack },
  'message.duplicate_id': { sentence: 'Two elements of the message have the same id.', remedy: attack },
  'message.schema': {
    sentence: 'The message does not follow the schema of SAML 2.0.',
    remedy: 'Ask the maker of the identity provider; the trace names the element.',
  },
  'message.ambiguous': { sentence: 'Two XML parsers read the message differently.', remedy: attack },
  'message.structure': {
    sentence: 'The message is not one Response with exactly one assertion in its proper place.',
    remedy: attack,
  },
  'message.version': { sentence: 'The message is not SAML 2.0.', remedy: 'Choose SAML 2.0 at the identity provider.' },
  'message.time_format': {
    sentence: 'A time in the message is not a UTC time.',
    remedy: 'Ask the maker of the identity provider.',
  },
  status: {
    sentence: 'The identity provider itself refused the sign-in.',
    remedy:
      'Look at the status in the trace and at the log of the identity provider: often the person is not assigned to this application.',
  },
  'signature.missing': {
    sentence: 'No signature covers the assertion.',
    remedy: 'Have the identity provider sign assertions or responses.',
  },
  'signature.policy': {
    sentence: 'A signature that this connection asks for is missing.',
    remedy: 'Have the identity provider sign both, or relax what the connection asks for.',
  },
  'signature.place': { sentence: 'A signature is in a place where none belongs.', remedy: attack },
  'signature.structure': { sentence: 'A signature is not built as SAML 2.0 asks.', remedy: attack },
  'signature.algorithm': {
    sentence: 'A signature or digest algorithm is not allowed.',
    remedy: 'Choose RSA with SHA-256 at the identity provider; SHA-1 is not supported.',
  },
  'signature.transform': { sentence: 'A signature uses a transform that SAML 2.0 does not allow.', remedy: attack },
  'signature.reference': {
    sentence: 'A signature does not refer to exactly the element that it stands in.',
    remedy: attack,
  },
  'signature.invalid': {
    sentence: 'A signature was not made with any of the certificates of this connection.',
    remedy:
      'Compare the signing certificate at the identity provider with those of the connection; add the new one if it was changed.',
  },
  'signature.digest': { sentence: 'The message was changed after it was signed.', remedy: attack },
  'signature.certificate': {
    sentence: 'The connection has no certificate that signatures may be verified with.',
    remedy: 'Add the signing certificate of the identity provider (RSA of 2048 bits or more, or a NIST curve).',
  },
  encrypted: {
    sentence: 'The assertion could not be decrypted.',
    remedy: 'Compare the encryption certificate at the identity provider with the one in our metadata.',
  },
  'encrypted.required': {
    sentence: 'This connection asks for encrypted assertions, and the assertion is not encrypted.',
    remedy: 'Turn on encryption at the identity provider, or relax what the connection asks for.',
  },
  'encrypted.algorithm': {
    sentence: 'An encryption algorithm is not allowed.',
    remedy: 'Choose AES-GCM with RSA-OAEP at the identity provider; RSA 1.5 and 3DES are not supported.',
  },
  'encrypted.cbc': {
    sentence: 'The assertion is encrypted with AES-CBC, which this connection does not allow.',
    remedy:
      'Choose AES-GCM at the identity provider, or have it sign the response and allow AES-CBC on the connection.',
  },
  issuer: {
    sentence: 'The message was issued by another identity provider than the one of this connection.',
    remedy: 'Compare the entity ID at the identity provider with the one of the connection.',
  },
  destination: {
    sentence: 'The message is addressed to another destination.',
    remedy: 'Set the assertion consumer service URL at the identity provider exactly as our metadata states it.',
  },
  recipient: {
    sentence: 'The assertion is meant for another recipient.',
    remedy: 'Set the recipient URL at the identity provider exactly as our metadata states it.',
  },
  audience: {
    sentence: 'The assertion is meant for another audience.',
    remedy: 'Set the audience (our entity ID) at the identity provider exactly as our metadata states it.',
  },
  conditions: {
    sentence: 'The assertion has no conditions, or conditions that we do not know.',
    remedy: 'Have the identity provider send Conditions with times and an audience.',
  },
  expired: { sentence: 'The assertion has expired.', remedy: clocks },
  not_yet_valid: { sentence: 'The message comes from the future.', remedy: clocks },
  issue_instant: { sentence: 'The message was issued too long ago.', remedy: clocks },
  unsolicited: {
    sentence: 'The sign-in was started by the identity provider, which this connection does not accept.',
    remedy: 'Start at the application, or allow sign-ins started by the identity provider on the connection.',
  },
  in_response_to: {
    sentence: 'The message answers another request than the one that was sent.',
    remedy: 'Start the sign-in again, in one browser tab.',
  },
  subject: {
    sentence: 'The assertion has no usable subject.',
    remedy: 'Have the identity provider send a NameID, or the attribute that the connection takes the subject from.',
  },
  'subject.confirmation': {
    sentence: 'The assertion has no bearer confirmation that we can accept.',
    remedy: 'Have the identity provider follow the web browser SSO profile.',
  },
  name_id: {
    sentence: 'The NameID is empty, too long, or not plain text.',
    remedy: 'Choose a NameID at the identity provider that every person has.',
  },
  'name_id.encrypted': {
    sentence: 'The NameID is encrypted by itself, which is not supported.',
    remedy: 'Encrypt the whole assertion instead.',
  },
  'name_id.transient': {
    sentence: 'The NameID is transient: it changes at each sign-in and names nobody.',
    remedy: 'Choose a persistent NameID, or have the connection take the subject from an attribute.',
  },
  'name_id.qualifier': {
    sentence: 'The NameID belongs to another name space.',
    remedy: 'Have the identity provider qualify persistent NameIDs with its own and our entity ID, or with nothing.',
  },
  authn_statement: {
    sentence: 'The assertion does not state that the person was authenticated.',
    remedy: 'Have the identity provider follow the web browser SSO profile.',
  },
  authn_instant: {
    sentence: 'A fresh sign-in was asked for, and the identity provider used an old one.',
    remedy: 'Have the identity provider honour ForceAuthn.',
  },
  authn_context: {
    sentence: 'The identity provider did not authenticate the person in the way that was asked for.',
    remedy: 'Compare the requested authentication context with what the identity provider offers.',
  },
  session_expired: { sentence: 'The session at the identity provider has already ended.', remedy: clocks },
  'metadata.too_large': {
    sentence: 'The metadata is larger than 2 MiB.',
    remedy: 'Give the metadata of one identity provider, not of a federation.',
  },
  'metadata.aggregate': {
    sentence: 'The metadata describes several entities.',
    remedy: 'Give the metadata of one identity provider, not of a federation.',
  },
  'metadata.entity_id': { sentence: 'The metadata has no usable entity ID.', remedy: 'Export the metadata again.' },
  'metadata.role': {
    sentence: 'The metadata does not describe exactly one SAML 2.0 identity provider.',
    remedy: 'Export the metadata of the identity provider (not of a service provider).',
  },
  'metadata.certificate': {
    sentence: 'The metadata has no usable signing certificate.',
    remedy: 'Export the metadata again with the signing certificate (RSA of 2048 bits or more, or a NIST curve).',
  },
  'metadata.sso_url': {
    sentence: 'The metadata has no https sign-on URL with redirect or POST binding.',
    remedy: 'Give the identity provider an https address.',
  },
  'metadata.expired': { sentence: 'The metadata is past its validUntil.', remedy: 'Export the metadata again.' },
  'logout.name_id': { sentence: 'The logout names somebody else.', remedy: 'Nothing was ended.' },
  'logout.session_index': { sentence: 'The logout names another session.', remedy: 'Nothing was ended.' },
  busy: { sentence: 'Too many messages were waiting.', remedy: 'Try again in a moment.' },
  timeout: {
    sentence: 'Reading the message took too long and was stopped.',
    remedy: 'Send fewer attributes or groups: filter the groups at the identity provider.',
  },
  internal: {
    sentence: 'The message could not be read, for a reason that the log has.',
    remedy: 'Tell the operator the reference.',
  },
} as const satisfies Record<string, Explanation>;

export type RefusalCode = keyof typeof refusals;

/** One line of a sign-in trace: what was looked at, how it went, and expected and received values (no personal data). */
export type Check = { check: string; ok: boolean; code?: RefusalCode; detail?: string };

/** The one error that the functions of this folder throw about a message. `detail` is for the trace, never for the visitor. */
export class SamlRefusal extends Error {
  readonly code: RefusalCode;
  readonly detail: string | undefined;

  constructor(code: RefusalCode, detail?: string) {
    super(code);
    this.name = 'SamlRefusal';
    this.code = code;
    this.detail = detail?.slice(0, 300);
  }
}

/** The checks of one message in their order, for the sign-in trace. */
export class Trace {
  readonly checks: Check[] = [];

  pass(check: string, detail?: string): void {
    this.checks.push(detail === undefined ? { check, ok: true } : { check, ok: true, detail: detail.slice(0, 300) });
  }

  /** Closes the trace with the refusal; anything but a SamlRefusal counts as `internal`. */
  fail(check: string, error: unknown): RefusalCode {
    const code = error instanceof SamlRefusal ? error.code : 'internal';
    const detail = error instanceof SamlRefusal ? error.detail : undefined;
    this.checks.push(detail === undefined ? { check, ok: false, code } : { check, ok: false, code, detail });
    return code;
  }

  /** Runs one named check: a line that passed, or the failing line and the refusal thrown on. */
  run<T>(check: string, work: () => T): T {
    try {
      const result = work();
      this.pass(check);
      return result;
    } catch (error) {
      this.fail(check, error);
      throw error;
    }
  }
}

/** The sentence and the remedy of a code, as shown to an organization's administrator. */
export function explain(code: RefusalCode): Explanation {
  return refusals[code];
}
