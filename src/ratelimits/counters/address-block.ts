/** Which addresses count as one: an IPv4 address, or the /64 that one IPv6 subscriber has (RFC 6177, checklist AU-08). */
import { isIP } from 'node:net';

/** The block of an address, as text; addresses that are none count together. */
export function addressBlock(address: string | null): string {
  const bare = (address ?? '').split('%')[0] ?? '';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1];
  if (mapped !== undefined) return mapped;
  if (isIP(bare) === 4) return bare;
  if (isIP(bare) !== 6) return 'unknown';
  // WHATWG URL writes IPv6 in one form: lower case, no leading zeros, no dotted quad.
  const written = new URL(`http://[${bare}]`).hostname.slice(1, -1);
  const [head = '', tail] = written.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups =
    tail === undefined ? left : [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return `${groups.slice(0, 4).join(':')}::/64`;
}
