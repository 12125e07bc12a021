/** One request of a directory: who asks, how its attributes are read, what it is told, and what the recorder will know of it. */
import type { Knex } from 'knex';
import type { Call } from '../core/call.ts';
import type { ScimCaller } from '../provisioning/tokens/authenticate.ts';
import type { JsonObject } from './json.ts';
import type { Notes } from './leniency.ts';
import type { WalkMemory } from './list.ts';
import type { Pace } from './pace.ts';
import type { ClientRegistries } from './registry.ts';

/** What the door holds for all its requests. */
export interface Door {
  readonly walks: WalkMemory;
  readonly pace: Pace;
  /** Whether an organization's people may sign in with a password; where not, none is kept. */
  readonly passwordAllowed: (db: Knex, orgId: string) => Promise<boolean>;
}

/** What happened, for the flight recorder. */
export interface Trail {
  resource_type: 'User' | 'Group' | null;
  resource_id: string | null;
  changes: Record<string, unknown> | null;
}

export interface ScimRequest {
  readonly call: Call;
  readonly client: ScimCaller;
  readonly registries: ClientRegistries;
  /** The absolute address of the endpoint, without a slash at its end. */
  readonly base: string;
  readonly notes: Notes;
  readonly trail: Trail;
  readonly door: Door;
}

/** What a request asks about one resource beside its body. */
export interface Asking {
  readonly if_match?: string | undefined;
  readonly if_none_match?: string | undefined;
  readonly attributes?: unknown;
  readonly excludedAttributes?: unknown;
}

export interface ScimAnswer {
  readonly status: number;
  readonly body?: JsonObject;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The headers of an answer that shows one resource (RFC 7644 §3.3, §3.14). */
export function headersOf(resource: JsonObject): Record<string, string> {
  const { location, version } = resource.meta as { location: string; version: string };
  return { location, etag: version };
}
