/** A query over all resource types at once (RFC 7644 §3.4.2.1, §3.4.3): users first, then groups, each in the order of creation. */
import { invalidCursor, invalidValue } from './errors.ts';
import { groups } from './groups.ts';
import type { JsonObject } from './json.ts';
import { type ListQuery, listResponse } from './list.ts';
import { readPage } from './pages.ts';
import type { Registry } from './registry.ts';
import type { ScimRequest } from './request.ts';
import { users } from './users.ts';

/**
 * @param read the query, as one resource type understands it
 * @throws ScimFault 400 invalidFilter, invalidValue, invalidCursor
 */
export async function searchAll(request: ScimRequest, read: (registry: Registry) => ListQuery): Promise<JsonObject> {
  const query = read(request.registries.User);
  const forGroups = read(request.registries.Group);
  if (query.sort || forGroups.sort)
    throw invalidValue('"sortBy" works within one resource type: ask /Users or /Groups.');
  if (query.cursor !== undefined) throw invalidCursor('Cursors work within one resource type: ask /Users or /Groups.');
  const first = await readPage(request, query, users);
  const left = query.count - first.resources.length;
  const startIndex = Math.max(1, query.startIndex - first.totalResults);
  // Only users are still to come: of the groups, their number is all that is asked.
  const isLater = query.startIndex - 1 + first.resources.length < first.totalResults;
  const second = await readPage(request, { ...forGroups, startIndex, count: isLater ? 0 : left }, groups);
  return listResponse(query, {
    resources: [...first.resources, ...second.resources],
    totalResults: first.totalResults + second.totalResults,
  });
}
