/**
 * Passwords that a directory sends (RFC 7643 §4.1.1: write-only). An account gets its first one so, where the organization lets
 * people sign in with passwords, and its person has to choose another at the next sign-in: nobody sets somebody else's lasting
 * password (checklist AU-20). Okta sends a short placeholder with each new user: it is passed over, and noted.
 */
import { Fault } from '../core/fault.ts';
import { type PreparedPassword, preparePassword } from '../credentials/passwords/service.ts';
import { mutability } from './errors.ts';
import type { Operation } from './patch.ts';
import type { ScimRequest } from './request.ts';

const policy = new Set(['password_malformed', 'password_too_short', 'password_too_common']);

interface About {
  /** Names that attackers try. */
  readonly names: readonly (string | null | undefined)[];
  /** Whether the account has one already. */
  readonly has_password: boolean;
  /** The request is about the password: what cannot be done is refused, not passed over. */
  readonly is_meant: boolean;
}

/**
 * Checks and hashes, before any transaction.
 * @returns null when none is to be set
 * @throws ScimFault 400 mutability; Fault password_malformed, password_too_short, password_too_common, busy
 */
export async function prepareFirst(
  { call, client, door, notes }: ScimRequest,
  password: string | undefined,
  { names, has_password, is_meant }: About,
): Promise<PreparedPassword | null> {
  if (password === undefined) return null;
  const passOver = (): null => {
    notes.add('password-not-kept', 'password');
    return null;
  };
  if (!(await door.passwordAllowed(call.db, client.org_id))) return passOver();
  if (has_password) {
    if (is_meant) throw mutability('password: only its owner changes it, once the account has one.');
    return passOver();
  }
  try {
    return await preparePassword(password, { names });
  } catch (error) {
    if (error instanceof Fault && policy.has(error.code) && !is_meant) return passOver();
    throw error;
  }
}

/** The password that a PATCH sets, if any; the last one counts. */
export function passwordIn(operations: readonly Operation[]): string | undefined {
  const values = operations.flatMap(({ op, target, value }) =>
    op !== 'remove' && target.kind === 'attribute' && target.attribute.returned === 'never' ? [value] : [],
  );
  const last = values.at(-1);
  return typeof last === 'string' && last !== '' ? last : undefined;
}
