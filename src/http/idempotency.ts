/**
 * Idempotency-Key on POST (draft-ietf-httpapi-idempotency-key-header): the answer is kept in the transaction of the change,
 * sealed, so that a retry gets the same answer and the change happens once, also when both arrive at the same time.
 */
import { createHash } from 'node:crypto';
import type { Context } from 'koa';
import type { Call } from '../core/call.ts';
import { Fault } from '../core/fault.ts';

const lifetimeMs = 24 * 60 * 60 * 1000;

/**
 * Runs a POST once for a key of an actor. A refused request leaves nothing, so it can be corrected and sent again.
 * @throws Fault request_invalid for an unusable key, idempotency_key_reused for another request under the same key
 */
export async function once<T>(
  call: Call,
  key: string,
  operationId: string,
  input: unknown,
  run: (call: Call) => Promise<T>,
  context: Context,
): Promise<T> {
  if (key.length > 255 || !/^[\x21-\x7e]+$/.test(key)) {
    throw new Fault('request_invalid', 'Idempotency-Key must be 1 to 255 printable ASCII characters.');
  }
  const actor_key = `${call.actor.type}:${call.actor.id ?? call.actor.label}`;
  const request_hash = createHash('sha256')
    .update(JSON.stringify([operationId, input]))
    .digest('base64url');
  const seal = `idempotency_keys:reply:${actor_key}:${key}`;
  return call.write(async (inner) => {
    // Two at the same time: the second waits here for the first one's commit, then finds its row.
    await inner.db('idempotency_keys').where({ actor_key, key }).where('expires_at', '<=', call.now).delete();
    const taken = await inner
      .db('idempotency_keys')
      .insert({
        actor_key,
        key,
        route: operationId,
        request_hash,
        status: 'pending',
        reply: null,
        created_at: call.now,
        expires_at: new Date(call.now.getTime() + lifetimeMs),
      })
      .onConflict(['actor_key', 'key'])
      .ignore()
      .returning('key');
    if (taken.length === 0) {
      const earlier = await inner.db('idempotency_keys').where({ actor_key, key }).first('request_hash', 'reply');
      if (earlier?.request_hash !== request_hash) throw new Fault('idempotency_key_reused');
      context.set('idempotency-replayed', 'true');
      return JSON.parse(inner.app.sealer.open(earlier.reply, seal)) as T;
    }
    const reply = await run(inner);
    await inner
      .db('idempotency_keys')
      .where({ actor_key, key })
      .update({ status: 'done', reply: inner.app.sealer.seal(JSON.stringify(reply ?? null), seal) });
    return reply;
  });
}
