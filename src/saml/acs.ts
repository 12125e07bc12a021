/**
 * The assertion consumer service: a cross-site POST without any cookie of ours. The message is verified and its result put aside
 * under a one-time code; the browser goes on by 303 into its own sign-in, where its cookie is looked at.
 */
import { Fault } from '../core/fault.ts';
import { completeSignin } from '../federation/exchanges/complete.ts';
import { findConnection } from '../federation/providers/connection.ts';
import { edgeOf } from '../http/server.ts';
import { refuse, seeOther } from './answers.ts';
import type { Visit } from './door.ts';
import { readForm } from './form.ts';
import { land } from './login.ts';

export async function consume(visit: Visit): Promise<void> {
  const { context, call, parts, providerId } = visit;
  const { SAMLResponse: field, RelayState: relay_state = null } = await readForm(context);
  if (!field) throw new Fault('request_invalid', 'SAMLResponse is missing.');
  const { findByExternalId } = parts;
  const completion = await completeSignin(call, providerId, { field, relay_state }, { findByExternalId });
  switch (completion.kind) {
    case 'handoff':
      return seeOther(context, `${completion.return_to}?code=${completion.code}`);
    case 'landing':
      return land(visit, completion.connection);
    case 'tested':
      return showTest(visit, completion);
    case 'refused':
      return refuse(visit, {
        status: completion.status,
        reference: completion.reference,
        retry_url: completion.return_to,
        ...(completion.status === 503 ? { message: 'The server is busy. Try again shortly.' } : {}),
      });
  }
}

async function showTest(
  { context, call, parts, providerId }: Visit,
  { reference, ok }: { reference: string; ok: boolean },
): Promise<void> {
  const connection = await findConnection(call.db, providerId);
  context.type = 'html';
  const provider = { name: connection?.name ?? '' };
  context.body = parts.pages.render('signin/tested', { nonce: edgeOf(context).nonce, reference, ok, provider });
}
