/** What may stand as an address of an identity provider. Apart from its metadata, so that who checks one loads no XML library. */

/** An absolute https address without credentials or fragment; http only to loopback, and only when that is allowed. */
export function isEndpointUrl(text: string, allowHttpLoopback = false): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || url.username !== '' || url.password !== '' || text.includes('#') || text.length > 2048) return false;
  if (url.protocol === 'https:') return true;
  const loopback =
    url.hostname === 'localhost' || url.hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(url.hostname);
  return allowHttpLoopback && loopback && url.protocol === 'http:';
}
