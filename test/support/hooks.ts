/** Root hooks of every mocha run. */
import { setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';
import { closeTestDatabase } from './database.ts';

// On many machines `localhost` has two addresses, and a test's server has one of them. A connection that is not noticed within 250 ms,
// because this thread is held for so long, would be given up for the other one, where nobody listens.
setDefaultAutoSelectFamilyAttemptTimeout(10_000);

export const mochaHooks = {
  async afterAll(): Promise<void> {
    await closeTestDatabase();
  },
};
