/** SQL of `roles`, `role_permissions` and `role_inheritance`. */
import type { Knex } from 'knex';
import { refusing } from '../../db/errors.ts';
import { type ListQuery, type Page, pageOf } from '../../http/list.ts';
import type { ParentRole, Role, RolePermission } from './schema.ts';

const columns = ['role_id', 'org_id', 'name', 'description', 'type', 'is_active', 'created_at', 'updated_at'] as const;

const constraints = { roles_org_name_key: 'role_name_taken', roles_org_id_fkey: 'not_found' } as const;

/** What an organization sees: its own roles, and those that the system offers to organizations. */
const offered = (db: Knex, org_id: string) =>
  db('roles').where((query) =>
    query.where({ org_id }).orWhere((system) => system.whereNull('org_id').whereNot({ name: 'system_administrator' })),
  );

export const insertRole = (db: Knex, row: object): Promise<Role> =>
  refusing(constraints, async () => {
    const [role] = await db('roles')
      .insert(row)
      .returning([...columns]);
    return role;
  });

export const getOfferedRole = (db: Knex, org_id: string, role_id: string): Promise<Role | undefined> =>
  offered(db, org_id)
    .where({ role_id })
    .first(...columns);

/** The organization's own role of this name, or the system's. */
export const getOfferedRoleByName = (db: Knex, org_id: string, name: string): Promise<Role | undefined> =>
  offered(db, org_id)
    .whereRaw('lower(name) = lower(?)', [name])
    .orderByRaw('org_id nulls first')
    .first(...columns);

export const getSystemRole = (db: Knex, name: string): Promise<Role | undefined> =>
  db('roles')
    .whereNull('org_id')
    .where({ name })
    .first(...columns);

/** The folded names of the system's roles: an organization's own cannot have them. */
export async function isSystemRoleName(db: Knex, folded: string): Promise<boolean> {
  return (await db('roles').whereNull('org_id').whereRaw('lower(name) = ?', [folded]).first('role_id')) !== undefined;
}

export const listOfferedRoles = (
  db: Knex,
  org_id: string,
  { name }: { name?: string },
  page: ListQuery,
): Promise<Page<Role>> =>
  pageOf<Role>(
    offered(db, org_id)
      .select(...columns)
      .modify((query) => {
        if (name !== undefined) query.whereRaw('lower(name) = lower(?)', [name]);
      }),
    'role_id',
    page,
  );

export const updateRoleRow = (db: Knex, role_id: string, changes: object): Promise<Role> =>
  refusing(constraints, async () => {
    const [role] = await db('roles')
      .where({ role_id })
      .update(changes)
      .returning([...columns]);
    return role;
  });

export async function deleteRoleRow(db: Knex, role_id: string): Promise<void> {
  await db('roles').where({ role_id }).del();
}

export interface OfferedPermission {
  readonly permission_id: string;
  readonly org_id: string | null;
  readonly name: string;
}

/** A permission that an organization may put into its roles: its own, or one that the system offers. */
export const getOfferedPermission = (
  db: Knex,
  org_id: string,
  permission_id: string,
): Promise<OfferedPermission | undefined> =>
  db('permissions')
    .where({ permission_id })
    .where((query) =>
      query.where({ org_id }).orWhere((system) => system.whereNull('org_id').whereNot({ category: 'system' })),
    )
    .first('permission_id', 'org_id', 'name');

export async function insertRolePermission(
  db: Knex,
  row: { role_id: string; permission_id: string; assigned_by: string | null; assigned_at: Date },
): Promise<boolean> {
  const made = await db('role_permissions')
    .insert(row)
    .onConflict(['role_id', 'permission_id'])
    .ignore()
    .returning('role_id');
  return made.length > 0;
}

export const deleteRolePermission = async (db: Knex, role_id: string, permission_id: string): Promise<boolean> =>
  (await db('role_permissions').where({ role_id, permission_id }).del()) === 1;

export const listRolePermissionRows = (db: Knex, role_id: string, page: ListQuery): Promise<Page<RolePermission>> =>
  pageOf<RolePermission>(
    db('role_permissions as rp')
      .join('permissions as p', 'p.permission_id', 'rp.permission_id')
      .where({ 'rp.role_id': role_id })
      .select(
        'p.permission_id',
        'p.org_id',
        'p.name',
        'p.description',
        'rp.conditions',
        'rp.assigned_by',
        'rp.assigned_at',
      ),
    'p.permission_id',
    page,
  );

export async function insertParent(
  db: Knex,
  row: { role_id: string; parent_role_id: string; created_at: Date },
): Promise<boolean> {
  const made = await db('role_inheritance')
    .insert(row)
    .onConflict(['role_id', 'parent_role_id'])
    .ignore()
    .returning('role_id');
  return made.length > 0;
}

export const deleteParent = async (db: Knex, role_id: string, parent_role_id: string): Promise<boolean> =>
  (await db('role_inheritance').where({ role_id, parent_role_id }).del()) === 1;

export const listParentRows = (db: Knex, role_id: string, page: ListQuery): Promise<Page<ParentRole>> =>
  pageOf<ParentRole>(
    db('role_inheritance as i')
      .join('roles as r', 'r.role_id', 'i.parent_role_id')
      .where({ 'i.role_id': role_id })
      .select(...columns.map((name) => `r.${name}`), 'i.created_at as inherited_since'),
    'r.role_id',
    page,
  );

/** Whether `above` is `role_id` itself, or is reached from it by following parents. */
export async function inherits(db: Knex, role_id: string, above: string): Promise<boolean> {
  const { rows } = await db.raw(
    `with recursive up (role_id) as (
       select ?::uuid
       union
       select i.parent_role_id from up join role_inheritance i on i.role_id = up.role_id
     )
     select 1 from up where role_id = ?`,
    [role_id, above],
  );
  return rows.length > 0;
}
