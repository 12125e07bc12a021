/**
 * Filters as SQL: the same rows as by their meaning, also for filters drawn at random (RFC 7644 §3.4.2.2). Over 300 lines because
 * the meaning is written down here a second time.
 */
import { expect } from 'chai';
import type { Knex } from 'knex';
import { ScimFault } from '../../src/scim/errors.ts';
import { type FilterNode, parseFilter } from '../../src/scim/filter.ts';
import { coerceLiteral, matches } from '../../src/scim/filter-match.ts';
import { compileFilter } from '../../src/scim/filter-sql.ts';
import { isEmpty, isObject, type Json, type JsonObject } from '../../src/scim/json.ts';
import { STANDARD_MAPPINGS } from '../../src/scim/mappings.ts';
import type { Attribute } from '../../src/scim/attribute.ts';
import { buildRegistries, findAttribute, findSub } from '../../src/scim/registry.ts';
import { ENTERPRISE_URN } from '../../src/scim/schemas.ts';
import { readSort, sortSql } from '../../src/scim/sort.ts';
import { emptyDatabase } from '../support/database.ts';
import { addGroup, addOrganizations, addUser, CLIENT, ORG, OTHER_ORG, readUsers, uuid } from './directory.ts';
import { Random } from '../support/random.ts';
import { expectRefusal } from './refusal.ts';

const registries = buildRegistries([
  ...STANDARD_MAPPINGS,
  { local_attribute: 'properties.home_email', scim_attribute: 'emails[type eq "home"].value' },
  { local_attribute: 'properties.cost', scim_attribute: `${ENTERPRISE_URN}:costCenter` },
]);
const now = new Date('2026-11-21T12:00:00Z');

