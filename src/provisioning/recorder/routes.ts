/** REST face of the flight recorder. */
import { Type } from 'typebox';
import { listOf } from '../../http/list.ts';
import { type Route, route } from '../../http/route.ts';
import { Id, readScimClients } from '../clients/schema.ts';
import { ScimRequest, ScimRequestQuery } from './schema.ts';
import { listScimRequests, recordedDays } from './service.ts';

export const scimRequestRoutes: readonly Route[] = [
  route({
    method: 'get',
    path: '/organizations/{org_id}/scim-requests',
    operationId: 'listScimRequests',
    summary: 'Read what the directories of an organization sent and were answered, newest first.',
    description: `Without secrets. Kept for ${recordedDays} days, and until the end of that month.`,
    group: 'SCIM clients',
    params: Type.Object({ org_id: Id }),
    query: ScimRequestQuery,
    reply: listOf(ScimRequest),
    permission: readScimClients,
    run: (call, { params, query }) => listScimRequests(call, params.org_id, query),
  }),
];
