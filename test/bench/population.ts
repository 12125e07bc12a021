/** A database with people in it: two organizations, one of which is large; the same at each run. */
import { randomUUID } from 'node:crypto';
import { hash } from '@node-rs/argon2';
import type { Knex } from 'knex';
import { connect } from '../../src/db/connect.ts';
import { migrate } from '../../src/db/migrate.ts';

export interface Population {
  readonly org_id: string;
  readonly users: number;
  /** A group of half of them, and one of ten. */
  readonly large_group: string;
  readonly small_group: string;
  readonly large_members: number;
  /** Accounts that are in neither group. */
  readonly outsiders: readonly string[];
  /** Addresses of people who own their accounts and have a password. */
  readonly people: readonly string[];
  readonly password: string;
}

export const userName = (index: number): string => `person${index}@large.example`;

const password = 'seven quiet geese cross the canal';
export const org_id = '01900000-0000-7000-8000-000000000001';
const large_group = '01900000-0000-7000-8000-0000000000a1';
const small_group = '01900000-0000-7000-8000-0000000000a2';

/** Ids like those that the product makes: ordered by time. */
const uuidOf = (number: string) =>
  `('01900000-' || lpad(to_hex(${number} / 65536 + 16), 4, '0') || '-7000-8000-' || lpad(to_hex(${number}), 12, '0'))::uuid`;

/** Makes the schema and fills it. The database must be empty. */
export async function populate(database_url: string, users: number): Promise<Population> {
  const database = await connect(database_url);
  try {
    await migrate(database.knex);
    await insertOrganization(database.knex, users);
    const people = await insertPeople(database.knex, 300);
    const large_members = Math.floor(users / 2);
    await insertGroup(database.knex, large_group, 'Everybody here', large_members);
    await insertGroup(database.knex, small_group, 'A few', 10);
    await database.knex.raw('analyze');
    const { rows } = await database.knex.raw(
      `select ${uuidOf('i')} as id from generate_series(${users - 200}, ${users}) i`,
    );
    return {
      org_id,
      users,
      large_group,
      small_group,
      large_members,
      outsiders: rows.map(({ id }: { id: string }) => id),
      people,
      password,
    };
  } finally {
    await database.close();
  }
}

/** Rows of one statement: each has to end in time on a busy machine, and the embedded database keeps them in memory. */
const atOnce = 5000;

/** An organization of so many accounts. */
export async function insertOrganization(db: Knex, users: number): Promise<void> {
  await db('organizations').insert({ org_id, org_name: 'Large', slug: 'large' });
  for (let from = 1; from <= users; from += atOnce) {
    const to = Math.min(users, from + atOnce - 1);
    await db.raw(
      `insert into users (user_id, home_org_id, email, email_confirmed, username, first_name, last_name, created_at)
       select ${uuidOf('i')}, ?, 'person' || i || '@large.example', false, 'person' || i || '@large.example', 'Ada', 'Beam ' || i,
         1700000000 + i
       from generate_series(?::int, ?::int) i`,
      [org_id, from, to],
    );
    await db.raw(
      `insert into user_organization_info (user_id, org_id, url_safe_org_name)
       select ${uuidOf('i')}, ?, 'large' from generate_series(?::int, ?::int) i`,
      [org_id, from, to],
    );
  }
}

export async function insertGroup(db: Knex, group_id: string, name: string, members: number): Promise<void> {
  await db('user_groups').insert({
    group_id,
    org_id,
    name,
    slug: name.toLowerCase().replaceAll(' ', '-'),
    member_count: members,
  });
  for (let from = 1; from <= members; from += atOnce) {
    await db.raw(
      `insert into user_group_memberships (membership_id, group_id, user_id)
       select gen_random_uuid(), ?, ${uuidOf('i')} from generate_series(?::int, ?::int) i`,
      [group_id, from, Math.min(members, from + atOnce - 1)],
    );
  }
}

/** People who own their accounts: they sign in without being sent to an organization. */
async function insertPeople(db: Knex, count: number): Promise<string[]> {
  const password_hash = await hash(password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 });
  const people = Array.from({ length: count }, (_, index) => ({
    user_id: randomUUID(),
    email: `own${index}@people.example`,
  }));
  await db('users').insert(
    people.map((person) => ({
      ...person,
      email_confirmed: true,
      first_name: 'Ada',
      last_name: 'Beam',
      has_password: true,
    })),
  );
  await db('user_passwords').insert(people.map(({ user_id }) => ({ user_id, password_hash })));
  return people.map(({ email }) => email);
}
