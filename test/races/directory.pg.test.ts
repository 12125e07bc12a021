/**
 * Who exists, who is called what and who belongs where, said by REST and by two directories at the same moment (checklist SC-01,
 * SC-05, SC-12, SC-13, MT-01). Over 300 lines because its races share two directories and what is verified after each.
 */
import { expect } from 'chai';
import { grantGroupRole } from '../../src/access/grants/service.ts';
import { changeMembers } from '../../src/directory/groups/members.ts';
import { createGroup } from '../../src/directory/groups/service.ts';
import { findMembership } from '../../src/directory/memberships/service.ts';
import { makeRole } from '../access/bundles.ts';
import { makeOrganization, makeOwned, makePersonal } from '../directory/cast.ts';
import type { JsonObject } from '../../src/scim/json.ts';
import { type Directory, directory, newToken, patch, USER } from '../scim/door.ts';
import type { Answer } from '../support/world.ts';
import { type Act, good, outcomeOf, race, severally, times } from './race.ts';
import { type Node, races, unique } from './stage.ts';

races('directory', (stageOf) => {
  let org: { org_id: string };
  let d: Directory;
  let other: Directory;
  let at: string;

  before(async () => {
    const { w } = stageOf();
    org = await makeOrganization(w);
    d = await directory(w, { orgId: org.org_id });
    other = await directory(w, { orgId: org.org_id });
    at = `/organizations/${org.org_id}`;
  });
  const done = (answer: Answer): string => (answer.status < 300 ? 'done' : outcomeOf(answer));
  const create = (by: Directory, body: object) => (node: Node) =>
    by.at(node).send('POST', '/Users', { schemas: [USER], ...body });
  const members = (value: object) => patch({ op: 'add', path: 'members', value });
  const owned = async (count: number) =>
    (await severally(times(count, String), 4, () => makeOwned(stageOf().w, org))).map(({ user_id }) => user_id);

  it('SC-05: one e-mail address, asked for in twelve ways and spellings: one account has it, the others nothing', () =>
    race(stageOf(), {
      prepare: async () => {
        const name = unique();
        return { name, ids: await owned(5) };
      },
      acts: ({ name, ids: [a, b, c, e, f] }) => {
        const [plain, loud, wide, ascii] = [
          `${name}@bücher.example`,
          `${name.toUpperCase()}@BÜCHER.example`,
          `${name}@ｂücher.example`,
          `${name}@xn--bcher-kva.example`,
        ];
        const emails = (value: string) => [{ value, type: 'work', primary: true }];
        return [
          (node) => node.api('POST', `${at}/users`, { email: plain }),
          (node) => node.api('POST', `${at}/users`, { email: loud }),
          (node) => node.api('POST', `${at}/users`, { email: ascii }),
          create(d, { userName: `n1-${name}`, emails: emails(plain) }),
          create(d, { userName: `n2-${name}`, emails: emails(ascii) }),
          create(other, { userName: `n3-${name}`, emails: emails(loud) }),
          create(other, { userName: `n4-${name}`, emails: emails(wide) }),
          (node) => node.api('PATCH', `${at}/users/${a}`, { email: ascii }),
          (node) => node.api('PATCH', `${at}/users/${b}`, { email: loud }),
          (node) =>
            d.at(node).send('PATCH', `/Users/${c}`, patch({ op: 'replace', path: 'emails', value: emails(plain) })),
          (node) =>
            other.at(node).send('PATCH', `/Users/${e}`, patch({ op: 'replace', value: { emails: emails(loud) } })),
          (node) =>
            d.at(node).send('PUT', `/Users/${f}`, { schemas: [USER], userName: `n5-${name}`, emails: emails(ascii) }),
        ];
      },
      outcome: (answer) => done(answer).replace(/^409 (email_taken|uniqueness)$/, 'taken'),
      gives: { done: 1, taken: 11 },
      after: async ({ name }) => {
        const rows = await stageOf().w.db('users').where({ home_org_id: org.org_id }).whereILike('email', `${name}@%`);
        expect(rows).to.have.length(1);
      },
    }));

  it('SC-05: one userName, created and renamed to in any case by two directories and by hand: one account has it', () =>
    race(stageOf(), {
      prepare: async () => ({ name: unique(), ids: await owned(4) }),
      acts: ({ name, ids }) => [
        ...times(3, (index) => create(index === 2 ? other : d, { userName: index === 1 ? name.toUpperCase() : name })),
        ...ids
          .slice(0, 2)
          .map(
            (id) => (node: Node) =>
              d.at(node).send('PATCH', `/Users/${id}`, patch({ op: 'replace', path: 'userName', value: name })),
          ),
        ...ids.slice(2).map((id) => (node: Node) => node.api('PATCH', `${at}/users/${id}`, { username: name })),
      ],
      outcome: (answer) => done(answer).replace(/^409 (username_taken|uniqueness)$/, 'taken'),
      gives: { done: 1, taken: 6 },
    }));

  it('one user, made by SCIM twelve times at once: once 201, else 409 uniqueness', () =>
    race(stageOf(), {
      prepare: async () => unique(),
      acts: (name) =>
        times(12, () =>
          create(d, {
            userName: `${name}@example.test`,
            externalId: `x-${name}`,
            emails: [{ value: `${name}@example.test` }],
          }),
        ),
      gives: { '201': 1, '409 uniqueness': 11 },
      after: async (name) => {
        const { body } = await d.send('GET', `/Users?filter=${encodeURIComponent(`externalId eq "x-${name}"`)}`);
        expect(body.totalResults).to.equal(1);
      },
    }));

  it('SC-01: one person, made by the directories of two organizations at once: two separate accounts', () =>
    race(stageOf(), {
      most: 12,
      prepare: async () => ({ foreign: await directory(stageOf().w), name: `${unique()}@example.test` }),
      acts: ({ foreign, name }) =>
        times(12, (index) => create(index % 2 === 0 ? d : foreign, { userName: name, externalId: name })),
      gives: { '201': 2, '409 uniqueness': 10 },
      after: async (_, results) => {
        expect(new Set(good(results).map(({ body }) => body.id)).size).to.equal(2);
      },
    }));

  it('SC-03: one externalId for twelve different people at once: one account, and of the others nothing is left', () =>
    race(stageOf(), {
      prepare: async () => unique(),
      acts: (name) => times(12, (index) => create(d, { userName: `e${index}-${name}`, externalId: `y-${name}` })),
      gives: { '201': 1, '409 uniqueness': 11 },
      after: async (name) => {
        const rows = await stageOf()
          .w.db('users')
          .where({ home_org_id: org.org_id })
          .whereILike('username', `e%-${name}`);
        expect(rows).to.have.length(1);
      },
    }));

  /** A group that gives a role. */
  async function team(role_id: string): Promise<string> {
    const { w } = stageOf();
    const { group_id } = await createGroup(w.call(), org.org_id, { name: `Team ${unique()}` });
    await grantGroupRole(w.call(), org.org_id, group_id, role_id);
    return group_id;
  }
  const inGroup = async (group: string) =>
    ((await d.send('GET', `/Groups/${group}`)).body.members as JsonObject[] | undefined)?.map(({ value }) => value) ??
    [];

  describe('of groups that give a role', () => {
    let ids: string[];
    let role_id: string;
    let permission: string;
    before(async () => {
      const { w } = stageOf();
      ids = await owned(50);
      permission = `p${unique()}.do`;
      ({ role_id } = await makeRole(w, org, `Role ${unique()}`, [permission]));
    });
    const holders = async () =>
      (
        await stageOf()
          .w.db('user_organization_info')
          .where({ org_id: org.org_id })
          .whereRaw('? = any(user_permissions)', [permission])
          .select('user_id')
      ).map(({ user_id }: { user_id: string }) => user_id);
    const has = async (id: string) =>
      (await findMembership(stageOf().w.db, org.org_id, id))?.user_permissions.includes(permission);

    it('SC-13: fifty additions of different people at once are all there', () =>
      race(stageOf(), {
        prepare: () => team(role_id),
        acts: (group) =>
          ids.map((value) => (node) => d.at(node).send('PATCH', `/Groups/${group}`, members([{ value }]))),
        gives: { '204': 50 },
        after: async (group) => {
          expect(await inGroup(group)).to.have.members(ids);
          expect(await holders()).to.have.members(ids);
          await stageOf().w.api('DELETE', `${at}/groups/${group}`);
        },
      }));

    it('SC-13: one person, added and removed by everybody at once, is in or out, and has what follows', () =>
      race(stageOf(), {
        prepare: () => team(role_id),
        acts: (group) =>
          times(12, (index): Act => {
            const [value = ''] = ids;
            const path = `members[value eq "${value}"]`;
            if (index % 4 === 0) return (node) => d.at(node).send('PATCH', `/Groups/${group}`, members([{ value }]));
            if (index % 4 === 1)
              return (node) => d.at(node).send('PATCH', `/Groups/${group}`, patch({ op: 'remove', path }));
            if (index % 4 === 2) return (node) => node.api('PUT', `${at}/groups/${group}/members/${value}`);
            return (node) => node.api('DELETE', `${at}/groups/${group}/members/${value}`);
          }),
        only: ['204', '404 not_found'],
        after: async (group, _, round) => {
          const isIn = (await inGroup(group)).includes(ids[0] ?? '');
          const { member_count } = await stageOf().w.db('user_groups').where({ group_id: group }).first('member_count');
          expect(member_count, `round ${round}`).to.equal(isIn ? 1 : 0);
          expect(await has(ids[0] ?? ''), `round ${round}`).to.equal(isIn);
          await stageOf().w.api('DELETE', `${at}/groups/${group}`);
        },
      }));

    it('SC-13: a membership that is replaced while people are added is the new one and who came after it', () =>
      race(stageOf(), {
        prepare: async () => {
          const group = await team(role_id);
          await changeMembers(stageOf().w.call(), org.org_id, group, { add: ids.slice(0, 5) });
          return group;
        },
        acts: (group) => [
          (node) =>
            d
              .at(node)
              .send(
                'PATCH',
                `/Groups/${group}`,
                patch({ op: 'replace', path: 'members', value: ids.slice(5, 10).map((value) => ({ value })) }),
              ),
          ...ids
            .slice(10, 21)
            .map((value) => (node: Node) => other.at(node).send('PATCH', `/Groups/${group}`, members([{ value }]))),
        ],
        gives: { '204': 12 },
        after: async (group) => {
          const now = await inGroup(group);
          expect(now).to.include.members(ids.slice(5, 10));
          expect(ids.slice(5, 21)).to.include.members(now as string[]);
          await stageOf().w.api('DELETE', `${at}/groups/${group}`);
        },
      }));

    it('SC-13: a group that is deleted while people are added gives nobody anything', () =>
      race(stageOf(), {
        prepare: () => team(role_id),
        acts: (group) => [
          (node) => d.at(node).send('DELETE', `/Groups/${group}`),
          ...ids
            .slice(0, 11)
            .map((value) => (node: Node) => d.at(node).send('PATCH', `/Groups/${group}`, members([{ value }]))),
        ],
        only: ['204', '404'],
        after: async (group, _, round) => {
          expect(await stageOf().w.db('user_group_memberships').where({ group_id: group })).to.deep.equal([]);
          for (const id of ids.slice(0, 11)) expect(await has(id), `round ${round}`).to.equal(false);
        },
      }));

    it('SC-17: a role that a group begins to give while people come, and stops giving while they go, reaches exactly them', () =>
      race(stageOf(), {
        prepare: async () => {
          const { w } = stageOf();
          const { group_id } = await createGroup(w.call(), org.org_id, { name: `Team ${unique()}` });
          await changeMembers(w.call(), org.org_id, group_id, { add: ids.slice(0, 4) });
          return group_id;
        },
        acts: (group) => [
          ...times(2, () => (node: Node) => node.api('POST', `${at}/groups/${group}/roles`, { role_id })),
          (node) => node.api('DELETE', `${at}/groups/${group}/roles/${role_id}`),
          ...ids
            .slice(4, 9)
            .map((value) => (node: Node) => d.at(node).send('PATCH', `/Groups/${group}`, members([{ value }]))),
          ...ids.slice(0, 4).map((id) => (node: Node) => node.api('DELETE', `${at}/groups/${group}/members/${id}`)),
        ],
        only: ['201', '204', '404 not_found'],
        after: async (group, _, round) => {
          const gives = (await stageOf().w.db('group_roles').where({ group_id: group, role_id })).length === 1;
          for (const id of ids.slice(0, 4)) expect(await has(id), `gone, round ${round}`).to.equal(false);
          for (const id of ids.slice(4, 9)) expect(await has(id), `come, round ${round}`).to.equal(gives);
          await stageOf().w.api('DELETE', `${at}/groups/${group}`);
        },
      }));
  });

  it('SC-13: of twelve writers that name the same version one wins', () =>
    race(stageOf(), {
      prepare: async () => {
        const id = await d.user(`tagged-${unique()}`);
        return { id, etag: (await d.send('GET', `/Users/${id}`)).headers.get('etag') ?? '' };
      },
      acts: ({ id, etag }) =>
        times(12, (index): Act => {
          const headers = { 'if-match': etag };
          if (index === 11) return (node) => d.at(node).send('DELETE', `/Users/${id}`, undefined, headers);
          const change = patch({ op: 'replace', path: 'title', value: `t${index}` });
          return (node) => d.at(node).send('PATCH', `/Users/${id}`, change, headers);
        }),
      // Where the deletion won, the others find nobody.
      gives: [
        { '200': 1, '412': 11 },
        { '204': 1, '404': 11 },
      ],
    }));

  it('SC-13: twelve changes of twelve attributes of one person at once are all there', () =>
    race(stageOf(), {
      prepare: () => d.user(`many-${unique()}`),
      acts: (id) =>
        paths.map(
          (path) => (node) =>
            d.at(node).send('PATCH', `/Users/${id}`, patch({ op: 'add', path, value: `v-${path}-${id}` })),
        ),
      gives: { '200': 10 },
      after: async (id, results) => {
        const read = (await d.send('GET', `/Users/${id}`)).body;
        for (const path of paths) {
          const [top = '', sub] = path.split('.');
          expect(sub ? (read[top] as JsonObject)[sub] : read[top], path).to.equal(`v-${path}-${id}`);
        }
        expect(new Set(results.map(({ answer }) => answer.headers.get('etag'))).size, 'versions').to.equal(
          paths.length,
        );
      },
    }));
  const paths = [
    ...['title', 'nickName', 'userType', 'locale', 'timezone', 'preferredLanguage', 'displayName'],
    ...['name.givenName', 'name.familyName', 'externalId'],
  ];

  it('a person who is deleted while everything about her changes is gone, from her groups too', () =>
    race(stageOf(), {
      prepare: async () => {
        const id = await d.user(`gone-${unique()}@example.test`);
        return { id, group: await d.group(`Gone ${unique()}`, [id]) };
      },
      acts: ({ id, group }) => [
        (node) => d.at(node).send('DELETE', `/Users/${id}`),
        (node) => other.at(node).send('DELETE', `/Users/${id}`),
        (node) => d.at(node).send('PATCH', `/Users/${id}`, patch({ op: 'add', path: 'title', value: 'x' })),
        (node) => d.at(node).send('PATCH', `/Users/${id}`, patch({ op: 'replace', path: 'active', value: false })),
        (node) =>
          d.at(node).send('PATCH', `/Groups/${group}`, patch({ op: 'remove', path: `members[value eq "${id}"]` })),
        (node) => d.at(node).send('PATCH', `/Groups/${group}`, members([{ value: id }])),
        (node) => node.api('PUT', `${at}/members/${id}`, { role: 'admin' }),
        (node) => node.api('PATCH', `${at}/users/${id}`, { first_name: 'Y' }),
        (node) => node.api('DELETE', `${at}/users/${id}`),
        (node) => d.at(node).send('DELETE', `/Groups/${group}`),
      ],
      only: ['200', '204', '400 invalidValue', '404', '404 not_found'],
      after: async ({ id }) => {
        expect((await d.send('GET', `/Users/${id}`)).status).to.equal(404);
        expect(await stageOf().w.db('user_group_memberships').where({ user_id: id })).to.deep.equal([]);
      },
    }));

  it('a domain that twelve organizations are said to own at once belongs to one', () =>
    race(stageOf(), {
      prepare: async () => {
        const { w } = stageOf();
        const domain = `${unique()}.example`;
        const orgs = await Promise.all(times(12, () => makeOrganization(w)));
        for (const { org_id } of orgs) await w.api('POST', `/organizations/${org_id}/domains`, { domain });
        return { domain, orgs };
      },
      acts: ({ domain, orgs }) =>
        orgs.map(
          ({ org_id }) =>
            (node) =>
              node.api('POST', `/organizations/${org_id}/domains/${domain}/verification`, { method: 'attested' }),
        ),
      gives: { '200': 1, '409 domain_taken': 11 },
    }));

  it('a domain that is added and verified while its organization is deleted is free for others', () =>
    race(stageOf(), {
      prepare: async () => {
        const { w } = stageOf();
        const [dying, next] = [await makeOrganization(w), await makeOrganization(w)];
        const domains = times(4, () => `${unique()}.example`);
        for (const domain of domains.slice(0, 2))
          await w.api('POST', `/organizations/${dying.org_id}/domains`, { domain });
        return { dying: `/organizations/${dying.org_id}`, next: `/organizations/${next.org_id}`, domains };
      },
      acts: ({ dying, domains }) => [
        (node) => node.api('DELETE', dying),
        ...domains
          .slice(0, 2)
          .map(
            (domain) => (node: Node) =>
              node.api('POST', `${dying}/domains/${domain}/verification`, { method: 'attested' }),
          ),
        ...domains.slice(2).map(
          (domain): Act =>
            async (node) => {
              await node.api('POST', `${dying}/domains`, { domain });
              return node.api('POST', `${dying}/domains/${domain}/verification`, { method: 'attested' });
            },
        ),
      ],
      only: ['200', '204', '404 not_found'],
      after: async ({ next, domains }, _, round) => {
        const [node] = stageOf().nodes;
        for (const domain of domains) {
          await node.api('POST', `${next}/domains`, { domain });
          const answer = await node.api('POST', `${next}/domains/${domain}/verification`, { method: 'attested' });
          expect(answer.status, `round ${round}: ${answer.text}`).to.equal(200);
        }
      },
    }));

  it('whoever joins, is made or is given something while the organization is suspended or deleted holds nothing there', () =>
    race(stageOf(), {
      prepare: async () => {
        const { w } = stageOf();
        const { org_id } = await makeOrganization(w);
        const guests = await Promise.all(times(3, () => makePersonal(w)));
        const own = await makeOwned(w, { org_id });
        return { org_id, own: own.user_id, directory: await directory(w, { orgId: org_id }), guests };
      },
      acts: ({ org_id, directory: of, own, guests }, round) => [
        (node) =>
          round % 2 === 0
            ? node.api('DELETE', `/organizations/${org_id}`)
            : node.api('POST', `/organizations/${org_id}/suspension`, {}),
        ...guests.map(
          ({ user_id }) =>
            (node: Node) =>
              node.api('PUT', `/organizations/${org_id}/members/${user_id}`, { role: 'admin' }),
        ),
        ...times(3, () => create(of, { userName: `u-${unique()}` })),
        (node) => node.api('PUT', `/organizations/${org_id}/members/${own}`, { role: 'admin' }),
        (node) => node.api('POST', `/organizations/${org_id}/groups`, { name: 'G' }),
        (node) => node.api('POST', `/organizations/${org_id}/scim-clients`, { name: 'D' }),
        (node) => node.api('POST', `/organizations/${org_id}/roles`, { name: 'R' }),
      ],
      only: ['200', '201', '204', '401', '404 not_found', '404', '409 organization_inactive'],
      after: async ({ directory: of }) => {
        for (const node of stageOf().nodes) expect((await of.at(node).send('GET', '/Users')).status).to.equal(401);
      },
    }));

  it('SC-12: of twelve secrets that a directory is given at once one works', () =>
    race(stageOf(), {
      prepare: async () => {
        const { w } = stageOf();
        const of = await directory(w, { orgId: org.org_id });
        return of.client_id;
      },
      acts: (client_id) => times(12, () => (node) => node.api('POST', `${at}/scim-clients/${client_id}/secret`, {})),
      outcome: done,
      gives: { done: 12 },
      after: async (client_id, results) => {
        const works = await Promise.all(
          good(results).map(async ({ body }, index) => {
            const answer = await (stageOf().nodes[index % 2] as Node).request('/oauth/token', {
              method: 'POST',
              headers: {
                'content-type': 'application/x-www-form-urlencoded',
                authorization: `Basic ${Buffer.from(`${client_id}:${String(body.client_secret)}`).toString('base64')}`,
              },
              body: 'grant_type=client_credentials',
            });
            return outcomeOf(answer);
          }),
        );
        expect(works.filter((outcome) => outcome === '200')).to.have.length(1);
        expect(works.filter((outcome) => outcome === '401 invalid_client')).to.have.length(11);
      },
    }));

  it('SC-12: a directory whose client is deleted, and a token that is revoked, while they are used: then never again', () =>
    race(stageOf(), {
      prepare: async () => {
        const { w } = stageOf();
        const of = await directory(w, { orgId: org.org_id });
        const { items } = (
          await w.api<{ items: { token_id: string }[] }>('GET', `${at}/scim-clients/${of.client_id}/tokens`)
        ).body;
        return { of, token_id: items[0]?.token_id };
      },
      acts: ({ of, token_id }, round) => [
        (node) =>
          round % 2 === 0
            ? node.api('DELETE', `${at}/scim-clients/${of.client_id}`)
            : node.api('DELETE', `${at}/scim-clients/${of.client_id}/tokens/${token_id}`),
        ...times(8, () => create(of, { userName: `late-${unique()}`, externalId: unique() })),
        (node) => node.api('POST', `${at}/scim-clients/${of.client_id}/tokens`, {}),
        (node) => node.api('POST', `${at}/scim-clients/${of.client_id}/secret`, {}),
        (node) => node.api('PATCH', `${at}/scim-clients/${of.client_id}`, { name: 'Renamed' }),
      ],
      only: ['200', '201', '204', '401', '404', '404 not_found'],
      after: async ({ of }) => {
        for (const node of stageOf().nodes)
          expect((await of.at(node).send('GET', '/Users?count=1')).status).to.equal(401);
      },
    }));

  it('SC-12: twelve tokens made at once all work', () =>
    race(stageOf(), {
      most: 12,
      prepare: async () => (await directory(stageOf().w, { orgId: org.org_id })).client_id,
      acts: (client_id) => times(12, () => (node) => node.api('POST', `${at}/scim-clients/${client_id}/tokens`, {})),
      gives: { '201': 12 },
      after: async (client_id, results) => {
        expect(await newToken(stageOf().w, org.org_id, client_id)).to.match(/^ltl_scim_/);
        for (const { body } of good(results)) {
          const answer = await stageOf().nodes[0].request('/scim/v2/Users?count=1', {
            headers: { authorization: `Bearer ${String(body.token)}` },
          });
          expect(answer.status).to.equal(200);
        }
      },
    }));
});
