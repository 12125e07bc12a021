/** SQL of `scim_requests`. */
import type { Knex } from 'knex';
import { json } from '../../db/json.ts';
import { type ListQuery, type Page, pageOf } from '../../http/list.ts';
import type { ScimRequest } from './schema.ts';

/** The columns with their types, as `jsonb_to_recordset` wants to know them. */
const types = {
  scim_request_id: 'uuid',
  client_id: 'uuid',
  org_id: 'uuid',
  timestamp: 'timestamptz',
  method: 'text',
  path: 'text',
  request_body: 'jsonb',
  response_status: 'integer',
  response_body: 'jsonb',
  scim_type: 'text',
  rule: 'text',
  cause: 'text',
  changes: 'jsonb',
  resource_type: 'text',
  resource_id: 'uuid',
  duration_ms: 'integer',
  ip_address: 'inet',
  user_agent: 'text',
  request_id: 'text',
} as const;
const columns = Object.keys(types) as (keyof typeof types)[];

export type RecordedRow = { readonly [column in keyof typeof types]: unknown };

const quoted = columns.map((name) => `"${name}"`);
const values = quoted.map((name) => (name === '"client_id"' ? 'c.client_id' : `r.${name}`));

const insertStatement = `insert into scim_requests (${quoted.join(', ')})
  select ${values.join(', ')}
    from jsonb_to_recordset(?::jsonb) as r(${columns.map((name) => `"${name}" ${types[name]}`).join(', ')})
    join organizations o on o.org_id = r.org_id
    left join scim_clients c on c.client_id = r.client_id and c.org_id = r.org_id
  on conflict do nothing`;

/** Writes many at once; those that an earlier try wrote already stay as they are. What belongs to an organization that is gone is left out; a client that is gone reads null. */
export async function insertRequests(db: Knex, rows: readonly RecordedRow[]): Promise<void> {
  await db.raw(insertStatement, [json(rows)]);
}

export interface RequestFilter {
  readonly client_id?: string;
  readonly resource_id?: string;
  /** `404`, or `4xx`. */
  readonly status?: string;
}

/** Newest first. */
export function listRequests(
  db: Knex,
  org_id: string,
  { status, ...named }: RequestFilter,
  page: ListQuery,
): Promise<Page<ScimRequest>> {
  const filter = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
  return pageOf<ScimRequest>(
    db('scim_requests')
      .select(...columns)
      .where({ org_id, ...filter })
      .modify((query) => {
        if (status === undefined) return;
        const first = Number(status.replace('xx', '00'));
        query.whereBetween('response_status', [first, status.endsWith('xx') ? first + 99 : first]);
      }),
    'scim_request_id',
    page,
    'desc',
  );
}
