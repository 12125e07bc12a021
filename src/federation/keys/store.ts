/** SQL of `saml_keys`; the keys are the deployment's, so `provider_id` is always null. */
import type { Knex } from 'knex';
import type { KeyState, KeyUse } from './schema.ts';

export interface SamlKeyRow {
  readonly key_id: string;
  readonly key_use: KeyUse;
  readonly state: KeyState;
  readonly private_key_encrypted: string;
  readonly certificate_pem: string;
  readonly not_before: Date;
  readonly not_after: Date;
  readonly created_at: Date;
  readonly activated_at: Date | null;
  readonly retired_at: Date | null;
}

const columns = [
  'key_id',
  'key_use',
  'state',
  'private_key_encrypted',
  'certificate_pem',
  'not_before',
  'not_after',
  'created_at',
  'activated_at',
  'retired_at',
] as const;

/** Any number that no other advisory lock of this product uses. */
const samlKeyLock = 4_113_015;

/** One process at a time changes keys; held until the transaction ends. */
export async function lockSamlKeys(db: Knex): Promise<void> {
  await db.raw('select pg_advisory_xact_lock(?)', [samlKeyLock]);
}

/** Newest first. */
export const listSamlKeys = (db: Knex): Promise<SamlKeyRow[]> =>
  db('saml_keys')
    .whereNull('provider_id')
    .orderBy('key_id', 'desc')
    .select(...columns);

export async function insertSamlKey(db: Knex, row: SamlKeyRow): Promise<void> {
  await db('saml_keys').insert(row);
}

export async function updateSamlKey(db: Knex, key_id: string, changes: Partial<SamlKeyRow>): Promise<void> {
  await db('saml_keys').where({ key_id }).update(changes);
}

export async function deleteSamlKeysRetiredBefore(db: Knex, before: Date): Promise<string[]> {
  const rows = await db('saml_keys')
    .where({ state: 'retired' })
    .where('retired_at', '<', before)
    .del()
    .returning('key_id');
  return rows.map((row: { key_id: string }) => row.key_id);
}
