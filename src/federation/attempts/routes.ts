/** REST face of sign-in traces. */
import { Type } from 'typebox';
import { listOf } from '../../http/list.ts';
import { type Route, route } from '../../http/route.ts';
import { readTraces, SigninTrace, TraceQuery } from './schema.ts';
import { listTraces, readTrace } from './service.ts';

const Id = Type.String({ format: 'uuid' });

export const traceRoutes: readonly Route[] = [
  route({
    method: 'get',
    path: '/organizations/{org_id}/signin-traces',
    operationId: 'listSigninTraces',
    summary: 'Read the traces of sign-ins through identity providers, newest first.',
    group: 'Sign-in traces',
    params: Type.Object({ org_id: Id }),
    query: TraceQuery,
    reply: listOf(SigninTrace),
    permission: readTraces,
    run: (call, { params, query }) => listTraces(call, params.org_id, query),
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/signin-traces/{reference}',
    operationId: 'readSigninTrace',
    summary: 'Read the trace behind a reference that somebody was shown.',
    group: 'Sign-in traces',
    params: Type.Object({ org_id: Id, reference: Type.String({ minLength: 1, maxLength: 64 }) }),
    reply: SigninTrace,
    permission: readTraces,
    run: (call, { params }) => readTrace(call, params.org_id, params.reference),
  }),
];
