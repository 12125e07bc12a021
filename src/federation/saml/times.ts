/** Moments in SAML messages: read and written as UTC with a Z. */
import { SamlRefusal } from './codes.ts';

const dateTime = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d+))?Z$/;

/**
 * A SAML time (SAML core §1.3.3: xs:dateTime in UTC) in milliseconds since 1970. Fractions beyond milliseconds are cut.
 * A time of another zone, or of none, is refused rather than guessed: `message.time_format`.
 */
export function samlTime(text: string | undefined): number {
  const match = dateTime.exec((text ?? '').trim());
  const value = match ? Date.parse(`${match[1]}.${(match[2] ?? '').slice(0, 3).padEnd(3, '0')}Z`) : Number.NaN;
  if (Number.isNaN(value)) throw new SamlRefusal('message.time_format');
  return value;
}

/** Milliseconds as SAML writes them, to the second. */
export function toSamlTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}
