/**
 * Two organizations, each with a directory: neither sees, changes or learns anything of the other (SC-01, SC-03, SC-04, SC-05).
 * Over 300 lines because its two directories are tried on every operation.
 */
import { expect } from 'chai';
import { setMember } from '../../src/access/grants/service.ts';
import { addDomain, verifyDomain } from '../../src/directory/domains/service.ts';
import { addMember } from '../../src/directory/memberships/service.ts';
import { newId } from '../../src/core/id.ts';
import type { JsonObject } from '../../src/scim/json.ts';
import { makeOwned, makePersonal } from '../directory/cast.ts';
import { manual } from '../federation/company.ts';
import { type World, world } from '../support/world.ts';
import { type Directory, directory, ENTERPRISE, expectError, GROUP, idsOf, patch, USER } from './door.ts';

describe('scim: tenants', () => {
  let w: World;
  let a: Directory;
  let b: Directory;
  let theirs: { user: string; group: string };
  before(async () => {
    w = await world();
  });
  after(() => w.close());
  beforeEach(async () => {
    a = await directory(w);
    b = await directory(w);
    const user = await b.user('victim@b.example', { externalId: 'ext-b', title: 'secret title' });
    theirs = { user, group: await b.group('Theirs', [user]) };
  });
  /** Everything of an organization that a directory could change. */
  const stateOf = async (org_id: string) => ({
    users: await w.db('users').where({ home_org_id: org_id }).orderBy('user_id'),
    groups: await w.db('user_groups').where({ org_id }).orderBy('group_id'),
    members: await w
      .db('user_group_memberships as m')
      .join('user_groups as g', 'g.group_id', 'm.group_id')
      .where({ org_id })
      .select('m.*'),
    kept: await w.db('scim_resources').orderBy('resource_id'),
    audit: await w.db('audit_logs').where({ org_id }).orderBy('log_id').select('log_id'),
  });

  it('SC-01: every verb on another organization’s id answers exactly as for an id that is nobody’s, and changes nothing', async () => {
    const before = await stateOf(b.org_id);
    const requests = (type: 'Users' | 'Groups', id: string): [string, string, unknown?][] => {
      const body = { schemas: [USER, GROUP], userName: 'taken-over@a.example', displayName: 'Taken over' };
      return [
        ['GET', `/${type}/${id}`],
        ['GET', `/${type}/${id}?attributes=id`],
        ['HEAD', `/${type}/${id}`],
        ['PUT', `/${type}/${id}`, body],
        ['PATCH', `/${type}/${id}`, patch({ op: 'replace', path: 'externalId', value: 'x' })],
        ['PATCH', `/${type}/${id}`, patch({ op: 'replace', value: { active: false } })],
        ['PATCH', `/${type}/${id}`, patch({ op: 'add', path: type === 'Users' ? 'title' : 'members', value: [] })],
        ['PATCH', `/${type}/${id}`, patch()],
        ['DELETE', `/${type}/${id}`],
      ];
    };
    for (const [type, id] of [
      ['Users', theirs.user],
      ['Groups', theirs.group],
    ] as const) {
      const foreign = requests(type, id);
      const unknown = requests(type, newId());
      for (const [index, [method, path, body]] of foreign.entries()) {
        const [, nobody = ''] = unknown[index] ?? [];
        const answer = await a.send(method, path, body);
        const other = await a.send(method, nobody, body);
        const what = `${method} ${path.replace(id, '…')}`;
        expect(answer.text, what).to.equal(other.text);
        expect(answer.status, what).to.equal(404);
        expect(other.status, what).to.equal(404);
        if (method !== 'HEAD') expectError(answer, 404);
      }
    }
    expect(await stateOf(b.org_id)).to.deep.equal(before);
  });

  it('SC-01: another organization’s people and groups are in no list, filter, search, member or reference', async () => {
    const mine = await a.user('mine@a.example');
    expect(idsOf(await a.send('GET', '/Users'))).to.deep.equal([mine]);
    expect(idsOf(await a.send('GET', '/Groups'))).to.deep.equal([]);
    const filters = [
      `id eq "${theirs.user}"`,
      'userName eq "victim@b.example"',
      'externalId eq "ext-b"',
      'emails.value eq "victim@b.example"',
      'title sw "secret"',
      'not (userName eq "mine@a.example")',
      `groups.value eq "${theirs.group}"`,
      `id eq "${theirs.user}" or id eq "${mine}" and not (id pr)`,
    ];
    for (const filter of filters) {
      expect(idsOf(await a.send('GET', `/Users?filter=${encodeURIComponent(filter)}`)), filter).to.deep.equal([]);
    }
    const inGroups = `/Groups?filter=${encodeURIComponent(`members eq "${theirs.user}"`)}`;
    expect(idsOf(await a.send('GET', inGroups))).to.deep.equal([]);
    const all = await a.send('POST', '/.search', { schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'] });
    expect(idsOf(all)).to.deep.equal([mine]);
    // A cursor is a place in one's own list, whoever made it.
    await b.user('second@b.example');
    const { nextCursor } = (await b.send('GET', '/Users?cursor=&count=1')).body;
    const walked = await a.send('GET', `/Users?cursor=${nextCursor}&count=1`);
    for (const id of idsOf(walked)) expect(id).to.equal(mine);
  });

  it('SC-01: another organization’s people cannot be made members, and neither can guests', async () => {
    const group = await a.group('Ours');
    const guest = (await makePersonal(w)).user_id;
    await addMember(w.call(), a.org_id, guest);
    const unknown = newId();
    const answers = [];
    for (const id of [theirs.user, guest, unknown, theirs.group, group]) {
      const add = patch({ op: 'add', path: 'members', value: [{ value: id, $ref: `${w.url}/scim/v2/Users/${id}` }] });
      for (const [method, path, body] of [
        ['PATCH', `/Groups/${group}`, add],
        ['PUT', `/Groups/${group}`, { schemas: [GROUP], displayName: 'Ours', members: [{ value: id }] }],
        ['POST', '/Groups', { schemas: [GROUP], displayName: 'New', members: [{ value: id }] }],
      ] as const) {
        const answer = await a.send(method, path, body);
        expectError(answer, 400, 'invalidValue');
        answers.push(answer.text);
      }
    }
    expect(new Set(answers).size, 'nothing tells them apart').to.equal(1);
    expect(await w.db('user_group_memberships').where({ group_id: group })).to.deep.equal([]);
    expect((await a.send('GET', '/Groups')).body.totalResults, 'no half-made group').to.equal(1);
  });

  it('SC-01: a guest whom somebody else put into a group is not shown, and stays when the membership is replaced', async () => {
    const group = await a.group('Mixed', [await a.user('one@a.example')]);
    const guest = (await makePersonal(w)).user_id;
    await addMember(w.call(), a.org_id, guest);
    const added = await w.api('POST', `/organizations/${a.org_id}/groups/${group}/members`, { add: [guest] });
    expect(added.status, added.text).to.equal(200);
    expect((await a.send('GET', `/Groups/${group}`)).body.members).to.have.length(1);
    await a.send('PATCH', `/Groups/${group}`, patch({ op: 'replace', path: 'members', value: [] }));
    const left = await w.db('user_group_memberships').where({ group_id: group }).select('user_id');
    expect(left).to.deep.equal([{ user_id: guest }]);
  });

  it('SC-03: an external id is no key: those of others, numbers and ids mean nothing', async () => {
    const id = await a.user('plain@a.example', { externalId: theirs.user });
    expect((await a.send('GET', `/Users/${id}`)).body.externalId).to.equal(theirs.user);
    expectError(await a.send('GET', `/Users/${theirs.user}`), 404);
    expectError(await a.send('GET', '/Users/1'), 404);
    expectError(await a.send('GET', `/Users/${encodeURIComponent('plain@a.example')}`), 404);
    const twice = { schemas: [USER], userName: 'other@a.example', externalId: theirs.user };
    expectError(await a.send('POST', '/Users', twice), 409, 'uniqueness');
    expect((await a.send('GET', '/Users')).body.totalResults, 'nothing half-made').to.equal(1);
    // Unique per client: another directory has names of its own.
    await b.user('same@b.example', { externalId: theirs.user });
    expect((await a.send('POST', '/Groups', { ...twice, schemas: [GROUP], displayName: 'G' })).status).to.equal(201);
  });

  it('SC-04: ids, owner, roles, flags and hashes are not the directory’s to say', async () => {
    const id = newId();
    const said = {
      schemas: [USER],
      id,
      userName: 'sly@a.example',
      meta: { location: 'https://evil.example', version: 'W/"1"', created: '1970-01-01T00:00:00Z' },
      groups: [{ value: theirs.group }],
      home_org_id: b.org_id,
      org_id: b.org_id,
      user_id: id,
      can_create_orgs: true,
      has_password: true,
      password_hash: 'x'.repeat(60),
      mfa_enabled: true,
      locked: true,
      email_confirmed: true,
      roles: [{ value: 'owner', primary: true }],
      entitlements: [{ value: 'users.delete' }],
      user_permissions: ['*'],
    };
    const made = await a.send('POST', '/Users', said);
    expect(made.status, made.text).to.equal(201);
    expect(made.body.id).to.not.equal(id);
    const user_id = made.body.id as string;
    await a.send('PATCH', `/Users/${user_id}`, patch({ op: 'replace', value: said }));
    await a.send('PUT', `/Users/${user_id}`, said);
    const row = await w.db('users').where({ user_id }).first();
    expect(row).to.include({
      home_org_id: a.org_id,
      can_create_orgs: false,
      has_password: false,
      mfa_enabled: false,
      locked: false,
      email_confirmed: false,
    });
    const membership = await w.db('user_organization_info').where({ user_id });
    expect(membership).to.have.length(1);
    expect(membership[0]).to.deep.include({ org_id: a.org_id, user_role: null, user_permissions: [] });
    expect((made.body.meta as JsonObject).location).to.equal(`${w.url}/scim/v2/Users/${user_id}`);
    for (const path of ['id', 'meta.location', 'groups', 'meta']) {
      expectError(
        await a.send('PATCH', `/Users/${user_id}`, patch({ op: 'replace', path, value: 'x' })),
        400,
        'mutability',
      );
    }
  });

  it('SC-05: an account of another organization with the same name is neither read nor touched', async () => {
    const before = await stateOf(b.org_id);
    const mine = await a.user('victim@b.example', {
      title: 'mine',
      emails: [{ type: 'work', value: 'victim@b.example' }],
    });
    expect(mine).to.not.equal(theirs.user);
    const after = await stateOf(b.org_id);
    expect({ ...after, kept: [] }).to.deep.equal({ ...before, kept: [] });
    const row = await w.db('users').where({ user_id: mine }).first();
    expect(row, 'the domain is not shown to be theirs').to.include({ home_org_id: a.org_id, email_confirmed: false });
  });

  it('SC-05: a clash within the organization says nothing of the other account', async () => {
    const other = await makeOwned(w, a, { email: 'boss@a.example', username: 'The.Boss', first_name: 'Hidden' });
    const clashes = [
      { schemas: [USER], userName: 'the.boss' },
      { schemas: [USER], userName: 'fresh', emails: [{ type: 'work', value: 'BOSS@a.example' }] },
    ];
    for (const body of clashes) {
      const answer = await a.send('POST', '/Users', body);
      expectError(answer, 409, 'uniqueness');
      expect(answer.text).to.not.include(other.user_id).and.not.include('Hidden');
      expect(answer.text.toLowerCase()).to.not.include('boss');
    }
    const email = [{ type: 'work', value: 'boss@a.example' }];
    const detailOf = async (body: object) => (await a.send('POST', '/Users', { schemas: [USER], ...body })).body.detail;
    expect(await detailOf({ userName: 'the.boss', emails: email }), 'both').to.include('this userName');
    expect(await detailOf({ userName: 'the.boss' })).to.include('this userName');
    expect(await detailOf({ userName: 'fresh', emails: email })).to.include('this e-mail address');
    const mine = await a.user('mine@a.example');
    const replaced = (userName: string) =>
      a.send('PUT', `/Users/${mine}`, { schemas: [USER], userName, emails: email });
    expect((await replaced('the.boss')).body)
      .to.include({ scimType: 'uniqueness' })
      .and.property('detail')
      .includes('userName');
    expect((await replaced('mine@a.example')).body.detail, 'its own name').to.include('this e-mail address');
    const take = patch({ op: 'replace', path: 'userName', value: 'THE.BOSS' });
    expectError(await a.send('PATCH', `/Users/${mine}`, take), 409, 'uniqueness');
    expect((await a.send('GET', `/Users/${mine}`)).body.userName).to.equal('mine@a.example');
    await a.group('Board');
    expectError(await a.send('POST', '/Groups', { schemas: [GROUP], displayName: 'board' }), 409, 'uniqueness');
  });

  describe('SC-05: a person-owned account', () => {
    const person = () => makePersonal(w, { email: 'ada@claimed.example', email_confirmed: true });
    const verify = async (org: Directory, name: string) => {
      await addDomain(w.call(), org.org_id, { domain: name });
      await verifyDomain(w.call(), org.org_id, name, { method: 'attested' });
    };
    afterEach(() => w.db('organization_domains').del());

    it('stays its person’s where the domain is not verified: a separate account is made', async () => {
      const { user_id } = await person();
      const made = await a.user('ada@claimed.example');
      expect(made).to.not.equal(user_id);
      expect((await w.db('users').where({ user_id }).first()).home_org_id).to.equal(null);
      await w.db('users').where({ user_id }).update({ deleted_at: new Date() });
    });

    it('is claimed by the organization that verified the domain, keeps its id, and its person is told', async () => {
      const { user_id } = await person();
      await verify(a, 'claimed.example');
      const made = await a.send('POST', '/Users', {
        schemas: [USER],
        userName: 'ada@claimed.example',
        name: { givenName: 'Ada' },
        externalId: 'ada',
      });
      expect(made.status, made.text).to.equal(201);
      expect(made.body.id).to.equal(user_id);
      const row = await w.db('users').where({ user_id }).first();
      expect(row).to.include({ home_org_id: a.org_id, first_name: 'Ada' });
      expect(await w.db('mails').where({ to_address: 'ada@claimed.example' })).to.have.length(1);
      expect(await w.db('audit_logs').where({ action: 'user.claimed', object_id: user_id })).to.have.length(1);
    });

    it('of a system administrator is never claimed: a separate account is made', async () => {
      const { user_id } = await makePersonal(w, { email: 'root@claimed.example', email_confirmed: true });
      const made = await w.api('PUT', `/administrators/${user_id}`);
      expect(made.status, made.text).to.be.oneOf([200, 201, 204]);
      await verify(a, 'claimed.example');
      const id = await a.user('root@claimed.example');
      expect(id).to.not.equal(user_id);
      expect((await w.db('users').where({ user_id }).first()).home_org_id).to.equal(null);
    });
  });

  it('SC-17: a group under a system role’s name gives nothing; a role comes by group_roles only', async () => {
    const user = await a.user('aspirant@a.example');
    const permissions = async () =>
      (await w.db('user_organization_info').where({ user_id: user }).first()).user_permissions as string[];
    for (const name of ['owner', 'admin', 'system_administrator']) await a.group(name, [user]);
    expect(await permissions()).to.deep.equal([]);
    const group = await a.group('Admins', [user]);
    const owner = await makeOwned(w, a);
    await setMember(w.call(), a.org_id, owner.user_id, { role: 'owner' });
    const role = await w.db('roles').where({ name: 'admin' }).whereNull('org_id').first();
    const given = await w.api('POST', `/organizations/${a.org_id}/groups/${group}/roles`, { role_id: role.role_id });
    expect(given.status, given.text).to.be.oneOf([200, 201, 204]);
    expect(await permissions()).to.not.deep.equal([]);
    await a.send('PATCH', `/Groups/${group}`, patch({ op: 'remove', path: `members[value eq "${user}"]` }));
    expect(await permissions(), 'gone with the membership').to.deep.equal([]);
  });

  it('SC-17: groups within groups, and cycles of them, are refused', async () => {
    const one = await a.group('One');
    const two = await a.group('Two');
    for (const [group, member] of [
      [one, two],
      [two, one],
      [one, one],
    ]) {
      const value = [{ value: member, type: 'Group', $ref: `${w.url}/scim/v2/Groups/${member}` }];
      expectError(
        await a.send('PATCH', `/Groups/${group}`, patch({ op: 'add', path: 'members', value })),
        400,
        'invalidValue',
      );
    }
  });

  it('SC-02: a SCIM client, a connection and an application may share a name; the id of one is nothing to the others', async () => {
    const place = `/organizations/${a.org_id}`;
    const name = 'Corporate';
    const scim = await w.api('POST', `${place}/scim-clients`, { name });
    const application = await w.api('POST', '/applications', {
      client_name: name,
      org_id: a.org_id,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      scope: 'users.read',
    });
    const connection = await w.api('POST', `${place}/identity-providers`, {
      type: 'saml',
      name,
      config: manual(`https://${newId()}.example/entity`),
    });
    for (const made of [scim, application, connection]) expect(made.status, made.text).to.equal(201);
    const [clientId, applicationId, providerId] = [
      scim.body.client_id as string,
      application.body.client_id as string,
      connection.body.provider_id as string,
    ];
    expect(new Set([clientId, applicationId, providerId]).size).to.equal(3);
    // Nobody chooses an id, so nobody makes one that another kind has.
    const chosen: [string, object][] = [
      [`${place}/scim-clients`, { name, client_id: applicationId }],
      [
        `${place}/identity-providers`,
        { type: 'saml', name, config: manual('https://x.example/e'), provider_id: clientId },
      ],
      ['/applications', { client_name: name, redirect_uris: ['https://x.example/cb'], client_id: clientId }],
    ];
    for (const [path, body] of chosen) {
      const answer = await w.api('POST', path, body);
      expect([answer.status, answer.body.code], path).to.deep.equal([400, 'request_invalid']);
      expect(answer.text).to.match(/\/body\/(client|provider)_id/);
    }
    for (const [kind, own] of [
      ['scim-clients', clientId],
      ['identity-providers', providerId],
    ] as const) {
      expect((await w.api('GET', `${place}/${kind}/${own}`)).status).to.equal(200);
      for (const other of [clientId, applicationId, providerId].filter((id) => id !== own)) {
        const answer = await w.api('GET', `${place}/${kind}/${other}`);
        expect([answer.status, answer.body.code], `${kind} ${other}`).to.deep.equal([404, 'not_found']);
      }
    }
    for (const other of [clientId, providerId])
      expect((await w.api('GET', `/applications/${other}`)).body.code, 'no application').to.equal('not_found');
    for (const other of [clientId, applicationId])
      expect((await w.request(`/saml/${other}/metadata`)).status, 'no connection').to.equal(404);
    // Neither secret opens the other's door, whatever id it comes with.
    const secrets = [scim, application].map(({ body }) => body.client_secret as string);
    const ask = async (client_id: string, client_secret = '') => {
      const body = new URLSearchParams({ grant_type: 'client_credentials' });
      const authorization = `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`;
      return (await w.request('/oauth/token', { method: 'POST', body, headers: { authorization } })).body;
    };
    for (const id of [clientId, applicationId, providerId])
      for (const secret of secrets.filter((_, at) => id !== [clientId, applicationId][at]))
        expect((await ask(id, secret)).error, id).to.equal('invalid_client');
    const token = String((await ask(applicationId, secrets[1])).access_token);
    expect(token).to.match(/^ltl_at_|^eyJ/);
    expectError(await a.send('GET', '/Users', undefined, { authorization: `Bearer ${token}` }), 401);
  });

  it('MT-02, SC-01: no header or parameter makes the token another organization’s', async () => {
    const mine = await a.user('mine@a.example');
    for (const name of [
      'x-organization-id',
      'x-org-id',
      'x-tenant-id',
      'x-client-id',
      'x-scim-client',
      'x-forwarded-prefix',
    ]) {
      for (const value of [b.org_id, b.client_id]) {
        expect(idsOf(await a.send('GET', '/Users', undefined, { [name]: value })), name).to.deep.equal([mine]);
        expectError(await a.send('DELETE', `/Users/${theirs.user}`, undefined, { [name]: value }), 404);
      }
    }
    for (const name of ['org_id', 'tenant', 'client_id', 'organization']) {
      for (const value of [b.org_id, b.client_id])
        expect(idsOf(await a.send('GET', `/Users?${name}=${value}`)), name).to.deep.equal([mine]);
      const made = await a.send('POST', `/Users?${name}=${b.org_id}`, {
        schemas: [USER],
        userName: `${name}@a.example`,
      });
      const row = await w.db('users').where({ user_id: made.body.id }).first('home_org_id');
      expect(row.home_org_id, name).to.equal(a.org_id);
      await a.send('DELETE', `/Users/${made.body.id}`);
    }
    for (const path of [`/${b.org_id}/Users`, `/organizations/${b.org_id}/Users`, `/v2/${b.client_id}/Users`])
      expectError(await a.send('GET', path), 404);
  });

  it('a manager may be anybody’s id: it is kept as sent, and leads nowhere', async () => {
    const id = await a.user('managed@a.example', { [ENTERPRISE]: { manager: { value: theirs.user } } });
    const read = (await a.send('GET', `/Users/${id}`)).body;
    expect((read[ENTERPRISE] as JsonObject).manager).to.deep.equal({ value: theirs.user });
  });

  it('SC-12: a token that was revoked, of a client that was switched off, or of a suspended organization is refused at once', async () => {
    const answers = async () => (await b.send('GET', '/Users')).status;
    expect(await answers()).to.equal(200);
    const client = `/organizations/${b.org_id}/scim-clients/${b.client_id}`;
    await w.api('PATCH', client, { enabled: false });
    expect(await answers()).to.equal(401);
    await w.api('PATCH', client, { enabled: true });
    expect(await answers()).to.equal(200);
    const { items } = (await w.api<{ items: JsonObject[] }>('GET', `${client}/tokens`)).body;
    await w.api('DELETE', `${client}/tokens/${items[0]?.token_id}`);
    expect(await answers()).to.equal(401);
  });
});
