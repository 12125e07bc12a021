/**
 * Changes of roles, owners, administrators and memberships at the same moment, over REST and SCIM (checklist SC-09, SC-13, SC-17,
 * MT-10, AZ-05). Over 300 lines because its races share one organization's roles and what is verified after each.
 */
import { expect } from 'chai';
import { addAdministrator, removeAdministrator } from '../../src/access/grants/administrators.ts';
import { grantGroupRole, grantRole, setMember } from '../../src/access/grants/service.ts';
import { hasAdministrator, hasLastingOwner } from '../../src/access/grants/owners-store.ts';
import { addDomain, verifyDomain } from '../../src/directory/domains/service.ts';
import { changeMembers } from '../../src/directory/groups/members.ts';
import { createGroup } from '../../src/directory/groups/service.ts';
import { addMember, findMembership } from '../../src/directory/memberships/service.ts';
import { createUnit } from '../../src/directory/units/service.ts';
import { makeRole, permissionOf, systemRole } from '../access/bundles.ts';
import { makeOrganization, makeOwned, makePersonal } from '../directory/cast.ts';
import { directory, patch, USER } from '../scim/door.ts';
import type { Answer } from '../support/world.ts';
import { type Act, outcomeOf, race, severally, times } from './race.ts';
import { type Node, races, unique } from './stage.ts';

