import { inflateRawSync } from 'node:zlib';
import { SamlRefusal } from './codes.ts';

/** Largest decoded message that is looked at, in bytes (SA-10). */
const maxMessageBytes = 256 * 1024;
/** Largest `SAMLRequest` or `SAMLResponse` parameter of the redirect binding, in characters, and what it may inflate to. */
const maxRedirectCharacters = 64 * 1024;
const maxInflatedBytes = 1024 * 1024;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Base64 as RFC 4648 §4 writes it, and nothing else: padding and alphabet are exact, so one value has one spelling. */
export function strictBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (text.length === 0 || bytes.toString('base64') !== text) throw new SamlRefusal('message.encoding');
  return bytes;
}

/**
 * The XML text of a `SAMLResponse` or `SAMLRequest` form field (SAML bindings §3.5.4). Line breaks, which MIME base64 has,
 * are allowed; any other sloppiness is not. Refuses what is over 256 KiB, not base64, or not UTF-8.
 */
export function decodePost(field: string): string {
  if (field.length > maxMessageBytes * 1.4) throw new SamlRefusal('message.too_large');
  const bytes = strictBase64(field.replace(/[\r\n]/g, ''));
  if (bytes.length > maxMessageBytes) throw new SamlRefusal('message.too_large');
  return decodeUtf8(bytes);
}

/**
 * The XML text of a redirect-binding parameter, already percent-decoded (SAML bindings §3.4.4.1): base64, then raw
 * deflate. Inflation stops at 1 MiB (SA-10), and a message over 256 KiB is refused after it.
 */
export function decodeRedirect(parameter: string): string {
  if (parameter.length > maxRedirectCharacters) throw new SamlRefusal('message.too_large');
  const deflated = strictBase64(parameter);
  let bytes: Buffer;
  try {
    bytes = inflateRawSync(deflated, { maxOutputLength: maxInflatedBytes });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new SamlRefusal(code === 'ERR_BUFFER_TOO_LARGE' ? 'message.too_large' : 'message.encoding');
  }
  if (bytes.length > maxMessageBytes) throw new SamlRefusal('message.too_large');
  return decodeUtf8(bytes);
}

/** Bytes as text, or a refusal; a byte order mark stays in the text and is refused by the parser. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new SamlRefusal('message.charset');
  }
}
