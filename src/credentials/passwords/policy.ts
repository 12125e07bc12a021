/**
 * What a new password must be (NIST SP 800-63B-4 §3.1.1.2; checklist AU-02…04): long enough, not among the first that are
 * tried, and nothing else. No rules about kinds of characters, no expiry, nothing cut off.
 */
import { Fault } from '../../core/fault.ts';
import { isCommon } from './blocklist.ts';

/** Characters that a password needs when it is the only factor. */
const lengthAlone = 15;
/** Characters that it needs beside a second factor. */
const lengthWithSecondFactor = 8;
/** Bytes (UTF-8, after NFC) that are accepted at most: well beyond what a person types, far below what is work to hash. */
export const maxBytes = 4096;

export interface PasswordContext {
  /** Names that an attacker tries: the person's e-mail, username and names, the organization. */
  readonly names?: readonly (string | null | undefined)[];
  /** Whether a second factor is enrolled. */
  readonly has_second_factor?: boolean;
}

/**
 * The form in which a password is hashed: Unicode NFC, so that two keyboards that compose differently type the same
 * password (RFC 8265 §4.2.2). Null for what no keyboard types, or what is longer than is ever accepted.
 */
export function normalizePassword(password: string): string | null {
  if (!password.isWellFormed() || password.length > maxBytes) return null;
  const normal = password.normalize('NFC');
  return Buffer.byteLength(normal, 'utf8') > maxBytes ? null : normal;
}

/**
 * A new password in the form in which it is hashed.
 * @throws Fault password_malformed, password_too_short, password_too_common
 */
export function checkNewPassword(password: string, context: PasswordContext = {}): string {
  const normal = normalizePassword(password);
  if (normal === null) {
    throw new Fault('password_malformed', `It must be valid Unicode of at most ${maxBytes} bytes.`);
  }
  const least = context.has_second_factor ? lengthWithSecondFactor : lengthAlone;
  // Characters are code points (NIST SP 800-63B-4 §3.1.1.2), so that no script is at a disadvantage.
  if ([...normal].length < least) throw new Fault('password_too_short', `Use at least ${least} characters.`);
  const names = (context.names ?? []).filter((name) => typeof name === 'string');
  if (isCommon(normal, names)) throw new Fault('password_too_common');
  return normal;
}
