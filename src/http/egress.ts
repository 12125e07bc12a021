/**
 * The one client for requests to the outside: https only, public addresses only (checked on the address that is connected to,
 * so a name that changes its mind gains nothing), bounded in size, time and redirects (checklist SS-01…03).
 */
import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import type { Agent } from 'undici';
import type { EgressAnswer, EgressInit } from '../core/app.ts';
import { Fault } from '../core/fault.ts';

const closed = new BlockList();
for (const [address, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  closed.addSubnet(address, prefix, 'ipv4');
// Within 2000::/3, what is documentation, tunnels that carry IPv4, or special purpose (RFC 6890).
for (const [address, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  closed.addSubnet(address, prefix, 'ipv6');
}
const global6 = new BlockList();
global6.addSubnet('2000::', 3, 'ipv6');

/** Whether an address literal belongs to the public internet. Anything that is not surely public is not. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !closed.check(address, 'ipv4');
  return family === 6 && global6.check(address, 'ipv6') && !closed.check(address, 'ipv6');
}

/** Resolves like the system does and refuses before a connection is made when any answer is not public. */
const guardedLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, '', 0);
    const refused = addresses.length === 0 || addresses.some(({ address }) => !isPublicAddress(address));
    if (refused)
      return callback(Object.assign(new Error(`${hostname} is not a public address`), { code: 'EGRESS' }), '', 0);
    const first = addresses[0] as { address: string; family: number };
    if (options.all) (callback as unknown as (error: null, all: typeof addresses) => void)(null, addresses);
    else callback(null, first.address, first.family);
  });
};

export interface Egress {
  fetch(url: string, init?: EgressInit): Promise<EgressAnswer>;
  close(): Promise<void>;
}

/**
 * @param allowed hosts (`host` or `host:port`) of the operator's configuration that may be private or plain http
 * @param refused is told of each host that may not be reached: whoever asked learns nothing about the operator's settings
 */
export function createEgress(allowed: readonly string[], refused: (host: string) => void = () => {}): Egress {
  const limits = { connections: 16, headersTimeout: 5000, bodyTimeout: 5000, maxHeaderSize: 16_384 };
  let agents: Promise<{ readonly guarded: Agent; readonly trusted: Agent }> | undefined;
  // Loaded with the first request that goes out.
  const open = async () => {
    const undici = await import('undici');
    const guarded = new undici.Agent({ ...limits, connect: { lookup: guardedLookup, timeout: 3000 } });
    return { guarded, trusted: new undici.Agent({ ...limits, connect: { timeout: 3000 } }) };
  };
  const portOf = ({ port, protocol }: URL) => port || (protocol === 'https:' ? '443' : '80');
  const isAllowed = (url: URL) => allowed.includes(url.hostname) || allowed.includes(`${url.hostname}:${portOf(url)}`);

  async function fetchOnce(url: URL, init: EgressInit, signal: AbortSignal) {
    const known = isAllowed(url);
    if (!known) {
      const literal = url.hostname.replace(/^\[|\]$/g, '');
      const publicLiteral = isIP(literal) === 0 || isPublicAddress(literal);
      if (url.protocol !== 'https:' || !publicLiteral || url.username || url.password) {
        refused(url.host);
        throw new Fault('egress_refused', 'Only public https addresses can be reached.');
      }
    }
    agents ??= open();
    const { guarded, trusted } = await agents;
    const { request } = await import('undici');
    return request(url.href, {
      method: (init.method ?? 'GET') as 'GET',
      headers: { 'user-agent': 'Lintel', 'accept-encoding': 'identity', ...init.headers },
      body: init.body ?? null,
      dispatcher: known ? trusted : guarded,
      signal,
    });
  }

  async function fetch(address: string, init: EgressInit = {}): Promise<EgressAnswer> {
    const signal = AbortSignal.timeout(init.timeoutMs ?? 5000);
    const maxBytes = init.maxBytes ?? 1024 * 1024;
    let url = URL.parse(address);
    try {
      for (let redirects = init.redirects ?? 0; ; redirects -= 1) {
        if (!url || !/^https?:$/.test(url.protocol)) throw new Fault('egress_refused', 'That is no https address.');
        const answer = await fetchOnce(url, init, signal);
        const location = answer.headers.location;
        if (answer.statusCode >= 300 && answer.statusCode < 400 && typeof location === 'string') {
          await answer.body.dump({ limit: 16_384 });
          if (redirects <= 0) throw new Fault('egress_failed', 'It redirected more often than is followed.');
          url = URL.parse(location, url);
          continue;
        }
        const chunks: Buffer[] = [];
        let size = 0;
        for await (const chunk of answer.body) {
          size += (chunk as Buffer).length;
          if (size > maxBytes) throw new Fault('egress_failed', `Its answer is larger than ${maxBytes} bytes.`);
          chunks.push(chunk as Buffer);
        }
        const headers = Object.fromEntries(
          Object.entries(answer.headers).map(([name, value]) => [name, String(value)]),
        );
        return { status: answer.statusCode, headers, body: Buffer.concat(chunks).toString('utf8'), url: url.href };
      }
    } catch (error) {
      if (error instanceof Fault) throw error;
      if ((error as { code?: string }).code === 'EGRESS') {
        refused(url?.host ?? '');
        throw new Fault('egress_refused', 'Only public https addresses can be reached.', { cause: error });
      }
      throw new Fault('egress_failed', 'It could not be reached, or was too slow.', { cause: error });
    }
  }

  const close = async () => {
    if (!agents) return;
    const { guarded, trusted } = await agents;
    await Promise.all([guarded.close(), trusted.close()]);
  };
  return { fetch, close };
}
