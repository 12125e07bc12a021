/** On to the company's identity provider, and back with what it proved (login CSRF: only into the attempt that sent it). */
import { Fault } from '../../core/fault.ts';
import { edgeOf } from '../../http/server.ts';
import { findUser } from '../../directory/users/service.ts';
import { assurance } from '../flow/assurance.ts';
import { emptyAttempt } from '../flow/schema.ts';
import { finish } from '../flow/service.ts';
import type { Next, Step, Walk } from '../flow/walk.ts';

export const company: Step = {
  name: 'company',

  async show(walk: Walk): Promise<Next> {
    const { attempt, parts, call, context, details } = walk;
    const connection = await connectionOf(walk);
    if (!connection) return beginAnew(walk, 'company_unavailable');
    const outgoing = await parts.company
      .begin(call, connection.provider_id, {
        attempt_id: attempt.attempt_id,
        return_to: walk.address('federated'),
        // Asked to sign in anew, the person must, there too (AU-17).
        force_authn: details.prompt.reasons.some((reason) => reason === 'login_prompt' || reason === 'max_age'),
        ...(attempt.identifier === null ? {} : { login_hint: attempt.identifier }),
      })
      .catch((error: unknown) => {
        if (error instanceof Fault && (error.code === 'connection_unavailable' || error.code === 'not_found'))
          return null;
        throw error;
      });
    if (!outgoing) return beginAnew(walk, 'company_unavailable');
    const page = {
      provider: { name: connection.name },
      identifier: attempt.identifier,
      change_url: walk.address('change'),
    };
    if (outgoing.method === 'redirect') return walk.render('signin/redirect', { ...page, url: outgoing.url });
    edgeOf(context).formTargets.push(new URL(outgoing.url).origin);
    // The form goes to somebody else: our token against forged posts is not theirs to see.
    return walk.render('signin/post', { ...page, csrf: undefined, action: outgoing.url, fields: outgoing.fields });
  },
};

/** The chosen connection, while it is enabled and allowed. */
async function connectionOf({ attempt, parts, call }: Walk) {
  const connections = attempt.org_id === null ? [] : await parts.company.connectionsOf(call.db, attempt.org_id);
  return connections.find(({ provider_id }) => provider_id === attempt.provider_id);
}

async function beginAnew(walk: Walk, problem: 'company_failed' | 'company_unavailable'): Promise<Next> {
  const { attempt_id, identifier } = walk.attempt;
  await walk.save({ ...emptyAttempt(attempt_id), identifier, problem });
  return 'dispatch';
}

/**
 * Takes the one-time code of the assertion consumer service. It counts only for the attempt that it was made for, while that
 * attempt still stands at this connection.
 */
export async function resume(walk: Walk, code: string): Promise<Next> {
  const { attempt, parts, call, details } = walk;
  if (details.prompt.name !== 'login' || attempt.way !== 'company' || attempt.provider_id === null) return 'dispatch';
  const login = code === '' ? null : await parts.company.redeem(call, code, { attempt_id: attempt.attempt_id });
  if (!login || login.provider_id !== attempt.provider_id) return beginAnew(walk, 'company_failed');
  const user = await findUser(call.db, login.user_id);
  if (!user) return beginAnew(walk, 'company_failed');
  const finished = await finish(walk, user, {
    org_id: login.org_id,
    provider_id: login.provider_id,
    login_method: 'saml',
    auth_time: login.auth_time,
    not_after: login.not_after,
    name_id: login.name_id,
    idp_session_index: login.idp_session_index,
    ...assurance.company(login.authn_context),
  });
  return finished ? 'answered' : beginAnew(walk, 'company_failed');
}
