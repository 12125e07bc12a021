import { expect } from 'chai';
import type * as ids from '../../src/core/id.ts';

// An instance of its own: tests that move the clock have taken the common one into the future, and ids never go back.
const { isId, newId } = (await import(`${import.meta.dirname}/../../src/core/id.ts?fresh`)) as typeof ids;

describe('core/id', () => {
  it('makes UUIDv7 with its version and variant (RFC 9562 §5.7)', () => {
    for (let i = 0; i < 1000; i += 1) {
      expect(newId()).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
  });

  it('keeps the order in which ids were made, far beyond one counter within a millisecond', () => {
    const now = Date.now() + 1000;
    const ids = Array.from({ length: 20_000 }, () => newId(now));
    expect([...ids].sort()).to.deep.equal(ids);
    expect(new Set(ids).size).to.equal(ids.length);
  });

  it('does not go back when the clock does (RFC 9562 §6.2)', () => {
    const now = Date.now() + 2000;
    const later = newId(now);
    expect(newId(now - 60_000) > later).to.equal(true);
  });

  it('carries the milliseconds', () => {
    const now = Date.now() + 3000;
    expect(Number.parseInt(newId(now).replace('-', '').slice(0, 12), 16)).to.equal(now);
  });

  it('MT-08: cannot be guessed from its neighbour: 62 bits of it are random', () => {
    const tails = new Set(Array.from({ length: 5000 }, () => newId().slice(19)));
    expect(tails.size).to.equal(5000);
  });

  it('knows an id from anything else', () => {
    expect(isId(newId())).to.equal(true);
    expect(isId('0190B7A0-7CF4-7D2B-9B21-0D5E6F7A8B9C')).to.equal(true);
    const others = ['', '1', 'a'.repeat(36), `${newId()} `, `${newId()}\n`, `{${newId()}}`, null, 7, {}, "' or 1=1 --"];
    for (const other of others) expect(isId(other), String(other)).to.equal(false);
  });
});
