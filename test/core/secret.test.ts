import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { hashSecret, newSecret, SealError, Sealer, sameSecret } from '../../src/core/secret.ts';

const key = () => randomBytes(32).toString('base64');
const context = 'identity_providers:config:7';

describe('core/secret', () => {
  it('TK-06: makes secrets of 256 random bits behind their prefix', () => {
    const made = new Set(Array.from({ length: 10_000 }, () => newSecret('ltl_key_')));
    expect(made.size).to.equal(10_000);
    for (const secret of made) expect(secret).to.match(/^ltl_key_[\w-]{43}$/);
  });

  it('SD-02: keeps looked-up secrets as SHA-256', () => {
    // FIPS 180-4, the example "abc".
    expect(Buffer.from(hashSecret('abc'), 'base64url').toString('hex')).to.equal(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });

  it('SD-08: compares secrets of any length', () => {
    expect(sameSecret('right', 'right')).to.equal(true);
    expect(sameSecret('right', 'wrong')).to.equal(false);
    expect(sameSecret('right', 'right ')).to.equal(false);
    expect(sameSecret('', 'x')).to.equal(false);
  });

  it('SD-01: seals under a fresh nonce and opens in the same place', () => {
    const sealer = new Sealer([key()]);
    const sealed = sealer.seal('täglich ☕', context);
    expect(sealed)
      .to.match(/^v1\.[0-9a-f]{8}\.[\w-]{16}\.[\w-]+$/)
      .and.not.include('täglich');
    expect(sealer.seal('täglich ☕', context)).not.to.equal(sealed);
    expect(sealer.open(sealed, context)).to.equal('täglich ☕');
    expect(sealer.open(sealer.seal('', context), context)).to.equal('');
  });

  it('SD-01: does not open a value that was copied to another row', () => {
    const sealer = new Sealer([key()]);
    const sealed = sealer.seal('secret', context);
    expect(() => sealer.open(sealed, 'identity_providers:config:8')).to.throw(SealError, /does not belong here/);
  });

  it('does not open a value in which any part was changed', () => {
    const sealer = new Sealer([key()]);
    const sealed = sealer.seal('secret', context);
    const parts = sealed.split('.');
    const flip = (text: string) => (text.startsWith('A') ? 'B' : 'A') + text.slice(1);
    for (const part of [0, 1, 2, 3]) {
      const changed = parts.map((text, i) => (i === part ? flip(text) : text)).join('.');
      expect(() => sealer.open(changed, context), `part ${part}`).to.throw(SealError);
    }
    for (const broken of ['', 'v1', 'v1...', `v1.${parts[1]}.${parts[2]}.AA`, parts.slice(0, 3).join('.')]) {
      expect(() => sealer.open(broken, context), broken).to.throw(SealError);
    }
  });

  it('SD-04: opens what an older key sealed, seals with the first, and says what is stale', () => {
    const [old, fresh] = [key(), key()];
    const sealed = new Sealer([old]).seal('secret', context);
    const rotated = new Sealer([fresh, old]);
    expect(rotated.open(sealed, context)).to.equal('secret');
    expect(rotated.isStale(sealed)).to.equal(true);
    const again = rotated.seal('secret', context);
    expect(rotated.isStale(again)).to.equal(false);
    const removed = new Sealer([fresh]);
    expect(removed.open(again, context)).to.equal('secret');
    expect(() => removed.open(sealed, context)).to.throw(SealError, /sealed under the key [0-9a-f]{8}, and the key is/);
  });

  it('SD-05: takes keys of exactly 32 bytes', () => {
    expect(() => new Sealer([])).to.throw(SealError);
    expect(() => new Sealer([randomBytes(31).toString('base64')])).to.throw(SealError, /32 bytes/);
    expect(() => new Sealer(['not base64 at all'])).to.throw(SealError);
  });

  it('derives other keys for other purposes, one for each sealing key', () => {
    const keys = [key(), key()];
    const sealer = new Sealer(keys);
    expect(sealer.derive('cookies')).to.have.length(2).and.deep.equal(new Sealer(keys).derive('cookies'));
    expect(sealer.derive('cookies')[0]).not.to.equal(sealer.derive('forms')[0]);
    expect(sealer.derive('cookies')).not.to.include(keys[0]);
  });
});
