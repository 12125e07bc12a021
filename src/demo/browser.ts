/**
 * A browser without a screen and without JavaScript: cookies by host, path and site, redirects, forms and links.
 * The demonstration signs a person in with it, and the tests walk their journeys.
 */
import { request } from 'undici';

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly host: string;
  readonly path: string;
  readonly secure: boolean;
  readonly sameSite: 'lax' | 'strict' | 'none';
  readonly until: number;
}

export interface Form {
  readonly action: string;
  readonly method: 'get' | 'post';
  /** The values that the form would send by itself. */
  readonly fields: Record<string, string>;
  /** Names that a person fills in or sees. */
  readonly visible: readonly string[];
  /** Buttons with a name: choices. */
  readonly buttons: readonly { readonly name: string; readonly value: string; readonly label: string }[];
}

export interface Page {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly html: string;
  readonly title: string;
  readonly forms: readonly Form[];
  /** The link that the page would follow by itself, or offers as its main button. */
  readonly onward: string | null;
  /** Every address on the way here, the page's own last. */
  readonly trail: readonly string[];
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", nbsp: ' ' };
const plain = (text: string): string =>
  text.replace(/&(#x?[0-9a-f]+|\w+);/gi, (whole, name: string) => {
    if (entities[name] !== undefined) return entities[name];
    if (/^#x/i.test(name)) return String.fromCodePoint(Number.parseInt(name.slice(2), 16));
    return name.startsWith('#') ? String.fromCodePoint(Number(name.slice(1))) : whole;
  });

function attributes(tag: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [, name = '', quoted, single] of tag.matchAll(/([\w-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'))?/g)) {
    found[name.toLowerCase()] ??= plain(quoted ?? single ?? '');
  }
  return found;
}

const words = (html: string): string =>
  plain(html.replace(/<[^>]*>/g, ' '))
    .replace(/\s+/g, ' ')
    .trim();

function formsOf(html: string, url: string): Form[] {
  return [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)].map(([, head = '', inside = '']) => {
    const { action = '', method = 'get' } = attributes(head);
    const fields: Record<string, string> = {};
    const visible: string[] = [];
    for (const [, tag = ''] of inside.matchAll(/<input\b([^>]*)>/gi)) {
      const { name, value = '', type = 'text', checked } = attributes(tag);
      if (!name || type === 'submit' || ((type === 'checkbox' || type === 'radio') && checked === undefined)) continue;
      fields[name] = value;
      if (type !== 'hidden') visible.push(name);
    }
    const buttons = [...inside.matchAll(/<button\b([^>]*)>([\s\S]*?)<\/button>/gi)].flatMap(
      ([, tag = '', label = '']) => {
        const { name, value = '' } = attributes(tag);
        return name ? [{ name, value, label: words(label) }] : [];
      },
    );
    return {
      action: new URL(action, url).href,
      method: method.toLowerCase() === 'post' ? 'post' : 'get',
      fields,
      visible,
      buttons,
    };
  });
}

function onwardOf(html: string, url: string): string | null {
  const links = [...html.matchAll(/<a\b([^>]*)>/gi)].map(([, tag = '']) => attributes(tag));
  const link = links.find((candidate) => candidate['data-follow'] !== undefined);
  return link?.href === undefined ? null : new URL(link.href, url).href;
}

/** What `Sec-Fetch-Site` says of a request that a page caused. */
function siteOf(from: string | undefined, to: string): string {
  if (from === undefined) return 'none';
  const [source, target] = [new URL(from), new URL(to)];
  if (source.origin === target.origin) return 'same-origin';
  return source.hostname === target.hostname ? 'same-site' : 'cross-site';
}

export class Browser {
  #cookies: Cookie[] = [];
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** The cookies that a request to an address would carry, as `name=value` pairs. */
  cookiesFor(url: string, crossSitePost = false): string[] {
    const { hostname, pathname, protocol } = new URL(url);
    const trustworthy = protocol === 'https:' || hostname === 'localhost' || hostname === '127.0.0.1';
    return this.#cookies
      .filter(({ host, until, secure }) => host === hostname && until > this.#now() && (!secure || trustworthy))
      .filter(({ path }) => pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`))
      .filter(({ sameSite }) => !crossSitePost || sameSite === 'none')
      .map(({ name, value }) => `${name}=${value}`);
  }

  /** Forgets a cookie, or all of them. */
  forget(name?: string): void {
    this.#cookies = name === undefined ? [] : this.#cookies.filter((cookie) => cookie.name !== name);
  }

  #keep(url: string, headers: Headers): void {
    const { hostname } = new URL(url);
    for (const line of headers.getSetCookie()) {
      const [pair = '', ...rest] = line.split(';').map((part) => part.trim());
      const [name = '', value = ''] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
      const said = Object.fromEntries(
        rest.map((part) => {
          const [key = '', ...words] = part.split('=');
          return [key.toLowerCase(), words.join('=')];
        }),
      );
      const path = said.path ?? '/';
      const until =
        said['max-age'] !== undefined
          ? this.#now() + Number(said['max-age']) * 1000
          : said.expires
            ? Date.parse(said.expires)
            : Infinity;
      const sameSite = (['strict', 'none'] as const).find((word) => word === said.samesite?.toLowerCase()) ?? 'lax';
      this.#cookies = this.#cookies.filter(
        (cookie) => !(cookie.name === name && cookie.host === hostname && cookie.path === path),
      );
      if (until > this.#now())
        this.#cookies.push({ name, value, host: hostname, path, secure: said.secure !== undefined, sameSite, until });
    }
  }

  /** Asks for a page and follows redirects. `stopAt` ends the walk before an address is asked for, for instance a redirect_uri. */
  open(url: string, stopAt?: (url: string) => boolean): Promise<Page> {
    return this.#walk(url, 'GET', undefined, undefined, stopAt);
  }

  /** Sends a form with what a person filled in. */
  submit(
    page: Page,
    form: Form,
    filled: Record<string, string> = {},
    stopAt?: (url: string) => boolean,
  ): Promise<Page> {
    const body = new URLSearchParams({ ...form.fields, ...filled });
    if (form.method === 'post') return this.#walk(form.action, 'POST', body, page.url, stopAt);
    const url = new URL(form.action);
    for (const [name, value] of body) url.searchParams.set(name, value);
    return this.#walk(url.href, 'GET', undefined, page.url, stopAt);
  }

  async #walk(
    start: string,
    firstMethod: 'GET' | 'POST',
    firstBody: URLSearchParams | undefined,
    from: string | undefined,
    stopAt: ((url: string) => boolean) | undefined,
  ): Promise<Page> {
    let [url, method, body] = [start, firstMethod, firstBody];
    const trail: string[] = [];
    for (let hops = 0; hops < 20; hops += 1) {
      trail.push(url);
      if (stopAt?.(url))
        return { url, status: 0, headers: new Headers(), html: '', title: '', forms: [], onward: null, trail };
      const sameSite = from === undefined || new URL(from).hostname === new URL(url).hostname;
      const cookies = this.cookiesFor(url, !sameSite && method === 'POST');
      const response = await request(url, {
        method,
        headers: {
          accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
          'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
          'sec-fetch-site': siteOf(from, url),
          'sec-fetch-mode': 'navigate',
          'sec-fetch-dest': 'document',
          ...(cookies.length > 0 ? { cookie: cookies.join('; ') } : {}),
          ...(method === 'POST' ? { origin: from === undefined ? 'null' : new URL(from).origin } : {}),
          ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        },
        body: body?.toString() ?? null,
      });
      const headers = new Headers();
      for (const [name, value] of Object.entries(response.headers)) {
        for (const one of Array.isArray(value) ? value : [value ?? '']) headers.append(name, one);
      }
      this.#keep(url, headers);
      const location = headers.get('location');
      const status = response.statusCode;
      if (status >= 300 && status < 400 && location !== null) {
        await response.body.dump();
        const next = new URL(location, url).href;
        // 307 and 308 would send the form again (RFC 9110 §15.4); the others ask for a page.
        if (status !== 307 && status !== 308) [method, body] = ['GET', undefined];
        from = from ?? url;
        url = next;
        continue;
      }
      const html = await response.body.text();
      const [, title = ''] = /<title>([\s\S]*?)<\/title>/i.exec(html) ?? [];
      return {
        url,
        status,
        headers,
        html,
        title: plain(title),
        forms: formsOf(html, url),
        onward: onwardOf(html, url),
        trail,
      };
    }
    throw new Error(`More than twenty redirects from ${start}.`);
  }
}

/** What a person knows who sits in front of the pages. */
export interface Answers {
  /** What to type into a field, by its name; a function is asked with the page. */
  readonly fields: Readonly<Record<string, string>>;
  /** Whether this is where the person wanted to go: the walk ends there, whatever forms the page has. */
  readonly arrived?: (url: string) => boolean;
  /** Which of several buttons to press; the first when absent. */
  readonly choose?: (button: { name: string; value: string; label: string }) => boolean;
}

/**
 * Goes through sign-in pages as a person would: fills in what is asked, presses the button, follows the way on.
 * @returns the first page on which there is nothing more to do, or that `stopAt` stopped before
 * @throws Error when a page asks for something that the person does not know, or asks the same again
 */
export async function passPages(
  browser: Browser,
  start: Page,
  answers: Answers,
  stopAt?: (url: string) => boolean,
): Promise<Page> {
  let page = start;
  const seen = new Set<string>();
  for (let step = 0; step < 15; step += 1) {
    if (page.status === 0 || page.status >= 400 || answers.arrived?.(page.url)) return page;
    if (page.onward !== null) {
      page = await browser.open(page.onward, stopAt);
      continue;
    }
    const form = page.forms.find(({ method }) => method === 'post');
    if (!form) return page;
    const asked = form.visible.filter((name) => form.fields[name] === '' || answers.fields[name] !== undefined);
    const unknown = asked.filter((name) => answers.fields[name] === undefined);
    const sameAgain = `${page.url} ${page.title} ${asked.join()}`;
    if (unknown.length > 0 || seen.has(sameAgain)) return page;
    seen.add(sameAgain);
    const filled = Object.fromEntries(asked.map((name) => [name, answers.fields[name] ?? '']));
    const button = form.buttons.find(answers.choose ?? (() => true));
    page = await browser.submit(page, form, { ...filled, ...(button ? { [button.name]: button.value } : {}) }, stopAt);
  }
  return page;
}
