/**
 * Grants: who has which role in an organization, directly or by a group.
 * Tables: user_roles, group_roles, and the columns about access of user_organization_info. Events: role.granted, grant.updated,
 * role.revoked, group_role.granted, group_role.revoked. Invariant: a membership row says at every commit exactly what follows from
 * roles, grants, inheritance and groups (test/access/invariant.ts); nobody gives more than they hold (checklist AZ-05); an
 * organization that had an owner keeps one (SC-09).
 */
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { newId } from '../../core/id.ts';
import { readExpiry } from '../../core/moment.ts';
import { missField, refuseField } from '../../core/text.ts';
import { findGroup, holdGroup } from '../../directory/groups/service.ts';
import { type Member, manageMembers } from '../../directory/memberships/schema.ts';
import { addMember, findMember, findMembership } from '../../directory/memberships/service.ts';
import { shareAccess } from '../../directory/organizations/service.ts';
import type { ListQuery, Page } from '../../http/list.ts';
import { readRoles, type Role } from '../roles/schema.ts';
import { findRole } from '../roles/service.ts';
import { requireHeldRoles } from './ceiling.ts';
import { recomputeAccess, requireOwner } from './recompute.ts';
import {
  type Grant,
  type GroupRole,
  grantUpdated,
  groupRoleGranted,
  groupRoleRevoked,
  manageGrants,
  type NewGrant,
  roleGranted,
  roleRevoked,
} from './schema.ts';
import {
  deleteGrant,
  deleteGroupRole,
  findGrant,
  findPrimary,
  insertGrant,
  insertGroupRole,
  listGrantRows,
  listGroupRoleRows,
  lockMember,
  updateGrant,
} from './store.ts';

/** The system's role `owner`; no organization can have another one of that name. */
export const isOwnerRole = (role: Pick<Role, 'org_id' | 'name'>): boolean =>
  role.org_id === null && role.name === 'owner';

/** The grants of a member, expired ones too. @throws Fault not_found */
export async function listGrants(call: Call, orgId: string, userId: string, page: ListQuery): Promise<Page<Grant>> {
  call.require(readRoles, orgId);
  if (!(await findMembership(call.db, orgId, userId))) throw new Fault('not_found');
  return listGrantRows(call.db, orgId, userId, page);
}

/**
 * Gives a member a role, for good or until a moment; changes the moment when they have it already.
 * @throws Fault not_found, not_allowed, last_owner, request_invalid
 */
export async function grantRole(call: Call, orgId: string, userId: string, input: NewGrant): Promise<Grant> {
  call.require(manageGrants, orgId);
  return call.write(async (inner) => {
    await begin(inner, orgId, userId);
    const role = await roleNamed(inner, orgId, input.role_id);
    const grant = await give(inner, orgId, userId, role, { expires_at: readExpiry(inner, input.expires_at) });
    await recomputeAccess(inner, orgId, { userIds: [userId] });
    return grant;
  });
}

/** A role that a body names. Another organization's is as unknown as one that there is not (checklist MT-01). */
async function roleNamed(call: Call, orgId: string, roleId: string): Promise<Role> {
  return (await findRole(call.db, orgId, roleId)) ?? missField('role_id', 'is no role of the organization');
}

async function begin(call: Call, orgId: string, userId: string): Promise<void> {
  await shareAccess(call.db, orgId);
  if (!(await lockMember(call.db, orgId, userId))) throw new Fault('not_found');
}

interface Terms {
  readonly expires_at: Date | null;
  readonly is_primary?: boolean;
}

/** Under the locks of `begin`; the membership row is written by the caller. */
async function give(call: Call, orgId: string, userId: string, role: Role, terms: Terms): Promise<Grant> {
  await requireHeldRoles(call, orgId, [role.role_id]);
  const before = await findGrant(call.db, orgId, userId, role.role_id);
  const is_primary = terms.is_primary ?? before?.is_primary ?? false;
  const about = { org_id: orgId, object_id: before?.user_role_id ?? newId(call.now.getTime()) };
  const details = { user_id: userId, role_id: role.role_id, role: role.name };
  if (!before) {
    const row = {
      user_role_id: about.object_id,
      user_id: userId,
      org_id: orgId,
      role_id: role.role_id,
      is_primary,
      is_active: true,
      assigned_by: call.userId,
      assigned_at: call.now,
      expires_at: terms.expires_at,
    };
    await insertGrant(call.db, row);
    await call.emit(roleGranted, { ...about, after: { expires_at: terms.expires_at, is_primary }, details });
    return { ...row, role_name: role.name };
  }
  const isSame =
    before.is_active &&
    before.is_primary === is_primary &&
    before.expires_at?.getTime() === terms.expires_at?.getTime();
  if (isSame) return { ...before, role_name: role.name };
  // Whoever prolongs a grant answers for it from now on.
  const changes = {
    is_primary,
    is_active: true,
    expires_at: terms.expires_at,
    assigned_by: call.userId,
    assigned_at: call.now,
  };
  await updateGrant(call.db, before.user_role_id, changes);
  await call.emit(grantUpdated, {
    ...about,
    before: { expires_at: before.expires_at, is_primary: before.is_primary },
    after: { expires_at: terms.expires_at, is_primary },
    details,
  });
  // An owner for good who becomes one for a while may have been the last one for good.
  if (isOwnerRole(role) && terms.expires_at !== null && before.expires_at === null) await requireOwner(call, orgId);
  return { ...before, ...changes, role_name: role.name };
}

