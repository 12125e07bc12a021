/** Moments that bodies name: when something that is made now shall end by itself. */
import type { Call } from './call.ts';
import { refuseField } from './text.ts';

/** @param text `expires_at` of the body @returns null for no end @throws Fault request_invalid when it does not lie in the future */
export function readExpiry({ now }: Pick<Call, 'now'>, text: string | null | undefined): Date | null {
  if (text === null || text === undefined) return null;
  const moment = new Date(text);
  // Nor when it is no moment at all.
  if (!(moment > now)) refuseField('expires_at', 'must be in the future');
  return moment;
}
