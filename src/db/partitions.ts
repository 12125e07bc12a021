/**
 * Monthly partitions of the tables that grow without end. The migrations make only a DEFAULT partition, so that nothing accepted
 * is ever lost; the months are made at start and by a daily job, and what is old goes by dropping whole months.
 */
import type { Knex } from 'knex';

/** The partitioned tables and the column that each is divided by. */
export const partitionedTables = {
  audit_logs: 'timestamp',
  federation_attempts: 'timestamp',
  impersonation_logs: 'started_at',
  login_attempts: 'timestamp',
  metrics_events: 'event_timestamp',
  scim_requests: 'timestamp',
  session_activities: 'created_at',
  webhook_deliveries: 'created_at',
} as const;
export type PartitionedTable = keyof typeof partitionedTables;

/** Shorter than a request waits for the database: a busy table is left for the next run, its rows go to DEFAULT meanwhile. */
const lockTimeout = '2s';
/** Any number that no other advisory lock of this product uses. */
const partitionLock = 4_113_002;

const moveAtOnce = 10_000;

interface Month {
  /** `2026_11` */
  readonly suffix: string;
  readonly from: string;
  readonly to: string;
}

/** The calendar month in UTC that lies `ahead` months after a moment's own. */
function monthOf(moment: Date, ahead = 0): Month {
  const start = (months: number) => new Date(Date.UTC(moment.getUTCFullYear(), moment.getUTCMonth() + months, 1));
  const [from, to] = [start(ahead).toISOString(), start(ahead + 1).toISOString()];
  return { suffix: from.slice(0, 7).replace('-', '_'), from, to };
}

/**
 * Makes the partitions of this month (UTC) and of `monthsAhead` more, for every partitioned table, and empties DEFAULT: a month
 * that already has rows there (made late, or the clock was elsewhere) gets its own partition too, and its rows are moved into it
 * while DEFAULT is detached, in one transaction that holds the table exclusively (times before 1970 or after 9000 stay). Nothing to make and DEFAULT empty: no lock.
 * Processes may run it at the same time. A second run changes nothing.
 * @returns names of the partitions made
 * @throws the database's error 55P03 when a table was too busy to be locked within two seconds; the next run makes up for it
 */
export async function ensurePartitions(knex: Knex, now: Date, monthsAhead: number): Promise<string[]> {
  const coming = Array.from({ length: monthsAhead + 1 }, (_, ahead) => monthOf(now, ahead));
  const made: string[] = [];
  for (const table of Object.keys(partitionedTables) as PartitionedTable[]) {
    const plan = await readPlan(knex, table, coming);
    if (plan.missing.length === 0 && !plan.stray) continue;
    made.push(
      ...(await knex.transaction(async (transaction) => {
        await transaction.raw(`set local lock_timeout = '${lockTimeout}'`);
        await transaction.raw('select pg_advisory_xact_lock(?)', [partitionLock]);
        await transaction.raw('lock table ?? in access exclusive mode', [table]);
        // Read again: another process, or a row that came in before the lock, may have changed it.
        return makeMonths(transaction, table, await readPlan(transaction, table, coming));
      })),
    );
  }
  return made;
}

/**
 * Drops the partitions of a table whose whole month lies before a moment; rows younger than that stay. What lies in DEFAULT is
 * not dropped: run `ensurePartitions` first, which leaves nothing there.
 * @returns names of the partitions dropped, oldest first
 * @throws the database's error 55P03 when the table was too busy to be locked within two seconds
 */
export async function dropPartitionsBefore(knex: Knex, table: PartitionedTable, before: Date): Promise<string[]> {
  const limit = monthOf(before).suffix;
  const old = (await readSuffixes(knex, table))
    .filter((suffix) => suffix < limit)
    .map((suffix) => `${table}_${suffix}`);
  for (const name of old) {
    await knex.transaction(async (transaction) => {
      await transaction.raw(`set local lock_timeout = '${lockTimeout}'`);
      await transaction.raw('drop table if exists ??', [name]);
    });
  }
  return old;
}

interface Plan {
  readonly missing: readonly Month[];
  /** Whether DEFAULT has rows that belong into a month. */
  readonly stray: boolean;
}

async function readPlan(knex: Knex, table: PartitionedTable, coming: readonly Month[]): Promise<Plan> {
  const column = partitionedTables[table];
  const { rows } = await knex.raw(
    `select distinct date_trunc('month', ?? at time zone 'UTC') at time zone 'UTC' as month from ??
      where ?? >= '1970-01-01Z' and ?? < '9000-01-01Z'`,
    [column, `${table}_default`, column, column],
  );
  const stray = (rows as { month: Date }[]).map((row) => monthOf(row.month));
  const there = new Set(await readSuffixes(knex, table));
  const wanted = new Map([...coming, ...stray].map((month) => [month.suffix, month]));
  return { missing: [...wanted.values()].filter((month) => !there.has(month.suffix)), stray: stray.length > 0 };
}

/** The months of a table's partitions, oldest first; DEFAULT is none. */
async function readSuffixes(knex: Knex, table: PartitionedTable): Promise<string[]> {
  const { rows } = await knex.raw(
    `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = to_regclass(?) order by c.relname`,
    [table],
  );
  return (rows as { name: string }[])
    .map((row) => row.name.slice(table.length + 1))
    .filter((suffix) => /^\d{4}_\d{2}$/.test(suffix));
}

async function makeMonths(transaction: Knex, table: PartitionedTable, { missing, stray }: Plan): Promise<string[]> {
  const column = partitionedTables[table];
  const rest = `${table}_default`;
  // Detached, DEFAULT loses the triggers that the parent gave it: moving audit rows out of it is no edit of history.
  if (stray) await transaction.raw('alter table ?? detach partition ??', [table, rest]);
  const made: string[] = [];
  for (const { suffix, from, to } of missing) {
    const name = `${table}_${suffix}`;
    await transaction.raw(`create table ?? partition of ?? for values from ('${from}') to ('${to}')`, [name, table]);
    if (table === 'audit_logs') await refuseTruncate(transaction, name);
    if (stray) await moveRows(transaction, { from: rest, to: name, column, month: { suffix, from, to } });
    made.push(name);
  }
  if (stray) await transaction.raw('alter table ?? attach partition ?? default', [table, rest]);
  return made;
}

interface Move {
  readonly from: string;
  readonly to: string;
  readonly column: string;
  readonly month: Month;
}

/** Moves a month's rows, so many at a time that no statement reaches the connection's time limit. */
async function moveRows(transaction: Knex, { from, to, column, month }: Move): Promise<void> {
  for (;;) {
    const { rowCount } = await transaction.raw(
      `with moved as (
         delete from ?? where ctid = any (array(select ctid from ?? where ?? >= ? and ?? < ? limit ?)) returning *
       ) insert into ?? select * from moved`,
      [from, from, column, month.from, column, month.to, moveAtOnce, to],
    );
    if (rowCount < moveAtOnce) return;
  }
}

/** TRUNCATE of a partition fires no trigger of its parent (see `migrations/0009_events.ts`). */
async function refuseTruncate(transaction: Knex, partition: string): Promise<void> {
  await transaction.raw(
    `create trigger audit_logs_no_truncate before truncate on ??
       for each statement execute function audit_logs_refuse_change()`,
    [partition],
  );
}
