/** SQL of `invitations`. */
import type { Knex } from 'knex';

export interface EndedInvitation {
  readonly invitation_id: string;
  readonly org_id: string;
}

/** Ends what is open: what the person sent, in every organization, and what one organization sent to her addresses. */
export async function revokeOpenRows(
  db: Knex,
  { user_id, org_id }: { readonly user_id: string; readonly org_id: string | null },
  now: Date,
): Promise<EndedInvitation[]> {
  return db('invitations')
    .whereNull('accepted_at')
    .whereNull('revoked_at')
    .where((query) => {
      query.where({ invited_by: user_id });
      if (org_id !== null) {
        query.orWhereRaw('org_id = ? and lower(email) = (select lower(u.email) from users u where u.user_id = ?)', [
          org_id,
          user_id,
        ]);
      }
    })
    .update({ revoked_at: now })
    .returning(['invitation_id', 'org_id']);
}
