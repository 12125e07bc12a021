/**
 * Admission: how many requests are worked on at the same time, and what happens to the rest (checklist RE-11, RE-13). Every door has
 * places of its own, so that a flood at one of them leaves the others theirs (RE-15). Who finds no place waits, with the body unread;
 * who would wait too long is refused at once, before anything is spent on the request: with ten times the load that can be served,
 * the refusals must cost next to nothing.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { newId } from '../core/id.ts';
import { faults } from '../core/faults.ts';
import type { Log } from '../core/log.ts';

export interface AdmissionLimits {
  /** Requests of one door that are worked on at the same time. */
  readonly running: number;
  /** Requests of one door that may wait for that. */
  readonly waiting: number;
  /** Milliseconds that one waits at most. */
  readonly deadlineMs: number;
}

/** For each request that may be worked on, four may wait, for a second at most. */
export const limitsOf = (running: number): AdmissionLimits => ({ running, waiting: running * 4, deadlineMs: 1000 });

/** Sign-in waits for the queue of hashes, which has its own bound and its own deadline; the others must not wait for that. */
const patience: Readonly<Record<string, number>> = { signin: 4 };

const doors: readonly (readonly [prefix: string, door: string])[] = [
  ['/oauth/', 'oauth'],
  ['/scim/', 'scim'],
  ['/api/', 'api'],
  ['/saml/', 'saml'],
  ['/signin/', 'signin'],
];

const doorOf = (path: string): string => doors.find(([prefix]) => path.startsWith(prefix))?.[1] ?? 'other';

interface Waiting {
  readonly start: () => void;
  readonly timer: NodeJS.Timeout;
}

/** The places of one door. */
class Places {
  readonly #limits: AdmissionLimits;
  readonly #queue = new Set<Waiting>();
  #running = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /** @returns a place now, a place later (false: too late, or the client has gone), or null when there is none */
  take(response: ServerResponse): true | Promise<boolean> | null {
    if (this.#running < this.#limits.running) {
      this.#running += 1;
      return true;
    }
    if (this.#queue.size >= this.#limits.waiting) return null;
    return new Promise((resolve) => {
      const leave = () => {
        if (!this.#queue.delete(waiting)) return;
        clearTimeout(waiting.timer);
        resolve(false);
      };
      const start = () => {
        response.off('close', leave);
        resolve(true);
      };
      const waiting: Waiting = { start, timer: setTimeout(leave, this.#limits.deadlineMs) };
      this.#queue.add(waiting);
      response.once('close', leave);
    });
  }

  give(): void {
    for (const waiting of this.#queue) {
      this.#queue.delete(waiting);
      clearTimeout(waiting.timer);
      waiting.start();
      return;
    }
    this.#running -= 1;
  }
}

/** A listener that lets only so many requests through to another one, whose promise says when it is done. */
export function admit(
  work: (request: IncomingMessage, response: ServerResponse) => Promise<unknown>,
  limits: AdmissionLimits,
  log: Log,
): RequestListener {
  const places = new Map<string, Places>();
  const refusals = new Refusals(log);
  const placesOf = (door: string): Places => {
    let own = places.get(door);
    if (!own) places.set(door, (own = new Places({ ...limits, running: limits.running * (patience[door] ?? 1) })));
    return own;
  };
  return (request, response) => {
    const path = request.url ?? '/';
    // Health tells whether the process lives, above all when it has much to do.
    if (path.startsWith('/health/')) return void work(request, response);
    const own = placesOf(doorOf(path));
    const run = () => work(request, response).finally(() => own.give());
    const place = own.take(response);
    if (place === true) return void run();
    if (place === null) return refusals.refuse(request, response);
    void place.then((hasPlace) => (hasPlace ? run() : refusals.refuse(request, response)));
  };
}

/** Refuses in the form of the door, and tells the log once a second how many it were. */
class Refusals {
  readonly #log: Log;
  #count = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  refuse(request: IncomingMessage, response: ServerResponse): void {
    if (response.destroyed) return;
    if (this.#count === 0) {
      setTimeout(() => {
        this.#log.warn({ refused: this.#count }, 'busy: requests were refused');
        this.#count = 0;
      }, 1000).unref();
    }
    this.#count += 1;
    const id = newId();
    const { type, text } = bodyOf(request, id);
    response.writeHead(503, {
      'content-type': type,
      'content-length': Buffer.byteLength(text),
      'retry-after': '2',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
      'x-content-type-options': 'nosniff',
      'x-request-id': id,
    });
    response.end(request.method === 'HEAD' ? undefined : text);
  }
}

const { says, status } = faults.busy;

function bodyOf({ url = '/', headers }: IncomingMessage, request_id: string): { type: string; text: string } {
  const door = doorOf(url);
  if (door === 'scim') {
    const schemas = ['urn:ietf:params:scim:api:messages:2.0:Error'];
    const detail = `${says} (request ${request_id})`;
    return { type: 'application/scim+json', text: JSON.stringify({ schemas, status: String(status), detail }) };
  }
  if (door !== 'api' && headers.accept?.includes('text/html')) {
    const text = `<!doctype html><html lang="en"><title>Busy</title><h1>Busy</h1><p>${says}</p><p>Reference: ${request_id}</p></html>`;
    return { type: 'text/html; charset=utf-8', text };
  }
  if (door === 'oauth') {
    const text = JSON.stringify({ error: 'temporarily_unavailable', error_description: says });
    return { type: 'application/json', text };
  }
  const problem = { type: 'urn:lintel:fault:busy', title: says, status, code: 'busy', request_id };
  return { type: 'application/problem+json', text: JSON.stringify(problem) };
}
