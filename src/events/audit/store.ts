/** SQL of `audit_logs`. Rows are only ever added; a trigger refuses the rest. */
import type { Knex } from 'knex';
import { json } from '../../db/json.ts';
import { type ListQuery, type Page, pageOf } from '../../http/list.ts';
import type { AuditLog } from './schema.ts';

const columns = [
  'log_id',
  'org_id',
  'timestamp',
  'action',
  'object_type',
  'object_id',
  'result',
  'actor_type',
  'actor_id',
  'actor_label',
  'user_id',
  'ip_address',
  'user_agent',
  'request_id',
  'details',
] as const;

export type AuditRow = { readonly [column in (typeof columns)[number]]: unknown };

export async function insertAuditLog(db: Knex, row: AuditRow): Promise<void> {
  await db('audit_logs').insert({ ...row, details: json(row.details) });
}

export interface AuditFilter {
  readonly action?: string;
  readonly object_type?: string;
  readonly object_id?: string;
  readonly user_id?: string;
}

/** Newest first: ids are time-ordered. `org_id` null reads the system's own log. */
export function listAuditLogs(
  db: Knex,
  org_id: string | null,
  filter: AuditFilter,
  page: ListQuery,
): Promise<Page<AuditLog>> {
  const named = Object.entries(filter).filter(([, value]) => value !== undefined);
  return pageOf<AuditLog>(
    db('audit_logs')
      .select(...columns)
      .where(Object.fromEntries(named))
      .where((builder) => (org_id === null ? builder.whereNull('org_id') : builder.where({ org_id }))),
    'log_id',
    page,
    'desc',
  );
}
