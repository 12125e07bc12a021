/** The OpenAPI 3.1 description, printed from the route array and the catalogue of faults. */
import type { TSchema } from 'typebox';
import { type FaultCode, faults } from '../core/faults.ts';
import { apiPrefix } from './mount.ts';
import type { Route } from './route.ts';

const everyRoute: readonly FaultCode[] = [
  'request_invalid',
  'unauthenticated',
  'not_allowed',
  'not_found',
  'too_many_requests',
  'database_unavailable',
];

type Json = Record<string, unknown>;

/** What one has to know before the first request. */
const introduction = [
  'Everything that an administrator does, over JSON. Send an API key (or an access token) as `Authorization: Bearer …`; the first key comes from the page of the first administrator or from `LINTEL_BOOTSTRAP_API_KEY`. SCIM and OpenID Connect are not in here: they describe themselves at `/scim/v2/ServiceProviderConfig` and `/.well-known/openid-configuration`.',
  'Lists answer `items` and `next`; give `next` as `after` to read on, until it is null. A POST with an `Idempotency-Key` may be sent again and is done once. A refusal is `application/problem+json` (RFC 9457): `code` is for programs, `errors` points at the fields, `request_id` finds the line in the log.',
].join('\n\n');

/** @param url the issuer, for `servers` */
export function openApi(routes: readonly Route[], url: string, version: string): Json {
  const components: Json = {};
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = `${apiPrefix}${route.path}`;
    paths[path] ??= {};
    paths[path][route.method] = operation(route, components);
  }
  components.Problem = {
    type: 'object',
    description: 'RFC 9457. `code` is stable; `errors` points at fields.',
    required: ['type', 'title', 'status', 'code', 'request_id'],
    properties: {
      type: { type: 'string' },
      title: { type: 'string' },
      status: { type: 'integer' },
      code: { type: 'string', enum: Object.keys(faults).sort() },
      detail: { type: 'string' },
      errors: {
        type: 'array',
        items: { type: 'object', properties: { pointer: { type: 'string' }, detail: { type: 'string' } } },
      },
      request_id: { type: 'string' },
    },
  };
  return {
    openapi: '3.1.0',
    info: {
      title: 'Lintel',
      version,
      description: introduction,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url }],
    security: [{ bearer: [] }],
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(components).sort(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: 'An API key or an access token.' } },
    },
  };
}

function operation(route: Route, components: Json): Json {
  const status = String(route.reply ? (route.status ?? 200) : 204);
  return {
    operationId: route.operationId,
    summary: route.summary,
    ...(route.description ? { description: route.description } : {}),
    tags: [route.group],
    ...(route.permission === 'public' ? { security: [] } : {}),
    ...(route.permission !== null && route.permission !== 'public' ? { 'x-permission': route.permission } : {}),
    parameters: [
      ...parameters('path', route.params),
      ...parameters('query', route.query),
      ...(route.method === 'post' ? [idempotencyKey] : []),
    ],
    ...(route.body
      ? {
          requestBody: { required: true, content: { 'application/json': { schema: printed(route.body, components) } } },
        }
      : {}),
    responses: {
      [status]: {
        description: route.summary,
        ...(route.reply ? { content: { 'application/json': { schema: printed(route.reply, components) } } } : {}),
      },
      ...refusals(route),
    },
  };
}

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'Any unique text: the same key with the same request gives the same answer for 24 hours.',
  schema: { type: 'string', maxLength: 255 },
};

function refusals(route: Route): Json {
  const byStatus = new Map<number, FaultCode[]>();
  const codes = new Set([
    ...everyRoute.filter((code) => code !== 'unauthenticated' || route.permission !== 'public'),
    ...(route.faults ?? []),
  ]);
  for (const code of codes) {
    const { status } = faults[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus]
      .sort(([a], [b]) => a - b)
      .map(([status, list]) => [
        String(status),
        {
          description: list.map((code) => `\`${code}\`: ${faults[code].says}`).join(' '),
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      ]),
  );
}

function parameters(where: 'path' | 'query', schema: TSchema | undefined): Json[] {
  const { properties = {}, required = [] } = (schema ?? {}) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, shape]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    ...(typeof shape.description === 'string' ? { description: shape.description } : {}),
    schema: JSON.parse(JSON.stringify(shape)),
  }));
}

/** A schema in which every shape with a name (`$id`) is a reference to its component. */
function printed(node: unknown, components: Json): unknown {
  if (Array.isArray(node)) return node.map((item) => printed(item, components));
  if (node === null || typeof node !== 'object') return node;
  const { $id, ...rest } = node as Json;
  const copy = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, printed(value, components)]));
  if (typeof $id !== 'string') return copy;
  components[$id] = copy;
  return { $ref: `#/components/schemas/${$id}` };
}
