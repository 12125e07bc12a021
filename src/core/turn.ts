/** One thread serves everybody: work that takes long is cut into pieces, and between them the others have their turn (RE-17). */

/** Resolves once everything else that is ready has run: answers, timers, what came in. */
export const nextTurn = (): Promise<void> => new Promise((resume) => setImmediate(resume));

/** Milliseconds after which a loop over many things gives the others their turn. */
const longMs = 8;

/**
 * For a loop over many things of any size: what this gives is awaited after each of them, and returns at once until the loop has
 * held everybody up for long enough.
 */
function pacer(): () => Promise<void> {
  let began = performance.now();
  return async () => {
    if (performance.now() - began < longMs) return;
    await nextTurn();
    began = performance.now();
  };
}

/** `items.map(change)`, between whose steps the others have their turn. */
export async function inTurns<Item, Changed>(
  items: readonly Item[],
  change: (item: Item) => Changed | Promise<Changed>,
): Promise<Changed[]> {
  const changed: Changed[] = [];
  const pause = pacer();
  for (const item of items) {
    changed.push(await change(item));
    await pause();
  }
  return changed;
}
