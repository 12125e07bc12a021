/**
 * For portals of identity providers. Somebody who comes from there wants an application, and only an application can begin a sign-in
 * that is bound to this browser: so they are sent to the connection's landing application, which is told whom to sign in with
 * (OpenID Connect Core §4, initiating login from a third party).
 */
import { getApplication } from '../applications/clients/service.ts';
import type { Call } from '../core/call.ts';
import { Fault } from '../core/fault.ts';
import { hintOf } from '../federation/exchanges/service.ts';
import { type Connection, findConnection } from '../federation/providers/connection.ts';
import { edgeOf } from '../http/server.ts';
import { refuse, seeOther } from './answers.ts';
import type { Visit } from './door.ts';

export async function login(visit: Visit): Promise<void> {
  const connection = await findConnection(visit.call.db, visit.providerId);
  if (!connection) throw new Fault('not_found');
  if (connection.is_open && connection.config.idp_initiated !== 'refuse') return land(visit, connection);
  refuseToBegin(visit);
}

/** On to the landing application, or to a page that says where to begin. */
export async function land(visit: Visit, connection: Connection): Promise<void> {
  const { call, context } = visit;
  const landing = await landingOf(call, connection);
  if (landing === null) return refuseToBegin(visit);
  const url = new URL(landing);
  url.searchParams.set('iss', call.app.config.url);
  url.searchParams.set('login_hint', hintOf(connection.provider_id));
  seeOther(context, url.href);
}

/** The `initiate_login_uri` of the landing application, while that is the organization's or one for everybody. */
async function landingOf(call: Call, { org_id, config }: Connection): Promise<string | null> {
  if (config.landing_client_id === null) return null;
  try {
    const application = await getApplication(call, config.landing_client_id);
    const isOffered = application.org_id === null || application.org_id === org_id;
    return isOffered && application.enabled ? application.initiate_login_uri : null;
  } catch (error) {
    if (error instanceof Fault && error.code === 'not_found') return null;
    throw error;
  }
}

function refuseToBegin(visit: Visit): void {
  refuse(visit, {
    status: 403,
    reference: edgeOf(visit.context).request_id,
    title: 'Start at the application',
    message: 'This sign-in cannot begin at your company’s portal.',
    advice: [
      'Open the application that you want to use, and sign in there.',
      'If it should work from the portal, give the reference to your company’s administrator.',
    ],
  });
}
