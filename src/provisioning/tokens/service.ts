/**
 * SCIM tokens: bearer tokens that a directory authenticates with.
 * Tables: scim_tokens. Events: scim_token.created, .revoked. Invariant: several live at once, so that one can be exchanged for
 * another without a gap; each is 256 random bits, shown once, kept as a hash, refused at once when revoked (SC-12, PR-08).
 */
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { newId } from '../../core/id.ts';
import { readExpiry } from '../../core/moment.ts';
import { hashSecret, newSecret } from '../../core/secret.ts';
import { requireHeld } from '../../credentials/service-accounts/held.ts';
import type { ListQuery, Page } from '../../http/list.ts';
import { clientPermissions } from '../clients/permissions.ts';
import { manageScimClients, readScimClients } from '../clients/schema.ts';
import { getScimClient, lockScimClient } from '../clients/service.ts';
import {
  type CreatedScimToken,
  type NewScimToken,
  type ScimToken,
  scimTokenCreated,
  scimTokenRevoked,
} from './schema.ts';
import { insertToken, listTokens, lockToken, revokeToken } from './store.ts';

const tokenPrefix = 'ltl_scim_';
/** Characters that stay visible: the prefix and six of the 43. */
const shownLength = tokenPrefix.length + 6;

/** @throws Fault not_found, permission_not_held, request_invalid */
export async function createScimToken(
  call: Call,
  orgId: string,
  clientId: string,
  input: NewScimToken,
): Promise<CreatedScimToken> {
  call.require(manageScimClients, orgId);
  // A token does what the client may do: who makes one must hold that themselves (AZ-05).
  requireHeld(call, clientPermissions);
  const expires_at = readExpiry(call, input.expires_at);
  const token = newSecret(tokenPrefix);
  return call.write(async (inner) => {
    await lockScimClient(inner, orgId, clientId);
    const row = await insertToken(inner.db, {
      token_id: newId(inner.now.getTime()),
      client_id: clientId,
      token_hash: hashSecret(token),
      token_prefix: token.slice(0, shownLength),
      created_by: inner.userId,
      created_at: inner.now,
      expires_at,
    });
    await inner.emit(scimTokenCreated, { org_id: orgId, object_id: row.token_id, after: row });
    return { ...row, token };
  });
}

/** Revoked and expired ones stay in the list. @throws Fault not_found */
export async function listScimTokens(
  call: Call,
  orgId: string,
  clientId: string,
  page: ListQuery,
): Promise<Page<ScimToken>> {
  call.require(readScimClients, orgId);
  await getScimClient(call, orgId, clientId);
  return listTokens(call.db, orgId, clientId, page);
}

/** Ends a token for good; a second time changes nothing. @throws Fault not_found */
export async function revokeScimToken(call: Call, orgId: string, clientId: string, tokenId: string): Promise<void> {
  call.require(manageScimClients, orgId);
  await call.write(async (inner) => {
    const before = await lockToken(inner.db, orgId, clientId, tokenId);
    if (!before) throw new Fault('not_found');
    if (before.revoked_at !== null) return;
    await revokeToken(inner.db, tokenId, inner.now);
    await inner.emit(scimTokenRevoked, { org_id: orgId, object_id: tokenId, details: { client_id: clientId } });
  });
}
