/** REST face of sessions: of an organization's people, and of anybody for the system's administrators. */
import { Type } from 'typebox';
import { ListQuery, listOf } from '../../http/list.ts';
import { type Route, route } from '../../http/route.ts';
import { manageSessions, readSessions, Session } from './schema.ts';
import { endSession, endSessions, listSessions } from './service.ts';

const group = 'Sessions';
const Id = Type.String({ format: 'uuid' });
const Member = Type.Object({ org_id: Id, user_id: Id });
const MemberSession = Type.Object({ org_id: Id, user_id: Id, session_id: Id });
const Person = Type.Object({ user_id: Id });
const PersonSession = Type.Object({ user_id: Id, session_id: Id });

export const sessionRoutes: readonly Route[] = [
  route({
    method: 'get',
    path: '/organizations/{org_id}/members/{user_id}/sessions',
    operationId: 'listMemberSessions',
    summary: 'List the living sessions of a member, newest first.',
    group,
    params: Member,
    query: ListQuery,
    reply: listOf(Session),
    permission: readSessions,
    run: (call, { params, query }) => listSessions(call, params.org_id, params.user_id, query),
  }),
  route({
    method: 'delete',
    path: '/organizations/{org_id}/members/{user_id}/sessions',
    operationId: 'endMemberSessions',
    summary: 'End every session of a member.',
    group,
    params: Member,
    permission: manageSessions,
    run: async (call, { params }) => {
      await endSessions(call, params.org_id, params.user_id);
      return undefined;
    },
  }),
  route({
    method: 'delete',
    path: '/organizations/{org_id}/members/{user_id}/sessions/{session_id}',
    operationId: 'endMemberSession',
    summary: 'End one session of a member.',
    group,
    params: MemberSession,
    permission: manageSessions,
    run: async (call, { params }) => {
      await endSession(call, params.org_id, params.user_id, params.session_id);
      return undefined;
    },
  }),
  route({
    method: 'get',
    path: '/users/{user_id}/sessions',
    operationId: 'listUserSessions',
    summary: 'List the living sessions of any account, newest first.',
    group,
    params: Person,
    query: ListQuery,
    reply: listOf(Session),
    permission: readSessions,
    run: (call, { params, query }) => listSessions(call, null, params.user_id, query),
  }),
  route({
    method: 'delete',
    path: '/users/{user_id}/sessions',
    operationId: 'endUserSessions',
    summary: 'End every session of any account.',
    group,
    params: Person,
    permission: manageSessions,
    run: async (call, { params }) => {
      await endSessions(call, null, params.user_id);
      return undefined;
    },
  }),
  route({
    method: 'delete',
    path: '/users/{user_id}/sessions/{session_id}',
    operationId: 'endUserSession',
    summary: 'End one session of any account.',
    group,
    params: PersonSession,
    permission: manageSessions,
    run: async (call, { params }) => {
      await endSession(call, null, params.user_id, params.session_id);
      return undefined;
    },
  }),
];
