/** Advisory locks: "no other lock of this product uses this number" is said beside each; here it is looked at. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';

const src = join(import.meta.dirname, '../../src');

describe('rules: advisory locks', () => {
  it('each number stands in one place', () => {
    const numbers = readdirSync(src, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => [...readFileSync(join(src, file), 'utf8').matchAll(/\b4_?113_?(\d{3})\b/g)].map(([, n]) => n));
    expect(numbers.length).to.be.greaterThan(10);
    expect(numbers.filter((number, at) => numbers.indexOf(number) !== at)).to.deep.equal([]);
  });
});
