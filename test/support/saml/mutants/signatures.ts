/** Signatures made wrongly, by the wrong key, or in a way that SAML does not allow. */
import type { RefusalCode } from '../../../../src/federation/saml/codes.ts';
import type { ResponseOptions } from '../../../../src/federation/saml/response.ts';
import { keys } from '../keys.ts';
import { encodePost, responseXml } from '../messages.ts';
import { type SignOptions, uri } from '../sign.ts';
import { base64, type Mutant } from './mutant.ts';

export const attacker = (): Partial<SignOptions> => ({
  privateKey: keys.attacker().privateKey,
  certificate: keys.attacker().certificate,
});

function signature(
  id: string,
  name: string,
  code: RefusalCode,
  options: () => Partial<SignOptions>,
  expected?: () => Partial<ResponseOptions>,
): Mutant {
  return {
    id,
    name,
    code,
    make: (form) =>
      encodePost(responseXml({ ...form.options, assertionSignature: options(), responseSignature: options() })),
    get expected() {
      return expected?.();
    },
  } as Mutant;
}

const transforms = (...algorithms: string[]): string =>
  `<ds:Transforms>${algorithms.map((a) => `<ds:Transform Algorithm="${a}"></ds:Transform>`).join('')}</ds:Transforms>`;
const otherReference =
  `<ds:Reference URI="#_other"><ds:Transforms><ds:Transform Algorithm="${uri.enveloped}"></ds:Transform><ds:Transform Algorithm="${uri.exclusive}"></ds:Transform></ds:Transforms>` +
  `<ds:DigestMethod Algorithm="${uri.sha256}"></ds:DigestMethod><ds:DigestValue>47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=</ds:DigestValue></ds:Reference>`;
export const digestText = (change: (digest: string) => string) => (text: string) =>
  text.replace(
    /(<ds:DigestValue>)([^<]+)(<)/,
    (_all, open: string, digest: string, close: string) => open + change(digest) + close,
  );

