import { constants, createHash, type KeyObject, timingSafeEqual, verify, X509Certificate } from 'node:crypto';
import { XmlElement } from 'libxml2-wasm';
import { canonical } from './canonical.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import { SamlRefusal } from './codes.ts';
import { strictBase64 } from './decode.ts';
import { envelopedTransform, ns } from './names.ts';
import { readCanonical } from './parse.ts';
import { attributeOf, elementsOf, isElement, plainText, type XmlTree } from './tree.ts';

// XML Signature (xmldsig-core1) reduced to the one form that SAML core §5.4 allows. Canonical bytes come from libxml2, the
// arithmetic from node:crypto; KeyInfo is never read. Order: SignedInfo is verified first, and only then, by what the
// verified SignedInfo says, one digest is computed. What an attacker can make us do without a key is one canonicalization
// of SignedInfo and one signature check per pinned certificate.

type Algorithm = { hash: string; key: 'rsa' | 'ec'; pss?: boolean };

const more = 'http://www.w3.org/2001/04/xmldsig-more#';
const morePss = 'http://www.w3.org/2007/05/xmldsig-more#';
const signatureAlgorithms = new Map<string, Algorithm>(
  Object.entries<Algorithm>({
    [`${more}rsa-sha256`]: { hash: 'sha256', key: 'rsa' },
    [`${more}rsa-sha384`]: { hash: 'sha384', key: 'rsa' },
    [`${more}rsa-sha512`]: { hash: 'sha512', key: 'rsa' },
    [`${morePss}sha256-rsa-MGF1`]: { hash: 'sha256', key: 'rsa', pss: true },
    [`${morePss}sha384-rsa-MGF1`]: { hash: 'sha384', key: 'rsa', pss: true },
    [`${morePss}sha512-rsa-MGF1`]: { hash: 'sha512', key: 'rsa', pss: true },
    [`${more}ecdsa-sha256`]: { hash: 'sha256', key: 'ec' },
  }),
);
const digestAlgorithms = new Map(
  Object.entries({
    'http://www.w3.org/2001/04/xmlenc#sha256': { hash: 'sha256', bytes: 32 },
    [`${more}sha384`]: { hash: 'sha384', bytes: 48 },
    'http://www.w3.org/2001/04/xmlenc#sha512': { hash: 'sha512', bytes: 64 },
  }),
);
const maxPrefixes = 32;

export type VerificationKey = { key: KeyObject; fingerprint: string; type: 'rsa' | 'ec' };

/** The keys of the pinned certificates that signatures may be verified with: `signature.certificate` when there is none. */
export function verificationKeys(certificates: string[]): VerificationKey[] {
  const keys: VerificationKey[] = [];
  for (const pem of certificates) {
    const certificate = tryCertificate(pem);
    if (!certificate?.usable || certificate.key_type === 'other') continue;
    keys.push({
      key: new X509Certificate(certificate.pem).publicKey,
      fingerprint: certificate.fingerprint,
      type: certificate.key_type,
    });
  }
  if (keys.length === 0) throw new SamlRefusal('signature.certificate');
  return keys;
}

/** A pinned certificate that does not parse is passed over: the others must go on working. */
function tryCertificate(pem: string): Certificate | undefined {
  try {
    return readCertificate(pem);
  } catch {
    return undefined;
  }
}

/** What a signature covers, read back from the very bytes that were digested. */
export type SignedElement = { tree: XmlTree; certificate_fingerprint: string };

/**
 * Verifies the enveloped signature that stands directly in `owner`, second after its Issuer, and takes it out of the
 * document (an outer signature must be verified before an inner one: it covers it).
 *
 * @throws SamlRefusal with a code under `signature.`
 */
export function verifyEnveloped(owner: XmlElement, keys: VerificationKey[]): SignedElement {
  const signature = signatureOf(owner);
  const ownerId = owner.attr('ID')?.value;
  const parts = elementChildren(signature);
  const [info, value, keyInfo, ...rest] = parts;
  if (!info || !value || rest.length > 0) throw new SamlRefusal('signature.structure');
  if (!isDsig(info, 'SignedInfo') || !isDsig(value, 'SignatureValue')) throw new SamlRefusal('signature.structure');
  if (keyInfo && !isDsig(keyInfo, 'KeyInfo')) throw new SamlRefusal('signature.structure');

  const infoPrefixes = prefixesOfCanonicalization(info);
  const infoBytes = canonical(info, infoPrefixes);
  const signedInfo = readSignedInfo(readCanonical(infoBytes), infoPrefixes, ownerId);
  const signer = verifyBytes(signedInfo.algorithm, Buffer.from(infoBytes, 'utf8'), base64Of(value), keys);

  signature.remove();
  const ownerBytes = canonical(owner, signedInfo.prefixes);
  const digest = createHash(signedInfo.digest.hash).update(ownerBytes, 'utf8').digest();
  if (!timingSafeEqual(digest, signedInfo.digestValue)) throw new SamlRefusal('signature.digest');
  const tree = readCanonical(ownerBytes);
  if (attributeOf(tree, 'ID') !== ownerId) throw new SamlRefusal('signature.reference');
  return { tree, certificate_fingerprint: signer.fingerprint };
}

/** Verifies a detached signature over bytes, as the redirect binding has it (SAML bindings §3.4.4.1). */
export function verifyDetached(
  algorithm: string,
  bytes: Buffer,
  signature: Buffer,
  keys: VerificationKey[],
): VerificationKey {
  return verifyBytes(allowedAlgorithm(algorithm), bytes, signature, keys);
}

function signatureOf(owner: XmlElement): XmlElement {
  const second = elementChildren(owner)[1];
  if (!second || !isDsig(second, 'Signature')) throw new SamlRefusal('signature.place');
  return second;
}

