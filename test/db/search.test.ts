/** Searches: what is looked up is planned once a connection, and never more of it than a connection should keep. */
import { expect } from 'chai';
import { connect, type Database } from '../../src/db/connect.ts';
import { rowsOf } from '../../src/db/search.ts';
import { type Asked, askedDuring } from '../flows/statements.ts';
import { onPostgres, testDatabaseAddress } from '../support/database.ts';

describe('db/search', () => {
  // A pool of its own: what it has looked up is remembered by pool, and the others of this run share theirs.
  let own: Database;
  before(async () => {
    own = await connect(onPostgres ? await testDatabaseAddress() : 'pglite::memory:');
    await own.knex.raw('select 1');
  });
  after(() => own.close());

  const search = (text: string, isLookup: boolean) =>
    rowsOf<{ found: number }>(own.knex, own.knex.select(own.knex.raw(`?::int as ${text}`, [7])), {
      isLookup,
      limit: 1,
    });

  const names = (asked: readonly Asked[]) => asked.map(({ name }) => name);

  it('names a look-up by its text, and nothing else', async () => {
    const asked = await askedDuring(async () => {
      for (const isLookup of [true, true, false]) {
        expect(await search('found', isLookup)).to.deep.equal([{ found: 7 }]);
      }
      await search('other', true);
    });
    const [first, second, third, other] = names(asked);
    expect(first).to.match(/^lintel_lookup_[\w-]{43}$/);
    expect([second, third]).to.deep.equal([first, undefined]);
    expect(other)
      .to.match(/^lintel_lookup_/)
      .and.not.equal(first);
  });

  it('goes on without a name where texts are many', async () => {
    const asked = await askedDuring(async () => {
      for (let n = 0; n < 130; n += 1) expect(await search(`found_${n}`, true)).to.deep.equal([{ [`found_${n}`]: 7 }]);
    });
    expect(new Set(names(asked)).size).to.be.within(50, 101);
    expect(names(asked).at(-1)).to.equal(undefined);
  });
});
