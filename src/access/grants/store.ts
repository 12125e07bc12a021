/** SQL of `user_roles` and `group_roles`. */
import type { Knex } from 'knex';
import { type ListQuery, type Page, pageOf } from '../../http/list.ts';
import type { Grant, GroupRole } from './schema.ts';

const columns = [
  'user_role_id',
  'user_id',
  'org_id',
  'role_id',
  'is_primary',
  'is_active',
  'assigned_by',
  'assigned_at',
  'expires_at',
] as const;

type GrantRow = Omit<Grant, 'role_name'>;

/** Locks a membership against other changes of what its member has; undefined when there is none. */
export const lockMember = (
  db: Knex,
  org_id: string,
  user_id: string,
): Promise<{ status: string; user_role: string | null } | undefined> =>
  db('user_organization_info').where({ org_id, user_id }).forNoKeyUpdate().first('status', 'user_role');

export const findGrant = (db: Knex, org_id: string, user_id: string, role_id: string): Promise<GrantRow | undefined> =>
  db('user_roles')
    .where({ org_id, user_id, role_id })
    .first(...columns);

/** The grant of the primary role, with its name. */
export const findPrimary = (db: Knex, org_id: string, user_id: string): Promise<Grant | undefined> =>
  db('user_roles as ur')
    .join('roles as r', 'r.role_id', 'ur.role_id')
    .where({ 'ur.org_id': org_id, 'ur.user_id': user_id, 'ur.is_primary': true })
    .first(...columns.map((name) => `ur.${name}`), 'r.name as role_name');

export async function insertGrant(db: Knex, row: GrantRow): Promise<void> {
  await db('user_roles').insert(row);
}

export async function updateGrant(db: Knex, user_role_id: string, changes: Partial<GrantRow>): Promise<void> {
  await db('user_roles').where({ user_role_id }).update(changes);
}

export async function deleteGrant(db: Knex, user_role_id: string): Promise<void> {
  await db('user_roles').where({ user_role_id }).del();
}

/** Takes every role that somebody has in an organization, or, with null, everywhere and system-wide. */
export async function deleteGrantsOf(db: Knex, user_id: string, org_id: string | null): Promise<void> {
  await db('user_roles')
    .where({ user_id })
    .modify((query) => {
      if (org_id !== null) query.where({ org_id });
    })
    .del();
}

export const listGrantRows = (db: Knex, org_id: string, user_id: string, page: ListQuery): Promise<Page<Grant>> =>
  pageOf<Grant>(
    db('user_roles as ur')
      .join('roles as r', 'r.role_id', 'ur.role_id')
      .where({ 'ur.org_id': org_id, 'ur.user_id': user_id })
      .select(...columns.map((name) => `ur.${name}`), 'r.name as role_name'),
    'ur.user_role_id',
    page,
  );

export async function insertGroupRole(
  db: Knex,
  row: { group_id: string; role_id: string; assigned_by: string | null; assigned_at: Date },
): Promise<boolean> {
  const made = await db('group_roles').insert(row).onConflict(['group_id', 'role_id']).ignore().returning('role_id');
  return made.length > 0;
}

export const deleteGroupRole = async (db: Knex, group_id: string, role_id: string): Promise<boolean> =>
  (await db('group_roles').where({ group_id, role_id }).del()) === 1;

export async function deleteGroupRoles(db: Knex, group_id: string): Promise<void> {
  await db('group_roles').where({ group_id }).del();
}

/** What a group gives to its members. */
export const listRolesOfGroup = (
  db: Knex,
  group_id: string,
): Promise<{ role_id: string; name: string; org_id: string | null }[]> =>
  db('group_roles as gr')
    .join('roles as r', 'r.role_id', 'gr.role_id')
    .where({ 'gr.group_id': group_id })
    .select('r.role_id', 'r.name', 'r.org_id');

export const listGroupRoleRows = (db: Knex, group_id: string, page: ListQuery): Promise<Page<GroupRole>> =>
  pageOf<GroupRole>(
    db('group_roles as gr')
      .join('roles as r', 'r.role_id', 'gr.role_id')
      .where({ 'gr.group_id': group_id })
      .select('gr.group_id', 'gr.role_id', 'r.name as role_name', 'gr.assigned_by', 'gr.assigned_at'),
    'gr.role_id',
    page,
  );
