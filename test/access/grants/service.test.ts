/**
 * Grants, owners and administrators: who has what, until when, and who may give it. Over 300 lines because its cases change the same
 * few people.
 */
import { expect } from 'chai';
import {
  addAdministrator,
  listAdministrators,
  removeAdministrator,
} from '../../../src/access/grants/administrators.ts';
import { actorForUser, readAccess } from '../../../src/access/grants/access.ts';
import { expireGrants } from '../../../src/access/grants/recompute.ts';
import {
  grantGroupRole,
  grantRole,
  listGrants,
  listGroupRoles,
  revokeGroupRole,
  revokeRole,
  setMember,
} from '../../../src/access/grants/service.ts';
import { Call } from '../../../src/core/call.ts';
import { changeMembers } from '../../../src/directory/groups/members.ts';
import { createGroup, deleteGroup, updateGroup } from '../../../src/directory/groups/service.ts';
import { addMember, findMembership, setMemberStatus } from '../../../src/directory/memberships/service.ts';
import { suspendOrganization } from '../../../src/directory/organizations/service.ts';
import { updateAnyUser, updateOwnedUser } from '../../../src/directory/users/service.ts';
import {
  codeOf,
  countEvents,
  directoryOf,
  makeActor,
  makeOrganization,
  makeOwned,
  makePersonal,
  programOf,
} from '../../directory/cast.ts';
import { type World, world } from '../../support/world.ts';
import { makeRole, systemRole } from '../bundles.ts';
import { verifyAccess } from '../invariant.ts';

