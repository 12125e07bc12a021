import { SamlRefusal } from './codes.ts';
import { ns } from './names.ts';
import { childrenNamed, elementsOf, everyElement, isElement, type XmlTree } from './tree.ts';

// Where things may stand in a response (SA-01). Wrapping attacks move, repeat or hide signed elements; here everything has one
// place, counted over the whole document, before any signature is looked at.

const signatureNames = new Set(['Signature', 'SignedInfo']);
const singular = new Set(['Response', 'Assertion', 'EncryptedAssertion', 'EncryptedData', 'EncryptedID']);

/**
 * Fixed places only (SA-01): the Response, directly in it exactly one Assertion or EncryptedAssertion in the whole
 * document, and signatures only as second child of one of the two. Whatever an attacker wraps, moves or repeats ends here.
 *
 * @returns whether the assertion is encrypted
 */
export function requireStructure(tree: XmlTree): boolean {
  const assertions = childrenNamed(tree, ns.assertion, 'Assertion');
  const encrypted = childrenNamed(tree, ns.assertion, 'EncryptedAssertion');
  const [owner] = [...assertions, ...encrypted];
  if (!owner || assertions.length + encrypted.length !== 1)
    throw new SamlRefusal('message.structure', 'not exactly one assertion');
  const signatures = new Set([signatureIn(tree), assertions[0] && signatureIn(assertions[0])]);
  const counts = new Map<string, number>();
  for (const element of everyElement(tree)) {
    // Names count in any namespace: nothing that is called an assertion may hide under another prefix.
    if (singular.has(element.name)) counts.set(element.name, (counts.get(element.name) ?? 0) + 1);
    if (element.namespace !== ns.signature || !signatureNames.has(element.name)) continue;
    if (element.name === 'Signature' && !signatures.has(element)) throw new SamlRefusal('signature.place');
    if (element.name === 'SignedInfo') counts.set('SignedInfo', (counts.get('SignedInfo') ?? 0) + 1);
  }
  const total = (counts.get('Assertion') ?? 0) + (counts.get('EncryptedAssertion') ?? 0);
  if (counts.get('Response') !== 1 || total !== 1)
    throw new SamlRefusal('message.structure', 'a second response or assertion');
  // By its own name, because honest identity providers do this when they are told to.
  if (counts.has('EncryptedID')) throw new SamlRefusal('name_id.encrypted');
  if ((counts.get('EncryptedData') ?? 0) !== encrypted.length)
    throw new SamlRefusal('message.structure', 'encrypted parts');
  const expectedInfos = [...signatures].filter((signature) => signature !== undefined).length;
  if ((counts.get('SignedInfo') ?? 0) !== expectedInfos) throw new SamlRefusal('signature.structure');
  return encrypted.length === 1;
}

function signatureIn(owner: XmlTree): XmlTree | undefined {
  const [first, second] = elementsOf(owner);
  return isElement(first, ns.assertion, 'Issuer') && isElement(second, ns.signature, 'Signature') ? second : undefined;
}

export function hasSignature(owner: XmlTree): boolean {
  return signatureIn(owner) !== undefined;
}

/** The context holds one assertion and nothing else, its ids do not repeat those outside, and its only signature is its own. */
export function requireOneAssertion(context: XmlTree, whole: XmlTree): void {
  const [assertion, ...others] = context.children;
  if (!isElement(assertion, ns.assertion, 'Assertion') || others.length > 0) throw new SamlRefusal('encrypted');
  const outside = new Set(idsOf(whole));
  if ([...idsOf(assertion)].some((id) => outside.has(id))) throw new SamlRefusal('encrypted');
  const own = signatureIn(assertion);
  let infos = 0;
  for (const element of everyElement(assertion)) {
    if (element !== assertion && singular.has(element.name)) throw new SamlRefusal('encrypted');
    if (element.namespace !== ns.signature) continue;
    if (element.name === 'Signature' && element !== own) throw new SamlRefusal('encrypted');
    if (element.name === 'SignedInfo') infos += 1;
  }
  if (infos !== (own ? 1 : 0)) throw new SamlRefusal('encrypted');
}

function* idsOf(tree: XmlTree): Generator<string> {
  for (const element of everyElement(tree)) {
    for (const { name, value } of element.attributes) if (name.toLowerCase() === 'id') yield value;
  }
}
