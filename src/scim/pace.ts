/**
 * How fast one client may ask (checklist SC-11): a bucket of tokens per client and process, so that one directory's full import
 * does not slow the others down, and no request costs a statement for it. Entra and Okta wait as long as Retry-After says.
 */
import { LRUCache } from 'lru-cache';

interface Bucket {
  tokens: number;
  /** Milliseconds of the clock that nobody sets. */
  at: number;
}

export class Pace {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #buckets = new LRUCache<string, Bucket>({ max: 10_000 });

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#burst = perSecond * 3;
  }

  /**
   * By the clock that nobody sets: while the one for dates stands still, because it was set back, directories go on.
   * @returns 0 when the request may go on, else the whole seconds to wait
   */
  take(clientId: string): number {
    const at = performance.now();
    const bucket = this.#buckets.get(clientId) ?? { tokens: this.#burst, at };
    const refilled = bucket.tokens + ((at - bucket.at) / 1000) * this.#perSecond;
    bucket.tokens = Math.min(this.#burst, refilled);
    bucket.at = at;
    this.#buckets.set(clientId, bucket);
    if (bucket.tokens < 1) return Math.max(1, Math.ceil((1 - bucket.tokens) / this.#perSecond));
    bucket.tokens -= 1;
    return 0;
  }

  /** One request did the work of several, as Bulk does: what it took beyond itself has to be waited for afterwards. */
  charge(clientId: string, more: number): void {
    const bucket = this.#buckets.get(clientId);
    if (bucket) bucket.tokens -= more;
  }
}
