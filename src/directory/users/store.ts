/** SQL of `users`; a new account of an organization comes with its membership there in the same statement. */
import type { Knex } from 'knex';
import { zeroId } from '../../core/id.ts';
import { refusing } from '../../db/errors.ts';
import { json } from '../../db/json.ts';
import { run, statement } from '../../db/statement.ts';
import { addCondition, addPage, type Condition, rowsOf, type Search } from '../../db/search.ts';
import { type ListQuery, type Page, pageOf } from '../../http/list.ts';
import type { UserColumns } from './profile.ts';
import type { User } from './schema.ts';

/** The columns of an account with their types, as `INSERT … SELECT` wants to know them. */
const types = {
  user_id: 'uuid',
  home_org_id: 'uuid',
  legacy_user_id: 'text',
  email: 'text',
  email_confirmed: 'boolean',
  username: 'text',
  first_name: 'text',
  last_name: 'text',
  phone: 'text',
  phone_verified: 'boolean',
  picture_url: 'text',
  bio: 'text',
  properties: 'jsonb',
  has_password: 'boolean',
  update_password_required: 'boolean',
  locked: 'boolean',
  enabled: 'boolean',
  mfa_enabled: 'boolean',
  can_create_orgs: 'boolean',
  created_at: 'bigint',
  last_active_at: 'bigint',
  last_login_at: 'timestamptz',
  updated_at: 'timestamptz',
} as const;
const columns = Object.keys(types) as (keyof typeof types)[];

const constraints = {
  users_owner_email_key: 'email_taken',
  users_owner_username_key: 'username_taken',
  users_owner_identifier_key: 'username_taken',
  users_identifier_check: 'identifier_missing',
} as const;

/** As the unique indexes have it, letter by letter, so that they are used. */
const ownerOf = (table: string): string => `coalesce(${table}.home_org_id, '${zeroId}')`;

type NewRow = UserColumns & { user_id: string; created_at: number; updated_at: Date };

const binding = (value: unknown): Knex.RawBinding =>
  (value !== null && typeof value === 'object' && !(value instanceof Date) ? json(value) : value) as Knex.RawBinding;

const written = (row: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, binding(value)]));

export const insertPersonalUser = (db: Knex, row: NewRow): Promise<User> =>
  refusing(constraints, async () => {
    const [made] = await db('users').insert(written(row)).returning(columns);
    return made;
  });

/** What a new account is unless it is said, as the table's defaults are. */
const defaults = {
  properties: {},
  phone_verified: false,
  has_password: false,
  update_password_required: false,
  locked: false,
  enabled: true,
  mfa_enabled: false,
  can_create_orgs: false,
};

/** Of a new account that an organization owns: who owns it and whether its address is confirmed follow from the organization. */
const ownedColumns = columns.filter((name) => name !== 'home_org_id' && name !== 'email_confirmed');

/**
 * The organization's row is held against a change of its slug, which the membership copies. `d.domain` is its key in the
 * organization. Somebody's own account may be claimed as `claimAccount` says; it is looked up by the unique index on addresses.
 */
const insertOwned = statement(
  'insert_owned_user',
  `with owner as (
     select o.org_id, o.slug, d.verified_at is not null as verified,
       $3::text is not null and d.verified_at is not null and not d.is_shared and exists (
         select from users p where ${ownerOf('p')} = '${zeroId}' and lower(p.email) = lower($3) and p.deleted_at is null
           and p.email_confirmed and p.enabled and not p.locked
       ) as is_claimable
     from organizations o left join organization_domains d on d.org_id = o.org_id and d.domain = $2
     where o.org_id = $1 and o.status <> 'deleted' for key share of o
   ), made as (
     insert into users (home_org_id, email_confirmed, ${ownedColumns.join(', ')})
     select org_id, verified, ${ownedColumns.map((name, index) => `$${index + 4}::${types[name]}`).join(', ')}
       from owner where not is_claimable
     returning ${columns.join(', ')}
   ), member as (
     insert into user_organization_info (user_id, org_id, url_safe_org_name, joined_at, updated_at)
     select made.user_id, owner.org_id, owner.slug, made.updated_at, made.updated_at from made, owner
   )
   select made.*, owner.is_claimable from owner left join made on true`,
);

export interface OwnedPlace {
  readonly org_id: string;
  /** Of the address; confirmed when the organization has verified it. */
  readonly domain: string | null;
  /** Nothing is made where the person's own account with this address may be claimed instead. */
  readonly unless_claimable: string | null;
}

/**
 * Inserts an account that an organization owns, and its membership there.
 * @returns undefined when there is no such organization
 */
export const insertOwnedUser = (
  db: Knex,
  { org_id, domain, unless_claimable }: OwnedPlace,
  row: NewRow,
): Promise<User | 'claimable' | undefined> =>
  refusing(constraints, async () => {
    const whole: Record<string, unknown> = { ...defaults, ...row };
    const values = ownedColumns.map((name) => binding(whole[name] ?? null));
    const [made] = await run<User & { is_claimable?: boolean }>(db, insertOwned, [
      org_id,
      domain,
      unless_claimable,
      ...values,
    ]);
    if (made?.is_claimable) return 'claimable';
    delete made?.is_claimable;
    return made;
  });

/** Accounts that are there; `org_id` null looks at all of them. */
const living = (db: Knex, org_id: string | null) =>
  db('users')
    .whereNull('users.deleted_at')
    .modify((query) => {
      if (org_id !== null) query.where('users.home_org_id', org_id);
    });