function elementChildren(element: XmlElement): XmlElement[] {
  const found: XmlElement[] = [];
  for (let child = element.firstChild; child !== null; child = child.next)
    if (child instanceof XmlElement) found.push(child);
  return found;
}

function isDsig(element: XmlElement, name: string): boolean {
  return element.name === name && element.namespaceUri === ns.signature;
}

function base64Of(element: XmlElement): Buffer {
  return signatureBase64(element.content);
}

function signatureBase64(text: string): Buffer {
  try {
    return strictBase64(text.replace(/[ \t\r\n]/g, ''));
  } catch {
    throw new SamlRefusal('signature.structure');
  }
}

type SignedInfo = {
  algorithm: Algorithm;
  digest: { hash: string; bytes: number };
  digestValue: Buffer;
  prefixes: string[];
};

function readSignedInfo(info: XmlTree, infoPrefixes: string[], ownerId: string | undefined): SignedInfo {
  const [canonicalization, method, reference, ...others] = elementsOf(info);
  if (!isElement(canonicalization, ns.signature, 'CanonicalizationMethod'))
    throw new SamlRefusal('signature.structure');
  if (!isElement(method, ns.signature, 'SignatureMethod')) throw new SamlRefusal('signature.structure');
  if (others.length > 0 || !isElement(reference, ns.signature, 'Reference'))
    throw new SamlRefusal('signature.reference');
  if (inclusivePrefixes(canonicalization).join(' ') !== infoPrefixes.join(' '))
    throw new SamlRefusal('signature.transform');

  // HMACOutputLength and RSA-PSS parameters are children of SignatureMethod; no allowed algorithm has any.
  if (elementsOf(method).length > 0) throw new SamlRefusal('signature.algorithm');
  const algorithm = allowedAlgorithm(attributeOf(method, 'Algorithm'));

  if (ownerId === undefined || attributeOf(reference, 'URI') !== `#${ownerId}`)
    throw new SamlRefusal('signature.reference');
  const [transforms, digestMethod, digestValue, ...more] = elementsOf(reference);
  if (!isElement(transforms, ns.signature, 'Transforms')) throw new SamlRefusal('signature.transform');
  if (!isElement(digestMethod, ns.signature, 'DigestMethod')) throw new SamlRefusal('signature.structure');
  if (!isElement(digestValue, ns.signature, 'DigestValue') || more.length > 0)
    throw new SamlRefusal('signature.structure');

  const [enveloped, exclusive, ...further] = elementsOf(transforms);
  if (!enveloped || !exclusive || further.length > 0) throw new SamlRefusal('signature.transform');
  if (attributeOf(enveloped, 'Algorithm') !== envelopedTransform || elementsOf(enveloped).length > 0)
    throw new SamlRefusal('signature.transform');
  const prefixes = inclusivePrefixes(exclusive);

  const digest = digestAlgorithms.get(attributeOf(digestMethod, 'Algorithm') ?? '');
  if (!digest || elementsOf(digestMethod).length > 0)
    throw new SamlRefusal('signature.algorithm', attributeOf(digestMethod, 'Algorithm'));
  const text = plainText(digestValue);
  if (text === undefined) throw new SamlRefusal('signature.structure');
  const value = signatureBase64(text);
  if (value.length !== digest.bytes) throw new SamlRefusal('signature.structure');
  return { algorithm, digest, digestValue: value, prefixes };
}

function allowedAlgorithm(uri: string | undefined): Algorithm {
  const algorithm = signatureAlgorithms.get(uri ?? '');
  if (!algorithm) throw new SamlRefusal('signature.algorithm', uri);
  return algorithm;
}

/** The prefix list of SignedInfo's own canonicalization, needed before its canonical bytes can be made and read. */
function prefixesOfCanonicalization(info: XmlElement): string[] {
  const method = elementChildren(info)[0];
  if (!method || !isDsig(method, 'CanonicalizationMethod')) throw new SamlRefusal('signature.structure');
  if (method.attr('Algorithm')?.value !== ns.exclusive) throw new SamlRefusal('signature.transform');
  const [list] = elementChildren(method);
  return list ? splitPrefixes(list.attr('PrefixList')?.value) : [];
}

/** Exclusive canonicalization as a method or transform, with its optional InclusiveNamespaces (xml-exc-c14n §4). */
function inclusivePrefixes(transform: XmlTree): string[] {
  if (attributeOf(transform, 'Algorithm') !== ns.exclusive)
    throw new SamlRefusal('signature.transform', attributeOf(transform, 'Algorithm'));
  const [list, ...rest] = elementsOf(transform);
  if (!list) return [];
  if (rest.length > 0 || !isElement(list, ns.exclusive, 'InclusiveNamespaces'))
    throw new SamlRefusal('signature.transform');
  return splitPrefixes(attributeOf(list, 'PrefixList'));
}

function splitPrefixes(list: string | undefined): string[] {
  const prefixes = (list ?? '').split(/[ \t\r\n]+/).filter((prefix) => prefix !== '');
  if (prefixes.length > maxPrefixes) throw new SamlRefusal('signature.transform');
  return prefixes;
}

function verifyBytes(algorithm: Algorithm, bytes: Buffer, signature: Buffer, keys: VerificationKey[]): VerificationKey {
  for (const candidate of keys) {
    if (candidate.type !== algorithm.key) continue;
    const key = algorithm.pss
      ? { key: candidate.key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
      : algorithm.key === 'ec'
        ? { key: candidate.key, dsaEncoding: 'ieee-p1363' as const }
        : { key: candidate.key };
    if (verify(algorithm.hash, bytes, key, signature)) return candidate;
  }
  throw new SamlRefusal('signature.invalid');
}
