/**
 * /Users (RFC 7644 §3): create, read, replace, PATCH, delete, list. Accounts are the directory room's, which writes, audits and
 * decides; what a client sends beyond its columns is kept beside. One transaction each, with the account's row locked before it
 * is read, so that no change is lost (SC-13).
 */
import type { Call } from '../core/call.ts';
import { Fault } from '../core/fault.ts';
import { isId } from '../core/id.ts';
import { inTurns } from '../core/turn.ts';
import { type PreparedPassword, setPassword } from '../credentials/passwords/service.ts';
import { groupsOfUsers } from '../directory/groups/service.ts';
import { claimAccount } from '../directory/users/claim.ts';
import { countUsers, searchUsers } from '../directory/users/lookup.ts';
import type { UserColumns } from '../directory/users/profile.ts';
import { type User, userUpdated } from '../directory/users/schema.ts';
import {
  createOwnedUser,
  createUnlessClaimable,
  deleteOwnedUser,
  findOwnedUser,
  holdOwnedUser,
  updateOwnedUser,
} from '../directory/users/service.ts';
import {
  putResource,
  readResource as readKept,
  refusingFirstRows,
  selectResources,
} from '../provisioning/resources/service.ts';
import { notFound } from './errors.ts';
import { checkIfMatch, isNotModified } from './etag.ts';
import { changedNames } from './changes.ts';
import { columnsOf, namesOf } from './columns.ts';
import type { JsonObject } from './json.ts';
import type { ListQuery } from './list.ts';
import { findResource, listResources, type Source } from './pages.ts';
import { parsePatch } from './patch.ts';
import { applyPatch } from './patch-apply.ts';
import { passwordIn, prepareFirst } from './passwords.ts';
import { isShown, type Projection } from './projection.ts';
import { type Asking, headersOf, type ScimAnswer, type ScimRequest } from './request.ts';
import { readResource } from './resource.ts';
import { buildResource, type Reference, splitResource, type StoredResource, type StoredRow } from './resource-store.ts';
import { type Kept, type KeptColumns, keptOf, projectionOf, show, storedUser, withinSize } from './stored.ts';
import { nameWhatIsTaken } from './taken.ts';

type Row = User & KeptColumns;

export const users: Source<Row> = {
  kind: 'User',
  select: [...selectResources, 'users.created_at::text as position'],
  search: (db, orgId, search) => searchUsers<KeptColumns>(db, orgId, search),
  count: countUsers,
  idOf: (row) => row.user_id,
  fitting: withinSize,
  shape: async (request, rows, projection) => {
    const groups = await groupsOf(
      request,
      rows.map(({ user_id }) => user_id),
      projection,
    );
    const registry = request.registries.User;
    return inTurns(rows.slice(0, groups?.size), (row) =>
      show(request, storedUser(row, keptOf(row), groups?.get(row.user_id)), registry, projection),
    );
  },
};

/** Groups that one answer to a list shows at most: it then has fewer people. One person alone is always whole. */
const maxGroupsInList = 20_000;

/** The groups of as many as there is room for; undefined when they are not asked for. */
async function groupsOf(
  { call, client, registries }: ScimRequest,
  ids: readonly string[],
  projection: Projection,
): Promise<Map<string, Reference[]> | undefined> {
  if (!isShown(projection, 'groups', registries.User)) return undefined;
  const groups = new Map<string, Reference[]>();
  for (const [id, own] of await groupsOfUsers(call.db, client.org_id, ids, call.now, maxGroupsInList)) {
    groups.set(
      id,
      own.map(({ group_id, display }) => ({ value: group_id, display })),
    );
  }
  return groups;
}

export const listUsers = (request: ScimRequest, query: ListQuery): Promise<JsonObject> =>
  listResources(request, query, users);

/** @throws ScimFault 404, the same for an unknown id and for another organization's (SC-01) */
export async function getUser(request: ScimRequest, id: string, asking: Asking): Promise<ScimAnswer> {
  const { registries, trail } = request;
  Object.assign(trail, { resource_type: 'User', resource_id: id });
  const found = await findResource(request, id, users);
  if (!found) throw notFound();
  const projection = projectionOf(asking, registries.User);
  const row = storedUser(found, keptOf(found));
  if (isNotModified(asking.if_none_match, row.version)) return { status: 304, headers: { etag: row.version } };
  return answer(request, 200, row, projection);
}

