/** What is at which address below `/scim/v2`, and by which methods. */
import { reading } from '../db/transact.ts';
import { postBulk } from './bulk-door.ts';
import { ScimFault } from './errors.ts';
import { getGrant, type GrantKind, listGrants } from './grants.ts';
import { deleteGroup, getGroup, listGroups, patchGroup, postGroup, putGroup } from './groups.ts';
import type { JsonObject } from './json.ts';
import { type ListQuery, readListQuery, readSearchRequest } from './list.ts';
import type { Asking, ScimAnswer, ScimRequest } from './request.ts';
import { searchAll } from './root-search.ts';
import { LIMITS } from './schemas.ts';
import { deleteUser, getUser, listUsers, patchUser, postUser, putUser } from './users.ts';

const prefix = '/scim/v2';
/** Bytes: a group's PUT names all its members. */
const groupLimit = 4 * LIMITS.maxPayloadSize;

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
export type Handler = (request: ScimRequest, input: Input) => Promise<ScimAnswer>;

export interface Input {
  readonly id: string;
  readonly body: unknown;
  readonly query: Record<string, unknown>;
  readonly asking: Asking;
}

export interface Route {
  /** For the log; never with ids in it. */
  readonly name: string;
  readonly id: string;
  readonly methods: Partial<Record<Method, Handler>>;
  readonly limit?: number;
}

const listed = (body: ScimAnswer['body']): ScimAnswer => ({ status: 200, body });

type Handlers = Partial<Record<Method, Handler>>;

interface Endpoint {
  readonly all: Handlers;
  readonly one: Handlers;
  readonly search: Handler;
}

/** Reads are asked once more when they met a connection that a restart of the database had broken. */
const lists = (
  kind: 'User' | 'Group' | GrantKind,
  list: (request: ScimRequest, query: ListQuery) => Promise<JsonObject>,
): Pick<Endpoint, 'search'> & { get: Handler } => ({
  get: (request, { query }) =>
    reading(() => list(request, readListQuery(query, request.registries[kind], request.call.now))).then(listed),
  search: (request, { body }) =>
    reading(() => list(request, readSearchRequest(body, request.registries[kind], request.call.now))).then(listed),
});

const users = lists('User', listUsers);
const groups = lists('Group', listGroups);

const readOnly = (kind: GrantKind): Endpoint => {
  const { get, search } = lists(kind, (request, query) => listGrants(request, kind, query));
  const one: Handler = (request, { id, asking }) => reading(() => getGrant(request, kind, id, asking));
  return { all: { GET: get }, one: { GET: one }, search };
};

const endpoints: Readonly<Record<string, Endpoint>> = {
  Users: {
    all: { GET: users.get, POST: (request, { body, asking }) => postUser(request, body, asking) },
    one: {
      GET: (request, { id, asking }) => reading(() => getUser(request, id, asking)),
      PUT: (request, { id, body, asking }) => putUser(request, id, body, asking),
      PATCH: (request, { id, body, asking }) => patchUser(request, id, body, asking),
      DELETE: (request, { id, asking }) => deleteUser(request, id, asking),
    },
    search: users.search,
  },
  Groups: {
    all: { GET: groups.get, POST: (request, { body, asking }) => postGroup(request, body, asking) },
    one: {
      GET: (request, { id, asking }) => reading(() => getGroup(request, id, asking)),
      PUT: (request, { id, body, asking }) => putGroup(request, id, body, asking),
      PATCH: (request, { id, body, asking }) => patchGroup(request, id, body, asking),
      DELETE: (request, { id, asking }) => deleteGroup(request, id, asking),
    },
    search: groups.search,
  },
  Roles: readOnly('Role'),
  Entitlements: readOnly('Entitlement'),
};

const root: Handlers = {
  GET: (request, { query }) =>
    reading(() => searchAll(request, (registry) => readListQuery(query, registry, request.call.now))).then(listed),
};
const rootSearch: Handlers = {
  POST: (request, { body }) =>
    reading(() => searchAll(request, (registry) => readSearchRequest(body, registry, request.call.now))).then(listed),
};
const bulk: Handlers = { POST: (request, { body }) => postBulk(request, body) };

/** A directory is no person: RFC 7644 §3.11 has 501 for that. */
const me: Handler = async () => {
  throw new ScimFault(501, undefined, 'The client of this token is a directory, which has no user of its own.');
};
const allOf = (handler: Handler): Handlers => ({
  GET: handler,
  POST: handler,
  PUT: handler,
  PATCH: handler,
  DELETE: handler,
});

/** Every address below the prefix that needs a token, with its methods: what tests of tenants and tokens walk (checklist MT-01). */
export const scimAddresses = (): readonly { readonly path: string; readonly methods: readonly Method[] }[] => {
  const of = (path: string, handlers: Handlers) => ({ path, methods: Object.keys(handlers) as Method[] });
  return [
    ...Object.entries(endpoints).flatMap(([name, { all, one, search }]) => [
      of(`/${name}`, all),
      of(`/${name}/{id}`, one),
      of(`/${name}/.search`, { POST: search }),
    ]),
    of('', root),
    of('/.search', rootSearch),
    of('/Bulk', bulk),
    of('/Me', allOf(me)),
  ];
};

/** @param path below the prefix, split; undefined when there is nothing of that name */
export function findRoute([endpoint = '', id, ...rest]: readonly string[]): Route | undefined {
  if (rest.length > 0) return undefined;
  const at = (name: string, methods: Route['methods'], limit?: number): Route => ({
    name,
    id: id ?? '',
    methods,
    limit,
  });
  if (endpoint === 'Me') return at('scim Me', allOf(me));
  const found = Object.hasOwn(endpoints, endpoint) ? endpoints[endpoint] : undefined;
  if (found) {
    const limit = endpoint === 'Groups' ? groupLimit : undefined;
    if (id === undefined) return at(`scim ${endpoint}`, found.all, limit);
    if (id === '.search') return at(`scim ${endpoint}/.search`, { POST: found.search });
    return at(`scim ${endpoint}/{id}`, found.one, limit);
  }
  if (id !== undefined) return undefined;
  if (endpoint === '') return at('scim', root);
  if (endpoint === '.search') return at('scim .search', rootSearch);
  return endpoint === 'Bulk' ? at('scim Bulk', bulk) : undefined;
}

/** Segments of a path below the prefix; slashes too many, which base addresses with one at their end make, mean nothing. */
export function segmentsOf(path: string): string[] | undefined {
  if (path !== prefix && !path.startsWith(`${prefix}/`)) return undefined;
  try {
    return path.slice(prefix.length).split('/').filter(Boolean).map(decodeURIComponent);
  } catch {
    return undefined;
  }
}
