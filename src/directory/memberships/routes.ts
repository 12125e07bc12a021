/** REST face of memberships; joining comes with a role, and so from the access room. */
import { listOf } from '../../http/list.ts';
import { route } from '../../http/route.ts';
import { organizationParams } from '../organizations/schema.ts';
import { Member, MemberQuery, MembershipChanges, manageMembers, memberParams, readMembers } from './schema.ts';
import { listMembers, readMember, removeMember, setMemberStatus } from './service.ts';

const group = 'Members';
const params = memberParams;

export const membershipRoutes = [
  route({
    method: 'get',
    path: '/organizations/{org_id}/members',
    operationId: 'listMembers',
    summary: 'List who belongs to the organization.',
    group,
    params: organizationParams,
    query: MemberQuery,
    reply: listOf(Member),
    permission: readMembers,
    run: (call, { params, query }) => listMembers(call, params.org_id, query),
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/members/{user_id}',
    operationId: 'readMember',
    summary: 'Read a membership.',
    group,
    params,
    reply: Member,
    permission: readMembers,
    run: (call, { params }) => readMember(call, params.org_id, params.user_id),
  }),
  route({
    method: 'patch',
    path: '/organizations/{org_id}/members/{user_id}',
    operationId: 'updateMember',
    summary: 'Suspend a membership, or lift that.',
    group,
    params,
    body: MembershipChanges,
    reply: Member,
    faults: ['last_owner'],
    permission: manageMembers,
    run: (call, { params, body }) => setMemberStatus(call, params.org_id, params.user_id, body.status),
  }),
  route({
    method: 'delete',
    path: '/organizations/{org_id}/members/{user_id}',
    operationId: 'removeMember',
    summary: 'End the membership of a guest.',
    group,
    params,
    faults: ['member_is_owned', 'last_owner'],
    permission: manageMembers,
    run: async (call, { params }) => {
      await removeMember(call, params.org_id, params.user_id);
      return undefined;
    },
  }),
];
