/** SQL of explaining access: everything on the way from a person to a permission, also what does not count. */
import type { Knex } from 'knex';

interface Given {
  readonly assigned_by: string | null;
  readonly assigned_by_label: string | null;
  readonly assigned_at: Date | null;
}

export interface DirectRow extends Given {
  readonly role_id: string;
  readonly expires_at: Date | null;
  readonly is_active: boolean;
}

export interface GroupRow extends Given {
  readonly group_id: string;
  readonly group_name: string;
  readonly group_is_active: boolean;
  readonly expires_at: Date | null;
  readonly is_active: boolean;
  readonly role_id: string;
  readonly role_assigned_by: string | null;
  readonly role_assigned_by_label: string | null;
  readonly role_assigned_at: Date;
}

export interface RoleRow {
  readonly role_id: string;
  readonly name: string;
  readonly is_active: boolean;
  readonly is_reserved: boolean;
  readonly parents: { role_id: string; since: string }[];
}

export interface ContentRow extends Given {
  readonly role_id: string;
  readonly permission_id: string;
  readonly name: string;
  readonly is_conditional: boolean;
  readonly is_reserved: boolean;
}

const label = (alias: string) => `coalesce(${alias}.email, ${alias}.username)`;

export const listDirect = (db: Knex, org_id: string, user_id: string): Promise<DirectRow[]> =>
  db('user_roles as ur')
    .leftJoin('users as by', 'by.user_id', 'ur.assigned_by')
    .where({ 'ur.org_id': org_id, 'ur.user_id': user_id })
    .orderBy('ur.user_role_id')
    .select(
      'ur.role_id',
      'ur.expires_at',
      'ur.is_active',
      'ur.assigned_by',
      'ur.assigned_at',
      db.raw(`${label('by')} as assigned_by_label`),
    );

export const listByGroups = (db: Knex, org_id: string, user_id: string): Promise<GroupRow[]> =>
  db('user_group_memberships as gm')
    .join('user_groups as g', 'g.group_id', 'gm.group_id')
    .join('group_roles as gr', 'gr.group_id', 'g.group_id')
    .leftJoin('users as by', 'by.user_id', 'gm.assigned_by')
    .leftJoin('users as role_by', 'role_by.user_id', 'gr.assigned_by')
    .where({ 'g.org_id': org_id, 'gm.user_id': user_id })
    .whereNull('g.deleted_at')
    .orderBy(['g.group_id', 'gr.role_id'])
    .select(
      'g.group_id',
      'g.name as group_name',
      'g.is_active as group_is_active',
      'gm.expires_at',
      'gm.is_active',
      'gm.assigned_by',
      'gm.assigned_at',
      db.raw(`${label('by')} as assigned_by_label`),
      'gr.role_id',
      'gr.assigned_by as role_assigned_by',
      'gr.assigned_at as role_assigned_at',
      db.raw(`${label('role_by')} as role_assigned_by_label`),
    );

/** The roles that are reached from some, with their parents. */
export async function listReached(db: Knex, role_ids: readonly string[]): Promise<RoleRow[]> {
  const { rows } = await db.raw(
    `with recursive up as (
       select unnest(?::uuid[]) as role_id
       union
       select i.parent_role_id from up join role_inheritance i on i.role_id = up.role_id
     )
     select r.role_id, r.name, r.is_active,
       (r.org_id is null and r.name = 'system_administrator' or r.org_id is not null
         and exists (select from roles s where s.org_id is null and lower(s.name) = lower(r.name))) as is_reserved,
       coalesce((select json_agg(json_build_object('role_id', i.parent_role_id, 'since', i.created_at) order by i.parent_role_id)
         from role_inheritance i where i.role_id = r.role_id), '[]') as parents
     from up join roles r on r.role_id = up.role_id`,
    [[...role_ids]],
  );
  return rows;
}

/** Which of these roles contain the permission. */
export async function listContents(
  db: Knex,
  org_id: string,
  role_ids: readonly string[],
  permission: string,
): Promise<ContentRow[]> {
  const { rows } = await db.raw(
    `select rp.role_id, p.permission_id, p.name, rp.conditions is not null as is_conditional,
       (p.org_id is null and p.category = 'system' or p.org_id is not null
         and exists (select from permissions s where s.org_id is null and s.name = p.name)) as is_reserved,
       rp.assigned_by, rp.assigned_at, ${label('by')} as assigned_by_label
     from role_permissions rp
     join permissions p on p.permission_id = rp.permission_id and (p.org_id is null or p.org_id = ?)
     left join users by on by.user_id = rp.assigned_by
     where rp.role_id = any(?::uuid[]) and p.name = ?
     order by p.permission_id`,
    [org_id, [...role_ids], permission],
  );
  return rows;
}
