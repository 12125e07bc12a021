/** REST face of the audit log. */
import { Type } from 'typebox';
import { listOf } from '../../http/list.ts';
import { route } from '../../http/route.ts';
import { AuditLog, AuditQuery, readAuditLogs } from './schema.ts';
import { listOrganizationAuditLogs, listSystemAuditLogs } from './service.ts';

export const auditRoutes = [
  route({
    method: 'get',
    path: '/organizations/{org_id}/audit-logs',
    operationId: 'listOrganizationAuditLogs',
    summary: 'Read the audit log of an organization, newest first.',
    group: 'Audit',
    params: Type.Object({ org_id: Type.String({ format: 'uuid' }) }),
    query: AuditQuery,
    reply: listOf(AuditLog),
    permission: readAuditLogs,
    run: (call, { params, query }) => listOrganizationAuditLogs(call, params.org_id, query),
  }),
  route({
    method: 'get',
    path: '/audit-logs',
    operationId: 'listSystemAuditLogs',
    summary: 'Read the system’s own audit log, newest first.',
    group: 'Audit',
    query: AuditQuery,
    reply: listOf(AuditLog),
    permission: readAuditLogs,
    run: (call, { query }) => listSystemAuditLogs(call, query),
  }),
];
