/** Encryption: made wrongly, around the wrong thing, or by what is too weak. */
import { constants, publicEncrypt } from 'node:crypto';
import type { ResponseOptions } from '../../../../src/federation/saml/response.ts';
import { enc, encryptAssertion } from '../encrypt.ts';
import { keys } from '../keys.ts';
import { attribute, encodePost, type MessageOptions, responseXml } from '../messages.ts';
import { buildSignature, uri } from '../sign.ts';
import { content, schemaOr } from './content.ts';
import { clear, type Form, type Mutant } from './mutant.ts';
import { attacker } from './signatures.ts';
import { evil, hiddenInfo, insertInto, signatureOf, withoutSignature } from './tampered.ts';

function encrypted(
  id: string,
  name: string,
  code: Mutant['code'],
  options: MessageOptions | (() => MessageOptions),
  expected?: Partial<ResponseOptions>,
  only?: (form: Form) => boolean,
): Mutant {
  return {
    id,
    name,
    code,
    only: (form) => form.encrypted && (only?.(form) ?? true),
    make: (form) =>
      encodePost(responseXml({ ...form.options, ...(typeof options === 'function' ? options() : options) })),
    ...(expected ? { expected } : {}),
  };
}

const inner = (change: (xml: string) => string): MessageOptions => ({ tamperAssertion: change });
const innerSigned = (form: Form): boolean => form.assertionSigned;

