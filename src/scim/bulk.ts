/**
 * Bulk (RFC 7644 §3.7). Operations run in an order in which every `bulkId:` they name exists already; a circle is broken
 * by creating a resource without the references that are still missing and adding them by a PATCH once they exist.
 */
import { nextTurn } from '../core/turn.ts';
import { invalidSyntax, invalidValue, ScimFault, tooLarge } from './errors.ts';
import { getField, isObject, type Json, type JsonObject, readObject } from './json.ts';
import { PATCH_URN } from './patch.ts';
import { LIMITS, type Limits } from './schemas.ts';

export const BULK_REQUEST_URN = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';
const BULK_RESPONSE_URN = 'urn:ietf:params:scim:api:messages:2.0:BulkResponse';

export interface BulkOperation {
  method: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/Users`, `/Groups/<id>`, `/Users/bulkId:<name>` */
  path: string;
  bulkId: string | undefined;
  version: string | undefined;
  data: Json | undefined;
}

export interface BulkRequest {
  failOnErrors: number | undefined;
  operations: BulkOperation[];
}

/** What one operation came to. `execute` throws a ScimFault for its own failure; anything else ends the whole request. */
export interface BulkDone {
  status: number;
  id: string;
  location: string;
  version?: string | undefined;
}

export type ExecuteBulk = (operation: BulkOperation) => Promise<BulkDone>;

/** @throws ScimFault 400 invalidSyntax, 413 over the caps */
export function parseBulk(body: unknown, limits: Limits = LIMITS): BulkRequest {
  const sent = readObject(body);
  const schemas = getField(sent, 'schemas');
  if (!Array.isArray(schemas) || !schemas.some((urn) => String(urn).toLowerCase() === BULK_REQUEST_URN.toLowerCase())) {
    throw invalidSyntax(`"schemas" must name ${BULK_REQUEST_URN}.`);
  }
  const list = getField(sent, 'Operations');
  if (!Array.isArray(list)) throw invalidSyntax('"Operations" must be a list.');
  if (list.length > limits.maxOperations) {
    throw tooLarge(`The request has more than ${limits.maxOperations} operations, the most this server takes.`);
  }
  const failOnErrors = getField(sent, 'failOnErrors') ?? undefined;
  if (failOnErrors !== undefined && !(Number.isInteger(failOnErrors) && Number(failOnErrors) >= 1)) {
    throw invalidSyntax('"failOnErrors" must be a whole number from 1.');
  }
  const operations = list.map(parseOperation);
  const names = operations.flatMap(({ bulkId, method }) => (bulkId !== undefined && method === 'POST' ? [bulkId] : []));
  if (new Set(names).size !== names.length) throw invalidSyntax('A bulkId is used by two operations.');
  return { failOnErrors: failOnErrors as number | undefined, operations };
}

function parseOperation(sent: Json): BulkOperation {
  if (!isObject(sent)) throw invalidSyntax('An operation must be an object.');
  const method = String(getField(sent, 'method') ?? '').toUpperCase();
  const path = getField(sent, 'path');
  const bulkId = getField(sent, 'bulkId') ?? undefined;
  const version = getField(sent, 'version') ?? undefined;
  const data = getField(sent, 'data') ?? undefined;
  if (method !== 'POST' && method !== 'PUT' && method !== 'PATCH' && method !== 'DELETE') {
    throw invalidSyntax('"method" must be POST, PUT, PATCH or DELETE.');
  }
  const shape = method === 'POST' ? /^\/[A-Za-z]{1,40}$/ : /^\/[A-Za-z]{1,40}\/[\w.~:-]{1,200}$/;
  if (typeof path !== 'string' || !shape.test(path))
    throw invalidSyntax('"path" must name an endpoint, or one resource of it.');
  if (bulkId !== undefined && (typeof bulkId !== 'string' || !/^[\w.~-]{1,128}$/.test(bulkId))) {
    throw invalidSyntax('"bulkId" must be up to 128 letters, digits, dots, dashes or underscores.');
  }
  if (method === 'POST' && bulkId === undefined) throw invalidSyntax('POST needs a "bulkId".');
  if (version !== undefined && typeof version !== 'string') throw invalidSyntax('"version" must be text.');
  if (method !== 'DELETE' && !isObject(data)) throw invalidSyntax(`${method} needs "data".`);
  return { method, path, bulkId: bulkId as string | undefined, version, data };
}

interface Outcome {
  operation: BulkOperation;
  done?: BulkDone;
  fault?: ScimFault;
}

/**
 * Runs the operations and gives the BulkResponse body: results in the order of the request. After `failOnErrors` failures
 * the rest is left undone and unmentioned. Each operation is its own transaction, as §3.7 has it.
 */
export async function runBulk(request: BulkRequest, execute: ExecuteBulk): Promise<JsonObject> {
  const run = new BulkRun(request, execute);
  await run.all();
  const results = request.operations.flatMap((operation) => {
    const outcome = run.outcomes.get(operation);
    return outcome ? [describe(outcome)] : [];
  });
  return { schemas: [BULK_RESPONSE_URN], Operations: results };
}

function describe({ operation, done, fault }: Outcome): JsonObject {
  const result: JsonObject = { method: operation.method, status: String(fault?.status ?? done?.status ?? 500) };
  if (operation.bulkId !== undefined) result.bulkId = operation.bulkId;
  if (done) result.location = done.location;
  if (done?.version !== undefined) result.version = done.version;
  if (fault) result.response = { ...fault.body() };
  return result;
}

class BulkRun {
  readonly outcomes = new Map<BulkOperation, Outcome>();
  private readonly request: BulkRequest;
  private readonly execute: ExecuteBulk;
  private readonly ids = new Map<string, string>();
  private readonly makers: Map<string, BulkOperation>;
  /** The bulkIds an operation names that have not come to a resource yet, but may; kept, as to read them anew each time is quadratic. */
  private readonly missing = new Map<BulkOperation, Set<string>>();
  private failures = 0;

  constructor(request: BulkRequest, execute: ExecuteBulk) {
    this.request = request;
    this.execute = execute;
    const made = request.operations.filter(({ method }) => method === 'POST');
    this.makers = new Map(made.map((operation) => [operation.bulkId as string, operation]));
    for (const operation of request.operations) {
      const named = [...namesIn([operation.path, operation.data ?? null])];
      const awaited = named.filter((name) => this.makers.has(name) && this.makers.get(name) !== operation);
      this.missing.set(operation, new Set(awaited));
    }
  }

  async all(): Promise<void> {
    let waiting = [...this.request.operations];
    while (waiting.length > 0 && !this.isStopped()) {
      const ready = waiting.find((operation) => this.missing.get(operation)?.size === 0);
      // Nobody is ready: a circle. The first POST goes ahead without what is missing.
      const next = ready ?? waiting.find(({ method }) => method === 'POST') ?? (waiting[0] as BulkOperation);
      // An operation that fails at once waits for nothing, and a thousand of them would hold everybody up (RE-17).
      await nextTurn();
      await this.one(next);
      waiting = waiting.filter((operation) => operation !== next);
      for (const names of this.missing.values()) names.delete(next.method === 'POST' ? (next.bulkId as string) : '');
    }
    for (const outcome of this.outcomes.values()) if (!this.isStopped()) await this.complete(outcome);
  }

  private isStopped = (): boolean =>
    this.request.failOnErrors !== undefined && this.failures >= this.request.failOnErrors;

  private async one(operation: BulkOperation): Promise<void> {
    await this.settle(operation, async () => {
      const isPost = operation.method === 'POST';
      const data = operation.data === undefined ? undefined : this.resolve(operation.data, isPost);
      const done = await this.execute({ ...operation, path: this.resolve(operation.path, false) as string, data });
      if (isPost) this.ids.set(operation.bulkId as string, done.id);
      return done;
    });
  }

  /** The references that a circle left out of a POST, added now that they exist. */
  private async complete({ operation, done }: Outcome): Promise<void> {
    const late = this.late.get(operation.bulkId ?? '');
    if (!done || operation.method !== 'POST' || !late) return;
    const operations = late.map(({ path, value }) => ({ op: 'add', path, value }));
    await this.settle(operation, async () => {
      const data = this.resolve({ schemas: [PATCH_URN], Operations: operations }, false);
      const path = `${operation.path}/${done.id}`;
      const patched = await this.execute({ method: 'PATCH', path, bulkId: undefined, version: undefined, data });
      return { ...done, version: patched.version };
    });
  }

  private async settle(operation: BulkOperation, act: () => Promise<BulkDone>): Promise<void> {
    try {
      // To look through a body of references is work enough for one turn; to resolve them is another.
      if (operation.method === 'POST' && !this.outcomes.has(operation) && this.postpone(operation)) await nextTurn();
      this.outcomes.set(operation, { operation, done: await act() });
    } catch (fault) {
      if (!(fault instanceof ScimFault)) throw fault;
      this.failures++;
      this.outcomes.set(operation, { operation, fault });
    }
  }

  private readonly late = new Map<string, { path: string; value: Json }[]>();

  /** Remembers the top-level values of a POST that name what does not exist yet. @returns whether there may be some */
  private postpone(operation: BulkOperation): boolean {
    const missing = new Set([...(this.missing.get(operation) ?? []), ...this.selves(operation)]);
    if (missing.size === 0 || !isObject(operation.data)) return false;
    const isLate = (value: Json) => [...namesIn(value)].some((name) => missing.has(name));
    const late: { path: string; value: Json }[] = [];
    for (const [key, value] of Object.entries(operation.data)) {
      if (/^urn:/i.test(key) && isObject(value)) {
        for (const [inner, part] of Object.entries(value))
          if (isLate(part)) late.push({ path: `${key}:${inner}`, value: part });
      } else if (Array.isArray(value)) {
        const items = value.filter(isLate);
        if (items.length > 0) late.push({ path: key, value: items });
      } else if (isLate(value)) late.push({ path: key, value });
    }
    this.late.set(operation.bulkId as string, late);
    return true;
  }

  private selves({ bulkId, data }: BulkOperation): string[] {
    return bulkId !== undefined && namesIn(data ?? null).has(bulkId) ? [bulkId] : [];
  }

  /**
   * `bulkId:x` → the id it came to. With `skipMissing`, what holds a reference to something still to come is left out.
   * @throws ScimFault 400 invalidValue for a bulkId that no operation makes; 409 when the operation that makes it failed
   */
  private resolve(value: Json, skipMissing: boolean): Json {
    if (typeof value === 'string') return value.replace(REFERENCE, (_, name: string) => this.idOf(name));
    if (Array.isArray(value)) {
      return value
        .filter((item) => !skipMissing || !this.isWaiting(item))
        .map((item) => this.resolve(item, skipMissing));
    }
    if (!isObject(value)) return value;
    const copy: JsonObject = {};
    for (const [key, part] of Object.entries(value)) {
      const isHolder = /^urn:/i.test(key) && isObject(part);
      if (skipMissing && !isHolder && !Array.isArray(part) && this.isWaiting(part)) continue;
      copy[key] = this.resolve(part, skipMissing);
    }
    return copy;
  }

  private isWaiting = (value: Json): boolean =>
    [...namesIn(value)].some((name) => this.makers.has(name) && !this.ids.has(name) && !this.hasFailed(name));

  private hasFailed = (name: string): boolean => {
    const maker = this.makers.get(name);
    return maker !== undefined && this.outcomes.get(maker)?.fault !== undefined;
  };

  private idOf(name: string): string {
    const id = this.ids.get(name);
    if (id !== undefined) return id;
    if (this.makers.has(name)) throw new ScimFault(409, undefined, `bulkId "${name}" came to no resource.`);
    throw invalidValue(`No operation makes bulkId "${name}".`);
  }
}

/** A reference is a value that is `bulkId:<name>`, a path that ends so, or a quoted one in a path filter; the rest is text. */
const REFERENCE = /(?<=^|[/"])bulkId:([\w.~-]{1,128})(?="|$)/g;

function namesIn(value: Json): Set<string> {
  const names = new Set<string>();
  const look = (item: Json): void => {
    if (typeof item === 'string') {
      if (!item.includes('bulkId:')) return;
      for (const [, name] of item.matchAll(REFERENCE)) names.add(name as string);
    } else if (Array.isArray(item)) item.forEach(look);
    else if (isObject(item)) Object.values(item).forEach(look);
  };
  look(value);
  return names;
}
