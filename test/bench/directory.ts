/** SCIM with a hundred thousand users: creating, finding, and adding to groups of any size. */
import { cpuSeconds, databaseSeconds, load, type Worker } from './children.ts';
import type { Job, Shot } from './job.ts';
import type { Plan } from './tokens.ts';
import { type Population, userName } from './population.ts';
import type { Product } from './product.ts';
import { median } from '../support/median.ts';
import { type Line, milliseconds, whole } from './table.ts';

export async function measureDirectory(
  generator: Worker,
  plan: Plan,
  product: Product,
  population: Population,
  say: (line: Line) => void,
): Promise<void> {
  const clients = `/organizations/${population.org_id}/scim-clients`;
  const { client_id } = await product.api<{ client_id: string }>('POST', clients, { name: 'Benchmark' });
  const { token } = await product.api<{ token: string }>('POST', `${clients}/${client_id}/tokens`, {});
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' };
  say(await lookups(generator, plan, product, population, headers));
  say(await members(generator, plan, product, population, headers));
  say(await creations(generator, plan, product, headers));
}

type Headers = Readonly<Record<string, string>>;

async function creations(generator: Worker, plan: Plan, product: Product, headers: Headers): Promise<Line> {
  const rates: number[] = [];
  const costs: number[] = [];
  const databaseCosts: number[] = [];
  for (let round = 0; round <= plan.rounds; round += 1) {
    const before = [cpuSeconds(product.pid), databaseSeconds(product.database)] as const;
    const report = await load(generator, {
      kind: 'create',
      origin: product.url,
      connections: 16,
      seconds: round === 0 ? plan.warmUpSeconds : plan.seconds,
      most: 20_000,
      headers,
      prefix: `bench-${process.pid}-`,
    });
    // The first round warms up.
    if (round === 0) continue;
    rates.push(report.done / report.seconds);
    costs.push(((cpuSeconds(product.pid) - before[0]) / report.done) * 1000);
    databaseCosts.push(((databaseSeconds(product.database) - before[1]) / report.done) * 1000);
  }
  return {
    what: 'SCIM create user',
    measured: `${whole(median(rates))}/s, CPU ms ${median(costs).toFixed(2)} + database ${median(databaseCosts).toFixed(2)}`,
    floor: 'none: absolute',
    result: `${whole(median(rates))}/s`,
    target: '≥ 600/s',
    reached: median(rates) >= 600,
  };
}

async function lookups(
  generator: Worker,
  plan: Plan,
  product: Product,
  { users }: Population,
  headers: Headers,
): Promise<Line> {
  const shots = Array.from({ length: 500 }, (_, index): Shot => {
    const name = userName(1 + Math.floor((index * users) / 500));
    return { method: 'GET', path: `/scim/v2/Users?filter=${encodeURIComponent(`userName eq "${name}"`)}`, headers };
  });
  const job: Job = {
    kind: 'repeat',
    origin: product.url,
    connections: 1,
    seconds: plan.seconds,
    most: 5000,
    shots,
    status: 200,
  };
  await load(generator, { ...job, seconds: plan.warmUpSeconds });
  const reports = [];
  for (let round = 0; round < plan.rounds; round += 1) reports.push(await load(generator, job));
  const found = median(reports.map((report) => report.median));
  const busy = await load(generator, { ...job, connections: 8 });
  return {
    what: `SCIM userName eq, ${whole(users)} users`,
    measured: `median ${milliseconds(found)}, p99 ${milliseconds(median(reports.map(({ p99 }) => p99)))}; ${whole(busy.done / busy.seconds)}/s at 8`,
    floor: 'none: absolute',
    result: milliseconds(found),
    target: '< 3 ms',
    reached: found < 3,
  };
}

const patch = (op: 'add' | 'remove', id: string): string =>
  JSON.stringify({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [
      op === 'add' ? { op, path: 'members', value: [{ value: id }] } : { op, path: `members[value eq "${id}"]` },
    ],
  });

/** Each adding is followed by a removal that does not count, so that groups keep their sizes. */
async function members(
  generator: Worker,
  plan: Plan,
  product: Product,
  { large_group, small_group, large_members, outsiders }: Population,
  headers: Headers,
): Promise<Line> {
  const job = (group: string): Job => ({
    kind: 'repeat',
    origin: product.url,
    connections: 1,
    seconds: plan.seconds,
    most: 1000,
    status: 204,
    shots: outsiders.flatMap((id): Shot[] => {
      const path = `/scim/v2/Groups/${group}?excludedAttributes=members`;
      return [
        { method: 'PATCH', path, headers, body: patch('add', id) },
        { method: 'PATCH', path, headers, body: patch('remove', id), counts: false },
      ];
    }),
  });
  const times: Record<string, number[]> = { [large_group]: [], [small_group]: [] };
  for (let round = 0; round <= plan.rounds; round += 1) {
    const order = round % 2 === 0 ? [large_group, small_group] : [small_group, large_group];
    for (const group of order) {
      const report = await load(generator, job(group));
      if (round > 0) times[group]?.push(report.median);
    }
  }
  const [large, small] = [median(times[large_group] ?? []), median(times[small_group] ?? [])];
  return {
    what: `SCIM add one member to a group of ${whole(large_members)}`,
    measured: `median ${milliseconds(large)}`,
    floor: `median ${milliseconds(small)} (group of 10)`,
    result: `${(large / small).toFixed(2)} ×`,
    target: '≤ 1.5 ×',
    reached: large / small <= 1.5,
  };
}
