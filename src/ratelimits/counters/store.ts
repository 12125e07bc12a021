/** SQL of `rate_limit_counters`: each decision is one statement, so processes cannot overtake one another. */
import type { Knex } from 'knex';
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

const windowStart = `to_timestamp(floor(extract(epoch from :now::timestamptz) / p.window_sec) * p.window_sec)`;
const waitOf = (count: string, index: number) =>
  `least(:most${index}::float8, power(2, least(${count} - :free${index}::int, 30)))`;

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
  const bindings: Record<string, unknown> = { now };
  const steps = buckets.map(({ policy, subject }, index) => {
    Object.assign(bindings, {
      [`name${index}`]: policy.name,
      [`subject${index}`]: subject,
      [`free${index}`]: policy.delay?.free ?? 2_147_483_647,
      [`most${index}`]: policy.delay?.most_sec ?? 0,
    });
    return `t${index} as (
      insert into rate_limit_counters as c (policy_id, subject_key, window_start, count, last_updated)
      select p.policy_id, :subject${index}, ${windowStart}, 1, :now::timestamptz
        from rate_limit_policies p ${index === 0 ? '' : `cross join t${index - 1}`}
       where p.name = :name${index}
      on conflict (policy_id, subject_key, window_start) do update
        set count = c.count + 1, last_updated = excluded.last_updated
      where c.count < (select p.limit_count from rate_limit_policies p where p.policy_id = c.policy_id)
        and (c.count < :free${index}::int
          or c.last_updated + ${waitOf('c.count', index)} * interval '1 second' <= excluded.last_updated)
      returning c.count)`;
  });
  const columns = buckets.map((_bucket, index) => `(select count from t${index}) as "${index}"`);
  const names = buckets.map((_bucket, index) => `:name${index}`).join(', ');
  const { rows } = await db.raw(
    `with ${steps.join(', ')}
     select ${columns.join(', ')}, (select count(distinct name) from rate_limit_policies where name in (${names})) as policies`,
    bindings,
  );
  const [row] = rows as Record<string, number | null>[];
  if (row?.policies !== new Set(buckets.map(({ policy }) => policy.name)).size) return undefined;
  return buckets.map((_bucket, index) => row[String(index)] ?? null);
}

/**
 * Takes one back out of each bucket, in the window in which it was counted. One after the other in the order in which they
 * were taken: buckets are shared, and any other order would meet the next sign-in in a deadlock.
 */
export async function giveBackTo(db: Knex, buckets: readonly Bucket[], now: Date): Promise<void> {
  if (buckets.length === 0) return;
  const bindings: Record<string, unknown> = { now };
  const steps = buckets.map(({ policy, subject }, index) => {
    Object.assign(bindings, { [`name${index}`]: policy.name, [`subject${index}`]: subject });
    return `u${index} as (
      update rate_limit_counters c set count = greatest(c.count - 1, 0)
        from rate_limit_policies p ${index === 0 ? '' : `cross join (select count(*) from u${index - 1}) before`}
       where p.policy_id = c.policy_id and c.window_start = ${windowStart}
         and p.name = :name${index} and c.subject_key = :subject${index}
      returning 1)`;
  });
  await db.raw(`with ${steps.join(', ')} select count(*) from u${buckets.length - 1}`, bindings);
}

/** How full a bucket is. */
export async function readStanding(db: Knex, { policy, subject }: Bucket, now: Date): Promise<Standing> {
  const { rows } = await db.raw(
    `select c.count,
            greatest(0, ceil(extract(epoch from case
              when c.count >= p.limit_count then c.window_start + p.window_sec * interval '1 second'
              when c.count >= :free0::int then c.last_updated + ${waitOf('c.count', 0)} * interval '1 second'
              else :now::timestamptz end - :now::timestamptz)))::int as wait_sec
       from rate_limit_counters c join rate_limit_policies p on p.policy_id = c.policy_id
      where p.name = :name and c.subject_key = :subject and c.window_start = ${windowStart}`,
    { now, name: policy.name, subject, free0: policy.delay?.free ?? 2_147_483_647, most0: policy.delay?.most_sec ?? 0 },
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
