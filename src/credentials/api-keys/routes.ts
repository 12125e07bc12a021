/** REST face of API keys: an organization's below it, the system's at the top. */
import { Type } from 'typebox';
import { ListQuery, listOf } from '../../http/list.ts';
import { type Route, route } from '../../http/route.ts';
import { Id } from '../service-accounts/schema.ts';
import { ApiKey, ApiKeyChange, CreatedApiKey, manageApiKeys, NewApiKey, readApiKeys } from './schema.ts';
import { createApiKey, getApiKey, listApiKeys, revokeApiKey, updateApiKey } from './service.ts';

const group = 'API keys';
const Organization = Type.Object({ org_id: Id });
const Key = Type.Object({ api_key_id: Id });
const OrganizationKey = Type.Object({ org_id: Id, api_key_id: Id });

const ofOrganizations: readonly Route[] = [
  route({
    method: 'post',
    path: '/organizations/{org_id}/api-keys',
    operationId: 'createOrganizationApiKey',
    summary: 'Make an API key of an organization. The answer is the only place where the key is shown.',
    group,
    params: Organization,
    body: NewApiKey,
    reply: CreatedApiKey,
    status: 201,
    faults: ['permission_unknown', 'permission_not_held'],
    permission: manageApiKeys,
    run: (call, { params, body }) => createApiKey(call, params.org_id, body),
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/api-keys',
    operationId: 'listOrganizationApiKeys',
    summary: 'List the API keys of an organization.',
    group,
    params: Organization,
    query: ListQuery,
    reply: listOf(ApiKey),
    permission: readApiKeys,
    run: (call, { params, query }) => listApiKeys(call, params.org_id, query),
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/api-keys/{api_key_id}',
    operationId: 'readOrganizationApiKey',
    summary: 'Read an API key of an organization.',
    group,
    params: OrganizationKey,
    reply: ApiKey,
    permission: readApiKeys,
    run: (call, { params }) => getApiKey(call, params.org_id, params.api_key_id),
  }),
  route({
    method: 'patch',
    path: '/organizations/{org_id}/api-keys/{api_key_id}',
    operationId: 'updateOrganizationApiKey',
    summary: 'Change an API key of an organization.',
    group,
    params: OrganizationKey,
    body: ApiKeyChange,
    reply: ApiKey,
    faults: ['conflict', 'permission_unknown', 'permission_not_held'],
    permission: manageApiKeys,
    run: (call, { params, body }) => updateApiKey(call, params.org_id, params.api_key_id, body),
  }),
  route({
    method: 'delete',
    path: '/organizations/{org_id}/api-keys/{api_key_id}',
    operationId: 'revokeOrganizationApiKey',
    summary: 'Revoke an API key of an organization; it stays in the list.',
    group,
    params: OrganizationKey,
    permission: manageApiKeys,
    run: async (call, { params }) => {
      await revokeApiKey(call, params.org_id, params.api_key_id);
      return undefined;
    },
  }),
];

const ofTheSystem: readonly Route[] = [
  route({
    method: 'post',
    path: '/api-keys',
    operationId: 'createApiKey',
    summary: 'Make an API key for the whole system. The answer is the only place where the key is shown.',
    group,
    body: NewApiKey,
    reply: CreatedApiKey,
    status: 201,
    faults: ['permission_unknown', 'permission_not_held'],
    permission: manageApiKeys,
    run: (call, { body }) => createApiKey(call, null, body),
  }),
  route({
    method: 'get',
    path: '/api-keys',
    operationId: 'listApiKeys',
    summary: 'List the API keys for the whole system.',
    group,
    query: ListQuery,
    reply: listOf(ApiKey),
    permission: readApiKeys,
    run: (call, { query }) => listApiKeys(call, null, query),
  }),
  route({
    method: 'get',
    path: '/api-keys/{api_key_id}',
    operationId: 'readApiKey',
    summary: 'Read an API key for the whole system.',
    group,
    params: Key,
    reply: ApiKey,
    permission: readApiKeys,
    run: (call, { params }) => getApiKey(call, null, params.api_key_id),
  }),
  route({
    method: 'patch',
    path: '/api-keys/{api_key_id}',
    operationId: 'updateApiKey',
    summary: 'Change an API key for the whole system.',
    group,
    params: Key,
    body: ApiKeyChange,
    reply: ApiKey,
    faults: ['conflict', 'permission_unknown', 'permission_not_held'],
    permission: manageApiKeys,
    run: (call, { params, body }) => updateApiKey(call, null, params.api_key_id, body),
  }),
  route({
    method: 'delete',
    path: '/api-keys/{api_key_id}',
    operationId: 'revokeApiKey',
    summary: 'Revoke an API key for the whole system; it stays in the list.',
    group,
    params: Key,
    permission: manageApiKeys,
    run: async (call, { params }) => {
      await revokeApiKey(call, null, params.api_key_id);
      return undefined;
    },
  }),
];

export const apiKeyRoutes: readonly Route[] = [...ofOrganizations, ...ofTheSystem];
