/** REST face of SCIM clients. */
import { Type } from 'typebox';
import { ListQuery, listOf } from '../../http/list.ts';
import { type Route, route } from '../../http/route.ts';
import type { MappingEngine } from '../mappings/engine.ts';
import {
  CreatedScimClient,
  Id,
  manageScimClients,
  NewScimClient,
  NewScimSecret,
  readScimClients,
  ScimClient,
  ScimClientChange,
  ScimSecretRotation,
} from './schema.ts';
import {
  createScimClient,
  deleteScimClient,
  getScimClient,
  listScimClients,
  rotateScimClientSecret,
  updateScimClient,
} from './service.ts';

const group = 'SCIM clients';
const Organization = Type.Object({ org_id: Id });
const Client = Type.Object({ org_id: Id, client_id: Id });

export const scimClientRoutes = (engine: Pick<MappingEngine, 'standard'>): readonly Route[] => [
  route({
    method: 'post',
    path: '/organizations/{org_id}/scim-clients',
    operationId: 'createScimClient',
    summary: 'Make a SCIM client: a directory that may provision into the organization. Its secret is shown once.',
    description:
      'The directory authenticates at `base_url` with a token made for it, or with an access token that it gets from ' +
      '`token_endpoint` by `client_credentials` with its `client_id` and `client_secret`.',
    group,
    params: Organization,
    body: NewScimClient,
    reply: CreatedScimClient,
    status: 201,
    faults: ['permission_not_held'],
    permission: manageScimClients,
    run: (call, { params, body }) => createScimClient(call, params.org_id, body, engine),
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/scim-clients',
    operationId: 'listScimClients',
    summary: 'List the SCIM clients of an organization.',
    group,
    params: Organization,
    query: ListQuery,
    reply: listOf(ScimClient),
    permission: readScimClients,
    run: (call, { params, query }) => listScimClients(call, params.org_id, query),
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/scim-clients/{client_id}',
    operationId: 'readScimClient',
    summary: 'Read a SCIM client.',
    group,
    params: Client,
    reply: ScimClient,
    permission: readScimClients,
    run: (call, { params }) => getScimClient(call, params.org_id, params.client_id),
  }),
  route({
    method: 'patch',
    path: '/organizations/{org_id}/scim-clients/{client_id}',
    operationId: 'updateScimClient',
    summary: 'Rename a SCIM client, switch it off or on, or say when it expires.',
    group,
    params: Client,
    body: ScimClientChange,
    reply: ScimClient,
    permission: manageScimClients,
    run: (call, { params, body }) => updateScimClient(call, params.org_id, params.client_id, body),
  }),
  route({
    method: 'delete',
    path: '/organizations/{org_id}/scim-clients/{client_id}',
    operationId: 'deleteScimClient',
    summary: 'Delete a SCIM client with its tokens and mappings; what it provisioned stays.',
    group,
    params: Client,
    permission: manageScimClients,
    run: async (call, { params }) => {
      await deleteScimClient(call, params.org_id, params.client_id);
      return undefined;
    },
  }),
  route({
    method: 'post',
    path: '/organizations/{org_id}/scim-clients/{client_id}/secret',
    operationId: 'rotateScimClientSecret',
    summary: 'Give a SCIM client a new secret, shown once; the one before it may go on working for a while.',
    group,
    params: Client,
    body: ScimSecretRotation,
    reply: NewScimSecret,
    faults: ['permission_not_held'],
    permission: manageScimClients,
    run: (call, { params, body }) => rotateScimClientSecret(call, params.org_id, params.client_id, body),
  }),
];