describe('scim/filter-sql', () => {
  let knex: Knex;

  const run = async (filter: string, kind: 'User' | 'Group' = 'User'): Promise<string[]> => {
    const { sql, bindings } = compileFilter(parseFilter(filter), { registry: registries[kind], now });
    const [table, id, org] =
      kind === 'User' ? ['users', 'user_id', 'home_org_id'] : ['user_groups', 'group_id', 'org_id'];
    const { rows } = await knex.raw(
      `SELECT ${table}.${id} AS id FROM ${table} LEFT JOIN scim_resources ON scim_resources.resource_id = ${table}.${id}
       AND scim_resources.client_id = ? WHERE ${table}.${org} = ? AND ${sql} ORDER BY ${table}.created_at, ${table}.${id}`,
      [CLIENT, ORG, ...bindings],
    );
    return rows.map((row: { id: string }) => row.id);
  };
  /** Numbers of the users found. */
  const ask = async (filter: string): Promise<number[]> =>
    (await run(filter)).map((id) => Number.parseInt(id.slice(-12), 16));

  before(async () => {
    ({ knex } = await emptyDatabase());
    await addOrganizations(knex);
    await addUser(knex, registries, 1, {
      userName: 'Ada@Example.com',
      externalId: 'X-1',
      title: '100% _sure_ \\ "ok"',
      name: { givenName: 'Ada', familyName: 'Lovelace' },
      emails: [
        { type: 'work', value: 'Ada@Example.com', primary: true },
        { type: 'home', value: 'ada@home.test' },
      ],
      phoneNumbers: [{ type: 'mobile', value: '+1' }],
      roles: [{ value: 'Admin', primary: true }],
      [ENTERPRISE_URN]: { department: 'Math', costCenter: '4130', manager: { value: uuid(2, 2) } },
    });
    await addUser(knex, registries, 2, {
      userName: 'bob',
      active: false,
      emails: [
        { type: 'home', value: 'bob@home.test' },
        { type: 'other', value: 'work@x.test' },
      ],
      nickName: '',
      title: 'clerk',
      externalId: 'x-1',
    });
    await addUser(knex, registries, 3, { userName: 'cyd@example.com', title: 'Clerk', emails: [] });
    // Changed elsewhere since the directory sent it: the column is the truth.
    await addUser(
      knex,
      registries,
      4,
      { userName: 'dan', name: { givenName: 'Daniel' }, emails: [{ type: 'work', value: 'old@example.com' }] },
      { email: 'new@example.com', first_name: null, properties: JSON.stringify({ home_email: 'dan@home.test' }) },
    );
    // Made in the console: nothing is kept.
    await knex('users').insert({
      user_id: uuid(2, 5),
      home_org_id: ORG,
      email: 'eve@example.com',
      created_at: 1_760_000_005,
    });
    await knex('users').insert({
      user_id: uuid(2, 6),
      home_org_id: OTHER_ORG,
      email: 'ada@example.com',
      username: 'foreign',
      created_at: 1,
    });
    await addGroup(knex, 1, 'Staff', [uuid(2, 1), uuid(2, 2), uuid(2, 6)]);
    await addGroup(knex, 2, 'Board', [uuid(2, 1)]);
    await addGroup(knex, 3, 'Theirs', [uuid(2, 1), uuid(2, 6)], OTHER_ORG);
    await knex('user_group_memberships').insert([
      { membership_id: uuid(4, 1), group_id: uuid(3, 2), user_id: uuid(2, 3), expires_at: '2026-11-21T11:59:59Z' },
      { membership_id: uuid(4, 2), group_id: uuid(3, 2), user_id: uuid(2, 4), is_active: false },
    ]);
  });

  it('compares userName without regard to case, and reads it from the e-mail where there is none', async () => {
    expect(await ask('userName eq "ADA@example.COM"')).to.deep.equal([1]);
    expect(await ask('userName eq "eve@example.com"')).to.deep.equal([5]);
    expect(await ask('USERNAME Eq "bob"')).to.deep.equal([2]);
    expect(await ask('userName eq "foreign"')).to.deep.equal([]);
    expect(await ask('userName eq "d2f1f9b2-43b9-4e3a-9d1f-0d3a2a7b6b11"')).to.deep.equal([]);
  });

  it('compares externalId and id with regard to case, and a text that is no id with nothing (SC-03)', async () => {
    expect(await ask('externalId eq "X-1"')).to.deep.equal([1]);
    expect(await ask('externalId eq "x-1"')).to.deep.equal([2]);
    expect(await ask(`externalId eq "${uuid(2, 1)}"`)).to.deep.equal([]);
    expect(await ask(`id eq "${uuid(2, 2)}"`)).to.deep.equal([2]);
    expect(await ask('id eq "1"')).to.deep.equal([]);
    expect(await ask('id eq "not-a-uuid"')).to.deep.equal([]);
    expect(await ask('id ne "not-a-uuid"')).to.deep.equal([1, 2, 3, 4, 5]);
    expect(await ask('id sw "0190"')).to.deep.equal([1, 2, 3, 4, 5]);
    expect(await ask(`id eq "${uuid(2, 6)}"`)).to.deep.equal([]);
  });

  it('finds text literally: %, _, \\, ! and quotes are characters', async () => {
    expect(await ask('title co "100%"')).to.deep.equal([1]);
    expect(await ask('title co "0_"')).to.deep.equal([]);
    expect(await ask('title co "_sure_"')).to.deep.equal([1]);
    expect(await ask('title co "%"')).to.deep.equal([1]);
    expect(await ask('title co "\\\\"')).to.deep.equal([1]);
    expect(await ask('title ew "\\"ok\\""')).to.deep.equal([1]);
    expect(await ask('title co "!"')).to.deep.equal([]);
    expect(await ask('title sw "CLE"')).to.deep.equal([2, 3]);
    expect(await ask('title co ""')).to.deep.equal([1, 2, 3]);
  });

  it('not and ne are true where there is no value', async () => {
    expect(await ask('title ne "clerk"')).to.deep.equal([1, 4, 5]);
    expect(await ask('not (title eq "clerk")')).to.deep.equal([1, 4, 5]);
    expect(await ask('not (title sw "c")')).to.deep.equal([1, 4, 5]);
    expect(await ask('not (not (title eq "clerk"))')).to.deep.equal([2, 3]);
    expect(await ask('title eq null')).to.deep.equal([4, 5]);
    expect(await ask('title ne null')).to.deep.equal([1, 2, 3]);
  });

  it('pr means a value that is not empty', async () => {
    expect(await ask('title pr')).to.deep.equal([1, 2, 3]);
    expect(await ask('nickName pr')).to.deep.equal([]);
    expect(await ask('name pr')).to.deep.equal([1]);
    expect(await ask('name.givenName pr')).to.deep.equal([1]);
    expect(await ask('emails pr')).to.deep.equal([1, 2, 3, 4, 5]);
    expect(await ask('phoneNumbers pr')).to.deep.equal([1]);
    expect(await ask('active pr')).to.deep.equal([1, 2, 3, 4, 5]);
    expect(await ask('groups pr')).to.deep.equal([1, 2]);
    expect(await ask(`${ENTERPRISE_URN}:manager pr`)).to.deep.equal([1]);
  });

  it('finds deactivated users, and takes "True" for true', async () => {
    expect(await ask('active eq false')).to.deep.equal([2]);
    expect(await ask('active eq "False"')).to.deep.equal([2]);
    expect(await ask('active ne false')).to.deep.equal([1, 3, 4, 5]);
    expect(await ask('active eq "maybe"')).to.deep.equal([]);
    expect(await ask('userName eq "bob" and active eq "true"')).to.deep.equal([]);
    expect(await ask('roles[primary eq "True"].value eq "admin"')).to.deep.equal([1]);
  });

  it('asks all conditions of a value path of the same element', async () => {
    expect(await ask('emails[type eq "work" and value eq "ada@example.com"]')).to.deep.equal([1]);
    expect(await ask('emails[type eq "home" and value eq "ada@example.com"]')).to.deep.equal([]);
    expect(await ask('emails.type eq "home" and emails.value eq "ada@example.com"')).to.deep.equal([1]);
    expect(await ask('emails[type eq "work"].value eq "ADA@EXAMPLE.COM"')).to.deep.equal([1]);
    expect(await ask('emails[type eq "home"].value eq "ada@example.com"')).to.deep.equal([]);
    expect(await ask('emails[type eq "home"].value sw "bob"')).to.deep.equal([2]);
    expect(await ask('emails[not (type eq "work") and value co "home"]')).to.deep.equal([1, 2, 4]);
    expect(await ask('emails eq "ada@home.test"')).to.deep.equal([1]);
    expect(await ask('emails.value ne "ada@home.test"')).to.deep.equal([2, 3, 4, 5]);
    expect(await ask('phoneNumbers[type eq "mobile"]')).to.deep.equal([1]);
    expect(await ask('emails[type eq "work"].value pr')).to.deep.equal([1, 3, 4, 5]);
    expect(await ask('name[givenName eq "ada" and familyName sw "love"]')).to.deep.equal([1]);
  });

  it('asks the column where an attribute is mapped, also after it was changed elsewhere', async () => {
    expect(await ask('emails[type eq "work"].value eq "old@example.com"')).to.deep.equal([]);
    expect(await ask('emails.value eq "old@example.com"')).to.deep.equal([]);
    expect(await ask('emails[type eq "work"].value eq "new@example.com"')).to.deep.equal([4]);
    expect(await ask('emails[value eq "dan@home.test" and type eq "home"]')).to.deep.equal([4]);
    expect(await ask('name.givenName eq "Daniel"')).to.deep.equal([]);
    expect(await ask('emails.value eq "eve@example.com"')).to.deep.equal([5]);
    expect(await ask(`${ENTERPRISE_URN}:costCenter eq "4130"`)).to.deep.equal([1]);
  });

  it('Entra: reference checks on manager and members', async () => {
    const manager = `${ENTERPRISE_URN}:manager`;
    expect(await ask(`id eq "${uuid(2, 1)}" and ${manager} eq "${uuid(2, 2)}"`)).to.deep.equal([1]);
    expect(await ask(`id eq "${uuid(2, 1)}" and ${manager}.value eq "${uuid(2, 3)}"`)).to.deep.equal([]);
    expect(await run(`id eq "${uuid(3, 1)}" and members eq "${uuid(2, 1)}"`, 'Group')).to.deep.equal([uuid(3, 1)]);
    expect(await run(`id eq "${uuid(3, 1)}" and members[value eq "${uuid(2, 3)}"]`, 'Group')).to.deep.equal([]);
    expect(await run('displayName eq "STAFF"', 'Group')).to.deep.equal([uuid(3, 1)]);
  });

  it('SC-01 sees no foreign organization through memberships, and no ended membership', async () => {
    expect(await run(`members.value eq "${uuid(2, 1)}"`, 'Group')).to.deep.equal([uuid(3, 1), uuid(3, 2)]);
    expect(await run(`members.value eq "${uuid(2, 6)}"`, 'Group')).to.deep.equal([]);
    expect(await run(`members.value eq "${uuid(2, 3)}"`, 'Group')).to.deep.equal([]);
    expect(await run(`members.value eq "${uuid(2, 4)}"`, 'Group')).to.deep.equal([]);
    expect(await run('members.value eq "nonsense"', 'Group')).to.deep.equal([]);
    expect(await ask(`groups.value eq "${uuid(3, 1)}"`)).to.deep.equal([1, 2]);
    expect(await ask(`groups.value eq "${uuid(3, 3)}"`)).to.deep.equal([]);
    expect(await ask('groups[display eq "board" and type eq "direct"]')).to.deep.equal([1]);
    expect(await run('members[type eq "Group"]', 'Group')).to.deep.equal([]);
  });

  it('compares times as times', async () => {
    expect(await ask('meta.created ge "2025-10-09T08:53:23Z"')).to.deep.equal([3, 4, 5]);
    expect(await ask('meta.created lt "2025-10-09T10:53:22+02:00"')).to.deep.equal([1]);
    expect(await ask('meta.created eq "2025-10-09T08:53:21.000Z"')).to.deep.equal([1]);
    expect(await ask('meta.lastModified gt "2999-12-31T23:59:59Z"')).to.deep.equal([]);
    for (const wrong of [
      'x',
      '2025-13-01T00:00:00Z',
      '2025-02-30T00:00:00Z',
      '1',
      '',
      '2025-01-01T25:00:00Z',
      '+292277-01-01',
    ]) {
      expectRefusal(
        () => compileFilter(parseFilter(`meta.created gt "${wrong}"`), { registry: registries.User, now }),
        400,
        'invalidFilter',
      );
    }
    expectRefusal(
      () => compileFilter(parseFilter('meta.created co "2025"'), { registry: registries.User, now }),
      400,
      'invalidFilter',
    );
  });

  it('refuses order where there is none, and text operators on what is no text', async () => {
    for (const filter of [
      'active gt true',
      'active co "t"',
      'x509Certificates.value lt "x"',
      'userName gt null',
      'emails[primary ge true]',
    ]) {
      expectRefusal(() => compileFilter(parseFilter(filter), { registry: registries.User, now }), 400, 'invalidFilter');
    }
    expect(await ask('userName gt "bob"')).to.deep.equal([3, 4, 5]);
    expect(await ask('title le "CLERK"')).to.include.members([2, 3]);
  });

  it('unknown attributes and literals of another type are false; a password can never be asked for (SC-15)', async () => {
    for (const filter of [
      'nothing eq "x"',
      'nothing ne "x"',
      'nothing pr',
      'name.nothing pr',
      'urn:a:b:c eq "x"',
      'emails.nothing eq "x"',
      'emails[nothing eq "x"]',
      'toString pr',
      'constructor eq "x"',
      'title eq 5',
      'title eq true',
      'password pr',
      'password sw "a"',
      'password ne "x"',
      'urn:ietf:params:scim:schemas:core:2.0:User:password pr',
    ]) {
      expect(await ask(filter), filter).to.deep.equal([]);
    }
    expect(await ask('title ne 5')).to.deep.equal([1, 2, 3, 4, 5]);
    expect(await ask('not (nothing pr)')).to.deep.equal([1, 2, 3, 4, 5]);
  });

  it('answers schemas and meta.resourceType', async () => {
    expect(await ask('schemas eq "urn:ietf:params:scim:schemas:core:2.0:User"')).to.deep.equal([1, 2, 3, 4, 5]);
    expect(await ask(`schemas eq "${ENTERPRISE_URN}"`)).to.deep.equal([1]);
    expect(await ask('meta.resourceType eq "User"')).to.deep.equal([1, 2, 3, 4, 5]);
    expect(await ask('meta.resourceType eq "Group"')).to.deep.equal([]);
  });

  it('SC-07 never puts a literal into the text, whatever it holds', async () => {
    const hostile = [
      "'; drop table users; --",
      '? ?? :name $1 @x',
      "%' OR 1=1 --",
      'a\\u0000b',
      "\\\\' or ''='",
      '{}',
      '[1]',
      '\\ud800',
      '/*',
      '😀',
      '!',
    ];
    for (const text of hostile) {
      for (const filter of [
        `userName eq "${text}"`,
        `title co "${text}"`,
        `emails[value sw "${text}"]`,
        `${ENTERPRISE_URN}:costCenter ew "${text}"`,
      ]) {
        const { sql, bindings } = compileFilter(parseFilter(filter), { registry: registries.User, now });
        expect(sql).to.not.contain('drop').and.not.contain('OR 1=1');
        expect((sql.match(/\?/g) ?? []).length).to.equal(bindings.length);
        expect(await ask(filter), filter).to.deep.equal([]);
      }
    }
    expect(await ask('title ne "a\\u0000b"')).to.deep.equal([1, 2, 3, 4, 5]);
  });

  it('finds by any e-mail through indexes, and finds what a look at everybody finds', async () => {
    const standard = buildRegistries(STANDARD_MAPPINGS);
    const other = uuid(9, 2);
    const transaction = await knex.transaction();
    try {
      const client_secret_hash = 'x'.repeat(43);
      await transaction('scim_clients').insert({ client_id: other, org_id: ORG, name: 'Other', client_secret_hash });
      const person = (number: number, values: string[], change: object = {}) =>
        addUser(
          transaction,
          standard,
          number,
          {
            userName: `any${number}`,
            emails: values.map((value, index) => ({ type: index === 0 ? 'work' : 'home', value })),
          },
          { ...change },
        );
      await person(101, ['one@any.test', 'Second@any.test']);
      // Changed elsewhere since: the column is the truth, what the client sent no longer is.
      await person(102, ['old@any.test', 'third@any.test'], { email: 'New@any.test' });
      await person(103, ['one@elsewhere.test', 'one@any.test']);
      await person(104, ['gone@any.test'], { email: null });
      await transaction('scim_resources').insert({
        client_id: other,
        resource_type: 'User',
        resource_id: uuid(2, 104),
        attributes: '{"emails": [{"value": "stranger@any.test"}, "odd", 5, {"value": null}, {"value": ["x"]}]}',
      });
      const found = async (filter: string, client_id?: string): Promise<number[]> => {
        const { sql, bindings } = compileFilter(parseFilter(filter), {
          registry: standard.User,
          now,
          ...(client_id === undefined ? {} : { client_id }),
        });
        expect(/scim_email_keys/.test(sql), filter).to.equal(client_id !== undefined);
        const { rows } = await transaction.raw(
          `SELECT users.user_id AS id FROM users LEFT JOIN scim_resources ON scim_resources.resource_id = users.user_id
           AND scim_resources.client_id = ? WHERE users.home_org_id = ? AND ${sql} ORDER BY users.created_at`,
          [CLIENT, ORG, ...bindings],
        );
        return rows.map((row: { id: string }) => Number.parseInt(row.id.slice(-12), 16));
      };
      const expected: Record<string, number[]> = {
        'emails.value eq "one@any.test"': [101, 103],
        'emails eq "SECOND@ANY.test"': [101],
        'emails.value eq "new@any.test"': [102],
        'emails.value eq "old@any.test"': [],
        'emails.value eq "third@any.test" and active eq true': [102],
        'emails.value eq "third@any.test" or emails.value eq "second@any.test"': [101, 102],
        'emails[type eq "home"].value eq "one@any.test"': [103],
        'emails.value eq "gone@any.test"': [],
        'emails.value eq "stranger@any.test"': [],
      };
      for (const [filter, people] of Object.entries(expected)) {
        expect(await found(filter, CLIENT), filter).to.deep.equal(people);
        expect(await found(filter), filter).to.deep.equal(people);
      }
      for (const filter of ['not (emails.value eq "one@any.test")', 'emails.value ne "one@any.test"']) {
        const people = await found(filter, CLIENT);
        expect(people, filter).to.include.members([1, 102, 104]).and.not.include.members([101, 103]);
        expect(people).to.deep.equal(await found(filter));
      }
    } finally {
      await transaction.rollback();
    }
  });

  it('finds by userName and by work e-mail through an index', async () => {
    const plan = async (filter: string): Promise<string> => {
      const { sql, bindings } = compileFilter(parseFilter(filter), { registry: registries.User, now });
      const transaction = await knex.transaction();
      try {
        await transaction.raw(
          `INSERT INTO users (user_id, home_org_id, username, email)
           SELECT gen_random_uuid(), ?, 'many' || n, 'many' || n || '@example.com' FROM generate_series(1, 3000) n`,
          [ORG],
        );
        await transaction.raw('ANALYZE users');
        const { rows } = await transaction.raw(
          `EXPLAIN SELECT users.user_id FROM users LEFT JOIN scim_resources ON scim_resources.resource_id = users.user_id
           AND scim_resources.client_id = ? WHERE coalesce(users.home_org_id, '00000000-0000-0000-0000-000000000000') = ?
           AND users.deleted_at IS NULL AND ${sql}`,
          [CLIENT, ORG, ...bindings],
        );
        return rows.map((row: Record<string, string>) => row['QUERY PLAN']).join('\n');
      } finally {
        await transaction.rollback();
      }
    };
    expect(await plan('userName eq "ada@example.com"')).to.match(
      /users_owner_identifier_key[^]*Index Cond: .*lower\(COALESCE\(/,
    );
    expect(await plan('emails[type eq "work"].value eq "ada@example.com"')).to.match(
      /users_(owner|lower)_email[^]*Index Cond: .*lower\(/,
    );
    expect(await plan(`id eq "${uuid(2, 1)}"`)).to.match(/users_pkey[^]*Index Cond/);
  });

  it('sorts by an attribute, nobody left out, without a value last', async () => {
    const sorted = async (by: string, order?: string): Promise<number[]> => {
      const { sql, bindings } = sortSql(readSort(by, order, registries.User), registries.User);
      const { rows } = await knex.raw(
        `SELECT users.user_id AS id FROM users LEFT JOIN scim_resources ON scim_resources.resource_id = users.user_id WHERE users.home_org_id = ? ORDER BY ${sql}`,
        [ORG, ...bindings],
      );
      return rows.map((row: { id: string }) => Number.parseInt(row.id.slice(-12), 16));
    };
    expect(await sorted('title')).to.deep.equal([1, 2, 3, 4, 5]);
    expect(await sorted('title', 'descending')).to.deep.equal([4, 5, 2, 3, 1]);
    expect(await sorted('userName', 'descending')).to.deep.equal([5, 4, 3, 2, 1]);
    expect(await sorted('emails')).to.deep.equal([1, 2, 3, 5, 4]);
    expect(await sorted('active')).to.deep.equal([2, 1, 3, 4, 5]);
    for (const by of ['nothing', 'password', 'groups', 'name', 'schemas']) {
      expectRefusal(() => readSort(by, undefined, registries.User), 400, 'invalidValue');
    }
    expectRefusal(() => readSort('title', 'sideways', registries.User), 400, 'invalidValue');
  });

  it('SC-07 fuzz: 1,200 filters mean in SQL what they mean of the resource as it is shown', async function () {
    this.timeout(120_000);
    const random = new Random(34422);
    const resources = await readUsers(knex, registries);
    let refused = 0;
    for (let round = 0; round < 1200; round++) {
      const filter = makeFilter(random, 0);
      const tree = parseFilter(filter);
      try {
        compileFilter(tree, { registry: registries.User, now });
      } catch (fault) {
        if (!(fault instanceof ScimFault) || fault.scimType !== 'invalidFilter') throw fault;
        refused++;
        continue;
      }
      const expected = resources.filter((resource) => means(tree, resource)).map(({ id }) => id as string);
      expect(await run(filter), `round ${round}: ${filter}`).to.deep.equal(expected);
    }
    expect(refused).to.be.within(40, 600);
  });
});

// --- what a filter means, told a second time and naively, of whole resources in memory ---

const PATHS = [
  'userName',
  'title',
  'nickName',
  'active',
  'externalId',
  'id',
  'name.givenName',
  'name.familyName',
  'displayName',
  'nothing',
  'emails',
  'emails.value',
  'emails.type',
  'emails.primary',
  'phoneNumbers.value',
  'roles.value',
  'groups.value',
  'groups.display',
  `${ENTERPRISE_URN}:department`,
  `${ENTERPRISE_URN}:costCenter`,
  `${ENTERPRISE_URN}:manager`,
  'urn:x:y:z',
  'photos.value',
];
const VALUES = [
  '"ada@example.com"',
  '"work"',
  '"home"',
  '"bob"',
  '"Clerk"',
  '"100%"',
  '"a"',
  '""',
  'true',
  '"True"',
  'false',
  'null',
  '7',
  '"X-1"',
  '"4130"',
  '"Math"',
  '"Ada"',
  `"${uuid(2, 2)}"`,
  `"${uuid(3, 1)}"`,
  '"new@example.com"',
  '"eve@example.com"',
  '"Staff"',
  '"+1"',
  '"@"',
];
const OPS = ['eq', 'eq', 'ne', 'co', 'sw', 'ew'];

function makeFilter(random: Random, depth: number): string {
  const roll = random.next();
  if (depth < 3 && roll < 0.2) return `${makeFilter(random, depth + 1)} and ${makeFilter(random, depth + 1)}`;
  if (depth < 3 && roll < 0.35) return `(${makeFilter(random, depth + 1)} or ${makeFilter(random, depth + 1)})`;
  if (depth < 3 && roll < 0.45) return `not (${makeFilter(random, depth + 1)})`;
  if (roll < 0.65) {
    const inner = () =>
      `${random.pick(['type', 'value', 'primary', 'nothing'])} ${random.pick(OPS)} ${random.pick(VALUES)}`;
    const filter = random.chance(0.5) ? inner() : `${inner()} ${random.pick(['and', 'or'])} not (${inner()})`;
    const list = random.pick(['emails', 'emails', 'phoneNumbers', 'roles']);
    return random.chance(0.5)
      ? `${list}[${filter}]`
      : `${list}[${filter}].value ${random.pick(OPS)} ${random.pick(VALUES)}`;
  }
  if (roll < 0.75) return `${random.pick(PATHS)} pr`;
  return `${random.pick(PATHS)} ${random.pick(OPS)} ${random.pick(VALUES)}`;
}

function means(node: FilterNode, resource: JsonObject): boolean {
  if (node.kind === 'not') return !means(node.node, resource);
  if (node.kind === 'and' || node.kind === 'or') {
    const parts = node.nodes.map((inner) => means(inner, resource));
    return node.kind === 'and' ? parts.every(Boolean) : parts.some(Boolean);
  }
  const found = findAttribute(registries.User, node.path.attribute);
  if (!found) return false;
  const leaf = node.path.sub === undefined ? found : findSub(found, node.path.sub);
  if (!leaf) return false;
  const list = found.multiValued ? found : found.parent?.multiValued ? found.parent : undefined;
  const holder = list ?? found.parent ?? found;
  const outer = found.isExtension ? resource[found.urn] : resource;
  const value = isObject(outer) ? outer[holder.name] : undefined;
  const elements: (Json | undefined)[] = list ? (Array.isArray(value) ? value : []) : [value];
  const { filter } = node.path;
  const meant = filter ? elements.filter((item) => matches(filter, item ?? null, holder)) : elements;
  if (filter) matches(filter, {}, holder); // its faults count although there is no element
  if (node.kind === 'has') return meant.length > 0;
  if (node.kind === 'present') return meant.some((item) => !isEmpty(partOf(item, leaf, holder)));
  const asked: Attribute = leaf.type === 'complex' ? (findSub(leaf, 'value') ?? leaf) : leaf;
  coerceLiteral(asked, node.op, node.value);
  const isMet = (item: Json | undefined): boolean => {
    const part = partOf(item, asked, holder);
    const element: JsonObject = part === undefined ? {} : { [asked.name]: part };
    const op = node.op === 'ne' ? 'eq' : node.op;
    return matches({ kind: 'compare', path: { attribute: asked.name }, op, value: node.value }, element, {
      ...holder,
      subs: [asked],
    });
  };
  return node.op === 'ne' ? !meant.some(isMet) : meant.some(isMet);
}

const partOf = (item: Json | undefined, leaf: Attribute, holder: Attribute): Json | undefined =>
  leaf === holder || !isObject(item) ? item : item[leaf.name];
