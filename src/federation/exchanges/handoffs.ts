/**
 * Hand-offs: what an identity provider proved waits under a one-time code of 60 seconds, because its cross-site POST carries no
 * cookie of ours. The browser is sent back into its sign-in with the code, and only there, where the cookie of that sign-in is,
 * the code is worth anything: a response that somebody slips another person ends here (login CSRF, checklist WB-02).
 */
import type { Call } from '../../core/call.ts';
import { hashSecret, newSecret, sameSecret } from '../../core/secret.ts';
import { findConnection } from '../providers/connection.ts';
import type { Outcome } from '../links/service.ts';
import { insertHandoff, takeHandoff } from './store.ts';

const lifetimeMs = 60_000;
const sealContext = (codeHash: string): string => `federation_handoffs:result_encrypted:${codeHash}`;

export interface FederatedLogin {
  readonly provider_id: string;
  readonly org_id: string;
  readonly user_id: string;
  readonly identity_id: string;
  readonly outcome: Outcome;
  /** AuthnInstant: when the person proved herself there. */
  readonly auth_time: Date;
  /** AuthnContextClassRef, as it came. */
  readonly authn_context: string | null;
  /** SessionNotOnOrAfter: our session ends then at the latest. */
  readonly not_after: Date | null;
  /** NameID with its qualifiers as JSON, for single logout; null when nothing can be said by it. */
  readonly name_id: string | null;
  readonly idp_session_index: string | null;
  /** Of the sign-in trace. */
  readonly reference: string;
}

/** Whose sign-in it is. */
export interface Binding {
  readonly attempt_id: string | null;
  readonly browser_hash?: string | null;
}

/** Keeps a result for its browser, within the transaction that believes it. @returns the code */
export async function makeHandoff(call: Call, login: FederatedLogin, binding: Binding): Promise<string> {
  const code = newSecret();
  const code_hash = hashSecret(code);
  await insertHandoff(call.db, {
    code_hash,
    provider_id: login.provider_id,
    user_id: login.user_id,
    attempt_id: binding.attempt_id,
    browser_hash: binding.browser_hash ?? null,
    result_encrypted: call.app.sealer.seal(JSON.stringify(login), sealContext(code_hash)),
    created_at: call.now,
    expires_at: new Date(call.now.getTime() + lifetimeMs),
  });
  return code;
}

/**
 * Fetches what was proven, once. The caller has checked the cookie of the sign-in that it names.
 * @returns null when the code is unknown, used, older than 60 seconds, another sign-in's or browser's, or when the connection
 * or its organization was closed meanwhile (checklist FD-03); the code is dead in any case
 */
export async function redeemHandoff(call: Call, code: string, binding: Binding): Promise<FederatedLogin | null> {
  if (!/^[\w-]{43}$/.test(code)) return null;
  const code_hash = hashSecret(code);
  const row = await call.write((inner) => takeHandoff(inner.db, code_hash));
  if (!row || row.expires_at <= call.now) return null;
  if (!isSame(row.attempt_id, binding.attempt_id) || !isSame(row.browser_hash, binding.browser_hash ?? null))
    return null;
  const connection = await findConnection(call.db, row.provider_id);
  if (!connection?.is_open) return null;
  const { auth_time, not_after, ...login } = JSON.parse(
    call.app.sealer.open(row.result_encrypted, sealContext(code_hash)),
  ) as FederatedLogin & { auth_time: string; not_after: string | null };
  return {
    ...login,
    auth_time: new Date(auth_time),
    not_after: not_after === null ? null : new Date(not_after),
  };
}

const isSame = (kept: string | null, given: string | null): boolean =>
  kept === null ? given === null : given !== null && sameSecret(kept, given);
