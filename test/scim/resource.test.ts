/**
 * Resources as directories send them: what is read, kept, left out and refused. Over 300 lines because it is a list of forms.
 */
import { expect } from 'chai';
import type { JsonObject } from '../../src/scim/json.ts';
import { STANDARD_MAPPINGS } from '../../src/scim/mappings.ts';
import { buildRegistries } from '../../src/scim/registry.ts';
import { maxElements } from '../../src/scim/leniency.ts';
import { ENTERPRISE, Engine, GROUP, USER } from './engine.ts';
import { expectRefusal } from './refusal.ts';

const full: JsonObject = {
  schemas: [USER, ENTERPRISE],
  externalId: 'hr-17',
  userName: 'Grace.Hopper@Example.com',
  name: { givenName: 'Grace', middleName: 'Brewster', familyName: 'Hopper', honorificSuffix: 'Rear Adm.' },
  displayName: 'Grace Hopper',
  title: 'Rear Admiral',
  active: true,
  emails: [
    { value: 'Grace.Hopper@Example.com', type: 'work', primary: true },
    { value: 'g@home.test', type: 'home' },
  ],
  phoneNumbers: [
    { value: '+1 555', type: 'work' },
    { value: '+1 556', type: 'mobile' },
  ],
  addresses: [{ type: 'work', streetAddress: '1 Navy Way', country: 'US' }],
  photos: [{ value: 'https://x.test/p.png', type: 'photo' }],
  [ENTERPRISE]: { employeeNumber: '17', department: 'Compilers', manager: { value: '9' } },
};

