/**
 * /Groups (RFC 7644 §3). A PATCH that is about members only is a delta: work in proportion to the change, not to the group
 * (design §5.1), and neither the group nor its members are loaded. Members are users of the organization; groups within groups
 * have no table and are refused. A group gives roles only where somebody gave them to it (SC-17): its name means nothing.
 */
import type { Call } from '../core/call.ts';
import { isId } from '../core/id.ts';
import { inTurns, nextTurn } from '../core/turn.ts';
import { changeMembers, type MemberDelta } from '../directory/groups/members.ts';
import { type Group, groupUpdated } from '../directory/groups/schema.ts';
import {
  countGroups,
  createGroup,
  deleteGroup as removeGroup,
  holdGroup,
  ownedMembersOf,
  searchGroups,
  updateGroup,
} from '../directory/groups/service.ts';
import { shareAccess } from '../directory/organizations/service.ts';
import { putResource, readResource as readKept, selectResources } from '../provisioning/resources/service.ts';
import { changedNames } from './changes.ts';
import { invalidValue, notFound } from './errors.ts';
import { checkIfMatch, isNotModified } from './etag.ts';
import type { JsonObject } from './json.ts';
import type { ListQuery } from './list.ts';
import { compileMembership, type MembershipDelta } from './membership.ts';
import { findResource, listResources, type Source } from './pages.ts';
import { type Operation, parsePatch } from './patch.ts';
import { applyPatchInTurns } from './patch-apply.ts';
import { isShown, type Projection } from './projection.ts';
import { type Asking, headersOf, type ScimAnswer, type ScimRequest } from './request.ts';
import { readResource } from './resource.ts';
import { buildResource, type Reference, splitResource, type StoredResource, type StoredRow } from './resource-store.ts';
import { type Kept, type KeptColumns, keptOf, projectionOf, show, storedGroup, withinSize } from './stored.ts';

type Row = Group & KeptColumns;

/** Members that one answer to a list shows at most: it then has fewer groups. One group alone is always whole. */
const maxMembersInList = 20_000;

export const groups: Source<Row> = {
  kind: 'Group',
  select: [...selectResources, 'user_groups.created_at::text as position'],
  search: (db, orgId, search) => searchGroups<KeptColumns>(db, orgId, search),
  count: countGroups,
  idOf: (row) => row.group_id,
  fitting: (rows, projection, registry) => {
    const most = withinSize(rows);
    if (!isShown(projection, 'members', registry)) return most;
    let members = 0;
    const full = rows.findIndex((row, index) => {
      members += row.member_count;
      return index > 0 && members > maxMembersInList;
    });
    return full < 0 ? most : Math.min(most, full);
  },
  shape: async (request, rows, projection) => {
    const members = await membersOf(
      request,
      rows.map(({ group_id }) => group_id),
      projection,
    );
    const registry = request.registries.Group;
    return inTurns(rows, (row) =>
      show(request, storedGroup(row, keptOf(row), members && (members.get(row.group_id) ?? [])), registry, projection),
    );
  },
};

/** The members of each; undefined, and not read, when they are not asked for. */
async function membersOf(
  { call, client, registries }: ScimRequest,
  ids: readonly string[],
  projection: Projection,
): Promise<Map<string, Reference[]> | undefined> {
  if (!isShown(projection, 'members', registries.Group)) return undefined;
  const members = new Map<string, Reference[]>();
  for (const { user_id, group_id, display } of await ownedMembersOf(call.db, client.org_id, ids, call.now)) {
    const own = members.get(group_id);
    if (own) own.push({ value: user_id, display });
    else members.set(group_id, [{ value: user_id, display }]);
  }
  return members;
}

export const listGroups = (request: ScimRequest, query: ListQuery): Promise<JsonObject> =>
  listResources(request, query, groups);

/** @throws ScimFault 404, the same for an unknown id and for another organization's (SC-01) */
export async function getGroup(request: ScimRequest, id: string, asking: Asking): Promise<ScimAnswer> {
  const { registries, trail } = request;
  Object.assign(trail, { resource_type: 'Group', resource_id: id });
  const found = await findResource(request, id, groups);
  if (!found) throw notFound();
  const row = storedGroup(found, keptOf(found));
  if (isNotModified(asking.if_none_match, row.version)) return { status: 304, headers: { etag: row.version } };
  return answer(request, 200, row, projectionOf(asking, registries.Group));
}

