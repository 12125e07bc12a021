/**
 * A world: the whole product on an empty database, listening on loopback, with a clock that can be moved,
 * a log that can be read, and DNS answers that can be set. Only the outside world has stand-ins.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Knex } from 'knex';
import { createLintel, type Lintel } from '../../src/app.ts';
import { type Config, loadConfig } from '../../src/config/config.ts';
import type { App } from '../../src/core/app.ts';
import { type Actor, Call, systemActor } from '../../src/core/call.ts';
import { serve } from '../../src/main.ts';
import { emptyDatabase } from './database.ts';

export interface Answer<T = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; throws when it is none. */
  readonly body: T;
}

export interface World {
  readonly url: string;
  readonly config: Config;
  readonly lintel: Lintel;
  readonly app: App;
  readonly db: Knex;
  /** A system API key with every permission. */
  readonly apiKey: string;
  /** Milliseconds that the clock is ahead of the real one. */
  skew: number;
  /** While it is, no time passes but by `skew`: for what waits a second, and would not on a machine that is slow for one. */
  isStill: boolean;
  /** Everything that was logged, one JSON text a line. */
  readonly logLines: string[];
  /** Answers of DNS for TXT records, by name. */
  readonly txt: Map<string, string[][]>;
  /** A call in somebody's name; the system's when absent. */
  call(actor?: Actor): Call;
  /** A REST request below `/api/v1` with the system's key, or another bearer, or none (null). */
  api<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    bearer?: string | null,
    headers?: Record<string, string>,
  ): Promise<Answer<T>>;
  /** Any request, redirects not followed. */
  request(path: string, init?: RequestInit): Promise<Answer>;
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly environment?: Record<string, string>;
  /** Runs before the server listens, for instance to put a middleware in front. */
  readonly prepare?: (lintel: Lintel) => void;
}

async function freePort(): Promise<{ server: Server; port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

export async function world(options: WorldOptions = {}): Promise<World> {
  const database = await emptyDatabase();
  const { server: holder, port } = await freePort();
  const apiKey = `ltl_key_${randomBytes(32).toString('base64url')}`;
  const config = loadConfig({
    PORT: String(port),
    LINTEL_URL: `http://localhost:${port}`,
    LINTEL_KEY: randomBytes(32).toString('base64'),
    LINTEL_BOOTSTRAP_API_KEY: apiKey,
    LINTEL_LOG_LEVEL: 'debug',
    LINTEL_EGRESS_ALLOW: 'localhost,127.0.0.1',
    ...options.environment,
  });
  const logLines: string[] = [];
  const txt = new Map<string, string[][]>();
  const clock: { skew: number; stillAt?: number | undefined } = { skew: 0 };
  const lintel = await createLintel(config, database, {
    clock: () => new Date((clock.stillAt ?? Date.now()) + clock.skew),
    logTo: { write: (line: string) => void logLines.push(line) },
    resolveTxt: async (name) => txt.get(name) ?? [],
    withoutJobs: true,
  });
  options.prepare?.(lintel);
  const server = serve(lintel);
  // On what holds the port since it was chosen: between letting go and listening another run of the tests could take it.
  await new Promise<void>((resolve) => server.listen(holder, resolve));

  const request = async (path: string, init: RequestInit = {}): Promise<Answer> => {
    const response = await fetch(new URL(path, config.url), { redirect: 'manual', ...init });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      get body() {
        return JSON.parse(text) as Record<string, unknown>;
      },
    };
  };

  return {
    url: config.url,
    config,
    lintel,
    app: lintel.app,
    db: database.knex,
    apiKey,
    logLines,
    txt,
    get skew() {
      return clock.skew;
    },
    set skew(milliseconds: number) {
      clock.skew = milliseconds;
    },
    get isStill() {
      return clock.stillAt !== undefined;
    },
    set isStill(isStill: boolean) {
      clock.stillAt = isStill ? Date.now() : undefined;
    },
    call: (actor = systemActor('test')) => Call.begin(lintel.app, actor),
    api: (method, path, body, bearer = apiKey, headers = {}) =>
      request(`/api/v1${path}`, {
        method,
        headers: {
          ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }) as Promise<Answer<never>>,
    request,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await lintel.close();
    },
  };
}
