/**
 * Exchanges with identity providers: what was asked, what was answered, what waits for its browser. `begin.ts` asks, `complete.ts`
 * believes, `handoffs.ts` hands over, `logout.ts` ends.
 * Tables: saml_requests, saml_replay, federation_handoffs. Events: none of its own; linking and provisioning say theirs.
 * Invariant: a request is answered once, an assertion is used once, a hand-off is fetched once, each also when twelve come at the
 * same time, on several machines and after a restart (checklist SA-07, SA-08; SAML profiles §4.1.4.5).
 */
import type { App } from '../../core/app.ts';
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { isId } from '../../core/id.ts';
import { findConnection } from '../providers/connection.ts';
import { manageProviders } from '../providers/schema.ts';
import type { Outgoing } from '../saml/request.ts';
import { beginTest } from './begin.ts';
import { deleteExpired } from './store.ts';

const hintPrefix = 'urn:lintel:connection:';

/** The `login_hint` by which an application that begins a sign-in for a connection says which one (OpenID Connect Core §4). */
export const hintOf = (providerId: string): string => `${hintPrefix}${providerId}`;

/** The connection that a `login_hint` names, or null when it is an ordinary one. */
export function connectionOfHint(hint: string): string | null {
  const id = hint.startsWith(hintPrefix) ? hint.slice(hintPrefix.length) : '';
  return isId(id) ? id.toLowerCase() : null;
}

/**
 * Starts a test of a connection, also of a draft: the administrator's browser takes the real way, nobody is signed in, and the
 * trace shows every check and what attributes came.
 * @throws Fault not_found, provider_incomplete
 */
export async function startTest(call: Call, orgId: string, providerId: string): Promise<Outgoing> {
  call.require(manageProviders, orgId);
  const connection = await findConnection(call.db, providerId);
  if (!connection || connection.org_id !== orgId) throw new Fault('not_found');
  return beginTest(call, connection);
}

/** Deletes what expired; a job's work, safe in several processes at once. */
export async function expireExchanges(app: App): Promise<void> {
  const batch = 5000;
  for (let round = 0; round < 100; round += 1) {
    if ((await deleteExpired(app.db, app.clock(), batch)) < batch) return;
  }
}
