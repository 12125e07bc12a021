/**
 * No request holds the event loop longer than 50 ms, whoever sends it (RE-17). Measured as processor time of the server's main thread
 * between two looks at it (holds.ts), the best of eight tries, because two cores are shared with everything else that runs. With
 * `LINTEL_TEST_HOLDS=1` it prints what each attack came to.
 */
import type { Attack } from './attack.ts';
import type { LoadStage } from './stage.ts';

const maxMs = 50;
const tries = 8;

/** Every attack; @returns what was too long or was answered otherwise */
export async function suffer(stage: LoadStage, attacks: readonly Attack[]): Promise<string[]> {
  const failures: string[] = [];
  for (const { name, status, run } of attacks) {
    let best = Number.POSITIVE_INFINITY;
    let answered = 0;
    for (let attempt = 0; attempt < tries && best > maxMs; attempt += 1) {
      const { longest } = await stage.watch(async () => {
        answered = (await run()).status;
      });
      best = Math.min(best, longest);
    }
    if (process.env.LINTEL_TEST_HOLDS)
      process.stdout.write(`${best.toFixed(1).padStart(8)} ms  ${answered}  ${name}\n`);
    if (best > maxMs) failures.push(`${name}: ${best.toFixed(0)} ms`);
    if (!status.includes(answered)) failures.push(`${name}: ${answered}`);
  }
  return failures;
}