races('access', (stageOf) => {
  /** SCIM has no word of its own for it: 409 with a sentence, and no scimType. */
  const named = (answer: Answer): string =>
    /owner left/.test(answer.text) ? 'last_owner' : answer.status < 300 ? 'done' : outcomeOf(answer);

  for (const length of [2, 3, 4, 12]) {
    it(`SC-17: a ring of ${length} roles, each asked to inherit from the next, is not closed: one request is refused`, () =>
      race(stageOf(), {
        prepare: async () => {
          const { w } = stageOf();
          const org = await makeOrganization(w);
          const roles = await severally(times(length, String), 4, (name) => makeRole(w, org, `Role ${name}`));
          return { org, ids: roles.map(({ role_id }) => role_id) };
        },
        acts: ({ org, ids }) =>
          ids.map(
            (id, index) => (node) =>
              node.api('PUT', `/organizations/${org.org_id}/roles/${id}/parents/${ids[(index + 1) % length]}`),
          ),
        gives: { '204': length - 1, '409 inheritance_cycle': 1 },
      }));
  }

  it('SC-17: two rings that share their roles, closed in both directions at once, stay open', () =>
    race(stageOf(), {
      prepare: async () => {
        const { w } = stageOf();
        const org = await makeOrganization(w);
        const roles = await severally(times(4, String), 4, (name) => makeRole(w, org, `Role ${name}`));
        return { org, ids: roles.map(({ role_id }) => role_id) };
      },
      acts: ({ org, ids }) =>
        [1, 3].flatMap((step) =>
          ids.map(
            (id, index) => (node: Node) =>
              node.api('PUT', `/organizations/${org.org_id}/roles/${id}/parents/${ids[(index + step) % ids.length]}`),
          ),
        ),
      // Which edges stand is chance; that they are a forest is the invariant's to say.
      only: ['204', '409 inheritance_cycle'],
    }));

  /** Twelve owners, each unmade in another way: by hand, by the directory, with the account, with a group. */
  async function owners() {
    const { w } = stageOf();
    const org = await makeOrganization(w);
    const d = await directory(w, { orgId: org.org_id });
    const owner = await systemRole(w, org, 'owner');
    const at = `/organizations/${org.org_id}`;
    const owned = async () => {
      const { user_id } = await makeOwned(w, org);
      await setMember(w.call(), org.org_id, user_id, { role: 'owner' });
      return user_id;
    };
    const grouped = async (name: string) => {
      const { user_id } = await makeOwned(w, org);
      const { group_id } = await createGroup(w.call(), org.org_id, { name });
      await changeMembers(w.call(), org.org_id, group_id, { add: [user_id] });
      await grantGroupRole(w.call(), org.org_id, group_id, owner.role_id);
      return { user_id, group_id };
    };
    const guest = (await makePersonal(w)).user_id;
    await addMember(w.call(), org.org_id, guest);
    await grantRole(w.call(), org.org_id, guest, { role_id: owner.role_id });
    const [a, b, c, e, f, g, h] = await severally(times(7, String), 1, owned);
    const [i, j, k, l] = await severally(['I', 'J', 'K', 'L'], 1, grouped);
    const acts: Act[] = [
      (node) => node.api('PUT', `${at}/members/${a}`, { role: 'member' }),
      (node) => node.api('DELETE', `${at}/members/${b}/roles/${owner.role_id}`),
      (node) => node.api('PATCH', `${at}/members/${c}`, { status: 'suspended' }),
      (node) => node.api('PATCH', `${at}/users/${e}`, { enabled: false }),
      (node) => node.api('DELETE', `${at}/users/${f}`),
      (node) => d.at(node).send('PATCH', `/Users/${g}`, patch({ op: 'replace', path: 'active', value: false })),
      (node) => d.at(node).send('DELETE', `/Users/${h}`),
      (node) => node.api('DELETE', `${at}/members/${guest}`),
      (node) => node.api('DELETE', `${at}/groups/${i?.group_id}`),
      (node) =>
        d
          .at(node)
          .send('PATCH', `/Groups/${j?.group_id}`, patch({ op: 'remove', path: `members[value eq "${j?.user_id}"]` })),
      (node) => node.api('DELETE', `${at}/groups/${k?.group_id}/roles/${owner.role_id}`),
      (node) => node.api('PATCH', `${at}/groups/${l?.group_id}`, { is_active: false }),
    ];
    return { org, acts };
  }

  it('SC-09: of twelve owners who are unmade in twelve ways at once, one stays', () =>
    race(stageOf(), {
      prepare: owners,
      acts: ({ acts }) => acts,
      outcome: named,
      gives: { done: 11, last_owner: 1 },
      after: async ({ org }) => {
        expect(await hasLastingOwner(stageOf().w.db, org.org_id)).to.equal(true);
      },
    }));

  it('SC-09: an owner who is made, disabled, and relied on at once: the organization keeps one', () =>
    race(stageOf(), {
      prepare: async () => {
        const { w } = stageOf();
        const org = await makeOrganization(w);
        const d = await directory(w, { orgId: org.org_id });
        const owner = await systemRole(w, org, 'owner');
        const [last, next] = [await makeOwned(w, org), await makeOwned(w, org)];
        await setMember(w.call(), org.org_id, last.user_id, { role: 'owner' });
        return { org, d, owner, last: last.user_id, next: next.user_id };
      },
      acts: ({ org, d, owner, last, next }) => {
        const roles = (id: string) => `/organizations/${org.org_id}/members/${id}/roles`;
        return [
          (node) => node.api('POST', roles(next), { role_id: owner.role_id }),
          (node) => d.at(node).send('PATCH', `/Users/${next}`, patch({ op: 'replace', path: 'active', value: false })),
          ...times(3, () => (node: Node) => node.api('DELETE', `${roles(last)}/${owner.role_id}`)),
        ];
      },
      outcome: named,
      only: ['done', 'last_owner', '404 not_found'],
      after: async ({ org }, results, round) => {
        const told = JSON.stringify(results.map(({ outcome }) => outcome));
        expect(await hasLastingOwner(stageOf().w.db, org.org_id), `round ${round}: ${told}`).to.equal(true);
      },
    }));

  /** The installation has these administrators and no other. */
  async function makeAdministrators(ids: readonly string[]): Promise<void> {
    const { w } = stageOf();
    for (const id of ids) await addAdministrator(w.call(), id);
    const { items } = (await w.api<{ items: { user_id: string }[] }>('GET', '/administrators?limit=100')).body;
    for (const { user_id } of items) if (!ids.includes(user_id)) await removeAdministrator(w.call(), user_id);
  }

  it('MT-10: of twelve administrators of the system who are removed, disabled and deleted at once, one stays', () =>
    race(stageOf(), {
      prepare: async () => {
        const people = await severally(times(12, String), 2, () => makePersonal(stageOf().w));
        return people.map(({ user_id }) => user_id);
      },
      ready: makeAdministrators,
      acts: (ids) =>
        ids.map((id, index): Act => {
          if (index % 3 === 0) return (node) => node.api('DELETE', `/administrators/${id}`);
          if (index % 3 === 1) return (node) => node.api('PATCH', `/users/${id}`, { enabled: false });
          return (node) => node.api('DELETE', `/users/${id}`);
        }),
      gives: [
        { '204': 8, '200': 3, '409 last_administrator': 1 },
        { '204': 7, '200': 4, '409 last_administrator': 1 },
      ],
      after: async () => {
        expect(await hasAdministrator(stageOf().w.db)).to.equal(true);
      },
    }));

  it('MT-10: an administrator who is made, disabled, and relied on at once: the system keeps one', () =>
    race(stageOf(), {
      prepare: async () => ({
        last: (await makePersonal(stageOf().w)).user_id,
        next: (await makePersonal(stageOf().w)).user_id,
      }),
      ready: ({ last }) => makeAdministrators([last]),
      acts: ({ last, next }) => [
        (node) => node.api('PUT', `/administrators/${next}`),
        (node) => node.api('PATCH', `/users/${next}`, { enabled: false }),
        ...times(3, () => (node: Node) => node.api('DELETE', `/administrators/${last}`)),
      ],
      outcome: named,
      only: ['done', '409 last_administrator', '404 not_found'],
      after: async (_, results, round) => {
        const told = JSON.stringify(results.map(({ outcome }) => outcome));
        expect(await hasAdministrator(stageOf().w.db), `round ${round}: ${told}`).to.equal(true);
      },
    }));

  it('FD-11: who becomes an administrator of the system and is claimed by a directory at once does not become both', () =>
    race(stageOf(), {
      prepare: async () => {
        const { w } = stageOf();
        const org = await makeOrganization(w);
        const domain = `${unique()}.example`;
        await addDomain(w.call(), org.org_id, { domain });
        await verifyDomain(w.call(), org.org_id, domain, { method: 'attested' });
        const email = `ada@${domain}`;
        const { user_id } = await makePersonal(w, { email, email_confirmed: true });
        return { d: await directory(w, { orgId: org.org_id }), email, user_id };
      },
      acts: ({ d, email, user_id }) => [
        (node) => node.api('PUT', `/administrators/${user_id}`),
        (node) => d.at(node).send('POST', '/Users', { schemas: [USER], userName: email, emails: [{ value: email }] }),
      ],
      // Somebody whom no organization may take over: the directory gets an account of its own instead.
      gives: [
        { '204': 1, '201': 1 },
        { '409 conflict': 1, '201': 1 },
      ],
      after: async ({ user_id }, results, round) => {
        const { w } = stageOf();
        const { home_org_id } = await w.db('users').where({ user_id }).first('home_org_id');
        const is = (await w.db('user_roles').where({ user_id, org_id: null })).length === 1;
        expect([home_org_id === null, is], `round ${round}`).to.deep.equal(
          results[0]?.outcome === '204' ? [true, true] : [false, false],
        );
      },
    }));

  it('a role that gets and loses permissions while it is granted, inherited and given by a group is exact for everybody', () =>
    race(stageOf(), {
      prepare: async () => {
        const { w } = stageOf();
        const org = await makeOrganization(w);
        const users = await severally(times(6, String), 2, () => makeOwned(w, org));
        const [role, heir] = [await makeRole(w, org, 'R', ['a.do']), await makeRole(w, org, 'Heir')];
        const [b, c] = [await permissionOf(w, org, 'b.do'), await permissionOf(w, org, 'c.do')];
        const { group_id } = await createGroup(w.call(), org.org_id, { name: 'G' });
        return {
          at: `/organizations/${org.org_id}`,
          ids: users.map(({ user_id }) => user_id),
          role,
          heir,
          b,
          c,
          group_id,
        };
      },
      acts: ({ at, ids, role, heir, b, c, group_id }) => [
        ...ids
          .slice(0, 4)
          .map((id) => (node: Node) => node.api('POST', `${at}/members/${id}/roles`, { role_id: role.role_id })),
        (node) => node.api('POST', `${at}/members/${ids[5]}/roles`, { role_id: heir.role_id }),
        (node) => node.api('PUT', `${at}/roles/${heir.role_id}/parents/${role.role_id}`),
        (node) => node.api('PUT', `${at}/roles/${role.role_id}/permissions/${b.permission_id}`),
        (node) => node.api('POST', `${at}/groups/${group_id}/members`, { add: ids }),
        (node) => node.api('POST', `${at}/groups/${group_id}/roles`, { role_id: role.role_id }),
        (node) => node.api('PUT', `${at}/roles/${role.role_id}/permissions/${c.permission_id}`),
        (node) => node.api('DELETE', `${at}/roles/${role.role_id}/permissions/${b.permission_id}`),
        (node) => node.api('PATCH', `${at}/roles/${role.role_id}`, { is_active: true, description: 'R' }),
      ],
      only: ['200', '201', '204', '404 not_found'],
    }));

  it('a role that is deleted while it is granted is gone, and nobody has it', () =>
    race(stageOf(), {
      prepare: async () => {
        const { w } = stageOf();
        const org = await makeOrganization(w);
        const users = await severally(times(6, String), 2, () => makeOwned(w, org));
        const { role_id } = await makeRole(w, org, 'R', ['a.do']);
        return { at: `/organizations/${org.org_id}`, ids: users.map(({ user_id }) => user_id), role_id };
      },
      acts: ({ at, ids, role_id }) => [
        (node) => node.api('DELETE', `${at}/roles/${role_id}`),
        ...ids.slice(0, 3).map((id) => (node: Node) => node.api('POST', `${at}/members/${id}/roles`, { role_id })),
        ...ids.slice(3).map((id) => (node: Node) => node.api('PUT', `${at}/members/${id}`, { role: 'R' })),
      ],
      only: ['200', '201', '204', '404 not_found', '400 request_invalid'],
      after: async ({ role_id }) => {
        expect(await stageOf().w.db('user_roles').where({ role_id })).to.deep.equal([]);
      },
    }));

  it('of primary roles that are chosen twelve times at once one is left', () =>
    race(stageOf(), {
      most: 25,
      prepare: async () => {
        const { w } = stageOf();
        const org = await makeOrganization(w);
        for (const name of ['X', 'Y', 'Z']) await makeRole(w, org, name);
        return { org, user_id: (await makeOwned(w, org)).user_id };
      },
      acts: ({ org, user_id }) =>
        times(
          12,
          (index) => (node) =>
            node.api('PUT', `/organizations/${org.org_id}/members/${user_id}`, { role: ['X', 'Y', 'Z'][index % 3] }),
        ),
      gives: { '200': 12 },
      after: async ({ org, user_id }) => {
        const membership = await findMembership(stageOf().w.db, org.org_id, user_id);
        expect(['X', 'Y', 'Z']).to.include(membership?.user_role);
        expect(membership?.additional_roles).to.deep.equal([]);
      },
    }));

  it('SC-13: overlapping sets of people, added and removed in any order over several groups, deadlock nobody', async () => {
    const { w } = stageOf();
    const org = await makeOrganization(w);
    const ids = (await severally(times(12, String), 2, () => makeOwned(w, org))).map(({ user_id }) => user_id);
    const groups = await severally(['G', 'H', 'I'], 1, async (name) => {
      const { group_id } = await createGroup(w.call(), org.org_id, { name });
      const { role_id } = await makeRole(w, org, `Role of ${name}`, [`${name.toLowerCase()}.do`]);
      await grantGroupRole(w.call(), org.org_id, group_id, role_id);
      return group_id;
    });
    await race(stageOf(), {
      prepare: async (round) => round,
      acts: (round) =>
        times(24, (index): Act => {
          const part = (index % 2 === 0 ? ids : ids.toReversed()).slice(index % 5, (index % 5) + 6);
          const path = `/organizations/${org.org_id}/groups/${groups[(index + round) % groups.length]}/members`;
          return (node) => node.api('POST', path, index % 3 === 0 ? { remove: part } : { add: part });
        }),
      gives: { '200': 24 },
      withoutDeadlock: true,
    });
  });

  for (const length of [2, 3]) {
    it(`of ${length} units, each moved below the next at once, one stays where it was`, () =>
      race(stageOf(), {
        prepare: async () => {
          const { w } = stageOf();
          const { org_id } = await makeOrganization(w);
          const units = await severally(times(length, String), 1, (name) => createUnit(w.call(), org_id, { name }));
          return { org_id, ids: units.map(({ unit_id }) => unit_id) };
        },
        acts: ({ org_id, ids }) =>
          ids.map(
            (id, index) => (node) =>
              node.api('PATCH', `/organizations/${org_id}/units/${id}`, { parent_id: ids[(index + 1) % length] }),
          ),
        gives: { '200': length - 1, '409 unit_misplaced': 1 },
      }));
  }

  it('a slug that changes while people come is the same in every membership', () =>
    race(stageOf(), {
      prepare: async () => {
        const { org_id } = await makeOrganization(stageOf().w);
        return { at: `/organizations/${org_id}`, guest: (await makePersonal(stageOf().w)).user_id };
      },
      acts: ({ at, guest }) => [
        ...times(9, () => (node: Node) => node.api('POST', `${at}/users`, { email: `${unique()}@people.example` })),
        (node) => node.api('PUT', `${at}/members/${guest}`, {}),
        ...times(2, () => (node: Node) => node.api('PATCH', at, { slug: `s-${unique()}` })),
      ],
      gives: { '200': 3, '201': 9 },
    }));
});
