/** SQL of `setup_links`, and the question whether an installation is still new. */
import type { Knex } from 'knex';

/** Any number that no other advisory lock of this product uses; held until the commit. */
export const takeSetupLock = async (db: Knex): Promise<void> =>
  void (await db.raw('select pg_advisory_xact_lock(4113003)'));

/** Whether nobody can act here yet: there is no account, deleted ones included, and no API key. */
export async function isNew(db: Knex): Promise<boolean> {
  const { rows } = await db.raw('select exists (select from users) or exists (select from api_keys) as taken');
  return rows[0].taken === false;
}

/** The one link that counts; earlier ones stop working. */
export async function replaceLinks(
  db: Knex,
  row: { token_hash: string; created_at: Date; expires_at: Date },
): Promise<void> {
  await db('setup_links').delete();
  await db('setup_links').insert(row);
}

const usable = (db: Knex, token_hash: string, now: Date) =>
  db('setup_links').where({ token_hash }).whereNull('used_at').where('expires_at', '>', now);

export const isUsable = async (db: Knex, token_hash: string, now: Date): Promise<boolean> =>
  (await usable(db, token_hash, now).first('token_hash')) !== undefined;

/** @returns whether the link was there to be used */
export const useLink = async (db: Knex, token_hash: string, now: Date): Promise<boolean> =>
  (await usable(db, token_hash, now).update({ used_at: now })) === 1;
