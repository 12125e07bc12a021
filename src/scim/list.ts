/**
 * Queries (RFC 7644 §3.4.2, §3.4.3) and cursors (RFC 9865). Both ways of paging stand on one order, `(created_at, id)`.
 * A position, not a number of rows to skip, leads to the next page, so a walk misses nobody when others are deleted.
 */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { isId } from '../core/id.ts';
import { expiredCursor, invalidCount, invalidCursor, invalidSyntax, invalidValue } from './errors.ts';
import { type FilterNode, parseFilter } from './filter.ts';
import { getField, type JsonObject, readObject } from './json.ts';
import { type Projection, readProjection } from './projection.ts';
import type { Registry } from './registry.ts';
import { LIMITS, type Limits } from './schemas.ts';
import { readSort, type Sort, sortSql } from './sort.ts';
import { type Fragment, sql } from './sql-fragment.ts';

export const LIST_URN = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';
export const SEARCH_URN = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest';

/** The place of the last row shown: `created_at` as PostgreSQL writes it (a Date would lose its microseconds), and its id. */
export interface Position {
  created: string;
  id: string;
}

export interface ListQuery {
  filter: FilterNode | undefined;
  sort: Sort | undefined;
  projection: Projection;
  /** from 1 */
  startIndex: number;
  count: number;
  /** `first` for an empty cursor parameter: the client asks for cursors from the start */
  cursor: 'first' | Position | undefined;
  /** one for the same question, whatever the page */
  hash: string;
}

export type QueryValues = Record<string, unknown>;

/**
 * The parameters of a GET. `startIndex` below 1 means 1, `count` below 0 means 0 and above the maximum the maximum.
 * @throws ScimFault 400 invalidFilter, invalidValue, invalidCursor, expiredCursor, invalidCount
 */
export function readListQuery(values: QueryValues, registry: Registry, now: Date, limits: Limits = LIMITS): ListQuery {
  const text = (name: string): string | undefined => {
    const value = values[name];
    if (Array.isArray(value)) throw invalidValue(`"${name}" is given twice.`);
    return value === undefined || value === null ? undefined : String(value);
  };
  const asked = text('filter');
  const sort = readSort(text('sortBy'), text('sortOrder'), registry);
  const filter = asked === undefined || asked.trim() === '' ? undefined : parseFilter(asked);
  const hash = hashOf([
    registry.kind,
    asked?.trim() ?? '',
    sort?.attribute.path ?? '',
    String(sort?.descending ?? false),
  ]);
  const cursorText = text('cursor');
  const isCursor = cursorText !== undefined;
  if (isCursor && sort) throw invalidCursor('A cursor goes through the order of creation: leave "sortBy" out.');
  const wrongCount = isCursor ? invalidCount : invalidValue;
  const count = readWhole(text('count'), 'count', wrongCount) ?? limits.defaultResults;
  if (isCursor && count < 0) throw invalidCount('"count" cannot be negative.');
  return {
    filter,
    sort,
    projection: readProjection(values.attributes, values.excludedAttributes, registry),
    startIndex: Math.max(1, readWhole(text('startIndex'), 'startIndex', invalidValue) ?? 1),
    count: Math.min(Math.max(0, count), limits.maxResults),
    cursor: !isCursor ? undefined : cursorText === '' ? 'first' : readCursor(cursorText, hash, now, limits),
    hash,
  };
}

/** The body of POST `/.search`; names in any case. */
export function readSearchRequest(body: unknown, registry: Registry, now: Date, limits: Limits = LIMITS): ListQuery {
  const sent = readObject(body);
  const schemas = getField(sent, 'schemas');
  if (!Array.isArray(schemas) || !schemas.some((urn) => String(urn).toLowerCase() === SEARCH_URN.toLowerCase())) {
    throw invalidSyntax(`"schemas" must name ${SEARCH_URN}.`);
  }
  const names = ['filter', 'sortBy', 'sortOrder', 'startIndex', 'count', 'cursor', 'attributes', 'excludedAttributes'];
  return readListQuery(Object.fromEntries(names.map((name) => [name, getField(sent, name)])), registry, now, limits);
}

