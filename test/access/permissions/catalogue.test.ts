import { expect } from 'chai';
import { grantRole } from '../../../src/access/grants/service.ts';
import { syncCatalogue } from '../../../src/access/permissions/catalogue.ts';
import {
  createPermission,
  deletePermission,
  listPermissions,
  updatePermission,
} from '../../../src/access/permissions/service.ts';
import { knownPermissions } from '../../../src/core/permission.ts';
import { findMembership } from '../../../src/directory/memberships/service.ts';
import { codeOf, countEvents, makeActor, makeOrganization, makeOwned, programOf } from '../../directory/cast.ts';
import { type World, world } from '../../support/world.ts';
import { makeRole, permissionOf } from '../bundles.ts';
import { verifyAccess } from '../invariant.ts';

describe('access/permissions', () => {
  let w: World;

  before(async () => {
    w = await world();
  });
  after(async () => {
    await verifyAccess(w.db, w.app.clock());
    await w.close();
  });

  const contentsOf = async (name: string): Promise<string[]> => {
    const rows = await w
      .db('role_permissions as rp')
      .join('roles as r', 'r.role_id', 'rp.role_id')
      .join('permissions as p', 'p.permission_id', 'rp.permission_id')
      .whereNull('r.org_id')
      .where({ 'r.name': name })
      .orderByRaw('p.name collate "C"')
      .select('p.name');
    return rows.map((row: { name: string }) => row.name);
  };

  it('has the permissions of the code, and four roles of the system', async () => {
    const all = knownPermissions();
    const offered = all.filter(({ category }) => category === 'organization').map(({ name }) => name);
    const kept = await w.db('permissions').whereNull('org_id').orderByRaw('name collate "C"').select('name');
    expect(kept.map(({ name }) => name)).to.deep.equal(all.map(({ name }) => name));
    expect(await contentsOf('owner')).to.deep.equal(offered);
    expect(await contentsOf('admin')).to.deep.equal(
      offered.filter((name) => name !== 'organizations.delete' && name !== 'owners.manage'),
    );
    expect(await contentsOf('member')).to.deep.equal([]);
    expect(await contentsOf('system_administrator')).to.deep.equal(all.map(({ name }) => name));
    expect(offered).not.to.include('domains.attest').and.not.include('organizations.create');
  });

  it('does nothing when there is nothing to do', async () => {
    const events = await countEvents(w, 'catalogue.updated');
    expect(await syncCatalogue(w.call())).to.equal(false);
    expect(await countEvents(w, 'catalogue.updated')).to.equal(events);
  });

  it('repairs what differs, and everybody whom it concerns', async () => {
    const org = await makeOrganization(w);
    const { user } = await makeActor(w, org, 'admin');
    await w.db('permissions').where({ name: 'users.read' }).whereNull('org_id').del();
    await w.db('roles').where({ name: 'admin' }).whereNull('org_id').update({ description: 'Wrong.' });
    const attest = await w.db('permissions').where({ name: 'domains.attest' }).first('permission_id');
    const admin = await w.db('roles').where({ name: 'admin' }).whereNull('org_id').first('role_id');
    await w.db('role_permissions').insert({ role_id: admin?.role_id, permission_id: attest?.permission_id });
    expect(await syncCatalogue(w.call())).to.equal(true);
    expect(await contentsOf('admin'))
      .to.include('users.read')
      .and.not.include('domains.attest');
    expect((await findMembership(w.db, org.org_id, user.user_id))?.user_permissions).to.include('users.read');
    await verifyAccess(w.db, w.app.clock());
  });

  it('SC-17: a permission that becomes the system’s takes the name from organizations that had it', async () => {
    const org = await makeOrganization(w);
    const user = await makeOwned(w, org);
    await w.db('permissions').where({ name: 'audit_logs.read' }).whereNull('org_id').del();
    const { permission_id } = await permissionOf(w, org, 'kept.read');
    const role = await makeRole(w, org, 'R', ['kept.read']);
    await w.db('permissions').where({ permission_id }).update({ name: 'audit_logs.read' });
    await grantRole(w.call(), org.org_id, user.user_id, { role_id: role.role_id });
    expect((await findMembership(w.db, org.org_id, user.user_id))?.user_permissions).to.deep.equal(['audit_logs.read']);
    await syncCatalogue(w.call());
    expect((await findMembership(w.db, org.org_id, user.user_id))?.user_permissions).to.deep.equal([]);
  });

  it('is for the system only', async () => {
    const org = await makeOrganization(w);
    expect(await codeOf(syncCatalogue(programOf(w, org)))).to.equal('not_allowed');
  });

  it('lets organizations define their own, under names that are not Lintel’s', async () => {
    const org = await makeOrganization(w);
    const { call } = await makeActor(w, org, 'admin');
    const made = await createPermission(call, org.org_id, {
      name: 'invoices.approve',
      resource: 'invoices',
      action: 'approve',
    });
    expect(made).to.include({ org_id: org.org_id, category: 'user' });
    expect(await codeOf(createPermission(call, org.org_id, { name: 'invoices.approve' }))).to.equal(
      'permission_name_taken',
    );
    for (const name of ['users.delete', 'Users.Delete', 'domains.attest']) {
      expect(await codeOf(createPermission(call, org.org_id, { name })), name).to.equal('permission_name_reserved');
      expect(await codeOf(updatePermission(call, org.org_id, made.permission_id, { name })), name).to.equal(
        'permission_name_reserved',
      );
    }
    const ours = await permissionOf(w, org, 'users.read');
    expect(await codeOf(updatePermission(call, org.org_id, ours.permission_id, { description: 'x' }))).to.equal(
      'permission_of_system',
    );
    expect(await codeOf(deletePermission(call, org.org_id, ours.permission_id))).to.equal('permission_of_system');
    const names = (await listPermissions(call, org.org_id, { limit: 200 })).items.map(({ name }) => name);
    expect(names).to.include('invoices.approve').and.include('users.read').and.not.include('domains.attest');
    expect(
      (await listPermissions(w.call(), (await makeOrganization(w)).org_id, { limit: 200 })).items.map(
        ({ name }) => name,
      ),
    ).not.to.include('invoices.approve');
  });

  it('renames and deletes them for everybody who holds them', async () => {
    const org = await makeOrganization(w);
    const user = await makeOwned(w, org);
    const role = await makeRole(w, org, 'R', ['a.read', 'b.read']);
    await grantRole(w.call(), org.org_id, user.user_id, { role_id: role.role_id });
    const permission = await permissionOf(w, org, 'a.read');
    await updatePermission(w.call(), org.org_id, permission.permission_id, { name: 'z.read' });
    const held = async () => (await findMembership(w.db, org.org_id, user.user_id))?.user_permissions;
    expect(await held()).to.deep.equal(['b.read', 'z.read']);
    await deletePermission(w.call(), org.org_id, permission.permission_id);
    expect(await held()).to.deep.equal(['b.read']);
  });

  it('RE-18: five processes that start at once bring the catalogue up to date once', async () => {
    await w.db('roles').whereNull('org_id').where({ name: 'member' }).update({ description: 'Older.' });
    const done = await Promise.all(Array.from({ length: 5 }, () => syncCatalogue(w.call())));
    expect(done.filter(Boolean)).to.have.length(1);
  });
});
