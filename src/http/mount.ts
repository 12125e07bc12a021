/** Mounts the route array: caller → Call → checked input → run → checked reply. */
import Router from '@koa/router';
import type { ValidateFunction } from 'ajv';
import type { Context, Middleware } from 'koa';
import type { App } from '../core/app.ts';
import { type Actor, anonymous, Call } from '../core/call.ts';
import { Fault, type FieldError } from '../core/fault.ts';
import { inTurns } from '../core/turn.ts';
import { reading } from '../db/transact.ts';
import { inspect, readBody } from './body.ts';
import { once } from './idempotency.ts';
import { namingField } from './named-field.ts';
import type { Route } from './route.ts';
import { edgeOf, requestFacts } from './server.ts';
import { compile, everyProblem, fieldErrors } from './validate.ts';

/** Who is behind the Authorization header of a REST request; throws `unauthenticated` when it proves nobody. */
export type Authenticate = (context: Context) => Promise<Actor>;

/** What was refused for who asked: which operation, on which things. */
export interface Denial {
  readonly operation: string;
  readonly permission: string | null;
  readonly params: Readonly<Record<string, unknown>>;
  readonly fault: Fault;
}

/** Told of each denial, after the refusal. Must not throw. */
export type RecordDenial = (call: Call, denial: Denial) => Promise<void>;

export const apiPrefix = '/api/v1';

/** The middleware that serves the routes, with 405 and OPTIONS for paths whose method is another. */
export function mountRoutes(
  app: App,
  routes: readonly Route[],
  authenticate: Authenticate,
  recordDenial: RecordDenial = async () => {},
): Middleware {
  const router = new Router({ prefix: apiPrefix, strict: true });
  const seen = new Set<string>();
  for (const route of routes) {
    if (seen.has(route.operationId)) throw new Error(`Two routes are called ${route.operationId}.`);
    seen.add(route.operationId);
    router[route.method](route.path.replace(/\{(\w+)\}/g, ':$1'), serve(app, route, authenticate, recordDenial));
  }
  const serveRoutes = router.routes();
  const methods = router.allowedMethods();
  return async (context, next) => {
    if (!context.path.startsWith(`${apiPrefix}/`)) return next();
    await serveRoutes(context as never, async () => {
      // Answers OPTIONS; for another method of a known path it sets Allow and 405 (RFC 9110 §15.5.6), or 501.
      await methods(context as never, async () => {});
      if (context.status === 405 || context.status === 501) throw new Fault('method_not_allowed');
      if (context.status === 404) throw new Fault('not_found', 'The API has no such address.');
    });
  };
}

/** Compiling every route's shapes takes half a second and 20 MB, so each is compiled with its first request. */
function checksOf({ params, query, body, reply }: Route) {
  return {
    params: params && compile('text', params),
    query: query && compile('text', query),
    body: body && compile('body', body),
    reply: reply && compile('reply', reply),
  };
}

function serve(app: App, route: Route, authenticate: Authenticate, recordDenial: RecordDenial) {
  let compiled: ReturnType<typeof checksOf> | undefined;
  return async (context: Context): Promise<void> => {
    edgeOf(context).route = route.operationId;
    compiled ??= checksOf(route);
    const checks = compiled;
    const actor = route.permission === 'public' ? anonymous : await authenticate(context);
    const call = Call.begin(app, actor, requestFacts(context));
    const input = {
      params: check('params', route, checks.params, { ...(context as Context & { params: object }).params }),
      query: check('query', route, checks.query, singleValues(context.query)),
      body: await bodyOf(context, route, checks.body, actor),
    };
    try {
      const work = {
        prepare: route.prepare && (() => route.prepare?.(call, input as never)),
        run: (at: Call, ready: unknown) => route.run(at, input as never, ready as never),
      };
      const run = async () => work.run(call, await work.prepare?.());
      const key = context.get('idempotency-key');
      const reply =
        route.method === 'get'
          ? await reading(run)
          : route.method === 'post' && key !== ''
            ? await once(call, { key, operationId: route.operationId, input }, work, context)
            : await run();
      await answer(context, route, checks.reply, reply);
    } catch (error) {
      const params = (input.params ?? {}) as Record<string, unknown>;
      if (error instanceof Fault && isDenial(error, actor, params)) {
        await recordDenial(call, { operation: route.operationId, permission: route.permission, params, fault: error });
      }
      throw namingField(error, route, input.body);
    }
  };
}

