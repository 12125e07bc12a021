/**
 * Resources: what a SCIM client sent about a user or a group, kept beside our own columns, so that nothing is lost.
 * Tables: scim_resources. Events: none; the change of the user or group is the event. Invariant: a row is about a user or group
 * that the client's organization owns (SC-01), `external_id` is unique per client and no key of ours (SC-03), and the version
 * counts every change. One statement each: they are for the inside of a transaction that has the user or group locked or
 * has just made it.
 */
import type { Knex } from 'knex';
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { isId } from '../../core/id.ts';
import type { Fragment } from '../../db/search.ts';
import { manageGroups } from '../../directory/groups/schema.ts';
import { updateUsers } from '../../directory/users/schema.ts';
import type { ResourceKey, ResourceRow } from './schema.ts';
import {
  type Content,
  deleteRows,
  insertUserRow,
  listUsersByExternalId,
  putRow,
  readRow,
  refusingRows,
} from './store.ts';

export type { ResourceKey, ResourceRow } from './schema.ts';

/** The client that asks, as `authenticateScim` gives it. */
export interface ResourceClient {
  readonly client_id: string;
  readonly org_id: string;
}

export type ResourceType = ResourceKey['resource_type'];

const keyOf = (call: Call, client: ResourceClient, resource_type: ResourceType, resource_id: string): ResourceKey => {
  call.require(resource_type === 'User' ? updateUsers : manageGroups, client.org_id);
  if (!isId(resource_id)) throw new Fault('not_found');
  return { client_id: client.client_id, org_id: client.org_id, resource_type, resource_id };
};

export interface PutContent extends Content {
  /** Columns or members differ: the version moves. */
  readonly touch?: boolean;
  /**
   * An account that was made in this transaction: its row travels with COMMIT, and what is wrong with it comes to light there. The
   * transaction has to be opened within `refusingFirstRows`.
   */
  readonly is_first?: boolean;
}

/**
 * Keeps what was sent. The version moves when something differs, or when `touch` says that columns or members did.
 * @returns the row as it is now; `changed` is false when nothing was written
 * @throws Fault not_found (nothing of this organization), external_id_taken, request_invalid
 */
export async function putResource(
  call: Call,
  client: ResourceClient,
  type: ResourceType,
  id: string,
  content: PutContent,
): Promise<ResourceRow & { readonly changed: boolean }> {
  const key = keyOf(call, client, type, id);
  const row = await call.write((inner) =>
    type === 'User' && content.is_first
      ? insertUserRow(inner.db, key, content, inner.now)
      : putRow(inner.db, key, content, content.touch ?? false, inner.now),
  );
  if (!row) throw new Fault('not_found');
  return row;
}

/** Around a transaction with first rows. @throws Fault external_id_taken, request_invalid, not_found (the client has gone) */
export const refusingFirstRows = refusingRows;

/** What the client keeps about one resource; null when it never sent anything. */
export async function readResource(
  db: Knex,
  { client_id }: ResourceClient,
  type: ResourceType,
  id: string,
): Promise<ResourceRow | null> {
  return isId(id) ? ((await readRow(db, client_id, type, id)) ?? null) : null;
}

/** The account that an organization's directories call by this id; null for none, and where two of them mean different ones. */
export async function findUserByExternalId(db: Knex, orgId: string, externalId: string): Promise<string | null> {
  const [only, other] = await listUsersByExternalId(db, orgId, externalId);
  return other === undefined ? (only ?? null) : null;
}

/**
 * A user or group is gone: what every client kept about it goes too, so that its external ids are free again. A reaction,
 * without a permission of its own.
 */
export async function forgetResource(call: Call, resourceId: string): Promise<void> {
  await deleteRows(call.db, resourceId);
}

const idColumns = { User: 'users.user_id', Group: 'user_groups.group_id' } as const;

/** For `searchUsers` and `searchGroups`: the client's row beside each, under the name `scim_resources`. */
export const joinResources = ({ client_id }: ResourceClient, type: ResourceType): Fragment => ({
  sql: `left join scim_resources on scim_resources.client_id = ?::uuid and scim_resources.resource_id = ${idColumns[type]}`,
  bindings: [client_id],
});

/** Columns of that row for `select`; null where the client never sent anything. */
export const selectResources: readonly string[] = [
  'scim_resources.external_id',
  'scim_resources.attributes as kept_attributes',
  'scim_resources.version as kept_version',
  'scim_resources.updated_at as kept_updated_at',
];
