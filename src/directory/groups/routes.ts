/** REST face of groups. */
import { Type } from 'typebox';
import { readExpiry } from '../../core/moment.ts';
import { ListQuery, listOf } from '../../http/list.ts';
import { route } from '../../http/route.ts';
import { organizationParams } from '../organizations/schema.ts';
import { addGroupMember, changeMembers } from './members.ts';
import {
  Group,
  GroupChanges,
  GroupMember,
  GroupQuery,
  MemberChanges,
  manageGroups,
  NewGroup,
  readGroups,
} from './schema.ts';
import { createGroup, deleteGroup, listGroupMembers, listGroups, readGroup, updateGroup } from './service.ts';

const group = 'Groups';
const params = Type.Object({ org_id: Type.String({ format: 'uuid' }), group_id: Type.String({ format: 'uuid' }) });
const memberParams = Type.Object({ ...params.properties, user_id: Type.String({ format: 'uuid' }) });

export const groupRoutes = [
  route({
    method: 'post',
    path: '/organizations/{org_id}/groups',
    operationId: 'createGroup',
    summary: 'Create a group.',
    group,
    params: organizationParams,
    body: NewGroup,
    reply: Group,
    status: 201,
    faults: ['group_name_taken', 'group_slug_taken'],
    permission: manageGroups,
    run: (call, { params, body }) => createGroup(call, params.org_id, body),
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/groups',
    operationId: 'listGroups',
    summary: 'List groups.',
    group,
    params: organizationParams,
    query: GroupQuery,
    reply: listOf(Group),
    permission: readGroups,
    run: (call, { params, query }) => listGroups(call, params.org_id, query),
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/groups/{group_id}',
    operationId: 'readGroup',
    summary: 'Read a group.',
    group,
    params,
    reply: Group,
    permission: readGroups,
    run: (call, { params }) => readGroup(call, params.org_id, params.group_id),
  }),
  route({
    method: 'patch',
    path: '/organizations/{org_id}/groups/{group_id}',
    operationId: 'updateGroup',
    summary: 'Change a group.',
    group,
    params,
    body: GroupChanges,
    reply: Group,
    faults: ['group_name_taken', 'group_slug_taken', 'last_owner'],
    permission: manageGroups,
    run: async (call, { params, body }) => (await updateGroup(call, params.org_id, params.group_id, body)).after,
  }),
  route({
    method: 'delete',
    path: '/organizations/{org_id}/groups/{group_id}',
    operationId: 'deleteGroup',
    summary: 'Delete a group.',
    group,
    params,
    faults: ['last_owner'],
    permission: manageGroups,
    run: async (call, { params }) => {
      await deleteGroup(call, params.org_id, params.group_id);
      return undefined;
    },
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/groups/{group_id}/members',
    operationId: 'listGroupMembers',
    summary: 'List the members of a group.',
    group,
    params,
    query: ListQuery,
    reply: listOf(GroupMember),
    permission: readGroups,
    run: (call, { params, query }) => listGroupMembers(call, params.org_id, params.group_id, query),
  }),
  route({
    method: 'post',
    path: '/organizations/{org_id}/groups/{group_id}/members',
    operationId: 'changeGroupMembers',
    summary: 'Add people to a group, and take others out.',
    group,
    params,
    body: MemberChanges,
    reply: Group,
    faults: ['member_unknown', 'group_full', 'last_owner'],
    permission: manageGroups,
    run: async (call, { params, body }) => {
      const expires_at = readExpiry(call, body.expires_at);
      const { add, remove } = body;
      return (await changeMembers(call, params.org_id, params.group_id, { add, remove, expires_at })).group;
    },
  }),
  route({
    method: 'put',
    path: '/organizations/{org_id}/groups/{group_id}/members/{user_id}',
    operationId: 'addGroupMember',
    summary: 'Add somebody to a group.',
    group,
    params: memberParams,
    faults: ['group_full'],
    permission: manageGroups,
    run: async (call, { params }) => {
      await addGroupMember(call, params.org_id, params.group_id, params.user_id);
      return undefined;
    },
  }),
  route({
    method: 'delete',
    path: '/organizations/{org_id}/groups/{group_id}/members/{user_id}',
    operationId: 'removeGroupMember',
    summary: 'Take somebody out of a group.',
    group,
    params: memberParams,
    faults: ['last_owner'],
    permission: manageGroups,
    run: async (call, { params }) => {
      await changeMembers(call, params.org_id, params.group_id, { remove: [params.user_id] });
      return undefined;
    },
  }),
];
