/** SC-07 on PostgreSQL: what the database cannot answer in time is the filter's fault where there is one, and else the database's. */
import { expect } from 'chai';
import pg from 'pg';
import { postgresOnly, testDatabaseAddress } from '../support/database.ts';
import { type World, world } from '../support/world.ts';
import { type Directory, directory, expectError } from './door.ts';

describe('scim: filters that take too long', function () {
  this.timeout(60_000);
  let w: World;
  let d: Directory;
  let other: pg.Client;
  before(async function () {
    postgresOnly(this);
    w = await world();
    d = await directory(w);
    await d.user('somebody@slow.example');
    other = new pg.Client(await testDatabaseAddress());
    await other.connect();
  });
  after(async () => {
    await other?.end();
    await w?.close();
  });

  it('SC-07: 400 tooMany by the statement timeout; without a filter 503 with Retry-After', async () => {
    // Nobody can read the table: to the filter it is as slow as a table that is too large.
    await other.query('begin');
    await other.query('lock table users in access exclusive mode');
    try {
      const [filtered, whole] = await Promise.all([
        d.send('GET', '/Users?filter=displayName%20co%20%22x%22'),
        d.send('GET', '/Users'),
      ]);
      expectError(filtered, 400, 'tooMany');
      expectError(whole, 503);
      expect(whole.headers.get('retry-after')).to.match(/^\d+$/);
    } finally {
      await other.query('rollback');
    }
    expect((await d.send('GET', '/Users?filter=displayName%20co%20%22x%22')).status).to.equal(200);
  });
});
