/**
 * What the server says of itself (RFC 7644 §4). Everybody may read what every client has; with a token, the answer is the
 * client's own: its mappings may add extensions.
 */
import { notFound, ScimFault } from './errors.ts';
import type { JsonObject } from './json.ts';
import { LIST_URN } from './list.ts';
import { buildRegistries, type ClientRegistries } from './registry.ts';
import type { ScimAnswer } from './request.ts';
import { describeResourceTypes, describeSchemas, describeServiceProvider } from './schemas.ts';

let standard: ClientRegistries | undefined;

/** What a client with the standard mapping has. */
export const standardRegistries = (): ClientRegistries => (standard ??= buildRegistries());

const listed = (resources: object[]): JsonObject => ({
  schemas: [LIST_URN],
  totalResults: resources.length,
  startIndex: 1,
  itemsPerPage: resources.length,
  Resources: resources as JsonObject[],
});

function one(resources: object[], id: string): ScimAnswer {
  const found = resources.find((resource) => (resource as JsonObject).id === id);
  if (!found) throw notFound();
  return { status: 200, body: found as JsonObject };
}

export const isDiscovery = (endpoint: string): boolean =>
  endpoint === 'ServiceProviderConfig' || endpoint === 'Schemas' || endpoint === 'ResourceTypes';

/**
 * @param id of one schema or resource type; undefined for all
 * @throws ScimFault 403 for a filter (RFC 7644 §4), 404
 */
export function discover(
  endpoint: string,
  id: string | undefined,
  { all }: ClientRegistries,
  base: string,
  filter: unknown,
): ScimAnswer {
  if (filter !== undefined) throw new ScimFault(403, undefined, 'Schemas and resource types are not filtered.');
  if (endpoint === 'ServiceProviderConfig') {
    if (id !== undefined) throw notFound();
    return { status: 200, body: describeServiceProvider(base) as JsonObject };
  }
  const resources = endpoint === 'Schemas' ? describeSchemas(all, base) : describeResourceTypes(all, base);
  return id === undefined ? { status: 200, body: listed(resources) } : one(resources, id);
}
