/** Discovery and keys from memory: cheap, cacheable by everybody, and there when the database is not (RE-05). */
import { createHash } from 'node:crypto';
import type { Context } from 'koa';
import { jwksMaxAge, type LiveKeys } from './keys.ts';

/** Seconds for which discovery may be kept: it changes with releases only. */
const discoveryMaxAge = 3600;

interface Kept {
  readonly version: number;
  readonly type: string;
  readonly body: string;
  readonly etag: string;
}

/**
 * Serves a document that the library made once.
 * @returns a function that says whether it answered
 */
export function documents(
  keys: LiveKeys,
): (context: Context, route: string, make: () => Promise<void>) => Promise<boolean> {
  const kept = new Map<string, Kept>();
  return async (context, route, make) => {
    if ((route !== 'discovery' && route !== 'jwks') || (context.method !== 'GET' && context.method !== 'HEAD'))
      return false;
    // In the background: an answer from memory is never late.
    void keys.refresh();
    let document = kept.get(route);
    if (document?.version !== keys.version) {
      document = await render(context, make, keys.version);
      kept.set(route, document);
    }
    context.status = 200;
    context.type = document.type;
    context.set('access-control-allow-origin', '*');
    context.set('cross-origin-resource-policy', 'cross-origin');
    context.set('cache-control', `public, max-age=${route === 'jwks' ? jwksMaxAge : discoveryMaxAge}`);
    context.set('etag', document.etag);
    if (context.fresh) {
      context.status = 304;
      context.body = null;
    } else context.body = document.body;
    return true;
  };
}

async function render(context: Context, make: () => Promise<void>, version: number): Promise<Kept> {
  await make();
  if (context.status !== 200) throw new Error(`The provider answered ${context.status} for a document of its own.`);
  const body = JSON.stringify(context.body);
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  return { version, type: context.response.get('content-type'), body, etag };
}
