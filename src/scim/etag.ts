/** Versions of resources (RFC 7644 §3.14, RFC 9110 §13): weak tags, as `meta.version` and the ETag header show them. */
import { createHash } from 'node:crypto';
import { preconditionFailed } from './errors.ts';

/** @param revision anything that is different after every change: a counter, or the time of the change */
export function makeVersion(id: string, revision: string | number | Date): string {
  const text = revision instanceof Date ? revision.toISOString() : String(revision);
  return `W/"${createHash('sha256').update(`${id}\n${text}`).digest('base64url').slice(0, 16)}"`;
}

/** The opaque parts of a list of tags; a tag without quotes is read as well, since some clients send `meta.version` bare. */
function tagsOf(header: string): string[] {
  const tags = header.slice(0, 8192).match(/"[^"]*"|[^\s,"]+/g) ?? [];
  return tags.filter((tag) => tag !== 'W/').map((tag) => tag.replace(/^"|"$/g, ''));
}

function isListed(header: string, version: string): boolean {
  if (header.trim() === '*') return true;
  const [opaque] = tagsOf(version);
  return opaque !== undefined && tagsOf(header).includes(opaque);
}

/**
 * Asked with the row locked, before anything is written.
 * @throws ScimFault 412 when `If-Match` names other versions only
 */
export function checkIfMatch(header: string | undefined, version: string): void {
  if (header !== undefined && header.trim() !== '' && !isListed(header, version)) throw preconditionFailed();
}

/** Whether a GET can be answered 304: `If-None-Match` names the version there is. */
export const isNotModified = (header: string | undefined, version: string): boolean =>
  header !== undefined && header.trim() !== '' && isListed(header, version);
