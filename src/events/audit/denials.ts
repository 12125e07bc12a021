/**
 * Denials: somebody who proved who they are asked for what they may not do. One row of the audit log each (checklist AL-01, AL-05),
 * in the log of the organization that the asker is bound to: it is theirs to look into, and another organization's log cannot
 * be filled from outside. Bounded for each asker and process; the next row says how many were left out. The first of each operation
 * is never left out, so that nobody hides what they are after behind a flood of something else.
 */
import { LRUCache } from 'lru-cache';
import type { RecordDenial } from '../../http/mount.ts';
import { accessDenied } from './schema.ts';

const perWindow = 30;
const windowMs = 60_000;

interface Window {
  readonly since: number;
  readonly operations: Set<string>;
  recorded: number;
  left_out: number;
}

/** @returns what records a denial; it never throws, because the refusal stands whatever becomes of its record */
export function denials(): RecordDenial {
  const windows = new LRUCache<string, Window>({ max: 10_000 });
  return async (call, { operation, permission, params, fault }) => {
    const { actor, app, now } = call;
    const who = `${actor.type}:${actor.id ?? actor.label}`;
    const last = windows.get(who);
    const isOver = last !== undefined && Math.abs(now.getTime() - last.since) >= windowMs;
    const left_out = isOver ? last.left_out : 0;
    const window =
      last && !isOver ? last : { since: now.getTime(), operations: new Set<string>(), recorded: 0, left_out: 0 };
    windows.set(who, window);
    if (window.recorded >= perWindow && window.operations.has(operation)) {
      window.left_out += 1;
      return;
    }
    window.recorded += 1;
    window.operations.add(operation);
    const org_id = actor.reach !== null && actor.reach !== 'system' ? actor.reach.org_id : null;
    await call
      .write((inner) =>
        inner.emit(accessDenied, {
          org_id,
          object_id: operation,
          result: 'denied',
          details: { permission, params, fault_code: fault.code, ...(left_out > 0 ? { left_out } : {}) },
        }),
      )
      .catch((error: unknown) => {
        app.log.error({ err: error, request_id: call.request.request_id }, 'a denial was not recorded');
      });
  };
}
