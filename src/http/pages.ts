/**
 * Pages: the Eta templates of `views/` with what each of them needs, and the few files of `views/assets/`.
 * Everything is read once, at the start: a broken template stops the start, and no request names a file.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { Eta } from 'eta';
import type { Middleware } from 'koa';
import { type Brand, brandStyle, logoSource } from './branding.ts';
import { reads, requireMethod } from './methods.ts';

/** What every page is given; each template says at its head what else it expects. */
export interface PageData {
  /** The nonce of this response's content security policy. */
  readonly nonce: string;
  /** The person's language, BCP 47. */
  readonly locale?: string;
  readonly brand?: Brand | null;
  /** A form's failures; `field` is the name of the input. */
  readonly problem?: PageProblem | null;
  readonly problems?: readonly PageProblem[];
}

export interface PageProblem {
  readonly field?: string;
  readonly message: string;
}

export interface Pages {
  /** Renders `views/<view>.eta`. Throws on an unknown view, on a missing nonce and on an address that is no web address. */
  render(view: string, data: PageData & Readonly<Record<string, unknown>>): string;
  /** The address of a file of `views/assets/`, with its hash. */
  asset(name: string): string;
  /** Serves `GET /assets/<hash>/<name>`; everything else passes. */
  serveAssets(): Middleware;
}

interface Asset {
  readonly body: Buffer;
  readonly hash: string;
  readonly type: string;
}

const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.png': 'image/png',
};

/** Languages that the templates are written in. `lang` names the words on the page, not the reader's wish. */
const languages = ['en'];

/** A value that must arrive byte for byte, such as a form's hidden field: escaped, otherwise untouched (OA-14). */
class Exact {
  readonly value: string;
  constructor(value: unknown) {
    this.value = value === null || value === undefined ? '' : String(value);
  }
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escapeText = (text: string): string => text.replace(/[&<>"']/g, (sign) => entities[sign] ?? '');

/**
 * Text for a page. Controls and the signs that reorder their neighbours (U+202A–202E, U+2066–2069) become U+FFFD:
 * a name must not be able to rewrite the sentence that it stands in (WB-13).
 */
function escapeValue(value: unknown): string {
  if (value instanceof Exact) return escapeText(value.value);
  if (value === null || value === undefined) return '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to take out
  return escapeText(
    String(value).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\ufffd'),
  );
}

/** An address for `href` and `action`: our own path, or http(s). A `javascript:` from a customer's metadata ends here. */
function link(address: unknown): Exact {
  const text = String(address);
  const ours = /^\/(?![/\\])/.test(text) || /^[#?]/.test(text);
  if (!ours && !['https:', 'http:'].includes(URL.parse(text)?.protocol ?? ''))
    throw new RangeError('this address cannot stand in a page');
  return new Exact(text);
}

/** First letter of a name for the tile that stands in for a logo. */
const initial = (name: unknown): string => (/[\p{L}\p{N}]/u.exec(String(name ?? ''))?.[0] ?? '·').toUpperCase();

/** Every file under a folder, as paths with `/`. */
function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'));
}

function readAssets(folder: string): Map<string, Asset> {
  const assets = new Map<string, Asset>();
  for (const name of filesUnder(folder)) {
    const type = contentTypes[extname(name)];
    if (type === undefined) throw new Error(`no content type is known for the asset ${name}`);
    const body = readFileSync(join(folder, name));
    assets.set(name, { body, type, hash: createHash('sha256').update(body).digest('base64url').slice(0, 16) });
  }
  return assets;
}

/** Compiles every template below `viewsDir` and reads its assets. Throws when one of them is broken. */
export function createPages({ viewsDir }: { viewsDir: string }): Pages {
  const assets = readAssets(join(viewsDir, 'assets'));
  const eta = new Eta({ escapeFunction: escapeValue, debug: true, cache: true });
  const views = new Set<string>();
  for (const file of filesUnder(viewsDir)) {
    if (!file.endsWith('.eta')) continue;
    const view = file.slice(0, -'.eta'.length);
    try {
      eta.loadTemplate(`@${view}`, readFileSync(join(viewsDir, file), 'utf8'));
    } catch (error) {
      throw new Error(`views/${file} does not compile`, { cause: error });
    }
    views.add(view);
  }

  const asset = (name: string): string => {
    const found = assets.get(name);
    if (found === undefined) throw new Error(`no asset ${name}`);
    return `/assets/${found.hash}/${name}`;
  };

  return {
    asset,
    render(view, data) {
      if (!views.has(view)) throw new Error(`no view ${view}`);
      if (!/^[\w+/=-]{16,}$/.test(data.nonce)) throw new Error('a page needs the nonce of its response');
      const wished = (data.locale ?? '').toLowerCase().split('-')[0] ?? '';
      try {
        return eta.render(`@${view}`, {
          ...data,
          lang: languages.includes(wished) ? wished : languages[0],
          brand: data.brand ?? {},
          brandStyle: brandStyle(data.brand?.primary_color),
          problems: data.problems ?? (data.problem ? [data.problem] : []),
          asset,
          exact: (value: unknown) => new Exact(value),
          link,
          logoSource,
          initial,
        });
      } catch (error) {
        throw new Error(`views/${view}.eta could not be rendered`, { cause: error });
      }
    },
    serveAssets: () => async (context, next) => {
      const [, hash, name] = /^\/assets\/([\w-]{16})\/([\w.-]+)$/.exec(context.path) ?? [];
      const found = name === undefined ? undefined : assets.get(name);
      if (found === undefined) return next();
      requireMethod(context, reads);
      context.set('x-content-type-options', 'nosniff');
      context.set('cross-origin-resource-policy', 'same-origin');
      // While two releases run side by side, a page of one may ask the other: it gets today's file, unkept.
      context.set('cache-control', hash === found.hash ? 'public, max-age=31536000, immutable' : 'no-cache');
      context.set('etag', `"${found.hash}"`);
      context.status = 200;
      if (context.fresh) {
        context.status = 304;
        return;
      }
      context.set('content-type', found.type);
      context.body = found.body;
    },
  };
}
