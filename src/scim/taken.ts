/** Which name was taken, where the database says the e-mail: SCIM knows accounts by `userName` (RFC 7643 §4.1.1), so that comes first. */
import { Fault } from '../core/fault.ts';
import { findOwnedByIdentifier } from '../directory/users/lookup.ts';
import { notUnique } from './errors.ts';
import type { ScimRequest } from './request.ts';

/**
 * Looks after a refused write, within the client's own organization: the unique index of the e-mail is asked first, and says
 * nothing of a `userName` that is taken besides.
 * @param id of the account that was written; null for a new one
 * @returns what to hand to `catch`: throws ScimFault 409 uniqueness, or the error as it was
 */
export const nameWhatIsTaken =
  ({ call, client }: ScimRequest, username: unknown, id: string | null) =>
  async (error: unknown): Promise<never> => {
    if (error instanceof Fault && error.code === 'email_taken' && typeof username === 'string') {
      const other = await findOwnedByIdentifier(call.db, client.org_id, username);
      if (other && other.user_id !== id) throw notUnique('userName');
    }
    throw error;
  };
