/**
 * The SCIM door's HTTP (RFC 7644 §3, §8): everything below `/scim/`. The bearer token decides client and organization; every
 * answer is SCIM's, errors too, whatever is wrong: a directory that is told 404 by a broken database makes its people anew.
 */
import type { Context, Middleware } from 'koa';
import type { Knex } from 'knex';
import type { App } from '../core/app.ts';
import { Call } from '../core/call.ts';
import { Fault } from '../core/fault.ts';
import { reading } from '../db/transact.ts';
import { readBody } from '../http/body.ts';
import { toFault } from '../http/problem.ts';
import { edgeOf, requestFacts } from '../http/server.ts';
import { scimBaseUrl } from '../provisioning/clients/service.ts';
import { mappingsOf } from '../provisioning/mappings/service.ts';
import { record } from '../provisioning/recorder/service.ts';
import { authenticateScim, type ScimAuthentication } from '../provisioning/tokens/authenticate.ts';
import { discover, isDiscovery, standardRegistries } from './discovery.ts';
import { findRoute, type Method, segmentsOf } from './endpoints.ts';
import { ScimFault } from './errors.ts';
import { toScimFault } from './faults.ts';
import { Notes } from './leniency.ts';
import { WalkMemory } from './list.ts';
import { Pace } from './pace.ts';
import { type ClientRegistries, getRegistries } from './registry.ts';
import type { Asking, Door, ScimAnswer, ScimRequest } from './request.ts';
import { LIMITS } from './schemas.ts';
import { jsonText } from './text.ts';

const scimType = 'application/scim+json';

export interface ScimDoorOptions {
  readonly app: App;
  /** Whether an organization's people may sign in with a password. */
  readonly passwordAllowed: (db: Knex, orgId: string) => Promise<boolean>;
}

const unknownPath = () => new ScimFault(404, undefined, 'This SCIM endpoint has no such address.');

/** The middleware that serves everything below `/scim/`. */
export function createScimDoor({ app, passwordAllowed }: ScimDoorOptions): Middleware {
  const pace = new Pace(app.config.scim_requests_per_second);
  const door: Door = { walks: new WalkMemory(), pace, passwordAllowed };
  const base = scimBaseUrl(app.config.url);
  return async (context, next) => {
    if (!isScimPath(context.path)) return next();
    const exchange = new Exchange(context, app, base, door);
    await exchange.run();
  };
}

/** Whether an address is this door's. */
const isScimPath = (path: string): boolean => path === '/scim' || path.startsWith('/scim/');

/** For the edge: what is refused before any door is reached is a SCIM error below `/scim/`. */
export function renderScimFault(context: Context, fault: Fault): boolean {
  if (!isScimPath(context.path)) return false;
  writeError(context, toScimFault(fault), edgeOf(context).request_id);
  return true;
}

function writeError(context: Context, fault: ScimFault, requestId: string): void {
  const body = fault.body();
  if (fault.status >= 500) body.detail = `${body.detail} (request ${requestId})`;
  write(context, { status: fault.status, headers: fault.headers }, JSON.stringify(body));
}

/** @param text the body, when there is one */
function write(context: Context, { status, headers = {} }: ScimAnswer, text: string | undefined): void {
  context.status = status;
  for (const [name, value] of Object.entries(headers)) context.set(name, value);
  if (text === undefined) {
    context.body = null;
    context.status = status;
    return;
  }
  // Whoever asks for plain JSON and nothing else gets that (RFC 7644 §8.1).
  context.type = context.accepts(scimType, 'application/json') || scimType;
  context.body = text;
}

/** One request and its answer. */
class Exchange {
  readonly #context: Context;
  readonly #app: App;
  readonly #base: string;
  readonly #door: Door;
  readonly #started = performance.now();
  #request: ScimRequest | undefined;
  #body: unknown;

  constructor(context: Context, app: App, base: string, door: Door) {
    this.#context = context;
    this.#app = app;
    this.#base = base;
    this.#door = door;
  }

