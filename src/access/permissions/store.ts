/** SQL of `permissions`. */
import type { Knex } from 'knex';
import { refusing } from '../../db/errors.ts';
import { type ListQuery, type Page, pageOf } from '../../http/list.ts';
import type { Permission } from './schema.ts';

const columns = [
  'permission_id',
  'org_id',
  'name',
  'resource',
  'action',
  'description',
  'category',
  'created_at',
  'updated_at',
] as const;

const constraints = {
  permissions_org_name_key: 'permission_name_taken',
  permissions_org_id_fkey: 'not_found',
} as const;

/** What an organization sees: its own permissions, and those that Lintel offers to organizations. */
const offered = (db: Knex, org_id: string) =>
  db('permissions').where((query) =>
    query.where({ org_id }).orWhere((system) => system.whereNull('org_id').whereNot({ category: 'system' })),
  );

export const insertPermission = (db: Knex, row: object): Promise<Permission> =>
  refusing(constraints, async () => {
    const [permission] = await db('permissions')
      .insert(row)
      .returning([...columns]);
    return permission;
  });

export const getOfferedPermission = (
  db: Knex,
  org_id: string,
  permission_id: string,
): Promise<Permission | undefined> =>
  offered(db, org_id)
    .where({ permission_id })
    .first(...columns);

/** Also of the category `system`: an organization must not define what means something to Lintel. */
export const isSystemPermissionName = async (db: Knex, folded: string): Promise<boolean> =>
  (await db('permissions').whereNull('org_id').where({ name: folded }).first('permission_id')) !== undefined;

export const listOfferedPermissions = (
  db: Knex,
  org_id: string,
  { name }: { name?: string },
  page: ListQuery,
): Promise<Page<Permission>> =>
  pageOf<Permission>(
    offered(db, org_id)
      .select(...columns)
      .where(name === undefined ? {} : { name }),
    'permission_id',
    page,
  );

export const updatePermissionRow = (db: Knex, permission_id: string, changes: object): Promise<Permission> =>
  refusing(constraints, async () => {
    const [permission] = await db('permissions')
      .where({ permission_id })
      .update(changes)
      .returning([...columns]);
    return permission;
  });

export async function deletePermissionRow(db: Knex, permission_id: string): Promise<void> {
  await db('permissions').where({ permission_id }).del();
}

export async function listRolesWith(db: Knex, permission_id: string): Promise<string[]> {
  const rows = await db('role_permissions').where({ permission_id }).select('role_id');
  return rows.map((row: { role_id: string }) => row.role_id);
}
