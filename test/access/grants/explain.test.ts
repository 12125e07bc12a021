import { expect } from 'chai';
import { newId } from '../../../src/core/id.ts';
import { explainAccess } from '../../../src/access/grants/explain.ts';
import { grantGroupRole, grantRole } from '../../../src/access/grants/service.ts';
import { addParentRole, updateRole } from '../../../src/access/roles/service.ts';
import { changeMembers } from '../../../src/directory/groups/members.ts';
import { createGroup, updateGroup } from '../../../src/directory/groups/service.ts';
import { setMemberStatus } from '../../../src/directory/memberships/service.ts';
import { updateOwnedUser } from '../../../src/directory/users/service.ts';
import { codeOf, makeActor, makeOrganization, makeOwned } from '../../directory/cast.ts';
import { type World, world } from '../../support/world.ts';
import { makeRole, systemRole } from '../bundles.ts';

describe('access/grants: explaining', () => {
  let w: World;

  before(async () => {
    w = await world();
  });
  after(() => w.close());

  it('tells the whole way: group → role → parent role → permission, who gave it, when, until when', async () => {
    const org = await makeOrganization(w);
    const owner = await makeActor(w, org, 'owner');
    const user = await makeOwned(w, org);
    const [child, parent] = [await makeRole(w, org, 'Child'), await makeRole(w, org, 'Parent', ['invoices.approve'])];
    const group = await createGroup(owner.call, org.org_id, { name: 'Finance' });
    await grantGroupRole(owner.call, org.org_id, group.group_id, child.role_id);
    await addParentRole(owner.call, org.org_id, child.role_id, parent.role_id);
    const end = new Date(w.app.clock().getTime() + 3_600_000);
    await changeMembers(owner.call, org.org_id, group.group_id, { add: [user.user_id], expires_at: end });

    const explained = await explainAccess(owner.call, org.org_id, user.user_id, 'invoices.approve');
    expect(explained).to.include({ allowed: true, reason: 'granted' });
    expect(explained.paths).to.have.length(1);
    const [path] = explained.paths;
    expect(path?.steps.map(({ kind, name, counts }) => [kind, name, counts])).to.deep.equal([
      ['group_membership', 'Finance', true],
      ['group_role', 'Child', true],
      ['inheritance', 'Parent', true],
      ['role_permission', 'invoices.approve', true],
    ]);
    expect(path?.steps[0]).to.deep.include({
      id: group.group_id,
      assigned_by: owner.user.user_id,
      assigned_by_label: owner.user.email,
      expires_at: end,
    });
    expect(path?.steps[1]).to.include({ assigned_by: owner.user.user_id });
    expect(path?.steps[2]?.assigned_at).to.be.instanceOf(Date);
  });

  it('shows the ways that do not count, and the step at which they end', async () => {
    const org = await makeOrganization(w);
    const user = await makeOwned(w, org);
    const explain = (permission = 'p.do') => explainAccess(w.call(), org.org_id, user.user_id, permission);
    expect(await explain()).to.deep.include({ allowed: false, reason: 'no_path', paths: [] });

    const brief = await makeRole(w, org, 'Brief', ['p.do']);
    const expires_at = new Date(w.app.clock().getTime() + 60_000).toISOString();
    await grantRole(w.call(), org.org_id, user.user_id, { role_id: brief.role_id, expires_at });
    const sleeping = await makeRole(w, org, 'Sleeping', ['p.do']);
    await updateRole(w.call(), org.org_id, sleeping.role_id, { is_active: false });
    await grantRole(w.call(), org.org_id, user.user_id, { role_id: sleeping.role_id });
    const conditional = await makeRole(w, org, 'Conditional', ['p.do']);
    await w.db('role_permissions').where({ role_id: conditional.role_id }).update({ conditions: '{}' });
    await grantRole(w.call(), org.org_id, user.user_id, { role_id: conditional.role_id });
    const grouped = await makeRole(w, org, 'Grouped', ['p.do']);
    const group = await createGroup(w.call(), org.org_id, { name: 'G' });
    await grantGroupRole(w.call(), org.org_id, group.group_id, grouped.role_id);
    await changeMembers(w.call(), org.org_id, group.group_id, { add: [user.user_id] });
    await updateGroup(w.call(), org.org_id, group.group_id, { is_active: false });

    expect(await explain()).to.include({ allowed: true, reason: 'granted' });
    w.skew += 60_001;
    const after = await explain();
    expect(after).to.include({ allowed: false, reason: 'no_path' });
    expect(after.paths.map(({ counts }) => counts)).to.deep.equal([false, false, false, false]);
    const reasons = after.paths.map(({ steps }) => steps.find(({ counts }) => !counts)?.why_not);
    expect(reasons.sort()).to.deep.equal(['conditional', 'expired', 'inactive', 'inactive']);
  });

  it('says when it is the account, the membership or the organization', async () => {
    const org = await makeOrganization(w);
    const { user } = await makeActor(w, org, 'admin');
    const explain = () => explainAccess(w.call(), org.org_id, user.user_id, 'users.read');
    expect(await explain()).to.include({ allowed: true });
    await setMemberStatus(w.call(), org.org_id, user.user_id, 'suspended');
    expect(await explain()).to.include({ allowed: false, reason: 'membership_inactive' });
    await setMemberStatus(w.call(), org.org_id, user.user_id, 'active');
    await updateOwnedUser(w.call(), org.org_id, user.user_id, { enabled: false });
    expect(await explain()).to.include({ allowed: false, reason: 'account_disabled' });
  });

  it('is not lost in a lattice of roles', async () => {
    const org = await makeOrganization(w);
    const user = await makeOwned(w, org);
    const make = (name: string, permissions: string[] = []) => makeRole(w, org, name, permissions);
    let layer = [await make('0a'), await make('0b')];
    for (const { role_id } of layer) await grantRole(w.call(), org.org_id, user.user_id, { role_id });
    for (let depth = 1; depth <= 12; depth += 1) {
      const next = [await make(`${depth}a`, depth === 12 ? ['deep.do'] : []), await make(`${depth}b`)];
      for (const below of layer) {
        for (const above of next) await addParentRole(w.call(), org.org_id, below.role_id, above.role_id);
      }
      layer = next;
    }
    const explained = await explainAccess(w.call(), org.org_id, user.user_id, 'deep.do');
    expect(explained.allowed).to.equal(true);
    expect(explained.paths).to.have.length(100);
    expect(await explainAccess(w.call(), org.org_id, user.user_id, 'nothing.do')).to.deep.include({ paths: [] });
  });

  /** Makes the roles between the first layer and the last; each role of a layer inherits from each of the next. */
  async function stack(org_id: string, layers: readonly string[][]): Promise<void> {
    await w.db.batchInsert(
      'roles',
      layers
        .slice(1, -1)
        .flat()
        .map((role_id) => ({ role_id, org_id, name: role_id })),
    );
    const edges = layers
      .slice(1)
      .flatMap((above, at) =>
        (layers[at] ?? []).flatMap((role_id) => above.map((parent_role_id) => ({ role_id, parent_role_id }))),
      );
    await w.db.batchInsert('role_inheritance', edges);
  }

  it('RE-17: of a ladder of diamonds, which has 2^150 ways, it tells as many steps as anybody reads', async () => {
    const org = await makeOrganization(w);
    const user = await makeOwned(w, org);
    const bottom = await makeRole(w, org, 'bottom');
    const top = await makeRole(w, org, 'top', ['deep.do']);
    await grantRole(w.call(), org.org_id, user.user_id, { role_id: bottom.role_id });
    const layers = Array.from({ length: 150 }, () => [newId(), newId()]);
    await stack(org.org_id, [[bottom.role_id], ...layers, [top.role_id]]);
    const explained = await explainAccess(w.call(), org.org_id, user.user_id, 'deep.do');
    expect(explained.allowed).to.equal(true);
    const told = explained.paths.map(({ steps }) => steps.length);
    // Each leads from the bottom over every layer to the top, and to the permission.
    expect(new Set(told)).to.deep.equal(new Set([153]));
    expect(told).to.have.length(Math.floor(2000 / 153));
  });

  it('RE-17: what is too far away is not looked for on each of 2^40 ways, and the short way beside them is told', async () => {
    const org = await makeOrganization(w);
    const user = await makeOwned(w, org);
    const bottom = await makeRole(w, org, 'bottom');
    const top = await makeRole(w, org, 'top', ['deep.do']);
    await grantRole(w.call(), org.org_id, user.user_id, { role_id: bottom.role_id });
    const ladder = Array.from({ length: 40 }, () => [newId(), newId()]);
    const chain = Array.from({ length: 1990 }, () => [newId()]);
    await stack(org.org_id, [[bottom.role_id], ...ladder, ...chain, [top.role_id]]);
    const beside = await makeRole(w, org, 'beside');
    await w.db('role_inheritance').insert([
      { role_id: bottom.role_id, parent_role_id: beside.role_id },
      { role_id: beside.role_id, parent_role_id: top.role_id },
    ]);
    const explained = await explainAccess(w.call(), org.org_id, user.user_id, 'deep.do');
    expect(explained.paths.map(({ steps }) => steps.map(({ name }) => name))).to.deep.equal([
      ['bottom', 'beside', 'top', 'deep.do'],
    ]);
  });

  it('MT-02: explains members of the own organization only', async () => {
    const [mine, theirs] = [await makeOrganization(w), await makeOrganization(w)];
    const { call } = await makeActor(w, mine, 'owner');
    const foreign = await makeOwned(w, theirs);
    expect(await codeOf(explainAccess(call, mine.org_id, foreign.user_id, 'users.read'))).to.equal('not_found');
    expect(await codeOf(explainAccess(call, theirs.org_id, foreign.user_id, 'users.read'))).to.equal('not_found');
    expect((await systemRole(w, mine, 'member')).org_id).to.equal(null);
  });
});
