/**
 * Ten times the load that can be served (checklist RE-11): what is still done, how soon the rest is refused, whether health answers,
 * how much memory it takes, and how soon all is well again.
 */
import { cpuSeconds, residentMiB, startWorker, type Worker } from './children.ts';
import type { Report, SigninJob } from './job.ts';
import type { OpenLoopJob, OpenLoopReport } from './open-loop.ts';
import { type Population, userName } from './population.ts';
import type { Product } from './product.ts';
import { median } from '../support/median.ts';
import { type Line, percent, whole } from './table.ts';
import { makeApplication, type Plan } from './tokens.ts';

const form = 'application/x-www-form-urlencoded';

export async function measureOverload(
  generator: Worker,
  plan: Plan,
  product: Product,
  population: Population,
  say: (line: Line) => void,
): Promise<void> {
  const application = await makeApplication(product, population);
  await mixed(plan, product, population, application.authorization, say);
  say(await signins(generator, application.signin));
}

const wire = (host: string, method: string, path: string, headers: Record<string, string>, body = ''): string =>
  [
    `${method} ${path} HTTP/1.1`,
    `Host: ${host}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(method === 'GET' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
    '',
    body,
  ].join('\r\n');

/** Token requests and SCIM look-ups in turn. */
async function requestsOf(product: Product, population: Population, authorization: string): Promise<string[]> {
  const { host } = new URL(product.url);
  const clients = `/organizations/${population.org_id}/scim-clients`;
  const { client_id } = await product.api<{ client_id: string }>('POST', clients, { name: 'Overload' });
  const { token } = await product.api<{ token: string }>('POST', `${clients}/${client_id}/tokens`, {});
  const ask = wire(
    host,
    'POST',
    '/oauth/token',
    { authorization, 'content-type': form },
    'grant_type=client_credentials',
  );
  return Array.from({ length: 200 }, (_, index) => {
    const filter = encodeURIComponent(`userName eq "${userName(1 + index)}"`);
    return [ask, wire(host, 'GET', `/scim/v2/Users?filter=${filter}`, { authorization: `Bearer ${token}` })];
  }).flat();
}

const good = ({ answers }: OpenLoopReport): number => answers['200'] ?? 0;

async function mixed(
  plan: Plan,
  product: Product,
  population: Population,
  authorization: string,
  say: (line: Line) => void,
): Promise<void> {
  const requests = await requestsOf(product, population, authorization);
  const port = Number(new URL(product.url).port);
  const worker = startWorker('open-loop.ts');
  const run = (job: Partial<OpenLoopJob>): Promise<OpenLoopReport> =>
    worker.ask({ port, requests, connections: 32, rate: null, warmup: 0.2, seconds: plan.seconds * 2, ...job });
  try {
    await run({ seconds: plan.warmUpSeconds });
    // Good answers for each second of the server's processor time: what is left of it on a machine that others use too.
    const costs: number[] = [];
    const counted = async (job: Partial<OpenLoopJob>): Promise<OpenLoopReport> => {
      const from = cpuSeconds(product.pid);
      const report = await run(job);
      // The processor time of the warming up is in it, so its share is taken out.
      const share = report.seconds / (report.seconds + (job.warmup ?? 0.2));
      costs.push(good(report) / ((cpuSeconds(product.pid) - from) * share));
      return report;
    };
    const peaks = [await counted({ connections: 16 }), await counted({}), await counted({ connections: 64 })];
    const peak = Math.max(...peaks.map((report) => good(report) / report.seconds));
    const cheapest = Math.max(...costs);
    const before = residentMiB(product.pid);
    const health = probe(product);
    const flood = await counted({ connections: 1000, warmup: 2, rate: peak * 10, seconds: plan.seconds * 3 });
    const slowest = await health.end();
    const after = residentMiB(product.pid);
    const recovery = await recover(product, authorization);
    const goodput = good(flood) / flood.seconds;
    const refused = (flood.answers['503'] ?? 0) + (flood.answers['429'] ?? 0);
    const strange = Object.keys(flood.answers).filter((status) => !['200', '503', '429'].includes(status));
    say({
      what: 'overload × 10, tokens and SCIM look-ups',
      measured: `${whole(goodput)}/s of ${whole(peak)}/s; due ${whole(flood.due / flood.seconds)}/s, sent ${whole(flood.sent / flood.seconds)}/s, refused ${whole(refused / flood.seconds)}/s (${flood.withoutRetryAfter} without Retry-After), other answers: ${strange.join(' ') || 'none'}; good answers after ${whole(flood.median)} ms (p99 ${whole(flood.p99)}); by processor time ${percent((costs.at(-1) ?? 0) / cheapest)}`,
      floor: 'its own peak',
      result: percent(goodput / peak),
      target: '≥ 80 %',
      reached: goodput / peak >= 0.8 && flood.withoutRetryAfter === 0 && strange.length === 0,
    });
    say({
      what: 'health during overload',
      measured: `median ${whole(median(slowest))} ms, slowest ${whole(Math.max(...slowest))} ms of ${slowest.length}`,
      floor: 'none: absolute',
      result: `${whole(percentile(slowest, 0.95))} ms (p95)`,
      target: '< 100 ms',
      reached: percentile(slowest, 0.95) < 100,
    });
    say({
      what: 'after overload',
      measured: `well after ${whole(recovery)} ms; memory ${whole(before)} → ${whole(after)} MiB`,
      floor: 'none: absolute',
      result: `${whole(recovery)} ms`,
      target: '< 5 s',
      reached: recovery < 5000,
    });
  } finally {
    worker.end();
  }
}

const percentile = (times: readonly number[], share: number): number =>
  times.toSorted((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;

/** Asks for health twenty times a second, from this process, which has nothing else to do. */
function probe(product: Product): { end: () => Promise<number[]> } {
  const times: number[] = [];
  let isOver = false;
  const running = (async () => {
    while (!isOver) {
      const began = performance.now();
      const answer = await fetch(`${product.url}/health/live`).catch(() => null);
      await answer?.arrayBuffer();
      times.push(answer?.status === 200 ? performance.now() - began : Number.POSITIVE_INFINITY);
      await new Promise((wake) => setTimeout(wake, 50));
    }
  })();
  return {
    end: async () => {
      isOver = true;
      await running;
      return times;
    },
  };
}

/** Milliseconds until ten requests after another are answered well, each within a tenth of a second. */
async function recover(product: Product, authorization: string): Promise<number> {
  const began = performance.now();
  for (let well = 0; well < 10 && performance.now() - began < 30_000; ) {
    const asked = performance.now();
    const answer = await fetch(`${product.url}/oauth/token`, {
      method: 'POST',
      headers: { authorization, 'content-type': form },
      body: 'grant_type=client_credentials',
    });
    await answer.arrayBuffer();
    well = answer.status === 200 && performance.now() - asked < 100 ? well + 1 : 0;
  }
  return performance.now() - began;
}

/** The password step from three hundred browsers at once, against eight, which is enough for every core. */
async function signins(
  generator: Worker,
  signin: Omit<SigninJob, 'timed' | 'seconds' | 'most' | 'connections'>,
): Promise<Line> {
  const run = async (connections: number, most: number): Promise<Report> => {
    const job = { ...signin, seconds: 120, most };
    await generator.ask({ ...job, timed: 'prepare', connections: 8 } satisfies SigninJob);
    const step: SigninJob = { ...job, timed: 'step', connections };
    const { report, error } = await generator.ask<{ report?: Report; error?: string }>(step);
    if (!report) throw new Error(`The load generator failed: ${error}`);
    return report;
  };
  const peak = await run(8, 120);
  const flood = await run(300, 400);
  const [best, goodput] = [peak.done / peak.seconds, flood.done / flood.seconds];
  return {
    what: 'overload, password steps of 300 at once',
    measured: `${whole(goodput)}/s of ${whole(best)}/s; other answers: ${JSON.stringify(flood.wrong)}`,
    floor: 'its own peak',
    result: percent(goodput / best),
    target: '≥ 80 %',
    reached: goodput / best >= 0.8,
  };
}
