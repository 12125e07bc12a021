/**
 * Roles: named bundles of permissions, which may inherit from one another.
 * Tables: roles, role_permissions, role_inheritance. Events: role.created, .updated, .deleted, .permission_added, .permission_removed,
 * .parent_added, .parent_removed. Invariant: no role inherits from itself, no role of an organization has the name of one of the
 * system's (checklist SC-17), and in the transaction of each change everybody concerned has exactly what follows from it.
 */
import type { Knex } from 'knex';
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { isId, newId } from '../../core/id.ts';
import { foldName, readName, readOptionalText } from '../../core/text.ts';
import { findOrganization, holdAccess } from '../../directory/organizations/service.ts';
import type { ListQuery, Page } from '../../http/list.ts';
import { requireHeld, requireHeldRoles } from '../grants/ceiling.ts';
import { recomputeAccess } from '../grants/recompute.ts';
import {
  manageRoles,
  type NewRole,
  type ParentRole,
  type Role,
  type RoleChanges,
  type RolePermission,
  type RoleQuery,
  readRoles,
  roleCreated,
  roleDeleted,
  roleParentAdded,
  roleParentRemoved,
  rolePermissionAdded,
  rolePermissionRemoved,
  roleUpdated,
} from './schema.ts';
import {
  deleteParent,
  deleteRolePermission,
  deleteRoleRow,
  getOfferedPermission,
  getOfferedRole,
  getOfferedRoleByName,
  getSystemRole,
  inherits,
  insertParent,
  insertRole,
  insertRolePermission,
  isSystemRoleName,
  listOfferedRoles,
  listParentRows,
  listRolePermissionRows,
  updateRoleRow,
} from './store.ts';

/** @throws Fault not_found, role_name_taken, role_name_reserved, request_invalid */
export async function createRole(call: Call, orgId: string, input: NewRole): Promise<Role> {
  call.require(manageRoles, orgId);
  const columns = readColumns(input);
  return call.write(async (inner) => {
    if (!(await findOrganization(inner.db, orgId))) throw new Fault('not_found');
    await refuseReserved(inner.db, columns.name);
    const role = await insertRole(inner.db, {
      ...columns,
      role_id: newId(inner.now.getTime()),
      org_id: orgId,
      type: 'custom',
      created_at: inner.now,
      updated_at: inner.now,
    });
    await inner.emit(roleCreated, { org_id: orgId, object_id: role.role_id, after: columns });
    return role;
  });
}

function readColumns<T extends RoleChanges>(input: T): T {
  const columns = { ...input };
  if (columns.name !== undefined) columns.name = readName('name', columns.name, 100);
  if (columns.description !== undefined) {
    columns.description = readOptionalText('description', columns.description, { max: 500, lines: true });
  }
  return columns;
}

async function refuseReserved(db: Knex, name: string | undefined): Promise<void> {
  if (name !== undefined && (await isSystemRoleName(db, foldName(name)))) throw new Fault('role_name_reserved');
}

/** A role of the organization, or one that the system offers. */
export async function readRole(call: Call, orgId: string, roleId: string): Promise<Role> {
  call.require(readRoles, orgId);
  return found(await getOfferedRole(call.db, orgId, roleId));
}

function found<T>(row: T | undefined): T {
  if (row === undefined) throw new Fault('not_found');
  return row;
}

export function listRoles(call: Call, orgId: string, query: RoleQuery): Promise<Page<Role>> {
  call.require(readRoles, orgId);
  const { limit, after, name } = query;
  return listOfferedRoles(call.db, orgId, { name }, { limit, after });
}

/** The organization's own role, under its lock. @throws Fault not_found, role_of_system */
async function holdOwnRole(call: Call, orgId: string, roleId: string): Promise<Role> {
  await holdAccess(call.db, orgId);
  const role = found(await getOfferedRole(call.db, orgId, roleId));
  if (role.org_id === null) throw new Fault('role_of_system');
  return role;
}

/** @throws Fault not_found, role_of_system, role_name_taken, role_name_reserved, not_allowed */
export async function updateRole(call: Call, orgId: string, roleId: string, input: RoleChanges): Promise<Role> {
  call.require(manageRoles, orgId);
  const columns = readColumns(input);
  return call.write(async (inner) => {
    const before = await holdOwnRole(inner, orgId, roleId);
    const changed = (Object.keys(columns) as (keyof RoleChanges)[]).filter(
      (name) => columns[name] !== undefined && columns[name] !== before[name],
    );
    if (changed.length === 0) return before;
    if (changed.includes('name')) await refuseReserved(inner.db, columns.name);
    if (columns.is_active && !before.is_active) await requireHeldRoles(inner, orgId, [roleId]);
    const pick = (row: RoleChanges) => Object.fromEntries(changed.map((name) => [name, row[name]]));
    const after = await updateRoleRow(inner.db, roleId, { ...pick(columns), updated_at: inner.now });
    await inner.emit(roleUpdated, { org_id: orgId, object_id: roleId, before: pick(before), after: pick(after) });
    if (changed.some((name) => name !== 'description')) await recomputeAccess(inner, orgId, { roleIds: [roleId] });
    return after;
  });
}

/** Deletes a role; who had it, or a role that inherits from it, has it no more. */
export async function deleteRole(call: Call, orgId: string, roleId: string): Promise<void> {
  call.require(manageRoles, orgId);
  await call.write(async (inner) => {
    const before = await holdOwnRole(inner, orgId, roleId);
    // Inactive first: as long as the row is there, it can be told who is concerned.
    await updateRoleRow(inner.db, roleId, { is_active: false });
    await recomputeAccess(inner, orgId, { roleIds: [roleId] });
    await deleteRoleRow(inner.db, roleId);
    const { name, description } = before;
    await inner.emit(roleDeleted, { org_id: orgId, object_id: roleId, before: { name, description } });
  });
}

