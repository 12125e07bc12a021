/**
 * Pages of users and groups (RFC 7644 §3.4.2, RFC 9865): one statement for the rows, one for the total where the rows do not
 * tell it, one for what hangs on them.
 */
import type { Knex } from 'knex';
import { isId } from '../core/id.ts';
import type { Condition, Search } from '../db/search.ts';
import { joinResources } from '../provisioning/resources/service.ts';
import { tooMany } from './errors.ts';
import { compileFilter } from './filter-sql.ts';
import type { JsonObject } from './json.ts';
import { type ListQuery, listResponse, makeCursor, type Page, type PagePlan, planPage, type Position } from './list.ts';
import type { Projection } from './projection.ts';
import type { Registry } from './registry.ts';
import type { ScimRequest } from './request.ts';
import { type Fragment, join, sql } from './sql-fragment.ts';
import type { KeptColumns } from './stored.ts';

/** One resource type, as pages need to know it. */
export interface Source<Row extends KeptColumns> {
  readonly kind: 'User' | 'Group';
  readonly select: readonly string[];
  search(db: Knex, orgId: string, search: Search): Promise<Row[]>;
  count(db: Knex, orgId: string, condition: Condition): Promise<number>;
  idOf(row: Row): string;
  /** How many of the rows one answer may hold; at least one of them. */
  fitting(rows: readonly Row[], projection: Projection, registry: Registry): number;
  /** The first of the rows, as many as there is room for, but at least one of them. */
  shape(request: ScimRequest, rows: readonly Row[], projection: Projection): Promise<JsonObject[]>;
}

/**
 * One resource with what the client keeps of it, in one statement.
 * @returns undefined for an unknown id and for another organization's alike (SC-01)
 */
export async function findResource<Row extends KeptColumns>(
  { call, client }: ScimRequest,
  id: string,
  { kind, select, search }: Source<Row>,
): Promise<Row | undefined> {
  if (!isId(id)) return undefined;
  const where = { User: sql`users.user_id = ${id}::uuid`, Group: sql`user_groups.group_id = ${id}::uuid` }[kind];
  const joins = joinResources(client, kind);
  const [row] = await search(call.db, client.org_id, { select, joins, where, isLookup: true, limit: 1 });
  return row;
}

/** @throws ScimFault 400 tooMany when the filter takes longer than a statement may */
export async function listResources<Row extends KeptColumns>(
  request: ScimRequest,
  query: ListQuery,
  source: Source<Row>,
): Promise<JsonObject> {
  return listResponse(query, await readPage(request, query, source));
}

export async function readPage<Row extends KeptColumns>(
  request: ScimRequest,
  query: ListQuery,
  source: Source<Row>,
): Promise<Page> {
  const { call, client, door } = request;
  const registry = request.registries[source.kind];
  const plan = planPage(query, registry, door.walks.recall(client.client_id, query));
  const condition = conditionOf(request, query, source);
  const found =
    plan.limit === 0
      ? []
      : await inTime(query, () => source.search(call.db, client.org_id, searchOf(query, plan, condition, source)));
  const fitting = found.slice(0, Math.min(query.count, source.fitting(found, query.projection, registry)));
  const resources = await source.shape(request, fitting, query.projection);
  const rows = fitting.slice(0, resources.length);
  const hasMore = found.length > rows.length;
  const last = rows.at(-1);
  const position: Position | undefined = last && { created: last.position, id: source.idOf(last) };
  door.walks.remember(client.client_id, query, rows.length, position);
  return {
    resources,
    totalResults: await totalOf(request, query, plan, condition, { shown: rows.length, hasMore }, source),
    nextCursor: query.cursor !== undefined && hasMore && position ? makeCursor(position, query, call.now) : undefined,
  };
}

/**
 * The organization is `searchUsers`' own condition. Not the unique indexes' `coalesce(home_org_id, …)` beside it: its
 * selectivity is guessed, and the guess costs the order of creation its index (measured: 0.7 s a page of 20,000 accounts).
 */
function conditionOf<Row extends KeptColumns>(
  { call, client, registries }: ScimRequest,
  query: ListQuery,
  { kind }: Source<Row>,
): Condition {
  const where =
    query.filter &&
    compileFilter(query.filter, { registry: registries[kind], now: call.now, client_id: client.client_id });
  return { joins: joinResources(client, kind), where: where ?? null };
}

const placed = (where: Condition['where'], { after }: PagePlan): Condition['where'] => {
  const parts = [where, after].filter((part) => part !== null && part !== undefined) as Fragment[];
  return parts.length > 0 ? join(parts, ' AND ') : null;
};

/** Of these a resource has its own: to ask for one is to look up, and is what directories do most. */
const unique = { User: new Set(['id', 'username', 'externalid']), Group: new Set(['id', 'displayname', 'externalid']) };

const isLookup = ({ filter, sort }: ListQuery, { after, offset }: PagePlan, kind: 'User' | 'Group'): boolean =>
  filter?.kind === 'compare' &&
  filter.op === 'eq' &&
  filter.path.sub === undefined &&
  filter.path.filter === undefined &&
  unique[kind].has(filter.path.attribute.toLowerCase()) &&
  !sort &&
  !after &&
  !offset;

const searchOf = <Row extends KeptColumns>(
  query: ListQuery,
  plan: PagePlan,
  { joins, where }: Condition,
  { select, kind }: Source<Row>,
): Search => ({
  select,
  isLookup: isLookup(query, plan, kind),
  joins,
  where: placed(where, plan),
  // What is sorted by ends in the order of creation, as the order without a sort is.
  ...(query.sort ? { order: plan.orderBy } : {}),
  limit: plan.limit,
  offset: plan.offset,
});

/**
 * Exact. Within a walk that goes on from a position it counts from there: what was deleted behind the walk would else make
 * the total smaller than the walk's last index, and the client would stop too early (SC-14).
 */
async function totalOf<Row extends KeptColumns>(
  { call, client }: ScimRequest,
  query: ListQuery,
  plan: PagePlan,
  condition: Condition,
  { shown, hasMore }: { shown: number; hasMore: boolean },
  { count }: Source<Row>,
): Promise<number> {
  const isCursor = query.cursor !== undefined;
  const isWalk = plan.after !== undefined && !isCursor;
  const before = isCursor ? 0 : query.startIndex - 1;
  const isStart = before === 0 && plan.after === undefined;
  const reachesEnd = plan.limit > 0 && !hasMore;
  if (reachesEnd && (isStart || isWalk || (!isCursor && shown > 0))) return before + shown;
  const where = isWalk ? placed(condition.where, plan) : condition.where;
  const counted = await inTime(query, () => count(call.db, client.org_id, { ...condition, where }));
  return isWalk ? before + counted : counted;
}

/** A filter that takes longer than a statement may asks too much (SC-07); the database is well. */
async function inTime<T>({ filter }: ListQuery, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (filter && (error as { code?: unknown }).code === '57014')
      throw tooMany('The filter takes too long: ask for less.');
    throw error;
  }
}
