/** Parties that come as Debian packages: the tests with them are skipped in plain words only where they are not installed. */
import type { Context } from 'mocha';

/** Set by CI once it has installed the packages: what is missing then is a failure, not a skip. */
const required = process.env.LINTEL_TEST_PARTIES === 'required';

/** Skips a suite or a test with its reason. */
export function skipWithout(context: Context, missing: string | null): void {
  if (missing === null) return;
  if (required) throw new Error(`${missing}, although LINTEL_TEST_PARTIES says that it is`);
  process.stdout.write(`      skipped: ${missing}\n`);
  context.skip();
}