export const encryptionMutants: Mutant[] = [
  encrypted('SA-05', 'key transport by RSA 1.5', 'encrypted.algorithm', { encrypt: { transport: enc.rsa15 } }),
  encrypted('SA-05', 'RSA 1.5 that calls itself OAEP', 'encrypted', () => ({
    encrypt: {},
    tamperUnsigned: (xml) => {
      const wrapped = publicEncrypt(
        { key: keys.sp().publicKey, padding: constants.RSA_PKCS1_PADDING },
        Buffer.alloc(32),
      ).toString('base64');
      return xml.replace(
        /(<xenc:CipherValue>)[^<]+(<\/xenc:CipherValue><\/xenc:CipherData><\/xenc:EncryptedKey>)/,
        `$1${wrapped}$2`,
      );
    },
  })),
  encrypted('SA-05', 'triple DES', 'encrypted.algorithm', { encrypt: { content: enc.tripleDes } }),
  encrypted('SA-05', 'AES-CBC without permission', 'encrypted.cbc', { encrypt: { content: enc.aes256Cbc } }),
  encrypted(
    'SA-05',
    'AES-CBC by permission, but without an outer signature',
    'encrypted.cbc',
    { encrypt: { content: enc.aes256Cbc } },
    { policy: { allowCbc: true } },
    (form) => !form.responseSigned,
  ),
  encrypted(
    'SA-05',
    'AES-CBC with a changed last block, where it is allowed',
    'encrypted',
    {
      encrypt: {
        content: enc.aes256Cbc,
        tamperCiphertext: (b) => Buffer.concat([b.subarray(0, -16), Buffer.alloc(16)]),
      },
    },
    { policy: { allowCbc: true, failuresAreRateLimited: true } },
  ),
  encrypted('SA-05', 'a content algorithm named constructor', 'encrypted.algorithm', {
    encrypt: { content: 'constructor' },
  }),
  encrypted('SA-05', 'a changed ciphertext', 'encrypted', {
    encrypt: { tamperCiphertext: (b) => Buffer.from(b.map((byte, i) => (i === 40 ? byte ^ 1 : byte))) },
  }),
  encrypted('SA-05', 'a wrong authentication tag', 'encrypted', {
    encrypt: { tamperCiphertext: (b) => Buffer.from(b.map((byte, i) => (i === b.length - 1 ? byte ^ 1 : byte))) },
  }),
  encrypted('SA-05', 'a cut authentication tag', 'encrypted', {
    encrypt: { tamperCiphertext: (b) => b.subarray(0, -1) },
  }),
  encrypted('SA-05', 'an empty ciphertext', 'encrypted', { encrypt: { tamperCiphertext: () => Buffer.alloc(1) } }),
  encrypted('SA-05', 'encrypted to another key', 'encrypted', () => ({
    encrypt: { certificate: keys.attacker().certificate },
  })),
  encrypted('SA-05', 'no decryption key of ours', 'encrypted', {}, { decryptionKeys: [] }),
  encrypted('SA-05', 'five recipients', 'encrypted', () => ({
    encrypt: { otherRecipients: Array(4).fill(keys.attacker().certificate) },
  })),
  encrypted('SA-05', 'a mixture of OAEP hashes', 'encrypted.algorithm', {
    encrypt: {
      transportChildren: `<ds:DigestMethod xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Algorithm="${uri.sha256}"/>`,
    },
  }),
  encrypted('SA-05', 'a label of OAEP', 'encrypted.algorithm', {
    encrypt: { transportChildren: '<xenc:OAEPparams>AAAA</xenc:OAEPparams>' },
  }),
  content('SA-05', 'one attribute encrypted by itself', schemaOr('message.structure'), {
    get attributes() {
      const sealed = encryptAssertion('<saml:Attribute Name="x"/>', { certificate: keys.sp().certificate });
      return `<saml:AttributeStatement>${sealed.replaceAll('EncryptedAssertion', 'EncryptedAttribute')}</saml:AttributeStatement>`;
    },
  }),
  encrypted('SA-05', 'a foreign assertion encrypted to us, unsigned', 'signature.missing', { sign: 'none' }),
  encrypted('SA-05', 'a foreign assertion encrypted to us, signed by the attacker', 'signature.invalid', () => ({
    sign: 'assertion',
    assertionSignature: attacker(),
  })),
  encrypted(
    'SA-05',
    'a plaintext that is no assertion',
    'encrypted',
    inner(() => 'hello'),
  ),
  encrypted(
    'SA-05',
    'a plaintext of two assertions',
    'encrypted',
    inner((xml) => xml + evil()),
  ),
  encrypted(
    'SA-05',
    'a plaintext with text beside the assertion',
    'encrypted',
    inner((xml) => `${xml}x`),
  ),
  encrypted(
    'SA-05',
    'a plaintext that closes its surroundings',
    'encrypted',
    inner((xml) => `${xml}</_lintel:context><_lintel:context>`),
  ),
  encrypted(
    'SA-05',
    'a plaintext with a comment in the NameID',
    'encrypted',
    inner((xml) => xml.replace('u-4711', 'u<!---->-4711')),
  ),
  encrypted(
    'SA-05',
    'a plaintext with CDATA in the NameID',
    'encrypted',
    inner((xml) => xml.replace('u-4711', '<![CDATA[u-4711]]>')),
  ),
  encrypted(
    'SA-05',
    'a plaintext with a processing instruction',
    'encrypted',
    inner((xml) => xml.replace('u-4711', 'u<?x?>-4711')),
  ),
  encrypted(
    'SA-05',
    'a plaintext with a DOCTYPE',
    'encrypted',
    inner((xml) => `<!DOCTYPE x>${xml}`),
  ),
  encrypted(
    'SA-05',
    'a plaintext with a second assertion in Advice',
    'encrypted',
    inner((xml) => xml.replace('<saml:AuthnStatement', `<saml:Advice>${evil()}</saml:Advice><saml:AuthnStatement`)),
  ),
  encrypted('SA-05', 'a plaintext around an EncryptedAssertion', 'encrypted', () =>
    inner((xml) => encryptAssertion(xml, { certificate: keys.sp().certificate })),
  ),
  encrypted('SA-05', 'a plaintext with the id of the response', 'encrypted', { assertionId: '_r1' }),
  encrypted(
    'SA-05',
    'a plaintext against the schema',
    'encrypted',
    inner((xml) => xml.replace('</saml:Conditions>', '<saml:Conditions/></saml:Conditions>')),
  ),
  encrypted(
    'SA-05',
    'a signed value changed before encryption',
    'signature.digest',
    inner((xml) => xml.replace('u-4711', 'admin')),
    undefined,
    innerSigned,
  ),
  encrypted(
    'SA-05',
    'a second SignedInfo in KeyInfo before encryption',
    'encrypted',
    inner((xml) => xml.replace('<ds:KeyInfo>', `<ds:KeyInfo>${hiddenInfo(xml)}`)),
    undefined,
    innerSigned,
  ),
  encrypted('SA-05', 'a stray signature in an attribute before encryption', 'encrypted', () => {
    const stray = buildSignature('47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=', '#_a1', {
      privateKey: keys.idp().privateKey,
    });
    return { attributes: `<saml:AttributeStatement>${attribute('x', [stray])}</saml:AttributeStatement>` };
  }),
  encrypted(
    'SA-05',
    'XSW3 before encryption',
    'encrypted',
    inner((xml) => evil() + xml),
    undefined,
    innerSigned,
  ),
  encrypted(
    'SA-05',
    'XSW4 before encryption',
    'encrypted',
    inner((xml) => insertInto(evil(), '</saml:Assertion>', xml)),
    undefined,
    innerSigned,
  ),
  encrypted(
    'SA-05',
    'XSW8 before encryption',
    'encrypted',
    inner((xml) =>
      evil().replace(
        '</saml:Issuer>',
        `</saml:Issuer>${insertInto(signatureOf(xml), '</ds:Signature>', `<ds:Object>${withoutSignature(xml)}</ds:Object>`)}`,
      ),
    ),
    undefined,
    innerSigned,
  ),
  content('SA-05', 'the NameID encrypted by itself', schemaOr('name_id.encrypted'), {
    get nameId() {
      return encryptAssertion('<saml:NameID>x</saml:NameID>', { certificate: keys.sp().certificate }).replaceAll(
        'saml:EncryptedAssertion',
        'saml:EncryptedID',
      );
    },
  }),
  {
    id: 'SA-05',
    name: 'no encryption where the connection asks for it',
    code: 'encrypted.required',
    only: clear,
    make: (form) => encodePost(responseXml(form.options)),
    expected: { policy: { wantEncrypted: true } },
  },
  {
    id: 'SA-04',
    name: 'no response signature where the connection asks for one',
    code: 'signature.policy',
    only: (form) => !form.responseSigned,
    make: (form) => encodePost(responseXml(form.options)),
    expected: { policy: { wantResponseSigned: true } },
  },
  {
    id: 'SA-04',
    name: 'no assertion signature where the connection asks for one',
    code: 'signature.policy',
    only: (form) => !form.assertionSigned,
    make: (form) => encodePost(responseXml(form.options)),
    expected: { policy: { wantAssertionSigned: true } },
  },
];
