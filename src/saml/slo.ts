/** Single logout: what identity providers ask of us, and what they answer us, by redirect and by POST. */
import { Fault } from '../core/fault.ts';
import { isOurFault } from '../federation/attempts/service.ts';
import { receiveLogout } from '../federation/exchanges/logout.ts';
import type { LogoutInput } from '../federation/saml/logout.ts';
import { edgeOf } from '../http/server.ts';
import { refuse, seeOther, send } from './answers.ts';
import type { Visit } from './door.ts';
import { readForm } from './form.ts';

export async function logout(visit: Visit): Promise<void> {
  const { context, call, parts, providerId } = visit;
  const outcome = await receiveLogout(call, providerId, await readInput(visit), parts.endSessions);
  if (outcome.kind === 'returned') return seeOther(context, outcome.return_to);
  if (outcome.kind === 'refused') {
    return refuse(visit, {
      status: isOurFault(outcome.code) ? 503 : 400,
      reference: outcome.reference,
      title: 'We could not sign you out',
      message: 'The request to sign you out did not fit together. To be sure, close the browser.',
      advice: ['If it happens again, give the reference to your company’s administrator.'],
    });
  }
  if (outcome.outgoing) return send(visit, outcome.outgoing, outcome.connection.name);
  context.type = 'html';
  context.body = parts.pages.render('signin/signed-out', { nonce: edgeOf(context).nonce });
}

async function readInput({ context }: Visit): Promise<LogoutInput> {
  // The bytes as they came: the signature of the redirect binding is over them (SAML bindings §3.4.4.1).
  if (context.method === 'GET')
    return { binding: 'redirect', query: context.req.url?.split('?').slice(1).join('?') ?? '' };
  const { SAMLRequest, SAMLResponse, RelayState } = await readForm(context);
  if ((SAMLRequest === undefined) === (SAMLResponse === undefined)) {
    throw new Fault('request_invalid', 'One of SAMLRequest and SAMLResponse must come.');
  }
  return {
    binding: 'post',
    kind: SAMLRequest === undefined ? 'response' : 'request',
    field: SAMLRequest ?? SAMLResponse ?? '',
    ...(RelayState === undefined ? {} : { relayState: RelayState }),
  };
}
