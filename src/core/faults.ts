/** The catalogue of faults: code → status and public sentence. Sorted by room; `test/snapshots/faults.txt` is printed from it. */
import type { FaultEntry } from './fault.ts';

export const faults = {
  // base
  request_invalid: { status: 400, says: 'The request does not have the expected form.' },
  body_malformed: { status: 400, says: 'The body could not be read.' },
  unauthenticated: { status: 401, says: 'This needs an API key or an access token that is valid.' },
  not_allowed: { status: 403, says: 'You do not have the permission that this needs.' },
  form_expired: { status: 403, says: 'This form is no longer valid. Go back, reload the page and try again.' },
  not_found: { status: 404, says: 'There is nothing here that you can see.' },
  method_not_allowed: { status: 405, says: 'This address does not know that method.' },
  conflict: { status: 409, says: 'This clashes with what is already there.' },
  idempotency_key_reused: { status: 422, says: 'This Idempotency-Key was already used for a different request.' },
  body_too_large: { status: 413, says: 'The body is larger than this address accepts.' },
  media_type_unsupported: { status: 415, says: 'The body has a media type that this address does not read.' },
  misdirected: { status: 421, says: 'This server does not answer for that host name.' },
  too_many_requests: { status: 429, says: 'Too many requests. Wait before you try again.' },
  internal: { status: 500, says: 'Something went wrong on our side. The request id names it in our log.' },
  database_unavailable: {
    status: 503,
    says: 'The database does not answer at the moment. Nothing was changed; try again shortly.',
  },
  busy: { status: 503, says: 'The server is busy. Try again shortly.' },
  shutting_down: { status: 503, says: 'This server is stopping. Try again.' },
  egress_refused: { status: 400, says: 'That address may not be reached from here.' },
  egress_failed: { status: 400, says: 'That address did not give a usable answer.' },
  // credentials
  password_malformed: { status: 400, says: 'This cannot be used as a password.' },
  password_too_short: { status: 400, says: 'The password is too short.' },
  password_too_common: {
    status: 400,
    says: 'This password is among the first that attackers try. Choose something less predictable.',
  },
  password_wrong: { status: 403, says: 'The current password is not right.' },
  permission_unknown: { status: 400, says: 'There is no such permission.' },
  permission_not_held: { status: 403, says: 'Nobody can pass on a permission that they do not hold themselves.' },
  service_account_name_taken: { status: 409, says: 'There is already a service account of that name.' },
} as const satisfies Record<string, FaultEntry>;

export type FaultCode = keyof typeof faults;
