import { expect } from 'chai';
import { addGroupMember, changeMembers, endExpiredMembers } from '../../../src/directory/groups/members.ts';
import {
  createGroup,
  deleteGroup,
  findGroup,
  groupsOfUsers,
  listGroupMembers,
  listGroups,
  ownedMembersOf,
  readGroup,
  searchGroups,
  updateGroup,
} from '../../../src/directory/groups/service.ts';
import { addMember } from '../../../src/directory/memberships/service.ts';
import { createUnit } from '../../../src/directory/units/service.ts';
import { countUsers, searchUsers } from '../../../src/directory/users/lookup.ts';
import { verifyAccess } from '../../access/invariant.ts';
import { statementsOf } from '../../flows/statements.ts';
import { type World, world } from '../../support/world.ts';
import { codeOf, countEvents, makeActor, makeOrganization, makeOwned, makePersonal } from '../cast.ts';

describe('directory/groups', () => {
  let w: World;

  before(async () => {
    w = await world();
  });
  after(async () => {
    await verifyAccess(w.db, w.app.clock());
    await w.close();
  });

  async function makeGroup(size = 0) {
    const org = await makeOrganization(w);
    const users = [];
    for (let i = 0; i < size; i += 1) users.push(await makeOwned(w, org));
    const group = await createGroup(w.call(), org.org_id, { name: 'Staff' });
    return { org, group, ids: users.map(({ user_id }) => user_id) };
  }

  /** The statements of some work, without those that open and close its transaction. */
  const dataStatementsOf = async (work: () => Promise<unknown>): Promise<string[]> =>
    (await statementsOf(work)).filter((sql) => !/^(begin|commit)/i.test(sql));

  it('creates, reads, renames, lists and deletes', async () => {
    const { org, group } = await makeGroup();
    expect(group).to.include({ name: 'Staff', slug: 'staff', member_count: 0, membership_type: 'manual' });
    expect(await codeOf(createGroup(w.call(), org.org_id, { name: 'STAFF' }))).to.equal('group_name_taken');
    const second = await createGroup(w.call(), org.org_id, { name: 'Staff!' });
    expect(second.slug).to.match(/^staff-[0-9a-f]{12}$/);
    expect(await codeOf(updateGroup(w.call(), org.org_id, second.group_id, { name: 'staff' }))).to.equal(
      'group_name_taken',
    );
    expect(await codeOf(updateGroup(w.call(), org.org_id, second.group_id, { slug: 'staff' }))).to.equal(
      'group_slug_taken',
    );
    const change = await updateGroup(w.call(), org.org_id, second.group_id, { name: 'Team', settings: { a: 1 } });
    expect(change.changed).to.have.members(['name', 'settings']);
    expect((await updateGroup(w.call(), org.org_id, second.group_id, { name: 'Team' })).changed).to.deep.equal([]);
    await deleteGroup(w.call(), org.org_id, group.group_id);
    expect(await findGroup(w.db, org.org_id, group.group_id)).to.equal(null);
    expect((await createGroup(w.call(), org.org_id, { name: 'Staff' })).slug).to.equal('staff');
    expect((await listGroups(w.call(), org.org_id, { name: 'TEAM' })).items).to.have.length(1);
  });

  it('refers to units and owners of the organization only', async () => {
    const { org, group } = await makeGroup();
    const other = await makeOrganization(w);
    const unit = await createUnit(w.call(), other.org_id, { name: 'Theirs' });
    const foreign = await makeOwned(w, other);
    const change = (columns: object) => updateGroup(w.call(), org.org_id, group.group_id, columns);
    expect(await codeOf(change({ unit_id: unit.unit_id }))).to.equal('request_invalid');
    expect(await codeOf(change({ owner_id: foreign.user_id }))).to.equal('request_invalid');
    expect(await codeOf(change({ name: 'A\u202Eb' }))).to.equal('request_invalid');
  });

  it('changes members by what differs, counts them, and says who', async () => {
    const { org, group, ids } = await makeGroup(4);
    const change = (delta: object) => changeMembers(w.call(), org.org_id, group.group_id, delta);
    const [a, b, c, d] = ids as [string, string, string, string];
    expect(await change({ add: [b, a, a.toUpperCase()] })).to.deep.include({ added: [a, b], removed: [] });
    expect(await change({ add: [a], remove: [c] })).to.deep.include({ added: [], removed: [] });
    expect(await countEvents(w, 'group.members_changed', group.group_id)).to.equal(1);
    const third = await change({ add: [c], remove: [a] });
    expect(third).to.deep.include({ added: [c], removed: [a] });
    expect(third.group.member_count).to.equal(2);
    expect(await change({ add: [b], remove: [b] }), 'who is in both stays').to.deep.include({ added: [], removed: [] });
    const whole = await change({ replaceWith: [d, b] });
    expect(whole).to.deep.include({ added: [d], removed: [c] });
    const page = await listGroupMembers(w.call(), org.org_id, group.group_id, {});
    expect(page.items.map(({ user_id }) => user_id)).to.deep.equal([b, d]);
    expect((await change({ replaceWith: [] })).group.member_count).to.equal(0);
  });

  it('works in proportion to the change, not to the group', async () => {
    const { org, group, ids } = await makeGroup(30);
    await changeMembers(w.call(), org.org_id, group.group_id, { add: ids.slice(1) });
    const add = () => changeMembers(w.call(), org.org_id, group.group_id, { add: [ids[0] as string] });
    const statements = await dataStatementsOf(add);
    // Lock of the organization, lock of the group, who is a member, insert, count, audit, does the group give roles.
    expect(statements, statements.join('\n')).to.have.length(7);
    const all = await dataStatementsOf(() => changeMembers(w.call(), org.org_id, group.group_id, { replaceWith: [] }));
    expect(all, 'leaving is a set as well').to.have.length(6);
    expect(statements.join(' '), 'a group that gives no role costs no recomputation').not.to.contain('with recursive');
  });

  it('says at most a hundred people in one event', async () => {
    const { org, group, ids } = await makeGroup(120);
    await changeMembers(w.call(), org.org_id, group.group_id, { add: ids });
    const rows = await w.db('audit_logs').where({ action: 'group.members_changed', object_id: group.group_id });
    expect(rows.map(({ details }) => details.added.length).sort()).to.deep.equal([100, 20]);
    expect(rows.flatMap(({ details }) => details.added)).to.have.members(ids);
  });

  it('SC-01: takes in members of the organization only, and tells strangers from nobody in no way', async () => {
    const { org, group, ids } = await makeGroup(1);
    const foreign = await makeOwned(w, await makeOrganization(w));
    const nobody = '01a1fd81-0000-7000-8000-000000000000';
    for (const stranger of [foreign.user_id, nobody, 'not-an-id']) {
      const delta = { add: [...ids, stranger] };
      expect(await codeOf(changeMembers(w.call(), org.org_id, group.group_id, delta)), stranger).to.equal(
        'member_unknown',
      );
    }
    expect((await readGroup(w.call(), org.org_id, group.group_id)).member_count, 'nothing half-written').to.equal(0);
    expect(await codeOf(addGroupMember(w.call(), org.org_id, group.group_id, foreign.user_id))).to.equal('not_found');
    const lenient = await changeMembers(w.call(), org.org_id, group.group_id, {
      add: [foreign.user_id, 'not-an-id', ...ids],
      ignoreUnknown: true,
    });
    expect(lenient.added).to.deep.equal(ids);
    const person = await makePersonal(w);
    await addMember(w.call(), org.org_id, person.user_id);
    expect((await changeMembers(w.call(), org.org_id, group.group_id, { add: [person.user_id] })).added).to.have.length(
      1,
    );
  });

  it('MT-02: groups of another organization are not there', async () => {
    const { org, group } = await makeGroup();
    const mine = await makeOrganization(w);
    const { call, user } = await makeActor(w, mine, 'owner');
    expect(await codeOf(readGroup(call, org.org_id, group.group_id))).to.equal('not_found');
    expect(await codeOf(readGroup(call, mine.org_id, group.group_id))).to.equal('not_found');
    expect(await codeOf(changeMembers(call, mine.org_id, group.group_id, { add: [user.user_id] }))).to.equal(
      'not_found',
    );
    expect(await codeOf(deleteGroup(call, mine.org_id, group.group_id))).to.equal('not_found');
  });

  it('holds no more than max_members', async () => {
    const { org, group, ids } = await makeGroup(3);
    await updateGroup(w.call(), org.org_id, group.group_id, { max_members: 2 });
    expect(await codeOf(changeMembers(w.call(), org.org_id, group.group_id, { add: ids }))).to.equal('group_full');
    const { group: after } = await changeMembers(w.call(), org.org_id, group.group_id, { add: ids.slice(0, 2) });
    expect(after.member_count).to.equal(2);
    const swap = { add: ids.slice(2), remove: ids.slice(0, 1) };
    expect((await changeMembers(w.call(), org.org_id, group.group_id, swap)).group.member_count).to.equal(2);
  });

  it('ends memberships whose time has passed', async () => {
    const { org, group, ids } = await makeGroup(2);
    const expires_at = new Date(w.app.clock().getTime() + 60_000);
    await changeMembers(w.call(), org.org_id, group.group_id, { add: ids.slice(0, 1), expires_at });
    await changeMembers(w.call(), org.org_id, group.group_id, { add: ids.slice(1) });
    expect(await endExpiredMembers(w.call())).to.equal(0);
    w.skew += 61_000;
    const members = await ownedMembersOf(w.db, org.org_id, [group.group_id], w.app.clock());
    expect(members.map(({ user_id }) => user_id)).to.deep.equal([ids[1]]);
    expect(await endExpiredMembers(w.call())).to.equal(1);
    expect((await readGroup(w.call(), org.org_id, group.group_id)).member_count).to.equal(1);
  });

  it('searches for a compiled condition, with values as bindings only (SC-07)', async () => {
    const { org, group, ids } = await makeGroup(3);
    await changeMembers(w.call(), org.org_id, group.group_id, { add: ids });
    const evil = "x' or '1'='1";
    const where = (value: string) => ({ sql: 'lower(user_groups.name) = lower(?)', bindings: [value] });
    expect(await searchGroups(w.db, org.org_id, { where: where('staff'), limit: 10 })).to.have.length(1);
    expect(await searchGroups(w.db, org.org_id, { where: where(evil), limit: 10 })).to.have.length(0);

    const isIn = {
      sql: 'exists (select from user_group_memberships m where m.user_id = users.user_id and m.group_id = ?)',
      bindings: [group.group_id],
    };
    const joins = {
      sql: 'left join user_organization_info i on i.user_id = users.user_id and i.org_id = ?',
      bindings: [org.org_id],
    };
    const page = await searchUsers<{ slug: string }>(w.db, org.org_id, {
      select: ['i.url_safe_org_name as slug'],
      joins,
      where: isIn,
      limit: 2,
    });
    expect(page.map(({ user_id, slug }) => [user_id, slug])).to.deep.equal(ids.slice(0, 2).map((id) => [id, org.slug]));
    const last = page.at(-1) as { created_at: number; user_id: string };
    const after = { created_at: last.created_at, id: last.user_id };
    const rest = await searchUsers(w.db, org.org_id, { joins, where: isIn, limit: 2, after });
    expect(rest.map(({ user_id }) => user_id)).to.deep.equal(ids.slice(2));
    expect(await countUsers(w.db, org.org_id, { joins, where: isIn })).to.equal(3);
    const order = { sql: 'lower(users.email)', bindings: [], descending: true };
    const backwards = await searchUsers(w.db, org.org_id, { order, limit: 10, offset: 1 });
    expect(backwards).to.have.length(2);
    const groups = await groupsOfUsers(w.db, org.org_id, ids.slice(0, 2).reverse(), w.app.clock(), 100);
    expect([...groups.keys()]).to.deep.equal(ids.slice(0, 2).reverse());
    expect([...groups.values()].map((own) => own.map(({ display }) => display))).to.deep.equal([['Staff'], ['Staff']]);
    expect((await groupsOfUsers(w.db, org.org_id, [], w.app.clock(), 100)).size).to.equal(0);
  });
});
