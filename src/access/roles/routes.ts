/** REST face of roles, of what they contain and of what they inherit. */
import { Type } from 'typebox';
import { organizationParams } from '../../directory/organizations/schema.ts';
import { ListQuery, listOf } from '../../http/list.ts';
import { route } from '../../http/route.ts';
import {
  manageRoles,
  NewRole,
  ParentRole,
  Role,
  RoleChanges,
  RolePermission,
  RoleQuery,
  readRoles,
  roleParams,
} from './schema.ts';
import {
  addParentRole,
  addRolePermission,
  createRole,
  deleteRole,
  listParentRoles,
  listRolePermissions,
  listRoles,
  readRole,
  removeParentRole,
  removeRolePermission,
  updateRole,
} from './service.ts';

const group = 'Roles';
const params = roleParams;
const permissionParams = Type.Object({ ...params.properties, permission_id: Type.String({ format: 'uuid' }) });
const parentParams = Type.Object({ ...params.properties, parent_role_id: Type.String({ format: 'uuid' }) });

export const roleRoutes = [
  route({
    method: 'post',
    path: '/organizations/{org_id}/roles',
    operationId: 'createRole',
    summary: 'Create a role of the organization’s own.',
    group,
    params: organizationParams,
    body: NewRole,
    reply: Role,
    status: 201,
    faults: ['role_name_taken', 'role_name_reserved'],
    permission: manageRoles,
    run: (call, { params, body }) => createRole(call, params.org_id, body),
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/roles',
    operationId: 'listRoles',
    summary: 'List roles: the organization’s own, and those that the system offers.',
    group,
    params: organizationParams,
    query: RoleQuery,
    reply: listOf(Role),
    permission: readRoles,
    run: (call, { params, query }) => listRoles(call, params.org_id, query),
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/roles/{role_id}',
    operationId: 'readRole',
    summary: 'Read a role.',
    group,
    params,
    reply: Role,
    permission: readRoles,
    run: (call, { params }) => readRole(call, params.org_id, params.role_id),
  }),
  route({
    method: 'patch',
    path: '/organizations/{org_id}/roles/{role_id}',
    operationId: 'updateRole',
    summary: 'Change a role of the organization’s own.',
    group,
    params,
    body: RoleChanges,
    reply: Role,
    faults: ['role_name_taken', 'role_name_reserved', 'role_of_system'],
    permission: manageRoles,
    run: (call, { params, body }) => updateRole(call, params.org_id, params.role_id, body),
  }),
  route({
    method: 'delete',
    path: '/organizations/{org_id}/roles/{role_id}',
    operationId: 'deleteRole',
    summary: 'Delete a role of the organization’s own.',
    group,
    params,
    faults: ['role_of_system'],
    permission: manageRoles,
    run: async (call, { params }) => {
      await deleteRole(call, params.org_id, params.role_id);
      return undefined;
    },
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/roles/{role_id}/permissions',
    operationId: 'listRolePermissions',
    summary: 'List the permissions in a role, without inherited ones.',
    group,
    params,
    query: ListQuery,
    reply: listOf(RolePermission),
    permission: readRoles,
    run: (call, { params, query }) => listRolePermissions(call, params.org_id, params.role_id, query),
  }),
  route({
    method: 'put',
    path: '/organizations/{org_id}/roles/{role_id}/permissions/{permission_id}',
    operationId: 'addRolePermission',
    summary: 'Put a permission into a role.',
    description: 'Only a permission that you hold yourself.',
    group,
    params: permissionParams,
    faults: ['role_of_system'],
    permission: manageRoles,
    run: async (call, { params }) => {
      await addRolePermission(call, params.org_id, params.role_id, params.permission_id);
      return undefined;
    },
  }),
  route({
    method: 'delete',
    path: '/organizations/{org_id}/roles/{role_id}/permissions/{permission_id}',
    operationId: 'removeRolePermission',
    summary: 'Take a permission out of a role.',
    group,
    params: permissionParams,
    faults: ['role_of_system'],
    permission: manageRoles,
    run: async (call, { params }) => {
      await removeRolePermission(call, params.org_id, params.role_id, params.permission_id);
      return undefined;
    },
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/roles/{role_id}/parents',
    operationId: 'listParentRoles',
    summary: 'List the roles that a role inherits from directly.',
    group,
    params,
    query: ListQuery,
    reply: listOf(ParentRole),
    permission: readRoles,
    run: (call, { params, query }) => listParentRoles(call, params.org_id, params.role_id, query),
  }),
  route({
    method: 'put',
    path: '/organizations/{org_id}/roles/{role_id}/parents/{parent_role_id}',
    operationId: 'addParentRole',
    summary: 'Let a role inherit from another one.',
    group,
    params: parentParams,
    faults: ['role_of_system', 'role_not_inheritable', 'inheritance_cycle'],
    permission: manageRoles,
    run: async (call, { params }) => {
      await addParentRole(call, params.org_id, params.role_id, params.parent_role_id);
      return undefined;
    },
  }),
  route({
    method: 'delete',
    path: '/organizations/{org_id}/roles/{role_id}/parents/{parent_role_id}',
    operationId: 'removeParentRole',
    summary: 'Let a role no longer inherit from another one.',
    group,
    params: parentParams,
    faults: ['role_of_system'],
    permission: manageRoles,
    run: async (call, { params }) => {
      await removeParentRole(call, params.org_id, params.role_id, params.parent_role_id);
      return undefined;
    },
  }),
];
