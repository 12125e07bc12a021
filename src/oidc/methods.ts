/** Which methods each address of the provider knows; the library answers others as if the address were not there. */
import type { Context } from 'koa';
import { reads, requireMethod } from '../http/methods.ts';

const forms = ['POST'];
const cors = ['OPTIONS'];

const methods: Readonly<Record<string, readonly string[]>> = {
  discovery: [...reads, ...cors],
  jwks: [...reads, ...cors],
  authorization: [...reads, ...forms],
  resume: reads,
  token: [...forms, ...cors],
  userinfo: [...reads, ...forms, ...cors],
  introspection: [...forms, ...cors],
  revocation: [...forms, ...cors],
  pushed_authorization_request: [...forms, ...cors],
  end_session: [...reads, ...forms],
  end_session_confirm: forms,
  end_session_success: reads,
};

/**
 * @returns whether that was all: somebody asked what may be asked, outside of CORS, which is the library's
 * @throws Fault method_not_allowed
 */
export function settleMethod(context: Context, route: string): boolean {
  const known = methods[route] ?? reads;
  requireMethod(context, known);
  if (context.method !== 'OPTIONS' || context.get('access-control-request-method') !== '') return false;
  context.set('allow', known.join(', '));
  context.status = 204;
  return true;
}
