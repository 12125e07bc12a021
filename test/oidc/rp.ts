/**
 * Relying parties and people for the tests of the OpenID door: the wire is real, only the sign-in pages are skipped. Over 300 lines
 * because one journey needs all of it: an application, a person, a browser, and what the endpoints answer.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Context } from 'koa';
import { newId } from '../../src/core/id.ts';
import type { Login } from '../../src/oidc/interactions.ts';
import type { Lintel } from '../../src/app.ts';
import { type World, type WorldOptions, world } from '../support/world.ts';

export const redirectUri = 'https://app.example/cb';

export interface Person {
  readonly user_id: string;
  readonly email: string;
}

/** An account that its person owns, with memberships of organizations that are made here. */
export async function makePerson(
  w: World,
  organizations: readonly string[] = [],
  changes: object = {},
): Promise<Person & { orgs: string[] }> {
  const user_id = newId();
  const email = `${user_id.slice(-12)}@people.example`;
  await w.db('users').insert({ user_id, email, first_name: 'Ada', last_name: 'Beam', ...changes });
  const orgs: string[] = [];
  for (const org_name of organizations) orgs.push(await join(w, user_id, await makeOrganization(w, org_name)));
  return { user_id, email, orgs };
}

export async function makeOrganization(w: World, org_name: string): Promise<string> {
  const org_id = newId();
  await w.db('organizations').insert({ org_id, org_name, slug: `o-${org_id.slice(-12)}` });
  return org_id;
}

export async function join(
  w: World,
  user_id: string,
  org_id: string,
  roles = ['member'],
  permissions = ['users.read'],
): Promise<string> {
  await w.db('user_organization_info').insert({
    user_id,
    org_id,
    url_safe_org_name: 'x',
    user_role: roles[0],
    inherited_user_roles_plus_current_role: roles,
    user_permissions: permissions,
  });
  return org_id;
}

export interface RelyingParty {
  readonly client_id: string;
  readonly client_secret?: string;
}

export async function makeApplication(w: World, metadata: object = {}): Promise<RelyingParty> {
  const answer = await w.api<RelyingParty & { code?: string }>('POST', '/applications', {
    client_name: 'Sample',
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    first_party: true,
    ...metadata,
  });
  if (answer.status !== 201) throw new Error(`no application: ${answer.status} ${answer.text}`);
  return answer.body;
}

/** A browser: cookies by path, redirects one at a time. */
export class Browser {
  readonly #w: World;
  readonly #jar = new Map<string, { value: string; path: string }>();

  constructor(w: World) {
    this.#w = w;
  }

