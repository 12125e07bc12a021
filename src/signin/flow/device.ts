/**
 * The browser's own mark: a random cookie that says nothing by itself. Its hash stands in the sessions that were opened here,
 * so an account knows the browsers of its person (AU-09). It is no credential: with it a password is still needed.
 */
import type { Context } from 'koa';
import { hashSecret, newSecret } from '../../core/secret.ts';

const yearMs = 365 * 24 * 3600 * 1000;

const nameOf = (secure: boolean): string => (secure ? '__Host-lintel_device' : 'lintel_device');

const read = (context: Context): string | null => {
  const mark = context.cookies.get(nameOf(context.secure), { signed: false });
  return mark !== undefined && /^[\w-]{43}$/.test(mark) ? mark : null;
};

/** Hash of this browser's mark; null for a browser that has none. */
export function deviceOf(context: Context): string | null {
  const mark = read(context);
  return mark === null ? null : hashSecret(mark);
}

/** Marks the browser, where it is not yet, and keeps the mark for a year. @returns its hash */
export function markDevice(context: Context): string {
  const mark = read(context) ?? newSecret();
  context.cookies.set(nameOf(context.secure), mark, {
    signed: false,
    httpOnly: true,
    secure: context.secure,
    sameSite: 'lax',
    path: '/',
    maxAge: yearMs,
  });
  return hashSecret(mark);
}