const kept = async (call: Call, { client }: ScimRequest, id: string): Promise<Kept | null> =>
  (await readKept(call.db, client, 'Group', id)) as Kept | null;

async function answer(
  request: ScimRequest,
  status: 200 | 201,
  row: StoredRow,
  projection: Projection,
): Promise<ScimAnswer> {
  const members = await membersOf(request, [row.id], projection);
  const registry = request.registries.Group;
  const whole = buildResource(row, registry, request.base);
  await turnAfter(members?.get(row.id));
  const shown = show(request, members ? { ...row, members: members.get(row.id) ?? [] } : row, registry, projection);
  return { status, body: shown, headers: headersOf(whole) };
}

/** What was done for a large group is enough for one turn of the event loop (RE-17). */
const turnAfter = async (members: readonly unknown[] | undefined): Promise<void> => {
  if (members && members.length > 1000) await nextTurn();
};

/** @throws ScimFault 400, 409 uniqueness */
export async function postGroup(request: ScimRequest, body: unknown, asking: Asking): Promise<ScimAnswer> {
  const { call, client, registries, notes, trail } = request;
  trail.resource_type = 'Group';
  const projection = projectionOf(asking, registries.Group);
  const { resource } = readResource(body, registries.Group, notes);
  const stored = splitResource(resource, registries.Group);
  const columns = columnsOf(stored);
  await turnAfter(stored.members);
  const row = await call.write(async (inner) => {
    await shareAccess(inner.db, client.org_id);
    const made = await createGroup(inner, client.org_id, columns);
    const group = await setMembers(inner, request, made, { add: stored.members ?? [] });
    const { external_id, attributes } = stored;
    const next = await putResource(inner, client, 'Group', group.group_id, { external_id, attributes });
    return storedGroup(group, next as Kept);
  });
  Object.assign(trail, { resource_id: row.id, changes: { ...trail.changes, created: true } });
  return answer(request, 201, row, projection);
}

/** @throws ScimFault 400 invalidValue without a name */
function columnsOf({ columns }: StoredResource): { name: string; description?: string | null } {
  const { name, description } = columns;
  if (typeof name !== 'string') throw invalidValue('displayName is required.');
  return description === undefined
    ? { name }
    : { name, description: description === null ? null : String(description) };
}

/** Who comes and goes; only accounts that the organization owns are seen (SC-01). @returns the group as it is now */
async function setMembers(
  call: Call,
  { client, trail }: ScimRequest,
  group: Group,
  delta: MemberDelta,
): Promise<Group> {
  const isNothing = !delta.replaceWith && (delta.add ?? []).length === 0 && (delta.remove ?? []).length === 0;
  if (isNothing) return group;
  const change = await changeMembers(call, client.org_id, group.group_id, { ...delta, owned_only: true });
  noteMembers(trail, change);
  return change.group;
}

function noteMembers(
  trail: ScimRequest['trail'],
  { added, removed }: { added: readonly string[]; removed: readonly string[] },
): void {
  trail.changes = { ...trail.changes, members_added: added.slice(0, 100), members_removed: removed.slice(0, 100) };
}

interface Held {
  readonly group: Group;
  readonly kept: Kept | null;
  readonly row: StoredRow;
}

/** In the order in which every change of a group takes its locks. @throws ScimFault 404, 412 */
async function hold(call: Call, request: ScimRequest, id: string, ifMatch: string | undefined): Promise<Held> {
  const { org_id } = request.client;
  if (!isId(id)) throw notFound();
  await shareAccess(call.db, org_id);
  const group = await holdGroup(call.db, org_id, id);
  if (!group) throw notFound();
  const own = await kept(call, request, id);
  const row = storedGroup(group, own);
  checkIfMatch(ifMatch, row.version);
  return { group, kept: own, row };
}

/** Without `members` they stay as they are; with an empty list nobody stays. @throws ScimFault 400, 404, 409, 412 */
export async function putGroup(request: ScimRequest, id: string, body: unknown, asking: Asking): Promise<ScimAnswer> {
  const { call, registries, notes, trail } = request;
  Object.assign(trail, { resource_type: 'Group', resource_id: id });
  const projection = projectionOf(asking, registries.Group);
  const { resource } = readResource(body, registries.Group, notes);
  const stored = splitResource(resource, registries.Group);
  await turnAfter(stored.members);
  const row = await call.write(async (inner) => {
    const held = await hold(inner, request, id, asking.if_match);
    return write(inner, request, held, stored, stored.members ? { replaceWith: stored.members } : {});
  });
  return answer(request, 200, row, projection);
}

