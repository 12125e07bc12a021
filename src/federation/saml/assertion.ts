import { SamlRefusal, type Trace } from './codes.ts';
import { bearer, nameIdFormat, ns } from './names.ts';
import type { ResponseExpectations, SamlIdentity } from './response.ts';
import { samlTime } from './times.ts';
import { attributeOf, childrenNamed, elementsOf, isElement, plainText, type XmlTree } from './tree.ts';

// The checks of SAML core §2 and of the web browser SSO profile (SAML profiles §4.1.4.3) on one assertion whose bytes were
// verified. Each is one line of the sign-in trace. Nothing is optional: what is missing is refused (SA-06).

type Times = { now: number; skew: number };
const maxNameIdLength = 1024;

export function checkAssertion(
  assertion: XmlTree,
  expected: ResponseExpectations & Times,
  trace: Trace,
): Omit<SamlIdentity, 'certificate_fingerprint'> {
  trace.run('assertion version', () => requireVersion(assertion));
  const assertionId = attributeOf(assertion, 'ID') ?? '';
  trace.run('assertion issuer', () => requireIssuer(assertion, expected.idpEntityId));
  const issued = trace.run('assertion issue time', () =>
    requireRecent(attributeOf(assertion, 'IssueInstant'), expected),
  );
  const subject = only(childrenNamed(assertion, ns.assertion, 'Subject'), 'subject');
  const inResponseTo = trace.run('subject confirmation', () => bearerConfirmation(subject, expected));
  const conditionsEnd = trace.run('conditions', () => checkConditions(assertion, expected));
  trace.run('audience', () => checkAudience(assertion, expected.spEntityId));
  const authn = trace.run('authentication statement', () => authnStatement(assertion, expected));
  const attributes = trace.run('attributes', () => readAttributes(assertion));
  const named = trace.run('subject', () => chooseSubject(subject, attributes, expected));
  return {
    ...named,
    ...authn,
    attributes,
    assertion_id: assertionId,
    // Not when the confirmation ends that held today: another one of the same assertion may hold for longer.
    assertion_expires_at: new Date(Math.min(conditionsEnd, issued + expected.maxAge)),
    in_response_to: inResponseTo,
  };
}

export function requireVersion(message: XmlTree): void {
  if (attributeOf(message, 'Version') !== '2.0') throw new SamlRefusal('message.version');
}

/** The Issuer must be there, be an entity, and be exactly the one of the connection. */
export function requireIssuer(owner: XmlTree, entityId: string): void {
  const issuer = only(childrenNamed(owner, ns.assertion, 'Issuer'), 'issuer');
  const format = attributeOf(issuer, 'Format');
  if (format !== undefined && format !== 'urn:oasis:names:tc:SAML:2.0:nameid-format:entity')
    throw new SamlRefusal('issuer', format);
  const text = plainText(issuer);
  if (text !== entityId) throw new SamlRefusal('issuer', `expected ${entityId}, received ${text ?? ''}`);
}

/** Not from the future, and not older than the connection allows. @returns when it was issued */
export function requireRecent(instant: string | undefined, { now, skew, maxAge }: Times & { maxAge: number }): number {
  const issued = samlTime(instant);
  if (issued > now + skew) throw new SamlRefusal('not_yet_valid', `issued ${instant}`);
  if (issued < now - maxAge - skew) throw new SamlRefusal('issue_instant', `issued ${instant}`);
  return issued;
}

function only(found: XmlTree[], code: 'subject' | 'issuer' | 'conditions' | 'authn_statement'): XmlTree {
  const [first, ...rest] = found;
  if (!first || rest.length > 0) throw new SamlRefusal(code);
  return first;
}

/** One bearer confirmation must hold; the refusal tells of the last one that did not. @returns its InResponseTo */
function bearerConfirmation(subject: XmlTree, expected: ResponseExpectations & Times): string | null {
  let refusal = new SamlRefusal('subject.confirmation');
  for (const confirmation of childrenNamed(subject, ns.assertion, 'SubjectConfirmation')) {
    if (attributeOf(confirmation, 'Method') !== bearer) continue;
    try {
      return requireConfirmation(confirmation, expected);
    } catch (error) {
      if (!(error instanceof SamlRefusal)) throw error;
      refusal = error;
    }
  }
  throw refusal;
}

