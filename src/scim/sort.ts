/** `sortBy` and `sortOrder` (RFC 7644 §3.4.2.3): no value sorts last upwards; of many values the primary or first counts. */
import { invalidValue } from './errors.ts';
import type { Attribute } from './attribute.ts';
import { findAttribute, findSub, type Registry } from './registry.ts';
import { keptElements, type Operand, readHome } from './sql-homes.ts';
import { type Fragment, ownText, sql } from './sql-fragment.ts';

export interface Sort {
  attribute: Attribute;
  descending: boolean;
}

/** @throws ScimFault 400 invalidValue for an attribute without an order, or an order that is none */
export function readSort(sortBy: unknown, sortOrder: unknown, registry: Registry): Sort | undefined {
  if (sortBy === undefined || sortBy === null || sortBy === '') return undefined;
  const named = typeof sortBy === 'string' ? findAttribute(registry, sortBy) : undefined;
  const attribute = named?.type === 'complex' ? findSub(named, 'value') : named;
  const isHidden = !attribute || attribute.returned === 'never' || attribute.type === 'binary';
  if (isHidden || !valueOf(attribute))
    throw invalidValue(`Resources cannot be sorted by "${String(sortBy).slice(0, 80)}".`);
  const order = sortOrder === undefined || sortOrder === '' ? 'ascending' : String(sortOrder).toLowerCase();
  if (order !== 'ascending' && order !== 'descending') throw invalidValue('"sortOrder" is ascending or descending.');
  return { attribute, descending: order === 'descending' };
}

/** The ORDER BY; `(created_at, id)` always ends it, so that the order is total. */
export function sortSql(sort: Sort | undefined, registry: Registry): Fragment {
  const tie = ownText(
    registry.kind === 'User' ? 'users.created_at, users.user_id' : 'user_groups.created_at, user_groups.group_id',
  );
  const value = sort && valueOf(sort.attribute);
  if (!sort || !value) return tie;
  const comparable = comparableOf(value, sort.attribute);
  return sort.descending ? sql`${comparable} DESC NULLS FIRST, ${tie}` : sql`${comparable} ASC NULLS LAST, ${tie}`;
}

function valueOf(attribute: Attribute): Operand | undefined {
  const list = attribute.parent?.multiValued ? attribute.parent : undefined;
  if (!list) return attribute.multiValued ? undefined : readHome(attribute);
  if (list.home.at !== 'kept') return undefined;
  const { from, read } = keptElements(list);
  const part = read(attribute);
  if (!part) return undefined;
  const value = sql`(SELECT ${part.sql} FROM ${from} ORDER BY coalesce(e.v -> 'primary' = 'true'::jsonb, FALSE) DESC LIMIT 1)`;
  return { type: part.type, sql: value };
}

function comparableOf(operand: Operand, attribute: Attribute): Fragment {
  if (operand.type === 'jsonb') {
    const isPlain = attribute.type === 'integer' || attribute.type === 'decimal' || attribute.type === 'boolean';
    if (isPlain) return operand.sql;
    return attribute.caseExact ? sql`(${operand.sql} #>> '{}')` : sql`lower(${operand.sql} #>> '{}')`;
  }
  return operand.type === 'text' && !attribute.caseExact ? sql`lower(${operand.sql})` : operand.sql;
}