async function write(
  call: Call,
  request: ScimRequest,
  held: Held,
  stored: StoredResource,
  delta: MemberDelta,
): Promise<StoredRow> {
  const { client, trail } = request;
  const { group_id } = held.group;
  const { after, changed } = await updateGroup(call, client.org_id, group_id, columnsOf(stored));
  const group = await setMembers(call, request, after, delta);
  const { external_id, attributes } = stored;
  const content = { external_id, attributes, touch: changed.length > 0 };
  const next = await putResource(call, client, 'Group', group_id, content);
  const before = { external_id: held.kept?.external_id ?? null, ...held.kept?.attributes };
  const names = changedNames(before, { external_id, ...attributes });
  if (next.changed && changed.length === 0) {
    // No column of ours differs, yet the directory's picture of the group does: that is a change too (SC-16).
    const details = { attributes: names, scim_client_id: client.client_id };
    await call.emit(groupUpdated, { org_id: client.org_id, object_id: group_id, details });
  }
  if (next.changed) trail.changes = { ...trail.changes, columns: changed, attributes: names };
  return storedGroup(group, next as Kept);
}

/**
 * 204, as Entra expects it; 200 with the group only where `attributes` asks for it (RFC 7644 §3.5.2).
 * @throws ScimFault 400, 404, 409, 412
 */
export async function patchGroup(request: ScimRequest, id: string, body: unknown, asking: Asking): Promise<ScimAnswer> {
  const { call, registries, notes, trail } = request;
  Object.assign(trail, { resource_type: 'Group', resource_id: id });
  if (!isId(id)) throw notFound();
  const operations = parsePatch(body, registries.Group, notes);
  const delta = compileMembership(operations, notes);
  await turnAfter(delta.replace ?? [...delta.add, ...delta.remove]);
  const isDelta = delta.other.length === 0 && !delta.needsGroup && asking.if_match === undefined;
  if (isDelta) await patchMembers(request, id, delta);
  else await call.write((inner) => patchWhole(inner, request, id, operations, delta, asking.if_match));
  if (asking.attributes === undefined || asking.attributes === '') return { status: 204 };
  return getGroup(request, id, { attributes: asking.attributes, excludedAttributes: asking.excludedAttributes });
}

async function patchMembers({ call, client, trail }: ScimRequest, id: string, delta: MembershipDelta): Promise<void> {
  const change = await changeMembers(call, client.org_id, id, { ...deltaOf(delta), owned_only: true });
  noteMembers(trail, change);
}

const deltaOf = ({ add, remove, replace }: MembershipDelta): MemberDelta =>
  replace ? { replaceWith: replace } : { add, remove };

async function patchWhole(
  call: Call,
  request: ScimRequest,
  id: string,
  operations: Operation[],
  delta: MembershipDelta,
  ifMatch: string | undefined,
): Promise<void> {
  const { registries, notes, base, client } = request;
  const held = await hold(call, request, id, ifMatch);
  const members = delta.needsGroup ? await ownedMembersOf(call.db, client.org_id, [id], call.now) : undefined;
  await turnAfter(members);
  const references = members?.map(({ user_id, display }) => ({ value: user_id, display }));
  await turnAfter(members);
  const whole = buildResource({ ...held.row, members: references }, registries.Group, base);
  await turnAfter(members);
  const applied = delta.needsGroup ? operations : delta.other;
  const { resource, changed } = await applyPatchInTurns(applied, whole, registries.Group, notes);
  await turnAfter(members);
  if (changed) {
    const stored = splitResource(resource, registries.Group);
    await turnAfter(members);
    const replaced = stored.members ? { replaceWith: stored.members } : {};
    await write(call, request, held, stored, delta.needsGroup ? replaced : deltaOf(delta));
  } else if (!delta.needsGroup) await setMembers(call, request, held.group, deltaOf(delta));
}

/** Its members lose what it gave them. @throws ScimFault 404, 412 */
export async function deleteGroup(request: ScimRequest, id: string, asking: Asking): Promise<ScimAnswer> {
  const { call, client, trail } = request;
  Object.assign(trail, { resource_type: 'Group', resource_id: id });
  await call.write(async (inner) => {
    await hold(inner, request, id, asking.if_match);
    await removeGroup(inner, client.org_id, id);
  });
  trail.changes = { deleted: true };
  return { status: 204 };
}
