/**
 * The races that nobody thought of: forty changes drawn by lot from everything that can be done in a small organization, at the
 * same moment. None may end in an error of ours, and afterwards everybody has exactly what follows from what stands.
 */
import { expect } from 'chai';
import { makeRole } from '../access/bundles.ts';
import { makeOrganization, makeOwned, makePersonal } from '../directory/cast.ts';
import { directory, patch, USER } from '../scim/door.ts';
import { type Act, race, severally, times } from './race.ts';
import { races, unique } from './stage.ts';
import { Random } from '../support/random.ts';

races('everything', (stageOf) => {
  async function village() {
    const { w } = stageOf();
    const { org_id } = await makeOrganization(w);
    const at = `/organizations/${org_id}`;
    const made = async (path: string, body: object): Promise<Record<string, string>> => {
      const answer = await w.api<Record<string, string>>('POST', `${at}${path}`, body);
      expect(answer.status, answer.text).to.equal(201);
      return answer.body;
    };
    const people = await severally(times(4, String), 1, () => makeOwned(w, { org_id }));
    const guests = await severally(times(2, String), 1, () => makePersonal(w));
    for (const { user_id } of guests) await w.api('PUT', `${at}/members/${user_id}`, {});
    for (const { user_id } of people.slice(0, 2)) await w.api('PUT', `${at}/members/${user_id}`, { role: 'owner' });
    const roles = await severally(['A', 'B', 'C'], 1, (name) => makeRole(w, { org_id }, name, ['users.read']));
    const groups = await severally(['G', 'H'], 1, (name) => made('/groups', { name }));
    const units = await severally(['U', 'V', 'W'], 1, (name) => made('/units', { name }));
    const permission = await made('/permissions', { name: 'thing.do' });
    const account = await made('/service-accounts', { name: 'Program', permissions: ['users.read'] });
    const key = await made('/api-keys', {
      name: 'Key',
      scopes: ['users.read'],
      service_account_id: account.service_account_id,
    });
    const application = await made('/../../applications', {
      client_name: 'App',
      redirect_uris: ['https://app.example/cb'],
      org_id,
    });
    return {
      org_id,
      at,
      users: [...people, ...guests].map(({ user_id }) => user_id),
      roles: roles.map(({ role_id }) => role_id),
      groups: groups.map(({ group_id }) => group_id ?? ''),
      units: units.map(({ unit_id }) => unit_id ?? ''),
      permission: permission.permission_id ?? '',
      account: account.service_account_id ?? '',
      key: key.api_key_id ?? '',
      application: application.client_id ?? '',
      d: await directory(w, { orgId: org_id }),
      second: await directory(w, { orgId: org_id }),
    };
  }
  type Village = Awaited<ReturnType<typeof village>>;

  /** What can be done, each time to others. */
  function deeds(v: Village, pick: <T>(items: readonly T[]) => T): readonly (() => Act)[] {
    const rest = (method: string, path: string, body?: object) => (): Act => (node) =>
      node.api(method, `${v.at}${path}`, body);
    const scim = (method: string, path: string, body?: object) => (): Act => {
      const by = pick([v.d, v.d, v.second]);
      return (node) => by.at(node).send(method, path, body);
    };
    const [user, role, group, unit] = [pick(v.users), pick(v.roles), pick(v.groups), pick(v.units)];
    const members = (op: string) => patch({ op, path: 'members', value: times(2, () => ({ value: pick(v.users) })) });
    return [
      rest('PUT', `/members/${user}`, { role: pick(['owner', 'admin', 'member', 'A', 'B', null]) }),
      rest('PATCH', `/members/${user}`, { status: pick(['active', 'suspended']) }),
      rest('DELETE', `/members/${user}`),
      rest('POST', `/members/${user}/roles`, { role_id: role }),
      rest('DELETE', `/members/${user}/roles/${role}`),
      rest('PATCH', `/users/${user}`, { enabled: pick([true, false]), first_name: unique() }),
      rest('PATCH', `/users/${user}`, { email: `${pick(['x', 'y'])}@${v.org_id}.example` }),
      rest('POST', '/users', { email: `${pick(['x', 'y'])}@${v.org_id}.example` }),
      rest('DELETE', `/users/${user}`),
      rest('PUT', `/groups/${group}/members/${user}`),
      rest('DELETE', `/groups/${group}/members/${user}`),
      rest('POST', `/groups/${group}/members`, { add: [pick(v.users)], remove: [pick(v.users)] }),
      rest('POST', `/groups/${group}/roles`, { role_id: role }),
      rest('DELETE', `/groups/${group}/roles/${role}`),
      rest('PATCH', `/groups/${group}`, {
        is_active: pick([true, false]),
        owner_id: pick([user, null]),
        unit_id: unit,
      }),
      rest('PATCH', `/groups/${group}`, { name: pick(['G', 'H', 'I']) }),
      rest('DELETE', `/groups/${group}`),
      rest('PUT', `/roles/${role}/parents/${pick(v.roles)}`),
      rest('DELETE', `/roles/${role}/parents/${pick(v.roles)}`),
      rest('PUT', `/roles/${role}/permissions/${v.permission}`),
      rest('DELETE', `/roles/${role}/permissions/${v.permission}`),
      rest('PATCH', `/roles/${role}`, { name: pick(['A', 'B', 'C', 'D']), is_active: pick([true, false]) }),
      rest('DELETE', `/roles/${role}`),
      rest('DELETE', `/permissions/${v.permission}`),
      rest('PATCH', `/permissions/${v.permission}`, { name: pick(['thing.do', 'thing.undo']) }),
      rest('PATCH', `/units/${unit}`, { parent_id: pick([...v.units, null]) }),
      rest('DELETE', `/units/${unit}`),
      rest('POST', '/units', { name: pick(['U', 'X']), parent_id: unit }),
      rest('PATCH', `/service-accounts/${v.account}`, { is_active: pick([true, false]) }),
      rest('DELETE', `/service-accounts/${v.account}`),
      rest('POST', '/api-keys', { name: 'Late', scopes: ['users.read'], service_account_id: v.account }),
      rest('DELETE', `/api-keys/${v.key}`),
      rest('PATCH', '', { slug: `s-${unique()}` }),
      rest('POST', '/domains', { domain: `${v.org_id}.example` }),
      rest('POST', `/domains/${v.org_id}.example/verification`, { method: 'attested' }),
      rest('DELETE', `/domains/${v.org_id}.example`),
      () => (node) => node.api('PATCH', `/applications/${v.application}`, { enabled: pick([true, false]) }),
      () => (node) => node.api('POST', `/applications/${v.application}/secret`, {}),
      () => (node) => node.api('DELETE', `/applications/${v.application}`),
      scim('POST', '/Users', { schemas: [USER], userName: pick(['n1', 'n2']), externalId: pick(['e1', 'e2']) }),
      scim('PATCH', `/Users/${user}`, patch({ op: 'replace', path: 'active', value: pick([true, false]) })),
      scim('PATCH', `/Users/${user}`, patch({ op: 'replace', path: 'userName', value: pick(['n1', 'n2']) })),
      scim('PATCH', `/Users/${user}`, patch({ op: 'add', path: 'externalId', value: pick(['e1', 'e2']) })),
      scim('DELETE', `/Users/${user}`),
      scim('PATCH', `/Groups/${group}`, members('add')),
      scim('PATCH', `/Groups/${group}`, members('remove')),
      scim('PATCH', `/Groups/${group}`, members('replace')),
      scim('PATCH', `/Groups/${group}`, patch({ op: 'replace', path: 'displayName', value: pick(['G', 'H', 'I']) })),
      scim('DELETE', `/Groups/${group}`),
      scim('DELETE', `/Groups/${group}`),
      rest('DELETE', `/scim-clients/${v.second.client_id}`),
      rest('POST', `/scim-clients/${v.second.client_id}/tokens`, {}),
      rest('POST', '/suspension', {}),
      rest('DELETE', '/suspension'),
    ];
  }

  it('SC-13, AL-02: forty changes at once, drawn from all that there are: none is an error of ours, and access is exact', () =>
    race(stageOf(), {
      most: 50,
      prepare: village,
      acts: (v, round) => {
        const random = new Random(round + 1);
        const pick = <T>(items: readonly T[]): T => random.pick(items);
        return times(40, () => pick(deeds(v, pick))());
      },
      outcome: ({ status, text }) => (status < 500 ? `${Math.floor(status / 100)}xx` : `${status} ${text}`),
      only: ['2xx', '4xx'],
    }));
});