export const signatureMutants: Mutant[] = [
  signature('SA-04', 'a key that the message itself brings along', 'signature.invalid', attacker),
  signature('SA-04', 'the pinned certificate in KeyInfo, another key in truth', 'signature.invalid', () => ({
    privateKey: keys.attacker().privateKey,
    certificate: keys.idp().certificate,
  })),
  signature('SA-04', 'a KeyValue in KeyInfo', 'signature.invalid', () => ({
    privateKey: keys.attacker().privateKey,
    keyInfo:
      '<ds:KeyInfo><ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQAB</ds:Modulus><ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue></ds:KeyValue></ds:KeyInfo>',
  })),
  signature('SA-04', 'a KeyName in KeyInfo', 'signature.invalid', () => ({
    privateKey: keys.attacker().privateKey,
    keyInfo: '<ds:KeyInfo><ds:KeyName>idp.example</ds:KeyName></ds:KeyInfo>',
  })),
  signature('SA-04', 'RSA with SHA-1', 'signature.algorithm', () => ({ method: uri.rsaSha1 })),
  signature('SA-04', 'RSA with MD5', 'signature.algorithm', () => ({ method: uri.rsaMd5 })),
  signature('SA-04', 'DSA', 'signature.algorithm', () => ({ method: uri.dsaSha1 })),
  signature(
    'SA-04',
    'ECDSA with SHA-1',
    'signature.algorithm',
    () => ({ method: uri.ecdsaSha1, privateKey: keys.ec().privateKey }),
    () => ({ certificates: [keys.ec().certificate] }),
  ),
  signature('SA-04', 'HMAC keyed with the public certificate', 'signature.algorithm', () => ({
    method: uri.hmacSha256,
    hmacSecret: keys.idp().certificate,
  })),
  signature('SA-04', 'HMAC-SHA1 with an empty key', 'signature.algorithm', () => ({
    method: uri.hmacSha1,
    hmacSecret: '',
  })),
  signature('SA-04', 'an algorithm named constructor', 'signature.algorithm', () => ({ method: 'constructor' })),
  signature('SA-04', 'an algorithm named __proto__', 'signature.algorithm', () => ({ method: '__proto__' })),
  signature('SA-04', 'no algorithm', 'signature.algorithm', () => ({ method: '' })),
  signature('SA-04', 'an RSA method claimed for an EC key', 'signature.invalid', () => ({
    method: uri.ecdsaSha256,
    privateKey: keys.ec().privateKey,
  })),
  signature(
    'SA-04',
    'an RSA method over the signature of a pinned EC key',
    'signature.invalid',
    () => ({ privateKey: keys.ec().privateKey }),
    () => ({ certificates: [keys.ec().certificate] }),
  ),
  signature('SA-04', 'an ECDSA method over the signature of a pinned RSA key', 'signature.invalid', () => ({
    method: uri.ecdsaSha256,
  })),
  signature(
    'SA-04',
    'a pinned key of 1024 bits',
    'signature.certificate',
    () => ({ privateKey: keys.weak().privateKey }),
    () => ({ certificates: [keys.weak().certificate] }),
  ),
  signature(
    'SA-04',
    'no pinned certificate',
    'signature.certificate',
    () => ({}),
    () => ({ certificates: [] }),
  ),
  signature('SA-04', 'a digest by SHA-1', 'signature.algorithm', () => ({ digest: uri.sha1 })),
  signature('SA-04', 'a digest by MD5', 'signature.algorithm', () => ({ digest: uri.md5 })),
  signature('SA-04', 'an HMACOutputLength in the signature method', 'signature.algorithm', () => ({
    methodChildren: '<ds:HMACOutputLength>0</ds:HMACOutputLength>',
  })),
  signature('SA-02', 'two References', 'signature.reference', () => ({ moreReferences: otherReference })),
  signature('SA-10', '200 References', 'signature.reference', () => ({ moreReferences: otherReference.repeat(199) })),
  signature('SA-02', 'a Reference to the whole document', 'signature.reference', () => ({ reference: '' })),
  signature('SA-02', 'a Reference to another element', 'signature.reference', () => ({ reference: '#_zzz' })),
  signature('SA-02', 'a Reference by XPointer', 'signature.reference', () => ({ reference: "#xpointer(id('_a1'))" })),
  signature('SA-02', 'a Reference to the outside', 'signature.reference', () => ({
    reference: 'https://attacker.example/signed.xml',
  })),
  signature('SA-02', 'a Reference to a file', 'signature.reference', () => ({ reference: 'file:///etc/passwd' })),
  signature('SA-02', 'an XPath transform', 'signature.transform', () => ({
    transforms: `<ds:Transforms><ds:Transform Algorithm="${uri.enveloped}"></ds:Transform><ds:Transform Algorithm="${uri.xpath}"><ds:XPath>false()</ds:XPath></ds:Transform></ds:Transforms>`,
  })),
  signature('SA-02', 'an XSLT transform', 'signature.transform', () => ({
    transforms: transforms(uri.xslt, uri.exclusive),
  })),
  signature('SA-02', 'a base64 transform', 'signature.transform', () => ({
    transforms: transforms(uri.enveloped, uri.base64),
  })),
  signature('SA-02', 'inclusive canonicalization', 'signature.transform', () => ({
    transforms: transforms(uri.enveloped, uri.inclusive),
  })),
  signature('SA-02', 'inclusive canonicalization of SignedInfo', 'signature.transform', () => ({
    canonicalization: uri.inclusive,
  })),
  signature('SA-02', 'canonicalization with comments', 'signature.transform', () => ({
    transforms: transforms(uri.enveloped, uri.exclusiveWithComments),
  })),
  signature('SA-02', 'canonicalization of SignedInfo with comments', 'signature.transform', () => ({
    canonicalization: uri.exclusiveWithComments,
  })),
  signature('SA-02', 'only the enveloped transform', 'signature.transform', () => ({
    transforms: transforms(uri.enveloped),
  })),
  signature('SA-02', 'no enveloped transform', 'signature.transform', () => ({
    transforms: transforms(uri.exclusive),
  })),
  signature('SA-02', 'transforms in the wrong order', 'signature.transform', () => ({
    transforms: transforms(uri.exclusive, uri.enveloped),
  })),
  signature('SA-02', 'a parameter of the enveloped transform', 'signature.transform', () => ({
    transforms: `<ds:Transforms><ds:Transform Algorithm="${uri.enveloped}"><ds:XPath>1</ds:XPath></ds:Transform><ds:Transform Algorithm="${uri.exclusive}"></ds:Transform></ds:Transforms>`,
  })),
  signature('SA-02', 'a foreign parameter of the canonicalization', 'signature.transform', () => ({
    transforms: `<ds:Transforms><ds:Transform Algorithm="${uri.enveloped}"></ds:Transform><ds:Transform Algorithm="${uri.exclusive}"><ds:XPath>1</ds:XPath></ds:Transform></ds:Transforms>`,
  })),
  signature('SA-02', '33 inclusive prefixes', 'signature.transform', () => ({
    inclusivePrefixes: Array.from({ length: 33 }, (_n, i) => `p${i}`),
  })),
  signature('SA-02', 'a parameter of the digest', 'signature.algorithm', () => ({
    tamperSignedInfo: (info) => info.replace('></ds:DigestMethod>', '><x:x xmlns:x="urn:x"></x:x></ds:DigestMethod>'),
  })),
  signature('SA-02', 'three transforms', 'signature.transform', () => ({
    transforms: transforms(uri.enveloped, uri.exclusive, uri.exclusive),
  })),
  signature('SA-02', 'fifty transforms', 'signature.transform', () => ({
    transforms: transforms(uri.enveloped, ...Array(49).fill(uri.exclusive)),
  })),
  signature('SA-02', 'a digest that is signed and wrong', 'signature.digest', () => ({
    tamperSignedInfo: digestText(() => '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='),
  })),
  signature('SA-02', 'a digest that is signed and too short', 'signature.structure', () => ({
    tamperSignedInfo: digestText((d) => base64(Buffer.from(d, 'base64').subarray(0, 8).toString('latin1'))),
  })),
  signature('SA-02', 'an empty digest that is signed', 'signature.structure', () => ({
    tamperSignedInfo: digestText(() => ''),
  })),
  signature('SA-02', 'a digest changed after signing', 'signature.invalid', () => ({
    tamper: digestText(() => '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='),
  })),
  signature('SA-02', 'an Object in the signature', 'signature.structure', () => ({
    object: '<ds:Object>x</ds:Object>',
  })),
  signature('SA-02', 'an Object in the place of KeyInfo', 'signature.structure', () => ({
    keyInfo: null,
    object: '<ds:Object>x</ds:Object>',
  })),
  signature('SA-02', 'an empty SignatureValue', 'signature.structure', () => ({
    tamper: (xml) => xml.replace(/(<ds:SignatureValue>)[^<]+/, '$1'),
  })),
  signature('SA-02', 'a signature of zeros', 'signature.invalid', () => ({
    tamper: (xml) => xml.replace(/(<ds:SignatureValue>)[^<]+/, `$1${Buffer.alloc(256).toString('base64')}`),
  })),
];
