/** REST face of consents. */
import { Type } from 'typebox';
import { ListQuery, listOf } from '../../http/list.ts';
import { type Route, route } from '../../http/route.ts';
import { Consent } from './schema.ts';
import { listConsents, revokeConsent } from './service.ts';

const group = 'Consents';
const Id = Type.String({ format: 'uuid' });

export const consentRoutes: readonly Route[] = [
  route({
    method: 'get',
    path: '/users/{user_id}/consents',
    operationId: 'listUserConsents',
    summary: 'List what a person allowed applications.',
    group,
    params: Type.Object({ user_id: Id }),
    query: ListQuery,
    reply: listOf(Consent),
    permission: null,
    run: (call, { params, query }) => listConsents(call, params.user_id, query),
  }),
  route({
    method: 'delete',
    path: '/users/{user_id}/consents/{grant_id}',
    operationId: 'revokeUserConsent',
    summary: 'Take a consent back and end its tokens.',
    group,
    params: Type.Object({ user_id: Id, grant_id: Id }),
    permission: null,
    run: async (call, { params }) => {
      await revokeConsent(call, params.user_id, params.grant_id);
      return undefined;
    },
  }),
];
