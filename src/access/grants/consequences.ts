/**
 * What follows in this room from what happens in the directory; `reactions.ts` says when. Each runs in the transaction of the
 * change, and may refuse it.
 */
import { type Call, systemActor } from '../../core/call.ts';
import type { EmittedEvent } from '../../core/event.ts';
import { Fault } from '../../core/fault.ts';
import { knownPermissions } from '../../core/permission.ts';
import { holdMembershipRows, membershipsOf } from '../../directory/memberships/service.ts';
import { requireHeldRoles } from './ceiling.ts';
import { hasAdministrator, isAdministrator, isOwner, takeAdministratorsLock } from './owners-store.ts';
import { recomputeAccess, requireOwner } from './recompute.ts';
import { manageOwners } from './schema.ts';
import { isOwnerRole, setMember } from './service.ts';
import { deleteGrantsOf, deleteGroupRoles, listRolesOfGroup } from './store.ts';

/** A person who creates an organization becomes its owner. */
export async function ownNewOrganization(call: Call, { object_id }: EmittedEvent): Promise<void> {
  const { actor } = call;
  if (actor.type !== 'user' || actor.id === null || actor.reach === 'system') return;
  await setMember(call.as(systemActor('organizations')), object_id, actor.id, { role: 'owner' });
}

/**
 * Directories put people into groups as their administrators told them to; whoever does it by hand must hold what the group
 * gives (checklist AZ-05).
 */
const isDirectory = ({ actor }: Call): boolean => actor.type === 'scim_client';

/** Unmaking owners is for those who may make them; a directory and the system may, as long as an owner remains. */
function requireRightOverOwner(call: Call, orgId: string, userId: string | null): void {
  if (isDirectory(call) || (call.actor.type === 'user' && call.actor.id === userId)) return;
  if (!call.may(manageOwners, orgId)) throw new Fault('not_allowed', 'This would unmake an owner of the organization.');
}

/**
 * What a group gives, after asking whether the actor may hand it to those who come, and take it from those who go.
 * @returns false when it gives nothing, so that nobody's access changes
 */
async function passOn(call: Call, event: EmittedEvent, { gives, takes }: { gives: boolean; takes: boolean }) {
  const roles = await listRolesOfGroup(call.db, event.object_id);
  if (roles.length === 0) return false;
  const orgId = event.org_id as string;
  const roleIds = roles.map(({ role_id }) => role_id);
  if (gives && !isDirectory(call)) await requireHeldRoles(call, orgId, roleIds);
  if (takes && roles.some(isOwnerRole)) requireRightOverOwner(call, orgId, null);
  return true;
}

/** Who joined or left a group that gives roles has others now. A group without roles costs one look. */
export async function followGroupMembers(call: Call, event: EmittedEvent): Promise<void> {
  const { added = [], removed = [] } = event.details as { added?: string[]; removed?: string[] };
  if (!(await passOn(call, event, { gives: added.length > 0, takes: removed.length > 0 }))) return;
  await recomputeAccess(call, event.org_id as string, { userIds: [...added, ...removed].sort() });
}

/** A group that becomes active gives its roles again, and the other way round. */
export async function followGroup(call: Call, event: EmittedEvent): Promise<void> {
  const { is_active } = (event.after ?? {}) as { is_active?: boolean };
  if (is_active === undefined || !(await passOn(call, event, { gives: is_active, takes: !is_active }))) return;
  await recomputeAccess(call, event.org_id as string, { groupIds: [event.object_id] });
}

/** A deleted group gives nothing. Its members are still there to be found when this runs. */
export async function forgetGroup(call: Call, event: EmittedEvent): Promise<void> {
  if (!(await passOn(call, event, { gives: false, takes: true }))) return;
  await recomputeAccess(call, event.org_id as string, { groupIds: [event.object_id] });
  await deleteGroupRoles(call.db, event.object_id);
}

