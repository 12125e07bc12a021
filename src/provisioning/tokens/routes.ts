/** REST face of SCIM tokens. */
import { Type } from 'typebox';
import { ListQuery, listOf } from '../../http/list.ts';
import { type Route, route } from '../../http/route.ts';
import { Id, manageScimClients, readScimClients } from '../clients/schema.ts';
import { CreatedScimToken, NewScimToken, ScimToken } from './schema.ts';
import { createScimToken, listScimTokens, revokeScimToken } from './service.ts';

const group = 'SCIM clients';
const Client = Type.Object({ org_id: Id, client_id: Id });
const Token = Type.Object({ org_id: Id, client_id: Id, token_id: Id });

export const scimTokenRoutes: readonly Route[] = [
  route({
    method: 'post',
    path: '/organizations/{org_id}/scim-clients/{client_id}/tokens',
    operationId: 'createScimToken',
    summary: 'Make a token of a SCIM client. The answer is the only place where it is shown; several may live at once.',
    group,
    params: Client,
    body: NewScimToken,
    reply: CreatedScimToken,
    status: 201,
    faults: ['permission_not_held'],
    permission: manageScimClients,
    run: (call, { params, body }) => createScimToken(call, params.org_id, params.client_id, body),
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/scim-clients/{client_id}/tokens',
    operationId: 'listScimTokens',
    summary: 'List the tokens of a SCIM client, also those that have ended.',
    group,
    params: Client,
    query: ListQuery,
    reply: listOf(ScimToken),
    permission: readScimClients,
    run: (call, { params, query }) => listScimTokens(call, params.org_id, params.client_id, query),
  }),
  route({
    method: 'delete',
    path: '/organizations/{org_id}/scim-clients/{client_id}/tokens/{token_id}',
    operationId: 'revokeScimToken',
    summary: 'Revoke a token of a SCIM client; it stays in the list.',
    group,
    params: Token,
    permission: manageScimClients,
    run: async (call, { params }) => {
      await revokeScimToken(call, params.org_id, params.client_id, params.token_id);
      return undefined;
    },
  }),
];
