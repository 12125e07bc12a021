/** Identifiers: UUIDv7 (RFC 9562 §5.7), time-ordered so that indexes grow at one end, made by the application. */
import { randomUUID } from 'node:crypto';

let lastMilliseconds = 0;
let counter = 0;

/**
 * A new UUIDv7. Within one process and millisecond the 12 bits of `rand_a` count up (RFC 9562 §6.2 method 1),
 * so that rows made by one request keep their order; the other 62 bits are random.
 * @param now milliseconds since the epoch
 */
export function newId(now: number = Date.now()): string {
  if (now > lastMilliseconds) {
    lastMilliseconds = now;
    counter = Number.parseInt(randomUUID().slice(0, 3), 16) & 0x7ff;
  } else if (++counter > 0xfff) {
    lastMilliseconds += 1;
    counter = 0;
  }
  const time = lastMilliseconds.toString(16).padStart(12, '0');
  // The tail of a random UUID: the variant of RFC 9562 §4.1 and 62 random bits. Node fetches the entropy of UUIDs in advance.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${randomUUID().slice(19)}`;
}

const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether a text is a UUID in its usual form; anything else must never reach a uuid column. */
export const isId = (text: unknown): text is string => typeof text === 'string' && uuidForm.test(text);

/** The owner of accounts that no organization owns, in unique indexes (data model: "unique within the owner"). */
export const zeroId = '00000000-0000-0000-0000-000000000000';
