/**
 * Passwords: how people prove themselves by what they know.
 * Tables: user_passwords, and users.has_password and users.update_password_required, which say the same. Events: password.changed,
 * password.rehashed. Invariant: a hash is Argon2id of the NFC form; nothing tells an account that does not exist, or has
 * no password, from a wrong password (checklist AU-01…07). NIST SP 800-63B-4 §3.1.1, OWASP Password Storage.
 */
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { zeroId } from '../../core/id.ts';
import { reading } from '../../db/transact.ts';
import { isOutdated, passwordHashes } from './hash-queue.ts';
import { checkNewPassword, normalizePassword, type PasswordContext } from './policy.ts';
import { passwordChanged, passwordRehashed } from './schema.ts';
import { lockOwner, readPasswordHash, replaceHash, writePassword } from './store.ts';

declare const checked: unique symbol;

/** A new password that was checked and hashed, ready to be written in a transaction. Made by `preparePassword` only. */
export interface PreparedPassword {
  readonly password_hash: string;
  readonly [checked]: true;
}

/**
 * Checks and hashes a new password; call it before the transaction that keeps it, because hashing is slow.
 * @throws Fault password_malformed, password_too_short, password_too_common, busy
 */
export async function preparePassword(password: string, context: PasswordContext = {}): Promise<PreparedPassword> {
  const password_hash = await passwordHashes.hash(checkNewPassword(password, context));
  return { password_hash } as PreparedPassword;
}

export interface SetPasswordOptions {
  /** The person has to choose another one at the next sign-in. */
  readonly must_change?: boolean;
  /** The session that set it goes on; all others end (reaction on `password.changed`). */
  readonly keep_session_id?: string;
  /** Asked once the account is held: whether what the caller has seen of the person still counts. */
  readonly is_proven?: (call: Call) => Promise<boolean>;
}

/**
 * Gives an account its password. A person sets her own after the caller has seen the current one or a fresh sign-in (AU-05);
 * who may create users gives an account its first one; nobody replaces somebody else's (AU-20).
 * @throws Fault not_found, not_allowed, password_wrong when the proof counts no more
 */
export async function setPassword(
  call: Call,
  userId: string,
  prepared: PreparedPassword,
  options: SetPasswordOptions = {},
): Promise<void> {
  await call.write(async (inner) => {
    const owner = await lockOwner(inner.db, userId);
    if (!owner) throw new Fault('not_found');
    requireRight(inner, owner);
    if (options.is_proven && !(await options.is_proven(inner))) throw new Fault('password_wrong');
    await writePassword(inner.db, {
      user_id: userId,
      password_hash: prepared.password_hash,
      now: inner.now,
      update_password_required: options.must_change ?? false,
    });
    await inner.emit(passwordChanged, {
      org_id: owner.home_org_id,
      object_id: userId,
      details: { replaced: owner.has_password, keep_session_id: options.keep_session_id ?? null },
    });
    if (owner.has_password && owner.email !== null) await tellPerson(inner, owner.email);
  });
}

function requireRight(call: Call, owner: { user_id: string; home_org_id: string | null; has_password: boolean }): void {
  const { actor } = call;
  if (actor.type === 'system' || (actor.type === 'user' && actor.id === owner.user_id)) return;
  call.require('users.create', owner.home_org_id);
  if (owner.has_password) throw new Fault('not_allowed', 'Only its owner changes a password; start a reset instead.');
}

/** AU-18: the one who did not do it must hear of it. */
const tellPerson = (call: Call, to: string): Promise<void> =>
  call.app.mail(call, {
    to,
    subject: 'Your password was changed',
    text: `The password of your account at ${call.app.config.url} was changed, and other sessions were ended.\n\nIf this was not you, tell your administrator now.\n`,
  });

/** The hash of an account, or null; asks for one also where there is no account. For whoever wants to begin early to read it. */
export function readStored(call: Call, userId: string | null): Promise<string | null> {
  const stored = reading(() => readPasswordHash(call.db, userId ?? zeroId));
  // Told by `verifyPassword`, which may never be reached.
  stored.catch(() => {});
  return stored;
}

/**
 * Whether an account has this password. Null, for an account that is not known or may not sign in, costs the same (AU-07):
 * one read and one hash of the same parameters. A hash of older parameters is replaced when the password is right (AU-01).
 * @param reads the account's hash, where it is being read already; what it says counts only for the account that is named
 * @throws Fault busy when too many are being hashed
 */
export async function verifyPassword(
  call: Call,
  userId: string | null,
  password: string,
  reads = readStored(call, userId),
): Promise<boolean> {
  const stored = await reads;
  const normal = normalizePassword(password);
  const matches = await passwordHashes.verify(userId === null || normal === null ? null : stored, normal ?? '');
  if (matches && userId !== null && stored !== null && normal !== null && isOutdated(stored)) {
    await rehash(call, userId, stored, normal);
  }
  return matches;
}

async function rehash(call: Call, userId: string, stored: string, normal: string): Promise<void> {
  const password_hash = await passwordHashes.hash(normal).catch((error: unknown) => {
    // A crowded moment: the next sign-in does it.
    if (error instanceof Fault) return null;
    throw error;
  });
  if (password_hash === null) return;
  await call.write(async (inner) => {
    const owner = await lockOwner(inner.db, userId);
    if (!owner || !(await replaceHash(inner.db, userId, stored, password_hash))) return;
    await inner.emit(passwordRehashed, { org_id: owner.home_org_id, object_id: userId });
  });
}

/**
 * A person changes her own password, proving the current one (AU-05).
 * @throws Fault password_wrong, and those of `preparePassword`
 */
export async function changeOwnPassword(
  call: Call,
  passwords: { current: string; next: string },
  options: PasswordContext & SetPasswordOptions = {},
): Promise<void> {
  const { actor } = call;
  if (actor.type !== 'user' || actor.id === null) throw new Fault('unauthenticated');
  if (!(await verifyPassword(call, actor.id, passwords.current))) throw new Fault('password_wrong');
  const prepared = await preparePassword(passwords.next, options);
  await setPassword(call, actor.id, prepared, options);
}
