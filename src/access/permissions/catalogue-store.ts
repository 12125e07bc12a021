/** SQL of the system's own rows of `permissions`, `roles` and `role_permissions`. */
import type { Knex } from 'knex';

export interface SystemPermission {
  readonly name: string;
  readonly resource: string;
  readonly action: string;
  readonly description: string;
  readonly category: string;
}

export interface Catalogue {
  readonly permissions: ReadonlyMap<string, SystemPermission & { readonly permission_id: string }>;
  readonly roles: ReadonlyMap<string, { readonly role_id: string; readonly description: string | null }>;
  /** Names of permissions by name of role. */
  readonly contents: ReadonlyMap<string, ReadonlySet<string>>;
}

export async function readCatalogue(db: Knex): Promise<Catalogue> {
  const permissions = await db('permissions')
    .whereNull('org_id')
    .select('permission_id', 'name', 'resource', 'action', 'description', 'category');
  const roles = await db('roles')
    .whereNull('org_id')
    .where({ type: 'system' })
    .select('role_id', 'name', 'description');
  const pairs: { role: string; permission: string }[] = await db('role_permissions as rp')
    .join('roles as r', 'r.role_id', 'rp.role_id')
    .join('permissions as p', 'p.permission_id', 'rp.permission_id')
    .whereNull('r.org_id')
    .whereNull('p.org_id')
    .select('r.name as role', 'p.name as permission');
  const contents = new Map<string, Set<string>>();
  for (const { role, permission } of pairs) {
    contents.set(role, (contents.get(role) ?? new Set<string>()).add(permission));
  }
  return {
    permissions: new Map(permissions.map((row: SystemPermission & { permission_id: string }) => [row.name, row])),
    roles: new Map(roles.map((row: { name: string; role_id: string; description: string | null }) => [row.name, row])),
    contents,
  };
}

export async function insertSystemPermissions(
  db: Knex,
  rows: readonly (SystemPermission & { permission_id: string })[],
  now: Date,
): Promise<void> {
  if (rows.length === 0) return;
  await db('permissions').insert(rows.map((row) => ({ ...row, org_id: null, created_at: now, updated_at: now })));
}

export async function updateSystemPermission(
  db: Knex,
  permission_id: string,
  row: SystemPermission,
  now: Date,
): Promise<void> {
  await db('permissions')
    .where({ permission_id })
    .update({ ...row, updated_at: now });
}

export async function insertSystemRole(
  db: Knex,
  row: { role_id: string; name: string; description: string },
  now: Date,
): Promise<void> {
  await db('roles').insert({ ...row, org_id: null, type: 'system', created_at: now, updated_at: now });
}

export async function updateSystemRole(db: Knex, role_id: string, description: string, now: Date): Promise<void> {
  await db('roles').where({ role_id }).update({ description, updated_at: now });
}

/** Puts permissions into a system role, and takes others out, both by name. */
export async function changeContents(
  db: Knex,
  role: string,
  { put, take }: { put: readonly string[]; take: readonly string[] },
  now: Date,
): Promise<void> {
  await db.raw(
    `insert into role_permissions (role_id, permission_id, assigned_at)
     select r.role_id, p.permission_id, ?::timestamptz from roles r, permissions p
      where r.org_id is null and r.name = ? and p.org_id is null and p.name = any(?::text[])
     on conflict do nothing`,
    [now, role, [...put]],
  );
  await db.raw(
    `delete from role_permissions rp using roles r, permissions p
      where r.role_id = rp.role_id and p.permission_id = rp.permission_id
        and r.org_id is null and r.name = ? and p.org_id is null and p.name = any(?::text[])`,
    [role, [...take]],
  );
}

/** Roles that contain a permission of one of these names, the system's or an organization's, and organizations' roles so called. */
export async function listConcernedRoles(
  db: Knex,
  permissions: readonly string[],
  roles: readonly string[],
): Promise<string[]> {
  const { rows } = await db.raw(
    `select rp.role_id from role_permissions rp join permissions p on p.permission_id = rp.permission_id
      where p.name = any(?::text[])
     union
     select role_id from roles where org_id is not null and lower(name) = any(?::text[])`,
    [[...permissions], [...roles]],
  );
  return rows.map((row: { role_id: string }) => row.role_id);
}
