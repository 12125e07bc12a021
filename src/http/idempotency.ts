/**
 * Idempotency-Key on POST (draft-ietf-httpapi-idempotency-key-header): the answer is kept in the transaction of the change,
 * sealed, so that a retry gets the same answer and the change happens once, also when both arrive at the same time.
 */
import { createHmac } from 'node:crypto';
import type { Context } from 'koa';
import type { App } from '../core/app.ts';
import type { Call } from '../core/call.ts';
import { Fault } from '../core/fault.ts';
import { reading } from '../db/transact.ts';

const lifetimeMs = 24 * 60 * 60 * 1000;

/** A request that comes with a key. */
export interface KeyedRequest {
  readonly key: string;
  readonly operationId: string;
  readonly input: unknown;
}

export interface Work<T> {
  /** What takes long, before the transaction; left out where the answer is known already. */
  readonly prepare?: (() => Promise<unknown> | undefined) | undefined;
  /** What is done inside of it. */
  readonly run: (call: Call, ready: unknown) => Promise<T>;
}

/**
 * Runs a POST once for a key of an actor. A refused request leaves nothing, so it can be corrected and sent again.
 * @throws Fault request_invalid for an unusable key, idempotency_key_reused for another request under the same key
 */
export async function once<T>(call: Call, request: KeyedRequest, work: Work<T>, context: Context): Promise<T> {
  const { key, operationId, input } = request;
  if (key.length > 255 || !/^[\x21-\x7e]+$/.test(key)) {
    throw new Fault('request_invalid', 'Idempotency-Key must be 1 to 255 printable ASCII characters.');
  }
  const actor_key = `${call.actor.type}:${call.actor.id ?? call.actor.label}`;
  const hashes = requestHashes(call.app, JSON.stringify([operationId, input]));
  const seal = `idempotency_keys:reply:${actor_key}:${key}`;
  const earlierAnswer = async (db: Call['db']): Promise<{ reply: T } | null> => {
    const earlier = await db('idempotency_keys')
      .where({ actor_key, key })
      .where('expires_at', '>', call.now)
      .first('request_hash', 'reply');
    if (!earlier) return null;
    if (!hashes.includes(earlier.request_hash)) throw new Fault('idempotency_key_reused');
    context.set('idempotency-replayed', 'true');
    return { reply: JSON.parse(call.app.sealer.open(earlier.reply, seal)) as T };
  };
  // What would be prepared for nothing may even fail by now: the file is gone, the name server is down.
  const known = work.prepare ? await reading(() => earlierAnswer(call.db)) : null;
  if (known) return known.reply;
  const ready = await work.prepare?.();
  return call.write(async (inner) => {
    // Two at the same time: the second waits here for the first one's commit, then finds its row.
    await inner.db('idempotency_keys').where({ actor_key, key }).where('expires_at', '<=', call.now).delete();
    const taken = await inner
      .db('idempotency_keys')
      .insert({
        actor_key,
        key,
        route: operationId,
        request_hash: hashes[0],
        status: 'pending',
        reply: null,
        created_at: call.now,
        expires_at: new Date(call.now.getTime() + lifetimeMs),
      })
      .onConflict(['actor_key', 'key'])
      .ignore()
      .returning('key');
    if (taken.length === 0) {
      const earlier = await earlierAnswer(inner.db);
      if (earlier) return earlier.reply;
      throw new Fault('busy', 'Another request under this Idempotency-Key is under way.');
    }
    const reply = await work.run(inner, ready);
    await inner
      .db('idempotency_keys')
      .where({ actor_key, key })
      .update({ status: 'done', reply: inner.app.sealer.seal(JSON.stringify(reply ?? null), seal) });
    return reply;
  });
}

/** Keyed, because a request may have a password in it, which a plain hash would let anybody try who reads the table (SD-03). */
const requestHashes = (app: App, request: string): string[] =>
  app.sealer.derive('idempotency').map((key) => createHmac('sha256', key).update(request).digest('base64url'));

/** Deletes answers that nobody can ask for again; a job's work, safe in several processes at once. @returns how many */
export async function expireIdempotencyKeys({ db, clock }: App): Promise<number> {
  const batch = 5000;
  let all = 0;
  for (let round = 0; round < 100; round += 1) {
    const { rowCount } = await db.raw(
      `delete from idempotency_keys where ctid = any (array(
         select ctid from idempotency_keys where expires_at <= ? order by expires_at limit ? for update skip locked))`,
      [clock(), batch],
    );
    all += rowCount ?? 0;
    if (rowCount < batch) break;
  }
  return all;
}
