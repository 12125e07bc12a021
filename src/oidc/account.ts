/** Accounts as the provider asks for them. What a token says is read when it is issued, never copied from the one before (RT-09). */
import { type Account, errors, type FindAccount, type KoaContextWithOIDC } from 'oidc-provider';
import { readSubject, type Subject } from '../applications/tokens/subjects.ts';
import { isId } from '../core/id.ts';
import { defectOf } from './adapters/base.ts';
import { claimsOf } from './claims.ts';
import { subjectKey, unitNow } from './unit.ts';

/** The active person of this request as a member of an organization, read once. */
export async function subjectOf(accountId: string, orgId: string | null): Promise<Subject | undefined> {
  const unit = unitNow();
  if (!unit || !isId(accountId)) return undefined;
  try {
    return await unit.once(subjectKey(accountId, orgId), () => readSubject(unit.db, accountId, orgId, unit.call.now));
  } catch (error) {
    throw defectOf(error);
  }
}

/**
 * The provider's `findAccount`. Behind a code or token the person was already found active when it was read;
 * at sign-in the person is looked at here.
 */
export const findAccount: FindAccount = async (_context: KoaContextWithOIDC, accountId, token) => {
  if (!token && !(await subjectOf(accountId, null))) return undefined;
  const account: Account = {
    accountId,
    async claims() {
      const subject = await subjectOf(accountId, unitNow()?.organization ?? null);
      if (!subject) throw new errors.InvalidGrant('the account or its membership is not active');
      return claimsOf(subject);
    },
  };
  return account;
};
