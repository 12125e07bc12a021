/** What one connection cannot show: changes of access at the same moment (checklist AZ-05, SC-09, SC-13, SC-17, RE-18). */
import { expect } from 'chai';
import { addAdministrator, removeAdministrator } from '../../src/access/grants/administrators.ts';
import { grantGroupRole, grantRole, revokeRole, setMember } from '../../src/access/grants/service.ts';
import { syncCatalogue } from '../../src/access/permissions/catalogue.ts';
import { addParentRole, addRolePermission, deleteRole, removeRolePermission } from '../../src/access/roles/service.ts';
import { Fault } from '../../src/core/fault.ts';
import { changeMembers } from '../../src/directory/groups/members.ts';
import { createGroup, deleteGroup, readGroup } from '../../src/directory/groups/service.ts';
import { addMember, findMembership, removeMember, setMemberStatus } from '../../src/directory/memberships/service.ts';
import { updateOrganization } from '../../src/directory/organizations/service.ts';
import { claimAccount } from '../../src/directory/users/claim.ts';
import { deleteOwnedUser, setEnabled } from '../../src/directory/users/service.ts';
import { createUnit, updateUnit } from '../../src/directory/units/service.ts';
import { addDomain, verifyDomain } from '../../src/directory/domains/service.ts';
import { directoryOf, makeActor, makeOrganization, makeOwned, makePersonal, unique } from '../directory/cast.ts';
import { onPostgres } from '../support/database.ts';
import { type World, world } from '../support/world.ts';
import { makeRole, permissionOf, systemRole } from './bundles.ts';
import { verifyAccess } from './invariant.ts';

