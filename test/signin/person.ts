/** A person in front of the sign-in pages: reads the forms that are on them, fills them in, follows where they lead. */
import type { Context } from 'koa';
import { preparePassword, setPassword } from '../../src/credentials/passwords/service.ts';
import { createFormGuard } from '../../src/http/csrf.ts';
import { createPages } from '../../src/http/pages.ts';
import type { CompanyLogin, CompanySignin, Connection } from '../../src/signin/flow/collaborators.ts';
import { signinPages } from '../../src/signin/flow/pages.ts';
import { authorizationUrl, type AuthorizationOptions, Browser, type RelyingParty } from '../oidc/rp.ts';
import { insertUser, type Person } from '../credentials/owners.ts';
import { type World, type WorldOptions, world } from '../support/world.ts';
import { join } from 'node:path';

export const goodPassword = 'seven quiet geese cross the canal';
export const wrongPassword = 'eight loud swans leave the harbour';

/** Hashing is the slow part of these tests; everybody has the same password. */
let prepared: ReturnType<typeof preparePassword> | undefined;

export async function insertPersonWithPassword(w: World, columns: Record<string, unknown> = {}): Promise<Person> {
  const person = await insertUser(w.db, { email_confirmed: true, ...columns });
  prepared ??= preparePassword(goodPassword);
  await setPassword(w.call(), person.user_id, await prepared);
  return person;
}

export interface Page {
  readonly status: number;
  readonly location: string | null;
  readonly text: string;
  readonly headers: Headers;
}

export interface Shown {
  readonly action: string;
  /** Hidden and readonly values. */
  readonly fields: Record<string, string>;
}

const entities: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" };
const unescape = (text: string): string =>
  text.replace(/&(amp|lt|gt|quot|#39);/g, (entity) => entities[entity] ?? entity);
const attribute = (tag: string, name: string): string | undefined => {
  const found = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1];
  return found === undefined ? undefined : unescape(found);
};

/** The forms of a page with what is already in them. */
export function formsOf(html: string): Shown[] {
  return [...html.matchAll(/<form\b[^>]*>[\s\S]*?<\/form>/g)].map(([form]) => ({
    action: attribute(form.slice(0, form.indexOf('>') + 1), 'action') ?? '',
    fields: Object.fromEntries(
      [...form.matchAll(/<input\b[^>]*>/g)].map(([tag]) => [
        attribute(tag, 'name') ?? '',
        attribute(tag, 'value') ?? '',
      ]),
    ),
  }));
}

export const problemOf = (html: string): string | null =>
  /<div class="problem"[\s\S]*?<p><strong>Error:<\/strong>\s*([\s\S]*?)<\/p>/
    .exec(html)?.[1]
    ?.replace(/<[^>]+>/g, '')
    .trim() ?? null;

export const headingOf = (html: string): string =>
  (/<h1[^>]*>([\s\S]*?)<\/h1>/.exec(html)?.[1] ?? '').replace(/<[^>]+>/g, '').trim();

export class Visitor {
  readonly w: World;
  readonly browser: Browser;
  page: Page = { status: 0, location: null, text: '', headers: new Headers() };
  /** Addresses of the pages that were shown. */
  at = '';

  constructor(w: World, browser = new Browser(w)) {
    this.w = w;
    this.browser = browser;
  }

  /** Follows redirects on our host; stops at a page, or at the application. */
  async follow(page: Page): Promise<this> {
    this.page = page;
    for (let hop = 0; hop < 10 && this.page.status === 303 && this.page.location; hop += 1) {
      const next = new URL(this.page.location, this.w.url);
      if (next.origin !== this.w.url) return this;
      this.at = next.pathname;
      this.page = await this.browser.go(next.href);
    }
    return this;
  }

  async open(address: string): Promise<this> {
    this.at = new URL(address, this.w.url).pathname;
    return this.follow(await this.browser.go(address));
  }

  /** Begins at the application. */
  begin(client: RelyingParty, options: AuthorizationOptions = {}): Promise<this> {
    return this.open(authorizationUrl(client, options));
  }

  get uid(): string {
    return /^\/signin\/([\w-]+)/.exec(this.at)?.[1] ?? '';
  }

  get heading(): string {
    return headingOf(this.page.text);
  }

  get problem(): string | null {
    return problemOf(this.page.text);
  }

  /** Where the application was given its answer. */
  get callback(): URL | null {
    const { location } = this.page;
    return location === null || new URL(location, this.w.url).origin === this.w.url ? null : new URL(location);
  }

  /** Posts without following. */
  post(address: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Page> {
    return this.browser.go(address, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: new URLSearchParams(fields).toString(),
    });
  }

  /** Fills in the first form of the page (or another) and sends it. */
  async fill(fields: Record<string, string>, form = 0): Promise<this> {
    const shown = formsOf(this.page.text)[form];
    if (!shown) throw new Error(`no form on the page: ${this.page.status} ${this.heading}`);
    return this.follow(await this.post(shown.action, { ...shown.fields, ...fields }));
  }

  async signIn(identifier: string, password = goodPassword): Promise<this> {
    await this.fill({ identifier });
    return this.fill({ password });
  }
}

/** Companies' own sign-in as the flow sees it; the identity provider itself belongs to the outside world. */
export class Companies implements CompanySignin {
  connections: Connection[] = [];
  readonly methods = new Map<string, Record<string, boolean>>();
  readonly begun: { providerId: string; attempt: Parameters<CompanySignin['begin']>[2] }[] = [];
  readonly codes = new Map<string, { attempt_id: string; login: CompanyLogin }>();
  outgoing: 'redirect' | 'post' = 'redirect';

  async connectionsOf(_db: unknown, orgId: string) {
    return this.connections.filter(({ org_id }) => org_id === orgId);
  }
  async methodsOf(_db: unknown, orgId: string) {
    return this.methods.get(orgId) ?? { password: true, saml: true };
  }
  async connectionOfHint(_db: unknown, hint: string) {
    const id = /^urn:lintel:connection:(.+)$/.exec(hint)?.[1];
    return this.connections.find(({ provider_id }) => provider_id === id) ?? null;
  }
  async begin(_call: unknown, providerId: string, attempt: Parameters<CompanySignin['begin']>[2]) {
    this.begun.push({ providerId, attempt });
    const url = `https://idp.example/sso?for=${providerId}`;
    return this.outgoing === 'redirect'
      ? ({ method: 'redirect', url } as const)
      : ({ method: 'post', url, fields: { SAMLRequest: 'cmVxdWVzdA==', RelayState: 'r' } } as const);
  }
  async redeem(_call: unknown, code: string, { attempt_id }: { attempt_id: string }) {
    const found = this.codes.get(code);
    this.codes.delete(code);
    return found?.attempt_id === attempt_id ? found.login : null;
  }
}

export interface SigninWorld extends World {
  readonly companies: Companies;
}

/** A world whose sign-in pages know these companies. */
export async function signinWorld(options: WorldOptions = {}): Promise<SigninWorld> {
  const companies = new Companies();
  const w = await world({
    ...options,
    prepare: ({ app, koa, oidc }) => {
      const pages = createPages({ viewsDir: join(import.meta.dirname, '../../views') });
      const forms = createFormGuard(app.config.url, app.sealer.derive('forms'));
      const serve = signinPages({ app, pages, forms, interactions: oidc.interactions, company: companies });
      // Behind the edge: request id, faults, headers, host.
      koa.middleware.splice(4, 0, (context, next) => serve(context as unknown as Context, next));
    },
  });
  return Object.assign(w, { companies }) as SigninWorld;
}
