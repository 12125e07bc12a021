/** Changes of roles, owners, administrators and memberships at the same moment, over REST and SCIM (checklist SC-09, SC-13, SC-17, MT-10, AZ-05). */
import { expect } from 'chai';
import { addAdministrator, removeAdministrator } from '../../src/access/grants/administrators.ts';
import { grantGroupRole, grantRole, setMember } from '../../src/access/grants/service.ts';
import { hasAdministrator, hasLastingOwner } from '../../src/access/grants/owners-store.ts';
import { changeMembers } from '../../src/directory/groups/members.ts';
import { createGroup } from '../../src/directory/groups/service.ts';
import { addMember } from '../../src/directory/memberships/service.ts';
import { verifyAccess } from '../access/invariant.ts';
import { makeRole, systemRole } from '../access/bundles.ts';
import { makeOrganization, makeOwned, makePersonal } from '../directory/cast.ts';
import { directory, patch } from '../scim/door.ts';
import type { Answer } from '../support/world.ts';
import { type Act, outcomeOf, race, severally, times } from './race.ts';
import { type Node, races } from './stage.ts';

races('access', (stageOf) => {
  afterEach(async () => {
    const { w } = stageOf();
    await verifyAccess(w.db, w.app.clock());
  });

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
});
