/**
 * Waiting for the outside: metadata addresses and name servers answer when they like, and whoever waits for one keeps a place of
 * the REST API. What an organization asks for is its own choice, so each has few of these at a time and cannot take the places of
 * the others (checklist RE-15).
 */
import type { App } from '../core/app.ts';
import { Fault } from '../core/fault.ts';

/** At the same time, for one organization and process. */
export const maxOutside = 4;

/** Counts who waits; the application holds it as `App.waitOutside`. */
export function createOutside(): App['waitOutside'] {
  /** How many of an organization wait. */
  const waiting = new Map<string, number>();
  return async ({ actor }, work) => {
    if (actor.reach === 'system' || actor.reach === null) return work();
    const { org_id } = actor.reach;
    const now = waiting.get(org_id) ?? 0;
    if (now >= maxOutside) {
      throw new Fault('too_many_requests', 'Your organization waits for as many answers from outside as it may.', {
        retryAfter: 5,
      });
    }
    waiting.set(org_id, now + 1);
    try {
      return await work();
    } finally {
      const left = (waiting.get(org_id) ?? 1) - 1;
      if (left > 0) waiting.set(org_id, left);
      else waiting.delete(org_id);
    }
  };
}
