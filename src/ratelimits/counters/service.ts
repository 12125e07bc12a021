/**
 * Counters: how often something happened in a window, shared by all processes and kept over restarts.
 * Tables: rate_limit_policies, rate_limit_counters. Events: none; a counter is no change of anybody's data.
 * Invariant: of any number of parallel takers no more than the limit succeed (checklist AU-08): one is counted BEFORE the
 * work whose outcome is judged, and given back when the outcome was good.
 */
import type { Knex } from 'knex';
import type { App } from '../../core/app.ts';
import { reading } from '../../db/transact.ts';
import { knownPolicies } from './policies.ts';
import {
  type Bucket,
  deleteEndedCounters,
  emptyBucket,
  ensurePolicies,
  giveBackTo,
  readStanding,
  takeFrom,
} from './store.ts';

export type { Bucket } from './store.ts';

export type Taking =
  | { readonly taken: true; readonly at: Date }
  /** The bucket that refused, and how many seconds it will go on refusing. Buckets before it have counted this one. */
  | { readonly taken: false; readonly bucket: Bucket; readonly wait_sec: number };

/**
 * Counts one in every bucket, in order; the first that is full ends it. Put the widest first, so that a blocked address
 * does not fill the buckets of its victims. Never inside a transaction that may be rolled back.
 * @throws Fault database_unavailable
 */
export async function take(app: App, buckets: readonly Bucket[]): Promise<Taking> {
  const now = app.clock();
  let counts = await takeFrom(app.db, buckets, now);
  if (!counts) {
    await ensurePolicies(app.db, knownPolicies());
    counts = await takeFrom(app.db, buckets, now);
  }
  const refusing = buckets[counts?.indexOf(null) ?? 0];
  if (counts && !counts.includes(null)) return { taken: true, at: now };
  if (!counts || !refusing) throw new Error('A rate limit has no policy.');
  const { wait_sec } = await reading(() => readStanding(app.db, refusing, now));
  return { taken: false, bucket: refusing, wait_sec: Math.max(1, wait_sec) };
}

/** Takes back what `take` counted in these buckets at that moment, because it went well; with a transaction it goes with that. */
export const giveBack = (
  app: App,
  buckets: readonly Bucket[],
  { at = app.clock(), db = app.db }: { readonly at?: Date; readonly db?: Knex } = {},
): Promise<void> => giveBackTo(db, buckets, at);

/** Begins a bucket anew. */
export const empty = (app: App, bucket: Bucket): Promise<void> => emptyBucket(app.db, bucket);

/** Deletes counters of windows that ended; a job's work. @returns how many */
export async function expireCounters(app: App): Promise<number> {
  let all = 0;
  for (let deleted = 0, round = 0; round < 100; round += 1) {
    deleted = await deleteEndedCounters(app.db, app.clock(), 5000);
    all += deleted;
    if (deleted < 5000) break;
  }
  return all;
}
