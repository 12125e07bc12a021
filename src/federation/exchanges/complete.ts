/**
 * A response of an identity provider: verified by a worker first, then believed in one transaction that consumes the request,
 * remembers the assertion, finds or makes the account, leaves a trace, and puts the result where the browser can fetch it.
 * Whatever refuses it leaves a trace too, and says nothing to the visitor but a reference (checklist SA-06…08, SA-16).
 */
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { hashSecret, sameSecret } from '../../core/secret.ts';
import { shareAccess } from '../../directory/organizations/service.ts';
import type { AttemptCode } from '../attempts/codes.ts';
import { type Attempt, isOurFault, newReference, recordAttempt, recordRefusal } from '../attempts/service.ts';
import type { FindByExternalId } from '../links/candidates.ts';
import { linkIdentity, LinkRace } from '../links/service.ts';
import { type Connection, findConnection, keepConnection, noteConnectionUse } from '../providers/connection.ts';
import { mapAttributes, type Profile } from '../saml/attributes.ts';
import type { ResponseResult, SamlIdentity } from '../saml/response.ts';
import { returnContext } from './begin.ts';
import { type FederatedLogin, makeHandoff } from './handoffs.ts';
import { consumeRequest, findRequestByRelayState, insertReplay, isReplayed, type RequestRow } from './store.ts';
import { type Exchange, verify } from './verify.ts';

/** Forgetting an assertion's id waits out the largest difference of clocks that a connection can have. */
const skewMs = 300_000;

export interface IncomingResponse {
  /** The form field `SAMLResponse`. */
  readonly field: string;
  readonly relay_state: string | null;
}

export interface CompleteOptions {
  readonly findByExternalId?: FindByExternalId;
}

export type Completion =
  /** Back into the sign-in that asked. */
  | { readonly kind: 'handoff'; readonly return_to: string; readonly code: string }
  /** A sign-in that nobody here began, on a connection that takes those: to its landing application, which begins one. */
  | { readonly kind: 'landing'; readonly connection: Connection }
  | { readonly kind: 'tested'; readonly reference: string; readonly ok: boolean }
  | {
      readonly kind: 'refused';
      readonly reference: string;
      readonly code: AttemptCode;
      /** HTTP status of the page. */
      readonly status: 400 | 403 | 503;
      readonly return_to: string | null;
    };

/** @throws Fault not_found for no such connection */
export async function completeSignin(
  call: Call,
  providerId: string,
  incoming: IncomingResponse,
  options: CompleteOptions = {},
): Promise<Completion> {
  const connection = await findConnection(call.db, providerId);
  if (!connection) throw new Fault('not_found');
  const asked = incoming.relay_state
    ? await findRequestByRelayState(call.db, providerId, hashSecret(incoming.relay_state), call.now)
    : undefined;
  const exchange: Exchange = { connection, asked, relay_state: incoming.relay_state, reference: newReference() };
  const closed = closedCode(connection, asked);
  if (closed) return refuse(call, exchange, closed, []);
  const { config } = connection;
  if (config.idp_entity_id === null) return refuse(call, exchange, 'connection.closed', []);

  // Nobody here asked: where the connection begins such sign-ins again by itself, the message need not even be read.
  const unasked = asked === undefined && config.idp_initiated !== 'refuse';
  if (unasked && config.idp_initiated === 'bounce') return { kind: 'landing', connection };
  const result = await verify(call, exchange, incoming.field);
  if (!result.ok) return refuse(call, exchange, result.code, result.checks);
  return believe(call, exchange, result, options);
}

/** A draft takes answers to its tests, and nothing else (checklist FD-03: also when the sign-in began before). */
function closedCode(connection: Connection, asked: RequestRow | undefined): AttemptCode | null {
  if (!connection.org_is_active) return 'organization.inactive';
  return connection.is_open || asked?.kind === 'test' ? null : 'connection.closed';
}

type Verified = Extract<ResponseResult, { ok: true }>;

