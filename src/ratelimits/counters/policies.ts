/** Rate limits that Lintel itself applies. Their rows in `rate_limit_policies` can be tuned; these are what they begin with. */

export interface RateLimitPolicy {
  readonly name: string;
  /** What its subjects are: `account`, `address`, `system`. */
  readonly scope: string;
  /** Most in one window. */
  readonly limit_count: number;
  /** Seconds of a window; windows are aligned to the epoch, so that all processes mean the same one. */
  readonly window_sec: number;
  readonly description: string;
  /** Within the window each one after the first few waits twice as long as the one before. */
  readonly delay?: {
    /** How many go without waiting. */
    readonly free: number;
    /** Seconds that a wait has at most. */
    readonly most_sec: number;
  };
}

const known = new Map<string, RateLimitPolicy>();

export function definePolicy(policy: RateLimitPolicy): RateLimitPolicy {
  if (known.has(policy.name)) throw new Error(`The rate limit ${policy.name} is defined twice.`);
  known.set(policy.name, Object.freeze(policy));
  return policy;
}

export const knownPolicies = (): RateLimitPolicy[] => [...known.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
