/** Shapes of the audit log. */
import { type Static, Type } from 'typebox';
import { defineEvent } from '../../core/event.ts';
import { definePermission } from '../../core/permission.ts';
import { ListQuery } from '../../http/list.ts';

const text = () => Type.Union([Type.String(), Type.Null()]);

export const AuditLog = Type.Object(
  {
    log_id: Type.String({ format: 'uuid' }),
    org_id: text(),
    timestamp: Type.String({ format: 'date-time' }),
    action: Type.String({ description: 'The event: `role.created`.' }),
    object_type: Type.String(),
    object_id: text(),
    result: Type.String({ description: 'success, denied or failure.' }),
    actor_type: Type.String(),
    actor_id: text(),
    actor_label: Type.String(),
    user_id: text(),
    ip_address: text(),
    user_agent: text(),
    request_id: text(),
    details: Type.Object(
      {},
      { additionalProperties: true, description: '`before`, `after` and what else belongs to the event.' },
    ),
  },
  { $id: 'AuditLog' },
);
export type AuditLog = Static<typeof AuditLog>;

export const AuditQuery = Type.Object({
  ...ListQuery.properties,
  action: Type.Optional(Type.String({ maxLength: 100 })),
  object_type: Type.Optional(Type.String({ maxLength: 100 })),
  object_id: Type.Optional(Type.String({ maxLength: 200 })),
  user_id: Type.Optional(Type.String({ format: 'uuid' })),
});
export type AuditQuery = Static<typeof AuditQuery>;

export const readAuditLogs = definePermission('audit_logs.read', 'Read the audit log.');

export const accessDenied = defineEvent(
  'access.denied',
  'operation',
  'Somebody asked for what they may not do: `fault_code` of the details says why, `left_out` how many more were not written down.',
);