export async function listRolePermissions(
  call: Call,
  orgId: string,
  roleId: string,
  page: ListQuery,
): Promise<Page<RolePermission>> {
  call.require(readRoles, orgId);
  found(await getOfferedRole(call.db, orgId, roleId));
  return listRolePermissionRows(call.db, roleId, page);
}

/** Puts a permission into a role; nothing happens when it is there. @throws Fault not_found, role_of_system, not_allowed */
export async function addRolePermission(
  call: Call,
  orgId: string,
  roleId: string,
  permissionId: string,
): Promise<void> {
  call.require(manageRoles, orgId);
  await call.write(async (inner) => {
    const role = await holdOwnRole(inner, orgId, roleId);
    const permission = found(await getOfferedPermission(inner.db, orgId, permissionId));
    requireHeld(inner, [permission]);
    const isNew = await insertRolePermission(inner.db, {
      role_id: roleId,
      permission_id: permissionId,
      assigned_by: inner.userId,
      assigned_at: inner.now,
    });
    if (!isNew) return;
    const details = { role: role.name, permission: permission.name, permission_id: permissionId };
    await inner.emit(rolePermissionAdded, { org_id: orgId, object_id: roleId, details });
    await recomputeAccess(inner, orgId, { roleIds: [roleId] });
  });
}

/** @throws Fault not_found, also when the role does not have the permission; role_of_system */
export async function removeRolePermission(
  call: Call,
  orgId: string,
  roleId: string,
  permissionId: string,
): Promise<void> {
  call.require(manageRoles, orgId);
  await call.write(async (inner) => {
    const role = await holdOwnRole(inner, orgId, roleId);
    const permission = found(await getOfferedPermission(inner.db, orgId, permissionId));
    if (!(await deleteRolePermission(inner.db, roleId, permissionId))) throw new Fault('not_found');
    const details = { role: role.name, permission: permission.name, permission_id: permissionId };
    await inner.emit(rolePermissionRemoved, { org_id: orgId, object_id: roleId, details });
    await recomputeAccess(inner, orgId, { roleIds: [roleId] });
  });
}

export async function listParentRoles(
  call: Call,
  orgId: string,
  roleId: string,
  page: ListQuery,
): Promise<Page<ParentRole>> {
  call.require(readRoles, orgId);
  found(await getOfferedRole(call.db, orgId, roleId));
  return listParentRows(call.db, roleId, page);
}

/**
 * Lets a role inherit from another one. The organization's lock makes the look for a circle and the write one step, also for
 * two writers that would close it together. Nothing inherits from `owner`, so that owners can be counted.
 * @throws Fault not_found, role_of_system, role_not_inheritable, inheritance_cycle, not_allowed
 */
export async function addParentRole(call: Call, orgId: string, roleId: string, parentId: string): Promise<void> {
  call.require(manageRoles, orgId);
  await call.write(async (inner) => {
    const role = await holdOwnRole(inner, orgId, roleId);
    const parent = found(await getOfferedRole(inner.db, orgId, parentId));
    if (parent.org_id === null && parent.name === 'owner') throw new Fault('role_not_inheritable');
    if (await inherits(inner.db, parentId, roleId)) throw new Fault('inheritance_cycle');
    await requireHeldRoles(inner, orgId, [parentId]);
    const row = { role_id: roleId, parent_role_id: parentId, created_at: inner.now };
    if (!(await insertParent(inner.db, row))) return;
    const details = { role: role.name, parent_role: parent.name, parent_role_id: parentId };
    await inner.emit(roleParentAdded, { org_id: orgId, object_id: roleId, details });
    await recomputeAccess(inner, orgId, { roleIds: [roleId] });
  });
}

/** @throws Fault not_found, also when the role does not inherit from it; role_of_system */
export async function removeParentRole(call: Call, orgId: string, roleId: string, parentId: string): Promise<void> {
  call.require(manageRoles, orgId);
  await call.write(async (inner) => {
    const role = await holdOwnRole(inner, orgId, roleId);
    const parent = found(await getOfferedRole(inner.db, orgId, parentId));
    if (!(await deleteParent(inner.db, roleId, parentId))) throw new Fault('not_found');
    const details = { role: role.name, parent_role: parent.name, parent_role_id: parentId };
    await inner.emit(roleParentRemoved, { org_id: orgId, object_id: roleId, details });
    await recomputeAccess(inner, orgId, { roleIds: [roleId] });
  });
}

/** A role that the organization may use, by its id or its name; for other rooms, without a permission. */
export async function findRole(db: Knex, orgId: string, idOrName: string): Promise<Role | null> {
  const role = isId(idOrName)
    ? await getOfferedRole(db, orgId, idOrName)
    : await getOfferedRoleByName(db, orgId, idOrName);
  return role ?? null;
}

/** One of the system's roles. */
export const findSystemRole = async (db: Knex, name: string): Promise<Role | null> =>
  (await getSystemRole(db, name)) ?? null;

/** The roles that an organization may use, in pages by id; for other rooms, without a permission. */
export const offeredRoles = (db: Knex, orgId: string, page: ListQuery): Promise<Page<Role>> =>
  listOfferedRoles(db, orgId, {}, page);
