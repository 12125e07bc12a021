/** What must hold over the answers that are kept for an Idempotency-Key. */
import { type Check, check, sealedCheck } from '../core/check.ts';

export const httpChecks: readonly Check[] = [
  check(
    'an answer is kept whole, or not at all',
    `select format('The key %s of %s was begun and never finished.', key, actor_key) from idempotency_keys where status <> 'done'`,
  ),
  sealedCheck({ table: 'idempotency_keys', column: 'reply', key: "actor_key || ':' || key" }),
];
