import { expect } from 'chai';
import { setMember } from '../../../src/access/grants/service.ts';
import { createGroup } from '../../../src/directory/groups/service.ts';
import { changeMembers } from '../../../src/directory/groups/members.ts';
import {
  addMember,
  findMembership,
  listMembers,
  membershipsOf,
  readMember,
  removeMember,
  setMemberStatus,
} from '../../../src/directory/memberships/service.ts';
import { deleteOwnedUser, findUser, updateOwnedUser } from '../../../src/directory/users/service.ts';
import { verifyAccess } from '../../access/invariant.ts';
import { type World, world } from '../../support/world.ts';
import { codeOf, countEvents, directoryOf, makeActor, makeOrganization, makeOwned, makePersonal } from '../cast.ts';

describe('directory/memberships', () => {
  let w: World;

  before(async () => {
    w = await world();
  });
  after(async () => {
    await verifyAccess(w.db, w.app.clock());
    await w.close();
  });

  it('makes a person a guest, once', async () => {
    const org = await makeOrganization(w);
    const { call } = await makeActor(w, org, 'admin');
    const person = await makePersonal(w);
    const made = await addMember(call, org.org_id, person.user_id);
    expect(made).to.deep.include({ status: 'active', user_role: null, url_safe_org_name: org.slug });
    await addMember(call, org.org_id, person.user_id);
    expect(await countEvents(w, 'membership.created', person.user_id)).to.equal(1);
    expect(await readMember(call, org.org_id, person.user_id)).to.include({ is_guest: true, email: person.email });
  });

  it('SC-05: takes in an account that another organization owns only by the system’s administrator', async () => {
    const [mine, theirs] = [await makeOrganization(w), await makeOrganization(w)];
    const { call } = await makeActor(w, mine, 'owner');
    const foreign = await makeOwned(w, theirs);
    expect(await codeOf(addMember(call, mine.org_id, foreign.user_id))).to.equal('not_found');
    expect(await codeOf(addMember(call, theirs.org_id, foreign.user_id))).to.equal('not_found');
    await addMember(w.call(), mine.org_id, foreign.user_id);
    expect((await membershipsOf(w.db, foreign.user_id)).map(({ org_id }) => org_id)).to.deep.equal([
      theirs.org_id,
      mine.org_id,
    ]);
  });

  it('takes everything that a suspended membership gave, and gives it back', async () => {
    const org = await makeOrganization(w);
    const { user } = await makeActor(w, org, 'admin');
    const suspended = await setMemberStatus(w.call(), org.org_id, user.user_id, 'suspended');
    expect(suspended).to.deep.include({ status: 'suspended', user_role: null, user_permissions: [] });
    const active = await setMemberStatus(w.call(), org.org_id, user.user_id, 'active');
    expect(active.user_role).to.equal('admin');
    expect(active.user_permissions).to.include('members.manage');
  });

  it('ends a guest’s membership with groups and roles there, and nothing elsewhere', async () => {
    const [mine, other] = [await makeOrganization(w), await makeOrganization(w)];
    const person = await makePersonal(w);
    for (const org of [mine, other]) await setMember(w.call(), org.org_id, person.user_id, { role: 'admin' });
    const group = await createGroup(w.call(), mine.org_id, { name: 'Guests' });
    await changeMembers(w.call(), mine.org_id, group.group_id, { add: [person.user_id] });
    await removeMember(w.call(), mine.org_id, person.user_id);
    expect(await findMembership(w.db, mine.org_id, person.user_id)).to.equal(null);
    expect(await findMembership(w.db, other.org_id, person.user_id)).to.include({ user_role: 'admin' });
    expect(await w.db('user_roles').where({ user_id: person.user_id, org_id: mine.org_id })).to.deep.equal([]);
    expect(
      (await w.db('user_groups').where({ group_id: group.group_id }).first('member_count'))?.member_count,
    ).to.equal(0);
    expect((await findUser(w.db, person.user_id))?.enabled).to.equal(true);
    // Coming back, they have nothing of before.
    expect(await addMember(w.call(), mine.org_id, person.user_id)).to.deep.include({ user_permissions: [] });
  });

  it('does not let go of accounts that the organization owns', async () => {
    const org = await makeOrganization(w);
    const user = await makeOwned(w, org);
    expect(await codeOf(removeMember(w.call(), org.org_id, user.user_id))).to.equal('member_is_owned');
  });

  it('SC-09: keeps the last owner, whatever would take it away', async () => {
    const org = await makeOrganization(w);
    const { user, call } = await makeActor(w, org, 'owner');
    const id = user.user_id;
    const ways: [string, () => Promise<unknown>][] = [
      ['suspend', () => setMemberStatus(call, org.org_id, id, 'suspended')],
      ['disable', () => updateOwnedUser(call, org.org_id, id, { enabled: false })],
      ['disable by the directory', () => updateOwnedUser(directoryOf(w, org), org.org_id, id, { enabled: false })],
      ['delete', () => deleteOwnedUser(call, org.org_id, id)],
      ['delete by the directory', () => deleteOwnedUser(directoryOf(w, org), org.org_id, id)],
      ['another role', () => setMember(call, org.org_id, id, { role: 'member' })],
      ['no role', () => setMember(call, org.org_id, id, { role: null })],
    ];
    for (const [name, way] of ways) expect(await codeOf(way()), name).to.equal('last_owner');
    expect(await findMembership(w.db, org.org_id, id)).to.include({ user_role: 'owner', status: 'active' });
    const second = await makeActor(w, org, 'owner');
    await updateOwnedUser(directoryOf(w, org), org.org_id, id, { enabled: false });
    expect(await codeOf(setMember(second.call, org.org_id, second.user.user_id, { role: 'admin' }))).to.equal(
      'last_owner',
    );
  });

  it('SC-09: a guest who owns is kept too, but another organization’s decision about its own account stands', async () => {
    const [mine, theirs] = [await makeOrganization(w), await makeOrganization(w)];
    const person = await makePersonal(w);
    await setMember(w.call(), mine.org_id, person.user_id, { role: 'owner' });
    expect(await codeOf(removeMember(w.call(), mine.org_id, person.user_id))).to.equal('last_owner');
    const foreign = await makeOwned(w, theirs);
    await setMember(w.call(), mine.org_id, foreign.user_id, { role: 'owner' });
    await removeMember(w.call(), mine.org_id, person.user_id);
    await updateOwnedUser(directoryOf(w, theirs), theirs.org_id, foreign.user_id, { enabled: false });
    expect((await findUser(w.db, foreign.user_id))?.enabled).to.equal(false);
  });

  it('AZ-05: administrators do not unmake owners', async () => {
    const org = await makeOrganization(w);
    await makeActor(w, org, 'owner');
    const { user } = await makeActor(w, org, 'owner');
    const { call } = await makeActor(w, org, 'admin');
    const ways: [string, () => Promise<unknown>][] = [
      ['suspend', () => setMemberStatus(call, org.org_id, user.user_id, 'suspended')],
      ['disable', () => updateOwnedUser(call, org.org_id, user.user_id, { enabled: false })],
      ['delete', () => deleteOwnedUser(call, org.org_id, user.user_id)],
      ['another role', () => setMember(call, org.org_id, user.user_id, { role: 'member' })],
    ];
    for (const [name, way] of ways) expect(await codeOf(way()), name).to.equal('not_allowed');
  });

  it('lists members by role and status', async () => {
    const org = await makeOrganization(w);
    const admin = await makeActor(w, org, 'admin');
    const plain = await makeOwned(w, org);
    await setMemberStatus(w.call(), org.org_id, plain.user_id, 'suspended');
    const ids = async (query: object) =>
      (await listMembers(admin.call, org.org_id, query)).items.map(({ user_id }) => user_id);
    expect(await ids({})).to.deep.equal([admin.user.user_id, plain.user_id]);
    expect(await ids({ role: 'admin' })).to.deep.equal([admin.user.user_id]);
    expect(await ids({ status: 'suspended' })).to.deep.equal([plain.user_id]);
  });
});