function readWhole(text: string | undefined, name: string, fault: (detail: string) => Error): number | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  if (!/^\s*[+-]?\d{1,15}\s*$/.test(text)) throw fault(`"${name}" must be a whole number.`);
  return Number(text);
}

const hashOf = (parts: string[]): string =>
  createHash('sha256').update(parts.join('\n')).digest('base64url').slice(0, 12);

// --- cursors: a position in the client's own list, bound to the question and a time; not secret, and not an authority ---

export function makeCursor(position: Position, query: ListQuery, now: Date): string {
  const fields = [position.created, position.id, query.hash, now.getTime().toString(36)];
  return Buffer.from(fields.join('|')).toString('base64url');
}

function readCursor(text: string, hash: string, now: Date, limits: Limits): Position {
  const isShaped = text.length <= 400 && /^[\w-]+$/.test(text);
  const [created = '', id, asked, issued = ''] = isShaped ? Buffer.from(text, 'base64url').toString().split('|') : [];
  const isTime = /^(?:\d{1,15}|\d{4,6}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(?:\.\d{1,6})?[+-]\d{2}(?::?\d{2})?)$/.test(
    created,
  );
  const at = Number.parseInt(issued, 36);
  if (!isTime || !isId(id) || asked !== hash || !Number.isFinite(at)) {
    throw invalidCursor('The cursor is not one of this list: start again with an empty one.');
  }
  if (now.getTime() - at > limits.cursorTimeout * 1000) throw expiredCursor('The cursor has expired: start again.');
  return { created, id };
}

// --- pages ---

export interface PagePlan {
  /** to be ANDed to the filter, when there is a position to go on from */
  after: Fragment | undefined;
  orderBy: Fragment;
  offset: number;
  /** one more than asked, to know whether another page follows; 0 for `count=0` */
  limit: number;
}

/** @param from where the page before ended, when it is known (see WalkMemory); the cursor's own position comes first */
export function planPage(query: ListQuery, registry: Registry, from?: Position): PagePlan {
  const position = typeof query.cursor === 'object' ? query.cursor : query.cursor === undefined ? from : undefined;
  const isPlaced = position !== undefined && !query.sort;
  return {
    after: isPlaced ? afterSql(position, registry) : undefined,
    orderBy: sortSql(query.sort, registry),
    offset: isPlaced || query.cursor !== undefined ? 0 : query.startIndex - 1,
    limit: query.count === 0 ? 0 : query.count + 1,
  };
}

function afterSql({ created, id }: Position, registry: Registry): Fragment {
  return registry.kind === 'User'
    ? sql`(users.created_at, users.user_id) > (${created}::bigint, ${id}::uuid)`
    : sql`(user_groups.created_at, user_groups.group_id) > (${created}::timestamptz, ${id}::uuid)`;
}

/**
 * Where recent startIndex pages ended, so that the next one goes on from there and not from a number that deletions have
 * made wrong (SC-14). Kept in this process for ten minutes; without it, the page is found by counting.
 */
export class WalkMemory {
  private readonly ends = new LRUCache<string, Position>({ max: 10_000, ttl: 600_000 });

  recall(clientId: string, query: ListQuery): Position | undefined {
    if (query.sort || query.cursor !== undefined || query.startIndex === 1) return undefined;
    return this.ends.get(`${clientId} ${query.hash} ${query.startIndex}`);
  }

  /** @param shown how many resources the page had */
  remember(clientId: string, query: ListQuery, shown: number, last: Position | undefined): void {
    if (!last || query.sort || query.cursor !== undefined) return;
    this.ends.set(`${clientId} ${query.hash} ${query.startIndex + shown}`, last);
  }
}

export interface Page {
  resources: JsonObject[];
  totalResults: number;
  /** undefined: the last page */
  nextCursor?: string | undefined;
}

/** RFC 7644 §3.4.2; with cursors RFC 9865 §2: `nextCursor` is absent on the last page, and there is no startIndex. */
export function listResponse(query: ListQuery, page: Page): JsonObject {
  const body: JsonObject = { schemas: [LIST_URN], totalResults: page.totalResults };
  if (query.cursor === undefined) body.startIndex = query.startIndex;
  else if (page.nextCursor !== undefined) body.nextCursor = page.nextCursor;
  body.itemsPerPage = page.resources.length;
  body.Resources = page.resources;
  return body;
}
