/** SQL of `signing_keys`. */
import type { Knex } from 'knex';
import { json } from '../../db/json.ts';
import type { KeyAlgorithm, KeyState } from './schema.ts';

export interface KeyRow {
  readonly kid: string;
  readonly alg: KeyAlgorithm;
  readonly state: KeyState;
  readonly public_jwk: Record<string, unknown>;
  /** Sealed; null once retired. */
  readonly private_jwk_encrypted: string | null;
  readonly created_at: Date;
  readonly activated_at: Date | null;
  readonly retired_at: Date | null;
}

const columns = [
  'kid',
  'alg',
  'state',
  'public_jwk',
  'private_jwk_encrypted',
  'created_at',
  'activated_at',
  'retired_at',
] as const;

/** Any number that no other advisory lock of this product uses. */
const keyLock = 4_113_009;

/** One process at a time changes keys; held until the transaction ends. */
export async function lockKeys(db: Knex): Promise<void> {
  await db.raw('select pg_advisory_xact_lock(?)', [keyLock]);
}

/** Newest first. */
export const listKeys = (db: Knex): Promise<KeyRow[]> =>
  db('signing_keys')
    .select(...columns)
    .orderBy('created_at', 'desc')
    .orderBy('kid');

export async function insertKey(db: Knex, row: KeyRow): Promise<void> {
  await db('signing_keys').insert({ ...row, public_jwk: json(row.public_jwk) });
}

export async function updateKey(
  db: Knex,
  kid: string,
  changes: Partial<Omit<KeyRow, 'kid' | 'public_jwk'>>,
): Promise<void> {
  await db('signing_keys').where({ kid }).update(changes);
}

export async function deleteKey(db: Knex, kid: string): Promise<boolean> {
  return (await db('signing_keys').where({ kid }).delete()) === 1;
}

export async function deleteRetiredBefore(db: Knex, before: Date): Promise<string[]> {
  const rows = await db('signing_keys')
    .where('state', 'retired')
    .where('retired_at', '<', before)
    .delete()
    .returning('kid');
  return rows.map((row: { kid: string }) => row.kid);
}
