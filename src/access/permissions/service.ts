/**
 * Permissions: what may be done, by name. Lintel asks for its own; an organization's applications ask for those it defines.
 * Tables: permissions. Events: permission.created, .updated, .deleted, catalogue.updated. Invariant: no organization's permission
 * has the name of one of Lintel's, so that nobody makes themselves one (checklist AZ-05, SC-17).
 */
import type { Knex } from 'knex';
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { newId } from '../../core/id.ts';
import { knownPermissions } from '../../core/permission.ts';
import { foldName, readOptionalText } from '../../core/text.ts';
import { findOrganization, holdAccess } from '../../directory/organizations/service.ts';
import type { ListQuery, Page } from '../../http/list.ts';
import { recomputeAccess } from '../grants/recompute.ts';
import {
  managePermissions,
  type NewPermission,
  type Permission,
  type PermissionChanges,
  type PermissionQuery,
  permissionCreated,
  permissionDeleted,
  permissionUpdated,
  readPermissions,
} from './schema.ts';
import {
  deletePermissionRow,
  getOfferedPermission,
  insertPermission,
  isSystemPermissionName,
  listOfferedPermissions,
  listRolesWith,
  updatePermissionRow,
} from './store.ts';

/** @throws Fault not_found, permission_name_taken, permission_name_reserved, request_invalid */
export async function createPermission(call: Call, orgId: string, input: NewPermission): Promise<Permission> {
  call.require(managePermissions, orgId);
  const columns = readColumns(input);
  return call.write(async (inner) => {
    if (!(await findOrganization(inner.db, orgId))) throw new Fault('not_found');
    await refuseReserved(inner.db, columns.name);
    const permission = await insertPermission(inner.db, {
      ...columns,
      permission_id: newId(inner.now.getTime()),
      org_id: orgId,
      created_at: inner.now,
      updated_at: inner.now,
    });
    await inner.emit(permissionCreated, { org_id: orgId, object_id: permission.permission_id, after: columns });
    return permission;
  });
}

const texts = { description: 500, resource: 50, action: 50 } as const;

function readColumns<T extends PermissionChanges>(input: T): T {
  const columns = { ...input };
  for (const [name, max] of Object.entries(texts) as [keyof typeof texts, number][]) {
    if (columns[name] !== undefined) columns[name] = readOptionalText(name, columns[name], { max, lines: max > 100 });
  }
  return columns;
}

async function refuseReserved(db: Knex, name: string | undefined): Promise<void> {
  if (name === undefined) return;
  const folded = foldName(name);
  const isKnown = knownPermissions().some((known) => known.name === folded);
  if (isKnown || (await isSystemPermissionName(db, folded))) throw new Fault('permission_name_reserved');
}

/** A permission of the organization, or one that Lintel offers. */
export async function readPermission(call: Call, orgId: string, permissionId: string): Promise<Permission> {
  call.require(readPermissions, orgId);
  return found(await getOfferedPermission(call.db, orgId, permissionId));
}

function found(permission: Permission | undefined): Permission {
  if (!permission) throw new Fault('not_found');
  return permission;
}

export function listPermissions(call: Call, orgId: string, query: PermissionQuery): Promise<Page<Permission>> {
  call.require(readPermissions, orgId);
  const { limit, after, name } = query;
  return listOfferedPermissions(call.db, orgId, { name }, { limit, after });
}

async function holdOwn(call: Call, orgId: string, permissionId: string): Promise<Permission> {
  await holdAccess(call.db, orgId);
  const permission = found(await getOfferedPermission(call.db, orgId, permissionId));
  if (permission.org_id === null) throw new Fault('permission_of_system');
  return permission;
}

/** @throws Fault not_found, permission_of_system, permission_name_taken, permission_name_reserved */
export async function updatePermission(
  call: Call,
  orgId: string,
  permissionId: string,
  input: PermissionChanges,
): Promise<Permission> {
  call.require(managePermissions, orgId);
  const columns = readColumns(input);
  return call.write(async (inner) => {
    const before = await holdOwn(inner, orgId, permissionId);
    const changed = (Object.keys(columns) as (keyof PermissionChanges)[]).filter(
      (name) => columns[name] !== undefined && columns[name] !== before[name],
    );
    if (changed.length === 0) return before;
    if (changed.includes('name')) await refuseReserved(inner.db, columns.name);
    const pick = (row: PermissionChanges) => Object.fromEntries(changed.map((name) => [name, row[name]]));
    const after = await updatePermissionRow(inner.db, permissionId, { ...pick(columns), updated_at: inner.now });
    const facts = { before: pick(before), after: pick(after) };
    await inner.emit(permissionUpdated, { org_id: orgId, object_id: permissionId, ...facts });
    if (changed.includes('name')) {
      await recomputeAccess(inner, orgId, { roleIds: await listRolesWith(inner.db, permissionId) });
    }
    return after;
  });
}

/** Deletes a permission; no role contains it any more. @throws Fault not_found, permission_of_system */
export async function deletePermission(call: Call, orgId: string, permissionId: string): Promise<void> {
  call.require(managePermissions, orgId);
  await call.write(async (inner) => {
    const before = await holdOwn(inner, orgId, permissionId);
    const roleIds = await listRolesWith(inner.db, permissionId);
    await deletePermissionRow(inner.db, permissionId);
    const { name, description } = before;
    await inner.emit(permissionDeleted, { org_id: orgId, object_id: permissionId, before: { name, description } });
    await recomputeAccess(inner, orgId, { roleIds });
  });
}

/** The permissions that an organization's roles may contain, in pages by id; for other rooms, without a permission. */
export const offeredPermissions = (db: Knex, orgId: string, page: ListQuery): Promise<Page<Permission>> =>
  listOfferedPermissions(db, orgId, {}, page);
