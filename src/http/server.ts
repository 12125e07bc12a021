/** The edge: a Koa application whose every request has an id, a pinned host, security headers and one place for faults. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import helmet from 'helmet';
import Koa, { type Context, type Middleware } from 'koa';
import type { Config } from '../config/config.ts';
import type { RequestFacts } from '../core/call.ts';
import { Fault } from '../core/fault.ts';
import { newId } from '../core/id.ts';
import type { Log } from '../core/log.ts';
import { addressList, clientAddress } from './client-address.ts';
import { renderProblem, toFault } from './problem.ts';
import { boundQuery } from './query.ts';

/** What the edge knows about a request; it is `ctx.state`. */
export class EdgeState {
  readonly request_id = newId();
  readonly ip: string | null;
  /** Further sources that this page's forms may go to; the redirect behind a form counts (CSP3 §6.4.1). */
  readonly formTargets: string[] = [];
  /** Name of the route for the log, never a path with ids. */
  route?: string;
  #nonce: string | undefined;

  constructor(ip: string | null) {
    this.ip = ip;
  }

  /** For `nonce-…` of the Content-Security-Policy; an answer that never asks for it has none. */
  get nonce(): string {
    this.#nonce ??= randomBytes(16).toString('base64');
    return this.#nonce;
  }

