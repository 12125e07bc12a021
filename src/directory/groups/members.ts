/** Who is in a group: set-based changes under the group's lock, and the end of memberships whose time has passed. */
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { isId } from '../../core/id.ts';
import { shareAccess } from '../organizations/service.ts';
import { type Group, groupMembersChanged, manageGroups } from './schema.ts';
import { addMemberRows, holdMembers, listExpired, removeExpiredRows, removeMemberRows } from './member-store.ts';
import { lockGroup, moveMemberCount } from './store.ts';

export interface MemberDelta {
  /** Who is in already stays as they are. */
  readonly add?: readonly string[];
  /** Who is not in is no error. Who is also in `add` stays or comes. */
  readonly remove?: readonly string[];
  /** The whole membership afterwards; `add` and `remove` are not read then. */
  readonly replaceWith?: readonly string[];
  /** When the membership of those who come ends by itself. */
  readonly expires_at?: Date | null;
  readonly assignment_type?: 'manual' | 'automatic';
  /** People who are no members of the organization are left out instead of refused. */
  readonly ignoreUnknown?: boolean;
  /**
   * Only about accounts that the organization owns: others are as unknown as if they did not exist, and stay where they are.
   * For directories, which see nobody else (checklist SC-01).
   */
  readonly owned_only?: boolean;
}

export interface MembersChange {
  /** As it is now. */
  readonly group: Group;
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/**
 * Changes who is in a group: two locks, at most one DELETE and one INSERT, the difference of the count, and one event per 100
 * people who came or left. Nothing is written, and nothing said, when nobody does.
 * @throws Fault not_found, member_unknown, group_full, and what reactions refuse (last_owner, not_allowed)
 */
export async function changeMembers(
  call: Call,
  orgId: string,
  groupId: string,
  delta: MemberDelta,
): Promise<MembersChange> {
  call.require(manageGroups, orgId);
  const wanted = delta.replaceWith ?? delta.add ?? [];
  const coming = unique(wanted);
  if (!delta.ignoreUnknown && wanted.some((id) => !isId(id))) refuseUnknown(wanted.filter((id) => !isId(id)));
  return call.write(async (inner) => {
    await shareAccess(inner.db, orgId);
    const group = await lockGroup(inner.db, orgId, groupId);
    if (!group) throw new Fault('not_found');
    const known = coming.length === 0 ? [] : await holdMembers(inner.db, orgId, coming, delta.owned_only);
    if (!delta.ignoreUnknown && known.length < coming.length) {
      const there = new Set(known);
      refuseUnknown(coming.filter((id) => !there.has(id)));
    }
    const owner = delta.owned_only ? orgId : undefined;
    const removed = await removeMemberRows(inner.db, groupId, leaving(delta, known), owner);
    const added = await addMemberRows(inner.db, groupId, known, {
      assigned_by: inner.userId,
      assignment_type: delta.assignment_type ?? 'manual',
      assigned_at: inner.now,
      expires_at: delta.expires_at ?? null,
    });
    if (added.length === 0 && removed.length === 0) return { group, added, removed };
    return { group: await settle(inner, group, added, removed), added, removed };
  });
}

/** Adds one person who is named by an address: somebody unknown is not there. @throws Fault not_found, group_full */
export async function addGroupMember(call: Call, orgId: string, groupId: string, userId: string): Promise<void> {
  try {
    await changeMembers(call, orgId, groupId, { add: [userId] });
  } catch (error) {
    throw error instanceof Fault && error.code === 'member_unknown' ? new Fault('not_found') : error;
  }
}

/** Ids in one form and order, so that locks are always taken in the same order. */
const unique = (ids: readonly string[]): string[] =>
  [...new Set(ids.filter(isId).map((id) => id.toLowerCase()))].sort();

function leaving({ remove = [], replaceWith }: MemberDelta, known: readonly string[]) {
  if (replaceWith !== undefined) return { except: known };
  const staying = new Set(known);
  return { only: unique(remove).filter((id) => !staying.has(id)) };
}

function refuseUnknown(ids: readonly string[]): never {
  const errors = ids.slice(0, 20).map((id) => ({ pointer: '/body/add', detail: `${id.slice(0, 64)} is no member` }));
  throw new Fault('member_unknown', undefined, { errors });
}

const maxInOneEvent = 100;

async function settle(call: Call, group: Group, added: readonly string[], removed: readonly string[]): Promise<Group> {
  const member_count = await moveMemberCount(call.db, group.group_id, added.length - removed.length, call.now);
  if (added.length > 0 && group.max_members !== null && member_count > group.max_members) throw new Fault('group_full');
  // By id, over both: what follows from the events locks the people in this order.
  const changes = [...added.map((id) => ({ id, comes: true })), ...removed.map((id) => ({ id, comes: false }))].sort(
    (a, b) => (a.id < b.id ? -1 : 1),
  );
  for (let start = 0; start < changes.length; start += maxInOneEvent) {
    const part = changes.slice(start, start + maxInOneEvent);
    await call.emit(groupMembersChanged, {
      org_id: group.org_id,
      object_id: group.group_id,
      details: {
        added: part.filter(({ comes }) => comes).map(({ id }) => id),
        removed: part.filter(({ comes }) => !comes).map(({ id }) => id),
      },
    });
  }
  return { ...group, member_count, updated_at: call.now };
}

/** A job: ends memberships whose time has passed, group by group. @returns how many ended */
export async function endExpiredMembers(call: Call): Promise<number> {
  let ended = 0;
  let refused: unknown;
  for (const { org_id, group_id, user_ids } of await listExpired(call.db, call.now, 100)) {
    try {
      ended += await call.write(async (inner) => {
        await shareAccess(inner.db, org_id);
        const group = await lockGroup(inner.db, org_id, group_id);
        if (!group) return 0;
        const removed = await removeExpiredRows(inner.db, group_id, user_ids, inner.now);
        if (removed.length > 0) await settle(inner, group, [], removed);
        return removed.length;
      });
    } catch (error) {
      // One group whose last owner must stay does not keep the others waiting.
      refused ??= error;
    }
  }
  if (refused !== undefined) throw refused;
  return ended;
}
