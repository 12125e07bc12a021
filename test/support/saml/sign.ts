import { constants, createHash, createHmac, sign as cryptoSign } from 'node:crypto';
import { DOMParser } from '@xmldom/xmldom';
import { ExclusiveCanonicalization } from 'xml-crypto';
import { certificateBody } from '../../../src/federation/saml/certificate.ts';

// A signer that can be told to do every part wrongly. It shares nothing with the verifier: canonical form by xml-crypto over
// xmldom, SignedInfo written by hand in its canonical form.

export const uri = {
  rsaSha256: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  rsaSha384: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha384',
  rsaSha512: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
  rsaSha1: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1',
  rsaMd5: 'http://www.w3.org/2001/04/xmldsig-more#rsa-md5',
  dsaSha1: 'http://www.w3.org/2000/09/xmldsig#dsa-sha1',
  hmacSha1: 'http://www.w3.org/2000/09/xmldsig#hmac-sha1',
  hmacSha256: 'http://www.w3.org/2001/04/xmldsig-more#hmac-sha256',
  pssSha256: 'http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1',
  ecdsaSha256: 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256',
  ecdsaSha1: 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1',
  sha256: 'http://www.w3.org/2001/04/xmlenc#sha256',
  sha384: 'http://www.w3.org/2001/04/xmldsig-more#sha384',
  sha512: 'http://www.w3.org/2001/04/xmlenc#sha512',
  sha1: 'http://www.w3.org/2000/09/xmldsig#sha1',
  md5: 'http://www.w3.org/2001/04/xmldsig-more#md5',
  enveloped: 'http://www.w3.org/2000/09/xmldsig#enveloped-signature',
  exclusive: 'http://www.w3.org/2001/10/xml-exc-c14n#',
  exclusiveWithComments: 'http://www.w3.org/2001/10/xml-exc-c14n#WithComments',
  inclusive: 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315',
  xpath: 'http://www.w3.org/TR/1999/REC-xpath-19991116',
  xslt: 'http://www.w3.org/TR/1999/REC-xslt-19991116',
  base64: 'http://www.w3.org/2000/09/xmldsig#base64',
};

export type SignOptions = {
  privateKey: string;
  certificate?: string;
  method?: string;
  digest?: string;
  /** Prefix of the ds namespace; '' for a default namespace, as Entra and AD FS write. */
  prefix?: string;
  inclusivePrefixes?: string[];
  canonicalization?: string;
  /** Replaces the canonical Transforms element. */
  transforms?: string;
  /** Replaces `#id`. */
  reference?: string;
  /** Canonical XML after the first Reference, inside SignedInfo. */
  moreReferences?: string;
  /** Children of SignatureMethod. */
  methodChildren?: string;
  keyInfo?: string | null;
  /** XML after KeyInfo. */
  object?: string;
  /** Changes the finished Signature element. */
  tamper?: (signature: string) => string;
  /** Changes the canonical SignedInfo before it is signed. */
  tamperSignedInfo?: (info: string) => string;
  /** Signs this element's form instead of the one in the document. */
  hmacSecret?: string;
};

const hashes: Record<string, string> = {
  [uri.sha256]: 'sha256',
  [uri.sha384]: 'sha384',
  [uri.sha512]: 'sha512',
  [uri.sha1]: 'sha1',
  [uri.md5]: 'md5',
};

export function canonicalElement(xml: string, id: string, prefixes: string[] = []): string {
  const document = new DOMParser().parseFromString(xml, 'text/xml');
  const all = Array.from(document.getElementsByTagName('*')) as Element[];
  const element = all.find((candidate) => candidate.getAttribute('ID') === id);
  if (!element) throw new Error(`no element with ID ${id}`);
  return new ExclusiveCanonicalization().process(element, {
    inclusiveNamespacesPrefixList: prefixes,
    ancestorNamespaces: inherited(element),
  });
}

/** The declarations that stand above an element, which a list of inclusive prefixes may bring into its form. */
function inherited(element: Element): { prefix: string; namespaceURI: string }[] {
  const found: { prefix: string; namespaceURI: string }[] = [];
  for (let parent = element.parentNode; parent?.nodeType === 1; parent = parent.parentNode) {
    for (const { name, value } of Array.from((parent as Element).attributes)) {
      if (name.startsWith('xmlns:')) found.push({ prefix: name.slice(6), namespaceURI: value });
    }
  }
  return found;
}

