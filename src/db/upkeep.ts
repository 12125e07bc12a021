/**
 * Upkeep of the embedded database, which has no background processes: nothing else gives back dead rows, tells the planner
 * what is in the tables, or moves the log of writes into them.
 */
import type { Knex } from 'knex';

/** Vacuums, analyzes and checkpoints. Holds the one connection, and with it the process, for as long as it takes. */
export async function keepUp(db: Knex): Promise<void> {
  await db.raw('vacuum (analyze)');
  await db.raw('checkpoint');
}
