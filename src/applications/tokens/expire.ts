/**
 * Expiry: rows that nothing can use any more go in batches of 5,000, oldest first, under an advisory lock, so that tables
 * stay flat under load, no lock is held long, and one process of many does the work (RE-10, RE-18).
 */
import type { Knex } from 'knex';
import type { App } from '../../core/app.ts';

const batch = 5000;
/** Batches of one table in one run; the next run goes on. */
const maxBatches = 40;
/** Any number that no other advisory lock of this product uses. */
const expiryLock = 4_113_008;

const expiring = [
  'oidc_artifacts',
  'oidc_access_tokens',
  'oidc_replay',
  'oidc_refresh_tokens',
  'oidc_sessions',
] as const;

/**
 * Deletes what expired more than 15 seconds ago (the tolerance that the provider gives to clocks), and forgets revoked grants
 * that no token refers to. To be run every 30 to 60 seconds.
 * @returns rows deleted
 */
export async function expireTokens(app: App): Promise<number> {
  const before = new Date(app.clock().getTime() - 15_000);
  let deleted = 0;
  for (const table of expiring) {
    for (let round = 0; round < maxBatches; round += 1) {
      const rows = await app.transact((transaction) => deleteBatch(transaction, table, before));
      deleted += Math.max(rows, 0);
      if (rows < batch) break;
    }
  }
  return deleted + (await app.transact((transaction) => tidyGrants(transaction, before)));
}

/** @returns -1 where another process holds the lock */
async function deleteBatch(
  transaction: Knex.Transaction,
  table: (typeof expiring)[number],
  before: Date,
): Promise<number> {
  if (!(await takeLock(transaction))) return -1;
  const { rowCount } = await transaction.raw(
    `delete from ${table} where id_hash in
       (select id_hash from ${table} where expires_at < ? order by expires_at limit ${batch} for update skip locked)`,
    [before],
  );
  return rowCount ?? 0;
}

async function takeLock(transaction: Knex.Transaction): Promise<boolean> {
  const { rows } = await transaction.raw('select pg_try_advisory_xact_lock(?) as taken', [expiryLock]);
  return rows[0].taken;
}

const used = (condition: string) =>
  ['oidc_refresh_tokens', 'oidc_access_tokens', 'oidc_artifacts']
    .map((table) => `exists (select from ${table} t where t.grant_id = g.grant_id ${condition})`)
    .join(' or ');

async function tidyGrants(transaction: Knex.Transaction, before: Date): Promise<number> {
  if (!(await takeLock(transaction))) return 0;
  const { rowCount } = await transaction.raw(
    `delete from oidc_grants where grant_id in
       (select grant_id from oidc_grants g where (g.revoked_at < ? or g.expires_at < ?) and not (${used('')})
        limit ${batch} for update skip locked)`,
    [before, before],
  );
  // A tombstone is needed as long as a token of its family could be presented; the lock keeps issuing requests away meanwhile.
  await transaction.raw(
    `update oidc_grants g set updated_at = now(), dead_families = array(
       select family from unnest(g.dead_families) family where ${used('and t.family_id::text = family')})
     where g.grant_id in (
       select grant_id from oidc_grants where dead_families <> '{}' and updated_at < ? order by updated_at
       limit ${batch} for update skip locked)`,
    [new Date(before.getTime() - 600_000)],
  );
  return rowCount ?? 0;
}
