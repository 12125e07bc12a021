/** SQL of `rate_limit_counters`: each decision is one statement, so processes cannot overtake one another. */
import type { Knex } from 'knex';
import { run, runLast, type Statement, statement } from '../../db/statement.ts';
import type { RateLimitPolicy } from './policies.ts';

export interface Bucket {
  readonly policy: RateLimitPolicy;
  /** Whom it counts; at most 255 characters. */
  readonly subject: string;
}

export interface Standing {
  readonly count: number;
  /** Seconds until the next one may come; 0: now. */
  readonly wait_sec: number;
}

/** Writes down the policies that are not there yet; a tuned one stays as it is. */
export async function ensurePolicies(db: Knex, policies: readonly RateLimitPolicy[]): Promise<void> {
  const rows = policies.map(({ name, scope, limit_count, window_sec, description }) => ({
    name,
    scope,
    limit_count,
    window_sec,
    description,
  }));
  await db('rate_limit_policies').insert(rows).onConflict('name').ignore();
}

const windowOf = (now: string): string =>
  `to_timestamp(floor(extract(epoch from ${now}::timestamptz) / p.window_sec) * p.window_sec)`;
const waitOf = (count: string, free: string, most: string): string =>
  `least(${most}::float8, power(2, least(${count} - ${free}::int, 30)))`;

/** Most of all: no wait within any window. */
const neverWaits = { free: 2_147_483_647, most_sec: 0 };

const takeStatements = new Map<number, Statement>();
const giveBackStatements = new Map<number, Statement>();

/** One text for each number of buckets, so that it can be prepared. */
function statementFor(all: Map<number, Statement>, count: number, write: (count: number) => Statement): Statement {
  const known = all.get(count);
  if (known) return known;
  const made = write(count);
  all.set(count, made);
  return made;
}

/** $1 is now; of each bucket: policy, subject, how many go without waiting, seconds that a wait has at most. */
function writeTake(count: number): Statement {
  const buckets = Array.from({ length: count }, (_none, index) => {
    const [name, subject, free, most] = [2, 3, 4, 5].map((place) => `$${index * 4 + place}`) as [
      string,
      string,
      string,
      string,
    ];
    return { index, name, subject, free, most };
  });
  const steps = buckets.map(
    ({ index, name, subject, free, most }) => `t${index} as (
      insert into rate_limit_counters as c (policy_id, subject_key, window_start, count, last_updated)
      select p.policy_id, ${subject}, ${windowOf('$1')}, 1, $1::timestamptz
        from rate_limit_policies p ${index === 0 ? '' : `cross join t${index - 1}`}
       where p.name = ${name}
      on conflict (policy_id, subject_key, window_start) do update
        set count = c.count + 1, last_updated = excluded.last_updated
      where c.count < (select p.limit_count from rate_limit_policies p where p.policy_id = c.policy_id)
        and (c.count < ${free}::int
          or c.last_updated + ${waitOf('c.count', free, most)} * interval '1 second' <= excluded.last_updated)
      returning c.count)`,
  );
  const columns = buckets.map(({ index }) => `(select count from t${index}) as "${index}"`);
  const names = buckets.map(({ name }) => name).join(', ');
  return statement(
    `take_places_${count}`,
    `with ${steps.join(', ')}
     select ${columns.join(', ')}, (select count(distinct name) from rate_limit_policies where name in (${names})) as policies`,
  );
}

/**
 * Counts one in every bucket, in their order, each only when the one before took it. What is not counted was refused:
 * the window is full, or the wait since the last one is not over. A refused one does not lengthen the wait.
 * @returns for each bucket the count that it has now, or null; undefined when a policy has no row yet
 */
export async function takeFrom(
  db: Knex,
  buckets: readonly Bucket[],
  now: Date,
): Promise<(number | null)[] | undefined> {
  const values = buckets.flatMap(({ policy, subject }) => {
    const { free, most_sec } = policy.delay ?? neverWaits;
    return [policy.name, subject, free, most_sec];
  });
  const take = statementFor(takeStatements, buckets.length, writeTake);
  const [row] = await run<Record<string, number | null>>(db, take, [now, ...values]);
  if (row?.policies !== new Set(buckets.map(({ policy }) => policy.name)).size) return undefined;
  return buckets.map((_bucket, index) => row[String(index)] ?? null);
}

/** $1 is when they were taken; of each bucket: policy and subject. */
function writeGiveBack(count: number): Statement {
  const steps = Array.from(
    { length: count },
    (_none, index) => `u${index} as (
      update rate_limit_counters c set count = greatest(c.count - 1, 0)
        from rate_limit_policies p ${index === 0 ? '' : `cross join (select count(*) from u${index - 1}) before`}
       where p.policy_id = c.policy_id and c.window_start = ${windowOf('$1')}
         and p.name = $${index * 2 + 2} and c.subject_key = $${index * 2 + 3}
      returning 1)`,
  );
  return statement(`give_places_back_${count}`, `with ${steps.join(', ')} select count(*) from u${count - 1}`);
}

/**
 * Takes one back out of each bucket, in the window in which it was counted; in a transaction at its end, so that the counters,
 * which many share, are held for that moment only. One after the other in the order in which they were taken: any other
 * order would meet the next sign-in in a deadlock.
 */
export async function giveBackTo(db: Knex, buckets: readonly Bucket[], taken_at: Date): Promise<void> {
  if (buckets.length === 0) return;
  const values = [taken_at, ...buckets.flatMap(({ policy, subject }) => [policy.name, subject])];
  const give = statementFor(giveBackStatements, buckets.length, writeGiveBack);
  await (db.isTransaction ? runLast(db, give, values) : run(db, give, values));
}

/** How full a bucket is. */
export async function readStanding(db: Knex, { policy, subject }: Bucket, now: Date): Promise<Standing> {
  const { free, most_sec } = policy.delay ?? neverWaits;
  const { rows } = await db.raw(
    `select c.count,
            greatest(0, ceil(extract(epoch from case
              when c.count >= p.limit_count then c.window_start + p.window_sec * interval '1 second'
              when c.count >= :free::int then c.last_updated + ${waitOf('c.count', ':free', ':most')} * interval '1 second'
              else :now::timestamptz end - :now::timestamptz)))::int as wait_sec
       from rate_limit_counters c join rate_limit_policies p on p.policy_id = c.policy_id
      where p.name = :name and c.subject_key = :subject and c.window_start = ${windowOf(':now')}`,
    { now, name: policy.name, subject, free, most: most_sec },
  );
  return rows[0] ?? { count: 0, wait_sec: 0 };
}

/** Empties a bucket. */
export async function emptyBucket(db: Knex, { policy, subject }: Bucket): Promise<void> {
  await db('rate_limit_counters')
    .where({ subject_key: subject })
    .whereIn('policy_id', db('rate_limit_policies').where({ name: policy.name }).select('policy_id'))
    .delete();
}

/** Windows that ended, a batch at a time so that nobody waits for it. */
export async function deleteEndedCounters(db: Knex, now: Date, limit: number): Promise<number> {
  const { rows } = await db.raw(
    `delete from rate_limit_counters where (policy_id, subject_key, window_start) in (
       select c.policy_id, c.subject_key, c.window_start
         from rate_limit_counters c join rate_limit_policies p on p.policy_id = c.policy_id
        where c.window_start < :now::timestamptz - interval '1 day'
          and c.window_start + p.window_sec * interval '1 second' < :now::timestamptz
        limit :limit for update of c skip locked)
     returning 1`,
    { now, limit },
  );
  return rows.length;
}