/** With the groups, where they are shown; a new account has none. */
async function answer(
  request: ScimRequest,
  status: 200 | 201,
  row: StoredRow,
  projection: Projection,
  { isNew = false } = {},
): Promise<ScimAnswer> {
  const groups = isNew ? new Map<string, Reference[]>() : await groupsOf(request, [row.id], projection);
  const registry = request.registries.User;
  const whole = buildResource(row, registry, request.base);
  const shown = show(request, groups ? { ...row, groups: groups.get(row.id) ?? [] } : row, registry, projection);
  return { status, body: shown, headers: headersOf(whole) };
}

/**
 * Makes an account that the organization owns, with its membership; or takes over its person's own one, when the organization
 * has verified the address's domain. Anybody else's account of the same name is neither read nor touched (SC-05).
 * @throws ScimFault 400, 409 uniqueness
 */
export async function postUser(request: ScimRequest, body: unknown, asking: Asking): Promise<ScimAnswer> {
  const { call, registries, notes, trail } = request;
  trail.resource_type = 'User';
  const projection = projectionOf(asking, registries.User);
  const { resource, password } = readResource(body, registries.User, notes);
  const stored = splitResource(resource, registries.User);
  const columns = columnsOf(stored, {});
  const about = { names: namesOf(columns), has_password: false, is_meant: false };
  const prepared = await prepareFirst(request, password, about);
  const make = (claims: boolean) =>
    refusingFirstRows(() => call.write((inner) => create(inner, request, { stored, columns, prepared, claims })));
  const made = await make(true)
    .catch((error: unknown) => {
      // Somebody whom no organization may take over: a separate account, as for anybody else's.
      if (error instanceof Fault && error.code === 'claim_refused') return make(false);
      throw error;
    })
    .catch(nameWhatIsTaken(request, columns.username, null));
  Object.assign(trail, { resource_id: made.row.id, changes: { created: true, claimed: made.claimed } });
  return answer(request, 201, made.row, projection, { isNew: !made.claimed });
}

interface NewAccount {
  readonly stored: StoredResource;
  readonly columns: UserColumns;
  readonly prepared: PreparedPassword | null;
  readonly claims: boolean;
}

async function create(
  call: Call,
  { client }: ScimRequest,
  { stored, columns, prepared, claims }: NewAccount,
): Promise<{ row: StoredRow; claimed: boolean }> {
  const made = claims ? await createUnlessClaimable(call, client.org_id, columns) : null;
  const claimed = claims && !made && columns.email ? await claimAccount(call, client.org_id, columns.email) : null;
  const user = claimed
    ? (await updateOwnedUser(call, client.org_id, claimed.user_id, columnsOf(stored, { ...claimed.properties }))).after
    : (made ?? (await createOwnedUser(call, client.org_id, columns)));
  const { external_id, attributes } = stored;
  const kept = await putResource(call, client, 'User', user.user_id, { external_id, attributes, is_first: !claimed });
  // The person whose account was claimed keeps her own password.
  if (prepared && !user.has_password) await setPassword(call, user.user_id, prepared, { must_change: true });
  return { row: storedUser(user, kept as Kept), claimed: claimed !== null };
}

interface Held {
  readonly user: User;
  readonly kept: Kept | null;
  readonly row: StoredRow;
}

/** The account, locked, then what is kept about it: in this order, or an older state could be read. @throws ScimFault 404, 412 */
async function hold(call: Call, { client }: ScimRequest, id: string, ifMatch: string | undefined): Promise<Held> {
  const user = isId(id) ? await holdOwnedUser(call.db, client.org_id, id) : null;
  if (!user) throw notFound();
  const kept = (await readKept(call.db, client, 'User', id)) as Kept | null;
  const row = storedUser(user, kept);
  checkIfMatch(ifMatch, row.version);
  return { user, kept, row };
}

