/** REST face of grants: roles of members and groups, what follows from them, and administrators of the system. */
import { Type } from 'typebox';
import { Member, manageMembers, memberParams, readMembers } from '../../directory/memberships/schema.ts';
import { ListQuery, listOf } from '../../http/list.ts';
import { route } from '../../http/route.ts';
import { readRoles } from '../roles/schema.ts';
import { addAdministrator, listAdministrators, removeAdministrator } from './administrators.ts';
import { explainAccess } from './explain.ts';
import {
  AccessExplanation,
  AccessQuery,
  Grant,
  GroupRole,
  MemberInput,
  manageAdministrators,
  manageGrants,
  NewGrant,
  NewGroupRole,
} from './schema.ts';
import {
  grantGroupRole,
  grantRole,
  listGrants,
  listGroupRoles,
  revokeGroupRole,
  revokeRole,
  setMember,
} from './service.ts';

const group = 'Access';
const id = () => Type.String({ format: 'uuid' });
const grantParams = Type.Object({ ...memberParams.properties, role_id: id() });
const groupParams = Type.Object({ org_id: id(), group_id: id() });
const groupRoleParams = Type.Object({ ...groupParams.properties, role_id: id() });
const userParams = Type.Object({ user_id: id() });

export const grantRoutes = [
  route({
    method: 'put',
    path: '/organizations/{org_id}/members/{user_id}',
    operationId: 'setMember',
    summary: 'Make somebody a member, and choose their primary role.',
    description: 'Roles given beside the primary one stay. Nobody gives a role that holds more than they do.',
    group: 'Members',
    params: memberParams,
    body: MemberInput,
    reply: Member,
    faults: ['last_owner'],
    permission: manageMembers,
    run: (call, { params, body }) => setMember(call, params.org_id, params.user_id, body),
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/members/{user_id}/access',
    operationId: 'explainAccess',
    summary: 'Explain whether and why a member has a permission.',
    group,
    params: memberParams,
    query: AccessQuery,
    reply: AccessExplanation,
    permission: readMembers,
    run: (call, { params, query }) => explainAccess(call, params.org_id, params.user_id, query.permission),
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/members/{user_id}/roles',
    operationId: 'listGrants',
    summary: 'List the roles that a member was given directly.',
    group,
    params: memberParams,
    query: ListQuery,
    reply: listOf(Grant),
    permission: readRoles,
    run: (call, { params, query }) => listGrants(call, params.org_id, params.user_id, query),
  }),
  route({
    method: 'post',
    path: '/organizations/{org_id}/members/{user_id}/roles',
    operationId: 'grantRole',
    summary: 'Give a member a role, for good or until a moment.',
    group,
    params: memberParams,
    body: NewGrant,
    reply: Grant,
    status: 201,
    faults: ['last_owner'],
    permission: manageGrants,
    run: (call, { params, body }) => grantRole(call, params.org_id, params.user_id, body),
  }),
  route({
    method: 'delete',
    path: '/organizations/{org_id}/members/{user_id}/roles/{role_id}',
    operationId: 'revokeRole',
    summary: 'Take a role that a member was given directly.',
    group,
    params: grantParams,
    faults: ['last_owner'],
    permission: manageGrants,
    run: async (call, { params }) => {
      await revokeRole(call, params.org_id, params.user_id, params.role_id);
      return undefined;
    },
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/groups/{group_id}/roles',
    operationId: 'listGroupRoles',
    summary: 'List the roles that a group gives to its members.',
    group,
    params: groupParams,
    query: ListQuery,
    reply: listOf(GroupRole),
    permission: readRoles,
    run: (call, { params, query }) => listGroupRoles(call, params.org_id, params.group_id, query),
  }),
  route({
    method: 'post',
    path: '/organizations/{org_id}/groups/{group_id}/roles',
    operationId: 'grantGroupRole',
    summary: 'Let a group give a role to its members.',
    group,
    params: groupParams,
    body: NewGroupRole,
    reply: GroupRole,
    status: 201,
    permission: manageGrants,
    run: (call, { params, body }) => grantGroupRole(call, params.org_id, params.group_id, body.role_id),
  }),
  route({
    method: 'delete',
    path: '/organizations/{org_id}/groups/{group_id}/roles/{role_id}',
    operationId: 'revokeGroupRole',
    summary: 'Let a group no longer give a role.',
    group,
    params: groupRoleParams,
    faults: ['last_owner'],
    permission: manageGrants,
    run: async (call, { params }) => {
      await revokeGroupRole(call, params.org_id, params.group_id, params.role_id);
      return undefined;
    },
  }),
  route({
    method: 'get',
    path: '/administrators',
    operationId: 'listAdministrators',
    summary: 'List the administrators of the system.',
    group: 'Administrators',
    query: ListQuery,
    reply: listOf(Grant),
    permission: manageAdministrators,
    run: (call, { query }) => listAdministrators(call, query),
  }),
  route({
    method: 'put',
    path: '/administrators/{user_id}',
    operationId: 'addAdministrator',
    summary: 'Make somebody an administrator of the system.',
    description: 'Only an account that its person owns.',
    group: 'Administrators',
    params: userParams,
    faults: ['conflict'],
    permission: manageAdministrators,
    run: async (call, { params }) => {
      await addAdministrator(call, params.user_id);
      return undefined;
    },
  }),
  route({
    method: 'delete',
    path: '/administrators/{user_id}',
    operationId: 'removeAdministrator',
    summary: 'Take the administration of the system from somebody.',
    group: 'Administrators',
    params: userParams,
    faults: ['last_administrator'],
    permission: manageAdministrators,
    run: async (call, { params }) => {
      await removeAdministrator(call, params.user_id);
      return undefined;
    },
  }),
];
