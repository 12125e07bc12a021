/** Sign-ins with a password, side by side with hashing alone. */
import { cpuSeconds, databaseSeconds, load, startWorker, type Worker } from './children.ts';
import type { Population } from './population.ts';
import type { Product } from './product.ts';
import { median } from '../support/median.ts';
import { type Line, percent, whole } from './table.ts';
import { makeApplication, type Plan } from './tokens.ts';

/**
 * People at once in the step that hashes: enough that somebody always waits for a core. The floor never waits for anything; with as
 * few people as eight, most of whom are on their way to the database or back, the step would be measured with cores that stand idle.
 */
const atOnce = 32;

/** Passwords against the raw hash rate: the step that hashes, and for information the whole way of a person. */
export async function measureSignins(
  generator: Worker,
  plan: Plan,
  product: Product,
  population: Population,
  say: (line: Line) => void,
): Promise<void> {
  const application = await makeApplication(product, population);
  const hashes = startWorker('raw-hashes.ts');
  const seconds = Math.max(2, plan.seconds);
  const raws: number[] = [];
  const steps: number[] = [];
  const shares: number[] = [];
  /** Processor milliseconds of a step: the server with its hash, the database, the load generator. */
  const costs: number[][] = [[], [], []];
  /** Processor milliseconds of a hash alone: with the costs, a share that a busy machine changes least. */
  const hashing: number[] = [];
  await hashes.ask({ seconds: 0.5 });
  for (let round = 0; round <= plan.rounds; round += 1) {
    const { rate: before } = await hashes.ask<{ rate: number }>({ seconds: seconds / 2 });
    const most = Math.ceil(before * seconds);
    const job = { ...application.signin, seconds: 60, most };
    // Not timed: the requests that lead to the page. Timed: the one with the password, its cookies, its session, its answer.
    await load(generator, { ...job, connections: plan.connections, timed: 'prepare' });
    const began = [cpuSeconds(product.pid), databaseSeconds(product.database), cpuSeconds(generator.pid)] as const;
    const report = await load(generator, { ...job, connections: atOnce, timed: 'step' });
    const used = [cpuSeconds(product.pid), databaseSeconds(product.database), cpuSeconds(generator.pid)] as const;
    const { rate: after, cpu } = await hashes.ask<{ rate: number; cpu: number }>({ seconds: seconds / 2 });
    // The first round warms up.
    if (round === 0) continue;
    raws.push((before + after) / 2);
    hashing.push(cpu);
    steps.push(report.done / report.seconds);
    shares.push((steps.at(-1) ?? 0) / (raws.at(-1) ?? 1));
    used.forEach((seconds, who) => costs[who]?.push(((seconds - (began[who] ?? 0)) / report.done) * 1000));
  }
  const flow = await load(generator, {
    ...application.signin,
    timed: 'whole',
    connections: plan.connections,
    seconds: seconds * 2,
    most: Number.MAX_SAFE_INTEGER,
  });
  hashes.end();
  const raw = median(raws);
  const [server = Number.NaN, database = Number.NaN, generating = Number.NaN] = costs.map(median);
  const hash = median(hashing);
  const ratios = [
    `by processor time ${percent(hash / (server + database + generating))}`,
    `of the server alone ${percent(hash / server)}`,
    // What these cores would allow a server that did nothing but hash, beside the same database and generator.
    `at most ${percent(hash / (hash + database + generating))} here`,
  ].join(', ');
  say({
    what: 'password sign-ins (the step with the password)',
    measured: `${whole(median(steps))}/s, CPU ms ${[server, database, generating].map((cost) => cost.toFixed(1)).join(' + ')} (server, database, load); ${ratios}, with ${atOnce} people at once`,
    floor: `${whole(raw)}/s, CPU ms ${hash.toFixed(1)} (raw Argon2id, all cores)`,
    result: percent(median(shares)),
    target: '≥ 85 %',
    reached: median(shares) >= 0.85,
  });
  const rate = flow.done / flow.seconds;
  say({
    what: 'sign-ins as a whole (7 requests: application to tokens)',
    measured: `${whole(rate)}/s, median ${Math.round(flow.median)} ms`,
    floor: `${whole(raw)}/s (raw Argon2id, all cores)`,
    result: percent(rate / raw),
    target: 'for information',
    reached: null,
  });
}
