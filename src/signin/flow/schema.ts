/** What is known about a sign-in that is under way: one row of `signin_attempts`, bound to one interaction of one browser. */

/** Told on the next page, then forgotten. */
export type AttemptProblem = 'identifier_missing' | 'wrong' | 'company_failed' | 'company_unavailable';

/** The `state` of the row. It is always replaced as a whole, so proof for one person never stands beside another's name. */
export interface AttemptState {
  /** What the person typed; null before. */
  readonly identifier: string | null;
  /** How the person goes on; null before the identifier is known. */
  readonly way: 'password' | 'company' | 'none' | null;
  /** The connection that was chosen. */
  readonly provider_id: string | null;
  readonly problem: AttemptProblem | null;
  /** When the password was proven, where a new one has to be chosen first (milliseconds); null otherwise. */
  readonly proven_at: number | null;
}

export interface Attempt extends AttemptState {
  /** SHA-256 of the interaction's uid. */
  readonly attempt_id: string;
  /** The organization whose way of signing in applies. */
  readonly org_id: string | null;
  /** Who proved the password; set together with `proven_at`. */
  readonly user_id: string | null;
}

/** The beginning of every attempt. */
export const emptyAttempt = (attempt_id: string): Attempt => ({
  attempt_id,
  identifier: null,
  way: null,
  provider_id: null,
  problem: null,
  proven_at: null,
  org_id: null,
  user_id: null,
});
