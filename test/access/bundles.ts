/** Roles and permissions for tests. */
import type { Permission } from '../../src/access/permissions/schema.ts';
import { createPermission, listPermissions } from '../../src/access/permissions/service.ts';
import type { Role } from '../../src/access/roles/schema.ts';
import { addRolePermission, createRole, findRole } from '../../src/access/roles/service.ts';
import type { World } from '../support/world.ts';

type Org = { readonly org_id: string };

export async function systemRole(w: World, { org_id }: Org, name: string): Promise<Role> {
  const role = await findRole(w.db, org_id, name);
  if (!role) throw new Error(`There is no role ${name}.`);
  return role;
}

/** A permission by name: Lintel's, or the organization's own, made when it is not there. */
export async function permissionOf(w: World, { org_id }: Org, name: string): Promise<Permission> {
  const found = (await listPermissions(w.call(), org_id, { name })).items[0];
  return found ?? createPermission(w.call(), org_id, { name });
}

/** A role of the organization with permissions, by name. */
export async function makeRole(w: World, org: Org, name: string, permissions: readonly string[] = []): Promise<Role> {
  const role = await createRole(w.call(), org.org_id, { name });
  for (const permission of permissions) {
    const { permission_id } = await permissionOf(w, org, permission);
    await addRolePermission(w.call(), org.org_id, role.role_id, permission_id);
  }
  return role;
}
