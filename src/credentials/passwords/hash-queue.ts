/**
 * Hashing: Argon2id by the figures of OWASP, off the event loop, at most one hash per core at a time.
 * What waits longer than its deadline, or finds the queue full, is refused with 503: a flood of passwords must not
 * take the cores, the memory (20 MB a hash) or the thread pool from everybody else (checklist RE-11, RE-17).
 */
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { hash, verify } from '@node-rs/argon2';
import { Fault } from '../../core/fault.ts';

export interface HashLimits {
  /** Hashes at the same time. */
  readonly running: number;
  /** Callers that may wait. */
  readonly waiting: number;
  /** Milliseconds that a caller waits at most. */
  readonly deadlineMs: number;
}

export interface HashLoad {
  readonly running: number;
  readonly waiting: number;
  /** Hashes computed since the start. */
  readonly done: number;
  /** The most that ever ran at the same time. */
  readonly peak: number;
  /** Callers refused since the start. */
  readonly refused: number;
}

/** OWASP Password Storage, Argon2id: 19 MiB, two passes, one lane. */
const memoryKib = 19_456;
const passes = 2;
const lanes = 1;
const parameters = `$argon2id$v=19$m=${memoryKib},t=${passes},p=${lanes}$`;

const unpadded = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');

/**
 * A hash that no password has, of the parameters of today: verifying against it costs what a real one costs.
 * It is made of random bytes, so it needs no hashing itself.
 */
const hashOfNobody = `${parameters}${unpadded(randomBytes(16))}$${unpadded(randomBytes(32))}`;

/** Whether a hash was made with other parameters than today's. */
export const isOutdated = (passwordHash: string): boolean => !passwordHash.startsWith(parameters);

interface Waiting {
  readonly start: () => void;
  readonly timer: NodeJS.Timeout;
}

export class HashQueue {
  readonly #limits: HashLimits;
  readonly #queue = new Set<Waiting>();
  #running = 0;
  #done = 0;
  #peak = 0;
  #refused = 0;

  constructor(limits: Partial<HashLimits> = {}) {
    this.#limits = { running: availableParallelism(), waiting: 200, deadlineMs: 2000, ...limits };
  }

  get load(): HashLoad {
    return {
      running: this.#running,
      waiting: this.#queue.size,
      done: this.#done,
      peak: this.#peak,
      refused: this.#refused,
    };
  }

  /**
   * The Argon2id hash of a password, as a PHC string with its parameters and a salt of its own.
   * @throws Fault busy when too many are being hashed
   */
  hash(password: string): Promise<string> {
    return this.#run(() => hash(password, { memoryCost: memoryKib, timeCost: passes, parallelism: lanes }));
  }

  /**
   * Whether a password has this hash. Null, for an account that does not exist or has none, costs the same and is false.
   * @throws Fault busy when too many are being hashed
   */
  verify(passwordHash: string | null, password: string): Promise<boolean> {
    return this.#run(async () => {
      const matches = await verify(passwordHash ?? hashOfNobody, password);
      return matches && passwordHash !== null;
    });
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    await this.#turn();
    this.#peak = Math.max(this.#peak, this.#running);
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#done += 1;
      this.#next();
    }
  }

  /** Takes a place among those that run; `#running` is raised by whoever gives the place. */
  #turn(): Promise<void> {
    if (this.#running < this.#limits.running) {
      this.#running += 1;
      return Promise.resolve();
    }
    if (this.#queue.size >= this.#limits.waiting) return Promise.reject(this.#refuse());
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        start: resolve,
        timer: setTimeout(() => {
          this.#queue.delete(waiting);
          reject(this.#refuse());
        }, this.#limits.deadlineMs),
      };
      this.#queue.add(waiting);
    });
  }

  #next(): void {
    for (const waiting of this.#queue) {
      this.#queue.delete(waiting);
      clearTimeout(waiting.timer);
      this.#running += 1;
      waiting.start();
      return;
    }
  }

  #refuse(): Fault {
    this.#refused += 1;
    return new Fault('busy', 'Too many passwords are being checked at the moment.', {
      retryAfter: Math.max(1, Math.ceil(this.#limits.deadlineMs / 1000)),
    });
  }
}

/** The one queue of this process: cores are shared by everything that runs in it. */
export const passwordHashes = new HashQueue();
