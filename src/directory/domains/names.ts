/**
 * Names of domains: one form for each, so that comparing is comparing texts, by full labels only (checklist FD-09).
 */
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { Fault } from '../../core/fault.ts';

/**
 * Lower case, IDN as ASCII (UTS 46), without the dot of the root.
 * @returns null for what is no host name of at least two labels (RFC 1123 §2.1), an IP address, or longer than 253
 */
export function asciiDomain(text: string): string | null {
  const name = text.trim().replace(/\.$/, '');
  // What a URL parser would cut off or decode must not slip through it.
  if (name === '' || name.length > 253 || /[\s/?#@:\\%[\]]/.test(name)) return null;
  const ascii = domainToASCII(name).toLowerCase();
  if (ascii === '' || ascii.length > 253 || isIP(ascii) !== 0) return null;
  const labels = ascii.split('.');
  const last = labels.at(-1) ?? '';
  if (labels.length < 2 || /^[0-9]+$/.test(last)) return null;
  return labels.every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label)) ? ascii : null;
}

/** @throws Fault domain_invalid */
export function normalizeDomain(text: string): string {
  const domain = asciiDomain(text);
  if (domain === null)
    throw new Fault('domain_invalid', 'Give a domain such as example.com, not an address or a single word.');
  return domain;
}

/** The domain behind the last @ of an e-mail address, in its one form; null when there is none. */
export function domainOfEmail(email: string): string | null {
  const at = email.lastIndexOf('@');
  return at < 1 ? null : asciiDomain(email.slice(at + 1));
}

/** Where the TXT record of a domain is looked for, and what it must say. */
export const challengeName = (domain: string): string => `_lintel-challenge.${domain}`;
export const challengeValue = (token: string): string => `lintel-verification=${token}`;
