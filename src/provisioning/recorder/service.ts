/**
 * The flight recorder: each SCIM request and its answer, for the organization's own administrators.
 * Tables: scim_requests. Events: none; it records what was asked, the audit log what was changed.
 * Invariant: recording neither delays nor fails a request, holds no password and no token (SD-06, SC-15, SC-16), and is
 * bounded per request, in memory and in time.
 */
import type { App } from '../../core/app.ts';
import type { Call, RequestFacts } from '../../core/call.ts';
import { isId, newId } from '../../core/id.ts';
import { dropPartitionsBefore } from '../../db/partitions.ts';
import type { Page } from '../../http/list.ts';
import { readScimClients } from '../clients/schema.ts';
import { causeOf } from './cause.ts';
import { queueOf } from './queue.ts';
import { isHidden, recordedBody, recordedPath } from './redaction.ts';
import type { ScimRequest, ScimRequestQuery } from './schema.ts';
import { listRequests } from './store.ts';

/** Days for which requests are kept at least; they go by whole calendar months, so a month more at most. */
export const recordedDays = 30;

/** One request, as the door saw it. Bodies may be handed over as they are: they are copied without secrets at once. */
export interface ScimRequestEntry {
  readonly org_id: string;
  readonly client_id: string;
  readonly request: RequestFacts;
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** Parsed; absent when it could not be: an unreadable body could hold anything. */
  readonly request_body?: unknown;
  readonly response_status: number;
  readonly response_body?: unknown;
  readonly scim_type?: string | null;
  /** Where the request was read more kindly than the standard asks. */
  readonly notes?: readonly { readonly rule: string; readonly path: string }[];
  /** What it changed: columns, members, … */
  readonly changes?: Readonly<Record<string, unknown>> | null;
  /** Why it was refused; made from the answer when absent. */
  readonly cause?: string | null;
  readonly resource_type?: string | null;
  readonly resource_id?: string | null;
  readonly duration_ms?: number;
}

/** Remembers a request. Returns at once, and never throws: it is written later, apart from the request's transaction. */
export function record(app: App, entry: ScimRequestEntry): void {
  try {
    queueOf(app).push(rowOf(app, entry));
  } catch (error) {
    app.log.warn({ err: error, request_id: entry.request.request_id }, 'a SCIM request was not recorded');
  }
}

function rowOf(app: App, entry: ScimRequestEntry) {
  const now = app.clock();
  const { notes = [], changes, request, response_status } = entry;
  const path = recordedPath(entry.path);
  const request_body = recordedBody(entry.request_body) ?? null;
  // An answer about a filter that named a secret may quote it.
  const isTelling = isHidden(path) || isHidden(fieldOf(request_body, 'filter'));
  const response_body = isTelling ? null : (recordedBody(entry.response_body) ?? null);
  const scim_type = entry.scim_type ?? fieldOf(entry.response_body, 'scimType');
  const given = isTelling ? null : entry.cause;
  const cause = given ?? causeOf(response_status, scim_type, fieldOf(response_body, 'detail'));
  const rules = [...new Set(notes.map(({ rule }) => rule))];
  return {
    scim_request_id: newId(now.getTime()),
    client_id: entry.client_id,
    org_id: entry.org_id,
    timestamp: now,
    method: clean(entry.method, 10) ?? '-',
    path,
    request_body,
    response_status,
    response_body,
    scim_type: clean(scim_type, 50),
    rule: rules.length === 0 ? null : clean(rules.join(', '), 255),
    cause: clean(cause, 2000),
    changes: changes || notes.length > 0 ? recordedBody({ ...changes, ...(notes.length > 0 ? { notes } : {}) }) : null,
    resource_type: clean(entry.resource_type, 50),
    resource_id: isId(entry.resource_id) ? entry.resource_id : null,
    duration_ms: entry.duration_ms === undefined ? null : Math.max(0, Math.round(entry.duration_ms)),
    ip_address: request.ip,
    user_agent: clean(request.user_agent, 512),
    request_id: clean(request.request_id, 100),
  };
}

/** PostgreSQL counts code points and keeps no null characters; UTF-16 units are never fewer. */
const clean = (text: string | null | undefined, most: number): string | null =>
  text === null || text === undefined ? null : text.slice(0, most).replaceAll('\u0000', '\ufffd').toWellFormed();

function fieldOf(body: unknown, name: string): string | null {
  const value = typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined;
  return typeof value === 'string' ? value : null;
}

/** Writes what is still in memory: to be awaited before the database is closed. */
export const drainRecorder = (app: App): Promise<void> => queueOf(app).drain();

/** What an organization's directories asked, newest first. */
export function listScimRequests(call: Call, orgId: string, query: ScimRequestQuery): Promise<Page<ScimRequest>> {
  call.require(readScimClients, orgId);
  const { limit, after, ...filter } = query;
  return listRequests(call.db, orgId, filter, { limit, after });
}

/** A job: drops the months that are older than what is kept. @returns the partitions that went */
export const expireScimRequests = (app: App): Promise<string[]> =>
  dropPartitionsBefore(app.db, 'scim_requests', new Date(app.clock().getTime() - recordedDays * 86_400_000));