function requireConfirmation(confirmation: XmlTree, expected: ResponseExpectations & Times): string | null {
  const [data] = childrenNamed(confirmation, ns.assertion, 'SubjectConfirmationData');
  if (!data || attributeOf(data, 'NotBefore') !== undefined) throw new SamlRefusal('subject.confirmation');
  const recipient = attributeOf(data, 'Recipient');
  if (recipient !== expected.acsUrl)
    throw new SamlRefusal('recipient', `expected ${expected.acsUrl}, received ${recipient ?? 'none'}`);
  if (attributeOf(data, 'NotOnOrAfter') === undefined) throw new SamlRefusal('subject.confirmation', 'no NotOnOrAfter');
  const notOnOrAfter = samlTime(attributeOf(data, 'NotOnOrAfter'));
  if (expected.now >= notOnOrAfter + expected.skew) throw new SamlRefusal('expired', 'subject confirmation');
  return requireAnswer(attributeOf(data, 'InResponseTo'), expected, 'in_response_to');
}

/**
 * InResponseTo against what was asked (SA-08): the id of the request that is being answered, or any id when the caller
 * consumes the request afterwards by the id returned here, or none at all when sign-ins started by the IdP are accepted.
 */
export function requireAnswer(
  inResponseTo: string | undefined,
  { request }: Pick<ResponseExpectations, 'request'>,
  whenAbsent: 'unsolicited' | 'in_response_to',
): string | null {
  if (request.kind === 'idp_initiated') {
    if (inResponseTo !== undefined) throw new SamlRefusal('in_response_to', 'an unsolicited message answers a request');
    return null;
  }
  if (inResponseTo === undefined) throw new SamlRefusal(whenAbsent);
  if (inResponseTo === '' || (request.id !== undefined && inResponseTo !== request.id))
    throw new SamlRefusal('in_response_to');
  return inResponseTo;
}

const knownConditions = new Set(['AudienceRestriction', 'OneTimeUse', 'ProxyRestriction']);

function checkConditions(assertion: XmlTree, { now, skew }: Times): number {
  const conditions = only(childrenNamed(assertion, ns.assertion, 'Conditions'), 'conditions');
  for (const condition of elementsOf(conditions)) {
    if (condition.namespace !== ns.assertion || !knownConditions.has(condition.name))
      throw new SamlRefusal('conditions', condition.name);
  }
  const notBefore = attributeOf(conditions, 'NotBefore');
  const notOnOrAfter = attributeOf(conditions, 'NotOnOrAfter');
  if (notOnOrAfter === undefined) throw new SamlRefusal('conditions', 'no NotOnOrAfter');
  if (notBefore !== undefined && samlTime(notBefore) > now + skew)
    throw new SamlRefusal('not_yet_valid', `not before ${notBefore}`);
  const end = samlTime(notOnOrAfter);
  if (now >= end + skew) throw new SamlRefusal('expired', `not on or after ${notOnOrAfter}`);
  return end;
}

/** At least one AudienceRestriction, and every one of them names us (SAML core §2.5.1.4: they are and-ed). */
function checkAudience(assertion: XmlTree, spEntityId: string): void {
  const conditions = only(childrenNamed(assertion, ns.assertion, 'Conditions'), 'conditions');
  const restrictions = childrenNamed(conditions, ns.assertion, 'AudienceRestriction');
  if (restrictions.length === 0) throw new SamlRefusal('audience', `expected ${spEntityId}, received none`);
  for (const restriction of restrictions) {
    const audiences = childrenNamed(restriction, ns.assertion, 'Audience').map(plainText);
    if (!audiences.includes(spEntityId))
      throw new SamlRefusal('audience', `expected ${spEntityId}, received ${audiences.join(' ')}`);
  }
}

type Authn = Pick<
  SamlIdentity,
  'session_index' | 'session_not_on_or_after' | 'authn_instant' | 'authn_context_class_ref'
>;

function authnStatement(assertion: XmlTree, expected: ResponseExpectations & Times): Authn {
  const statement = only(childrenNamed(assertion, ns.assertion, 'AuthnStatement'), 'authn_statement');
  const instant = samlTime(attributeOf(statement, 'AuthnInstant'));
  if (instant > expected.now + expected.skew) throw new SamlRefusal('not_yet_valid', 'authentication instant');
  const { request } = expected;
  if (
    request.kind === 'solicited' &&
    request.reauthenticatedSince !== undefined &&
    instant < request.reauthenticatedSince - expected.skew
  ) {
    throw new SamlRefusal('authn_instant', `authenticated ${attributeOf(statement, 'AuthnInstant')}`);
  }
  const sessionEnd = attributeOf(statement, 'SessionNotOnOrAfter');
  const sessionNotOnOrAfter = sessionEnd === undefined ? null : samlTime(sessionEnd);
  if (sessionNotOnOrAfter !== null && expected.now >= sessionNotOnOrAfter + expected.skew)
    throw new SamlRefusal('session_expired');
  const [context] = childrenNamed(statement, ns.assertion, 'AuthnContext');
  const [classRef] = context ? childrenNamed(context, ns.assertion, 'AuthnContextClassRef') : [];
  const authnContext = classRef ? (plainText(classRef)?.trim() ?? null) : null;
  const wanted = request.kind === 'solicited' ? request.authnContexts : undefined;
  if (wanted && wanted.length > 0 && !(authnContext !== null && wanted.includes(authnContext))) {
    throw new SamlRefusal('authn_context', `received ${authnContext ?? 'none'}`);
  }
  return {
    session_index: attributeOf(statement, 'SessionIndex') ?? null,
    session_not_on_or_after: sessionNotOnOrAfter === null ? null : new Date(sessionNotOnOrAfter),
    authn_instant: new Date(instant),
    authn_context_class_ref: authnContext,
  };
}

