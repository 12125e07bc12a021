/** What one PATCH message may cost: its operations compare elements one by one, and nobody else is served meanwhile (RE-17). */
import { tooLarge } from './errors.ts';
import type { FilterNode } from './filter.ts';

/** Elements that all operations of a message may look at; each costs a fraction of a microsecond. */
const maxEffort = 250_000;

/** What is left of it. */
export class Effort {
  #left = maxEffort;

  /** @throws ScimFault 413 */
  spend(elements: number): void {
    this.#left -= elements;
    if (this.#left < 0) throw tooLarge('The operations go through too many values: send fewer of them at once.');
  }
}

/** How many comparisons a filter makes of one element at most. */
export const termsOf = (filter: FilterNode): number => {
  if (filter.kind === 'and' || filter.kind === 'or') return filter.nodes.reduce((sum, node) => sum + termsOf(node), 0);
  return filter.kind === 'not' ? termsOf(filter.node) : 1;
};
