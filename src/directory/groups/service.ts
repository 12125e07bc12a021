/**
 * Groups: who belongs together in an organization.
 * Tables: user_groups, user_group_memberships. Events: group.created, .updated, .deleted, .members_changed.
 * Invariant: member_count is the number of rows, members are members of the organization, and a change costs in proportion to
 * what changes, not to the group. Changes of one group follow one another by its row's lock, so none is lost (checklist SC-13).
 */
import { isDeepStrictEqual } from 'node:util';
import type { Knex } from 'knex';
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { isId, newId } from '../../core/id.ts';
import { readName, readOptionalText, refuseField, slugOf } from '../../core/text.ts';
import type { Condition, Search } from '../../db/search.ts';
import type { ListQuery, Page } from '../../http/list.ts';
import { findOrganization, shareAccess } from '../organizations/service.ts';
import {
  type Group,
  type GroupChanges,
  type GroupMember,
  type GroupQuery,
  groupCreated,
  groupDeleted,
  groupUpdated,
  manageGroups,
  type NewGroup,
  readGroups,
} from './schema.ts';
import {
  forgetMembers,
  holdMembers,
  leaveGroupRows,
  listGroupsOf,
  listMemberRows,
  listOwnedMembersOf,
  lockGroupsOf,
  type MembershipPair,
  type PlacedPair,
} from './member-store.ts';
import {
  countGroupRows,
  deleteGroupRow,
  getGroup,
  insertGroup,
  listGroupRows,
  lockGroup,
  searchGroupRows,
  unitIsOf,
  updateGroupRow,
} from './store.ts';

export type { MembershipPair } from './member-store.ts';

/** @throws Fault not_found, group_name_taken, group_slug_taken, request_invalid */
export async function createGroup(call: Call, orgId: string, input: NewGroup): Promise<Group> {
  call.require(manageGroups, orgId);
  const { slug, ...columns } = readColumns(input);
  const name = readName('name', input.name, 256);
  return call.write(async (inner) => {
    if (!(await findOrganization(inner.db, orgId))) throw new Fault('not_found');
    await checkReferences(inner.db, orgId, input);
    for (const candidate of slug === undefined ? slugsFor(name) : [slug]) {
      const id = newId(inner.now.getTime());
      const group = await insertGroup(inner.db, {
        ...columns,
        group_id: id,
        org_id: orgId,
        name,
        slug: candidate || id,
        created_by: inner.userId,
        created_at: inner.now,
        updated_at: inner.now,
      });
      if (!group) continue;
      await inner.emit(groupCreated, { org_id: orgId, object_id: id, after: { ...columns, name, slug: group.slug } });
      return group;
    }
    throw new Fault('group_slug_taken');
  });
}

/** What to try for a name: its plain form, then one that nobody else has. */
function* slugsFor(name: string): Generator<string> {
  const plain = slugOf(name, 80);
  if (plain !== '') yield plain;
  // Twelve hexadecimal digits of a new id are random enough beside a name.
  yield `${plain || 'group'}-${newId().slice(-12)}`;
}

function readColumns<T extends GroupChanges>(input: T): Omit<T, 'name'> {
  const { name: _name, ...columns } = input;
  if (columns.description !== undefined) {
    columns.description = readOptionalText('description', columns.description, { max: 1000, lines: true });
  }
  if (columns.tags !== undefined) columns.tags = columns.tags.map((tag) => readName('tags', tag, 50));
  return columns;
}

async function checkReferences(db: Knex, orgId: string, { unit_id, owner_id }: GroupChanges): Promise<void> {
  if (unit_id && !(await unitIsOf(db, orgId, unit_id))) refuseField('unit_id', 'is no unit of the organization');
  if (owner_id && (await holdMembers(db, orgId, [owner_id])).length === 0) {
    refuseField('owner_id', 'is no member of the organization');
  }
}

export async function readGroup(call: Call, orgId: string, groupId: string): Promise<Group> {
  call.require(readGroups, orgId);
  return found(await getGroup(call.db, orgId, groupId));
}

function found(group: Group | undefined): Group {
  if (!group) throw new Fault('not_found');
  return group;
}

export function listGroups(call: Call, orgId: string, query: GroupQuery): Promise<Page<Group>> {
  call.require(readGroups, orgId);
  const { limit, after, ...filter } = query;
  return listGroupRows(call.db, orgId, filter, { limit, after });
}

export interface GroupChange {
  readonly before: Group;
  readonly after: Group;
  /** Columns whose value is another one now; empty when nothing was written. */
  readonly changed: readonly string[];
}

