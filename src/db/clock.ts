/**
 * One clock for all processes of a deployment: the database's. Machines' clocks differ and jump; what one process writes with an
 * end, another reads (checklist RE-09). Each process asks the database for the time at its start and again every minute, and counts
 * on from there by the machine's monotonic clock, which nobody sets. It never goes back: what has ended is not revived. When the
 * database's clock is set back, time stands still in the processes that run, until it is reached again; one that starts takes it as it
 * is. Who waits then waits longer by that step, and nobody sooner (AU-08).
 */
import type { Knex } from 'knex';
import type { Log } from '../core/log.ts';

/** Drift of a machine in a minute is milliseconds. */
const usualMs = 60_000;
/** An answer that took longer says too little about when it was given. */
const slowMs = 1000;
/** More than this between the machine's clock and the database's, and its operator is told. */
const alarmMs = 10_000;

export interface Clock {
  readonly now: () => Date;
  stop(): void;
}

/**
 * @param machine the machine's own time in milliseconds, for comparison only
 * @param everyMs how often the database is asked
 * @throws what the database throws, when it does not answer the first time
 */
export async function databaseClock(knex: Knex, log: Log, machine: () => number, everyMs = usualMs): Promise<Clock> {
  let ahead = Number.NaN;
  let latest = 0;
  let alarmed = false;
  let isStill = false;
  const ask = async () => {
    const asked = performance.now();
    const { rows } = await knex.raw('select extract(epoch from clock_timestamp()) * 1000 as milliseconds');
    const answered = performance.now();
    if (answered - asked > slowMs && !Number.isNaN(ahead)) return;
    ahead = Number(rows[0].milliseconds) - (asked + answered) / 2;
    const difference = Math.round(machine() - (performance.now() + ahead));
    if (Math.abs(difference) > alarmMs && !alarmed)
      log.error({ difference_ms: difference }, 'the clock of this machine is wrong; the database’s is used');
    alarmed = Math.abs(difference) > alarmMs;
    const behind = Math.round(latest - (performance.now() + ahead));
    if (behind > alarmMs && !isStill)
      log.error(
        { behind_ms: behind },
        'the clock of the database was set back; here time stands still until it is reached again, or until a restart',
      );
    isStill = behind > alarmMs;
  };
  await ask();
  const timer = setInterval(() => ask().catch(() => undefined), everyMs).unref();
  return {
    now: () => {
      latest = Math.max(latest, Math.floor(performance.now() + ahead));
      return new Date(latest);
    },
    stop: () => clearInterval(timer),
  };
}
