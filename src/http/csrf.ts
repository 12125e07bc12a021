/**
 * Forms: a token bound to the browser by a cookie, and a look at where the form was sent from
 * (checklist WB-01, WB-02; the cookie exists before sign-in, so login CSRF fails too).
 */
import { createHmac } from 'node:crypto';
import type { Context } from 'koa';
import { Fault } from '../core/fault.ts';
import { newSecret, sameSecret } from '../core/secret.ts';

export interface FormGuard {
  /** The value of the hidden field `csrf` of a form on this page. */
  token(context: Context): string;
  /** @throws Fault form_expired when the form is not ours, or another browser's */
  verify(context: Context, body: unknown): void;
}

/** @param keys newest first; tokens made under an older key stay good */
export function createFormGuard(url: string, keys: readonly string[]): FormGuard {
  const secure = url.startsWith('https:');
  const cookieName = secure ? '__Host-lintel_form' : 'lintel_form';
  const sign = (key: string, browser: string) =>
    createHmac('sha256', key).update(`form:${browser}`).digest('base64url');
  return {
    token(context) {
      let browser = context.cookies.get(cookieName, { signed: false });
      if (!browser || !/^[\w-]{43}$/.test(browser)) {
        browser = (context.state as { formBrowser?: string }).formBrowser ?? newSecret();
        (context.state as { formBrowser?: string }).formBrowser = browser;
        context.cookies.set(cookieName, browser, { signed: false, httpOnly: true, secure, sameSite: 'lax', path: '/' });
      }
      return sign(keys[0] as string, browser);
    },
    verify(context, body) {
      const origin = context.get('origin');
      const site = context.get('sec-fetch-site');
      if ((origin !== '' && origin !== url) || (site !== '' && site !== 'same-origin')) throw new Fault('form_expired');
      const browser = context.cookies.get(cookieName, { signed: false });
      const token = (body as { csrf?: unknown } | undefined)?.csrf;
      const good =
        typeof browser === 'string' &&
        typeof token === 'string' &&
        keys.some((key) => sameSecret(sign(key, browser), token));
      if (!good) throw new Fault('form_expired');
    },
  };
}
