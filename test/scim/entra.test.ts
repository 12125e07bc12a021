import { expect } from 'chai';
import type { JsonObject } from '../../src/scim/json.ts';
import { type World, world } from '../support/world.ts';
import { type Directory, directory, ENTERPRISE, patch } from './door.ts';
import { entra } from './entra.requests.ts';
import { find } from './vendor.ts';

describe('scim/entra: what Microsoft Entra ID sends, over HTTP', () => {
  let w: World;
  let d: Directory;
  let ids: Record<string, string>;
  const send = (name: string, status = 200) => d.vendor(find(entra, name, ids), status);
  before(async () => {
    w = await world();
  });
  after(() => w.close());
  beforeEach(async () => {
    d = await directory(w);
    ids = { manager: await d.user('boss@contoso.example'), member: await d.user('second@contoso.example') };
    ids.user = (await send('create user', 201)).id as string;
    ids.group = (await send('create group', 201)).id as string;
  });
  const found = async (name: string) => {
    const answer = await send(name);
    return (answer.Resources as JsonObject[]).map(({ id }) => id);
  };
  const enterprise = (read: JsonObject) => (read[ENTERPRISE] ?? {}) as JsonObject;
  const members = async () => {
    const group = (await d.send('GET', `/Groups/${ids.group}`)).body;
    return ((group.members ?? []) as JsonObject[]).map(({ value }) => value);
  };

  it('tests the connection: a name that nobody has finds nobody', async () => {
    const answer = await send('test connection');
    expect(answer).to.include({ totalResults: 0, itemsPerPage: 0, startIndex: 1 });
    expect(answer.Resources).to.deep.equal([]);
  });

  it('creates a user and gets every value back as it was sent', async () => {
    const { meta: _, schemas: __, roles: ___, ...sent } = find(entra, 'create user', ids).body as JsonObject;
    const read = (await d.send('GET', `/Users/${ids.user}`)).body;
    expect(read).to.deep.include({
      ...sent,
      [ENTERPRISE]: { employeeNumber: '8812', department: 'Risk', manager: { value: ids.manager } },
    });
    const disabled = await send('create disabled user', 201);
    expect(disabled.active).to.equal(false);
    const again = await d.send('GET', `/Users?filter=${encodeURIComponent('userName eq "OLOF@contoso.example"')}`);
    expect(again.body.totalResults, 'a disabled user is found').to.equal(1);
  });

  it('finds by every question it asks', async () => {
    for (const name of ['find by userName', 'find by externalId', 'find by work e-mail', 'find by two attributes']) {
      expect(await found(name), name).to.deep.equal([ids.user]);
    }
    expect(await found('manager check')).to.deep.equal([ids.user]);
    expect(await found('find group')).to.deep.equal([ids.group]);
    expect(await found('member check')).to.deep.equal([]);
    await send('add members', 204);
    expect(await found('member check')).to.deep.equal([ids.group]);
    expect(await send('read group')).to.not.have.property('members');
  });

  it('updates in both dialects to the same result', async () => {
    const compliant = await directory(w);
    const other = await compliant.vendor(find(entra, 'create user', ids), 201);
    const a = await send('update, not compliant');
    const b = await compliant.vendor(find(entra, 'update, compliant', { user: other.id as string }), 200);
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
    const row = await w.db('users').where({ user_id: ids.user }).first();
    expect(row).to.include({ email: 'mara.ek@contoso.example', last_name: 'Ek', first_name: 'Mara' });
  });

  it('creates the values its filters mean', async () => {
    const read = await send('values that are not there yet');
    expect(read.addresses).to.deep.include({ type: 'other', formatted: 'Box 1' });
    expect(read.phoneNumbers).to.deep.include({ type: 'fax', value: '+46 8 2' });
    expect(read.roles).to.deep.equal([{ primary: true, value: 'Approver' }]);
    expect(read.emails).to.have.length(2);
  });

  it('sets and clears a manager in every form', async () => {
    for (const form of ['manager as text', 'manager as object', 'manager as list']) {
      await send('manager removed');
      expect((enterprise(await send(form)).manager as JsonObject).value, form).to.equal(ids.manager);
    }
    for (const form of ['manager cleared with text', 'manager cleared with null', 'manager removed']) {
      await send('manager as text');
      expect(enterprise(await send(form)), form).to.not.have.property('manager');
    }
  });

  it('disables in both dialects; nothing to do does nothing', async () => {
    for (const form of ['disable, not compliant', 'disable, compliant']) {
      const on = await d.send('PATCH', `/Users/${ids.user}`, patch({ op: 'replace', path: 'active', value: true }));
      expect(on.body.active).to.equal(true);
      expect((await send(form)).active, form).to.equal(false);
      expect((await w.db('users').where({ user_id: ids.user }).first()).enabled).to.equal(false);
    }
    const before = (await d.send('GET', `/Users/${ids.user}`)).body.meta;
    expect((await send('nothing to do')).meta).to.deep.equal(before);
  });

  it('adds and removes members in both dialects, answers 204, and renames', async () => {
    await send('add members', 204);
    expect(await members()).to.have.members([ids.user, ids.member]);
    await send('remove member, not compliant', 204);
    expect(await members()).to.deep.equal([ids.user]);
    await send('add members', 204);
    await send('remove member, compliant', 204);
    await send('remove member, compliant', 204);
    expect(await members()).to.deep.equal([ids.user]);
    await send('rename group', 204);
    expect(await send('read group')).to.include({
      displayName: 'Risk Board',
      externalId: '8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159',
    });
  });

  it('deletes, and can make the same again', async () => {
    await send('delete user', 204);
    await send('delete user', 404);
    expect((await send('create user', 201)).id).to.not.equal(ids.user);
    await send('delete group', 204);
    await send('create group', 201);
  });
});
