/** SQL of `user_organization_info` as a membership; what it says about access is written by the access room. */
import type { Knex } from 'knex';
import { type ListQuery, type Page, pageOf } from '../../http/list.ts';
import type { Member, Membership } from './schema.ts';

const columns = [
  'user_id',
  'org_id',
  'status',
  'url_safe_org_name',
  'user_role',
  'additional_roles',
  'inherited_user_roles_plus_current_role',
  'user_permissions',
  'org_role_structure',
  'access_valid_until',
  'joined_at',
  'updated_at',
] as const;

/** Whose an account is, held against its deletion until the transaction ends. */
export const holdAccount = (db: Knex, user_id: string): Promise<{ home_org_id: string | null } | undefined> =>
  db('users').where({ user_id }).whereNull('deleted_at').forShare().first('home_org_id');

/** Makes somebody a member, holding the organization's slug; undefined when they are one, or there is no organization. */
export async function insertMembership(
  db: Knex,
  user_id: string,
  org_id: string,
  now: Date,
): Promise<Membership | undefined> {
  const { rows } = await db.raw(
    `insert into user_organization_info (user_id, org_id, url_safe_org_name, joined_at, updated_at)
     select ?::uuid, o.org_id, o.slug, ?::timestamptz, ?::timestamptz
       from organizations o where o.org_id = ? and o.status <> 'deleted' for key share
     on conflict (user_id, org_id) do nothing
     returning ${columns.join(', ')}`,
    [user_id, now, now, org_id],
  );
  return rows[0];
}

export const getMembership = (db: Knex, org_id: string, user_id: string): Promise<Membership | undefined> =>
  db('user_organization_info')
    .where({ org_id, user_id })
    .first(...columns);

export const lockMembership = (db: Knex, org_id: string, user_id: string): Promise<Membership | undefined> =>
  db('user_organization_info')
    .where({ org_id, user_id })
    .forNoKeyUpdate()
    .first(...columns);

/** The same, about to be deleted: who is adding the member to a group has the row's key, and is waited for here, not later. */
export const takeMembership = (db: Knex, org_id: string, user_id: string): Promise<Membership | undefined> =>
  db('user_organization_info')
    .where({ org_id, user_id })
    .forUpdate()
    .first(...columns);

const members = (db: Knex, org_id: string) =>
  db('user_organization_info as m')
    .join('users as u', 'u.user_id', 'm.user_id')
    .where({ 'm.org_id': org_id })
    .select(
      ...columns.map((name) => `m.${name}`),
      ...['u.email', 'u.username', 'u.first_name', 'u.last_name', 'u.enabled'],
      db.raw('u.home_org_id is distinct from m.org_id as is_guest'),
    );

export const getMember = (db: Knex, org_id: string, user_id: string): Promise<Member | undefined> =>
  members(db, org_id).where({ 'm.user_id': user_id }).first();

export const listMemberRows = (
  db: Knex,
  org_id: string,
  { status, role }: { status?: string; role?: string },
  page: ListQuery,
): Promise<Page<Member>> =>
  pageOf<Member>(
    members(db, org_id).modify((query) => {
      if (status !== undefined) query.where({ 'm.status': status });
      if (role !== undefined) query.whereRaw('? = any(m.inherited_user_roles_plus_current_role)', [role]);
    }),
    'm.user_id',
    page,
  );

export async function setMembershipStatus(
  db: Knex,
  org_id: string,
  user_id: string,
  status: Membership['status'],
  now: Date,
): Promise<void> {
  await db('user_organization_info').where({ org_id, user_id }).update({ status, updated_at: now });
}

export async function deleteMembership(db: Knex, org_id: string, user_id: string): Promise<void> {
  await db('user_organization_info').where({ org_id, user_id }).del();
}

/** The organizations that somebody belongs to, in the order in which their locks are taken. */
export async function listOrganizationsOf(db: Knex, user_id: string): Promise<string[]> {
  const rows = await db('user_organization_info').where({ user_id }).orderBy('org_id').select('org_id');
  return rows.map((row: { org_id: string }) => row.org_id);
}

export async function lockMembershipsOf(db: Knex, user_id: string): Promise<void> {
  await db('user_organization_info').where({ user_id }).orderBy('org_id').forNoKeyUpdate().select('org_id');
}

/** The same, about to be deleted. */
export async function takeMembershipsOf(db: Knex, user_id: string): Promise<void> {
  await db('user_organization_info').where({ user_id }).orderBy('org_id').forUpdate().select('org_id');
}

export async function deleteMembershipsOf(db: Knex, user_id: string): Promise<void> {
  await db('user_organization_info').where({ user_id }).del();
}

export interface MembershipOfUser extends Membership {
  readonly org_name: string;
  readonly org_status: string;
}

/** Where somebody belongs, with the names of the organizations, in the order of joining. */
export const listMembershipsOf = (db: Knex, user_id: string): Promise<MembershipOfUser[]> =>
  db('user_organization_info as m')
    .join('organizations as o', 'o.org_id', 'm.org_id')
    .where({ 'm.user_id': user_id })
    .orderBy(['m.joined_at', 'm.org_id'])
    .select([...columns.map((name) => `m.${name}`), 'o.org_name', 'o.status as org_status']);
