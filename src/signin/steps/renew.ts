/** A new password, where the old one was only lent. Its proof is minutes old, of this attempt and for this account. */
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import {
  type PreparedPassword,
  preparePassword,
  setPassword,
  verifyPassword,
} from '../../credentials/passwords/service.ts';
import type { User } from '../../directory/users/schema.ts';
import { findUser } from '../../directory/users/service.ts';
import { assurance } from '../flow/assurance.ts';
import { emptyAttempt } from '../flow/schema.ts';
import { finish, refusalOf, signingIn, useProof } from '../flow/service.ts';
import type { Form, Next, Step, Walk } from '../flow/walk.ts';

/** How long the proof counts: ten minutes. */
const provenForMs = 10 * 60 * 1000;

export const renew: Step = {
  name: 'renew',

  async show(walk: Walk): Promise<Next> {
    return (await personOf(walk)) ? ask(walk, null) : beginAnew(walk);
  },

  async submit(walk: Walk, form: Form): Promise<Next> {
    const { call, attempt } = walk;
    const user = await personOf(walk);
    if (!user) return beginAnew(walk);
    const next = form.password ?? '';
    const problem = await problemOf(walk, user, next);
    if (typeof problem === 'string') return ask(walk, problem);
    if (!(await replaced(walk, user, problem))) return beginAnew(walk);
    const proof = { org_id: user.home_org_id, login_method: 'password', ...assurance.password };
    const auth_time = new Date(attempt.proven_at ?? call.now.getTime());
    return (await finish(walk, user, { ...proof, auth_time })) ? 'answered' : beginAnew(walk);
  },
};

/** The new password, hashed, or what is wrong with it. */
async function problemOf({ call }: Walk, user: User, next: string) {
  if (await verifyPassword(call, user.user_id, next)) return 'Choose another password than the one you were given.';
  try {
    const names = [user.email, user.username, user.first_name, user.last_name];
    // Nobody is asked for a second factor yet, whatever the account says: the password stands alone (AU-02, AU-12).
    return await preparePassword(next, { names });
  } catch (error) {
    if (error instanceof Fault && error.status === 400) return error.detail ?? error.says;
    throw error;
  }
}

/** The proof is taken under the account's lock: of two that were given for one lent password, one counts. */
async function replaced({ attempt, call }: Walk, user: User, next: PreparedPassword): Promise<boolean> {
  const is_proven = (inner: Call) => useProof(inner, attempt.attempt_id, user.user_id);
  try {
    await setPassword(call.as(signingIn(user)), user.user_id, next, { is_proven });
    return true;
  } catch (error) {
    if (error instanceof Fault && error.code === 'password_wrong') return false;
    throw error;
  }
}

async function personOf(walk: Walk): Promise<User | null> {
  const { attempt, call } = walk;
  const { user_id, proven_at } = attempt;
  if (user_id === null || proven_at === null || call.now.getTime() - proven_at > provenForMs) return null;
  const user = await findUser(call.db, user_id);
  return user && (await refusalOf(walk, user)) === null ? user : null;
}

async function beginAnew(walk: Walk): Promise<Next> {
  await walk.save(emptyAttempt(walk.attempt.attempt_id));
  return 'dispatch';
}

function ask(walk: Walk, message: string | null): Promise<Next> {
  if (message !== null) walk.context.status = 422;
  return walk.render('signin/renew', {
    action: walk.address('renew'),
    identifier: walk.attempt.identifier,
    change_url: walk.address('change'),
    problem: message === null ? null : { field: 'password', message },
  });
}
