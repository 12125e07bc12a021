/**
 * Admission: how many requests are worked on at the same time, and what happens to the rest (checklist RE-11, RE-13). Every door has
 * places of its own, so that a flood at one of them leaves the others theirs (RE-15), and whoever comes with one key or token leaves a
 * quarter of them to everybody else (MT-06). Who finds no place waits, with the body unread; who would wait too long is refused
 * before anything is spent on the request. In a flood even that is too much when it comes at once, because it is asked again at once:
 * refusals are then held for a moment, so that with ten times the load that can be served nearly all of it is still served.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { newId } from '../core/id.ts';
import { faults } from '../core/faults.ts';
import type { Log } from '../core/log.ts';
import { type DoorLoad, type PlaceLimits, Places } from './places.ts';

export interface AdmissionLimits extends PlaceLimits {
  /** Refusals of a second that are told at once; the others are told `heldMs` later. */
  readonly promptRefusals: number;
  readonly heldMs: number;
}

/** A listener that also tells the load of each door. */
export type Admitted = RequestListener & { readonly load: () => Readonly<Record<string, DoorLoad>> };

/** For each request that may be worked on, four may wait, for a second at most. */
export const limitsOf = (running: number): AdmissionLimits => ({
  running,
  waiting: running * 4,
  deadlineMs: 1000,
  promptRefusals: 100,
  heldMs: 2000,
});

/** Sign-in waits for the queue of hashes, which has its own bound and its own deadline; the others must not wait for that. */
const patience: Readonly<Record<string, number>> = { signin: 4 };

const doors: readonly (readonly [prefix: string, door: string])[] = [
  ['/oauth/', 'oauth'],
  ['/scim/', 'scim'],
  ['/api/', 'api'],
  ['/saml/', 'saml'],
  ['/signin/', 'signin'],
];

const doorNames: readonly string[] = [...doors.map(([, door]) => door), 'other'];

const doorOf = (path: string): string => doors.find(([prefix]) => path.startsWith(prefix))?.[1] ?? 'other';

/** The path of a request, whose target may be a whole address (RFC 9112 §3.2.2). */
const pathOf = ({ url = '/' }: IncomingMessage): string =>
  url.startsWith('/') ? url : url.replace(/^[^:/?#]*:\/\/[^/?#]*/, '');

/** Requests of one connection that may be without an answer. Nobody sends on like that but who never reads (checklist RE-11). */
const maxUnanswered = 16;

/** Counts a request of its connection until it is answered. @returns whether there are too many */
function isPouring(
  unanswered: WeakMap<Socket, number>,
  { socket }: IncomingMessage,
  response: ServerResponse,
): boolean {
  const count = (unanswered.get(socket) ?? 0) + 1;
  unanswered.set(socket, count);
  response.once('close', () => unanswered.set(socket, (unanswered.get(socket) ?? 1) - 1));
  return count > maxUnanswered;
}

/** A listener that lets only so many requests through to another one, whose promise says when it is done. */
export function admit(
  work: (request: IncomingMessage, response: ServerResponse) => Promise<unknown>,
  limits: AdmissionLimits,
  log: Log,
): Admitted {
  const places = new Map<string, Places>();
  const refusals = new Refusals(limits, log);
  const placesOf = (door: string): Places => {
    let own = places.get(door);
    if (!own) places.set(door, (own = new Places({ ...limits, running: limits.running * (patience[door] ?? 1) })));
    return own;
  };
  const refuse = (own: Places, request: IncomingMessage, response: ServerResponse) => {
    // Who has gone meanwhile was not refused.
    if (response.destroyed) return;
    own.refused += 1;
    refusals.refuse(request, response);
  };
  const unanswered = new WeakMap<Socket, number>();
  const listener: RequestListener = (request, response) => {
    if (isPouring(unanswered, request, response)) return void request.socket.destroy();
    const path = pathOf(request);
    // Health tells whether the process lives, above all when it has much to do.
    if (path.startsWith('/health/')) return void work(request, response);
    const own = placesOf(doorOf(path));
    const run = () => work(request, response).finally(() => own.give(request));
    const enter = () => {
      const place = own.take(request, response);
      if (place === true) return void run();
      if (place === null) return refuse(own, request, response);
      void place.then((hasPlace) => (hasPlace ? run() : refuse(own, request, response)));
    };
    if (own.isTooEarly(request)) setImmediate(enter);
    else enter();
  };
  const load = () => Object.fromEntries(doorNames.map((door) => [door, placesOf(door).load]));
  return Object.assign(listener, { load });
}

/** Refuses in the form of the door, and tells the log once a second how many it were. */
class Refusals {
  readonly #limits: AdmissionLimits;
  readonly #log: Log;
  #count = 0;

  constructor(limits: AdmissionLimits, log: Log) {
    this.#limits = limits;
    this.#log = log;
  }

  refuse(request: IncomingMessage, response: ServerResponse): void {
    if (this.#count === 0) {
      setTimeout(() => {
        this.#log.warn({ refused: this.#count }, 'busy: requests were refused');
        this.#count = 0;
      }, 1000).unref();
    }
    this.#count += 1;
    if (this.#count <= this.#limits.promptRefusals) this.#answer(request, response);
    else setTimeout(() => this.#answer(request, response), this.#limits.heldMs);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (response.destroyed) return;
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

function bodyOf(request: IncomingMessage, request_id: string): { type: string; text: string } {
  const { headers } = request;
  const door = doorOf(pathOf(request));
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
