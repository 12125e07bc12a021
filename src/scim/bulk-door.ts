/** Bulk (RFC 7644 §3.7) over HTTP: each operation is one request of its own, with its own transaction. */
import { Fault } from '../core/fault.ts';
import { type BulkDone, type BulkOperation, parseBulk, runBulk } from './bulk.ts';
import { notFound, ScimFault } from './errors.ts';
import { toScimFault } from './faults.ts';
import { deleteGroup, patchGroup, postGroup, putGroup } from './groups.ts';
import type { JsonObject } from './json.ts';
import type { Asking, ScimAnswer, ScimRequest, Trail } from './request.ts';
import { deleteUser, patchUser, postUser, putUser } from './users.ts';

interface Writers {
  post(request: ScimRequest, body: unknown, asking: Asking): Promise<ScimAnswer>;
  put(request: ScimRequest, id: string, body: unknown, asking: Asking): Promise<ScimAnswer>;
  patch(request: ScimRequest, id: string, body: unknown, asking: Asking): Promise<ScimAnswer>;
  remove(request: ScimRequest, id: string, asking: Asking): Promise<ScimAnswer>;
}

const writers: Record<string, Writers> = {
  Users: { post: postUser, put: putUser, patch: patchUser, remove: deleteUser },
  Groups: { post: postGroup, put: putGroup, patch: patchGroup, remove: deleteGroup },
};

/** @throws ScimFault 400, 413; and what makes going on pointless: a database that does not answer */
export async function postBulk(request: ScimRequest, body: unknown): Promise<ScimAnswer> {
  const { client, door } = request;
  const bulk = parseBulk(body);
  door.pace.charge(client.client_id, bulk.operations.length - 1);
  const answer: JsonObject = await runBulk(bulk, (operation) => execute(request, operation));
  return { status: 200, body: answer };
}

async function execute(request: ScimRequest, operation: BulkOperation): Promise<BulkDone> {
  const [, endpoint = '', id] = operation.path.split('/');
  const found = Object.hasOwn(writers, endpoint) ? writers[endpoint] : undefined;
  if (!found) throw notFound();
  const trail: Trail = { resource_type: null, resource_id: null, changes: null };
  const one = { ...request, trail };
  try {
    const answer = await perform(one, found, operation, id);
    const location = answer.headers?.location ?? `${request.base}/${endpoint}/${trail.resource_id}`;
    return { status: answer.status, id: trail.resource_id ?? '', location, version: answer.headers?.etag };
  } catch (error) {
    // What is wrong with this operation is said beside it; what is wrong with the server ends the request.
    if (!(error instanceof Fault) || error.status >= 500) throw error;
    throw toScimFault(error, endpoint === 'Users' ? request.registries.User : request.registries.Group);
  } finally {
    note(request, operation, trail);
  }
}

function perform(
  request: ScimRequest,
  { post, put, patch, remove }: Writers,
  { method, version, data }: BulkOperation,
  id: string | undefined,
): Promise<ScimAnswer> {
  // Bodies are not part of the answer; members are not read for one that is thrown away.
  const asking: Asking = { if_match: version, excludedAttributes: 'members,groups' };
  if (method === 'POST') return post(request, data, asking);
  if (id === undefined) throw new ScimFault(405, undefined, `${method} needs the id of a resource.`);
  if (method === 'PUT') return put(request, id, data, asking);
  return method === 'PATCH' ? patch(request, id, data, asking) : remove(request, id, asking);
}

/** The recorder sees the first hundred operations one by one. */
function note({ trail }: ScimRequest, { method, path }: BulkOperation, done: Trail): void {
  const operations = (trail.changes?.operations ?? []) as unknown[];
  if (operations.length < 100) operations.push({ method, path, resource_id: done.resource_id, changes: done.changes });
  trail.changes = { operations };
}
