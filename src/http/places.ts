/**
 * The places of one door: who is worked on, who waits, and whose turn is next. Whoever comes with one key or token leaves a quarter of
 * them to everybody else (checklist MT-06), and who is still sending has half of them at most (RE-12).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface PlaceLimits {
  /** Requests of one door that are worked on at the same time. */
  readonly running: number;
  /** Requests of one door that may wait for that. */
  readonly waiting: number;
  /** Milliseconds that one waits at most. */
  readonly deadlineMs: number;
}

/** What a door has to do. */
export interface DoorLoad {
  readonly running: number;
  readonly waiting: number;
  /** Requests refused since the start. */
  readonly refused: number;
}

interface Waiting {
  readonly start: () => void;
  readonly timer: NodeJS.Timeout;
}

/** How often those who wait for their own bodies are looked at. */
const lookMs = 10;

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';

/** Whether the client still has something to send. */
const isSending = (request: IncomingMessage): boolean => !request.complete && hasBody(request);

/**
 * By what a request says who sends it: its key or token, however the header around it is written. Looked at before anybody knows
 * whether it is true; undefined where nothing is said.
 */
function holderOf({ headers: { authorization } }: IncomingMessage): string | undefined {
  const text = authorization?.trimEnd();
  return text?.slice(text.lastIndexOf(' ') + 1);
}

/** Requests that are worked on, or wait, and how many of them each holder has. */
class Crowd<Value> {
  readonly #most: number;
  readonly #requests = new Map<IncomingMessage, Value>();
  readonly #held = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#requests.size;
  }

  [Symbol.iterator](): Iterator<[IncomingMessage, Value]> {
    return this.#requests[Symbol.iterator]();
  }

  add(request: IncomingMessage, value: Value): void {
    this.#requests.set(request, value);
    this.#count(request, 1);
  }

  /** @returns whether it was there */
  remove(request: IncomingMessage): boolean {
    if (!this.#requests.delete(request)) return false;
    this.#count(request, -1);
    return true;
  }

  /** Whether one more may join, where one holder has three quarters at most and one half at most may be sending. */
  hasRoom(request: IncomingMessage): boolean {
    const most = this.#most;
    if (this.size >= most) return false;
    if (this.size < most / 2) return true;
    const holder = holderOf(request);
    if (holder !== undefined && (this.#held.get(holder) ?? 0) >= most * 0.75) return false;
    if (!isSending(request)) return true;
    let sending = 0;
    for (const other of this.#requests.keys()) if (isSending(other)) sending += 1;
    return sending < most / 2;
  }

  #count(request: IncomingMessage, more: 1 | -1): void {
    const holder = holderOf(request);
    if (holder === undefined) return;
    const count = (this.#held.get(holder) ?? 0) + more;
    if (count > 0) this.#held.set(holder, count);
    else this.#held.delete(holder);
  }
}

/**
 * The places of one door. Whoever is still sending may have half of them, so that clients who send slowly, or never, cannot close
 * the door to those whose requests are whole (checklist RE-12).
 */
export class Places {
  readonly #limits: PlaceLimits;
  readonly #queue: Crowd<Waiting>;
  readonly #running: Crowd<true>;
  #look: NodeJS.Timeout | undefined;

  /** Requests that found no place, or not in time. */
  refused = 0;

  constructor(limits: PlaceLimits) {
    this.#limits = limits;
    this.#queue = new Crowd(limits.waiting);
    this.#running = new Crowd(limits.running);
  }

  get load(): DoorLoad {
    return { running: this.#running.size, waiting: this.#queue.size, refused: this.refused };
  }

  /** @returns a place now, a place later (false: too late, or the client has gone), or null when there is none */
  take(request: IncomingMessage, response: ServerResponse): true | Promise<boolean> | null {
    if (this.#running.hasRoom(request)) {
      this.#running.add(request, true);
      return true;
    }
    if (!this.#queue.hasRoom(request)) return null;
    return new Promise((resolve) => {
      const leave = () => {
        if (!this.#queue.remove(request)) return;
        clearTimeout(waiting.timer);
        resolve(false);
      };
      const start = () => {
        response.off('close', leave);
        resolve(true);
      };
      const waiting: Waiting = { start, timer: setTimeout(leave, this.#limits.deadlineMs) };
      this.#queue.add(request, waiting);
      response.once('close', leave);
      this.#lookAgain();
    });
  }

  give(request: IncomingMessage): void {
    this.#running.remove(request);
    this.#letIn();
  }

  /** Whether it matters if a request is whole, and it may be when its first segment has been read to the end. */
  isTooEarly(request: IncomingMessage): boolean {
    return isSending(request) && !this.#running.hasRoom(request);
  }

  #letIn(): void {
    for (const [request, waiting] of this.#queue) {
      if (this.#running.size >= this.#limits.running) return;
      if (!this.#running.hasRoom(request)) continue;
      this.#queue.remove(request);
      clearTimeout(waiting.timer);
      this.#running.add(request, true);
      waiting.start();
    }
  }

  /** A place may be free for somebody whose body arrives meanwhile, and nobody gives one back then. */
  #lookAgain(): void {
    if (this.#look) return;
    this.#look = setTimeout(() => {
      this.#look = undefined;
      this.#letIn();
      if (this.#queue.size > 0) this.#lookAgain();
    }, lookMs);
  }
}
