import { expect } from 'chai';
import type { JsonObject } from '../../src/scim/json.ts';
import { type World, world } from '../support/world.ts';
import { type Directory, directory, expectError, patch } from './door.ts';
import { okta } from './okta.requests.ts';
import { find } from './vendor.ts';

describe('scim/okta: what Okta sends, over HTTP', () => {
  let w: World;
  let d: Directory;
  let ids: Record<string, string>;
  const send = (name: string, status = 200) => d.vendor(find(okta, name, ids), status);
  const user = async () => (await d.send('GET', `/Users/${ids.user}`)).body;
  const members = async () => {
    const group = (await d.send('GET', `/Groups/${ids.group}`)).body;
    return ((group.members ?? []) as JsonObject[]).map(({ value }) => value);
  };
  before(async () => {
    w = await world();
  });
  after(() => w.close());
  beforeEach(async () => {
    d = await directory(w);
    ids = { member: await d.user('second@okta.example') };
    expect((await send('look for user')).totalResults).to.equal(0);
    ids.user = (await send('create user', 201)).id as string;
    ids.group = (await send('push group', 201)).id as string;
  });

  it('creates a user; the placeholder password is passed over, noted, and never returned', async () => {
    expect(await user()).to.deep.include({
      userName: 'noa.reed@okta.example',
      externalId: '00u1abcdEFGH',
      locale: 'en-US',
      active: true,
      groups: [],
      emails: [{ primary: true, value: 'noa.reed@okta.example', type: 'work' }],
    });
    expect(await user()).to.not.have.property('password');
    expect((await w.db('users').where({ user_id: ids.user }).first()).has_password).to.equal(false);
    expect((await send('look for user')).totalResults).to.equal(1);
    expectError(await d.send('POST', '/Users', find(okta, 'create user').body), 409, 'uniqueness');
  });

  it('sends whole PUTs: the empty middle name comes back, echoed groups are ignored, and deactivation is meant', async () => {
    const read = await send('update user by PUT');
    expect(read.name).to.deep.equal({ givenName: 'Noa', middleName: '', familyName: 'Reed-Hall' });
    expect(read.groups).to.deep.equal([]);
    expect((await send('deactivate by PUT')).active).to.equal(false);
    expect((await user()).active).to.equal(false);
  });

  it('patches without a path: deactivation and reactivation', async () => {
    expect((await send('deactivate by PATCH')).active).to.equal(false);
    const again = await send('deactivate by PATCH');
    expect(again).to.include({ userName: 'noa.reed@okta.example', displayName: 'Noa Reed', active: false });
    expect((await send('reactivate by PATCH')).active).to.equal(true);
  });

  it('SC-15: syncs a first password; one that is too short, and a second one, are refused in SCIM’s form', async () => {
    expectError(
      await d.send('PATCH', `/Users/${ids.user}`, find(okta, 'sync password', ids).body),
      400,
      'invalidValue',
    );
    const password = 'a long phrase that nobody tries';
    const set = patch({ op: 'replace', value: { password } });
    const answer = await d.send('PATCH', `/Users/${ids.user}?attributes=password,userName`, set);
    expect(answer.status, answer.text).to.equal(200);
    expect(answer.text).to.not.include(password).and.not.include('password');
    const row = await w.db('users').where({ user_id: ids.user }).first();
    expect(row).to.include({ has_password: true, update_password_required: true });
    expectError(await d.send('PATCH', `/Users/${ids.user}`, set), 400, 'mutability');
    await w.api('PUT', `/organizations/${d.org_id}/login-methods/password`, { enabled: false });
    const other = await d.user('third@okta.example', { password });
    expect((await w.db('users').where({ user_id: other }).first()).has_password).to.equal(false);
  });

  it('pushes groups: swaps, whole lists, an empty list, a rename that echoes the id, a PUT, a deletion', async () => {
    await send('push all members', 204);
    expect(await members()).to.have.members([ids.user, ids.member]);
    await send('swap members', 204);
    await send('swap members', 204);
    expect(await members()).to.deep.equal([ids.user]);
    expect((await user()).groups).to.deep.equal([
      { value: ids.group, $ref: `${w.url}/scim/v2/Groups/${ids.group}`, type: 'direct', display: 'Field Team' },
    ]);
    await send('rename group', 204);
    expect((await d.send('GET', `/Groups/${ids.group}`)).body).to.include({ displayName: 'Field Crew', id: ids.group });
    expect(await members()).to.deep.equal([ids.user]);
    await send('push no members', 204);
    expect(await members()).to.deep.equal([]);
    expect((await send('update group by PUT')).displayName).to.equal('Field Team');
    expect(await members()).to.deep.equal([ids.member]);
    await send('delete group', 204);
    expectError(await d.send('GET', `/Groups/${ids.group}`), 404);
  });

  it('imports in pages of a hundred, and discovers', async () => {
    expect(await send('import users')).to.include({ totalResults: 2, itemsPerPage: 2, startIndex: 1 });
    expect((await send('import groups')).totalResults).to.equal(1);
    const types = (await send('discover roles')).Resources as JsonObject[];
    for (const type of types) {
      const answer = await d.send('GET', String(type.endpoint));
      expect(answer.status, String(type.endpoint)).to.equal(200);
    }
  });
});