/** Tries again what a parallel sign-in of the same person got in the way of: nothing of the lost try remains. */
async function believe(
  call: Call,
  exchange: Exchange,
  verified: Verified,
  options: CompleteOptions,
): Promise<Completion> {
  let withoutUsername = false;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call.write((inner) => settle(inner, exchange, verified, { ...options, withoutUsername }));
    } catch (error) {
      const isRace =
        error instanceof LinkRace || (error instanceof Fault && /^(email|username)_taken$/.test(error.code));
      if (isRace && attempt < 4) {
        // The first repetition finds what the faster one made; after that the name is really somebody else's.
        withoutUsername = attempt >= 2;
        continue;
      }
      if (!(error instanceof Fault) || error.status >= 500) throw error;
      const code: AttemptCode = isRace ? 'account.taken' : 'account.refused';
      const checks = [...verified.checks, { check: 'account', ok: false, code, detail: error.code }];
      return refuse(call, exchange, code, checks, verified.identity);
    }
  }
}

async function settle(
  call: Call,
  exchange: Exchange,
  { identity, checks }: Verified,
  options: CompleteOptions & { withoutUsername: boolean },
): Promise<Completion> {
  const { provider_id, org_id } = exchange.connection;
  await shareAccess(call.db, org_id);
  // Held from here on: what is closed now stays closed, what is open cannot be closed before this is committed.
  const connection = await keepConnection(call.db, provider_id);
  const request =
    identity.in_response_to === null
      ? undefined
      : await consumeRequest(call.db, provider_id, identity.in_response_to, ['authn', 'test'], call.now);
  const profile = mapAttributes(identity.attributes, exchange.connection.attribute_mapping);
  const deny = (code: AttemptCode, check: string, user_id: string | null = null) =>
    denied(call, { ...exchange, asked: request ?? exchange.asked }, { identity, profile, code, user_id }, [
      ...checks,
      { check, ok: false, code },
    ]);
  const closed = connection ? closedCode(connection, request) : 'connection.closed';
  if (!connection || closed) return deny(closed ?? 'connection.closed', 'connection');
  const isNew = await rememberAssertion(call, provider_id, identity);
  if (identity.in_response_to !== null && !request) {
    return deny(
      (await isReplayed(call.db, provider_id, identity.assertion_id)) && !isNew ? 'replayed' : 'request.unknown',
      'request',
    );
  }
  if (!isNew) return deny('replayed', 'replay');
  if (request && !answers(request, exchange.relay_state)) return deny('relay_state', 'relay state');

  const good = [...checks, { check: 'request', ok: true }, { check: 'replay', ok: true }];
  const trace = { ...traceOf(exchange, { identity, profile }), result: 'success' as const, code: null };
  if (request?.kind === 'test') {
    await recordAttempt(call, { ...trace, user_id: null, checks: good, is_test: true });
    return { kind: 'tested', reference: exchange.reference, ok: true };
  }
  // As many bytes as a link can have: letters beyond ASCII take several.
  if (Buffer.byteLength(identity.subject) > 2048) return deny('subject', 'subject');
  const asserted = { subject: identity.subject, profile, external_ids: externalIdsOf(identity) };
  const linked = await linkIdentity(call, connection, asserted, options);
  if (!linked.ok) return deny(linked.code, 'account', linked.user_id);
  await recordAttempt(call, {
    ...trace,
    user_id: linked.user_id,
    checks: [...good, { check: 'account', ok: true, detail: linked.outcome }],
  });
  call.afterCommit(() => noteConnectionUse(call.app.db, provider_id, identity.certificate_fingerprint, call.now));
  // Accepted, but no browser is bound to it: anybody could have posted it into this one (checklist SA-08, WB-02). The landing
  // application begins a sign-in that is bound, and the identity provider, where the person has a session, answers that at once.
  if (!request) return { kind: 'landing', connection };
  const code = await makeHandoff(call, loginOf(exchange, identity, linked), request);
  return { kind: 'handoff', return_to: returnTo(call, request), code };
}

/** The request was taken by its id; RelayState, which only the browser that was sent away can know, must be its own too. */
const answers = ({ relay_state_hash }: RequestRow, relayState: string | null): boolean =>
  relay_state_hash !== null && relayState !== null && sameSecret(relay_state_hash, hashSecret(relayState));

