/** How long `npm start` takes until it answers, and how much memory it keeps when nobody asks for anything. */
import { join } from 'node:path';
import { residentMiB } from './children.ts';
import { newKey, type ProductOptions, startProduct } from './product.ts';
import { median } from '../support/median.ts';
import type { Line } from './table.ts';
import { pause } from '../support/waiting.ts';

interface Start {
  readonly ms: number;
  readonly cpu: number;
}

interface Starts {
  readonly first: Start;
  readonly next: Start;
  readonly resident: number;
}

async function start(options: ProductOptions, times: number, idleSeconds: number): Promise<Starts> {
  const began: Start[] = [];
  let resident = Number.NaN;
  for (let time = 0; time <= times; time += 1) {
    const product = await startProduct(options);
    began.push({ ms: product.startedInMs, cpu: product.startCpu });
    if (time === times) {
      await product.api('GET', '/organizations');
      await pause(idleSeconds * 1000);
      resident = residentMiB(product.pid);
    }
    await product.stop();
  }
  const [first = { ms: Number.NaN, cpu: Number.NaN }, ...others] = began;
  const next = { ms: median(others.map(({ ms }) => ms)), cpu: median(others.map(({ cpu }) => cpu)) };
  return { first, next, resident };
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

const timeLine = (what: string, { ms, cpu }: Start, limit: number | null): Line => ({
  what,
  measured: `${seconds(ms)}, of it ${cpu.toFixed(2)} s CPU of the server`,
  floor: 'none: absolute',
  result: seconds(ms),
  target: limit === null ? 'for information' : `< ${limit} s`,
  reached: limit === null ? null : ms < limit * 1000,
});

/** V8 gives back what the start needed after half a minute or so: a short idle time shows more. */
const memoryLine = (what: string, resident: number, limit: number): Line => ({
  what,
  measured: `${Math.round(resident)} MiB`,
  floor: 'none: absolute',
  result: `${Math.round(resident)} MiB`,
  target: `< ${limit} MB`,
  reached: resident * 1.048_576 < limit,
});

export async function measureStarts(
  newDatabase: (() => Promise<string>) | null,
  folder: string,
  { times, idleSeconds }: { readonly times: number; readonly idleSeconds: number },
  say: (line: Line) => void,
): Promise<void> {
  const common = { key: newKey(), apiKey: `ltl_key_${newKey().replace(/[^A-Za-z0-9]/g, 'x')}`, folder };
  if (newDatabase) {
    const server = await start({ ...common, database_url: await newDatabase() }, times, idleSeconds);
    say(timeLine('npm start on an empty PostgreSQL database', server.first, null));
    say(timeLine('npm start on PostgreSQL', server.next, 1.5));
    say(memoryLine(`resident after ${idleSeconds} s idle, on PostgreSQL`, server.resident, 150));
  }
  const database_url = `pglite:${join(folder, 'embedded/db')}`;
  const embedded = await start({ ...common, database_url }, times, idleSeconds);
  say(timeLine('npm start, new embedded database', embedded.first, 5));
  say(timeLine('npm start, existing embedded database', embedded.next, 3));
  say(memoryLine(`resident after ${idleSeconds} s idle, embedded`, embedded.resident, 450));
}