/** Refused for who asked, not for what: a missing permission, or another organization, which is not_found (checklist MT-01). */
function isDenial({ code, status }: Fault, { reach }: Actor, { org_id }: Record<string, unknown>): boolean {
  const isElsewhere = typeof org_id === 'string' && reach !== null && reach !== 'system' && reach.org_id !== org_id;
  return status === 403 || (code === 'not_found' && isElsewhere);
}

/** @param isSmall whether it is worth while to look for more than the first problem */
function check(
  where: 'params' | 'query' | 'body',
  { [where]: shape }: Route,
  validate: ValidateFunction | undefined,
  value: unknown,
  isSmall = true,
): unknown {
  if (!validate || validate(value)) return value;
  const first = fieldErrors(where, validate.errors);
  throw new Fault('request_invalid', undefined, {
    errors: isSmall && shape ? everyProblem(where, shape, value) : first,
  });
}

/** Bytes of a body in which every problem is looked for. */
const smallBody = 16_384;

/** A parameter that comes twice has no meaning (checklist OA-10). */
function singleValues(query: Record<string, string | string[] | undefined>): Record<string, string> {
  const errors: FieldError[] = [];
  // Without a prototype, so that a parameter called __proto__ is a name like any other, and refused.
  const values: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(query)) {
    if (Array.isArray(value)) errors.push({ pointer: `/query/${name}`, detail: 'was given more than once' });
    else if (value !== undefined) values[name] = value;
  }
  if (errors.length > 0) throw new Fault('request_invalid', undefined, { errors });
  inspect(values);
  return values;
}

async function bodyOf(
  context: Context,
  route: Route,
  validate: ValidateFunction | undefined,
  actor: Actor,
): Promise<unknown> {
  if (!validate) return undefined;
  const body = await readBody(context, { limit: route.bodyLimit, actor });
  return check('body', route, validate, body ?? {}, (context.request.length ?? Infinity) <= smallBody);
}

async function answer(
  context: Context,
  route: Route,
  validate: ValidateFunction | undefined,
  reply: unknown,
): Promise<void> {
  if (!route.reply || !validate) {
    context.status = 204;
    return;
  }
  // Through JSON first: dates become texts, undefined disappears, and the rows of the database stay untouched.
  const copy = await copyOf(reply);
  if (!validate(copy)) {
    throw new Error(
      `The reply of ${route.operationId} breaks its schema: ${JSON.stringify(fieldErrors('reply', validate.errors))}`,
    );
  }
  context.status = route.status ?? 200;
  context.type = 'application/json';
  context.body = await textOf(copy);
}

const isList = (reply: unknown): reply is { items: unknown[] } =>
  typeof reply === 'object' && reply !== null && 'items' in reply && Array.isArray(reply.items);

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** Two hundred items may be megabytes, and each is work: the others have their turn between them (RE-17). */
async function copyOf(reply: unknown): Promise<unknown> {
  if (!isList(reply)) return plain(reply);
  const { items, ...rest } = reply;
  return { items: await inTurns(items, plain), ...(plain(rest) as object) };
}

async function textOf(reply: unknown): Promise<string> {
  if (!isList(reply)) return JSON.stringify(reply);
  const { items, ...rest } = reply;
  const texts = await inTurns(items, (item) => JSON.stringify(item));
  const others = Object.entries(rest).map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`);
  return `{"items":[${texts.join(',')}]${others.join('')}}`;
}
