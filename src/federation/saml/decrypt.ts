import { constants, createDecipheriv, privateDecrypt } from 'node:crypto';
import { SamlRefusal } from './codes.ts';
import { strictBase64 } from './decode.ts';
import { ns } from './names.ts';
import { attributeOf, childrenNamed, elementsOf, plainText, type XmlTree } from './tree.ts';

// XML Encryption (xmlenc-core1) as far as SAML assertions need it. What stands in the clear (algorithms) has its own codes;
// whatever fails once a key is involved is the one refusal `encrypted`, so that no answer says how far it got (SA-05).

type Content = { cipher: string; keyBytes: number; mode: 'gcm' | 'cbc' };

const contentAlgorithms = new Map<string, Content>(
  Object.entries<Content>({
    'http://www.w3.org/2009/xmlenc11#aes128-gcm': { cipher: 'aes-128-gcm', keyBytes: 16, mode: 'gcm' },
    'http://www.w3.org/2009/xmlenc11#aes192-gcm': { cipher: 'aes-192-gcm', keyBytes: 24, mode: 'gcm' },
    'http://www.w3.org/2009/xmlenc11#aes256-gcm': { cipher: 'aes-256-gcm', keyBytes: 32, mode: 'gcm' },
    'http://www.w3.org/2001/04/xmlenc#aes128-cbc': { cipher: 'aes-128-cbc', keyBytes: 16, mode: 'cbc' },
    'http://www.w3.org/2001/04/xmlenc#aes192-cbc': { cipher: 'aes-192-cbc', keyBytes: 24, mode: 'cbc' },
    'http://www.w3.org/2001/04/xmlenc#aes256-cbc': { cipher: 'aes-256-cbc', keyBytes: 32, mode: 'cbc' },
  }),
);
const oaepMgf1p = 'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p';
const oaep = 'http://www.w3.org/2009/xmlenc11#rsa-oaep';
const digests = new Map(
  Object.entries({
    'http://www.w3.org/2000/09/xmldsig#sha1': 'sha1',
    'http://www.w3.org/2001/04/xmlenc#sha256': 'sha256',
    'http://www.w3.org/2001/04/xmldsig-more#sha384': 'sha384',
    'http://www.w3.org/2001/04/xmlenc#sha512': 'sha512',
  }),
);
const masks = new Map(
  Object.entries({
    'http://www.w3.org/2009/xmlenc11#mgf1sha1': 'sha1',
    'http://www.w3.org/2009/xmlenc11#mgf1sha256': 'sha256',
    'http://www.w3.org/2009/xmlenc11#mgf1sha384': 'sha384',
    'http://www.w3.org/2009/xmlenc11#mgf1sha512': 'sha512',
  }),
);
const maxEncryptedKeys = 4;

export type DecryptionPolicy = { allowCbc: boolean };

/**
 * The plaintext of an EncryptedAssertion. Every EncryptedKey (at most four) is tried with every private key (PKCS#8 PEM),
 * so both keys of a rollover work. AES-GCM always; AES-CBC only by `allowCbc`; key transport by RSA-OAEP only.
 *
 * @throws SamlRefusal `encrypted.algorithm`, `encrypted.cbc`, or `encrypted` for all the rest
 */
export function decryptAssertion(encrypted: XmlTree, privateKeys: string[], policy: DecryptionPolicy): Buffer {
  const data = only(childrenNamed(encrypted, ns.encryption, 'EncryptedData'));
  const algorithm = attributeOf(only(childrenNamed(data, ns.encryption, 'EncryptionMethod')), 'Algorithm') ?? '';
  const content = contentAlgorithms.get(algorithm);
  if (!content) throw new SamlRefusal('encrypted.algorithm', algorithm);
  if (content.mode === 'cbc' && !policy.allowCbc) throw new SamlRefusal('encrypted.cbc');
  const transports = encryptedKeys(encrypted, data).map(keyTransport);
  try {
    const ciphertext = cipherValue(data);
    for (const transport of transports) {
      for (const privateKey of privateKeys) {
        const plaintext = attempt(transport, privateKey, content, ciphertext);
        if (plaintext) return plaintext;
      }
    }
  } catch {
    throw new SamlRefusal('encrypted');
  }
  throw new SamlRefusal('encrypted');
}

