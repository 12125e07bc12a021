/**
 * SQL of `saml_requests`, `saml_replay` and `federation_handoffs`: what is open, what was used, what waits to be fetched. Each
 * taking is one statement, so that of any number at the same time one succeeds (checklist SA-07).
 */
import type { Knex } from 'knex';
import { hashSecret } from '../../core/secret.ts';

export interface RequestRow {
  readonly request_id: string;
  readonly provider_id: string;
  readonly kind: 'authn' | 'logout' | 'test';
  readonly attempt_id: string | null;
  readonly relay_state_hash: string | null;
  readonly browser_hash: string | null;
  readonly force_authn: boolean;
  readonly requested_context: string[];
  readonly return_to_encrypted: string | null;
  readonly created_at: Date;
  readonly expires_at: Date;
}

const columns = [
  'request_id',
  'provider_id',
  'kind',
  'attempt_id',
  'relay_state_hash',
  'browser_hash',
  'force_authn',
  'requested_context',
  'return_to_encrypted',
  'created_at',
  'expires_at',
] as const;

export async function insertRequest(db: Knex, row: RequestRow): Promise<void> {
  await db('saml_requests').insert(row);
}

const open = (db: Knex, provider_id: string, kinds: readonly string[], now: Date) =>
  db('saml_requests')
    .where({ provider_id })
    .whereIn('kind', [...kinds])
    .where('expires_at', '>', now);

/** The open request behind a RelayState; nothing is consumed. */
export const findRequestByRelayState = (
  db: Knex,
  provider_id: string,
  relay_state_hash: string,
  now: Date,
): Promise<RequestRow | undefined> =>
  open(db, provider_id, ['authn', 'test'], now)
    .where({ relay_state_hash })
    .first(...columns);

/** Takes an open request away; undefined when there is none, or somebody else took it. */
export async function consumeRequest(
  db: Knex,
  provider_id: string,
  request_id: string,
  kinds: readonly ('authn' | 'test' | 'logout')[],
  now: Date,
): Promise<RequestRow | undefined> {
  const [row] = await open(db, provider_id, kinds, now)
    .where({ request_id })
    .del()
    .returning([...columns]);
  return row;
}

/** Identifiers may be of any length (xs:ID); what is longer than an index likes is kept as its hash. */
const keyOf = (id: string): string => (id.length <= 255 ? id : hashSecret(id));

/** @returns false when the assertion was used before */
export async function insertReplay(
  db: Knex,
  row: { provider_id: string; assertion_id: string; expires_at: Date },
): Promise<boolean> {
  const made = await db('saml_replay')
    .insert({ ...row, assertion_id: keyOf(row.assertion_id) })
    .onConflict(['provider_id', 'assertion_id'])
    .ignore()
    .returning('assertion_id');
  return made.length === 1;
}

export async function isReplayed(db: Knex, provider_id: string, assertion_id: string): Promise<boolean> {
  return (
    (await db('saml_replay')
      .where({ provider_id, assertion_id: keyOf(assertion_id) })
      .first('provider_id')) !== undefined
  );
}

export interface HandoffRow {
  readonly code_hash: string;
  readonly provider_id: string;
  readonly user_id: string;
  readonly attempt_id: string | null;
  readonly browser_hash: string | null;
  readonly result_encrypted: string;
  readonly created_at: Date;
  readonly expires_at: Date;
}

export async function insertHandoff(db: Knex, row: HandoffRow): Promise<void> {
  await db('federation_handoffs').insert(row);
}

/** Takes a hand-off away, whatever it is worth: a code is dead after its first use (checklist OA-06). */
export async function takeHandoff(db: Knex, code_hash: string): Promise<HandoffRow | undefined> {
  const [row] = await db('federation_handoffs')
    .where({ code_hash })
    .del()
    .returning([
      'code_hash',
      'provider_id',
      'user_id',
      'attempt_id',
      'browser_hash',
      'result_encrypted',
      'created_at',
      'expires_at',
    ]);
  return row;
}

const expiring = ['saml_requests', 'saml_replay', 'federation_handoffs'] as const;

/** Deletes what expired, a batch of each table. @returns the size of the largest batch */
export async function deleteExpired(db: Knex, now: Date, limit: number): Promise<number> {
  let most = 0;
  for (const table of expiring) {
    // By place in the table, because the keys differ; rows that somebody else is deleting are left to them.
    const deleted = await db.raw(
      `delete from ?? where ctid in (select ctid from ?? where expires_at < ? limit ? for update skip locked)`,
      [table, table, now, limit],
    );
    most = Math.max(most, Number(deleted.rowCount ?? 0));
  }
  return most;
}