async function peek({ call, client }: ScimRequest, id: string): Promise<User> {
  const user = isId(id) ? await findOwnedUser(call.db, client.org_id, id) : null;
  if (!user) throw notFound();
  return user;
}

/** @throws ScimFault 400, 404, 409, 412 */
export async function putUser(request: ScimRequest, id: string, body: unknown, asking: Asking): Promise<ScimAnswer> {
  const { call, registries, notes, trail } = request;
  Object.assign(trail, { resource_type: 'User', resource_id: id });
  const projection = projectionOf(asking, registries.User);
  const { resource, password } = readResource(body, registries.User, notes);
  const stored = splitResource(resource, registries.User);
  const prepared =
    password === undefined
      ? null
      : await prepareFirst(request, password, {
          names: namesOf(stored.columns),
          has_password: (await peek(request, id)).has_password,
          is_meant: false,
        });
  const put = async (inner: Call) =>
    write(inner, request, await hold(inner, request, id, asking.if_match), stored, prepared);
  const row = await call.write(put).catch(nameWhatIsTaken(request, stored.columns.username, id));
  return answer(request, 200, row, projection);
}

/** @throws ScimFault 400, 404, 409, 412 */
export async function patchUser(request: ScimRequest, id: string, body: unknown, asking: Asking): Promise<ScimAnswer> {
  const { call, registries, notes, trail, base } = request;
  Object.assign(trail, { resource_type: 'User', resource_id: id });
  const projection = projectionOf(asking, registries.User);
  const operations = parsePatch(body, registries.User, notes);
  const password = passwordIn(operations);
  let prepared: PreparedPassword | null = null;
  if (password !== undefined) {
    const user = await peek(request, id);
    const about = { names: namesOf(user), has_password: user.has_password, is_meant: true };
    prepared = await prepareFirst(request, password, about);
  }
  const row = await call.write(async (inner) => {
    const held = await hold(inner, request, id, asking.if_match);
    const whole = buildResource(held.row, registries.User, base);
    const { resource, changed } = applyPatch(operations, whole, registries.User, notes);
    return changed ? write(inner, request, held, splitResource(resource, registries.User), prepared) : held.row;
  });
  return answer(request, 200, row, projection);
}

async function write(
  call: Call,
  { client, trail }: ScimRequest,
  { user, kept }: Held,
  stored: StoredResource,
  prepared: PreparedPassword | null,
): Promise<StoredRow> {
  const columns = columnsOf(stored, user.properties as Record<string, unknown>);
  // The userName of an account without one is its e-mail: to send that back sets no username.
  if (user.username === null && columns.username?.toLowerCase() === user.email?.toLowerCase()) delete columns.username;
  const { after, changed } = await updateOwnedUser(call, client.org_id, user.user_id, columns);
  const { external_id, attributes } = stored;
  const content = { external_id, attributes, touch: changed.length > 0 };
  const next = await putResource(call, client, 'User', user.user_id, content);
  const names = changedNames(
    { external_id: kept?.external_id ?? null, ...kept?.attributes },
    { external_id, ...attributes },
  );
  if (next.changed && changed.length === 0) {
    // No column of ours differs, yet the directory's picture of the person does: that is a change too (SC-16).
    const details = { attributes: names, scim_client_id: client.client_id };
    await call.emit(userUpdated, { org_id: client.org_id, object_id: user.user_id, details });
  }
  if (prepared && !user.has_password) await setPassword(call, user.user_id, prepared, { must_change: true });
  if (next.changed) trail.changes = { columns: changed, attributes: names };
  return storedUser(after, next as Kept);
}

/** The kill switch: everything that the account could do ends in the same transaction, by reactions. @throws ScimFault 404, 412 */
export async function deleteUser(request: ScimRequest, id: string, asking: Asking): Promise<ScimAnswer> {
  const { call, client, trail } = request;
  Object.assign(trail, { resource_type: 'User', resource_id: id });
  await call.write(async (inner) => {
    await hold(inner, request, id, asking.if_match);
    await deleteOwnedUser(inner, client.org_id, id);
  });
  trail.changes = { deleted: true };
  return { status: 204 };
}
