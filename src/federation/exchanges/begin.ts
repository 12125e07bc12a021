/**
 * Sending somebody to their identity provider: the request is signed, remembered for ten minutes, and bound to the connection and
 * to the sign-in that sent it. RelayState is a random handle, never an address (checklist SA-09).
 */
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { hashSecret } from '../../core/secret.ts';
import { samlKeys } from '../keys/service.ts';
import { serviceProviderOf, ssoEndpoint, wantedNameIdFormat } from '../providers/config.ts';
import { type Connection, findConnection } from '../providers/connection.ts';
import { createAuthnRequest, type Outgoing } from '../saml/request.ts';
import { insertRequest } from './store.ts';

/** People have so long at their identity provider, with a second factor and a forgotten telephone. */
export const requestLifetimeMs = 10 * 60_000;

export interface SigninStart {
  /** Key of the row in `signin_attempts`. */
  readonly attempt_id: string;
  /** Path below the interaction where the person comes back; kept sealed, as it names the interaction. */
  readonly return_to: string;
  /** Hash of a secret that the browser holds, where the sign-in binds to more than its own cookie. */
  readonly browser_hash?: string | null;
  /** Ask for a fresh authentication (`prompt=login`, `max_age`). */
  readonly force_authn?: boolean;
  readonly requested_context?: readonly string[];
  /** What the person typed; sent along only where the connection names a parameter for it. */
  readonly login_hint?: string | null;
}

export const returnContext = (requestId: string): string => `saml_requests:return_to_encrypted:${requestId}`;

/**
 * Begins a sign-in at a connection.
 * @throws Fault not_found, connection_unavailable
 */
export async function beginSignin(call: Call, providerId: string, start: SigninStart): Promise<Outgoing> {
  if (!/^\/(?![/\\])[\w\-./~%]*$/.test(start.return_to)) throw new Error('A sign-in comes back to a path of our own.');
  const connection = await findConnection(call.db, providerId);
  if (!connection) throw new Fault('not_found');
  if (!connection.is_open) throw new Fault('connection_unavailable');
  return send(call, connection, 'authn', start);
}

/**
 * Begins a test: the real way, which signs nobody in and leaves a trace with every check. For drafts too.
 * @throws Fault provider_incomplete
 */
export const beginTest = (call: Call, connection: Connection): Promise<Outgoing> => send(call, connection, 'test', {});

async function send(
  call: Call,
  connection: Connection,
  kind: 'authn' | 'test',
  start: Partial<SigninStart>,
): Promise<Outgoing> {
  const { config, provider_id } = connection;
  const endpoint = ssoEndpoint(config);
  if (!endpoint || config.idp_entity_id === null) throw new Fault('provider_incomplete');
  const keys = await samlKeys(call.app);
  const force_authn = (start.force_authn ?? false) || config.force_authn;
  const requested_context = [
    ...(start.requested_context?.length ? start.requested_context : config.requested_contexts),
  ];
  const { id, relayState, ...outgoing } = createAuthnRequest({
    serviceProvider: serviceProviderOf(call.app.config.url, provider_id, keys),
    idpEntityId: config.idp_entity_id,
    endpoint,
    now: call.now.getTime(),
    sign: true,
    forceAuthn: force_authn,
    nameIdFormat: wantedNameIdFormat(config),
    authnContexts: requested_context,
  });
  await call.write((inner) =>
    insertRequest(inner.db, {
      request_id: id,
      provider_id,
      kind,
      attempt_id: start.attempt_id ?? null,
      relay_state_hash: hashSecret(relayState),
      browser_hash: start.browser_hash ?? null,
      force_authn,
      requested_context,
      return_to_encrypted: start.return_to ? inner.app.sealer.seal(start.return_to, returnContext(id)) : null,
      created_at: inner.now,
      expires_at: new Date(inner.now.getTime() + requestLifetimeMs),
    }),
  );
  return hinted(outgoing as Outgoing, config.login_hint_parameter, start.login_hint);
}

/** The signature covers the SAML parameters only, so one more may follow (SAML bindings §3.4.4.1). */
function hinted(outgoing: Outgoing, parameter: string | null, hint: string | null | undefined): Outgoing {
  if (
    outgoing.method !== 'redirect' ||
    parameter === null ||
    !hint ||
    /^(SAML|RelayState|SigAlg|Signature)/i.test(parameter)
  ) {
    return outgoing;
  }
  return { method: 'redirect', url: `${outgoing.url}&${parameter}=${encodeURIComponent(hint)}` };
}
