/**
 * What people sign in with: e-mail addresses and usernames, each kept as typed but in one form of Unicode, and compared
 * without case. The database compares by `lower()`, whose letters beyond ASCII depend on its locale: those are lowered here.
 */
import { Fault } from '../../core/fault.ts';
import { isHostile } from '../../core/text.ts';
import { asciiDomain } from '../domains/names.ts';

const isAscii = (text: string): boolean => /^[\x20-\x7e]*$/.test(text);
const lowered = (text: string): string => (isAscii(text) ? text : text.toLowerCase().normalize('NFC'));

/** Everything that RFC 5322 §3.2.3 has in an atom, and letters beyond ASCII (RFC 6532); quoted local parts are not read. */
const localPart = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u;

/**
 * An address as it is kept: without space around it, NFC, its domain in ASCII.
 * @throws Fault email_invalid
 */
export function normalizeEmail(text: string): string {
  const email = text.normalize('NFC').trim();
  const at = email.lastIndexOf('@');
  const local = email.slice(0, at);
  const domain = email.slice(at + 1);
  const ascii = domain.endsWith('.') ? null : asciiDomain(domain);
  if (at < 1 || ascii === null || isHostile(email) || !localPart.test(local)) throw new Fault('email_invalid');
  // RFC 5321 §4.5.3.1: 64 octets before the @, and what a mail can be sent to is shorter than the 320 of the column.
  if (Buffer.byteLength(local) > 64) throw new Fault('email_invalid', 'The part before the @ is longer than 64 bytes.');
  return `${lowered(local)}@${isAscii(domain) ? domain : ascii}`;
}

/**
 * A username as it is kept. An address among them is for organizations, whose directories name people so; a person's own
 * account could pose as another's address with it.
 * @throws Fault username_invalid
 */
export function normalizeUsername(text: string, { mayBeEmail }: { mayBeEmail: boolean }): string {
  const username = lowered(text.normalize('NFC').trim());
  if (username === '' || [...username].length > 320 || isHostile(username)) {
    throw new Fault('username_invalid', 'Use 1 to 320 characters, none of them invisible.');
  }
  if (!mayBeEmail && username.includes('@')) throw new Fault('username_invalid', 'Use a name without @.');
  return username;
}

/** The form in which something typed into a sign-in page is looked up; null when nothing can be called so. */
export function readIdentifier(text: string): string | null {
  const identifier = lowered(text.normalize('NFC').trim());
  if (identifier === '' || identifier.length > 640 || isHostile(identifier)) return null;
  const at = identifier.lastIndexOf('@');
  const domain = at < 1 ? null : asciiDomain(identifier.slice(at + 1));
  // An internationalised domain is kept in ASCII.
  if (domain !== null && !isAscii(identifier.slice(at + 1))) return `${identifier.slice(0, at)}@${domain}`;
  return identifier;
}
