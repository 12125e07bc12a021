/** REST face of permissions. */
import { Type } from 'typebox';
import { organizationParams } from '../../directory/organizations/schema.ts';
import { listOf } from '../../http/list.ts';
import { route } from '../../http/route.ts';
import {
  managePermissions,
  NewPermission,
  Permission,
  PermissionChanges,
  PermissionQuery,
  readPermissions,
} from './schema.ts';
import { createPermission, deletePermission, listPermissions, readPermission, updatePermission } from './service.ts';

const group = 'Permissions';
const params = Type.Object({ org_id: Type.String({ format: 'uuid' }), permission_id: Type.String({ format: 'uuid' }) });

export const permissionRoutes = [
  route({
    method: 'post',
    path: '/organizations/{org_id}/permissions',
    operationId: 'createPermission',
    summary: 'Define a permission of the organization’s own.',
    description: 'It means something to the organization’s applications, which find its name in tokens.',
    group,
    params: organizationParams,
    body: NewPermission,
    reply: Permission,
    status: 201,
    faults: ['permission_name_taken', 'permission_name_reserved'],
    permission: managePermissions,
    run: (call, { params, body }) => createPermission(call, params.org_id, body),
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/permissions',
    operationId: 'listPermissions',
    summary: 'List permissions: the organization’s own, and Lintel’s.',
    group,
    params: organizationParams,
    query: PermissionQuery,
    reply: listOf(Permission),
    permission: readPermissions,
    run: (call, { params, query }) => listPermissions(call, params.org_id, query),
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/permissions/{permission_id}',
    operationId: 'readPermission',
    summary: 'Read a permission.',
    group,
    params,
    reply: Permission,
    permission: readPermissions,
    run: (call, { params }) => readPermission(call, params.org_id, params.permission_id),
  }),
  route({
    method: 'patch',
    path: '/organizations/{org_id}/permissions/{permission_id}',
    operationId: 'updatePermission',
    summary: 'Change a permission of the organization’s own.',
    group,
    params,
    body: PermissionChanges,
    reply: Permission,
    faults: ['permission_name_taken', 'permission_name_reserved', 'permission_of_system'],
    permission: managePermissions,
    run: (call, { params, body }) => updatePermission(call, params.org_id, params.permission_id, body),
  }),
  route({
    method: 'delete',
    path: '/organizations/{org_id}/permissions/{permission_id}',
    operationId: 'deletePermission',
    summary: 'Delete a permission of the organization’s own.',
    group,
    params,
    faults: ['permission_of_system'],
    permission: managePermissions,
    run: async (call, { params }) => {
      await deletePermission(call, params.org_id, params.permission_id);
      return undefined;
    },
  }),
];
