/** Many connections that send one request after another for a while, and what they were answered. Loopback only. */
import { Agent, type IncomingMessage, request } from 'node:http';
import { performance } from 'node:perf_hooks';
import { pause } from '../support/waiting.ts';

export interface Shot {
  /** What it is counted under. */
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface Said {
  readonly name: string;
  readonly status: number;
  readonly type: string;
  readonly retryAfter: string | undefined;
  /** The first characters of the body, enough for a code. */
  readonly text: string;
  readonly ms: number;
  /** When it was said, in milliseconds of `performance.now()`. */
  readonly at: number;
}

export interface Pouring {
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  /** Milliseconds that each connection waits between an answer and its next request. */
  readonly pauseMs?: number;
  /** The next request, by its number. */
  readonly shot: (index: number) => Shot;
}

export interface Poured {
  readonly said: readonly Said[];
  /** Requests that got no answer, by why. */
  readonly lost: Readonly<Record<string, number>>;
}

/** One request and its answer, or the code of the error. */
function fire(agent: Agent, port: number, shot: Shot): Promise<Said | string> {
  const { name, method, path, body, headers } = shot;
  const began = performance.now();
  return new Promise((resolve) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const sent = request({ agent, host: 'localhost', port, method, path, headers: { ...headers, ...length } });
    sent.setTimeout(30_000, () => sent.destroy(Object.assign(new Error('silence'), { code: 'SILENCE' })));
    sent.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    sent.once('response', (answer: IncomingMessage) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        if (text.length < 400) text += part.slice(0, 400);
      });
      answer.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      answer.once('end', () => {
        const { 'content-type': type = '', 'retry-after': retryAfter } = answer.headers;
        const at = performance.now();
        resolve({ name, status: answer.statusCode ?? 0, type, retryAfter, text, ms: at - began, at });
      });
    });
    sent.end(body);
  });
}

/** Pours until the time is over, and waits for the last answers. */
export async function pour({ port, connections, seconds, shot, pauseMs = 0 }: Pouring): Promise<Poured> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const said: Said[] = [];
  const lost: Record<string, number> = {};
  const end = performance.now() + seconds * 1000;
  let index = 0;
  const line = async () => {
    while (performance.now() < end) {
      const answer = await fire(agent, port, shot(index++));
      if (typeof answer === 'string') lost[answer] = (lost[answer] ?? 0) + 1;
      else said.push(answer);
      if (pauseMs > 0) await pause(pauseMs);
    }
  };
  await Promise.all(Array.from({ length: connections }, line));
  agent.destroy();
  return { said, lost };
}

/** How often each status was said, by name: `name 503` → 12. */
export function tally({ said }: Poured): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { name, status } of said) counts[`${name} ${status}`] = (counts[`${name} ${status}`] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).toSorted(([a], [b]) => a.localeCompare(b)));
}