describe('scim/resource', () => {
  it('gives back every value as it was sent, with id, schemas and meta', () => {
    const engine = new Engine();
    const made = engine.post('User', full);
    const { id, meta, schemas, groups, ...rest } = made;
    expect({ ...rest, schemas }).to.deep.equal(full);
    expect(schemas).to.deep.equal([USER, ENTERPRISE]);
    expect(groups).to.deep.equal([]);
    expect(meta).to.deep.equal({
      resourceType: 'User',
      created: '1970-01-01T00:00:00.000Z',
      lastModified: '1970-01-01T00:00:00.000Z',
      location: `https://id.example.com/scim/v2/Users/${id}`,
      version: 'W/"1"',
    });
    const row = engine.row(id as string);
    expect(row.columns).to.deep.equal({
      username: 'Grace.Hopper@Example.com',
      email: 'Grace.Hopper@Example.com',
      first_name: 'Grace',
      last_name: 'Hopper',
      enabled: true,
      phone: '+1 555',
      picture_url: 'https://x.test/p.png',
      properties: {},
    });
    expect(row.external_id).to.equal('hr-17');
    expect(row.attributes).to.not.have.any.keys('id', 'meta', 'schemas', 'groups', 'externalId', 'password');
  });

  it('lays columns changed elsewhere over what was kept, and keeps the spelling when only letters differ in case', () => {
    const engine = new Engine();
    const { id } = engine.post('User', full);
    const row = engine.row(id as string);
    row.columns = {
      ...row.columns,
      email: 'grace.hopper@example.com',
      username: 'grace.hopper@example.com',
      first_name: null,
      phone: null,
      last_name: 'Murray',
    };
    const read = engine.get('User', id as string);
    expect(read.userName).to.equal('Grace.Hopper@Example.com');
    expect(read.emails).to.deep.equal(full.emails);
    expect(read.name).to.deep.equal({ middleName: 'Brewster', familyName: 'Murray', honorificSuffix: 'Rear Adm.' });
    expect(read.phoneNumbers).to.deep.equal([{ value: '+1 556', type: 'mobile' }]);
    row.columns = { ...row.columns, email: 'new@example.com' };
    expect((engine.get('User', id as string).emails as JsonObject[])[0]).to.deep.equal({
      value: 'new@example.com',
      type: 'work',
      primary: true,
    });
  });

  it('shows an account that was made elsewhere', () => {
    const engine = new Engine();
    const id = '01900002-0000-7000-8000-0000000000ff';
    engine.rows.set(id, {
      id,
      created: new Date(0),
      modified: new Date(0),
      version: 'W/"1"',
      external_id: null,
      attributes: null,
      columns: { email: 'eve@example.com', username: null, first_name: 'Eve', enabled: false, properties: {} },
    });
    expect(engine.get('User', id)).to.deep.include({
      userName: 'eve@example.com',
      active: false,
      name: { givenName: 'Eve' },
      emails: [{ type: 'work', value: 'eve@example.com' }],
    });
  });

  it('takes the address of an account from the work e-mail, the primary one, the first, or the user name', () => {
    const email = (body: object) => {
      const engine = new Engine();
      return engine.row(engine.post('User', { schemas: [USER], userName: 'u', ...body }).id as string).columns.email;
    };
    expect(
      email({
        emails: [
          { value: 'h@x', type: 'home', primary: true },
          { value: 'w@x', type: 'Work' },
        ],
      }),
    ).to.equal('w@x');
    expect(
      email({
        emails: [
          { value: 'h@x', type: 'home' },
          { value: 'o@x', primary: true },
        ],
      }),
    ).to.equal('o@x');
    expect(email({ emails: [{ value: 'h@x' }] })).to.equal('h@x');
    expect(email({ userName: 'ada@x' })).to.equal('ada@x');
    expect(email({})).to.equal(null);
  });

  it('requires schemas, userName and displayName', () => {
    const engine = new Engine();
    expectRefusal(() => engine.post('User', { userName: 'x' }), 400, 'invalidSyntax');
    expectRefusal(() => engine.post('User', { schemas: [], userName: 'x' }), 400, 'invalidSyntax');
    expectRefusal(() => engine.post('User', { schemas: [USER] }), 400, 'invalidValue');
    expectRefusal(() => engine.post('User', { schemas: [USER], userName: '' }), 400, 'invalidValue');
    expectRefusal(() => engine.post('User', { schemas: [USER], userName: ' ' }), 400, 'invalidValue');
    expectRefusal(() => engine.post('User', { schemas: [USER], userName: null }), 400, 'invalidValue');
    expectRefusal(() => engine.post('Group', { schemas: [GROUP] }), 400, 'invalidValue');
    for (const body of [null, [], 'x', 7, undefined])
      expectRefusal(() => engine.post('User', body), 400, 'invalidSyntax');
  });

  it('refuses values of the wrong type, and two primary ones', () => {
    const engine = new Engine();
    const wrong: object[] = [
      { userName: true },
      { userName: {} },
      { title: ['x'] },
      { active: 'maybe' },
      { active: 1 },
      { active: {} },
      { name: 'Grace' },
      { name: [{ givenName: 'x' }] },
      { emails: [[{ value: 'x' }]] },
      { emails: [{ value: {} }] },
      { emails: [{ value: 'x', primary: 'ish' }] },
      {
        emails: [
          { value: 'a', primary: true },
          { value: 'b', primary: true },
        ],
      },
      { [ENTERPRISE]: 'x' },
      { [ENTERPRISE]: { manager: [{ value: '1' }, { value: '2' }] } },
    ];
    for (const part of wrong) {
      expectRefusal(() => engine.post('User', { schemas: [USER], userName: 'x', ...part }), 400, 'invalidValue');
    }
    expectRefusal(() => engine.post('User', { schemas: [USER], userName: 'x', USERNAME: 'y' }), 400, 'invalidSyntax');
    expectRefusal(
      () => engine.post('User', { schemas: [USER], userName: 'x', name: { givenName: 'a', GIVENNAME: 'b' } }),
      400,
      'invalidSyntax',
    );
  });

  it('takes names in any case, numbers as text, "True" and "False", bare values, and says so', () => {
    const engine = new Engine();
    const made = engine.post('User', {
      Schemas: [USER],
      USERNAME: 'x',
      externalid: 701984,
      Active: 'False',
      NAME: { GivenName: 'G' },
      emails: 'x@y',
      roles: ['Admin'],
      [ENTERPRISE.toUpperCase()]: { costcenter: 4130, Manager: '7' },
    });
    expect(made).to.deep.include({
      userName: 'x',
      externalId: '701984',
      active: false,
      name: { givenName: 'G' },
      emails: [{ value: 'x@y' }],
      roles: [{ value: 'Admin' }],
      [ENTERPRISE]: { costCenter: '4130', manager: { value: '7' } },
    });
    expect(engine.rules()).to.deep.equal([
      'attribute-name-case',
      'bare-value-as-element',
      'manager-form',
      'number-as-text',
      'one-value-as-list',
      'text-as-boolean',
    ]);
  });

  it('keeps what no mapping names, ignores unknown URNs in schemas, and accepts types that are not canonical', () => {
    const engine = new Engine();
    const sent = {
      schemas: [USER, 'urn:scim:schemas:core:1.0', 'urn:acme:1.0:User'],
      userName: 'x',
      shoeSize: 43,
      'urn:acme:1.0:User': { badge: { level: 3 } },
      [ENTERPRISE]: { favourite: 'tea' },
      phoneNumbers: [{ type: 'work_mobile', value: '1', extra: true }],
    };
    const made = engine.post('User', sent);
    expect(made).to.deep.include({
      shoeSize: 43,
      'urn:acme:1.0:User': { badge: { level: 3 } },
      [ENTERPRISE]: { favourite: 'tea' },
      phoneNumbers: sent.phoneNumbers,
    });
    expect(made.schemas).to.deep.equal([USER, 'urn:acme:1.0:User', ENTERPRISE]);
    expect(engine.rules()).to.include.members([
      'unknown-attribute-kept',
      'unknown-schema-kept',
      'unknown-schema-ignored',
    ]);
  });

  it('SC-04 ignores id, meta, groups and everything that names our own columns', () => {
    const engine = new Engine();
    const made = engine.post('User', {
      schemas: [USER],
      userName: 'x',
      id: 'mine',
      meta: { created: '1999-01-01T00:00:00Z', location: 'https://evil' },
      groups: [{ value: 'admins' }],
      org_id: 'o',
      home_org_id: 'o',
      user_id: 'u',
      password_hash: 'h',
      can_create_orgs: true,
      email_confirmed: true,
      locked: false,
      is_admin: true,
      roles: [{ value: 'owner' }],
    });
    expect(made.id).to.not.equal('mine');
    expect(made.meta).to.include({ created: '1970-01-01T00:00:00.000Z' });
    expect(made.groups).to.deep.equal([]);
    const { columns } = engine.row(made.id as string);
    expect(columns).to.have.all.keys(
      'username',
      'email',
      'first_name',
      'last_name',
      'enabled',
      'phone',
      'picture_url',
      'properties',
    );
    expect(engine.rules()).to.include('read-only-ignored');
  });

  it('SC-15 hands the password over and never keeps or shows it', () => {
    const engine = new Engine();
    const made = engine.post('User', { schemas: [USER], userName: 'x', password: 'pl4ceholder' });
    expect(engine.password).to.equal('pl4ceholder');
    expect(JSON.stringify([made, [...engine.rows.values()]])).to.not.contain('pl4ceholder');
  });

  it('SC-06 survives __proto__, constructor and prototype in every place', () => {
    const engine = new Engine();
    const body = JSON.parse(
      `{"schemas":["${USER}"],"userName":"x","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},
       "prototype":1,"name":{"__proto__":{"polluted":1},"givenName":"G"},"emails":[{"__proto__":{"polluted":1},"value":"a@b"}],
       "urn:x:__proto__":{"polluted":1},"${ENTERPRISE}":{"__proto__":{"polluted":1},"constructor":{"polluted":1},"department":"D"},
       "urn:a:b":{"__proto__":{"polluted":1},"k":{"constructor":{"polluted":1}}}}`,
    );
    const made = engine.post('User', body);
    expect(({} as Record<string, unknown>).polluted).to.equal(undefined);
    expect(Object.prototype).to.not.have.property('polluted');
    expect(made.name).to.deep.equal({ givenName: 'G' });
    expect(made.emails).to.deep.equal([{ value: 'a@b' }]);
    expect(made[ENTERPRISE]).to.deep.equal({ department: 'D' });
    expect(Object.keys(made)).to.not.include.members(['constructor', 'prototype']);
  });

  it('SC-10 refuses too much, too deep, and what the database cannot keep', () => {
    const engine = new Engine();
    const user = (part: object) => () => engine.post('User', { schemas: [USER], userName: 'x', ...part });
    expectRefusal(user({ title: 'x'.repeat(70_000) }), 413);
    expectRefusal(user({ emails: Array.from({ length: maxElements + 1 }, (_, n) => ({ value: `${n}@x` })) }), 413);
    expectRefusal(
      user({
        a1: 'x'.repeat(60_000),
        a2: 'x'.repeat(60_000),
        a3: 'x'.repeat(60_000),
        a4: 'x'.repeat(60_000),
        a5: 'x'.repeat(60_000),
      }),
      413,
    );
    const deep = JSON.parse(`${'{"a":'.repeat(40)}1${'}'.repeat(40)}`);
    expectRefusal(user({ extra: deep }), 400, 'invalidSyntax');
    expectRefusal(user({ title: 'a\u0000b' }), 400, 'invalidValue');
    expectRefusal(user({ title: '\ud800' }), 400, 'invalidValue');
    expectRefusal(user({ 'a\u0000': 1 }), 400, 'invalidValue');
  });

  it('PUT clears what it leaves out, but never deactivates, and never empties a group by silence', () => {
    const engine = new Engine();
    const { id } = engine.post('User', { ...full, active: true });
    const read = engine.put('User', id as string, { schemas: [USER], userName: 'Grace.Hopper@Example.com' });
    expect(read).to.include({ active: true, userName: 'Grace.Hopper@Example.com' });
    expect(read).to.not.have.any.keys('title', 'name', 'phoneNumbers', 'externalId', ENTERPRISE);
    engine.put('User', id as string, { schemas: [USER], userName: 'g', active: false });
    expect(engine.put('User', id as string, { schemas: [USER], userName: 'g' }).active).to.equal(false);
    const member = engine.row(id as string).id;
    const group = engine.post('Group', {
      schemas: [GROUP],
      displayName: 'A',
      members: [{ value: member, display: 'x' }],
    });
    expect(engine.put('Group', group.id as string, { schemas: [GROUP], displayName: 'B' }).members).to.have.length(1);
    expect(
      engine.put('Group', group.id as string, { schemas: [GROUP], displayName: 'B', members: [] }).members,
    ).to.deep.equal([]);
    expectRefusal(
      () => engine.post('Group', { schemas: [GROUP], displayName: 'C', members: ['u1091'] }),
      400,
      'invalidValue',
    );
  });

  it("writes a client's own mappings into properties and reads them back", () => {
    const own = 'urn:ietf:params:scim:schemas:extension:acme:2.0:User';
    const engine = new Engine(
      buildRegistries([
        ...STANDARD_MAPPINGS,
        { local_attribute: 'properties.badge', scim_attribute: `${own}:badge` },
        { local_attribute: 'properties.home', scim_attribute: 'emails[type eq "home"].value' },
        { local_attribute: 'bio', scim_attribute: 'title' },
      ]),
    );
    const made = engine.post('User', { ...full, [own]: { badge: 'B7' } });
    const row = engine.row(made.id as string);
    expect(row.columns).to.deep.include({ bio: 'Rear Admiral', properties: { badge: 'B7', home: 'g@home.test' } });
    row.columns = { ...row.columns, properties: { badge: 'B8' } };
    const read = engine.get('User', made.id as string);
    expect(read[own]).to.deep.equal({ badge: 'B8' });
    expect(read.emails).to.have.length(1);
  });

  it('a resource read and sent back whole changes nothing', () => {
    const engine = new Engine();
    const made = engine.post('User', full);
    expect(engine.put('User', made.id as string, made)).to.deep.equal(made);
  });
});
