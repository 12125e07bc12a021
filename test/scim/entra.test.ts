import { expect } from 'chai';
import type { JsonObject } from '../../src/scim/json.ts';
import { readListQuery } from '../../src/scim/list.ts';
import { isShown } from '../../src/scim/projection.ts';
import { entra } from './entra.requests.ts';
import { ENTERPRISE, Engine } from './engine.ts';
import { uuid } from './directory.ts';
import { find, queryOf } from './vendor.ts';

const manager = uuid(2, 77);

describe('scim/entra: what Microsoft Entra ID sends', () => {
  let engine: Engine;
  let user: string;
  let group: string;
  const member = uuid(2, 88);
  const send = (name: string): JsonObject => {
    const request = find(entra, name, { user, group, member, manager });
    const kind = request.path.startsWith('/Groups') ? ('Group' as const) : ('User' as const);
    if (request.method === 'POST') return engine.post(kind, request.body);
    return engine.patch(kind, request.path.split('/')[2] as string, request.body);
  };
  beforeEach(() => {
    engine = new Engine();
    user = send('create user').id as string;
    group = send('create group').id as string;
  });
  const enterprise = (read: JsonObject) => read[ENTERPRISE] as JsonObject;

  it('creates a user and gets every value back as it was sent', () => {
    const { meta: _, schemas: __, roles: ___, ...sent } = find(entra, 'create user', { manager }).body as JsonObject;
    const read = engine.get('User', user);
    expect(read).to.deep.include({
      ...sent,
      [ENTERPRISE]: { employeeNumber: '8812', department: 'Risk', manager: { value: manager } },
    });
    expect(send('create disabled user').active).to.equal(false);
  });

  it('updates in both dialects to the same result', () => {
    const compliant = new Engine();
    const other = compliant.post('User', find(entra, 'create user', { manager }).body).id as string;
    const a = send('update, not compliant');
    const b = compliant.patch('User', other, find(entra, 'update, compliant').body);
    for (const read of [a, b]) {
      expect(read).to.deep.include({
        displayName: 'Mara Ek',
        name: { formatted: 'Mara Lind', familyName: 'Ek', givenName: 'Mara' },
      });
      expect((read.emails as JsonObject[])[0]).to.deep.equal({
        primary: true,
        type: 'work',
        value: 'mara.ek@contoso.example',
      });
      expect(enterprise(read).employeeNumber).to.equal('8813');
    }
    expect(a).to.include({ nickName: 'Mia', externalId: 'mara.ek' });
    expect(engine.rules()).to.include('operation-name-case');
    expect(compliant.rules()).to.deep.equal(['path-as-key']);
    expect(engine.row(user).columns).to.include({ email: 'mara.ek@contoso.example', last_name: 'Ek' });
  });

  it('creates the values its filters mean', () => {
    const read = send('values that are not there yet');
    expect(read.addresses).to.deep.include({ type: 'other', formatted: 'Box 1' });
    expect(read.phoneNumbers).to.deep.include({ type: 'fax', value: '+46 8 2' });
    expect(read.roles).to.deep.equal([{ primary: true, value: 'Approver' }]);
    expect(read.emails).to.have.length(2);
    expect(engine.row(user).columns.email).to.equal('Mara.Lind@contoso.example');
  });

  it('sets and clears a manager in every form', () => {
    for (const form of ['manager as text', 'manager as object', 'manager as list']) {
      send('manager removed');
      expect((enterprise(send(form)).manager as JsonObject).value, form).to.equal(manager);
    }
    for (const form of ['manager cleared with text', 'manager cleared with null', 'manager removed']) {
      send('manager as text');
      expect(enterprise(send(form)), form).to.not.have.property('manager');
    }
  });

  it('disables in both dialects, and nothing to do does nothing', () => {
    for (const form of ['disable, not compliant', 'disable, compliant']) {
      expect(
        engine.patch('User', user, {
          schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
          Operations: [{ op: 'replace', path: 'active', value: true }],
        }).active,
      ).to.equal(true);
      expect(send(form).active, form).to.equal(false);
    }
    send('nothing to do');
    expect(engine.changed).to.equal(false);
  });

  it('adds and removes members in both dialects without loading the group', () => {
    const ids = (read: JsonObject) => ((read.members as JsonObject[]) ?? []).map(({ value }) => value);
    expect(ids(send('add members'))).to.deep.equal([user, member]);
    expect(ids(send('remove member, not compliant'))).to.deep.equal([user]);
    send('add members');
    expect(ids(send('remove member, compliant'))).to.deep.equal([user]);
    send('remove member, compliant');
    expect(engine.changed).to.equal(false);
    expect(send('rename group')).to.include({
      displayName: 'Risk Board',
      externalId: '8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159',
    });
  });

  it('asks questions that are understood', () => {
    for (const request of entra.filter(({ method }) => method === 'GET')) {
      const kind = request.path.startsWith('/Groups') ? ('Group' as const) : ('User' as const);
      const filled = find(entra, request.name, { user, group, member, manager });
      const query = readListQuery(queryOf(filled), engine.registries[kind], new Date(0));
      expect(query.filter !== undefined, request.name).to.equal(request.path.includes('filter='));
      const leavesOut = request.path.includes('excludedAttributes=members');
      if (leavesOut) expect(isShown(query.projection, 'members', engine.registries.Group)).to.equal(false);
    }
  });
});