  /** Nothing but our own host, and what carries this answer's nonce. */
  get policy(): string {
    if (this.#nonce === undefined && this.formTargets.length === 0) return plainPolicy;
    return policyOf({ nonce: this.#nonce, formTargets: this.formTargets });
  }
}

export const edgeOf = (context: Context): EdgeState => context.state as EdgeState;

export const requestFacts = (context: Context): RequestFacts => ({
  request_id: edgeOf(context).request_id,
  ip: edgeOf(context).ip,
  user_agent: context.get('user-agent').slice(0, 512) || null,
});

/** Told of each answered request, for metrics: by its route's name, or `none` where none matched. Must not throw. */
export type Observe = (route: string, method: string, status: number, milliseconds: number) => void;

export interface EdgeOptions {
  readonly config: Config;
  readonly log: Log;
  readonly cookieKeys: string[];
  /** Shows a fault to a browser. */
  readonly renderFaultPage: (context: Context, fault: Fault) => void;
  /** Shows a fault in the language of a door, where the address is one of its; false where it is not. */
  readonly renderFaultAs?: (context: Context, fault: Fault) => boolean;
  /** True once the process listens no longer: each answer closes its connection. */
  readonly isLettingGo: () => boolean;
  readonly observe?: Observe;
}

/** The Koa application with everything that holds for each request, before any route. */
export function createEdge(options: EdgeOptions): Koa {
  const { config } = options;
  const koa = new Koa({ keys: options.cookieKeys, proxy: false });
  pinHost(koa, config);
  koa.use(identify(options));
  // Around the faults: only then is it known whether their page asked for a nonce.
  koa.use(securityHeaders(config));
  koa.use(faultsOf(options));
  koa.use(refuseMisdirected(config));
  koa.use(boundQuery());
  // Errors after the answer began (a client that went away) are no news.
  koa.on('error', (error: Error & { code?: string }) => {
    if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') options.log.error({ err: error }, 'a response failed');
  });
  return koa;
}

/**
 * The issuer decides protocol, host and whether cookies are secure; what a request claims does not (checklist MT-04).
 * oidc-provider and every link built from `ctx` then agree.
 */
export function pinHost(koa: Koa, config: Config): void {
  const { protocol, host, hostname, origin } = new URL(config.url);
  const fixed = { protocol: protocol.slice(0, -1), host, hostname, origin, secure: protocol === 'https:' };
  for (const [name, value] of Object.entries(fixed)) {
    Object.defineProperty(koa.request, name, { get: () => value, configurable: true });
  }
}

function identify({ config, log, observe }: EdgeOptions): Middleware {
  const isTrustedProxy = addressList(config.trusted_proxies);
  return async (context, next) => {
    const started = performance.now();
    const state = new EdgeState(clientAddress(context.req, isTrustedProxy));
    context.state = state;
    context.res.setHeader('x-request-id', state.request_id);
    await next();
    const milliseconds = performance.now() - started;
    // The path of a matched route has no ids in it; an unmatched one is the client's own text and stays out of the log.
    const route = state.route ?? 'none';
    observe?.(route, context.method, context.status, milliseconds);
    log.info(
      {
        request_id: state.request_id,
        method: context.method,
        route,
        status: context.status,
        ip: state.ip,
        milliseconds: Math.round(milliseconds * 10) / 10,
      },
      'request',
    );
  };
}

const wantsPage = (context: Context): boolean =>
  !context.path.startsWith('/api/') && !context.path.startsWith('/scim/') && context.accepts('json', 'html') === 'html';

function faultsOf({ log, renderFaultPage, renderFaultAs, isLettingGo }: EdgeOptions): Middleware {
  return async (context, next) => {
    try {
      await next();
      if (context.status === 404 && context.body == null) throw new Fault('not_found');
    } catch (error) {
      const fault = toFault(error, log, edgeOf(context).request_id);
      // A commit may fail after the answer was prepared: a refusal leads nowhere.
      context.remove('location');
      const isRendered = renderFaultAs?.(context, fault) ?? false;
      if (!isRendered && wantsPage(context)) renderFaultPage(context, fault);
      else if (!isRendered) renderProblem(context, fault, edgeOf(context).request_id);
    }
    // What arrives is served as long as there are connections, and each answer ends its own: the next request goes elsewhere (RE-06).
    if (isLettingGo() && !context.headerSent) context.set('connection', 'close');
  };
}

/** What helmet says for this configuration, which is the same for each answer: asked once. */
function fixedHeaders(config: Config): readonly (readonly [string, string])[] {
  const secure = config.url.startsWith('https:');
  const headers = new Map<string, string>();
  const collecting = {
    setHeader: (name: string, value: string) => void headers.set(name.toLowerCase(), value),
    removeHeader: (name: string) => void headers.delete(name.toLowerCase()),
  };
  const say = helmet({
    contentSecurityPolicy: false,
    strictTransportSecurity: secure ? { maxAge: 63_072_000, includeSubDomains: true } : false,
    frameguard: { action: 'deny' },
    // Not no-referrer: browsers would then post our own forms with `Origin: null`.
    referrerPolicy: { policy: 'same-origin' },
    crossOriginOpenerPolicy: { policy: 'same-origin' },
    crossOriginResourcePolicy: { policy: 'same-origin' },
  });
  say({} as IncomingMessage, collecting as unknown as ServerResponse, (error?: unknown) => {
    if (error) throw error;
  });
  headers.set('permissions-policy', 'camera=(), microphone=(), geolocation=(), payment=()');
  headers.set('cache-control', 'no-store');
  return [...headers];
}

function securityHeaders(config: Config): Middleware {
  const fixed = fixedHeaders(config);
  return async ({ res, state }, next) => {
    for (const [name, value] of fixed) res.setHeader(name, value);
    try {
      await next();
    } finally {
      if (!res.headersSent) res.setHeader('content-security-policy', (state as EdgeState).policy);
    }
  };
}

/** The Content-Security-Policy of one answer: nothing but our own host and what carries its nonce. */
export function policyOf({
  nonce,
  formTargets,
}: {
  nonce: string | undefined;
  formTargets: readonly string[];
}): string {
  const marked = nonce === undefined ? [] : [`'nonce-${nonce}'`];
  return [
    "default-src 'none'",
    `script-src ${marked.length > 0 ? marked.join(' ') : "'none'"}`,
    `style-src ${["'self'", ...marked].join(' ')}`,
    "img-src 'self' data: https:",
    "font-src 'self'",
    "connect-src 'self'",
    `form-action ${["'self'", ...formTargets].join(' ')}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ');
}

const plainPolicy = policyOf({ nonce: undefined, formTargets: [] });

/** A Host that is not the issuer's is not ours (421, RFC 9110 §15.5.20); health checks may come by address. */
function refuseMisdirected(config: Config): Middleware {
  const { host } = new URL(config.url);
  return (context, next) => {
    // Node goes by the first of two; whatever stands before us may go by the other (RFC 9112 §3.2, checklist WB-12).
    const names = context.req.rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === 'host');
    if (names.length > 1) {
      context.set('connection', 'close');
      throw new Fault('request_invalid', 'There must be one Host.');
    }
    if (context.req.headers.host?.toLowerCase() !== host && !context.path.startsWith('/health/')) {
      throw new Fault('misdirected', `This server answers as ${config.url}.`);
    }
    return next();
  };
}
