/** Transactions: one place that opens them, repeats what is safe to repeat, and tells an absent database from a defect. */
import { randomInt } from 'node:crypto';
import type { Knex } from 'knex';
import { Fault } from '../core/fault.ts';
import { asFault, isBrokenConnection, isRetryable } from './errors.ts';
import { type Progress, progressOf } from './round-trips.ts';

const attempts = 3;

/**
 * Runs work in one transaction at READ COMMITTED. Deadlocks and serialization failures leave nothing behind and are tried again;
 * so is a connection that broke before it answered anything. A connection that breaks later is not repeated: its commit may have arrived.
 * @throws Fault `database_unavailable` when the database cannot be reached
 */
export async function transact<T>(db: Knex, work: (transaction: Knex.Transaction) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    let progress: Progress | undefined;
    try {
      return await db.transaction(async (transaction) => {
        progress = await progressOf(transaction);
        return work(transaction);
      });
    } catch (error) {
      const cause = error instanceof Fault ? error.cause : error;
      const safe = isRetryable(cause) || (!progress?.isUnderWay && isBrokenConnection(cause));
      if (!safe || attempt === attempts) throw asFault(error);
      await new Promise((wake) => setTimeout(wake, attempt * 10 + randomInt(20)));
    }
  }
}

/** Runs a read, and once more when it met a stale connection (the first query after a restart of PostgreSQL fails). */
export async function reading<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!isBrokenConnection(error)) throw asFault(error);
  }
  try {
    return await read();
  } catch (error) {
    throw asFault(error);
  }
}