export const getUser = (db: Knex, org_id: string | null, user_id: string): Promise<User | undefined> =>
  living(db, org_id)
    .where({ user_id })
    .first(...columns);

export const lockUser = (db: Knex, org_id: string | null, user_id: string): Promise<User | undefined> =>
  living(db, org_id)
    .where({ user_id })
    .forNoKeyUpdate()
    .first(...columns);

/** An account, held as it is until the transaction ends: others may hold it too, nobody changes it. */
export const shareUser = (db: Knex, user_id: string): Promise<User | undefined> =>
  living(db, null)
    .where({ user_id })
    .forShare()
    .first(...columns);

export const updateUserRow = (db: Knex, user_id: string, changes: object): Promise<User> =>
  refusing(constraints, async () => {
    const [row] = await db('users').where({ user_id }).update(written(changes)).returning(columns);
    return row;
  });

export interface UserFilter {
  readonly email?: string;
  readonly username?: string;
  readonly enabled?: boolean;
}

/** Oldest first. `org_id` null lists the accounts of all owners. */
export const listUserRows = (
  db: Knex,
  org_id: string | null,
  { email, username, enabled }: UserFilter,
  page: ListQuery,
): Promise<Page<User>> =>
  pageOf<User>(
    living(db, org_id)
      .select(columns)
      .modify((query) => {
        if (email !== undefined) query.whereRaw('lower(email) = lower(?)', [email]);
        if (username !== undefined) query.whereRaw('lower(username) = lower(?)', [username]);
        if (enabled !== undefined) query.where({ enabled });
      }),
    'user_id',
    page,
  );

const ownerIs = `${ownerOf('users')} = ?::uuid`;

/** The account that an owner knows by a name: its username first, as directories name people, then its e-mail. */
export async function findByIdentifier(db: Knex, owner: string, identifier: string): Promise<User | undefined> {
  const { rows } = await db.raw(
    `select ${columns.join(', ')} from users
      where ${ownerIs} and lower(username) = lower(?) and deleted_at is null
     union all
     select ${columns.join(', ')} from users
      where ${ownerIs} and lower(email) = lower(?) and deleted_at is null
     limit 1`,
    [owner, identifier, owner, identifier],
  );
  return rows[0];
}

const named = (owner: string, rank: number): string =>
  ['username', 'email']
    .map(
      (name, index) => `select ${rank + index} as rank, ${columns.join(', ')} from users
        where ${ownerOf('users')} = ${owner} and lower(${name}) = lower($2) and deleted_at is null`,
    )
    .join(' union all ');

/** The same work whoever is named, and whether anybody is (checklist AU-07). */
const findSignerStatement = statement(
  'find_signer',
  `with verifier as (
     select d.org_id from organization_domains d join organizations o on o.org_id = d.org_id
      where d.domain = $3 and not d.is_shared and d.verified_at is not null and o.status = 'active'
   ), found as (
     select * from (
       ${named('$1::uuid', 1)} union all ${named('(select org_id from verifier)', 3)} union all ${named(`'${zeroId}'`, 5)}
     ) known order by rank limit 1
   )
   select (select org_id from verifier) as verifier, found.* from (select 1) one left join found on true`,
);

/**
 * Whom a name means at a sign-in: to the organization that was asked for, to the one that verified the address's domain for itself
 * alone, to whoever owns the account in person; the first that knows it. With the organization that verified the domain.
 */
export async function findSigner(
  db: Knex,
  org_id: string | null,
  identifier: string,
  domain: string | null,
): Promise<{ verifier: string | null; user: User | null }> {
  const [row] = await run<User & { verifier: string | null; rank: number | null }>(db, findSignerStatement, [
    org_id,
    identifier,
    domain,
  ]);
  if (!row) return { verifier: null, user: null };
  const { verifier, rank, ...user } = row;
  return { verifier, user: rank === null ? null : user };
}

/** The person-owned account with a confirmed address, locked, that an organization may ask to take over. */
export const lockClaimable = (db: Knex, email: string): Promise<User | undefined> =>
  db('users')
    .whereRaw(`${ownerIs} and lower(email) = lower(?)`, [zeroId, email])
    .where({ email_confirmed: true, enabled: true, locked: false })
    .whereNull('deleted_at')
    .forNoKeyUpdate()
    .first(...columns);

/** The claimed account's membership: it stays what it was when the person had been a guest, otherwise it is new. */
export async function joinHome(db: Knex, user_id: string, org_id: string, now: Date): Promise<void> {
  await db.raw(
    `insert into user_organization_info (user_id, org_id, url_safe_org_name, joined_at, updated_at)
     select ?::uuid, org_id, slug, ?::timestamptz, ?::timestamptz from organizations where org_id = ? for key share
     on conflict (user_id, org_id) do nothing`,
    [user_id, now, now, org_id],
  );
}

const searchable = (db: Knex, org_id: string, condition: Condition) =>
  living(db, org_id).modify((query) => addCondition(query, condition));

/** The tables are called by their own names: `users`, and what `joins` brings. */
export async function searchUserRows<Extra extends object>(
  db: Knex,
  org_id: string,
  search: Search,
): Promise<(User & Extra)[]> {
  const query = searchable(db, org_id, search).select(columns.map((name) => `users.${name}`));
  addPage(db, query, search, 'users.created_at', 'users.user_id');
  return rowsOf<User & Extra>(db, query, search);
}

export async function countUserRows(db: Knex, org_id: string, condition: Condition): Promise<number> {
  const [row] = await searchable(db, org_id, condition).count('* as total');
  return Number(row?.total ?? 0);
}
