/**
 * SCIM clients: directories that provision into one organization. Each is an OAuth client as well (client_credentials).
 * Tables: scim_clients (and the standard mapping of a new one). Events: scim_client.created, .updated, .deleted, .secret_rotated.
 * Invariant: a client belongs to one organization for good, its id is made here (SC-02), its secret is shown once and kept as
 * a hash (SC-12), and nobody makes one who could not do by hand what it may do (AZ-05).
 */
import { isDeepStrictEqual } from 'node:util';
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { newId } from '../../core/id.ts';
import { readExpiry } from '../../core/moment.ts';
import { hashSecret, newSecret } from '../../core/secret.ts';
import { readName } from '../../core/text.ts';
import { requireHeld } from '../../credentials/service-accounts/held.ts';
import type { ListQuery, Page } from '../../http/list.ts';
import type { MappingEngine } from '../mappings/engine.ts';
import { giveStandardMappings } from '../mappings/standard.ts';
import { clientPermissions } from './permissions.ts';
import {
  type CreatedScimClient,
  manageScimClients,
  type NewScimClient,
  type NewScimSecret,
  readScimClients,
  type ScimClient,
  type ScimClientChange,
  type ScimClientRow,
  type ScimSecretRotation,
  scimClientCreated,
  scimClientDeleted,
  scimClientSecretRotated,
  scimClientUpdated,
} from './schema.ts';
import {
  bumpMappingVersion,
  deleteClient,
  getClient,
  insertClient,
  listClients,
  lockClient,
  replaceSecret,
  updateClient,
} from './store.ts';

const secretPrefix = 'ltl_secret_';

/** The address that a directory is given; also the audience of access tokens for it. */
export const scimBaseUrl = (url: string): string => `${url}/scim/v2`;

const shown = (call: Call, row: ScimClientRow): ScimClient => ({
  ...row,
  base_url: scimBaseUrl(call.app.config.url),
  token_endpoint: `${call.app.config.url}/oauth/token`,
});

/**
 * Makes a client with the standard mapping.
 * @throws Fault not_found (no such organization), permission_not_held, request_invalid
 */
export async function createScimClient(
  call: Call,
  orgId: string,
  input: NewScimClient,
  { standard }: Pick<MappingEngine, 'standard'>,
): Promise<CreatedScimClient> {
  call.require(manageScimClients, orgId);
  requireHeld(call, clientPermissions);
  const name = input.name === undefined ? 'Directory' : readName('name', input.name, 255);
  const expires_at = readExpiry(call, input.expires_at);
  const client_secret = newSecret(secretPrefix);
  return call.write(async (inner) => {
    const row = await insertClient(inner.db, {
      client_id: newId(inner.now.getTime()),
      org_id: orgId,
      name,
      client_secret_hash: hashSecret(client_secret),
      created_by: inner.userId,
      now: inner.now,
      expires_at,
    });
    if (!row) throw new Fault('not_found');
    await giveStandardMappings(inner.db, row.client_id, standard);
    await inner.emit(scimClientCreated, { org_id: orgId, object_id: row.client_id, after: row });
    return { ...shown(inner, row), client_secret };
  });
}

export async function listScimClients(call: Call, orgId: string, page: ListQuery): Promise<Page<ScimClient>> {
  call.require(readScimClients, orgId);
  const { items, next } = await listClients(call.db, orgId, page);
  return { items: items.map((row) => shown(call, row)), next };
}

/** @throws Fault not_found */
export async function getScimClient(call: Call, orgId: string, clientId: string): Promise<ScimClient> {
  call.require(readScimClients, orgId);
  const row = await getClient(call.db, orgId, clientId);
  if (!row) throw new Fault('not_found');
  return shown(call, row);
}

/** For the other nouns of this room: the client, locked until the transaction ends. @throws Fault not_found */
export async function lockScimClient(call: Call, orgId: string, clientId: string): Promise<ScimClientRow> {
  const row = await lockClient(call.db, orgId, clientId);
  if (!row) throw new Fault('not_found');
  return row;
}

/** The mappings of a locked client are others now. */
export const moveMappingVersion = (call: Call, clientId: string): Promise<ScimClientRow> =>
  bumpMappingVersion(call.db, clientId, call.now);

/**
 * Switching a client off refuses all of its tokens at once; they work again when it is switched on.
 * @throws Fault not_found, request_invalid
 */
export async function updateScimClient(
  call: Call,
  orgId: string,
  clientId: string,
  { name, enabled, expires_at }: ScimClientChange,
): Promise<ScimClient> {
  call.require(manageScimClients, orgId);
  const wanted = {
    ...(name === undefined ? {} : { name: readName('name', name, 255) }),
    ...(enabled === undefined ? {} : { enabled }),
    ...(expires_at === undefined ? {} : { expires_at: readExpiry(call, expires_at) }),
  };
  return call.write(async (inner) => {
    const before = await lockScimClient(inner, orgId, clientId);
    const names = (Object.keys(wanted) as (keyof typeof wanted)[]).filter(
      (one) => !isDeepStrictEqual(wanted[one], before[one]),
    );
    if (names.length === 0) return shown(inner, before);
    const after = await updateClient(inner.db, clientId, inner.now, wanted);
    const pick = (row: ScimClientRow) => Object.fromEntries(names.map((one) => [one, row[one]]));
    await inner.emit(scimClientUpdated, {
      org_id: orgId,
      object_id: clientId,
      before: pick(before),
      after: pick(after),
    });
    return shown(inner, after);
  });
}

/** Deletes a client with its tokens, mappings and what it kept. The people and groups that it made stay. @throws Fault not_found */
export async function deleteScimClient(call: Call, orgId: string, clientId: string): Promise<void> {
  call.require(manageScimClients, orgId);
  await call.write(async (inner) => {
    const before = await lockScimClient(inner, orgId, clientId);
    await deleteClient(inner.db, clientId);
    await inner.emit(scimClientDeleted, { org_id: orgId, object_id: clientId, before });
  });
}

/**
 * Gives a client a new secret. The one before it works for `grace_seconds` more, so that it can be exchanged without a gap.
 * @throws Fault not_found, permission_not_held
 */
export async function rotateScimClientSecret(
  call: Call,
  orgId: string,
  clientId: string,
  { grace_seconds = 0 }: ScimSecretRotation,
): Promise<NewScimSecret> {
  call.require(manageScimClients, orgId);
  requireHeld(call, clientPermissions);
  const client_secret = newSecret(secretPrefix);
  return call.write(async (inner) => {
    await lockScimClient(inner, orgId, clientId);
    const until = grace_seconds > 0 ? new Date(inner.now.getTime() + grace_seconds * 1000) : null;
    await replaceSecret(inner.db, clientId, inner.now, hashSecret(client_secret), until);
    await inner.emit(scimClientSecretRotated, { org_id: orgId, object_id: clientId, details: { grace_seconds } });
    return { client_id: clientId, client_secret, previous_secret_expires_at: until };
  });
}
