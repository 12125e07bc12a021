/** REST face of service accounts: an organization's below it, the system's at the top. */
import { Type } from 'typebox';
import { ListQuery, listOf } from '../../http/list.ts';
import { type Route, route } from '../../http/route.ts';
import {
  Id,
  manageServiceAccounts,
  NewServiceAccount,
  readServiceAccounts,
  ServiceAccount,
  ServiceAccountChange,
} from './schema.ts';
import {
  createServiceAccount,
  deleteServiceAccount,
  getServiceAccount,
  listServiceAccounts,
  updateServiceAccount,
} from './service.ts';

const group = 'Service accounts';
const Organization = Type.Object({ org_id: Id });
const Account = Type.Object({ service_account_id: Id });
const OrganizationAccount = Type.Object({ org_id: Id, service_account_id: Id });

const ofOrganizations: readonly Route[] = [
  route({
    method: 'post',
    path: '/organizations/{org_id}/service-accounts',
    operationId: 'createOrganizationServiceAccount',
    summary: 'Make a service account of an organization.',
    group,
    params: Organization,
    body: NewServiceAccount,
    reply: ServiceAccount,
    status: 201,
    faults: ['service_account_name_taken', 'permission_unknown', 'permission_not_held'],
    permission: manageServiceAccounts,
    run: (call, { params, body }) => createServiceAccount(call, params.org_id, body),
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/service-accounts',
    operationId: 'listOrganizationServiceAccounts',
    summary: 'List the service accounts of an organization.',
    group,
    params: Organization,
    query: ListQuery,
    reply: listOf(ServiceAccount),
    permission: readServiceAccounts,
    run: (call, { params, query }) => listServiceAccounts(call, params.org_id, query),
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/service-accounts/{service_account_id}',
    operationId: 'readOrganizationServiceAccount',
    summary: 'Read a service account of an organization.',
    group,
    params: OrganizationAccount,
    reply: ServiceAccount,
    permission: readServiceAccounts,
    run: (call, { params }) => getServiceAccount(call, params.org_id, params.service_account_id),
  }),
  route({
    method: 'patch',
    path: '/organizations/{org_id}/service-accounts/{service_account_id}',
    operationId: 'updateOrganizationServiceAccount',
    summary: 'Change a service account of an organization.',
    group,
    params: OrganizationAccount,
    body: ServiceAccountChange,
    reply: ServiceAccount,
    faults: ['service_account_name_taken', 'permission_unknown', 'permission_not_held'],
    permission: manageServiceAccounts,
    run: (call, { params, body }) => updateServiceAccount(call, params.org_id, params.service_account_id, body),
  }),
  route({
    method: 'delete',
    path: '/organizations/{org_id}/service-accounts/{service_account_id}',
    operationId: 'deleteOrganizationServiceAccount',
    summary: 'Delete a service account of an organization and its keys.',
    group,
    params: OrganizationAccount,
    permission: manageServiceAccounts,
    run: async (call, { params }) => {
      await deleteServiceAccount(call, params.org_id, params.service_account_id);
      return undefined;
    },
  }),
];

const ofTheSystem: readonly Route[] = [
  route({
    method: 'post',
    path: '/service-accounts',
    operationId: 'createServiceAccount',
    summary: 'Make a system service account.',
    group,
    body: NewServiceAccount,
    reply: ServiceAccount,
    status: 201,
    faults: ['service_account_name_taken', 'permission_unknown', 'permission_not_held'],
    permission: manageServiceAccounts,
    run: (call, { body }) => createServiceAccount(call, null, body),
  }),
  route({
    method: 'get',
    path: '/service-accounts',
    operationId: 'listServiceAccounts',
    summary: 'List the system service accounts.',
    group,
    query: ListQuery,
    reply: listOf(ServiceAccount),
    permission: readServiceAccounts,
    run: (call, { query }) => listServiceAccounts(call, null, query),
  }),
  route({
    method: 'get',
    path: '/service-accounts/{service_account_id}',
    operationId: 'readServiceAccount',
    summary: 'Read a system service account.',
    group,
    params: Account,
    reply: ServiceAccount,
    permission: readServiceAccounts,
    run: (call, { params }) => getServiceAccount(call, null, params.service_account_id),
  }),
  route({
    method: 'patch',
    path: '/service-accounts/{service_account_id}',
    operationId: 'updateServiceAccount',
    summary: 'Change a system service account.',
    group,
    params: Account,
    body: ServiceAccountChange,
    reply: ServiceAccount,
    faults: ['service_account_name_taken', 'permission_unknown', 'permission_not_held'],
    permission: manageServiceAccounts,
    run: (call, { params, body }) => updateServiceAccount(call, null, params.service_account_id, body),
  }),
  route({
    method: 'delete',
    path: '/service-accounts/{service_account_id}',
    operationId: 'deleteServiceAccount',
    summary: 'Delete a system service account and its keys.',
    group,
    params: Account,
    permission: manageServiceAccounts,
    run: async (call, { params }) => {
      await deleteServiceAccount(call, null, params.service_account_id);
      return undefined;
    },
  }),
];

export const serviceAccountRoutes: readonly Route[] = [...ofOrganizations, ...ofTheSystem];
