/** REST face of login methods. */
import { Type } from 'typebox';
import { listOf } from '../../http/list.ts';
import { type Route, route } from '../../http/route.ts';
import { LoginMethod, LoginMethodChange, loginMethodNames, manageLoginMethods, readLoginMethods } from './schema.ts';
import { listLoginMethods, setLoginMethod } from './service.ts';

const Id = Type.String({ format: 'uuid' });
const group = 'Login methods';

export const loginMethodRoutes: readonly Route[] = [
  route({
    method: 'get',
    path: '/organizations/{org_id}/login-methods',
    operationId: 'listLoginMethods',
    summary: 'See which ways of signing in an organization allows.',
    group,
    params: Type.Object({ org_id: Id }),
    reply: listOf(LoginMethod),
    permission: readLoginMethods,
    run: (call, { params }) => listLoginMethods(call, params.org_id),
  }),
  route({
    method: 'put',
    path: '/organizations/{org_id}/login-methods/{method}',
    operationId: 'setLoginMethod',
    summary: 'Allow a way of signing in, or switch it off.',
    group,
    params: Type.Object({ org_id: Id, method: Type.Enum([...loginMethodNames]) }),
    body: LoginMethodChange,
    reply: LoginMethod,
    permission: manageLoginMethods,
    run: (call, { params, body }) => setLoginMethod(call, params.org_id, params.method, body),
  }),
];
