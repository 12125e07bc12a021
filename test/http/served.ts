/** Routes of a test's own behind the real edge, so that what holds for every route is shown without any room. */
import { type Agent, createServer, type IncomingHttpHeaders, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Context } from 'koa';
import type { App } from '../../src/core/app.ts';
import { type Actor, systemActor } from '../../src/core/call.ts';
import { Fault } from '../../src/core/fault.ts';
import { mountRoutes } from '../../src/http/mount.ts';
import { renderProblem } from '../../src/http/problem.ts';
import type { Route } from '../../src/http/route.ts';
import { createEdge, edgeOf } from '../../src/http/server.ts';

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: { code: string; errors?: { pointer: string; detail: string }[] } & Record<string, unknown>;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Buffer;
  /** Write the head only, and leave the body to the test. */
  readonly agent?: Agent;
}

export interface Served {
  readonly url: string;
  readonly port: number;
  ask(path: string, ask?: Ask): Promise<Reply>;
  /** A POST with JSON, as a text so that anything can be sent. */
  post(path: string, json: string, headers?: Record<string, string>): Promise<Reply>;
  close(): Promise<void>;
}

/** One request with exactly these headers: unlike fetch, a Host can be forged and a path is sent as it is written. */
export function ask(
  port: number,
  path: string,
  { method = 'GET', headers = {}, body, agent }: Ask = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      host: 'localhost',
      port,
      path,
      method,
      headers,
      ...(agent ? { agent } : { agent: false }),
    });
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          get body() {
            return JSON.parse(text) as Reply['body'];
          },
        });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** The actor is the system, or whoever is named in `x-test-actor` (a label); without `authorization` nobody is there. */
async function authenticate(context: Context): Promise<Actor> {
  if (context.get('authorization') === '') throw new Fault('unauthenticated');
  return systemActor(context.get('x-test-actor') || 'test');
}

export async function serveRoutes(app: App, routes: readonly Route[]): Promise<Served> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://localhost:${port}`;
  const config = { ...app.config, url, port };
  const koa = createEdge({
    config,
    log: app.log,
    cookieKeys: ['test'],
    isLettingGo: () => false,
    renderFaultPage: (context, fault) => renderProblem(context, fault, edgeOf(context).request_id),
  });
  koa.use(mountRoutes({ ...app, config }, routes, authenticate));
  server.on('request', koa.callback());
  const headers = { authorization: 'Bearer test' };
  return {
    url,
    port,
    ask: (path, options = {}) => ask(port, path, { ...options, headers: { ...headers, ...options.headers } }),
    post: (path, body, more = {}) =>
      ask(port, path, { method: 'POST', body, headers: { ...headers, 'content-type': 'application/json', ...more } }),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
