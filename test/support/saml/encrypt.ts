import { constants, createCipheriv, publicEncrypt, randomBytes, X509Certificate } from 'node:crypto';

export type EncryptOptions = {
  certificate: string;
  /** Default AES-256-GCM. */
  content?: string;
  /** Default RSA-OAEP with MGF1 and SHA-1, what most products send. */
  transport?: string;
  /** DigestMethod and MGF children of the transport's EncryptionMethod, and the hash that is really used. */
  transportChildren?: string;
  oaepHash?: string;
  /** EncryptedKey beside EncryptedData instead of in its KeyInfo. */
  keyBeside?: boolean;
  /** EncryptedKeys for other recipients, before ours. */
  otherRecipients?: string[];
  tamperCiphertext?: (bytes: Buffer) => Buffer;
};

export const enc = {
  aes128Gcm: 'http://www.w3.org/2009/xmlenc11#aes128-gcm',
  aes256Gcm: 'http://www.w3.org/2009/xmlenc11#aes256-gcm',
  aes256Cbc: 'http://www.w3.org/2001/04/xmlenc#aes256-cbc',
  tripleDes: 'http://www.w3.org/2001/04/xmlenc#tripledes-cbc',
  oaepMgf1p: 'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p',
  oaep: 'http://www.w3.org/2009/xmlenc11#rsa-oaep',
  rsa15: 'http://www.w3.org/2001/04/xmlenc#rsa-1_5',
};

/** An EncryptedAssertion element around the XML of an assertion (or of anything else). */
export function encryptAssertion(plaintext: string, options: EncryptOptions): string {
  const content = options.content ?? enc.aes256Gcm;
  const key = randomBytes(content === enc.aes128Gcm ? 16 : content === enc.tripleDes ? 24 : 32);
  const bytes = (options.tamperCiphertext ?? ((same: Buffer) => same))(
    seal(content, key, Buffer.from(plaintext, 'utf8')),
  );
  const recipients = [...(options.otherRecipients ?? []), options.certificate];
  const encryptedKeys = recipients.map((certificate) => encryptedKey(key, certificate, options)).join('');
  const keyInfo = options.keyBeside
    ? '<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:RetrievalMethod Type="http://www.w3.org/2001/04/xmlenc#EncryptedKey" URI="#_key"/></ds:KeyInfo>'
    : `<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">${encryptedKeys}</ds:KeyInfo>`;
  return (
    '<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">' +
    '<xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" Type="http://www.w3.org/2001/04/xmlenc#Element">' +
    `<xenc:EncryptionMethod Algorithm="${content}"/>${keyInfo}` +
    `<xenc:CipherData><xenc:CipherValue>${bytes.toString('base64')}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>` +
    `${options.keyBeside ? encryptedKeys : ''}</saml:EncryptedAssertion>`
  );
}

function encryptedKey(key: Buffer, certificate: string, options: EncryptOptions): string {
  const transport = options.transport ?? enc.oaepMgf1p;
  const publicKey = new X509Certificate(certificate).publicKey;
  const wrapped =
    transport === enc.rsa15
      ? publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, key)
      : publicEncrypt(
          { key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: options.oaepHash ?? 'sha1' },
          key,
        );
  return (
    `<xenc:EncryptedKey xmlns:xenc="http://www.w3.org/2001/04/xmlenc#"${options.keyBeside ? ' Id="_key"' : ''}>` +
    `<xenc:EncryptionMethod Algorithm="${transport}">${options.transportChildren ?? ''}</xenc:EncryptionMethod>` +
    `<xenc:CipherData><xenc:CipherValue>${wrapped.toString('base64')}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey>`
  );
}

function seal(content: string, key: Buffer, plaintext: Buffer): Buffer {
  if (content === enc.aes256Cbc || content === enc.tripleDes) {
    const block = content === enc.tripleDes ? 8 : 16;
    const iv = randomBytes(block);
    const padding = block - (plaintext.length % block);
    const padded = Buffer.concat([plaintext, randomBytes(padding - 1), Buffer.from([padding])]);
    const cipher = createCipheriv(content === enc.tripleDes ? 'des-ede3-cbc' : 'aes-256-cbc', key, iv).setAutoPadding(
      false,
    );
    return Buffer.concat([iv, cipher.update(padded), cipher.final()]);
  }
  const iv = randomBytes(12);
  const cipher = createCipheriv(content === enc.aes128Gcm ? 'aes-128-gcm' : 'aes-256-gcm', key, iv);
  return Buffer.concat([iv, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}
