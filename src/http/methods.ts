/** Methods that an address knows: another one is 405, with those that it knows (RFC 9110 §15.5.6). */
import type { Context } from 'koa';
import { Fault } from '../core/fault.ts';

/** What an address that is only read knows. */
export const reads = ['GET', 'HEAD'] as const;

/** @throws Fault method_not_allowed */
export function requireMethod(context: Context, methods: readonly string[]): void {
  if (methods.includes(context.method)) return;
  context.set('allow', methods.join(', '));
  throw new Fault('method_not_allowed');
}
