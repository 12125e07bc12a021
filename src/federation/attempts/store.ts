/** SQL of `federation_attempts`, which is divided by month. */
import type { Knex } from 'knex';
import { json } from '../../db/json.ts';
import { type Page, pageOf } from '../../http/list.ts';
import type { TraceQuery } from './schema.ts';

const columns = [
  'attempt_id',
  'org_id',
  'provider_id',
  'user_id',
  'reference',
  'result',
  'code',
  'checks',
  'attributes',
  'request_id',
  'ip_address',
  'user_agent',
  'timestamp',
] as const;

export interface AttemptRow {
  readonly attempt_id: string;
  readonly org_id: string | null;
  readonly provider_id: string | null;
  readonly user_id: string | null;
  readonly reference: string;
  readonly result: 'success' | 'denied' | 'failure';
  readonly code: string | null;
  readonly checks: readonly { check: string; ok: boolean; code?: string; detail?: string }[];
  readonly attributes: Record<string, unknown>;
  readonly request_id: string | null;
  readonly ip_address: string | null;
  readonly user_agent: string | null;
  readonly timestamp: Date;
}

export async function insertAttempt(db: Knex, row: AttemptRow & { subject_hash: string | null }): Promise<void> {
  await db('federation_attempts').insert({ ...row, checks: json(row.checks), attributes: json(row.attributes) });
}

/** Newest first: ids are time-ordered. */
export const listAttempts = (db: Knex, org_id: string, query: TraceQuery): Promise<Page<AttemptRow>> => {
  const { limit, after, ...filter } = query;
  const named = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
  return pageOf<AttemptRow>(
    db('federation_attempts')
      .where({ org_id, ...named })
      .select(...columns),
    'attempt_id',
    { limit, after },
    'desc',
  );
};

export const getAttempt = (db: Knex, org_id: string, reference: string): Promise<AttemptRow | undefined> =>
  db('federation_attempts')
    .where({ org_id, reference })
    .orderBy('timestamp', 'desc')
    .first(...columns);
