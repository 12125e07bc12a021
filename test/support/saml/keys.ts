import { generateKeyPairSync } from 'node:crypto';
import { selfSignedCertificate } from '../../../src/federation/saml/certificate.ts';

export type Pair = { privateKey: string; publicKey: string; certificate: string };

function pair(commonName: string, make: () => { privateKey: string; publicKey: string }): () => Pair {
  let made: Pair | undefined;
  return () => {
    if (made) return made;
    const keys = make();
    const notBefore = new Date('2026-01-01T00:00:00Z');
    const notAfter = new Date('2055-01-01T00:00:00Z');
    made = {
      ...keys,
      certificate: selfSignedCertificate({ privateKey: keys.privateKey, commonName, notBefore, notAfter }),
    };
    return made;
  };
}

const privateKeyEncoding = { type: 'pkcs8', format: 'pem' } as const;
const publicKeyEncoding = { type: 'spki', format: 'pem' } as const;
const rsa = (modulusLength: number) => () =>
  generateKeyPairSync('rsa', { modulusLength, privateKeyEncoding, publicKeyEncoding });
const ec = (namedCurve: string) => () =>
  generateKeyPairSync('ec', { namedCurve, privateKeyEncoding, publicKeyEncoding });

/** Key pairs with certificates, each made at first use and kept for the process. */
export const keys = {
  idp: pair('idp.example', rsa(2048)),
  idpNext: pair('idp.example next', rsa(2048)),
  attacker: pair('idp.example', rsa(2048)),
  weak: pair('weak.example', rsa(1024)),
  ec: pair('ec.example', ec('prime256v1')),
  sp: pair('sp.example', rsa(2048)),
  spNext: pair('sp.example next', rsa(2048)),
};