function only(found: XmlTree[]): XmlTree {
  const [first, ...rest] = found;
  if (!first || rest.length > 0) throw new SamlRefusal('encrypted');
  return first;
}

/** EncryptedKeys stand in the KeyInfo of the data, or beside it (SAML core §2.2.4, both are in use). */
function encryptedKeys(encrypted: XmlTree, data: XmlTree): XmlTree[] {
  const inside = childrenNamed(data, ns.signature, 'KeyInfo').flatMap((info) =>
    childrenNamed(info, ns.encryption, 'EncryptedKey'),
  );
  const keys = [...inside, ...childrenNamed(encrypted, ns.encryption, 'EncryptedKey')];
  if (keys.length === 0 || keys.length > maxEncryptedKeys) throw new SamlRefusal('encrypted');
  return keys;
}

type Transport = { hash: string; wrapped: Buffer };

function keyTransport(encryptedKey: XmlTree): Transport {
  const method = only(childrenNamed(encryptedKey, ns.encryption, 'EncryptionMethod'));
  const algorithm = attributeOf(method, 'Algorithm');
  if (algorithm !== oaep && algorithm !== oaepMgf1p) throw new SamlRefusal('encrypted.algorithm', algorithm);
  let hash: string | undefined = 'sha1';
  let mask: string | undefined = 'sha1';
  for (const parameter of elementsOf(method)) {
    const uri = attributeOf(parameter, 'Algorithm') ?? '';
    if (parameter.name === 'DigestMethod' && parameter.namespace === ns.signature) hash = digests.get(uri);
    else if (parameter.name === 'MGF' && parameter.namespace === ns.encryption11 && algorithm === oaep)
      mask = masks.get(uri);
    // OAEPparams is a label; we never published one. KeySize changes nothing.
    else if (parameter.name !== 'KeySize' && plainText(parameter) !== '')
      throw new SamlRefusal('encrypted.algorithm', parameter.name);
  }
  // node:crypto uses one hash for the label and the mask; a mixture (digest SHA-256 with mask SHA-1) is refused by name.
  if (!hash || hash !== mask)
    throw new SamlRefusal('encrypted.algorithm', `${algorithm} ${hash ?? '?'}/${mask ?? '?'}`);
  return { hash, wrapped: cipherValue(encryptedKey) };
}

function cipherValue(encrypted: XmlTree): Buffer {
  const data = only(childrenNamed(encrypted, ns.encryption, 'CipherData'));
  const text = plainText(only(childrenNamed(data, ns.encryption, 'CipherValue')));
  try {
    return strictBase64((text ?? '').replace(/[ \t\r\n]/g, ''));
  } catch {
    throw new SamlRefusal('encrypted');
  }
}

function attempt(transport: Transport, privateKey: string, content: Content, ciphertext: Buffer): Buffer | undefined {
  try {
    const key = privateDecrypt(
      { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: transport.hash },
      transport.wrapped,
    );
    if (key.length !== content.keyBytes) return undefined;
    return content.mode === 'gcm' ? openGcm(content, key, ciphertext) : openCbc(content, key, ciphertext);
  } catch {
    return undefined;
  }
}

function openGcm(content: Content, key: Buffer, ciphertext: Buffer): Buffer | undefined {
  if (ciphertext.length < 12 + 16) return undefined;
  const decipher = createDecipheriv(content.cipher as 'aes-256-gcm', key, ciphertext.subarray(0, 12), {
    authTagLength: 16,
  });
  decipher.setAuthTag(ciphertext.subarray(-16));
  return Buffer.concat([decipher.update(ciphertext.subarray(12, -16)), decipher.final()]);
}

/** The padding of xmlenc-core1 §5.2: only its last byte means something. */
function openCbc(content: Content, key: Buffer, ciphertext: Buffer): Buffer | undefined {
  if (ciphertext.length < 32 || ciphertext.length % 16 !== 0) return undefined;
  const decipher = createDecipheriv(content.cipher, key, ciphertext.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(ciphertext.subarray(16)), decipher.final()]);
  const padding = padded.at(-1) ?? 0;
  if (padding < 1 || padding > 16) return undefined;
  return padded.subarray(0, padded.length - padding);
}
