/**
 * The audit log: what happened, who did it, on whose behalf, from where.
 * Tables: audit_logs. Events: access.denied (`denials.ts`); it is where all of them are kept.
 * Invariant: one row per emitted event, in the transaction of the change (checklist AL-01, AL-02); rows are never edited.
 */
import type { Call } from '../../core/call.ts';
import type { EmittedEvent } from '../../core/event.ts';
import { newId } from '../../core/id.ts';
import { redact } from '../../core/redact.ts';
import type { Page } from '../../http/list.ts';
import { type AuditLog, type AuditQuery, readAuditLogs } from './schema.ts';
import { insertAuditLog, listAuditLogs } from './store.ts';

/** Writes the row of an event on the call's transaction. Secrets are redacted by key name first (checklist SD-06). */
export async function recordEvent(call: Call, event: EmittedEvent): Promise<void> {
  const { actor, request } = call;
  await insertAuditLog(call.db, {
    log_id: newId(call.now.getTime()),
    org_id: event.org_id,
    timestamp: call.now,
    action: event.definition.name,
    object_type: event.definition.object_type,
    object_id: event.object_id,
    result: event.result ?? 'success',
    actor_type: actor.type,
    actor_id: actor.id,
    actor_label: actor.label,
    user_id: call.userId,
    ip_address: request.ip,
    user_agent: request.user_agent,
    request_id: request.request_id,
    details: redact({
      ...event.details,
      ...(event.before === undefined ? {} : { before: event.before }),
      ...(event.after === undefined ? {} : { after: event.after }),
    }),
  });
}

/** An organization's log, newest first. */
export function listOrganizationAuditLogs(call: Call, orgId: string, query: AuditQuery): Promise<Page<AuditLog>> {
  call.require(readAuditLogs, orgId);
  const { limit, after, ...filter } = query;
  return listAuditLogs(call.db, orgId, filter, { limit, after });
}

/** The system's own log, newest first: what belongs to no organization. */
export function listSystemAuditLogs(call: Call, query: AuditQuery): Promise<Page<AuditLog>> {
  call.require(readAuditLogs, null);
  const { limit, after, ...filter } = query;
  return listAuditLogs(call.db, null, filter, { limit, after });
}