  async run(): Promise<void> {
    let answered: ScimAnswer;
    try {
      answered = await this.#answer();
      write(this.#context, answered, answered.body && (await jsonText(answered.body)));
    } catch (error) {
      const fault = this.#faultOf(error);
      answered = { status: fault.status, body: { ...fault.body() } };
      writeError(this.#context, fault, edgeOf(this.#context).request_id);
    }
    this.#record(answered);
  }

  #faultOf(error: unknown): ScimFault {
    if (error instanceof ScimFault) return error;
    const kind = this.#request?.trail.resource_type;
    const registry = kind ? this.#request?.registries[kind] : undefined;
    return toScimFault(toFault(error, this.#app.log, edgeOf(this.#context).request_id), registry);
  }

  async #answer(): Promise<ScimAnswer> {
    const context = this.#context;
    const segments = segmentsOf(context.path);
    edgeOf(context).route = 'scim';
    const isPublic = segments !== undefined && isDiscovery(segments[0] ?? '');
    const authentication = await this.#authenticate(isPublic);
    if (authentication) await this.#begin(authentication);
    if (context.accepts(scimType, 'application/json') === false) {
      throw new ScimFault(406, undefined, `This endpoint answers with ${scimType} or application/json.`);
    }
    if (segments === undefined) throw unknownPath();
    return isPublic ? this.#discover(segments) : this.#serve(segments);
  }

  /** @returns null for nobody, where nobody is welcome too */
  async #authenticate(isPublic: boolean): Promise<ScimAuthentication | null> {
    const header = this.#context.get('authorization');
    if (header === '' && isPublic) return null;
    const [, token] = /^Bearer +([\x21-\x7e]+) *$/i.exec(header) ?? [];
    const found = token === undefined ? null : await authenticateScim(this.#app, token);
    if (found) return found;
    const challenge = token === undefined ? 'Bearer realm="scim"' : 'Bearer realm="scim", error="invalid_token"';
    throw new ScimFault(401, undefined, 'A token of a SCIM client is needed, and this is none that is valid.', {
      'www-authenticate': challenge,
    });
  }

  async #begin({ actor, client }: ScimAuthentication): Promise<void> {
    const app = this.#app;
    const wait = this.#door.pace.take(client.client_id);
    const call = Call.begin(app, actor, requestFacts(this.#context));
    const started = {
      call,
      client,
      base: this.#base,
      notes: new Notes(),
      trail: { resource_type: null, resource_id: null, changes: null },
      door: this.#door,
    };
    this.#request = { ...started, registries: standardRegistries() };
    if (wait > 0) {
      throw new ScimFault(429, undefined, 'Too many requests of this client. Wait before you try again.', {
        'retry-after': String(wait),
      });
    }
    this.#request = { ...started, registries: await registriesOf(app, client) };
  }

  #discover([endpoint = '', id, ...rest]: readonly string[]): ScimAnswer {
    const context = this.#context;
    edgeOf(context).route = `scim ${endpoint}`;
    if (rest.length > 0) throw unknownPath();
    if (context.method === 'OPTIONS') return { status: 204, headers: { allow: 'GET, HEAD, OPTIONS' } };
    if (context.method !== 'GET' && context.method !== 'HEAD') throw notAllowed('GET, HEAD, OPTIONS');
    const registries = this.#request?.registries ?? standardRegistries();
    return discover(endpoint, id, registries, this.#base, context.query.filter);
  }

  async #serve(segments: readonly string[]): Promise<ScimAnswer> {
    const context = this.#context;
    const route = findRoute(segments);
    if (!route) throw unknownPath();
    edgeOf(context).route = route.name;
    const allowed = Object.keys(route.methods).flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
    const allow = [...allowed, 'OPTIONS'].join(', ');
    if (context.method === 'OPTIONS') return { status: 204, headers: { allow } };
    const method = context.method === 'HEAD' ? 'GET' : context.method;
    const handler = Object.hasOwn(route.methods, method) ? route.methods[method as Method] : undefined;
    if (!handler) throw notAllowed(allow);
    if (!this.#request) throw new Fault('unauthenticated');
    if (method === 'POST' || method === 'PUT' || method === 'PATCH') {
      this.#body = await readBody(context, {
        limit: route.limit ?? LIMITS.maxPayloadSize,
        jsonTypes: [scimType],
        actor: this.#request.call.actor,
      });
    }
    const { query } = context;
    return handler(this.#request, { id: route.id, body: this.#body, query, asking: askingOf(context) });
  }

  #record(answered: ScimAnswer): void {
    const request = this.#request;
    if (!request) return;
    const { client, notes, trail, call } = request;
    record(this.#app, {
      org_id: client.org_id,
      client_id: client.client_id,
      request: call.request,
      method: this.#context.method,
      path: this.#context.url,
      request_body: this.#body,
      response_status: answered.status,
      response_body: answered.body,
      notes: notes.list,
      changes: answered.status < 400 ? trail.changes : null,
      resource_type: trail.resource_type,
      resource_id: trail.resource_id,
      duration_ms: performance.now() - this.#started,
    });
  }
}

const notAllowed = (allow: string) =>
  new ScimFault(405, undefined, 'This address does not know that method.', { allow });

const askingOf = (context: Context): Asking => ({
  if_match: context.get('if-match') || undefined,
  if_none_match: context.get('if-none-match') || undefined,
  attributes: context.query.attributes,
  excludedAttributes: context.query.excludedAttributes,
});

async function registriesOf(app: App, client: ScimAuthentication['client']): Promise<ClientRegistries> {
  const mappings = await reading(() => mappingsOf(app.db, client));
  return getRegistries(client.client_id, String(client.mapping_version), mappings);
}
