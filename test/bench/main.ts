/**
 * `npm run bench`: the figures of one run on this machine, as ratios to floors of the same run. It starts everything itself,
 * on loopback only, is bounded in number and time, and leaves nothing behind. Absolute figures drift with the machine; ratios hold.
 *   npm run bench              fifteen minutes at most
 *   npm run bench -- --quick   seven minutes at most
 *   npm run bench -- --only=tokens,signins,directory,starts
 *   npm run bench -- --strict  ends with 1 when a target is not reached; without it with 0, because a machine with others on it
 *                              misses targets that the product reaches
 * With LINTEL_TEST_DATABASE_URL it makes scratch databases there and drops them; without, it measures the embedded database.
 */
import { cpus } from 'node:os';
import { onPostgres } from '../support/database.ts';
import { endAll, startWorker } from './children.ts';
import { measureDirectory } from './directory.ts';
import { measureOverload } from './overload.ts';
import { populate } from './population.ts';
import { newKey, type Product, startProduct } from './product.ts';
import { createScratch } from './scratch.ts';
import { measureSignins } from './signins.ts';
import { measureStarts } from './starts.ts';
import { type Line, printTable } from './table.ts';
import { measureTokens, type Plan } from './tokens.ts';

const quick = process.argv.includes('--quick');
const strict = process.argv.includes('--strict');
const only = process.argv
  .find((argument) => argument.startsWith('--only='))
  ?.slice('--only='.length)
  .split(',');
const wants = (part: string): boolean => only === undefined || only.includes(part);

const plan: Plan = quick
  ? { rounds: 5, seconds: 1, warmUpSeconds: 15, connections: 8 }
  : { rounds: 7, seconds: 3, warmUpSeconds: 20, connections: 8 };
const users = 100_000;
const maxMinutes = quick ? 7 : 15;

const lines: Line[] = [];
const print = (text: string): void => void process.stdout.write(`${text}\n`);
const say = (line: Line): void => {
  lines.push(line);
  print(`  ${line.what}: ${line.measured} — ${line.result}`);
};

async function run(): Promise<void> {
  const scratch = createScratch();
  process.once('exit', endAll);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      endAll();
      void scratch.remove().then(() => process.exit(130));
    });
  }
  const alarm = setTimeout(() => {
    print(`Stopped after ${maxMinutes} minutes; what was measured until then:`);
    print(printTable(lines));
    endAll();
    void scratch.remove().then(() => process.exit(1));
  }, maxMinutes * 60_000);
  alarm.unref();

  const processors = cpus();
  print(
    `Node ${process.version}, ${processors.length} × ${processors[0]?.model.trim()}, ${await scratch.versionOf()}.`,
  );
  print('The load generator, the server and the database share these cores.');
  if (!onPostgres) {
    print('LINTEL_TEST_DATABASE_URL is not set: this measures the embedded database. The targets are for PostgreSQL.');
  }
  let product: Product | undefined;
  try {
    if (wants('starts')) {
      const newDatabase = onPostgres ? () => scratch.newDatabase() : null;
      await measureStarts(newDatabase, scratch.folder, { times: quick ? 2 : 5, idleSeconds: quick ? 8 : 40 }, say);
    }
    if (wants('tokens') || wants('signins') || wants('directory') || wants('overload')) {
      const database_url = await scratch.newDatabase();
      const began = performance.now();
      const population = await populate(database_url, users);
      print(`  ${users} users after ${((performance.now() - began) / 1000).toFixed(1)} s`);
      const apiKey = `ltl_key_${newKey().replace(/[^A-Za-z0-9]/g, 'x')}`;
      product = await startProduct({ database_url, key: newKey(), apiKey, folder: scratch.folder });
      const generator = startWorker('load.ts');
      if (wants('directory')) await measureDirectory(generator, plan, product, population, say);
      if (wants('tokens')) await measureTokens(generator, plan, product, population, say);
      if (wants('overload')) await measureOverload(generator, plan, product, population, say);
      if (wants('signins')) await measureSignins(generator, plan, product, population, say);
      generator.end();
    }
  } catch (error) {
    print(`It ended early: ${error instanceof Error ? error.message : String(error)}`);
    for (const line of product?.errors() ?? []) print(`  ${line}`);
    process.exitCode = 1;
  } finally {
    print('');
    print(printTable(lines));
    await product?.stop();
    endAll();
    await scratch.remove();
  }
}

await run();
if (strict && lines.some(({ reached }) => reached === false)) process.exitCode = 1;
process.exit();
