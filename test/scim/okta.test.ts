import { expect } from 'chai';
import type { JsonObject } from '../../src/scim/json.ts';
import { readListQuery } from '../../src/scim/list.ts';
import { uuid } from './directory.ts';
import { Engine } from './engine.ts';
import { okta } from './okta.requests.ts';
import { find, queryOf } from './vendor.ts';

describe('scim/okta: what Okta sends', () => {
  let engine: Engine;
  let user: string;
  let group: string;
  const member = uuid(2, 88);
  const send = (name: string): JsonObject => {
    const request = find(okta, name, { user, group, member });
    const kind = request.path.startsWith('/Groups') ? ('Group' as const) : ('User' as const);
    const id = request.path.split('/')[2] as string;
    if (request.method === 'POST') return engine.post(kind, request.body);
    return request.method === 'PUT' ? engine.put(kind, id, request.body) : engine.patch(kind, id, request.body);
  };
  const ids = (read: JsonObject) => ((read.members as JsonObject[]) ?? []).map(({ value }) => value);
  beforeEach(() => {
    engine = new Engine();
    user = send('create user').id as string;
    expect(engine.password).to.equal('placeh0lder');
    group = send('push group').id as string;
  });

  it('creates a user with a placeholder password and an empty list of groups', () => {
    expect(engine.get('User', user)).to.deep.include({
      userName: 'noa.reed@okta.example',
      externalId: '00u1abcdEFGH',
      locale: 'en-US',
      active: true,
      groups: [],
      emails: [{ primary: true, value: 'noa.reed@okta.example', type: 'work' }],
    });
    expect(engine.get('User', user)).to.not.have.property('password');
  });

  it('sends whole PUTs: the empty middle name comes back, echoed groups are ignored, and deactivation is meant', () => {
    const read = send('update user by PUT');
    expect(read.name).to.deep.equal({ givenName: 'Noa', middleName: '', familyName: 'Reed-Hall' });
    expect(read.groups).to.deep.equal([]);
    expect(engine.rules()).to.deep.equal(['read-only-ignored']);
    expect(send('deactivate by PUT').active).to.equal(false);
  });

  it('patches without a path: deactivation, reactivation, password', () => {
    expect(send('deactivate by PATCH').active).to.equal(false);
    expect(send('deactivate by PATCH')).to.include({ userName: 'noa.reed@okta.example', displayName: 'Noa Reed' });
    expect(engine.changed).to.equal(false);
    expect(send('reactivate by PATCH').active).to.equal(true);
    send('sync password');
    expect(engine.password).to.equal('n3w-Secret');
  });

  it('pushes groups: swaps, whole lists, an empty list, a rename that echoes the id, a PUT', () => {
    expect(ids(send('push all members'))).to.deep.equal([user, member]);
    expect(ids(send('swap members'))).to.deep.equal([user]);
    expect(ids(send('swap members'))).to.deep.equal([user]);
    expect(send('rename group')).to.include({ displayName: 'Field Crew', id: group });
    expect(ids(engine.get('Group', group))).to.deep.equal([user]);
    expect(ids(send('push no members'))).to.deep.equal([]);
    expect(ids(send('update group by PUT'))).to.deep.equal([member]);
  });

  it('looks for users and imports in pages of a hundred', () => {
    const query = readListQuery(queryOf(find(okta, 'look for user')), engine.registries.User, new Date(0));
    expect(query).to.deep.include({
      startIndex: 1,
      count: 100,
      filter: { kind: 'compare', path: { attribute: 'userName' }, op: 'eq', value: 'Noa.Reed@okta.example' },
    });
    expect(readListQuery(queryOf(find(okta, 'import groups')), engine.registries.Group, new Date(0))).to.include({
      count: 100,
    });
  });
});
