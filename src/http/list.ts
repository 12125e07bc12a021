/** Lists: keyset by id (UUIDv7, so by time), `{ items, next }`. Only SCIM has totals and startIndex. */
import type { Knex } from 'knex';
import { type Static, type TSchema, Type } from 'typebox';
import { Fault } from '../core/fault.ts';
import { isId } from '../core/id.ts';

/** The query of every list route. */
export const listQuery = {
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'Most items of the answer.' }),
  ),
  after: Type.Optional(Type.String({ maxLength: 100, description: 'The `next` of the previous answer.' })),
};
export const ListQuery = Type.Object(listQuery);
export type ListQuery = Static<typeof ListQuery>;

export interface Page<T> {
  items: T[];
  next: string | null;
}

/** The reply of a list route. */
export const listOf = <T extends TSchema>(item: T) =>
  Type.Object({ items: Type.Array(item), next: Type.Union([Type.String(), Type.Null()]) });

/**
 * Cuts a page out of a query by its id column. `direction` `desc` is newest first.
 * @throws Fault `request_invalid` when `after` is no id
 */
export async function pageOf<Row extends object>(
  query: Knex.QueryBuilder,
  column: string,
  { limit = 50, after }: ListQuery,
  direction: 'asc' | 'desc' = 'asc',
): Promise<Page<Row>> {
  if (after !== undefined && !isId(after)) {
    throw new Fault('request_invalid', undefined, {
      errors: [{ pointer: '/query/after', detail: 'must be the next of an earlier answer' }],
    });
  }
  const bare = column.split('.').at(-1) as keyof Row;
  const rows: Row[] = await query
    .modify((builder) => {
      if (after !== undefined) builder.where(column, direction === 'asc' ? '>' : '<', after);
    })
    .orderBy(column, direction)
    .limit(limit + 1);
  const items = rows.slice(0, limit);
  return { items, next: rows.length > limit ? String(items.at(-1)?.[bare]) : null };
}
