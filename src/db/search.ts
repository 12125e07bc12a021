/**
 * Searches whose condition a caller compiled: text of its own constant tables, values as bindings only. Every `?` is a
 * binding; operators of jsonb that contain one are written as functions.
 */
import { hash } from 'node:crypto';
import type { Knex } from 'knex';
import { read } from './gathering.ts';
import { type Statement, statement } from './statement.ts';

export type Binding = string | number | boolean | Date | null;

export interface Fragment {
  readonly sql: string;
  readonly bindings: readonly Binding[];
}

export interface Search {
  /** Further columns, from a constant table of the caller. */
  readonly select?: readonly string[];
  readonly joins?: Fragment;
  readonly where?: Fragment | null;
  /** What to sort by; the id decides between equals. By time of creation, then id, when absent. */
  readonly order?: Fragment & { readonly descending?: boolean };
  /**
   * It asks for what at most one has, so that one plan is right for every value: PostgreSQL keeps it, and planning is most of what a
   * look-up costs. Not for a condition of which some values have many rows.
   */
  readonly isLookup?: boolean;
  readonly limit: number;
  readonly offset?: number;
  /** Only what comes after this one in the order of creation; not together with `order`. */
  readonly after?: { readonly created_at: number | Date; readonly id: string };
}

/** What decides which rows are found. */
export type Condition = Pick<Search, 'joins' | 'where'>;

const values = (fragment: Fragment): Knex.Value[] => fragment.bindings as unknown as Knex.Value[];

export function addCondition(query: Knex.QueryBuilder, { joins, where }: Condition): void {
  if (joins) query.joinRaw(joins.sql, values(joins) as never);
  if (where) query.whereRaw(`(${where.sql})`, values(where));
}

/** PostgreSQL keeps each on every connection. There are a dozen; what callers compile must never make them many. */
const maxLookups = 100;

/** By pool, which the transactions of a pool share. */
const lookups = new WeakMap<object, Map<string, Statement>>();

/** The statement of a text that is composed anew each time. Unlike `lookup` it is for one who asks: no types of its parameters are known. */
function statementOf({ client }: Knex, text: string): Statement | undefined {
  const all = lookups.get(client.config) ?? new Map<string, Statement>();
  lookups.set(client.config, all);
  const known = all.get(text);
  if (known || all.size >= maxLookups) return known;
  // By its text: behind a pooler other processes meet the same names.
  const made = statement(`lookup_${hash('sha256', text, 'base64url')}`, text);
  all.set(text, made);
  return made;
}

/** The rows of a search. */
export async function rowsOf<Row>(db: Knex, query: Knex.QueryBuilder, { isLookup }: Search): Promise<Row[]> {
  if (!isLookup) return (await query) as Row[];
  const { sql, bindings } = query.toSQL().toNative();
  const known = statementOf(db, sql);
  return known ? read<Row>(db, known, bindings) : ((await query) as Row[]);
}

/** @param created the column of the time of creation @param id the column of the id; both with their table */
export function addPage(db: Knex, query: Knex.QueryBuilder, search: Search, created: string, id: string): void {
  const { select, after, order, offset, limit } = search;
  if (select) query.select(select.map((text) => db.raw(text)));
  if (after) query.whereRaw(`(${created}, ${id}) > (?, ?::uuid)`, [after.created_at as Knex.Value, after.id]);
  if (order) {
    query.orderByRaw(`${order.sql} ${order.descending ? 'desc' : 'asc'} nulls last`, values(order)).orderBy(id);
  } else query.orderBy([created, id]);
  if (offset) query.offset(offset);
  query.limit(limit);
}
