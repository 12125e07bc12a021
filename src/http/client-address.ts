/** The client's address: the socket's, or what a trusted proxy says (checklist MT-04). */
import { BlockList, isIP } from 'node:net';
import type { IncomingMessage } from 'node:http';
import { ConfigurationError } from '../config/config.ts';

/** Builds the test for addresses and CIDR blocks. @throws ConfigurationError when an entry is neither */
export function addressList(entries: readonly string[]): (address: string) => boolean {
  const blocks = new BlockList();
  for (const entry of entries) {
    const [address = '', prefix] = entry.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    const isPrefix =
      prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 'ipv6' ? 128 : 32));
    if (isIP(address) === 0 || !isPrefix)
      throw new ConfigurationError(`LINTEL_TRUSTED_PROXIES: ${entry} is not an address or CIDR block.`);
    if (prefix === undefined) blocks.addAddress(address, family);
    else blocks.addSubnet(address, Number(prefix), family);
  }
  if (entries.length === 0) return () => false;
  return (address) => blocks.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

const unmapped = (address: string): string => (address.startsWith('::ffff:') ? address.slice(7) : address);

/**
 * Who sent a request. X-Forwarded-For is read from the right, and only past proxies that are configured:
 * what the client itself wrote there is never believed.
 */
export function clientAddress(request: IncomingMessage, isTrustedProxy: (address: string) => boolean): string | null {
  let address = unmapped(request.socket.remoteAddress ?? '');
  if (isIP(address) === 0) return null;
  if (!isTrustedProxy(address)) return address;
  const forwarded = String(request.headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((part) => unmapped(part.trim()));
  while (isTrustedProxy(address)) {
    const previous = forwarded.pop();
    if (previous === undefined || isIP(previous) === 0) break;
    address = previous;
  }
  return address;
}
