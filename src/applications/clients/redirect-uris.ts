/**
 * Which redirect addresses can be registered (RFC 9700 §4.1, RFC 8252 §7, checklist OA-02). They are compared character by
 * character later, so here they must be in the one form that a browser would give them.
 */
import { refuseField } from '../../core/text.ts';

const loopback = new Set(['localhost', '127.0.0.1', '[::1]']);
/** What an address may consist of: RFC 3986 without the signs that readers and parsers disagree about. */
const plain = /^[A-Za-z0-9\-._~:/?[\]!$&'()+,;=%@]+$/;

/** @returns what is wrong with it, or null */
export function redirectUriProblem(uri: string, applicationType: 'web' | 'native'): string | null {
  const url = URL.parse(uri);
  if (!url || !plain.test(uri) || uri.length > 2048)
    return 'has an address that is malformed, or has a wildcard or fragment';
  if (url.username !== '' || url.password !== '') return 'has an address with credentials';
  if (url.href !== uri && url.href !== `${uri}/`) return 'has an address that is not written in its normal form';
  if (/%(?:2e|2f|5c|00)/i.test(url.pathname)) return 'has an address with an encoded dot, slash or null';
  switch (url.protocol) {
    case 'https:':
      return applicationType === 'native' && loopback.has(url.hostname)
        ? 'uses https on loopback for a native application'
        : null;
    case 'http:':
      return loopback.has(url.hostname) ? null : 'uses http outside of loopback';
    default:
      // A reverse-DNS name that the publisher owns (RFC 8252 §7.1); this leaves out javascript:, data:, file: and the like.
      if (!/^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+:$/.test(url.protocol)) return 'uses a scheme that is not allowed';
      return applicationType === 'native' ? null : 'uses a private scheme for a web application';
  }
}

/** @throws Fault request_invalid */
export function checkRedirectUris(field: string, uris: readonly string[], applicationType: 'web' | 'native'): void {
  for (const uri of uris) {
    const problem = redirectUriProblem(uri, applicationType);
    if (problem) refuseField(field, problem);
  }
}
