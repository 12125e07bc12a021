import { expect } from 'chai';
import { type World, world } from '../support/world.ts';
import { directory } from './door.ts';
import { google } from './google.requests.ts';
import { find } from './vendor.ts';

describe('scim/google: what Google Cloud Identity sends, over HTTP', () => {
  let w: World;
  before(async () => {
    w = await world();
  });
  after(() => w.close());

  it('a probe for one user, an e-mail without a type, a suspension', async () => {
    const d = await directory(w);
    expect((await d.vendor(find(google, 'probe'), 200)).totalResults).to.equal(0);
    const read = await d.vendor(find(google, 'create user'), 201);
    expect(read.emails).to.deep.equal([{ value: 'kofi@google.example', primary: true }]);
    const user = read.id as string;
    expect((await w.db('users').where({ user_id: user }).first()).email).to.equal('kofi@google.example');
    expect((await d.vendor(find(google, 'suspend', { user }), 200)).active).to.equal(false);
    expect(await d.vendor(find(google, 'probe'), 200)).to.include({ totalResults: 1, itemsPerPage: 1 });
  });
});
