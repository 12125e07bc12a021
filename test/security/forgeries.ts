/** A JWT in every way in which it can be wrong while looking right (checklist TK-01, RFC 8725), made without a library. */
import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export interface KeyInUse {
  /** The key with which this kind of token is really signed: ES256. */
  readonly privateKey: KeyObject;
  readonly kid: string;
}

type Header = Record<string, unknown> & { readonly alg: string };

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

const hashes: Record<string, string> = { '256': 'sha256', '384': 'sha384', '512': 'sha512' };

function signature(alg: string, data: string, key: KeyObject | string): Buffer {
  const hash = hashes[alg.slice(-3)] ?? 'sha256';
  if (typeof key === 'string') return createHmac(hash, key).update(data).digest();
  if (key.asymmetricKeyType === 'ec') return sign(hash, Buffer.from(data), { key, dsaEncoding: 'ieee-p1363' });
  if (key.asymmetricKeyType === 'rsa') return sign(hash, Buffer.from(data), { key });
  return sign(null, Buffer.from(data), key);
}

/** A JWS as it should be: the header as it is given, whatever it says. */
export function jws(header: Header, claims: object, key: KeyObject | string): string {
  const data = `${encode(header)}.${encode(claims)}`;
  return `${data}.${signature(header.alg, data, key).toString('base64url')}`;
}

const foreign = {
  p256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  p384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  p521: generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  secp256k1: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ed25519: generateKeyPairSync('ed25519'),
};

/**
 * The same claims under everything that is no signature by the right key with the right algorithm.
 * @param others public keys that the verifier knows beside the right one
 */
export function forgeries(
  claims: object,
  { privateKey, kid }: KeyInUse,
  typ: string,
  others: readonly { readonly kid: string; readonly key: KeyObject }[] = [],
): Record<string, string> {
  const good = jws({ alg: 'ES256', typ, kid }, claims, privateKey);
  const [head = '', body = '', end = ''] = good.split('.');
  const publicKey = createPublicKey(privateKey);
  const made: Record<string, string> = {};

  for (const alg of ['none', 'None', 'NONE', 'nOnE', '']) {
    made[`alg ${JSON.stringify(alg)}`] = `${encode({ alg, typ })}.${body}.`;
    made[`alg ${JSON.stringify(alg)} with the right signature`] = `${encode({ alg, typ, kid })}.${body}.${end}`;
  }
  made['no alg'] = `${encode({ typ, kid })}.${body}.${end}`;
  made['two algs'] = `${encode({ alg: ['none', 'ES256'], typ, kid })}.${body}.${end}`;

  for (const { kid: name, key } of [{ kid, key: publicKey }, ...others]) {
    const jwk = key.export({ format: 'jwk' });
    const texts: Record<string, string> = {
      PEM: key.export({ type: 'spki', format: 'pem' }).toString(),
      'PEM without its last line end': key.export({ type: 'spki', format: 'pem' }).toString().trimEnd(),
      DER: key.export({ type: 'spki', format: 'der' }).toString('latin1'),
      JWK: JSON.stringify(jwk),
      'JWK with its kid': JSON.stringify({ ...jwk, kid: name }),
      'first number': jwk.x ?? jwk.n ?? '',
    };
    for (const [what, text] of Object.entries(texts))
      for (const alg of ['HS256', 'HS384', 'HS512'])
        made[`${alg} with the public ${jwk.kty} key as ${what}`] = jws({ alg, typ, kid: name }, claims, text);
  }
  for (const secret of ['', '\0', 'secret', kid])
    made[`HS256 with ${JSON.stringify(secret)}`] = jws({ alg: 'HS256', typ, kid }, claims, secret);

  made['another key under the right kid'] = jws({ alg: 'ES256', typ, kid }, claims, foreign.p256.privateKey);
  made['another key without a kid'] = jws({ alg: 'ES256', typ }, claims, foreign.p256.privateKey);
  for (const [what, parameter] of Object.entries({
    jwk: { jwk: foreign.p256.publicKey.export({ format: 'jwk' }) },
    jku: { jku: 'https://keys.example/jwks' },
    x5u: { x5u: 'https://keys.example/cert' },
    x5c: { x5c: [foreign.p256.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')] },
    'a path as kid': { kid: '../../../../dev/null' },
    'SQL as kid': { kid: "' or 1=1 --" },
  }))
    made[`another key, ${what}`] = jws({ alg: 'ES256', typ, ...parameter }, claims, foreign.p256.privateKey);
  made['another curve: ES384'] = jws({ alg: 'ES384', typ, kid }, claims, foreign.p384.privateKey);
  made['another curve: ES512'] = jws({ alg: 'ES512', typ, kid }, claims, foreign.p521.privateKey);
  made['another curve: ES256K'] = jws({ alg: 'ES256K', typ, kid }, claims, foreign.secp256k1.privateKey);
  made['another curve under the right alg'] = jws({ alg: 'ES256', typ, kid }, claims, foreign.secp256k1.privateKey);
  made['the right key, ES384'] = jws({ alg: 'ES384', typ, kid }, claims, privateKey);
  for (const alg of ['RS256', 'PS256'])
    made[`another key, ${alg}`] = jws({ alg, typ, kid }, claims, foreign.rsa.privateKey);
  made['another key, EdDSA'] = jws({ alg: 'EdDSA', typ, kid }, claims, foreign.ed25519.privateKey);
  for (const alg of ['RS256', 'PS256', 'EdDSA', 'ES384', 'es256', 'ES256 '])
    made[`the right signature, said to be ${alg}`] = `${encode({ alg, typ, kid })}.${body}.${end}`;
  for (const { kid: name } of others)
    made['the right signature under the kid of another key'] = jws(
      { alg: 'ES256', typ, kid: name },
      claims,
      privateKey,
    );

  const crit = (header: object) => jws({ alg: 'ES256', typ, kid, ...header } as Header, claims, privateKey);
  made['crit, not understood'] = crit({ crit: ['x-lintel'], 'x-lintel': true });
  made['crit without its parameter'] = crit({ crit: ['x-lintel'] });
  made['crit, empty'] = crit({ crit: [] });
  made['crit, a text'] = crit({ crit: 'b64' });
  made['crit names what is registered'] = crit({ crit: ['alg'] });
  made['b64 false'] = crit({ crit: ['b64'], b64: false });

  const raw = Buffer.from(end, 'base64url');
  const signatures: Record<string, string> = {
    'no signature': '',
    'a signature of zeros': Buffer.alloc(64).toString('base64url'),
    'half a signature': raw.subarray(0, 32).toString('base64url'),
    'a signature and a byte': Buffer.concat([raw, Buffer.alloc(1)]).toString('base64url'),
    'a signature in DER': sign('sha256', Buffer.from(`${head}.${body}`), privateKey).toString('base64url'),
    'a flipped bit': Buffer.from(raw.map((byte, at) => (at === 10 ? byte ^ 1 : byte))).toString('base64url'),
  };
  for (const [what, text] of Object.entries(signatures)) made[what] = `${head}.${body}.${text}`;
  made['claims changed after signing'] = `${head}.${encode({ ...claims, sub: 'another' })}.${end}`;
  made['a header changed after signing'] = `${encode({ alg: 'ES256', typ, kid, more: 1 })}.${body}.${end}`;
  made['two parts'] = `${head}.${body}`;
  made['four parts'] = `${good}.${end}`;
  made['five parts'] = `${good}.${end}.${end}`;
  made['a JWS in JSON'] = JSON.stringify({ payload: body, protected: head, signature: end });
  return made;
}
