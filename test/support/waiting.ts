/** Waiting in tests: for a time, or for something to be so. */

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((wake) => {
    setTimeout(wake, milliseconds);
  });

/** Looks every few milliseconds. @throws when it is not so after `withinMs`; without it the test's own time is the limit */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  withinMs = Number.POSITIVE_INFINITY,
): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`It was not so within ${withinMs} ms: ${isSo.toString()}`);
    await pause(10);
  }
}
