/** `npm test`: every test, or the files that are named: `npm test -- test/scim/filter.test.ts`, `npm test -- --grep SC-05`. */
import { spawnSync } from 'node:child_process';

/** Whether an argument of mocha's names tests to run, and is no option. */
const isSpec = (word: string): boolean => !word.startsWith('-') && /\.test\.ts$|\*|^test(\/|$)/.test(word);

/** Mocha's arguments: those that were given, and all tests where they name none. */
export const wordsFor = (given: readonly string[]): string[] => {
  const isNamed = given.some((word, at) => isSpec(word) && !/^--(ignore|exclude)$/.test(given[at - 1] ?? ''));
  return isNamed ? [...given] : ['test/**/*.test.ts', ...given];
};

/** Runs mocha and ends with its code. */
export function runTests(given: readonly string[]): never {
  const { status, error } = spawnSync('mocha', wordsFor(given), { stdio: 'inherit' });
  if (error) process.stderr.write(`mocha does not run (${error.message}). Begin with npm ci, and use npm test.\n`);
  process.exit(status ?? 1);
}

if (import.meta.main) runTests(process.argv.slice(2));