/** @throws Fault not_found, group_name_taken, group_slug_taken, request_invalid */
export async function updateGroup(
  call: Call,
  orgId: string,
  groupId: string,
  input: GroupChanges,
): Promise<GroupChange> {
  call.require(manageGroups, orgId);
  const columns: GroupChanges = readColumns(input);
  if (input.name !== undefined) columns.name = readName('name', input.name, 256);
  return call.write(async (inner) => {
    await shareAccess(inner.db, orgId);
    const before = found(await lockGroup(inner.db, orgId, groupId));
    const changed = (Object.keys(columns) as (keyof GroupChanges)[]).filter(
      (name) => columns[name] !== undefined && !isDeepStrictEqual(columns[name], before[name]),
    );
    if (changed.length === 0) return { before, after: before, changed };
    refuseSystemGroup(inner, before);
    await checkReferences(inner.db, orgId, columns);
    const pick = (row: object) =>
      Object.fromEntries(changed.map((name) => [name, (row as Record<string, unknown>)[name]]));
    const after = await updateGroupRow(inner.db, groupId, { ...pick(columns), updated_at: inner.now });
    await inner.emit(groupUpdated, { org_id: orgId, object_id: groupId, before: pick(before), after: pick(after) });
    return { before, after, changed };
  });
}

function refuseSystemGroup(call: Call, group: Group): void {
  if (group.is_system && call.actor.type !== 'system') {
    throw new Fault('conflict', 'This group belongs to the system and is not changed by hand.');
  }
}

/** Its name is free at once. Said before the members go, so that reactions still see who they are. */
export async function deleteGroup(call: Call, orgId: string, groupId: string): Promise<void> {
  call.require(manageGroups, orgId);
  await call.write(async (inner) => {
    await shareAccess(inner.db, orgId);
    const before = found(await lockGroup(inner.db, orgId, groupId));
    refuseSystemGroup(inner, before);
    await deleteGroupRow(inner.db, groupId, inner.now);
    const { name, slug, member_count } = before;
    await inner.emit(groupDeleted, { org_id: orgId, object_id: groupId, before: { name, slug, member_count } });
    await forgetMembers(inner.db, groupId);
  });
}

export async function listGroupMembers(
  call: Call,
  orgId: string,
  groupId: string,
  page: ListQuery,
): Promise<Page<GroupMember>> {
  call.require(readGroups, orgId);
  found(await getGroup(call.db, orgId, groupId));
  return listMemberRows(call.db, groupId, page);
}

/** Locks the groups that somebody is about to leave, before the membership is locked: the order in which members change. */
export const holdGroupsOf = (call: Call, userId: string, orgId: string | null): Promise<void> =>
  lockGroupsOf(call.db, userId, orgId);

/**
 * Takes somebody out of the organization's groups, or of all groups when `orgId` is null; part of a transaction in which the
 * person leaves, after the membership went. @returns the groups
 */
export async function leaveGroups(call: Call, userId: string, orgId: string | null): Promise<string[]> {
  return (await leaveGroupRows(call.db, userId, orgId, call.now)).map(({ group_id }) => group_id);
}

/** The group for other rooms, without a permission: null when the organization has none of this id. */
export const findGroup = async (db: Knex, orgId: string, groupId: string): Promise<Group | null> =>
  isId(groupId) ? ((await getGroup(db, orgId, groupId)) ?? null) : null;

/** The group, locked as a change of it locks it, until the transaction ends. */
export const holdGroup = async (db: Knex, orgId: string, groupId: string): Promise<Group | null> =>
  (await lockGroup(db, orgId, groupId)) ?? null;

/** As `searchUsers`, over groups: the tables are called `user_groups` and what `joins` brings. */
export const searchGroups = <Extra extends object = object>(
  db: Knex,
  orgId: string,
  search: Search,
): Promise<(Group & Extra)[]> => searchGroupRows<Extra>(db, orgId, search);

export const countGroups = (db: Knex, orgId: string, condition: Condition): Promise<number> =>
  countGroupRows(db, orgId, condition);

/** Members at once: few enough for one statement's time. */
const pairsAtOnce = 10_000;

/** The members of several groups whose accounts the organization owns, however many: for directories, which see nobody else. */
export async function ownedMembersOf(
  db: Knex,
  orgId: string,
  groupIds: readonly string[],
  now: Date,
): Promise<MembershipPair[]> {
  if (groupIds.length === 0) return [];
  const all: MembershipPair[] = [];
  for (;;) {
    const page = { after: all.at(-1), limit: pairsAtOnce };
    const pairs = await listOwnedMembersOf(db, orgId, groupIds, now, page);
    for (const pair of pairs) all.push(pair);
    if (pairs.length < pairsAtOnce) return all;
  }
}

/**
 * The organization's groups of several users, for showing. The first of them is always whole.
 * @param most once there are so many groups, the users who follow are left out
 * @returns by user, in their order, for as many of them as there was room for
 */
export async function groupsOfUsers(
  db: Knex,
  orgId: string,
  userIds: readonly string[],
  now: Date,
  most: number,
): Promise<Map<string, MembershipPair[]>> {
  const groups = new Map<string, MembershipPair[]>(userIds.map((id) => [id, []]));
  let after: PlacedPair | undefined;
  for (let count = 0; userIds.length > 0; ) {
    const pairs = await listGroupsOf(db, orgId, userIds, now, { after, limit: pairsAtOnce });
    for (const pair of pairs) groups.get(pair.user_id)?.push(pair);
    count += pairs.length;
    after = pairs.at(-1);
    if (pairs.length < pairsAtOnce || !after) break;
    if (count < most || after.place === 1) continue;
    // Of the last one there may be more to come.
    for (const id of userIds.slice(after.place - 1)) groups.delete(id);
    break;
  }
  return groups;
}