async function letOwnerGo(call: Call, orgId: string, userId: string): Promise<void> {
  requireRightOverOwner(call, orgId, userId);
  await requireOwner(call, orgId);
}

/** A suspended membership gives nothing; an active one what its roles give. */
export async function followMembership(call: Call, event: EmittedEvent): Promise<void> {
  const orgId = event.org_id as string;
  const { status } = event.after as { status: string };
  if (status !== 'active' && (await isOwner(call.db, orgId, event.object_id, call.now))) {
    await letOwnerGo(call, orgId, event.object_id);
  }
  await recomputeAccess(call, orgId, { userIds: [event.object_id] });
}

/** Who left an organization has no roles in it. */
export async function forgetMember(call: Call, event: EmittedEvent): Promise<void> {
  const orgId = event.org_id as string;
  const { inherited_user_roles_plus_current_role: roles } = event.before as {
    inherited_user_roles_plus_current_role: string[];
  };
  const wasOwner = roles.includes('owner') || (await isOwner(call.db, orgId, event.object_id, call.now));
  await deleteGrantsOf(call.db, event.object_id, orgId);
  if (wasOwner) await letOwnerGo(call, orgId, event.object_id);
}

/**
 * An account that is disabled or deleted owns nothing any more. The organizations that it owned must have another owner: those of
 * a person, or the one that owns the account. Its owner's decision is not for other organizations to refuse.
 */
export async function protectOwners(call: Call, event: EmittedEvent): Promise<void> {
  // Before anybody looks: a role that is given at this moment must be seen, or wait (test/races/access.pg.test.ts).
  await holdMembershipRows(call.db, event.object_id);
  await requireOthers(call, event);
}

async function requireOthers(call: Call, event: EmittedEvent): Promise<void> {
  const userId = event.object_id;
  for (const { org_id, org_status } of await membershipsOf(call.db, userId)) {
    if (org_status === 'deleted' || (event.org_id !== null && event.org_id !== org_id)) continue;
    if (await isOwner(call.db, org_id, userId, call.now)) await letOwnerGo(call, org_id, userId);
  }
  if (await isAdministrator(call.db, userId)) {
    await takeAdministratorsLock(call.db);
    if (!(await hasAdministrator(call.db))) throw new Fault('last_administrator');
  }
}

/** A deleted account has no roles anywhere. Its memberships end behind this, so no row is written anew. */
export async function forgetUser(call: Call, event: EmittedEvent): Promise<void> {
  await requireOthers(call, event);
  await deleteGrantsOf(call.db, event.object_id, null);
}

/**
 * A new address or username is a new way in: nobody gives one to an account that holds more than they do, or they could sign
 * in as it (checklist AZ-05).
 */
export async function protectIdentifiers(call: Call, event: EmittedEvent): Promise<void> {
  const { actor } = call;
  const after = (event.after ?? {}) as { email?: unknown; username?: unknown };
  if (after.email === undefined && after.username === undefined) return;
  if (event.org_id === null || actor.permissions === 'all' || isDirectory(call)) return;
  if (actor.type === 'user' && actor.id === event.object_id) return;
  const memberships = await membershipsOf(call.db, event.object_id);
  const home = memberships.find(({ org_id }) => org_id === event.org_id);
  const more = home?.user_permissions.find((name) => isOurs(name) && !heldBy(call, name));
  if (more) throw new Fault('not_allowed', `This account holds ${more}, which you do not.`);
}

/** What an organization's applications ask for is no power over Lintel. */
const isOurs = (name: string): boolean => knownPermissions().some((known) => known.name === name);
const heldBy = ({ actor }: Call, name: string): boolean => actor.permissions === 'all' || actor.permissions.has(name);

/** An administrator of the system is nobody's to take over. */
export async function refuseClaimOfAdministrator(call: Call, event: EmittedEvent): Promise<void> {
  await takeAdministratorsLock(call.db);
  if (await isAdministrator(call.db, event.object_id)) throw new Fault('claim_refused');
}
