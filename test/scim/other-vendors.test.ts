import { expect } from 'chai';
import type { JsonObject } from '../../src/scim/json.ts';
import { type World, world } from '../support/world.ts';
import { type Directory, directory } from './door.ts';
import { jumpcloud } from './jumpcloud.requests.ts';
import { find } from './vendor.ts';

describe('scim/other vendors, over HTTP', () => {
  let w: World;
  let d: Directory;
  before(async () => {
    w = await world();
    d = await directory(w);
  });
  after(() => w.close());

  it('JumpCloud: types of its own come back, members go by a value list, test resources can be deleted', async () => {
    const { schemas: _, ...sent } = find(jumpcloud, 'create user').body as JsonObject;
    const read = await d.vendor(find(jumpcloud, 'create user'), 201);
    expect(read).to.deep.include(sent);
    const ids = { user: read.id as string };
    const made = await d.vendor(find(jumpcloud, 'create group', ids), 201);
    expect(made.members).to.have.length(1);
    const group = made.id as string;
    await d.vendor(find(jumpcloud, 'remove member', { ...ids, group }), 204);
    expect((await d.send('GET', `/Groups/${group}`)).body.members).to.deep.equal([]);
    await d.vendor(find(jumpcloud, 'delete user', ids), 204);
  });

  it('Ping writes operators with a capital, SailPoint reads what the server says of itself', async () => {
    const id = await d.user('ping@example.test');
    const found = await d.send('GET', `/Users?filter=${encodeURIComponent('userName Eq "ping@example.test"')}`);
    expect((found.body.Resources as JsonObject[]).map((one) => one.id)).to.deep.equal([id]);
    for (const path of ['/ServiceProviderConfig', '/ResourceTypes/User', '/Schemas']) {
      expect((await d.send('GET', path)).status, path).to.equal(200);
    }
  });
});
