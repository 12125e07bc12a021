/**
 * What a process tells about itself in the text format of Prometheus. Loaded only where `LINTEL_METRICS_PORT` is set; without it
 * nothing of this costs anything. Labels have few values, and all of them are ours: routes by name, methods by a list, never an
 * organization, a person, an application, an address or a path (checklist SD-10).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isIPv4, isIPv6 } from 'node:net';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Observe } from './server.ts';

/** Numbers that the process has anyway, read at each scrape. */
export interface Reading {
  readonly name: string;
  readonly help: string;
  /** A counter only grows until the process ends; a gauge goes up and down. */
  readonly type: 'counter' | 'gauge';
  /** Where there are several: what tells them apart. Its values must be few, and none of them anybody's text. */
  readonly label?: string;
  readonly read: () => number | Readonly<Record<string, number>>;
}

export interface Metrics {
  /** For the edge: one observation for each answered request. */
  readonly observe: Observe;
  readonly add: (readings: readonly Reading[]) => void;
  /** Answers `GET /metrics`, and nothing else. */
  readonly listener: (request: IncomingMessage, response: ServerResponse) => void;
}

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Seconds: a lookup, a change, a hash, a wait, and what somebody complains about. */
const buckets = [0.005, 0.025, 0.1, 0.5, 2.5];

/** More routes than there are; whatever names routes one day, a scrape has an end. */
const maxRoutes = 400;

/** @param host the name by which it is asked, beside this machine's own and any address: LINTEL_METRICS_HOST */
export function createMetrics(host = 'localhost'): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return {
    observe: observer(registry),
    add: (readings) => {
      for (const reading of readings) register(registry, reading);
    },
    listener: (request, response) => {
      answer(registry, { request, response, isOurs: isAskedAs(host, request.headers.host) }).catch(() =>
        response.destroy(),
      );
    },
  };
}

/** Durations know the route alone: with the method and the status too, a scrape would hold the event loop for long (RE-17). */
function observer(registry: Registry): Observe {
  const registers = [registry];
  const answered = new Counter({
    name: 'lintel_http_requests_total',
    help: 'Answered requests; what admission refused is not among them.',
    labelNames: ['route', 'method', 'status'],
    registers,
  });
  const durations = new Histogram({
    name: 'lintel_http_request_duration_seconds',
    help: 'From the head of a request to its answer.',
    labelNames: ['route'],
    buckets,
    registers,
  });
  const routes = new Set<string>();
  return (name, method, status, milliseconds) => {
    if (routes.size < maxRoutes) routes.add(name);
    const route = routes.has(name) ? name : 'other';
    answered.inc({
      route,
      method: methods.has(method) ? method : 'other',
      status: `${Math.trunc(status / 100)}xx`,
    });
    durations.observe({ route }, milliseconds / 1000);
  };
}

function register(registry: Registry, { name, help, type, label, read }: Reading): void {
  const labelNames = label === undefined ? [] : [label];
  const options = { name, help, labelNames, registers: [registry] };
  const metric = type === 'counter' ? new Counter(options) : new Gauge(options);
  Object.assign(metric, {
    collect: () => {
      const now = read();
      metric.reset();
      if (typeof now === 'number') return metric.inc(now);
      for (const [value, count] of Object.entries(now)) metric.inc({ [label as string]: value }, count);
    },
  });
}

/**
 * Whether a Host may be ours. A page of somebody else whose name leads to this machine (DNS rebinding) is asked for under that name,
 * and its script could read what only who reaches this port should: an address is nobody's name, and `localhost` is not theirs.
 */
function isAskedAs(host: string, asked: string | undefined): boolean {
  const [, bracketed, plain = ''] =
    /^(?:\[([^\]]*)\]|([^:@/\s]*))(?::\d{1,5})?$/.exec(asked?.toLowerCase() ?? '') ?? [];
  if (bracketed !== undefined) return isIPv6(bracketed);
  return isIPv4(plain) || plain === 'localhost' || (plain !== '' && plain === host.toLowerCase());
}

const refusals: Readonly<Record<number, string>> = {
  404: 'Not found.\n',
  405: 'GET, and nothing else.\n',
  421: 'Ask by address, as localhost, or by the name in LINTEL_METRICS_HOST.\n',
};

interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly isOurs: boolean;
}

async function answer(registry: Registry, { request, response, isOurs }: Asked): Promise<void> {
  const isThere = request.url?.split('?')[0] === '/metrics';
  const status = !isOurs ? 421 : !isThere ? 404 : request.method === 'GET' ? 200 : 405;
  const text = refusals[status] ?? (await registry.metrics());
  response.writeHead(status, {
    'content-type': status === 200 ? registry.contentType : 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    'cross-origin-resource-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    ...(status === 405 ? { allow: 'GET' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}
