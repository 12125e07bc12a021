/** Whether two kinds of requests can be told apart by how long they take. */
import { median } from '../support/median.ts';

/** The largest distance between the two empirical distributions. */
export function distance(one: readonly number[], other: readonly number[]): number {
  const all = [
    ...one.map((value) => ({ value, step: 1 / one.length })),
    ...other.map((value) => ({ value, step: -1 / other.length })),
  ];
  all.sort((a, b) => a.value - b.value);
  let [apart, most] = [0, 0];
  for (const [at, { value, step }] of all.entries()) {
    apart += step;
    // Equal values count together.
    if (all[at + 1]?.value !== value) most = Math.max(most, Math.abs(apart));
  }
  return most;
}

/** Two-sample Kolmogorov–Smirnov: how likely it is that samples of one distribution lie so far apart (asymptotic). */
export function likelihood(one: readonly number[], other: readonly number[]): number {
  const size = Math.sqrt((one.length * other.length) / (one.length + other.length));
  const lambda = (size + 0.12 + 0.11 / size) * distance(one, other);
  // The series does not converge there; nothing is apart.
  if (lambda < 0.2) return 1;
  let sum = 0;
  for (let term = 1; term <= 100; term += 1) sum += 2 * (term % 2 === 1 ? 1 : -1) * Math.exp(-2 * (term * lambda) ** 2);
  return Math.min(1, Math.max(0, sum));
}

export interface Comparison {
  /** Milliseconds between the medians. */
  readonly apart: number;
  readonly likelihood: number;
}

export const compare = (one: readonly number[], other: readonly number[]): Comparison => ({
  apart: Math.abs(median(one) - median(other)),
  likelihood: likelihood(one, other),
});

/**
 * Times two or more requests strictly in turn, each turn beginning with another, so that what the machine does meanwhile
 * falls on all of them alike.
 * @returns milliseconds by name
 */
export async function inTurn(
  count: number,
  requests: Readonly<Record<string, () => Promise<() => Promise<unknown>>>>,
): Promise<Record<string, number[]>> {
  const names = Object.keys(requests);
  const taken: Record<string, number[]> = Object.fromEntries(names.map((name) => [name, []]));
  for (let turn = 0; turn < count; turn += 1) {
    for (let at = 0; at < names.length; at += 1) {
      const name = names[(at + turn) % names.length] as string;
      const ask = await (requests[name] as () => Promise<() => Promise<unknown>>)();
      const begun = performance.now();
      await ask();
      (taken[name] as number[]).push(performance.now() - begun);
    }
  }
  return taken;
}
