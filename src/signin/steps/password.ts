/**
 * The password of an account. Unknown, locked, disabled, without a password, wrong: one read, one hash, one record, the same
 * words (AU-07). A place is taken before the password is looked at (AU-08).
 */
import { assurance } from '../flow/assurance.ts';
import { foldIdentifier } from '../flow/routing.ts';
import { readStored, verifyPassword } from '../../credentials/passwords/service.ts';
import { findForSignin } from '../../directory/users/lookup.ts';
import type { User } from '../../directory/users/schema.ts';
import { zeroId } from '../../core/id.ts';
import { deviceOf } from '../flow/device.ts';
import { finish, refusalOf } from '../flow/service.ts';
import type { Form, Next, Step, Walk } from '../flow/walk.ts';
import { knowsDevice } from '../sessions/service.ts';
import { givePlaceBack, recordTry, takePlace, type TakenPlace } from '../throttle/service.ts';

export const password: Step = {
  name: 'password',

  async show(walk: Walk): Promise<Next> {
    const wrong = { field: 'password', message: 'That name or password is not right.' };
    return ask(walk, walk.attempt.problem === 'wrong' ? wrong : null);
  },

  async submit(walk: Walk, form: Form): Promise<Next> {
    const { call, attempt } = walk;
    // The readonly field of the page: another name in it means another page than the one that this attempt shows.
    if (form.identifier !== undefined && form.identifier !== attempt.identifier) return 'dispatch';
    if (form.company !== undefined) return goToCompany(walk);
    const typed = attempt.identifier ?? '';
    const { user } = await findForSignin(call.db, typed, walk.askedOrganization);
    const device = deviceOf(walk.context);
    // Asked of every name when the browser has a mark, of none when it has not.
    const isKnown = device !== null && (await knowsDevice(call, user?.user_id ?? zeroId, device));
    const taking = takePlace(call, {
      identifier: foldIdentifier(typed),
      org_id: attempt.org_id,
      user_id: user?.user_id ?? null,
      known_device: isKnown ? device : null,
    });
    // In the same trip; compared with what was typed only when there is a place.
    const stored = readStored(call, user?.user_id ?? null);
    const place = await taking;
    if (!place.taken) return refuse(walk, place.wait_sec);
    const reason = user ? await refusalOf(walk, user) : 'account_unknown';
    const usable = user && reason === null && place.is_judged ? user : null;
    const isRight = await verifyPassword(call, usable?.user_id ?? null, form.password ?? '', stored).catch(
      async (error: unknown) => {
        // Nobody looked at it.
        await givePlaceBack(call, place);
        throw error;
      },
    );
    if (usable && isRight) return goOn(walk, usable, place);
    const failure = reason ?? (place.is_judged ? 'password_wrong' : 'account_limit');
    await recordTry(call, {
      success: false,
      user_id: user?.user_id ?? null,
      org_id: attempt.org_id,
      identifier: typed,
      failure_reason: failure,
    });
    await walk.save({ ...attempt, problem: 'wrong' });
    return 'dispatch';
  },
};

async function goOn(walk: Walk, user: User, place: TakenPlace): Promise<Next> {
  const { attempt, call } = walk;
  if (user.update_password_required) {
    await givePlaceBack(call, place);
    await walk.save({ ...attempt, user_id: user.user_id, proven_at: call.now.getTime(), problem: null });
    return 'dispatch';
  }
  const proof = { org_id: user.home_org_id, login_method: 'password', auth_time: call.now, ...assurance.password };
  if (await finish(walk, user, proof, place)) return 'answered';
  // The password was right; the account was closed at that moment.
  await givePlaceBack(call, place);
  await walk.save({ ...attempt, problem: 'wrong' });
  return 'dispatch';
}

/** Whoever has an account at the company's identity provider says so; the page offers both where both are possible. */
async function goToCompany(walk: Walk): Promise<Next> {
  const connections = await connectionsBeside(walk);
  if (connections.length === 0) return 'dispatch';
  const [only] = connections;
  const provider_id = connections.length === 1 && only ? only.provider_id : null;
  await walk.save({ ...walk.attempt, way: 'company', provider_id, problem: null });
  return 'dispatch';
}

const connectionsBeside = async ({ attempt, call, parts }: Walk) =>
  attempt.org_id === null ? [] : parts.company.connectionsOf(call.db, attempt.org_id);

async function ask(walk: Walk, problem: object | null): Promise<Next> {
  const connections = await connectionsBeside(walk);
  const [only] = connections;
  return walk.render('signin/password', {
    action: walk.address('password'),
    identifier: walk.attempt.identifier,
    change_url: walk.address('change'),
    company: only ? { name: connections.length === 1 ? only.name : 'your company' } : null,
    problem,
  });
}

/** Too many: the same for names that nobody has (RFC 6585 §4). */
function refuse(walk: Walk, wait_sec: number): Promise<Next> {
  walk.context.status = 429;
  walk.context.set('retry-after', String(wait_sec));
  const wait = wait_sec < 90 ? `${wait_sec} second${wait_sec === 1 ? '' : 's'}` : `${Math.ceil(wait_sec / 60)} minutes`;
  return ask(walk, { field: 'password', message: `Too many attempts. Wait ${wait}, then try again.` });
}
