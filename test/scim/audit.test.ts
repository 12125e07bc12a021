/** Every change through the door is in the organization's audit log, and every request in its flight recorder (SC-15, SC-16). */
import { expect } from 'chai';
import { drainRecorder } from '../../src/provisioning/recorder/service.ts';
import type { JsonObject } from '../../src/scim/json.ts';
import { statementsOf } from '../flows/statements.ts';
import { type World, world } from '../support/world.ts';
import { type Directory, directory, patch, USER } from './door.ts';

describe('scim: audit and recorder', () => {
  let w: World;
  let d: Directory;
  before(async () => {
    w = await world();
  });
  after(() => w.close());
  beforeEach(async () => {
    d = await directory(w);
  });
  const eventsSince = async (work: () => Promise<unknown>): Promise<string[]> => {
    const before = (await w.db('audit_logs').select('log_id')).map(({ log_id }) => log_id as string);
    await work();
    const rows = await w.db('audit_logs').whereNotIn('log_id', before).orderBy('log_id');
    for (const row of rows) {
      expect(row).to.include({ org_id: d.org_id, actor_type: 'scim_client', actor_id: d.client_id });
      expect(row.request_id).to.be.a('string');
    }
    return rows.map(({ action }) => action as string);
  };

  it('SC-16: one event for each change, none where nothing changes', async () => {
    const user = await d.user('audited@example.test');
    const group = await d.group('Audited');
    const set = (path: string, value: unknown) => () =>
      d.send('PATCH', `/Users/${user}`, patch({ op: 'replace', path, value }));
    const groupSet = (op: string, path: string, value: unknown) => () =>
      d.send('PATCH', `/Groups/${group}`, patch({ op, path, value }));
    const cases: [string, () => Promise<unknown>, string[]][] = [
      ['create', () => d.send('POST', '/Users', { schemas: [USER], userName: 'new@example.test' }), ['user.created']],
      ['a column', set('name.givenName', 'Ann'), ['user.updated']],
      ['the same again', set('name.givenName', 'Ann'), []],
      ['what only the directory knows', set('title', 'T'), ['user.updated']],
      ['the same again', set('title', 'T'), []],
      ['off', set('active', false), ['user.disabled']],
      ['on', set('active', true), ['user.enabled']],
      ['a group', () => d.group('Another'), ['group.created']],
      ['its name', groupSet('replace', 'displayName', 'Renamed'), ['group.updated']],
      ['its external id', groupSet('replace', 'externalId', 'e'), ['group.updated']],
      ['a member', groupSet('add', 'members', [{ value: user }]), ['group.members_changed']],
      ['the same member', groupSet('add', 'members', [{ value: user }]), []],
      ['nobody', groupSet('remove', 'members', []), []],
      [
        'name and members',
        () => d.send('PATCH', `/Groups/${group}`, patch({ op: 'replace', value: { displayName: 'B', members: [] } })),
        ['group.updated', 'group.members_changed'],
      ],
      ['delete the group', () => d.send('DELETE', `/Groups/${group}`), ['group.deleted']],
      ['delete the user', () => d.send('DELETE', `/Users/${user}`), ['user.deleted']],
      ['refused', () => d.send('POST', '/Users', { schemas: [USER], userName: 'new@example.test' }), []],
    ];
    for (const [what, work, expected] of cases) expect(await eventsSince(work), what).to.deep.equal(expected);
  });

  it('SC-16: the organization reads what its directory did, with who and what, without secrets; nobody else does', async () => {
    const keyOf = async (org_id: string) => {
      const place = `/organizations/${org_id}`;
      const permissions = ['audit_logs.read'];
      const account = await w.api('POST', `${place}/service-accounts`, { name: 'auditor', permissions });
      const { service_account_id } = account.body;
      const key = await w.api('POST', `${place}/api-keys`, { name: 'k', scopes: permissions, service_account_id });
      return String(key.body.key);
    };
    const password = 'a phrase that nobody may read';
    const id = await d.user('watched@example.test', { password, externalId: 'ext-watched' });
    await d.send('PATCH', `/Users/${id}`, patch({ op: 'replace', path: 'title', value: 'Chief' }));
    await d.send('PATCH', `/Users/${id}`, patch({ op: 'replace', path: 'name.givenName', value: 'Wanda' }));
    await d.group('Watched', [id]);
    await d.send('DELETE', `/Users/${id}`);
    const key = await keyOf(d.org_id);
    const address = `/organizations/${d.org_id}/audit-logs?limit=50`;
    const read = await w.api<{ items: JsonObject[] }>('GET', address, undefined, key);
    expect(read.status, read.text).to.equal(200);
    const own = read.body.items.filter(({ actor_type }) => actor_type === 'scim_client');
    expect(own.map(({ action }) => action).reverse()).to.include.members([
      'user.created',
      'user.updated',
      'group.created',
      'user.deleted',
    ]);
    for (const event of own) {
      expect(event).to.include({ actor_id: d.client_id, org_id: d.org_id });
      expect(event.request_id).to.match(/^[0-9a-f-]{36}$/);
    }
    const change = own
      .filter(({ action }) => action === 'user.updated')
      .map((event) => JSON.stringify(event))
      .join();
    expect(change).to.include(id).and.include('Wanda').and.include('title');
    expect(read.text).not.to.include(password).and.not.to.include(d.token);
    const other = await directory(w);
    const stranger = await w.api('GET', address, undefined, await keyOf(other.org_id));
    expect([stranger.status, stranger.body.code]).to.deep.equal([404, 'not_found']);
    const theirs = await w.api(
      'GET',
      `/organizations/${other.org_id}/audit-logs`,
      undefined,
      await keyOf(other.org_id),
    );
    expect(theirs.text).not.to.include(id).and.not.to.include('watched@');
  });

  it('SC-15, SC-16: a request is recorded with what was understood and what it changed, without secrets', async () => {
    const password = 'a phrase that must not be anywhere';
    const sent = { schemas: [USER], userName: 'seen@example.test', password, active: 'True' };
    const made = await d.send('POST', '/Users', sent);
    expect(made.status).to.equal(201);
    expect(made.text).to.not.include(password);
    const clash = await d.send('POST', '/Users', sent);
    expect(clash.status).to.equal(409);
    await d.send('GET', `/Users?filter=${encodeURIComponent('userName eq')}`);
    await d.send('GET', `/Users?filter=${encodeURIComponent(`password eq "${password}"`)}`);
    await drainRecorder(w.app);
    const { items } = (await w.api<{ items: JsonObject[] }>('GET', `/organizations/${d.org_id}/scim-requests`)).body;
    expect(items).to.have.length(4);
    const [, badFilter, second, first] = items as [JsonObject, JsonObject, JsonObject, JsonObject];
    expect(first).to.include({ method: 'POST', path: '/scim/v2/Users', response_status: 201, resource_type: 'User' });
    expect(first.resource_id).to.equal(made.body.id);
    expect(first.rule).to.include('text-as-boolean');
    expect(first.changes).to.deep.include({ created: true });
    expect(first.request_id).to.equal(made.headers.get('x-request-id'));
    expect(second).to.include({ response_status: 409, scim_type: 'uniqueness' });
    expect(second.cause).to.be.a('string').and.not.equal('');
    expect(badFilter).to.include({ response_status: 400, scim_type: 'invalidFilter' });
    expect(JSON.stringify(items)).to.not.include(password);
    const everything = JSON.stringify([
      await w.db('audit_logs'),
      await w.db('scim_requests'),
      await w.db('scim_resources'),
      w.logLines,
    ]);
    expect(everything).to.not.include(password).and.not.include(d.token);
  });

  it('a request is not recorded for another organization, nor without a client', async () => {
    const other = await directory(w);
    await other.send('GET', '/Users');
    await w.request('/scim/v2/Users', { headers: { authorization: 'Bearer nothing' } });
    await drainRecorder(w.app);
    const { items } = (await w.api<{ items: JsonObject[] }>('GET', `/organizations/${d.org_id}/scim-requests`)).body;
    expect(items).to.deep.equal([]);
  });

  it('a user is made in four statements, one of them the audit row, and read in three', async () => {
    const count = async (work: () => Promise<unknown>): Promise<string[]> =>
      (await statementsOf(work)).filter((sql) => !/^(begin|commit)/i.test(sql));
    await d.user('warm@example.test');
    const emails = [{ type: 'work', value: 'counted@example.test' }];
    const create = await count(() => d.user('counted@example.test', { emails }));
    expect(create.length, create.join('\n')).to.equal(4);
    const find = await count(() =>
      d.send('GET', `/Users?filter=${encodeURIComponent('userName eq "counted@example.test"')}`),
    );
    expect(find.length, find.join('\n')).to.equal(3);
  });
});
