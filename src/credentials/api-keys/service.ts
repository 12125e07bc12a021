/**
 * API keys: bearer secrets for the REST API, owned by a person or a service account, bound to one organization or the system.
 * Tables: api_keys. Events: api_key.created, .updated, .revoked. Invariant: a key does what its scopes name AND its owner may do
 * at the time of use, never more (checklist AZ-03, AZ-05); only its SHA-256 is kept (SD-02), 256 random bits behind a prefix
 * that secret scanners know (PR-08).
 */
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { newId } from '../../core/id.ts';
import { readExpiry } from '../../core/moment.ts';
import { hashSecret, newSecret } from '../../core/secret.ts';
import { missField, refuseField } from '../../core/text.ts';
import { holdUser } from '../../directory/users/service.ts';
import type { ListQuery, Page } from '../../http/list.ts';
import { requireHeld } from '../service-accounts/held.ts';
import {
  type ApiKey,
  type ApiKeyChange,
  apiKeyCreated,
  apiKeyRevoked,
  apiKeyUpdated,
  type CreatedApiKey,
  manageApiKeys,
  type NewApiKey,
  readApiKeys,
} from './schema.ts';
import {
  insertApiKey,
  isOwnerFor,
  listApiKeys as listRows,
  lockApiKey,
  readApiKey,
  revokeRowsOf,
  updateApiKey as updateRow,
} from './store.ts';

const keyPrefix = 'ltl_key_';
/** Characters of a key that stay visible: the prefix and six of its 43. */
const shownLength = keyPrefix.length + 6;

/**
 * Makes a key. Its owner is the named service account, or whoever asks (never anybody named in the body, AZ-02).
 * @throws Fault not_found for a service account elsewhere, permission_unknown, permission_not_held, request_invalid
 */
export async function createApiKey(call: Call, orgId: string | null, input: NewApiKey): Promise<CreatedApiKey> {
  call.require(manageApiKeys, orgId);
  requireHeld(call, input.scopes);
  const expires_at = readExpiry(call, input.expires_at);
  const key = newSecret(keyPrefix);
  return call.write(async (inner) => {
    const owner = await ownerOf(inner, orgId, input.service_account_id);
    const created = await insertApiKey(
      inner.db,
      {
        api_key_id: newId(inner.now.getTime()),
        org_id: orgId,
        ...owner,
        name: input.name,
        description: input.description ?? null,
        key_prefix: key.slice(0, shownLength),
        scopes: input.scopes,
        created_by: inner.userId,
        created_at: inner.now,
        expires_at,
        last_used_at: null,
        revoked: false,
        revoked_at: null,
      },
      hashSecret(key),
    );
    if (!created) throw new Error('Two random keys were the same.');
    await inner.emit(apiKeyCreated, { org_id: orgId, object_id: created.api_key_id, after: created });
    return { ...created, key };
  });
}

type Owner = { user_id: string | null; service_account_id: string | null };

async function ownerOf(call: Call, orgId: string | null, named: string | undefined): Promise<Owner> {
  const { actor } = call;
  if (named === undefined && actor.type === 'user' && actor.id !== null) {
    // Held: whoever disables the account at this moment finds the key and ends it, or was faster (SC-08).
    if (!(await holdUser(call.db, actor.id))?.enabled) throw new Fault('unauthenticated');
    return { user_id: actor.id, service_account_id: null };
  }
  const service_account_id = named ?? (actor.type === 'service_account' ? actor.id : null);
  if (service_account_id === null) {
    refuseField('service_account_id', 'is required');
  }
  if (!(await isOwnerFor(call.db, orgId, service_account_id, { ofSystem: actor.reach === 'system' }))) {
    missField('service_account_id', 'is no service account that can own this key');
  }
  return { user_id: null, service_account_id };
}

export function listApiKeys(call: Call, orgId: string | null, page: ListQuery): Promise<Page<ApiKey>> {
  call.require(readApiKeys, orgId);
  return listRows(call.db, orgId, page);
}

/** @throws Fault not_found */
export async function getApiKey(call: Call, orgId: string | null, keyId: string): Promise<ApiKey> {
  call.require(readApiKeys, orgId);
  const key = await readApiKey(call.db, orgId, keyId);
  if (!key) throw new Fault('not_found');
  return key;
}

/**
 * Scopes that are added must be held by the caller; others may stay or go.
 * @throws Fault not_found, conflict for a revoked key, permission_unknown, permission_not_held, request_invalid
 */
export async function updateApiKey(
  call: Call,
  orgId: string | null,
  keyId: string,
  change: ApiKeyChange,
): Promise<ApiKey> {
  call.require(manageApiKeys, orgId);
  const { expires_at, ...rest } = change;
  const expiry = expires_at === undefined ? {} : { expires_at: readExpiry(call, expires_at) };
  return call.write(async (inner) => {
    const before = await lockApiKey(inner.db, orgId, keyId);
    if (!before) throw new Fault('not_found');
    if (before.revoked) throw new Fault('conflict', 'A revoked key cannot be changed.');
    requireHeld(
      inner,
      (change.scopes ?? []).filter((scope) => !before.scopes.includes(scope)),
    );
    const after = await updateRow(inner.db, keyId, { ...rest, ...expiry });
    await inner.emit(apiKeyUpdated, { org_id: orgId, object_id: keyId, before, after });
    return after;
  });
}

/** Ends a key for good; a second time changes nothing. @throws Fault not_found */
export async function revokeApiKey(call: Call, orgId: string | null, keyId: string): Promise<void> {
  call.require(manageApiKeys, orgId);
  await call.write(async (inner) => {
    const before = await lockApiKey(inner.db, orgId, keyId);
    if (!before) throw new Fault('not_found');
    if (before.revoked) return;
    await updateRow(inner.db, keyId, { revoked: true, revoked_at: inner.now });
    await inner.emit(apiKeyRevoked, { org_id: orgId, object_id: keyId });
  });
}

/**
 * Ends every key of a person, in all organizations: they stay ended when the account is enabled again (checklist SC-08). For
 * reactions: without a permission. @returns how many
 */
export async function revokeKeysOf(call: Call, userId: string): Promise<number> {
  const ended = await revokeRowsOf(call.db, userId, call.now);
  for (const { api_key_id, org_id } of ended) await call.emit(apiKeyRevoked, { org_id, object_id: api_key_id });
  return ended.length;
}
