/** What some work costs, where a bound is shown and other programs and tests use the machine as well. */

/** Tries: a collection of what earlier tests left falls on one of them, seldom on all. */
const maxTries = 5;

export interface Cost {
  /** Milliseconds of processor time of this thread. */
  milliseconds: number;
  /** Bytes that are resident afterwards and were not before; of the whole process. */
  resident: number;
}

/** Milliseconds of processor time that this thread has used: what others do on the machine does not count. */
export const processorTime = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

/**
 * What synchronous work costs at best. It is done again only while it is above the bounds, at most five times, so it must be such
 * that it can be.
 * @param bounds what the caller asserts afterwards; what is not bounded is not looked at
 */
export function leastCost(work: () => unknown, bounds: Partial<Cost>): Cost {
  const least: Cost = { milliseconds: Number.POSITIVE_INFINITY, resident: Number.POSITIVE_INFINITY };
  const isHigh = () =>
    least.milliseconds >= (bounds.milliseconds ?? Number.POSITIVE_INFINITY) ||
    least.resident >= (bounds.resident ?? Number.POSITIVE_INFINITY);
  for (let attempt = 0; attempt < maxTries && (attempt === 0 || isHigh()); attempt += 1) {
    const [resident, began] = [process.memoryUsage.rss(), processorTime()];
    work();
    least.milliseconds = Math.min(least.milliseconds, processorTime() - began);
    least.resident = Math.min(least.resident, process.memoryUsage.rss() - resident);
  }
  return least;
}
