/** SQL of `audit_logs`. Rows are only ever added; a trigger refuses the rest. */
import type { Knex } from 'knex';
import { json } from '../../db/json.ts';
import type { Plain } from '../../db/round-trips.ts';
import { runLast, statement } from '../../db/statement.ts';
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

export type AuditRow = { readonly [column in Exclude<(typeof columns)[number], 'details'>]: Plain } & {
  readonly details: unknown;
};

const insertStatement = statement(
  'insert_audit_log',
  `insert into audit_logs (${columns.map((name) => `"${name}"`).join(', ')})
   values (${columns.map((_name, index) => `$${index + 1}`).join(', ')})`,
);

/** At the end of the transaction, with its COMMIT: nothing in it reads the log. */
export const insertAuditLog = (transaction: Knex, row: AuditRow): Promise<void> =>
  runLast(
    transaction,
    insertStatement,
    columns.map((name) => (name === 'details' ? json(row.details) : row[name])),
  );

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
