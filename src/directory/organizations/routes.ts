/** REST face of organizations. */
import { listOf } from '../../http/list.ts';
import { route } from '../../http/route.ts';
import {
  createOrganizations,
  deleteOrganizations,
  NewOrganization,
  Organization,
  OrganizationChanges,
  OrganizationQuery,
  organizationParams,
  readOrganizations,
  suspendOrganizations,
  updateOrganizations,
} from './schema.ts';
import {
  activateOrganization,
  createOrganization,
  deleteOrganization,
  listOrganizations,
  readOrganization,
  suspendOrganization,
  updateOrganization,
} from './service.ts';

const group = 'Organizations';
const params = organizationParams;

export const organizationRoutes = [
  route({
    method: 'post',
    path: '/organizations',
    operationId: 'createOrganization',
    summary: 'Create an organization.',
    description: 'A person who may create organizations becomes the owner of the new one.',
    group,
    body: NewOrganization,
    reply: Organization,
    status: 201,
    faults: ['slug_taken', 'slug_reserved'],
    permission: createOrganizations,
    run: (call, { body }) => createOrganization(call, body),
  }),
  route({
    method: 'get',
    path: '/organizations',
    operationId: 'listOrganizations',
    summary: 'List all organizations.',
    group,
    query: OrganizationQuery,
    reply: listOf(Organization),
    permission: readOrganizations,
    run: (call, { query }) => listOrganizations(call, query),
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}',
    operationId: 'readOrganization',
    summary: 'Read an organization.',
    group,
    params,
    reply: Organization,
    permission: readOrganizations,
    run: (call, { params }) => readOrganization(call, params.org_id),
  }),
  route({
    method: 'patch',
    path: '/organizations/{org_id}',
    operationId: 'updateOrganization',
    summary: 'Change an organization.',
    group,
    params,
    body: OrganizationChanges,
    reply: Organization,
    faults: ['slug_taken', 'slug_reserved', 'custom_domain_taken', 'domain_invalid', 'domain_not_verified'],
    permission: updateOrganizations,
    run: (call, { params, body }) => updateOrganization(call, params.org_id, body),
  }),
  route({
    method: 'post',
    path: '/organizations/{org_id}/suspension',
    operationId: 'addOrganizationSuspension',
    summary: 'Suspend an organization: nobody signs in to it.',
    group,
    params,
    reply: Organization,
    permission: suspendOrganizations,
    run: (call, { params }) => suspendOrganization(call, params.org_id),
  }),
  route({
    method: 'delete',
    path: '/organizations/{org_id}/suspension',
    operationId: 'removeOrganizationSuspension',
    summary: 'Activate a suspended organization.',
    group,
    params,
    reply: Organization,
    permission: suspendOrganizations,
    run: (call, { params }) => activateOrganization(call, params.org_id),
  }),
  route({
    method: 'delete',
    path: '/organizations/{org_id}',
    operationId: 'deleteOrganization',
    summary: 'Delete an organization.',
    group,
    params,
    permission: deleteOrganizations,
    run: async (call, { params }) => {
      await deleteOrganization(call, params.org_id);
      return undefined;
    },
  }),
];
