import { expect } from 'chai';
import { type World, world } from '../support/world.ts';
import { directory } from './door.ts';
import { onelogin } from './onelogin.requests.ts';
import { find } from './vendor.ts';

describe('scim/onelogin: what OneLogin sends, over HTTP', () => {
  let w: World;
  before(async () => {
    w = await world();
  });
  after(() => w.close());

  it('SCIM 1 URNs, numbers, application/json, a query that ends in &, a PUT without active and with a trailing ?', async () => {
    const d = await directory(w);
    expect((await d.vendor(find(onelogin, 'look for user'), 200)).totalResults).to.equal(0);
    const read = await d.vendor(find(onelogin, 'create user'), 201);
    expect(read).to.deep.include({
      userName: 'ines@onelogin.example',
      externalId: '40817263',
      active: true,
      'urn:scim:schemas:extension:enterprise:1.0': { department: 'Legal' },
    });
    const user = read.id as string;
    const put = await d.vendor(find(onelogin, 'update user', { user }), 200);
    expect(put).to.deep.include({ active: true, name: { givenName: 'Inês', familyName: 'Cole' } });
    expect((await d.vendor(find(onelogin, 'look for user'), 200)).totalResults).to.equal(1);
  });
});
