/** Identifiers: UUIDv7 (RFC 9562 §5.7), time-ordered so that indexes grow at one end, made by the application. */
import { randomBytes } from 'node:crypto';

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
    counter = randomBytes(2).readUInt16BE() & 0x7ff;
  } else if (++counter > 0xfff) {
    lastMilliseconds += 1;
    counter = 0;
  }
  const bytes = randomBytes(16);
  bytes.writeUIntBE(lastMilliseconds, 0, 6);
  bytes.writeUInt16BE(0x7000 | counter, 6);
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether a text is a UUID in its usual form; anything else must never reach a uuid column. */
export const isId = (text: unknown): text is string => typeof text === 'string' && uuidForm.test(text);

/** The owner of accounts that no organization owns, in unique indexes (data model: "unique within the owner"). */
export const zeroId = '00000000-0000-0000-0000-000000000000';
