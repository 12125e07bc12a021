import { execFileSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { certificateBody, readCertificate, selfSignedCertificate } from '../../../src/federation/saml/certificate.ts';
import {
  bitString,
  integer,
  nothing,
  objectId,
  sequence,
  set,
  time,
  utf8String,
} from '../../../src/federation/saml/der.ts';
import { keys } from '../../support/saml/keys.ts';

describe('certificates', () => {
  const notBefore = new Date('2026-11-01T00:00:00Z');

  it('reads PEM, bare base64 and DER to the same fingerprint', () => {
    const { certificate } = keys.idp();
    const der = new X509Certificate(certificate).raw;
    const fingerprint = new X509Certificate(certificate).fingerprint256.replaceAll(':', '').toLowerCase();
    const forms = [certificate, der, der.toString('base64'), der.toString('base64').replace(/(.{40})/g, '$1\n   ')];
    for (const form of forms) expect(readCertificate(form).fingerprint).to.equal(fingerprint);
  });

  it('tells key, size, validity, and whether it may be used', () => {
    expect(readCertificate(keys.idp().certificate)).to.deep.include({
      key_type: 'rsa',
      key_bits: 2048,
      usable: true,
      subject: 'CN=idp.example',
    });
    expect(readCertificate(keys.ec().certificate)).to.deep.include({ key_type: 'ec', key_bits: 256, usable: true });
    expect(readCertificate(keys.weak().certificate)).to.deep.include({ key_bits: 1024, usable: false });
    expect(readCertificate(keys.idp().certificate).not_after).to.deep.equal(new Date('2055-01-01T00:00:00Z'));
  });

  it('SA-04: signatures are not verified with keys on other curves, of other kinds, or of more than 8,192 bits', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const notAfter = new Date('2060-01-01T00:00:00Z');
    const coin = selfSignedCertificate({ privateKey: pem, commonName: 'coin', notBefore, notAfter });
    expect(readCertificate(coin)).to.include({ key_type: 'other', usable: false });
    expect(readCertificate(unsigned(generateKeyPairSync('ed25519').publicKey))).to.include({ usable: false });
    const ofBits = (bits: number) => {
      const n = Buffer.alloc(bits / 8, 0xff).toString('base64url');
      return unsigned(createPublicKey({ key: { kty: 'RSA', n, e: 'AQAB' }, format: 'jwk' }));
    };
    expect(readCertificate(ofBits(8192))).to.include({ key_type: 'rsa', key_bits: 8192, usable: true });
    expect(readCertificate(ofBits(8200))).to.include({ key_type: 'rsa', key_bits: 8200, usable: false });
  });

  /** A certificate around any public key; nothing here looks at who signed it. */
  function unsigned(key: KeyObject): Buffer {
    const algorithm = sequence(objectId('1.2.840.113549.1.1.11'), nothing());
    const name = sequence(set(sequence(objectId('2.5.4.3'), utf8String('key'))));
    const validity = sequence(time(notBefore), time(new Date('2060-01-01T00:00:00Z')));
    const spki = key.export({ type: 'spki', format: 'der' });
    const serial = integer(Buffer.from([1]));
    return sequence(sequence(serial, algorithm, name, validity, name, spki), algorithm, bitString(Buffer.alloc(256)));
  }

  for (const [name, input] of Object.entries({
    nothing: '',
    text: 'hello',
    'a private key': keys.idp().privateKey,
    'a certificate with trailing bytes': Buffer.concat([
      new X509Certificate(keys.idp().certificate).raw,
      Buffer.from([0]),
    ]),
  })) {
    it(`refuses ${name}`, () => expect(() => readCertificate(input)).to.throw(TypeError, 'not an X.509 certificate'));
  }

  it('makes a self-signed certificate that openssl verifies', () => {
    const folder = mkdtempSync(join(tmpdir(), 'certificate-'));
    try {
      for (const pair of [keys.sp(), keys.ec()]) {
        const options = {
          privateKey: pair.privateKey,
          commonName: 'Zoë & Söhne',
          notBefore,
          notAfter: new Date('2060-01-01T00:00:00Z'),
        };
        const pem = selfSignedCertificate(options);
        const file = join(folder, 'certificate.pem');
        writeFileSync(file, pem);
        expect(
          execFileSync('openssl', ['verify', '-check_ss_sig', '-CAfile', file, file], { encoding: 'utf8' }),
        ).to.include('OK');
        const text = execFileSync('openssl', ['x509', '-in', file, '-noout', '-text', '-nameopt', 'utf8'], {
          encoding: 'utf8',
        });
        expect(text)
          .to.include('Version: 3')
          .and.include('CN=Zoë & Söhne')
          .and.include('CA:FALSE')
          .and.include('Digital Signature, Key Encipherment');
        expect(text)
          .to.include('Not Before: Nov  1 00:00:00 2026 GMT')
          .and.include('Not After : Jan  1 00:00:00 2060 GMT');
        expect(new X509Certificate(pem).checkPrivateKey).to.be.a('function');
        expect(new X509Certificate(pem).verify(new X509Certificate(pem).publicKey)).to.equal(true);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('gives every certificate another serial number', () => {
    const options = {
      privateKey: keys.sp().privateKey,
      commonName: 'x',
      notBefore,
      notAfter: new Date('2036-01-01T00:00:00Z'),
    };
    const serials = Array.from({ length: 20 }, () => new X509Certificate(selfSignedCertificate(options)).serialNumber);
    expect(new Set(serials).size).to.equal(20);
  });

  it('writes the body as XML carries it', () => {
    const body = certificateBody(keys.idp().certificate);
    expect(body).to.match(/^[A-Za-z0-9+/]+=*$/);
    expect(readCertificate(body).pem).to.equal(readCertificate(keys.idp().certificate).pem);
  });
});
