/**
 * Single logout (SAML core §3.7, profiles §4.4) in both directions. A LogoutRequest is believed when it is signed by a pinned key,
 * is new, and names a session by its NameID with all qualifiers (checklist SA-14); our session ends first, whatever follows.
 */
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { hashSecret, newSecret, sameSecret } from '../../core/secret.ts';
import { newReference, recordRefusal } from '../attempts/service.ts';
import { samlKeys } from '../keys/service.ts';
import { connectionActor } from '../links/service.ts';
import { serviceProviderOf, sloEndpoint } from '../providers/config.ts';
import { type Connection, findConnection, pinnedCertificates } from '../providers/connection.ts';
import type { NameId } from '../saml/assertion.ts';
import type { Check, RefusalCode } from '../saml/codes.ts';
import type { LogoutInput, LogoutMessage } from '../saml/logout.ts';
import { createLogoutRequest, createLogoutResponse } from '../saml/logout-messages.ts';
import { sameNameId } from '../saml/name-id.ts';
import type { Outgoing } from '../saml/request.ts';
import { samlPool } from '../saml-pool.ts';
import { requestLifetimeMs, returnContext } from './begin.ts';
import { consumeRequest, insertReplay, insertRequest } from './store.ts';

/** A LogoutRequest is read for ten minutes after it was issued; its id is remembered a little longer. */
const rememberedMs = 20 * 60_000;

export interface SessionsNamed {
  readonly provider_id: string;
  /** Empty: every session of the person. */
  readonly session_indexes: readonly string[];
  /** Whether the NameID that a session was opened with, as `FederatedLogin.name_id` has it, is the one that is meant. */
  readonly matches: (nameId: string) => boolean;
}

/** Ends sessions; handed over by app.ts, because sessions belong to a room above. @returns how many */
export type EndSessions = (call: Call, named: SessionsNamed) => Promise<number>;

export type LogoutOutcome =
  /** The answer for the identity provider; null where it has no address for one. */
  | { readonly kind: 'answered'; readonly outgoing: Outgoing | null; readonly connection: Connection }
  /** The identity provider answered a logout of ours. */
  | { readonly kind: 'returned'; readonly return_to: string }
  | { readonly kind: 'refused'; readonly code: Refused; readonly reference: string };

type Refused = RefusalCode | 'replayed' | 'request.unknown' | 'connection.closed';

/** @throws Fault not_found for no such connection */
export async function receiveLogout(
  call: Call,
  providerId: string,
  input: LogoutInput,
  endSessions: EndSessions,
): Promise<LogoutOutcome> {
  const connection = await findConnection(call.db, providerId);
  if (!connection) throw new Fault('not_found');
  const { config } = connection;
  if (!connection.is_open || config.idp_entity_id === null) return refuse(call, connection, 'connection.closed');
  const serviceProvider = serviceProviderOf(call.app.config.url, providerId, await samlKeys(call.app));
  const result = await samlPool.verifyLogout(input, {
    idpEntityId: config.idp_entity_id,
    sloUrl: serviceProvider.sloUrl,
    certificates: await pinnedCertificates(call.db, providerId),
    now: call.now.getTime(),
  });
  if (!result.ok) return refuse(call, connection, result.code, result.checks);
  const { message } = result;
  if (message.kind === 'response') return finish(call, connection, message);

  const parties = { idpEntityId: config.idp_entity_id, spEntityId: serviceProvider.entityId };
  const isNew = await call.as(connectionActor(connection)).write(async (inner) => {
    const expires_at = new Date(inner.now.getTime() + rememberedMs);
    if (!(await insertReplay(inner.db, { provider_id: providerId, assertion_id: message.id, expires_at })))
      return false;
    await endSessions(inner, {
      provider_id: providerId,
      session_indexes: message.session_indexes,
      matches: (nameId) => sameNameId(JSON.parse(nameId) as NameId, message, parties),
    });
    return true;
  });
  if (!isNew) return refuse(call, connection, 'replayed');
  const endpoint = sloEndpoint(config);
  if (!endpoint) return { kind: 'answered', outgoing: null, connection };
  // Success also when no session was left: then there is nothing that could still be ended (SAML profiles §4.4.3.4).
  const { id: _, ...outgoing } = createLogoutResponse({
    serviceProvider,
    idpEntityId: config.idp_entity_id,
    endpoint,
    now: call.now.getTime(),
    inResponseTo: message.id,
    success: true,
    relayState: message.relay_state,
  });
  return { kind: 'answered', outgoing: outgoing as Outgoing, connection };
}

/** The identity provider's word on a logout that we began; ours is over already, so its status changes nothing. */
async function finish(
  call: Call,
  connection: Connection,
  message: Extract<LogoutMessage, { kind: 'response' }>,
): Promise<LogoutOutcome> {
  const request = await call.write((inner) =>
    consumeRequest(inner.db, connection.provider_id, message.in_response_to, ['logout'], inner.now),
  );
  const isOurs =
    request?.relay_state_hash &&
    message.relay_state !== null &&
    sameSecret(request.relay_state_hash, hashSecret(message.relay_state));
  if (!request?.return_to_encrypted || !isOurs) return refuse(call, connection, 'request.unknown');
  return {
    kind: 'returned',
    return_to: call.app.sealer.open(request.return_to_encrypted, returnContext(request.request_id)),
  };
}

/** The visitor gets a reference, the organization's administrator the reason under it, as for a sign-in (checklist SA-16). */
async function refuse(
  call: Call,
  { provider_id, org_id }: Connection,
  code: Refused,
  checks: readonly Check[] = [],
): Promise<LogoutOutcome> {
  const reference = newReference();
  const looked = checks.length > 0 ? checks : [{ check: 'logout', ok: false, code }];
  await recordRefusal(call, 'a single logout', {
    ...{ org_id, provider_id, reference, code, subject: null },
    checks: [{ check: 'single logout', ok: true }, ...looked],
    ...{ attributes: {}, sources: {}, is_test: false },
  });
  return { kind: 'refused', code, reference };
}

/**
 * Tells the identity provider that a session ended. Our own is ended by the caller, before.
 * @returns null when there is nothing to tell, or nobody to tell it to
 */
export async function beginLogout(
  call: Call,
  providerId: string,
  session: { readonly name_id: string | null; readonly idp_session_index: string | null; readonly return_to: string },
): Promise<Outgoing | null> {
  const connection = await findConnection(call.db, providerId);
  const endpoint = connection?.is_open ? sloEndpoint(connection.config) : undefined;
  if (!connection || !endpoint || connection.config.idp_entity_id === null || session.name_id === null) return null;
  const relayState = newSecret();
  const { id, ...outgoing } = createLogoutRequest({
    serviceProvider: serviceProviderOf(call.app.config.url, providerId, await samlKeys(call.app)),
    idpEntityId: connection.config.idp_entity_id,
    endpoint,
    now: call.now.getTime(),
    nameId: JSON.parse(session.name_id) as NameId,
    sessionIndex: session.idp_session_index,
    relayState,
  });
  await call.write((inner) =>
    insertRequest(inner.db, {
      request_id: id,
      provider_id: providerId,
      kind: 'logout',
      attempt_id: null,
      relay_state_hash: hashSecret(relayState),
      browser_hash: null,
      force_authn: false,
      requested_context: [],
      return_to_encrypted: inner.app.sealer.seal(session.return_to, returnContext(id)),
      created_at: inner.now,
      expires_at: new Date(inner.now.getTime() + requestLifetimeMs),
    }),
  );
  return outgoing as Outgoing;
}
