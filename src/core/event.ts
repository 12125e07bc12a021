/**
 * Events: what happened, in the past tense. Each is one row of the audit log, written in the transaction of the change,
 * and what webhooks are sent from. Rooms define theirs in `schema.ts`; `reactions.ts` listens.
 */

export interface EventDefinition {
  /** `<noun>.<past participle>`, for instance `role.created`. */
  readonly name: string;
  /** The kind of thing it happened to, as in `audit_logs.object_type`. */
  readonly object_type: string;
  /** One sentence for people. */
  readonly says: string;
}

export interface EventFacts {
  /** The organization whose audit log it belongs to; null for the system's own. */
  readonly org_id: string | null;
  readonly object_id: string;
  readonly before?: object | null;
  readonly after?: object | null;
  /** Anything else worth keeping; secrets are redacted by key name before it is written. */
  readonly details?: Record<string, unknown>;
  readonly result?: 'success' | 'denied' | 'failure';
}

export interface EmittedEvent extends EventFacts {
  readonly definition: EventDefinition;
}

const known = new Map<string, EventDefinition>();

/** Defines an event once; the snapshot `test/snapshots/events.txt` lists them all. */
export function defineEvent(name: string, object_type: string, says: string): EventDefinition {
  if (known.has(name)) throw new Error(`The event ${name} is defined twice.`);
  const definition = Object.freeze({ name, object_type, says });
  known.set(name, definition);
  return definition;
}

export const knownEvents = (): EventDefinition[] => [...known.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
