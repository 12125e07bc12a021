/**
 * Invitations: addresses that were asked to join an organization.
 * Tables: invitations. Events: invitation.revoked. Invariant: an account that was disabled or deleted joins nothing by an
 * invitation from before, and nobody joins by one that it sent (checklist SC-08, AZ-10). Other organizations' invitations to the
 * same address are theirs: an organization must not end them by making and disabling an account of that name.
 */
import type { Call } from '../../core/call.ts';
import { invitationRevoked } from './schema.ts';
import { revokeOpenRows } from './store.ts';

/**
 * Ends the open invitations that a person sent, and those that the owner of her account sent her. A reaction: without a permission.
 * @returns how many
 */
export async function endInvitations(call: Call, userId: string, ownerId: string | null): Promise<number> {
  const ended = await revokeOpenRows(call.db, { user_id: userId, org_id: ownerId }, call.now);
  for (const { invitation_id, org_id } of ended) {
    await call.emit(invitationRevoked, { org_id, object_id: invitation_id, details: { user_id: userId } });
  }
  return ended.length;
}
