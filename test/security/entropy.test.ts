/** What is guessed by nobody: ten thousand of each kind of secret that this product makes (checklist TK-06). */
import { expect } from 'chai';
import { newSecret } from '../../src/core/secret.ts';
import { makeApplication, oidcWorld, post } from '../oidc/rp.ts';
import type { World } from '../support/world.ts';

const count = 10_000;

/** Chi-square with 63 degrees of freedom: 63 on average; beyond this once in ten thousand million. */
const most = 150;

/** How far the letters at each place are from equally often. */
function unevenness(texts: readonly string[], place: number): number {
  const letters = new Map<string, number>();
  for (const text of texts) letters.set(text[place] ?? '', (letters.get(text[place] ?? '') ?? 0) + 1);
  const expected = texts.length / 64;
  const seen = [...letters.values()].reduce((sum, times) => sum + (times - expected) ** 2 / expected, 0);
  return seen + (64 - letters.size) * expected;
}

/** Asserts that texts are different, as long as they should be, and that no place of them says anything about another. */
function expectRandom(texts: readonly string[], what: string): void {
  expect(new Set(texts).size, `${what}: all different`).to.equal(texts.length);
  expect(new Set(texts.map((text) => text.slice(0, 8))).size, `${what}: no common beginning`).to.equal(texts.length);
  for (const text of texts) expect(text, what).to.match(/^[\w-]{43}$/);
  // 42 places of six bits; the last of 43 has four.
  for (let place = 0; place < 42; place += 1)
    expect(unevenness(texts, place), `${what}: letters at ${place}`).to.be.below(most);
  // What follows another is not like it: a counter or a clock would show.
  const alike = texts
    .slice(1)
    .map((text, at) => [...text].filter((letter, place) => letter === texts[at]?.[place]).length);
  const average = alike.reduce((sum, number) => sum + number, 0) / alike.length;
  expect(average, `${what}: neighbours`).to.be.closeTo(42 / 64 + 1 / 16, 0.06);
}

describe('security: entropy', function () {
  this.timeout(60_000);
  let w: World;
  before(async () => {
    w = await oidcWorld();
  });
  after(() => w.close());

  it('TK-06, SE-02: 256 random bits in every secret, token, code, session and interaction', () => {
    const { provider } = w.lintel.oidc;
    const idOf = (model: unknown) => {
      const { prototype } = model as { prototype: { generateTokenId(this: object): string } };
      return () => prototype.generateTokenId.call(Object.create(prototype) as object).replace(/^ltl_[a-z]+_/, '');
    };
    const Session = provider.Session as unknown as new () => { jti: string; uid: string };
    const kinds: Record<string, () => string> = {
      'secrets of ours': () => newSecret(),
      'refresh tokens': idOf(provider.RefreshToken),
      codes: idOf(provider.AuthorizationCode),
      'session cookies': () => new Session().jti,
      'session names': () => new Session().uid,
    };
    for (const [what, make] of Object.entries(kinds)) expectRandom(Array.from({ length: count }, make), what);
  });

  it('TK-06: a hundred tokens of the wire look like that, and none of them is in the database', async () => {
    const machine = await makeApplication(w, { grant_types: ['client_credentials'], redirect_uris: [] });
    const tokens: string[] = [];
    for (let time = 0; time < 100; time += 1) {
      const { body } = await post(w, '/oauth/token', machine, { grant_type: 'client_credentials' });
      tokens.push(String(body.access_token));
    }
    expect(new Set(tokens).size).to.equal(tokens.length);
    for (const token of tokens) expect(token).to.match(/^ltl_at_[\w-]{43}$/);
    const { rows } = await w.db.raw('select t::text as row from oidc_access_tokens t');
    const kept = (rows as { row: string }[]).map(({ row }) => row).join('\n');
    expect(rows).to.have.length.greaterThan(99);
    for (const token of tokens) expect(kept.includes(token.slice(7)), token).to.equal(false);
  });

  it('has teeth: a counter, a clock and a short alphabet are seen', () => {
    const counter = Array.from(
      { length: count },
      (_, at) => `${newSecret().slice(0, 20)}${String(at).padStart(23, '0')}`,
    );
    const clock = Array.from({ length: count }, (_, at) => `${(1e12 + at).toString(36)}${newSecret()}`.slice(0, 43));
    const short = Array.from({ length: count }, () => newSecret().toLowerCase());
    for (const weak of [counter, clock, short]) expect(() => expectRandom(weak, 'weak')).to.throw();
  });
});