/**
 * The attributes by Name, values of repeated names together. Values that are no plain text are left out, but for a NameID
 * inside (eduPersonTargetedID, urn:oid:1.3.6.1.4.1.5923.1.1.1.10), whose text counts.
 */
function readAttributes(assertion: XmlTree): Record<string, string[]> {
  const found = new Map<string, string[]>();
  for (const statement of childrenNamed(assertion, ns.assertion, 'AttributeStatement')) {
    for (const attribute of childrenNamed(statement, ns.assertion, 'Attribute')) {
      const name = attributeOf(attribute, 'Name') ?? '';
      const values = found.get(name) ?? [];
      for (const value of childrenNamed(attribute, ns.assertion, 'AttributeValue')) {
        const [inner] = elementsOf(value);
        const text = inner && isElement(inner, ns.assertion, 'NameID') ? plainText(inner) : plainText(value);
        if (text !== undefined && text.trim() !== '') values.push(text.trim());
      }
      found.set(name, values);
    }
  }
  return Object.fromEntries(found);
}

type Named = Pick<
  SamlIdentity,
  'subject' | 'subject_source' | 'name_id' | 'name_id_format' | 'name_qualifier' | 'sp_name_qualifier'
>;

/**
 * The key of the account within the connection: the attribute the connection names, or else the NameID. A transient
 * NameID is never a key (SAML core §8.3.8), and a persistent one of a foreign name space is refused (§8.3.7).
 */
function chooseSubject(subject: XmlTree, attributes: Record<string, string[]>, expected: ResponseExpectations): Named {
  if (childrenNamed(subject, ns.assertion, 'EncryptedID').length > 0) throw new SamlRefusal('name_id.encrypted');
  const [element] = childrenNamed(subject, ns.assertion, 'NameID');
  const nameId = element
    ? readNameId(element)
    : { name_id: null, name_id_format: null, name_qualifier: null, sp_name_qualifier: null };
  const attribute = expected.policy.subjectAttribute;
  if (attribute !== undefined) {
    const values = Object.hasOwn(attributes, attribute) ? (attributes[attribute] ?? []) : [];
    const [value] = values;
    if (values.length !== 1 || value === undefined || value.length > maxNameIdLength)
      throw new SamlRefusal('subject', `attribute ${attribute}`);
    return { subject: value, subject_source: 'attribute', ...nameId };
  }
  if (nameId.name_id === null) throw new SamlRefusal('subject');
  if (nameId.name_id_format === nameIdFormat.transient) throw new SamlRefusal('name_id.transient');
  if (nameId.name_id_format === nameIdFormat.persistent) {
    if ((nameId.name_qualifier ?? expected.idpEntityId) !== expected.idpEntityId)
      throw new SamlRefusal('name_id.qualifier');
    if ((nameId.sp_name_qualifier ?? expected.spEntityId) !== expected.spEntityId)
      throw new SamlRefusal('name_id.qualifier');
  }
  return { subject: nameId.name_id, subject_source: 'name_id', ...nameId };
}

export type NameId = Pick<SamlIdentity, 'name_id' | 'name_id_format' | 'name_qualifier' | 'sp_name_qualifier'>;

/** A NameID with all its qualifiers: text only, not empty, at most 1,024 characters. */
export function readNameId(element: XmlTree): NameId & { name_id: string } {
  const text = plainText(element);
  if (text === undefined || text.trim() === '' || text.length > maxNameIdLength) throw new SamlRefusal('name_id');
  return {
    name_id: text.trim(),
    name_id_format: attributeOf(element, 'Format') ?? null,
    name_qualifier: attributeOf(element, 'NameQualifier') ?? null,
    sp_name_qualifier: attributeOf(element, 'SPNameQualifier') ?? null,
  };
}
