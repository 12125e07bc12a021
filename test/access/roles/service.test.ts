import { expect } from 'chai';
import { grantGroupRole, grantRole } from '../../../src/access/grants/service.ts';
import {
  addParentRole,
  addRolePermission,
  createRole,
  deleteRole,
  findRole,
  listParentRoles,
  listRolePermissions,
  listRoles,
  readRole,
  removeParentRole,
  removeRolePermission,
  updateRole,
} from '../../../src/access/roles/service.ts';
import { changeMembers } from '../../../src/directory/groups/members.ts';
import { createGroup } from '../../../src/directory/groups/service.ts';
import { findMembership } from '../../../src/directory/memberships/service.ts';
import { codeOf, countEvents, makeActor, makeOrganization, makeOwned, programOf } from '../../directory/cast.ts';
import { type World, world } from '../../support/world.ts';
import { makeRole, permissionOf, systemRole } from '../bundles.ts';
import { verifyAccess } from '../invariant.ts';

describe('access/roles', () => {
  let w: World;

  before(async () => {
    w = await world();
  });
  after(async () => {
    await verifyAccess(w.db, w.app.clock());
    await w.close();
  });

  const rolesOf = async (org: { org_id: string }, user: { user_id: string }) =>
    (await findMembership(w.db, org.org_id, user.user_id))?.inherited_user_roles_plus_current_role;
  const permissionsOf = async (org: { org_id: string }, user: { user_id: string }) =>
    (await findMembership(w.db, org.org_id, user.user_id))?.user_permissions;

  it('has names once in an organization, whatever their case', async () => {
    const org = await makeOrganization(w);
    await makeRole(w, org, 'Editor');
    expect(await codeOf(createRole(w.call(), org.org_id, { name: ' EDITOR ' }))).to.equal('role_name_taken');
    expect((await makeRole(w, await makeOrganization(w), 'Editor')).name).to.equal('Editor');
    expect(await codeOf(createRole(w.call(), org.org_id, { name: 'Edi\u202Etor' }))).to.equal('request_invalid');
  });

  it('SC-17: takes no name of the system’s roles, in no disguise', async () => {
    const org = await makeOrganization(w);
    const own = await makeRole(w, org, 'Mine');
    for (const name of [
      'owner',
      'OWNER',
      ' Admin ',
      'ｏｗｎｅｒ',
      'member',
      'system_administrator',
      'System_Administrator',
    ]) {
      expect(await codeOf(createRole(w.call(), org.org_id, { name })), name).to.equal('role_name_reserved');
      expect(await codeOf(updateRole(w.call(), org.org_id, own.role_id, { name })), name).to.equal(
        'role_name_reserved',
      );
    }
  });

  it('SC-17: a row under such a name, however it came there, gives nothing', async () => {
    const org = await makeOrganization(w);
    const user = await makeOwned(w, org);
    const role = await makeRole(w, org, 'Harmless', ['users.read', 'reports.read']);
    await grantRole(w.call(), org.org_id, user.user_id, { role_id: role.role_id });
    await w.db('roles').where({ role_id: role.role_id }).update({ name: 'Owner' });
    await grantRole(w.call(), org.org_id, user.user_id, { role_id: (await makeRole(w, org, 'Other')).role_id });
    expect(await rolesOf(org, user)).to.deep.equal(['Other']);
    expect(await permissionsOf(org, user)).to.deep.equal([]);
  });

  it('shows the system’s roles to organizations, except the system’s administrator, and lets nobody change them', async () => {
    const org = await makeOrganization(w);
    const { call } = await makeActor(w, org, 'owner');
    await makeRole(w, org, 'Mine');
    const names = (await listRoles(call, org.org_id, {})).items.map(({ name }) => name);
    expect(names).to.have.members(['owner', 'admin', 'member', 'Mine']);
    const hidden = await w.db('roles').where({ name: 'system_administrator' }).first('role_id');
    expect(await codeOf(readRole(call, org.org_id, hidden?.role_id))).to.equal('not_found');
    const admin = await systemRole(w, org, 'admin');
    const permission = await permissionOf(w, org, 'users.read');
    for (const change of [
      () => updateRole(call, org.org_id, admin.role_id, { description: 'x' }),
      () => deleteRole(call, org.org_id, admin.role_id),
      () => addRolePermission(call, org.org_id, admin.role_id, permission.permission_id),
      () => removeRolePermission(call, org.org_id, admin.role_id, permission.permission_id),
      () => addParentRole(call, org.org_id, admin.role_id, admin.role_id),
    ]) {
      expect(await codeOf(change())).to.equal('role_of_system');
    }
  });

  it('changes what everybody has in the transaction of the change', async () => {
    const org = await makeOrganization(w);
    const [direct, byGroup] = [await makeOwned(w, org), await makeOwned(w, org)];
    const [child, parent, top] = [
      await makeRole(w, org, 'Child', ['a.read']),
      await makeRole(w, org, 'Parent', ['b.read']),
      await makeRole(w, org, 'Top', ['c.read']),
    ];
    const group = await createGroup(w.call(), org.org_id, { name: 'G' });
    await grantGroupRole(w.call(), org.org_id, group.group_id, child.role_id);
    await changeMembers(w.call(), org.org_id, group.group_id, { add: [byGroup.user_id] });
    await grantRole(w.call(), org.org_id, direct.user_id, { role_id: child.role_id });
    await addParentRole(w.call(), org.org_id, parent.role_id, top.role_id);
    await addParentRole(w.call(), org.org_id, child.role_id, parent.role_id);
    await addParentRole(w.call(), org.org_id, child.role_id, parent.role_id);
    for (const user of [direct, byGroup]) {
      expect(await rolesOf(org, user)).to.deep.equal(['Child', 'Parent', 'Top']);
      expect(await permissionsOf(org, user)).to.deep.equal(['a.read', 'b.read', 'c.read']);
    }
    expect(await countEvents(w, 'role.parent_added', child.role_id)).to.equal(1);
    expect(
      (await listParentRoles(w.call(), org.org_id, child.role_id, {})).items.map(({ name }) => name),
    ).to.deep.equal(['Parent']);

    const [listed] = (await listParentRoles(w.call(), org.org_id, child.role_id, {})).items;
    expect(listed?.inherited_since).to.be.instanceOf(Date);

    await updateRole(w.call(), org.org_id, parent.role_id, { is_active: false });
    expect(await permissionsOf(org, byGroup)).to.deep.equal(['a.read']);
    await updateRole(w.call(), org.org_id, parent.role_id, { is_active: true, name: 'Renamed' });
    expect(await rolesOf(org, direct)).to.deep.equal(['Child', 'Renamed', 'Top']);

    const added = await permissionOf(w, org, 'd.read');
    await addRolePermission(w.call(), org.org_id, top.role_id, added.permission_id);
    expect(await permissionsOf(org, direct)).to.include('d.read');
    await removeRolePermission(w.call(), org.org_id, top.role_id, added.permission_id);
    expect(await permissionsOf(org, direct)).not.to.include('d.read');
    expect(
      (await listRolePermissions(w.call(), org.org_id, top.role_id, {})).items.map(({ name }) => name),
    ).to.deep.equal(['c.read']);

    await removeParentRole(w.call(), org.org_id, parent.role_id, top.role_id);
    expect(await permissionsOf(org, byGroup)).to.deep.equal(['a.read', 'b.read']);
    await deleteRole(w.call(), org.org_id, parent.role_id);
    expect(await rolesOf(org, direct)).to.deep.equal(['Child']);
    await deleteRole(w.call(), org.org_id, child.role_id);
    for (const user of [direct, byGroup]) {
      expect(await findMembership(w.db, org.org_id, user.user_id)).to.deep.include({
        user_role: null,
        user_permissions: [],
      });
    }
    await verifyAccess(w.db, w.app.clock());
  });

  it('SC-17: refuses circles of any length', async () => {
    const org = await makeOrganization(w);
    const roles = [];
    for (const name of ['A', 'B', 'C', 'D']) roles.push(await makeRole(w, org, name));
    const [a, b, c, d] = roles.map(({ role_id }) => role_id) as [string, string, string, string];
    const inherit = (role: string, parent: string) => addParentRole(w.call(), org.org_id, role, parent);
    expect(await codeOf(inherit(a, a))).to.equal('inheritance_cycle');
    await inherit(a, b);
    expect(await codeOf(inherit(b, a))).to.equal('inheritance_cycle');
    await inherit(b, c);
    await inherit(c, d);
    expect(await codeOf(inherit(d, a))).to.equal('inheritance_cycle');
    await inherit(a, d);
    await removeParentRole(w.call(), org.org_id, b, c);
    await inherit(d, b);
  });

  it('inherits from the system’s roles, but never from owner', async () => {
    const org = await makeOrganization(w);
    const role = await makeRole(w, org, 'Deputy');
    const user = await makeOwned(w, org);
    await grantRole(w.call(), org.org_id, user.user_id, { role_id: role.role_id });
    const owner = await systemRole(w, org, 'owner');
    expect(await codeOf(addParentRole(w.call(), org.org_id, role.role_id, owner.role_id))).to.equal(
      'role_not_inheritable',
    );
    await addParentRole(w.call(), org.org_id, role.role_id, (await systemRole(w, org, 'admin')).role_id);
    expect(await rolesOf(org, user)).to.deep.equal(['Deputy', 'admin']);
    expect(await permissionsOf(org, user))
      .to.include('users.delete')
      .and.not.include('owners.manage');
  });

  it('MT-02, SC-17: nothing of another organization goes into a role', async () => {
    const [mine, theirs] = [await makeOrganization(w), await makeOrganization(w)];
    const { call } = await makeActor(w, mine, 'owner');
    const role = await makeRole(w, mine, 'Mine');
    const foreignRole = await makeRole(w, theirs, 'Theirs', ['x.read']);
    const foreignPermission = await permissionOf(w, theirs, 'x.read');
    for (const refused of [
      () => readRole(call, mine.org_id, foreignRole.role_id),
      () => addParentRole(call, mine.org_id, role.role_id, foreignRole.role_id),
      () => addRolePermission(call, mine.org_id, role.role_id, foreignPermission.permission_id),
      () => updateRole(call, mine.org_id, foreignRole.role_id, { name: 'X' }),
      () => deleteRole(call, theirs.org_id, foreignRole.role_id),
      () => listRoles(call, theirs.org_id, {}),
    ]) {
      expect(await codeOf((async () => refused())())).to.equal('not_found');
    }
    expect(await findRole(w.db, mine.org_id, foreignRole.role_id)).to.equal(null);
  });

  it('AZ-05: nobody puts into a role what they do not hold', async () => {
    const org = await makeOrganization(w);
    const call = programOf(w, org, ['roles.manage', 'users.read']);
    const role = await createRole(call, org.org_id, { name: 'R' });
    const add = async (name: string) =>
      addRolePermission(call, org.org_id, role.role_id, (await permissionOf(w, org, name)).permission_id);
    await add('users.read');
    expect(await codeOf(add('users.delete'))).to.equal('not_allowed');
    expect(await codeOf(add('invoices.approve')), 'not even the organization’s own').to.equal('not_allowed');
    const governor = programOf(w, org, ['roles.manage', 'permissions.manage']);
    const own = await permissionOf(w, org, 'invoices.approve');
    await addRolePermission(governor, org.org_id, role.role_id, own.permission_id);
    const admin = await systemRole(w, org, 'admin');
    expect(await codeOf(addParentRole(call, org.org_id, role.role_id, admin.role_id))).to.equal('not_allowed');
    // What is the system's cannot be reached by any organization, whatever the caller claims to hold.
    const attest = await w.db('permissions').where({ name: 'domains.attest' }).first('permission_id');
    const all = programOf(w, org);
    expect(await codeOf(addRolePermission(all, org.org_id, role.role_id, attest?.permission_id))).to.equal('not_found');
  });

  it('AZ-05: nobody activates a role that holds more than they do', async () => {
    const org = await makeOrganization(w);
    const role = await makeRole(w, org, 'Sleeping', ['users.delete']);
    await updateRole(w.call(), org.org_id, role.role_id, { is_active: false });
    const call = programOf(w, org, ['roles.manage']);
    expect(await codeOf(updateRole(call, org.org_id, role.role_id, { is_active: true }))).to.equal('not_allowed');
    expect((await updateRole(call, org.org_id, role.role_id, { description: 'zzz' })).description).to.equal('zzz');
  });
});
