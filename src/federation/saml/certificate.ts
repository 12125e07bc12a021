/** X.509 certificates: read strictly, told apart by their fingerprint, and made by ourselves where one only carries a key. */
import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import { strictBase64 } from './decode.ts';
import {
  bitString,
  der,
  explicit,
  integer,
  nothing,
  objectId,
  octetString,
  sequence,
  set,
  time,
  utf8String,
} from './der.ts';

export type Certificate = {
  pem: string;
  /** SHA-256 of the DER bytes, lower-case hexadecimal without separators. */
  fingerprint: string;
  subject: string;
  not_before: Date;
  not_after: Date;
  key_type: 'rsa' | 'ec' | 'other';
  key_bits: number;
  /** Whether signatures may be verified with it: RSA of 2048 to 8192 bits, or P-256, P-384, P-521. */
  usable: boolean;
};

const curves: Record<string, number> = { prime256v1: 256, secp384r1: 384, secp521r1: 521 };

/**
 * Reads a certificate from PEM, from bare base64 as metadata carries it, or from DER bytes.
 * Validity is reported and not judged: in SAML a certificate is only the wrapping of a key (SAML2int §2.4.2).
 *
 * @throws TypeError when it is no certificate
 */
export function readCertificate(input: string | Uint8Array): Certificate {
  let bytes: Buffer;
  let parsed: X509Certificate;
  try {
    bytes = typeof input === 'string' ? derFromText(input) : Buffer.from(input);
    parsed = new X509Certificate(bytes);
  } catch {
    throw new TypeError('not an X.509 certificate');
  }
  // A certificate with trailing bytes would have two fingerprints for one key.
  if (!parsed.raw.equals(bytes)) throw new TypeError('not an X.509 certificate');
  const { type, bits } = keySize(parsed.publicKey);
  return {
    pem: parsed.toString(),
    fingerprint: parsed.fingerprint256.replaceAll(':', '').toLowerCase(),
    subject: parsed.subject.replaceAll('\n', ', '),
    not_before: new Date(parsed.validFrom),
    not_after: new Date(parsed.validTo),
    key_type: type,
    key_bits: bits,
    usable: (type === 'rsa' && bits >= 2048 && bits <= 8192) || type === 'ec',
  };
}

function derFromText(text: string): Buffer {
  const armoured = text.match(/-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/);
  if (!armoured && text.includes('-----')) throw new TypeError('not a certificate');
  return strictBase64((armoured?.[1] ?? text).replace(/\s+/g, ''));
}

function keySize(key: KeyObject): { type: Certificate['key_type']; bits: number } {
  if (key.asymmetricKeyType === 'rsa') return { type: 'rsa', bits: key.asymmetricKeyDetails?.modulusLength ?? 0 };
  const bits = curves[key.asymmetricKeyDetails?.namedCurve ?? ''];
  return bits === undefined ? { type: 'other', bits: 0 } : { type: 'ec', bits };
}

/** The base64 of a PEM certificate in one line, as XML carries it. */
export function certificateBody(pem: string): string {
  return readCertificate(pem).pem.replace(/-----[A-Z ]+-----|\s+/g, '');
}

export type SelfSignedOptions = { privateKey: string; commonName: string; notBefore: Date; notAfter: Date };

/**
 * A self-signed X.509 v3 certificate (RFC 5280) around an RSA or EC key given as PKCS#8 PEM, signed by it with SHA-256.
 * It carries the key and nothing anyone should trust by itself: no CA, digitalSignature and keyEncipherment only.
 */
export function selfSignedCertificate({ privateKey, commonName, notBefore, notAfter }: SelfSignedOptions): string {
  const key = createPrivateKey(privateKey);
  const algorithms: Record<string, Buffer> = {
    rsa: sequence(objectId('1.2.840.113549.1.1.11'), nothing()),
    ec: sequence(objectId('1.2.840.10045.4.3.2')),
  };
  const algorithm = algorithms[key.asymmetricKeyType ?? ''];
  if (!algorithm) throw new TypeError('an RSA or EC key is needed');
  const name = sequence(set(sequence(objectId('2.5.4.3'), utf8String(commonName.slice(0, 64)))));
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const extension = (id: string, value: Buffer): Buffer =>
    sequence(objectId(id), der(0x01, Buffer.from([0xff])), octetString(value));
  const body = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(serial),
    algorithm,
    name,
    sequence(time(notBefore), time(notAfter)),
    name,
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
    explicit(
      3,
      sequence(
        extension('2.5.29.19', sequence()),
        // digitalSignature (bit 0) and keyEncipherment (bit 2), five bits unused
        extension('2.5.29.15', der(0x03, Buffer.from([5, 0b10100000]))),
      ),
    ),
  );
  const bytes = sequence(body, algorithm, bitString(sign('sha256', body, key)));
  return new X509Certificate(bytes).toString();
}