describe('access: races', function () {
  this.timeout(180_000);
  let w: World;
  const rounds = Number(process.env.LINTEL_TEST_ROUNDS ?? 8);

  before(async function () {
    if (!onPostgres) return this.skip();
    w = await world();
  });
  afterEach(async () => {
    if (w) await verifyAccess(w.db, w.app.clock());
  });
  after(() => w?.close());

  /** Runs everything at once; refusals are their codes, anything else is a defect. */
  const outcomes = (works: readonly (() => Promise<unknown>)[]): Promise<string[]> =>
    Promise.all(
      works.map((work) =>
        work().then(
          () => 'done',
          (error: unknown) => {
            if (error instanceof Fault) return error.code;
            throw error;
          },
        ),
      ),
    );
  const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
  const inTurn = async (work: (round: number) => Promise<void>) => {
    for (let round = 0; round < rounds; round += 1) await work(round);
  };
  const makeUsers = (org: { org_id: string }, count: number) => Promise.all(times(count, () => makeOwned(w, org)));

  it('SC-13: fifty people added to a group at once are all in it, without a deadlock', async () => {
    const org = await makeOrganization(w);
    const users = await makeUsers(org, 50);
    const group = await createGroup(w.call(), org.org_id, { name: 'All' });
    const role = await makeRole(w, org, 'R', ['r.do']);
    await grantGroupRole(w.call(), org.org_id, group.group_id, role.role_id);
    const logged = w.logLines.length;
    const done = await outcomes(
      users.map(
        ({ user_id }) =>
          () =>
            changeMembers(w.call(), org.org_id, group.group_id, { add: [user_id] }),
      ),
    );
    expect(new Set(done)).to.deep.equal(new Set(['done']));
    expect((await readGroup(w.call(), org.org_id, group.group_id)).member_count).to.equal(50);
    expect(w.logLines.slice(logged).join('')).not.to.contain('deadlock');
    for (const { user_id } of users) {
      expect((await findMembership(w.db, org.org_id, user_id))?.user_permissions).to.deep.equal(['r.do']);
    }
  });

  it('SC-13: overlapping sets, added and removed in any order over several groups, deadlock nobody', async () => {
    const org = await makeOrganization(w);
    const ids = (await makeUsers(org, 12)).map(({ user_id }) => user_id);
    const groups = await Promise.all(times(3, (i) => createGroup(w.call(), org.org_id, { name: `G${i}` })));
    for (const [i, group] of groups.entries()) {
      const role = await makeRole(w, org, `R${i}`, [`r${i}.do`]);
      await grantGroupRole(w.call(), org.org_id, group.group_id, role.role_id);
    }
    await inTurn(async (round) => {
      const before = await deadlocks();
      const done = await outcomes(
        times(24, (i) => () => {
          const list = i % 2 === 0 ? ids : ids.toReversed();
          const part = list.slice(i % 5, (i % 5) + 6);
          const group = groups[(i + round) % groups.length] as { group_id: string };
          return changeMembers(w.call(), org.org_id, group.group_id, i % 3 === 0 ? { remove: part } : { add: part });
        }),
      );
      expect(new Set(done)).to.deep.equal(new Set(['done']));
      expect(await deadlocks()).to.equal(before);
    });
  });

  async function deadlocks(): Promise<number> {
    const { rows } = await w.db.raw('select deadlocks from pg_stat_database where datname = current_database()');
    return Number(rows[0].deadlocks);
  }

  it('SC-17: a circle is not closed from two sides at once', () =>
    inTurn(async () => {
      const org = await makeOrganization(w);
      const ids: string[] = [];
      for (const name of ['A', 'B', 'C', 'D']) ids.push((await makeRole(w, org, name)).role_id);
      const done = await outcomes(
        ids.map((id, i) => () => addParentRole(w.call(), org.org_id, id, ids[(i + 1) % ids.length] as string)),
      );
      expect(done.toSorted()).to.deep.equal(['done', 'done', 'done', 'inheritance_cycle']);
    }));

  it('SC-09: of two owners who leave at once, one stays', () =>
    inTurn(async (round) => {
      const org = await makeOrganization(w);
      const [a, b] = [await makeActor(w, org, 'owner'), await makeActor(w, org, 'owner')];
      const owner = await systemRole(w, org, 'owner');
      const ways = [
        (id: string) => revokeRole(w.call(), org.org_id, id, owner.role_id),
        (id: string) => setEnabled(directoryOf(w, org), org.org_id, id, false),
        (id: string) => deleteOwnedUser(directoryOf(w, org), org.org_id, id),
        (id: string) => setMemberStatus(w.call(), org.org_id, id, 'suspended'),
        (id: string) => setMember(w.call(), org.org_id, id, { role: 'member' }),
      ];
      const first = ways[round % ways.length] as (id: string) => Promise<unknown>;
      const second = ways[(round * 2 + 1) % ways.length] as (id: string) => Promise<unknown>;
      const done = await outcomes([() => first(a.user.user_id), () => second(b.user.user_id)]);
      expect(done.toSorted()).to.deep.equal(['done', 'last_owner']);
    }));

  it('MT-10: of two administrators of the system who are removed at once, one stays', async () => {
    const [a, b] = [await makePersonal(w), await makePersonal(w)];
    await addAdministrator(w.call(), a.user_id);
    await addAdministrator(w.call(), b.user_id);
    const done = await outcomes(
      [a, b].map(
        ({ user_id }) =>
          () =>
            removeAdministrator(w.call(), user_id),
      ),
    );
    expect(done.toSorted()).to.deep.equal(['done', 'last_administrator']);
  });

  it('FD-11: somebody who becomes an administrator and is claimed at once does not become both', () =>
    inTurn(async () => {
      const org = await makeOrganization(w);
      const domain = `${unique()}.example`;
      await addDomain(w.call(), org.org_id, { domain });
      await verifyDomain(w.call(), org.org_id, domain, { method: 'attested' });
      const person = await makePersonal(w, { email: `a@${domain}`, email_confirmed: true });
      const done = await outcomes([
        () => addAdministrator(w.call(), person.user_id),
        () => claimAccount(w.call(), org.org_id, `a@${domain}`),
      ]);
      expect(
        done.filter((outcome) => outcome === 'done'),
        done.join(),
      ).to.have.length(1);
    }));

  it('a role that gets and loses permissions while it is granted is exact for everybody afterwards', () =>
    inTurn(async () => {
      const org = await makeOrganization(w);
      const users = await makeUsers(org, 6);
      const role = await makeRole(w, org, 'R', ['a.do']);
      const [b, c] = [await permissionOf(w, org, 'b.do'), await permissionOf(w, org, 'c.do')];
      const group = await createGroup(w.call(), org.org_id, { name: 'G' });
      const grant = (id: string) => grantRole(w.call(), org.org_id, id, { role_id: role.role_id });
      const done = await outcomes([
        ...users.slice(0, 4).map(
          ({ user_id }) =>
            () =>
              grant(user_id),
        ),
        () => addRolePermission(w.call(), org.org_id, role.role_id, b.permission_id),
        () => changeMembers(w.call(), org.org_id, group.group_id, { add: users.map(({ user_id }) => user_id) }),
        () => grantGroupRole(w.call(), org.org_id, group.group_id, role.role_id),
        () => addRolePermission(w.call(), org.org_id, role.role_id, c.permission_id),
        () => removeRolePermission(w.call(), org.org_id, role.role_id, b.permission_id),
      ]);
      expect(done.filter((outcome) => outcome !== 'done' && outcome !== 'not_found')).to.deep.equal([]);
      await verifyAccess(w.db, w.app.clock());
    }));

  it('a group that begins to give a role while people join gives it to all of them', () =>
    inTurn(async () => {
      const org = await makeOrganization(w);
      const users = await makeUsers(org, 8);
      const role = await makeRole(w, org, 'R', ['a.do']);
      const group = await createGroup(w.call(), org.org_id, { name: 'G' });
      const join =
        ({ user_id }: { user_id: string }) =>
        () =>
          changeMembers(w.call(), org.org_id, group.group_id, { add: [user_id] });
      await outcomes([
        ...users.slice(0, 4).map(join),
        () => grantGroupRole(w.call(), org.org_id, group.group_id, role.role_id),
        ...users.slice(4).map(join),
      ]);
      for (const { user_id } of users) {
        expect((await findMembership(w.db, org.org_id, user_id))?.user_permissions).to.deep.equal(['a.do']);
      }
    }));

  it('two primary roles chosen at once leave one', () =>
    inTurn(async () => {
      const org = await makeOrganization(w);
      const user = await makeOwned(w, org);
      const names = ['X', 'Y', 'Z'];
      for (const name of names) await makeRole(w, org, name);
      const choices = [...names, ...names].map((role) => () => setMember(w.call(), org.org_id, user.user_id, { role }));
      expect(new Set(await outcomes(choices))).to.deep.equal(new Set(['done']));
      const membership = await findMembership(w.db, org.org_id, user.user_id);
      expect(names).to.include(membership?.user_role);
      expect(membership?.additional_roles).to.deep.equal([]);
    }));

  it('somebody who leaves while being added and granted leaves nothing behind', () =>
    inTurn(async (round) => {
      const org = await makeOrganization(w);
      const role = await makeRole(w, org, 'R', ['a.do']);
      const groups: string[] = [];
      for (const name of ['G', 'H']) groups.push((await createGroup(w.call(), org.org_id, { name })).group_id);
      const guest = await makePersonal(w);
      const owned = await makeOwned(w, org);
      await addMember(w.call(), org.org_id, guest.user_id);
      const done = await outcomes(
        [guest, owned].flatMap(({ user_id }) => [
          () => changeMembers(w.call(), org.org_id, groups[0] as string, { add: [user_id] }),
          () => grantRole(w.call(), org.org_id, user_id, { role_id: role.role_id }),
          () => (user_id === guest.user_id ? removeMember : deleteOwnedUser)(w.call(), org.org_id, user_id),
          () => changeMembers(w.call(), org.org_id, groups[1] as string, { add: [user_id] }),
          () => addMember(w.call(), org.org_id, user_id),
          () => (round % 2 === 0 ? deleteGroup(w.call(), org.org_id, groups[1] as string) : Promise.resolve()),
        ]),
      );
      const unexpected = done.filter((one) => !['done', 'not_found', 'member_unknown'].includes(one));
      expect(unexpected).to.deep.equal([]);
    }));

  it('a role that is deleted while it is granted is gone', () =>
    inTurn(async () => {
      const org = await makeOrganization(w);
      const users = await makeUsers(org, 6);
      const role = await makeRole(w, org, 'R', ['a.do']);
      const done = await outcomes([
        ...users.slice(0, 3).map(
          ({ user_id }) =>
            () =>
              grantRole(w.call(), org.org_id, user_id, { role_id: role.role_id }),
        ),
        () => deleteRole(w.call(), org.org_id, role.role_id),
        ...users.slice(3).map(
          ({ user_id }) =>
            () =>
              grantRole(w.call(), org.org_id, user_id, { role_id: role.role_id }),
        ),
      ]);
      expect(done.filter((one) => one !== 'done' && one !== 'not_found')).to.deep.equal([]);
      expect(await w.db('user_roles').where({ role_id: role.role_id })).to.deep.equal([]);
    }));

  it('a slug that changes while people come is the same in every membership', () =>
    inTurn(async () => {
      const org = await makeOrganization(w);
      const guest = await makePersonal(w);
      await outcomes([
        ...times(5, () => () => makeOwned(w, org)),
        () => updateOrganization(w.call(), org.org_id, { slug: `s-${unique()}` }),
        () => addMember(w.call(), org.org_id, guest.user_id),
        () => updateOrganization(w.call(), org.org_id, { slug: `s-${unique()}` }),
        ...times(5, () => () => makeOwned(w, org)),
      ]);
    }));

  it('two units are not moved below one another at once', () =>
    inTurn(async () => {
      const { org_id } = await makeOrganization(w);
      const [a, b] = [
        await createUnit(w.call(), org_id, { name: 'A' }),
        await createUnit(w.call(), org_id, { name: 'B' }),
      ];
      const done = await outcomes([
        () => updateUnit(w.call(), org_id, a.unit_id, { parent_id: b.unit_id }),
        () => updateUnit(w.call(), org_id, b.unit_id, { parent_id: a.unit_id }),
      ]);
      expect(done.toSorted()).to.deep.equal(['done', 'unit_misplaced']);
    }));

  it('RE-18: five processes that start at once bring the catalogue up to date once', async () => {
    await w.db('roles').whereNull('org_id').where({ name: 'member' }).update({ description: 'Older.' });
    const done = await Promise.all(times(5, () => syncCatalogue(w.call())));
    expect(done.filter(Boolean)).to.have.length(1);
  });
});
