/**
 * Memberships: who belongs to which organization. One account may belong to several; one owns it, or its person does.
 * Tables: user_organization_info (its columns about access are the access room's). Events: membership.created, .updated,
 * .removed. Invariant: an owned account is a member of its owner as long as it exists; a guest's membership says nothing about
 * the account elsewhere (data model: who owns whom). Owners of the last kind are protected by reactions (checklist SC-09).
 */
import type { Knex } from 'knex';
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import type { Page } from '../../http/list.ts';
import { holdGroupsOf, leaveGroups } from '../groups/service.ts';
import { shareAccess } from '../organizations/service.ts';
import {
  type Member,
  type MemberQuery,
  type Membership,
  manageMembers,
  membershipCreated,
  membershipRemoved,
  membershipUpdated,
  readMembers,
} from './schema.ts';
import {
  deleteMembership,
  deleteMembershipsOf,
  getMember,
  getMembership,
  holdAccount,
  insertMembership,
  listMemberRows,
  listMembershipsOf,
  listOrganizationsOf,
  lockMembership,
  lockMembershipsOf,
  type MembershipOfUser,
  setMembershipStatus,
  takeMembership,
  takeMembershipsOf,
} from './store.ts';

export type { MembershipOfUser } from './store.ts';

/**
 * Makes somebody a member; nothing happens when they are one. A person-owned account may be a guest anywhere; one that
 * another organization owns only where the system's administrator, or an invitation that its person accepted, says so.
 * @throws Fault not_found for no such account, and for one that another organization owns
 */
export async function addMember(call: Call, orgId: string, userId: string): Promise<Membership> {
  call.require(manageMembers, orgId);
  return call.write(async (inner) => {
    const account = await holdAccount(inner.db, userId);
    if (!account) throw new Fault('not_found');
    const isForeign = account.home_org_id !== null && account.home_org_id !== orgId;
    if (isForeign && inner.actor.reach !== 'system') throw new Fault('not_found');
    const made = await insertMembership(inner.db, userId, orgId, inner.now);
    if (!made) return found(await getMembership(inner.db, orgId, userId));
    await inner.emit(membershipCreated, {
      org_id: orgId,
      object_id: userId,
      after: { status: made.status },
      details: { is_guest: account.home_org_id !== orgId },
    });
    return made;
  });
}

function found<T>(row: T | undefined): T {
  if (!row) throw new Fault('not_found');
  return row;
}

export async function readMember(call: Call, orgId: string, userId: string): Promise<Member> {
  call.require(readMembers, orgId);
  return found(await getMember(call.db, orgId, userId));
}

export function listMembers(call: Call, orgId: string, query: MemberQuery): Promise<Page<Member>> {
  call.require(readMembers, orgId);
  const { limit, after, ...filter } = query;
  return listMemberRows(call.db, orgId, filter, { limit, after });
}

/** Suspends a membership, or lifts that. What a suspended membership gives ends at once. @throws Fault not_found, last_owner */
export async function setMemberStatus(
  call: Call,
  orgId: string,
  userId: string,
  status: 'active' | 'suspended',
): Promise<Member> {
  call.require(manageMembers, orgId);
  return call.write(async (inner) => {
    await shareAccess(inner.db, orgId);
    const before = found(await lockMembership(inner.db, orgId, userId));
    if (before.status !== status) {
      await setMembershipStatus(inner.db, orgId, userId, status, inner.now);
      const facts = { before: { status: before.status }, after: { status } };
      await inner.emit(membershipUpdated, { org_id: orgId, object_id: userId, ...facts });
    }
    return found(await getMember(inner.db, orgId, userId));
  });
}

/** Ends a guest's membership. @throws Fault not_found, member_is_owned, last_owner */
export async function removeMember(call: Call, orgId: string, userId: string): Promise<void> {
  call.require(manageMembers, orgId);
  await call.write(async (inner) => {
    await shareAccess(inner.db, orgId);
    const account = await holdAccount(inner.db, userId);
    await holdGroupsOf(inner, userId, orgId);
    const before = found(await takeMembership(inner.db, orgId, userId));
    if (account?.home_org_id === orgId) throw new Fault('member_is_owned');
    await deleteMembership(inner.db, orgId, userId);
    const groups = await leaveGroups(inner, userId, orgId);
    await inner.emit(membershipRemoved, { org_id: orgId, object_id: userId, before, details: { groups } });
  });
}

/**
 * Locks everything that somebody belongs to, before the account is deleted: who gives them a role meanwhile has done so before
 * reactions look, or finds nobody.
 */
export async function holdMemberships(call: Call, userId: string): Promise<void> {
  for (const orgId of await listOrganizationsOf(call.db, userId)) await shareAccess(call.db, orgId);
  await holdGroupsOf(call, userId, null);
  await takeMembershipsOf(call.db, userId);
}

/**
 * Locks the rows alone, for somebody who stays a member: who gives them a role meanwhile has done so before the caller looks, or
 * waits for what becomes of the account.
 */
export const holdMembershipRows = (db: Knex, userId: string): Promise<void> => lockMembershipsOf(db, userId);

/** Ends all memberships of an account that was deleted; they are held. */
export async function endMemberships(call: Call, userId: string): Promise<void> {
  await deleteMembershipsOf(call.db, userId);
  await leaveGroups(call, userId, null);
}

/** The membership for other rooms, without a permission; null when there is none. */
export const findMembership = async (db: Knex, orgId: string, userId: string): Promise<Membership | null> =>
  (await getMembership(db, orgId, userId)) ?? null;

/** Where somebody belongs, in the order of joining, whatever the state of membership and organization. */
export const membershipsOf = (db: Knex, userId: string): Promise<MembershipOfUser[]> => listMembershipsOf(db, userId);

/** The membership with the person's name, for other rooms, without a permission; null when there is none. */
export const findMember = async (db: Knex, orgId: string, userId: string): Promise<Member | null> =>
  (await getMember(db, orgId, userId)) ?? null;
