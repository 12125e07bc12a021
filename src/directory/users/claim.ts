/** Claiming: the one way in which an account changes its owner (data model: one rule that keeps customers apart). */
import type { Call } from '../../core/call.ts';
import { hasVerifiedDomainOf } from '../domains/service.ts';
import { findOrganization } from '../organizations/service.ts';
import { normalizeEmail } from './identifiers.ts';
import { createUsers, type User, userClaimed } from './schema.ts';
import { joinHome, lockClaimable, updateUserRow } from './store.ts';

/**
 * Takes over the person-owned account with this address, when the organization has verified the address's domain for itself
 * alone. The person's own address must be confirmed too: whoever once typed a stranger's address into a sign-up form must not
 * come along into the organization (checklist FD-02). Reactions may refuse, for an administrator of the system for instance.
 * @returns null when there is nothing to take over; a new account is made then
 * @throws Fault email_taken when the organization owns an account of that name already; claim_refused
 */
export async function claimAccount(call: Call, orgId: string, address: string): Promise<User | null> {
  call.require(createUsers, orgId);
  const email = normalizeEmail(address);
  return call.write(async (inner) => {
    if (!(await hasVerifiedDomainOf(inner.db, orgId, email, true))) return null;
    const organization = await findOrganization(inner.db, orgId);
    const before = organization && (await lockClaimable(inner.db, email));
    if (!before) return null;
    const after = await updateUserRow(inner.db, before.user_id, { home_org_id: orgId, updated_at: inner.now });
    await joinHome(inner.db, before.user_id, orgId, inner.now);
    await inner.emit(userClaimed, {
      org_id: orgId,
      object_id: before.user_id,
      before: { home_org_id: null },
      after: { home_org_id: orgId, email: after.email },
    });
    await inner.app.mail(inner, {
      to: before.email ?? email,
      subject: `Your account now belongs to ${organization.org_name}`,
      text:
        `${organization.org_name} has shown that it owns the domain of your address ${before.email}, and took over your account ` +
        `at ${inner.app.config.url}.\n\nFrom now on it decides how you sign in, and may change or disable the account. ` +
        'If you did not expect this, ask its administrators.\n',
    });
    return after;
  });
}
