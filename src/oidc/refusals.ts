/**
 * What the library refuses in its own way and we add to: a body that is too large is 413; the log says why, which the answer does not
 * tell strangers; and an application whose proof failed is a row of the audit log (checklist AL-01), bounded like every denial. None
 * of it has what was sent.
 */
import type { ServerResponse } from 'node:http';
import type { Context } from 'koa';
import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import type { App } from '../core/app.ts';
import { type Actor, Call } from '../core/call.ts';
import { Fault } from '../core/fault.ts';
import { denials } from '../events/audit/denials.ts';
import { edgeOf, requestFacts } from '../http/server.ts';
import type { LintelClient } from './models.ts';

/** The library's events, and the operation that each is about. */
const operations = {
  'authorization.error': 'oauth.authorize',
  'grant.error': 'oauth.token',
  'introspection.error': 'oauth.introspect',
  'revocation.error': 'oauth.revoke',
  'pushed_authorization_request.error': 'oauth.par',
  'userinfo.error': 'oauth.userinfo',
  'end_session_confirm.error': 'oauth.logout',
} as const;

/** As much as the library reads of a form. */
export const maxFormBytes = 56 * 1024;

/** @returns what waits for rows that are still being written */
export function listenToRefusals(app: App, provider: Provider): () => Promise<unknown> {
  const record = denials();
  const pending = new Set<Promise<void>>();

  /** Once the answer is out, and nothing before: how long it took must not tell whether there is such an application (AU-07). */
  const denied = (context: KoaContextWithOIDC, operation: string, client: LintelClient): void => {
    const written = closed(context.res)
      .then(() => {
        const call = Call.begin(app, claimed(client), requestFacts(context as never));
        const params = { client_id: client.clientId };
        return record(call, { operation, permission: null, params, fault: unproven });
      })
      .finally(() => pending.delete(written));
    pending.add(written);
  };

  /** The answer has one sentence for many mistakes (RFC 6749 §5.2); whoever runs the application needs to know which. */
  const told = (context: KoaContextWithOIDC, operation: string, error: Error): void => {
    if (!(error instanceof errors.OIDCProviderError) || error.statusCode >= 500) return;
    const { error: code, error_description, error_detail } = error;
    const { request_id } = edgeOf(context as never);
    const client_id = (context.oidc.client as LintelClient | undefined)?.clientId;
    const why = error_detail ?? error_description;
    app.log.info({ request_id, operation, client_id, error: code, why }, 'the provider refused');
  };

  for (const [event, operation] of Object.entries(operations)) {
    provider.on(event as 'grant.error', (context, error) => {
      told(context, operation, error);
      if (isTooLarge(error)) tellLimit(context);
      const client = context.oidc.client as LintelClient | undefined;
      if (error instanceof errors.InvalidClientAuth && client) denied(context, operation, client);
    });
  }
  return () => Promise.all(pending);
}

/** Milliseconds that it takes at least to refuse an application: longer than the work of it where nothing else is going on. */
const refusalMs = 10;

/**
 * An application that could not prove itself is refused so long after its request was begun, whether there is such a one or not: what
 * a right id costs more than a wrong one, some tenths of a millisecond, is done by then (OA-20). Where the machine is busy and more time
 * goes by, both have asked the database the same (`ClientCache.lookInVain`). A timer keeps what is less than a millisecond, so the rest
 * of the time turns go by in which everybody else is served.
 * @param began `performance.now()` of the request's beginning
 */
export async function holdRefusal({ status, body }: Context, began: number): Promise<void> {
  if (status !== 401 || (body as { error?: unknown } | null)?.error !== 'invalid_client') return;
  const until = began + refusalMs;
  const left = until - performance.now();
  if (left > 2) await new Promise((resolve) => setTimeout(resolve, left - 2));
  while (performance.now() < until) await new Promise((resolve) => setImmediate(resolve));
}

/** Milliseconds after an answer, so that not even the thread's next turn shows whether something is written of it. */
const laterMs = 50;

/** Who hung up before the answer closed it already; nothing would tell of that again. */
const closed = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    if (response.closed) resolve();
    else response.once('close', () => setTimeout(resolve, laterMs));
  });

/** Made once: a fault takes a picture of the stack, which here tells nothing. */
const unproven = new Fault('unauthenticated');

/** Somebody who says to be this application, and has not proven it. */
const claimed = ({ clientId, org_id }: LintelClient): Actor => ({
  type: 'anonymous',
  id: null,
  label: `application:${clientId}`,
  reach: org_id === null ? null : { org_id },
  permissions: new Set(),
});

/** The library tells it only by the words of the cause. */
const isTooLarge = ({ cause }: Error): boolean => cause instanceof Error && /entity too large/.test(cause.message);

function tellLimit(context: KoaContextWithOIDC): void {
  context.status = 413;
  if (typeof context.body === 'object')
    context.body = { error: 'invalid_request', error_description: `At most ${maxFormBytes} bytes are read here.` };
}
