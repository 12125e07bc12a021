/**
 * Large bodies: how many bytes of them are worked on at the same time (checklist RE-13). Text that is parsed takes several times its
 * bytes of the heap until the answer has left, so places alone do not bound it: sixty-four groups of 20,000 members are more than a
 * small installation has. What does not fit waits as bytes, outside of the heap, and is refused when that takes too long.
 */
import type { Actor } from '../core/call.ts';
import { Fault } from '../core/fault.ts';

export interface LargeLimits {
  /** Bytes of all bodies together that are worked on, and of all that wait; one alone always fits. */
  readonly bytes: number;
  /** Milliseconds that one waits at most. */
  readonly deadlineMs: number;
}

interface Waiting {
  readonly bytes: number;
  readonly holder: string;
  readonly start: () => void;
}

const tooMany = () => new Fault('busy', 'Too many large bodies are worked on at the moment.', { retryAfter: 5 });

/** Whose share somebody takes of: an organization has one, whichever of its tokens asks, and however that is spelled. */
export const shareOf = ({ reach, type, id }: Actor): string =>
  reach !== null && reach !== 'system' ? reach.org_id : `${type}:${id}`;

/** Whoever asks may have half of the bytes, so that one directory's import leaves the other half to the others (MT-06). */
export class LargeBodies {
  readonly #limits: LargeLimits;
  readonly #queue = new Set<Waiting>();
  readonly #held = new Map<string, number>();
  #all = 0;

  constructor(limits: LargeLimits = { bytes: 16 * 1024 * 1024, deadlineMs: 2000 }) {
    this.#limits = limits;
  }

  /**
   * Waits until so many bytes may be worked on.
   * @param holder whose they are
   * @returns gives them back; more than once is once
   * @throws Fault busy
   */
  async take(bytes: number, holder: string): Promise<() => void> {
    if (this.#fits(bytes, holder)) this.#add(bytes, holder);
    else await this.#wait(bytes, holder);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#add(-bytes, holder);
      this.#letIn();
    };
  }

  #fits(bytes: number, holder: string): boolean {
    return this.#hasRoom(bytes) && this.#hasShare(bytes, holder);
  }

  #hasRoom(bytes: number): boolean {
    return this.#all === 0 || this.#all + bytes <= this.#limits.bytes;
  }

  #hasShare(bytes: number, holder: string): boolean {
    const own = this.#held.get(holder) ?? 0;
    return own === 0 || own + bytes <= this.#limits.bytes / 2;
  }

  #add(bytes: number, holder: string): void {
    const own = (this.#held.get(holder) ?? 0) + bytes;
    if (own > 0) this.#held.set(holder, own);
    else this.#held.delete(holder);
    this.#all += bytes;
  }

  #canWait(bytes: number, holder: string): boolean {
    let [all, own] = [bytes, bytes];
    for (const waiting of this.#queue) {
      all += waiting.bytes;
      if (waiting.holder === holder) own += waiting.bytes;
    }
    return this.#queue.size === 0 || (all <= this.#limits.bytes && (own === bytes || own <= this.#limits.bytes / 2));
  }

  #wait(bytes: number, holder: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.#canWait(bytes, holder)) {
        reject(tooMany());
        return;
      }
      const late = () => {
        this.#queue.delete(waiting);
        reject(tooMany());
        // Who waited behind it may fit.
        this.#letIn();
      };
      const timer = setTimeout(late, this.#limits.deadlineMs);
      const start = () => {
        clearTimeout(timer);
        resolve();
      };
      const waiting: Waiting = { bytes, holder, start };
      this.#queue.add(waiting);
    });
  }

  /** In their order: whose own share is used up is passed over, but a body that is too large for the room that is left is not. */
  #letIn(): void {
    for (const waiting of this.#queue) {
      if (!this.#hasRoom(waiting.bytes)) return;
      if (!this.#hasShare(waiting.bytes, waiting.holder)) continue;
      this.#queue.delete(waiting);
      this.#add(waiting.bytes, waiting.holder);
      waiting.start();
    }
  }
}
