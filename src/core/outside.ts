/**
 * Waiting for the outside: metadata addresses and name servers answer when they like, and whoever waits for one keeps a place of
 * the REST API. What an organization asks for is its own choice, so each has few of these at a time and cannot take the places of
 * the others (checklist RE-15).
 */
import type { App } from './app.ts';
import type { Call } from './call.ts';
import { Fault } from './fault.ts';

/** At the same time, for one organization and process. */
export const maxOutside = 4;

const waiting = new WeakMap<App, Map<string, number>>();

/**
 * Runs work that waits for somebody outside, asked for by a request of an organization. The system's own is not counted.
 * @throws Fault too_many_requests
 */
export async function waitOutside<T>({ app, actor }: Call, work: () => Promise<T>): Promise<T> {
  if (actor.reach === 'system' || actor.reach === null) return work();
  const { org_id } = actor.reach;
  let all = waiting.get(app);
  if (!all) waiting.set(app, (all = new Map<string, number>()));
  const now = all.get(org_id) ?? 0;
  if (now >= maxOutside) {
    throw new Fault('too_many_requests', 'Your organization waits for as many answers from outside as it may.', {
      retryAfter: 5,
    });
  }
  all.set(org_id, now + 1);
  try {
    return await work();
  } finally {
    const left = (all.get(org_id) ?? 1) - 1;
    if (left > 0) all.set(org_id, left);
    else all.delete(org_id);
  }
}