/** Takes a role that a member was given directly. @throws Fault not_found, not_allowed, last_owner */
export async function revokeRole(call: Call, orgId: string, userId: string, roleId: string): Promise<void> {
  call.require(manageGrants, orgId);
  await call.write(async (inner) => {
    await begin(inner, orgId, userId);
    const role = await findRole(inner.db, orgId, roleId);
    const grant = role && (await findGrant(inner.db, orgId, userId, roleId));
    if (!role || !grant) throw new Fault('not_found');
    await take(inner, orgId, grant, role);
    await recomputeAccess(inner, orgId, { userIds: [userId] });
  });
}

/** Unmaking an owner is for those who may make one; other roles are taken by anybody who gives roles. */
async function take(
  call: Call,
  orgId: string,
  grant: Omit<Grant, 'role_name'>,
  role: Pick<Role, 'org_id' | 'name' | 'role_id'>,
): Promise<void> {
  if (isOwnerRole(role)) await requireHeldRoles(call, orgId, [role.role_id]);
  await deleteGrant(call.db, grant.user_role_id);
  await call.emit(roleRevoked, {
    org_id: orgId,
    object_id: grant.user_role_id,
    before: { expires_at: grant.expires_at, is_primary: grant.is_primary },
    details: { user_id: grant.user_id, role_id: role.role_id, role: role.name },
  });
  if (isOwnerRole(role)) await requireOwner(call, orgId);
}

/**
 * Makes somebody a member, if they are none, and `role` their primary role in place of the one before; null for none. Roles
 * given beside it stay. @throws Fault not_found, not_allowed, last_owner, request_invalid
 */
export async function setMember(
  call: Call,
  orgId: string,
  userId: string,
  { role: idOrName }: { role?: string | null },
): Promise<Member> {
  call.require(manageMembers, orgId);
  if (idOrName !== undefined) call.require(manageGrants, orgId);
  return call.write(async (inner) => {
    await shareAccess(inner.db, orgId);
    await addMember(inner, orgId, userId);
    if (idOrName !== undefined) await setPrimary(inner, orgId, userId, idOrName);
    const member = await findMember(inner.db, orgId, userId);
    if (!member) throw new Fault('not_found');
    return member;
  });
}

async function setPrimary(call: Call, orgId: string, userId: string, idOrName: string | null): Promise<void> {
  await begin(call, orgId, userId);
  const role = idOrName === null ? null : await findRole(call.db, orgId, idOrName);
  if (idOrName !== null && !role) refuseField('role', 'is no role of the organization');
  const before = await findPrimary(call.db, orgId, userId);
  if (role) {
    // The new one first: an owner who becomes a member loses the one role under the protection of the last owner.
    if (before && before.role_id !== role.role_id)
      await updateGrant(call.db, before.user_role_id, { is_primary: false });
    await give(call, orgId, userId, role, { expires_at: null, is_primary: true });
  }
  if (before && before.role_id !== role?.role_id) {
    const former = await findRole(call.db, orgId, before.role_id);
    if (former) await take(call, orgId, before, former);
  }
  await recomputeAccess(call, orgId, { userIds: [userId] });
}

export async function listGroupRoles(
  call: Call,
  orgId: string,
  groupId: string,
  page: ListQuery,
): Promise<Page<GroupRole>> {
  call.require(readRoles, orgId);
  if (!(await findGroup(call.db, orgId, groupId))) throw new Fault('not_found');
  return listGroupRoleRows(call.db, groupId, page);
}

/**
 * Lets a group give a role to its members, now and later. The group's row lock orders this with changes of its members.
 * @throws Fault not_found, not_allowed
 */
export async function grantGroupRole(call: Call, orgId: string, groupId: string, roleId: string): Promise<GroupRole> {
  call.require(manageGrants, orgId);
  return call.write(async (inner) => {
    await beginGroup(inner, orgId, groupId);
    const role = await roleNamed(inner, orgId, roleId);
    await requireHeldRoles(inner, orgId, [roleId]);
    const row = { group_id: groupId, role_id: roleId, assigned_by: inner.userId, assigned_at: inner.now };
    if (await insertGroupRole(inner.db, row)) {
      const details = { role_id: roleId, role: role.name };
      await inner.emit(groupRoleGranted, { org_id: orgId, object_id: groupId, details });
      await recomputeAccess(inner, orgId, { groupIds: [groupId] });
    }
    return { ...row, role_name: role.name };
  });
}

async function beginGroup(call: Call, orgId: string, groupId: string): Promise<void> {
  await shareAccess(call.db, orgId);
  if (!(await holdGroup(call.db, orgId, groupId))) throw new Fault('not_found');
}

/** @throws Fault not_found, not_allowed, last_owner */
export async function revokeGroupRole(call: Call, orgId: string, groupId: string, roleId: string): Promise<void> {
  call.require(manageGrants, orgId);
  await call.write(async (inner) => {
    await beginGroup(inner, orgId, groupId);
    const role = await findRole(inner.db, orgId, roleId);
    if (!role) throw new Fault('not_found');
    if (isOwnerRole(role)) await requireHeldRoles(inner, orgId, [roleId]);
    if (!(await deleteGroupRole(inner.db, groupId, roleId))) throw new Fault('not_found');
    const details = { role_id: roleId, role: role.name };
    await inner.emit(groupRoleRevoked, { org_id: orgId, object_id: groupId, details });
    await recomputeAccess(inner, orgId, { groupIds: [groupId] });
  });
}