/** Signs the element with this ID, the signature enveloped after its Issuer. */
export function signElement(xml: string, id: string, options: SignOptions): string {
  const prefixes = options.inclusivePrefixes ?? [];
  const digestUri = options.digest ?? uri.sha256;
  const digest = createHash(hashes[digestUri] ?? 'sha256')
    .update(canonicalElement(xml, id, prefixes), 'utf8')
    .digest('base64');
  const signature = buildSignature(digest, options.reference ?? `#${id}`, options);
  const at = xml.indexOf(`ID="${id}"`);
  const issuerEnd = /<\/(?:\w+:)?Issuer>/.exec(xml.slice(at));
  const insertAt = issuerEnd ? at + issuerEnd.index + issuerEnd[0].length : xml.indexOf('>', at) + 1;
  return xml.slice(0, insertAt) + signature + xml.slice(insertAt);
}

export function buildSignature(digest: string, reference: string, options: SignOptions): string {
  const prefix = options.prefix ?? 'ds';
  const tag = (name: string): string => (prefix === '' ? name : `${prefix}:${name}`);
  const declaration = `xmlns${prefix === '' ? '' : `:${prefix}`}="http://www.w3.org/2000/09/xmldsig#"`;
  const prefixes = options.inclusivePrefixes ?? [];
  const list =
    prefixes.length === 0
      ? ''
      : `<ec:InclusiveNamespaces xmlns:ec="${uri.exclusive}" PrefixList="${prefixes.join(' ')}"></ec:InclusiveNamespaces>`;
  const transforms =
    options.transforms ??
    `<${tag('Transforms')}><${tag('Transform')} Algorithm="${uri.enveloped}"></${tag('Transform')}>` +
      `<${tag('Transform')} Algorithm="${uri.exclusive}">${list}</${tag('Transform')}></${tag('Transforms')}>`;
  const method = options.method ?? uri.rsaSha256;
  const info = (options.tamperSignedInfo ?? ((text: string) => text))(
    `<${tag('SignedInfo')} ${declaration}>` +
      `<${tag('CanonicalizationMethod')} Algorithm="${options.canonicalization ?? uri.exclusive}"></${tag('CanonicalizationMethod')}>` +
      `<${tag('SignatureMethod')} Algorithm="${method}">${options.methodChildren ?? ''}</${tag('SignatureMethod')}>` +
      `<${tag('Reference')} URI="${reference}">${transforms}` +
      `<${tag('DigestMethod')} Algorithm="${options.digest ?? uri.sha256}"></${tag('DigestMethod')}>` +
      `<${tag('DigestValue')}>${digest}</${tag('DigestValue')}></${tag('Reference')}>${options.moreReferences ?? ''}</${tag('SignedInfo')}>`,
  );
  const body = options.certificate ? certificateBody(options.certificate) : '';
  const keyInfo =
    options.keyInfo === null
      ? ''
      : (options.keyInfo ??
        (body === ''
          ? ''
          : `<${tag('KeyInfo')}><${tag('X509Data')}><${tag('X509Certificate')}>${body}</${tag('X509Certificate')}></${tag('X509Data')}></${tag('KeyInfo')}>`));
  const finished =
    `<${tag('Signature')} ${declaration}>${info}` +
    `<${tag('SignatureValue')}>${signBytes(info, method, options)}</${tag('SignatureValue')}>${keyInfo}${options.object ?? ''}</${tag('Signature')}>`;
  return (options.tamper ?? ((text: string) => text))(finished);
}

function signBytes(info: string, method: string, { privateKey, hmacSecret }: SignOptions): string {
  const bytes = Buffer.from(info, 'utf8');
  if (hmacSecret !== undefined)
    return createHmac(method === uri.hmacSha1 ? 'sha1' : 'sha256', hmacSecret)
      .update(bytes)
      .digest('base64');
  const hash = /sha1/i.test(method)
    ? 'sha1'
    : /md5/i.test(method)
      ? 'md5'
      : /sha384/.test(method)
        ? 'sha384'
        : /sha512/.test(method)
          ? 'sha512'
          : 'sha256';
  if (/ecdsa/.test(method))
    return cryptoSign(hash, bytes, { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64');
  if (/MGF1/.test(method)) {
    const key = {
      key: privateKey,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    };
    return cryptoSign(hash, bytes, key).toString('base64');
  }
  return cryptoSign(hash, bytes, privateKey).toString('base64');
}