const rememberAssertion = (call: Call, provider_id: string, identity: SamlIdentity): Promise<boolean> =>
  insertReplay(call.db, {
    provider_id,
    assertion_id: identity.assertion_id,
    expires_at: new Date(identity.assertion_expires_at.getTime() + skewMs),
  });

function returnTo(call: Call, { request_id, return_to_encrypted }: RequestRow): string {
  if (return_to_encrypted === null) throw new Error('A sign-in request has no way back.');
  return call.app.sealer.open(return_to_encrypted, returnContext(request_id));
}

/** What directories call people by in SCIM's `externalId`: the subject, and the object id that Entra ID sends beside it. */
const externalIdsOf = ({ subject, attributes }: SamlIdentity): string[] => {
  const name = 'http://schemas.microsoft.com/identity/claims/objectidentifier';
  const [objectId] = Object.hasOwn(attributes, name) ? (attributes[name] ?? []) : [];
  return objectId ? [objectId, subject] : [subject];
};

function loginOf(
  { connection, reference }: Exchange,
  identity: SamlIdentity,
  linked: Pick<FederatedLogin, 'user_id' | 'identity_id' | 'outcome'>,
): FederatedLogin {
  const { name_id, name_id_format, name_qualifier, sp_name_qualifier, session_index } = identity;
  const named = JSON.stringify({ name_id, name_id_format, name_qualifier, sp_name_qualifier });
  return {
    provider_id: connection.provider_id,
    org_id: connection.org_id,
    user_id: linked.user_id,
    identity_id: linked.identity_id,
    outcome: linked.outcome,
    auth_time: identity.authn_instant,
    authn_context: within(identity.authn_context_class_ref, 1024),
    not_after: identity.session_not_on_or_after,
    // What a session cannot keep, single logout cannot name; the sign-in is none the worse.
    name_id: name_id === null ? null : within(named, 4096),
    idp_session_index: within(session_index, 1024),
    reference,
  };
}

const within = (text: string | null, bytes: number): string | null =>
  text !== null && Buffer.byteLength(text) <= bytes ? text : null;

interface Known {
  readonly identity?: SamlIdentity;
  readonly profile?: Profile;
}

function traceOf(
  { connection, asked, reference }: Exchange,
  { identity, profile }: Known,
): Omit<Attempt, 'result' | 'code' | 'user_id' | 'checks'> {
  return {
    org_id: connection.org_id,
    provider_id: connection.provider_id,
    reference,
    attributes: identity?.attributes ?? {},
    sources: profile?.sources ?? {},
    subject: identity?.subject ?? null,
    is_test: asked?.kind === 'test',
  };
}

/** A good message that signs nobody in: the trace is written with what was consumed. */
async function denied(
  call: Call,
  exchange: Exchange,
  { code, user_id, ...known }: Known & { code: AttemptCode; user_id: string | null },
  checks: Attempt['checks'],
): Promise<Completion> {
  await recordAttempt(call, { ...traceOf(exchange, known), result: 'denied', code, user_id, checks });
  return refusal(call, exchange, code);
}

/** A message that was not believed: nothing is consumed. */
async function refuse(
  call: Call,
  exchange: Exchange,
  code: AttemptCode,
  checks: Attempt['checks'],
  identity?: SamlIdentity,
): Promise<Completion> {
  await recordRefusal(call, 'a sign-in by SAML', { ...traceOf(exchange, { identity }), code, checks });
  return refusal(call, exchange, code);
}

function refusal(call: Call, { asked, reference }: Exchange, code: AttemptCode): Completion {
  if (asked?.kind === 'test') return { kind: 'tested', reference, ok: false };
  const status = isOurFault(code) ? 503 : /^(account|connection|organization)\.|^status$/.test(code) ? 403 : 400;
  const return_to = asked?.return_to_encrypted ? returnTo(call, asked) : null;
  return { kind: 'refused', reference, code, status, return_to };
}
