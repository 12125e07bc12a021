/**
 * The sign-in flow: from what an application asks for to a session, step by step over a stored attempt.
 * Tables: signin_attempts. Events: none of its own; the session that it ends in says who signed in.
 * Invariant: a session begins only from a proof that was made in this attempt, for this account, by this browser, and the
 * account may sign in at that moment (checklist AU-12, AU-13, AU-22, SE-01).
 */
import type { App } from '../../core/app.ts';
import type { Actor, Call } from '../../core/call.ts';
import { findOrganization } from '../../directory/organizations/service.ts';
import type { User } from '../../directory/users/schema.ts';
import type { NewSession } from '../sessions/schema.ts';
import { createSession, leaveDevice, noteSignin } from '../sessions/service.ts';
import { givePlaceBack, recordTry, type TakenPlace } from '../throttle/service.ts';
import { deviceOf, markDevice } from './device.ts';
import { deleteExpiredAttempts, deleteProofsOf, takeAttempt, takeProof } from './store.ts';
import type { Walk } from './walk.ts';

/** The actor of what a person does by signing in; it may do nothing else. */
export const signingIn = (user: User): Actor => ({
  type: 'user',
  id: user.user_id,
  label: user.email ?? user.username ?? user.user_id,
  reach: null,
  permissions: new Set(),
});

/**
 * Why a password opens no account; null when it may: the account is closed, or the organization that owns it allows no passwords
 * (FD-03). For our eyes only: people read the same words for all of them (AU-07).
 */
export async function refusalOf({ call, parts }: Walk, user: User): Promise<string | null> {
  if (!user.enabled) return 'account_disabled';
  if (user.locked) return 'account_locked';
  const owner = user.home_org_id === null ? null : await findOrganization(call.db, user.home_org_id);
  if (user.home_org_id === null) return null;
  if (owner?.status !== 'active') return 'organization_inactive';
  const methods = await parts.company.methodsOf(call.db, user.home_org_id);
  return methods.password === false ? 'method_disabled' : null;
}

export type Proof = Omit<NewSession, 'user_id' | 'device_fingerprint' | 'auth_time'> & { readonly auth_time: Date };

/**
 * Ends an attempt well, in one transaction: the session begins and the provider goes on (303). Earlier sessions of this browser
 * end. Whether the account may sign in is asked under its lock, whatever was read of it before. An attempt ends once: what was sent
 * twice, by a double click, is led to where the first one led, and begins nothing.
 * @param place what the try took of the limits; given back with the session
 * @returns false when the account may not sign in (any more)
 */
export async function finish(walk: Walk, user: User, proof: Proof, place?: TakenPlace): Promise<boolean> {
  const { context, call, attempt, details } = walk;
  const { user_id } = user;
  const isMarked = deviceOf(context) !== null;
  return call.as(signingIn(user)).write(async (inner) => {
    const noting = noteSignin(inner, user_id, proof.provider_id ?? null);
    // In the same trip. Who chose a new password took the attempt with its proof.
    const taking = attempt.proven_at === null ? takeAttempt(inner.db, attempt.attempt_id) : true;
    const [isNoted, isFirst] = await Promise.all([noting, taking]);
    if (!isNoted) return false;
    if (!isFirst) {
      await walk.parts.interactions.goOn(context, walk.uid);
      if (place) await givePlaceBack(inner, place);
      return true;
    }
    const device_fingerprint = markDevice(context);
    const people = [user_id, ...(details.session ? [details.session.account_id] : [])];
    // A mark that was made just now stands in no session.
    if (isMarked) await leaveDevice(inner, people, device_fingerprint);
    await recordTry(inner, {
      success: true,
      user_id,
      org_id: proof.org_id,
      identifier: attempt.identifier,
      failure_reason: null,
    });
    const { session_id } = await createSession(inner, { ...proof, user_id, device_fingerprint });
    const { amr, acr, auth_time, org_id } = proof;
    const login = { account_id: user_id, amr, acr, auth_time, org_id, session_id };
    await walk.parts.interactions.finishLogin(context, walk.uid, login, inner);
    // Last: everybody shares the counters, and waits as long as they are held.
    if (place) await givePlaceBack(inner, place);
    return true;
  });
}

/** Uses up what was proven in an attempt. @returns whether it still counted */
export const useProof = (call: Call, attemptId: string, userId: string): Promise<boolean> =>
  takeProof(call.db, attemptId, userId);

/** What was proven by a password ends with that password (AU-13); a reaction. */
export const endProofs = (call: Call, userId: string): Promise<void> => deleteProofsOf(call.db, userId);

/** Deletes attempts that nobody finished; a job's work. @returns how many */
export async function expireAttempts(app: App): Promise<number> {
  let all = 0;
  for (let round = 0; round < 100; round += 1) {
    const deleted = await deleteExpiredAttempts(app.db, app.clock(), 5000);
    all += deleted;
    if (deleted < 5000) break;
  }
  return all;
}
