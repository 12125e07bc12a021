/**
 * /Roles and /Entitlements, in the form that Okta Identity Governance discovers: the roles that the organization may use, and
 * the permissions that they are made of. Read only: a directory gives roles by groups that were allowed to (SC-04, SC-17).
 */
import { offeredPermissions } from '../access/permissions/service.ts';
import { offeredRoles } from '../access/roles/service.ts';
import type { Page as RestPage } from '../http/list.ts';
import type { Attribute } from './attribute.ts';
import { invalidCursor, notFound } from './errors.ts';
import { makeVersion } from './etag.ts';
import { matches } from './filter-match.ts';
import type { JsonObject } from './json.ts';
import { type ListQuery, listResponse } from './list.ts';
import { project } from './projection.ts';
import type { Registry } from './registry.ts';
import { type Asking, headersOf, type ScimAnswer, type ScimRequest } from './request.ts';
import { projectionOf } from './stored.ts';

export type GrantKind = 'Role' | 'Entitlement';

interface Grant {
  readonly id: string;
  readonly displayName: string;
  readonly type: string;
  readonly description: string | null;
  readonly created: Date;
  readonly modified: Date;
}

/** An organization has some hundred of them; what is read here is bounded all the same. */
const maxPages = 50;

async function all<Row>(read: (after: string | undefined) => Promise<RestPage<Row>>): Promise<Row[]> {
  const rows: Row[] = [];
  let after: string | undefined;
  for (let page = 0; page < maxPages; page += 1) {
    const { items, next } = await read(after);
    rows.push(...items);
    if (next === null) break;
    after = next;
  }
  return rows;
}

async function grantsOf({ call, client }: ScimRequest, kind: GrantKind): Promise<Grant[]> {
  const limit = 200;
  if (kind === 'Role') {
    const roles = await all((after) => offeredRoles(call.db, client.org_id, { limit, after }));
    return roles
      .filter(({ is_active }) => is_active)
      .map((role) => ({
        id: role.role_id,
        displayName: role.name,
        type: role.type,
        description: role.description,
        created: role.created_at,
        modified: role.updated_at,
      }));
  }
  const permissions = await all((after) => offeredPermissions(call.db, client.org_id, { limit, after }));
  return permissions
    .filter(({ org_id, category }) => org_id !== null || category !== 'system')
    .map((permission) => ({
      id: permission.permission_id,
      displayName: permission.name,
      type: permission.category,
      description: permission.description,
      created: permission.created_at,
      modified: permission.updated_at,
    }));
}

function resourceOf(grant: Grant, { kind, schemas }: Registry, base: string): JsonObject {
  return {
    schemas: [schemas.core.id],
    id: grant.id,
    displayName: grant.displayName,
    type: grant.type,
    ...(grant.description === null ? {} : { description: grant.description }),
    meta: {
      resourceType: kind,
      created: grant.created.toISOString(),
      lastModified: grant.modified.toISOString(),
      location: `${base}${schemas.endpoint}/${grant.id}`,
      version: makeVersion(grant.id, grant.modified),
    },
  };
}

/** @throws ScimFault 400 invalidFilter, invalidCursor */
export async function listGrants(request: ScimRequest, kind: GrantKind, query: ListQuery): Promise<JsonObject> {
  if (query.cursor !== undefined) throw invalidCursor('This list is short: page through it by startIndex.');
  const registry = request.registries[kind];
  const whole = { ...registry.tops[0], subs: registry.tops } as Attribute;
  const { filter, sort, projection, startIndex, count } = query;
  const found = (await grantsOf(request, kind))
    .map((grant) => resourceOf(grant, registry, request.base))
    .filter((resource) => !filter || matches(filter, resource, whole));
  if (sort) found.sort(byText(sort.attribute.name, sort.descending));
  return listResponse(query, {
    resources: found
      .slice(startIndex - 1, startIndex - 1 + count)
      .map((resource) => project(resource, projection, registry)),
    totalResults: found.length,
  });
}

const byText = (name: string, descending: boolean) => (a: JsonObject, b: JsonObject) => {
  const [left, right] = [String(a[name] ?? ''), String(b[name] ?? '')];
  const order = left.toLowerCase() < right.toLowerCase() ? -1 : 1;
  return descending ? -order : order;
};

/** @throws ScimFault 404 */
export async function getGrant(request: ScimRequest, kind: GrantKind, id: string, asking: Asking): Promise<ScimAnswer> {
  const registry = request.registries[kind];
  const grant = (await grantsOf(request, kind)).find((one) => one.id === id.toLowerCase());
  if (!grant) throw notFound();
  const resource = resourceOf(grant, registry, request.base);
  return {
    status: 200,
    body: project(resource, projectionOf(asking, registry), registry),
    headers: headersOf(resource),
  };
}