describe('access/grants', () => {
  let w: World;

  before(async () => {
    w = await world();
  });
  afterEach(() => verifyAccess(w.db, w.app.clock()));
  after(() => w.close());

  type Org = { org_id: string };
  const row = async (org: Org, user: { user_id: string }) => {
    const membership = await findMembership(w.db, org.org_id, user.user_id);
    if (!membership) throw new Error('no member');
    return membership;
  };
  const inMinutes = (minutes: number) => new Date(w.app.clock().getTime() + minutes * 60_000).toISOString();

  it('gives roles beside the primary one, and sorts what follows', async () => {
    const org = await makeOrganization(w);
    const user = await makeOwned(w, org);
    const [z, a] = [await makeRole(w, org, 'Zeta', ['z.do']), await makeRole(w, org, 'Älpha', ['a.do'])];
    await grantRole(w.call(), org.org_id, user.user_id, { role_id: z.role_id });
    expect(await row(org, user)).to.deep.include({ user_role: 'Zeta', org_role_structure: 'single_role_in_hierarchy' });
    await setMember(w.call(), org.org_id, user.user_id, { role: 'Älpha' });
    expect(await row(org, user)).to.deep.include({
      user_role: 'Älpha',
      additional_roles: ['Zeta'],
      inherited_user_roles_plus_current_role: ['Zeta', 'Älpha'],
      user_permissions: ['a.do', 'z.do'],
      org_role_structure: 'multi_role',
    });
    // The primary role is replaced; the one beside it stays.
    await setMember(w.call(), org.org_id, user.user_id, { role: 'member' });
    expect(await row(org, user)).to.deep.include({ user_role: 'member', additional_roles: ['Zeta'] });
    await setMember(w.call(), org.org_id, user.user_id, {});
    expect((await row(org, user)).user_role).to.equal('member');
    await setMember(w.call(), org.org_id, user.user_id, { role: null });
    expect(await row(org, user)).to.deep.include({ user_role: 'Zeta', additional_roles: [] });
    await revokeRole(w.call(), org.org_id, user.user_id, z.role_id);
    expect(await codeOf(revokeRole(w.call(), org.org_id, user.user_id, z.role_id))).to.equal('not_found');
    expect(await row(org, user)).to.deep.include({ user_role: null, user_permissions: [] });
    expect(await codeOf(setMember(w.call(), org.org_id, user.user_id, { role: 'Nobody' }))).to.equal('request_invalid');
    expect(await countEvents(w, 'role.granted')).to.be.greaterThan(2);
    expect(a.name).to.equal('Älpha');
  });

  it('lists grants with who gave them, and changes their end', async () => {
    const org = await makeOrganization(w);
    const owner = await makeActor(w, org, 'owner');
    const user = await makeOwned(w, org);
    const role = await makeRole(w, org, 'R');
    const first = await grantRole(owner.call, org.org_id, user.user_id, {
      role_id: role.role_id,
      expires_at: inMinutes(5),
    });
    const again = await grantRole(owner.call, org.org_id, user.user_id, { role_id: role.role_id });
    expect(again.user_role_id).to.equal(first.user_role_id);
    const [grant] = (await listGrants(owner.call, org.org_id, user.user_id, {})).items;
    expect(grant).to.deep.include({ role_name: 'R', expires_at: null, assigned_by: owner.user.user_id });
    const past = grantRole(owner.call, org.org_id, user.user_id, { role_id: role.role_id, expires_at: inMinutes(-1) });
    expect(await codeOf(past)).to.equal('request_invalid');
  });

  it('RT-09: a grant counts until its last moment, also before the job ran', async () => {
    const org = await makeOrganization(w);
    const user = await makeOwned(w, org);
    const [forever, brief] = [await makeRole(w, org, 'Forever', ['f.do']), await makeRole(w, org, 'Brief', ['b.do'])];
    await grantRole(w.call(), org.org_id, user.user_id, { role_id: forever.role_id });
    await grantRole(w.call(), org.org_id, user.user_id, { role_id: brief.role_id, expires_at: inMinutes(5) });
    const read = () => readAccess(w.db, w.app.clock(), org.org_id, user.user_id);
    expect((await read())?.permissions).to.deep.equal(['b.do', 'f.do']);
    expect((await read())?.valid_until).to.be.instanceOf(Date);
    w.skew += 5 * 60_000 + 1;
    expect((await row(org, user)).user_permissions, 'not written yet').to.deep.equal(['b.do', 'f.do']);
    expect((await read())?.permissions).to.deep.equal(['f.do']);
    expect([...((await actorForUser(w.db, w.app.clock(), user.user_id, org.org_id))?.permissions ?? [])]).to.deep.equal(
      ['f.do'],
    );
    expect(await expireGrants(w.call())).to.be.greaterThan(0);
    expect(await row(org, user)).to.deep.include({ user_permissions: ['f.do'], access_valid_until: null });
    expect(await expireGrants(w.call())).to.equal(0);
  });

  it('a group’s membership that ends takes its roles with it', async () => {
    const org = await makeOrganization(w);
    const user = await makeOwned(w, org);
    const role = await makeRole(w, org, 'R', ['r.do']);
    const group = await createGroup(w.call(), org.org_id, { name: 'G' });
    await grantGroupRole(w.call(), org.org_id, group.group_id, role.role_id);
    await changeMembers(w.call(), org.org_id, group.group_id, {
      add: [user.user_id],
      expires_at: new Date(inMinutes(2)),
    });
    expect((await readAccess(w.db, w.app.clock(), org.org_id, user.user_id))?.permissions).to.deep.equal(['r.do']);
    w.skew += 121_000;
    expect((await readAccess(w.db, w.app.clock(), org.org_id, user.user_id))?.permissions).to.deep.equal([]);
    await expireGrants(w.call());
  });

  it('gives the roles of groups to members, as long as both are active', async () => {
    const org = await makeOrganization(w);
    const [user, late] = [await makeOwned(w, org), await makeOwned(w, org)];
    const role = await makeRole(w, org, 'R', ['r.do']);
    const group = await createGroup(w.call(), org.org_id, { name: 'G' });
    const has = async (who: { user_id: string }) => (await row(org, who)).user_permissions.includes('r.do');
    await changeMembers(w.call(), org.org_id, group.group_id, { add: [user.user_id] });
    await grantGroupRole(w.call(), org.org_id, group.group_id, role.role_id);
    await grantGroupRole(w.call(), org.org_id, group.group_id, role.role_id);
    await changeMembers(w.call(), org.org_id, group.group_id, { add: [late.user_id] });
    expect([await has(user), await has(late)]).to.deep.equal([true, true]);
    expect(
      (await listGroupRoles(w.call(), org.org_id, group.group_id, {})).items.map(({ role_name }) => role_name),
    ).to.deep.equal(['R']);
    expect(await countEvents(w, 'group_role.granted', group.group_id)).to.equal(1);
    await updateGroup(w.call(), org.org_id, group.group_id, { is_active: false });
    expect([await has(user), await has(late)]).to.deep.equal([false, false]);
    await updateGroup(w.call(), org.org_id, group.group_id, { is_active: true });
    await changeMembers(w.call(), org.org_id, group.group_id, { remove: [late.user_id] });
    expect([await has(user), await has(late)]).to.deep.equal([true, false]);
    await revokeGroupRole(w.call(), org.org_id, group.group_id, role.role_id);
    expect(await has(user)).to.equal(false);
    await grantGroupRole(w.call(), org.org_id, group.group_id, role.role_id);
    await deleteGroup(w.call(), org.org_id, group.group_id);
    expect(await has(user)).to.equal(false);
  });

  it('SC-17: a group under the name of a system role gives nothing by its name', async () => {
    const org = await makeOrganization(w);
    const user = await makeOwned(w, org);
    const call = directoryOf(w, org);
    const group = await createGroup(call, org.org_id, { name: 'owner' });
    await changeMembers(call, org.org_id, group.group_id, { add: [user.user_id] });
    expect(await row(org, user)).to.deep.include({ user_role: null, user_permissions: [] });
  });

  it('SC-17, MT-02: no role, group or person of another organization', async () => {
    const [mine, theirs] = [await makeOrganization(w), await makeOrganization(w)];
    const { call, user } = await makeActor(w, mine, 'owner');
    const foreignRole = await makeRole(w, theirs, 'Theirs', ['x.do']);
    const foreignUser = await makeOwned(w, theirs);
    const [group, foreignGroup] = [
      await createGroup(w.call(), mine.org_id, { name: 'G' }),
      await createGroup(w.call(), theirs.org_id, { name: 'G' }),
    ];
    const mineRole = await makeRole(w, mine, 'Mine');
    const hidden = await w.db('roles').where({ name: 'system_administrator' }).first('role_id');
    for (const [name, refused] of Object.entries({
      person: () => grantRole(call, mine.org_id, foreignUser.user_id, { role_id: mineRole.role_id }),
      organization: () => grantRole(call, theirs.org_id, foreignUser.user_id, { role_id: foreignRole.role_id }),
      group: () => grantGroupRole(call, mine.org_id, foreignGroup.group_id, mineRole.role_id),
      revoke: () => revokeGroupRole(call, mine.org_id, foreignGroup.group_id, foreignRole.role_id),
      list: () => listGrants(call, mine.org_id, foreignUser.user_id, {}),
    })) {
      expect(await codeOf(refused()), name).to.equal('not_found');
    }
    // What a body names is told with its field.
    for (const [name, refused] of Object.entries({
      role: () => grantRole(call, mine.org_id, user.user_id, { role_id: foreignRole.role_id }),
      'role of the system’s administrators': () =>
        grantRole(w.call(), mine.org_id, user.user_id, { role_id: hidden?.role_id }),
      'group role': () => grantGroupRole(call, mine.org_id, group.group_id, foreignRole.role_id),
    })) {
      expect(await codeOf(refused()), name).to.equal('not_found');
    }
    expect(await codeOf(setMember(call, mine.org_id, user.user_id, { role: 'system_administrator' }))).to.equal(
      'request_invalid',
    );
    expect(await codeOf(setMember(call, mine.org_id, user.user_id, { role: foreignRole.role_id }))).to.equal(
      'request_invalid',
    );
  });

  it('AZ-05: nobody gives more than they hold, on no way', async () => {
    const org = await makeOrganization(w);
    const owner = await makeActor(w, org, 'owner');
    const admin = await makeActor(w, org, 'admin');
    const ownerRole = await systemRole(w, org, 'owner');
    const call = admin.call;
    const me = admin.user.user_id;
    const strong = await createGroup(w.call(), org.org_id, { name: 'Strong' });
    await grantGroupRole(w.call(), org.org_id, strong.group_id, ownerRole.role_id);
    const weak = await createGroup(w.call(), org.org_id, { name: 'Weak' });
    for (const [name, refused] of Object.entries({
      grant: () => grantRole(call, org.org_id, me, { role_id: ownerRole.role_id }),
      member: () => setMember(call, org.org_id, me, { role: 'owner' }),
      'group role': () => grantGroupRole(call, org.org_id, weak.group_id, ownerRole.role_id),
      'group member': () => changeMembers(call, org.org_id, strong.group_id, { add: [me] }),
      'unmake an owner': () => revokeRole(call, org.org_id, owner.user.user_id, ownerRole.role_id),
      'stop a group of owners': () => updateGroup(call, org.org_id, strong.group_id, { is_active: false }),
      'delete a group of owners': () => deleteGroup(call, org.org_id, strong.group_id),
    })) {
      expect(await codeOf(refused()), name).to.equal('not_allowed');
    }
    expect((await row(org, admin.user)).user_role).to.equal('admin');
    // A directory does what the organization's owners told it to by the group's role.
    await changeMembers(directoryOf(w, org), org.org_id, strong.group_id, { add: [me] });
    expect((await row(org, admin.user)).user_permissions).to.include('owners.manage');
    expect(await codeOf(changeMembers(call, org.org_id, strong.group_id, { remove: [me] }))).to.equal('not_allowed');
  });

  it('AZ-05: who manages grants only, gives nothing of Lintel’s', async () => {
    const org = await makeOrganization(w);
    const user = await makeOwned(w, org);
    const call = programOf(w, org, ['grants.manage', 'members.manage', 'groups.manage']);
    const app = await makeRole(w, org, 'App', ['app.use']);
    const empty = await makeRole(w, org, 'Empty');
    expect(await codeOf(setMember(call, org.org_id, user.user_id, { role: 'admin' }))).to.equal('not_allowed');
    expect(await codeOf(grantRole(call, org.org_id, user.user_id, { role_id: app.role_id }))).to.equal('not_allowed');
    expect((await grantRole(call, org.org_id, user.user_id, { role_id: empty.role_id })).role_name).to.equal('Empty');
    const members = programOf(w, org, ['members.manage']);
    expect(await codeOf(setMember(members, org.org_id, user.user_id, { role: 'member' }))).to.equal('not_allowed');
    expect((await setMember(members, org.org_id, user.user_id, {})).user_id).to.equal(user.user_id);
  });

  it('SC-09: an owner for a while is no owner to leave the organization with', async () => {
    const org = await makeOrganization(w);
    const first = await makeActor(w, org, 'owner');
    const second = await makeOwned(w, org);
    const owner = await systemRole(w, org, 'owner');
    await grantRole(w.call(), org.org_id, second.user_id, { role_id: owner.role_id, expires_at: inMinutes(60) });
    const leave = () => revokeRole(w.call(), org.org_id, first.user.user_id, owner.role_id);
    expect(await codeOf(leave())).to.equal('last_owner');
    const shorten = grantRole(w.call(), org.org_id, first.user.user_id, {
      role_id: owner.role_id,
      expires_at: inMinutes(60),
    });
    expect(await codeOf(shorten)).to.equal('last_owner');
    await grantRole(w.call(), org.org_id, second.user_id, { role_id: owner.role_id });
    await leave();
  });

  it('SC-09: owners by a group are owners, until the last one leaves it', async () => {
    const org = await makeOrganization(w);
    const user = await makeOwned(w, org);
    const owner = await systemRole(w, org, 'owner');
    const group = await createGroup(w.call(), org.org_id, { name: 'Owners' });
    await grantGroupRole(w.call(), org.org_id, group.group_id, owner.role_id);
    await changeMembers(w.call(), org.org_id, group.group_id, { add: [user.user_id] });
    for (const [name, refused] of Object.entries({
      leave: () => changeMembers(directoryOf(w, org), org.org_id, group.group_id, { remove: [user.user_id] }),
      empty: () => changeMembers(directoryOf(w, org), org.org_id, group.group_id, { replaceWith: [] }),
      delete: () => deleteGroup(directoryOf(w, org), org.org_id, group.group_id),
      stop: () => updateGroup(w.call(), org.org_id, group.group_id, { is_active: false }),
      'no role': () => revokeGroupRole(w.call(), org.org_id, group.group_id, owner.role_id),
      disable: () => updateOwnedUser(directoryOf(w, org), org.org_id, user.user_id, { enabled: false }),
    })) {
      expect(await codeOf(refused()), name).to.equal('last_owner');
    }
    await makeActor(w, org, 'owner');
    await changeMembers(directoryOf(w, org), org.org_id, group.group_id, { replaceWith: [] });
  });

  it('gives an actor exactly what the membership gives, and none when account, membership or organization is off', async () => {
    const org = await makeOrganization(w);
    const { user } = await makeActor(w, org, 'admin');
    const actor = () => actorForUser(w.db, w.app.clock(), user.user_id, org.org_id);
    expect(await actor()).to.deep.include({
      type: 'user',
      id: user.user_id,
      label: user.email,
      reach: { org_id: org.org_id },
    });
    await setMemberStatus(w.call(), org.org_id, user.user_id, 'suspended');
    expect(await actor()).to.equal(null);
    await setMemberStatus(w.call(), org.org_id, user.user_id, 'active');
    await updateOwnedUser(w.call(), org.org_id, user.user_id, { enabled: false });
    expect(await actor()).to.equal(null);
    await updateOwnedUser(w.call(), org.org_id, user.user_id, { enabled: true });
    await suspendOrganization(w.call(), org.org_id);
    expect(await actor()).to.equal(null);
    expect(await actorForUser(w.db, w.app.clock(), user.user_id, null)).to.equal(null);
  });

  it('MT-10: an administrator of the system is made by one, and the last one stays', async () => {
    const [first, second] = [await makePersonal(w), await makePersonal(w)];
    await addAdministrator(w.call(), first.user_id);
    await addAdministrator(w.call(), first.user_id);
    const actor = await actorForUser(w.db, w.app.clock(), first.user_id, null);
    expect(actor?.reach).to.equal('system');
    expect([...(actor?.permissions ?? [])])
      .to.include('domains.attest')
      .and.include('administrators.manage');
    const call = Call.begin(w.app, actor as NonNullable<typeof actor>);
    expect((await listAdministrators(call, {})).items.map(({ user_id }) => user_id)).to.deep.equal([first.user_id]);
    expect(await codeOf(removeAdministrator(call, first.user_id))).to.equal('last_administrator');
    expect(await codeOf(updateAnyUser(call, first.user_id, { enabled: false }))).to.equal('last_administrator');
    await addAdministrator(call, second.user_id);
    await removeAdministrator(call, first.user_id);
    expect(await actorForUser(w.db, w.app.clock(), first.user_id, null)).to.equal(null);
    const org = await makeOrganization(w);
    const owner = await makeActor(w, org, 'owner');
    expect(await codeOf(addAdministrator(owner.call, owner.user.user_id))).to.equal('not_allowed');
    expect(await codeOf(addAdministrator(programOf(w, org), owner.user.user_id))).to.equal('not_allowed');
  });

  it('knows no conditions: a permission with conditions is not held unconditionally', async () => {
    const org = await makeOrganization(w);
    const user = await makeOwned(w, org);
    const role = await makeRole(w, org, 'R', ['r.do']);
    await w.db('role_permissions').where({ role_id: role.role_id }).update({ conditions: '{"ip":"10.0.0.0/8"}' });
    await grantRole(w.call(), org.org_id, user.user_id, { role_id: role.role_id });
    expect((await row(org, user)).user_permissions).to.deep.equal([]);
  });

  it('costs no recomputation to become a member', async () => {
    const org = await makeOrganization(w);
    const person = await makePersonal(w);
    const statements: string[] = [];
    const listen = ({ sql }: { sql: string }) => void statements.push(sql);
    w.db.on('query', listen);
    await addMember(w.call(), org.org_id, person.user_id);
    w.db.removeListener('query', listen);
    expect(statements.join(' ')).not.to.contain('with recursive');
  });
});
