/**
 * Throttling of passwords: a place is taken before a password is looked at and given back when it was right.
 * Tables: login_attempts (and the counters of ratelimits). Events: none; a try is a row of login_attempts.
 * Invariant: of any number of parallel tries on any number of processes no more than the limits are judged (AU-08), what is
 * not judged is not recorded, so a flood stays bounded (AL-05), and a browser that an account knows has its own limit, so
 * that nobody is locked out by strangers (AU-09). Unknown names are counted like known ones (AU-07).
 */
import type { Call } from '../../core/call.ts';
import { newId } from '../../core/id.ts';
import { hashSecret } from '../../core/secret.ts';
import { addressBlock } from '../../ratelimits/counters/address-block.ts';
import { type Bucket, giveBack, take } from '../../ratelimits/counters/service.ts';
import { everywhere, perAccount, perAddress, perIdentifier, perKnownDevice } from './policies.ts';
import { insertLoginAttempt } from './store.ts';

export interface Try {
  /** What was typed, folded so that one name counts once. */
  readonly identifier: string;
  /** The organization in which the name is looked up. */
  readonly org_id: string | null;
  /** The account that it means; null when there is none. */
  readonly user_id: string | null;
  /** Hash of the browser's device cookie, when that account knows it. */
  readonly known_device: string | null;
}

export type Place =
  /** `is_judged` false: the account has no tries left, so the password is wrong whatever it is. */
  | { readonly taken: true; readonly is_judged: boolean; readonly buckets: readonly Bucket[]; readonly at: Date }
  /** Seconds to wait. */
  | { readonly taken: false; readonly wait_sec: number };

/** Takes a place for one try. @throws Fault database_unavailable */
export async function takePlace(call: Call, attempt: Try): Promise<Place> {
  const { identifier, org_id, user_id, known_device } = attempt;
  // Hashed, so that the table of counters is no list of names.
  const name = hashSecret(`${org_id ?? ''}\n${identifier}`);
  const account: Bucket = { policy: perAccount, subject: `account:${user_id ?? name}` };
  const buckets: Bucket[] =
    known_device !== null && user_id !== null
      ? [{ policy: perKnownDevice, subject: `device:${user_id}:${known_device}` }]
      : [
          { policy: everywhere, subject: 'all' },
          { policy: perAddress, subject: `address:${addressBlock(call.request.ip)}` },
          { policy: perIdentifier, subject: `identifier:${name}` },
          account,
        ];
  const taking = await take(call.app, buckets);
  if (taking.taken) return { taken: true, is_judged: true, buckets, at: taking.at };
  if (taking.bucket !== account) return { taken: false, wait_sec: taking.wait_sec };
  return { taken: true, is_judged: false, buckets: buckets.slice(0, -1), at: call.app.clock() };
}

export type TakenPlace = Place & { readonly taken: true };

/** The password was right, or was not looked at: the try does not count. In a transaction it goes with that. */
export const givePlaceBack = ({ app, db }: Pick<Call, 'app' | 'db'>, { buckets, at }: TakenPlace): Promise<void> =>
  giveBack(app, buckets, { at, db });

export interface Outcome {
  readonly success: boolean;
  readonly user_id: string | null;
  readonly org_id: string | null;
  /** What was typed. Kept when it names an account or looks like an address: people type passwords into the wrong field. */
  readonly identifier: string | null;
  readonly failure_reason: string | null;
}

/** Records a try that was judged. */
export async function recordTry(call: Call, outcome: Outcome): Promise<void> {
  const { identifier, user_id } = outcome;
  const isKept = identifier !== null && (user_id !== null || identifier.includes('@'));
  await insertLoginAttempt(call.db, {
    attempt_id: newId(call.now.getTime()),
    user_id,
    org_id: outcome.org_id,
    email_attempted: isKept ? [...identifier].slice(0, 320).join('') : null,
    success: outcome.success,
    failure_reason: outcome.failure_reason,
    ip_address: call.request.ip,
    user_agent: call.request.user_agent?.slice(0, 512) ?? null,
    request_id: call.request.request_id,
    timestamp: call.now,
  });
}
