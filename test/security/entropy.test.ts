/** What is guessed by nobody: ten thousand of each kind of secret that this product makes (checklist TK-06, MT-08). */
import { expect } from 'chai';
import { newId } from '../../src/core/id.ts';
import { newSecret } from '../../src/core/secret.ts';
import { makeApplication, oidcWorld, post } from '../oidc/rp.ts';
import { populate } from '../rules/population.ts';
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
  // 42/64 and 1/16 of ours, 43/64 of the provider's, whose last letter has six bits too; five standard deviations beyond either.
  expect(average, `${what}: neighbours`).to.be.within(43 / 64 - 0.041, 42 / 64 + 1 / 16 + 0.041);
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

  /** The 62 random bits of an identifier: its last eight bytes without the two of the variant (RFC 9562 §5.7). */
  const tailOf = (id: string): string =>
    BigInt(`0x${id.replaceAll('-', '').slice(16)}`)
      .toString(2)
      .padStart(64, '0')
      .slice(2);

  /** Each bit is as often set as not, and an identifier says nothing of the next: six standard deviations for each. */
  function expectUnguessable(ids: readonly string[], what: string): void {
    const tails = ids.map(tailOf);
    expect(new Set(tails).size, `${what}: all different`).to.equal(tails.length);
    const spread = 6 * Math.sqrt(tails.length / 4);
    for (let bit = 0; bit < 62; bit += 1) {
      const set = tails.filter((tail) => tail[bit] === '1').length;
      expect(set, `${what}: bit ${bit}`).to.be.closeTo(tails.length / 2, spread);
      const stays = tails.filter((tail, at) => at > 0 && tail[bit] === tails[at - 1]?.[bit]).length;
      expect(stays, `${what}: bit ${bit} of neighbours`).to.be.closeTo(tails.length / 2, spread);
    }
  }

  it('MT-08: an id does not tell the next one: 62 bits of each are random', () => {
    expectUnguessable(
      Array.from({ length: count }, () => newId()),
      'ids',
    );
    const [first = '', ...rest] = Array.from({ length: count }, () => newId());
    const after = (by: (at: number) => bigint) =>
      rest.map((_, at) => {
        const number = (BigInt(`0x${first.replaceAll('-', '')}`) & ~(2n ** 62n - 1n)) | (by(at) % 2n ** 62n);
        return number.toString(16).padStart(32, '0');
      });
    const base = BigInt(`0x${first.slice(24)}`);
    for (const weak of [
      after((at) => base + BigInt(at)),
      after((at) => base + BigInt(at) * 7919n),
      after((at) => BigInt(at % 4096) << 50n),
    ])
      expect(() => expectUnguessable(weak, 'weak'), 'it has teeth').to.throw();
  });

  it('MT-08: whatever is named by an id of ours on the wire has such a one, and no table counts', async () => {
    const tenants = [await populate(w, 'First'), await populate(w, 'Second')];
    const ids = tenants.flatMap(({ org_id, ids: of }) => [['organizations', org_id] as const, ...of]);
    const named = ids.filter(([kind]) => !['signin-traces', 'login-methods', 'domains'].includes(kind));
    expect(new Set(named.map(([kind]) => kind)).size).to.be.greaterThan(12);
    for (const [kind, id] of named)
      expect(id, kind).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const tails = named.map(([, id]) => tailOf(id));
    for (const [at, tail] of tails.entries())
      for (const other of tails.slice(0, at)) {
        const alike = [...tail].filter((bit, place) => bit === other[place]).length;
        expect(alike, 'two of them are not alike').to.be.within(9, 53);
      }
    // A number that a sequence gives tells how many there are, and which come next.
    const { rows } = await w.db.raw(
      `select table_name || '.' || column_name as place from information_schema.columns
        where table_schema = 'public' and (is_identity = 'YES' or column_default like 'nextval%') and table_name not like 'lintel_migrations%'`,
    );
    // How often things may be asked is nobody's thing, and has no address.
    expect(rows).to.deep.equal([{ place: 'rate_limit_policies.policy_id' }]);
    expect((await w.request('/openapi.json')).text).not.to.include('policy_id');
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