  get cookies(): string[] {
    return [...this.#jar.keys()];
  }

  value(name: string): string | undefined {
    return [...this.#jar].find(([key]) => key.startsWith(`${name}|`))?.[1].value;
  }

  set(name: string, value: string, path = '/'): void {
    this.#jar.set(`${name}|${path}`, { value, path });
  }

  change(name: string, how: (value: string) => string): void {
    for (const [key, cookie] of this.#jar) if (key.startsWith(`${name}|`)) cookie.value = how(cookie.value);
  }

  /** Lets another browser have the same cookies. */
  copy(): Browser {
    const other = new Browser(this.#w);
    for (const [key, cookie] of this.#jar) other.#jar.set(key, { ...cookie });
    return other;
  }

  /** The header that goes with a request to a path of ours. */
  cookieFor(pathname: string): string {
    return [...this.#jar]
      .filter(([, { path }]) => pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`))
      .map(([key, { value }]) => `${key.split('|')[0]}=${value}`)
      .join('; ');
  }

  async go(
    address: string,
    init: RequestInit = {},
  ): Promise<{ status: number; location: string | null; text: string; headers: Headers }> {
    const url = new URL(address, this.#w.url);
    const cookie = this.cookieFor(url.pathname);
    const response = await fetch(url, {
      redirect: 'manual',
      ...init,
      headers: { accept: 'text/html', ...(init.headers as Record<string, string>), ...(cookie ? { cookie } : {}) },
    });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    return {
      status: response.status,
      location: response.headers.get('location'),
      text: await response.text(),
      headers: response.headers,
    };
  }

  #keep(line: string): void {
    const [pair = '', ...attributes] = line.split(/; */);
    const at = pair.indexOf('=');
    const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
    const path = attributes.find((part) => /^path=/i.test(part))?.slice(5) ?? '/';
    const gone = value === '' || attributes.some((part) => /^expires=Thu, 01 Jan 1970/i.test(part));
    if (gone) this.#jar.delete(`${name}|${path}`);
    else this.#jar.set(`${name}|${path}`, { value, path });
  }
}

const verifiers = new Map<string, string>();

export interface AuthorizationOptions {
  readonly scope?: string;
  readonly [parameter: string]: string | undefined;
}

/** What an authorization request with PKCE says; the verifier is remembered by its challenge. */
export function authorizationParameters(
  client: Pick<RelyingParty, 'client_id'>,
  { pkce, ...given }: AuthorizationOptions = {},
): Record<string, string> {
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  verifiers.set(challenge, verifier);
  const parameters = {
    client_id: client.client_id,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid',
    state: 'state-1',
    ...(pkce === 'no' ? {} : { code_challenge: challenge, code_challenge_method: 'S256' }),
    ...given,
  };
  const known = Object.entries(parameters).filter(([, value]) => value !== undefined) as [string, string][];
  return Object.fromEntries(known);
}

export const authorizationUrl = (client: Pick<RelyingParty, 'client_id'>, options?: AuthorizationOptions): string =>
  `/oauth/authorize?${new URLSearchParams(authorizationParameters(client, options))}`;

export const verifierOf = (authorize: string): string =>
  verifiers.get(new URL(authorize, 'http://x').searchParams.get('code_challenge') ?? '') ?? '';

type SignInAnswers = Map<string, (context: Context, uid: string) => Promise<void>>;

const answersOf = new WeakMap<World, SignInAnswers>();

/** A world with a sign-in below `/signin/:uid/test`, in front of the real pages, that tests answer. */
export async function oidcWorld(options: WorldOptions = {}): Promise<World> {
  const answers: SignInAnswers = new Map();
  const prepare = ({ koa }: Lintel) => {
    // Behind the edge: request id, faults, headers, host.
    koa.middleware.splice(4, 0, async (context, next) => {
      const [, uid] = /^\/signin\/([\w-]{43})\/test$/.exec(context.path) ?? [];
      if (!uid) return next();
      const answer = answers.get(context.get('x-test-answer'));
      if (!answer) throw new Error('no answer for this interaction');
      await answer(context as unknown as Context, uid);
    });
  };
  const w = await world({ ...options, prepare });
  answersOf.set(w, answers);
  return w;
}

export interface Answers {
  readonly login?: Partial<Login> & { readonly account_id: string };
  readonly organization?: string;
  readonly consent?: 'allow' | 'deny';
}

/** Rows of `sessions` as the sign-in room writes them. */
export async function makeSession(w: World, user_id: string): Promise<string> {
  const session_id = newId();
  await w.db('sessions').insert({ session_id, user_id, expires_at: new Date(Date.now() + 86_400_000) });
  return session_id;
}

/** What a journey through the sign-in pages met, and where it ended: at the application, or at a page. */
export interface Journey {
  readonly prompts: string[];
  readonly status: number;
  readonly location: URL | null;
  readonly text: string;
  readonly code: string;
  readonly session_id: string | undefined;
}

let answerCount = 0;

/** Follows an authorization request like a browser, answering the prompts on the way. */
export async function travel(w: World, browser: Browser, address: string, given: Answers): Promise<Journey> {
  const prompts: string[] = [];
  let session_id: string | undefined;
  const answers = answersOf.get(w);
  if (!answers) throw new Error('travel needs an oidcWorld');
  const name = `answer-${answerCount++}`;
  answers.set(name, async (context, uid) => {
    const { interactions } = w.lintel.oidc;
    const details = await interactions.details(context, uid);
    prompts.push(details.prompt.name);
    if (details.prompt.name === 'login') {
      if (!given.login) return interactions.abort(context, uid);
      session_id = given.login.session_id ?? (await makeSession(w, given.login.account_id));
      return interactions.finishLogin(context, uid, {
        acr: 'urn:lintel:acr:1fa',
        amr: ['pwd'],
        auth_time: new Date(),
        ...given.login,
        session_id,
      });
    }
    if (details.prompt.name === 'organization')
      return interactions.finishOrganization(context, uid, given.organization ?? '');
    return given.consent === 'allow' ? interactions.finishConsent(context, uid) : interactions.abort(context, uid);
  });
  let answer = await browser.go(address);
  for (let step = 0; step < 20 && answer.status === 303 && answer.location; step += 1) {
    const next = new URL(answer.location, w.url);
    if (next.origin !== w.url) {
      answers.delete(name);
      return {
        prompts,
        status: answer.status,
        location: next,
        text: answer.text,
        code: next.searchParams.get('code') ?? '',
        session_id,
      };
    }
    const interactive = next.pathname.startsWith('/signin/');
    answer = await browser.go(
      interactive ? `${next.pathname}/test` : next.href,
      interactive ? { headers: { 'x-test-answer': name } } : {},
    );
  }
  answers.delete(name);
  return { prompts, status: answer.status, location: null, text: answer.text, code: '', session_id };
}

export type Tokens = Record<string, unknown> & {
  access_token?: string;
  refresh_token?: string;
  id_token?: string;
  error?: string;
  error_description?: string;
};

export const basic = ({ client_id, client_secret = '' }: RelyingParty): string =>
  `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`;

/** Whom a request is sent to: a world, or one process of several. */
type Server = Pick<World, 'request'>;

/** A form to an OAuth endpoint, authenticated as the application does. */
export async function post(
  w: Server,
  path: string,
  client: RelyingParty,
  form: Record<string, string>,
): Promise<{ status: number; body: Tokens; headers: Headers }> {
  const isPublic = client.client_secret === undefined;
  const answer = await w.request(path, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      ...(isPublic ? {} : { authorization: basic(client) }),
    },
    body: new URLSearchParams({ ...form, ...(isPublic ? { client_id: client.client_id } : {}) }).toString(),
  });
  return {
    status: answer.status,
    body: (answer.text === '' ? {} : JSON.parse(answer.text)) as Tokens,
    headers: answer.headers,
  };
}

export const exchange = (
  w: Server,
  client: RelyingParty,
  code: string,
  code_verifier: string,
  changes: Record<string, string> = {},
) =>
  post(w, '/oauth/token', client, {
    grant_type: 'authorization_code',
    code,
    code_verifier,
    redirect_uri: redirectUri,
    ...changes,
  });

export const refresh = (w: Server, client: RelyingParty, refresh_token: string, changes: Record<string, string> = {}) =>
  post(w, '/oauth/token', client, { grant_type: 'refresh_token', refresh_token, ...changes });

export const introspect = async (w: Server, client: RelyingParty, token: string): Promise<Record<string, unknown>> =>
  (await post(w, '/oauth/introspect', client, { token })).body;

export const userinfo = (w: Server, token: string) =>
  w.request('/oauth/userinfo', { headers: { authorization: `Bearer ${token}` } });

export const payloadOf = (jwt: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;

const errorsOf = (w: World): string =>
  w.logLines
    .filter((line) => line.includes('"level":"error"'))
    .join('')
    .slice(-3000);

/** Signs a person in to an application and gets its tokens. */
export async function signIn(
  w: World,
  client: RelyingParty,
  person: Person,
  options: AuthorizationOptions & { readonly browser?: never } = {},
  more: Answers = {},
  browser = new Browser(w),
): Promise<{ tokens: Tokens; journey: Journey; code: string; verifier: string; browser: Browser }> {
  const address = authorizationUrl(client, options);
  const journey = await travel(w, browser, address, { login: { account_id: person.user_id }, ...more });
  if (!journey.code)
    throw new Error(
      `no code: ${journey.status} ${journey.location?.href} ${errorsOf(w)} ${journey.text.slice(0, 500)}`,
    );
  const verifier = verifierOf(address);
  const { status, body } = await exchange(w, client, journey.code, verifier);
  if (status !== 200)
    throw new Error(
      `no tokens: ${JSON.stringify(body)} ${w.logLines.filter((line) => line.includes('"error"')).join('')}`,
    );
  return { tokens: body, journey, code: journey.code, verifier, browser };
}

/** Lets what is stored look as if it had been made earlier. */
export async function age(w: World, table: 'oidc_artifacts' | 'oidc_refresh_tokens', seconds: number): Promise<void> {
  await w.db.raw(
    `update ${table} set payload = payload || jsonb_build_object('exp', (payload->>'exp')::bigint - ?::bigint, 'iat', (payload->>'iat')::bigint - ?::bigint)`,
    [seconds, seconds],
  );
}
