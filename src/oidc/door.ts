/**
 * The OpenID door: the provider behind our edge. What the edge pins (host, protocol, headers, request id) holds here too;
 * this file adds the unit of work around each request, what is served from memory, and what the library leaves open.
 */
import { decodeJwt } from 'jose';
import type { Context, Middleware } from 'koa';
import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import { ClientCache } from '../applications/clients/cache.ts';
import { ensureSigningKeys, loadSigningKeys } from '../applications/keys/service.ts';
import { endFamilies } from '../applications/tokens/endings.ts';
import { consumeArtifact } from '../applications/tokens/records.ts';
import type { App } from '../core/app.ts';
import { Call, systemActor } from '../core/call.ts';
import { Fault } from '../core/fault.ts';
import { readBody } from '../http/body.ts';
import type { Pages } from '../http/pages.ts';
import { setFaultHeaders } from '../http/problem.ts';
import { findScimOAuthClient } from '../provisioning/clients/oauth.ts';
import { edgeOf, pinHost, requestFacts } from '../http/server.ts';
import { asFault } from '../db/errors.ts';
import { subjectOf } from './account.ts';
import { organizationClaims } from './claims.ts';
import { documents } from './documents.ts';
import { createInteractions, type Interactions } from './interactions.ts';
import { LiveKeys } from './keys.ts';
import { settleMethod } from './methods.ts';
import { allowReturn } from './pages.ts';
import { createProvider, routes } from './provider.ts';
import { holdRefusal, listenToRefusals, maxFormBytes } from './refusals.ts';
import { Unit, withinUnit } from './unit.ts';

export interface OidcDoorOptions {
  readonly app: App;
  readonly pages: Pages;
  readonly cookieKeys: readonly string[];
  /**
   * Tells the sessions room, in the transaction of the sign-out, that a person signed out at the provider: the row of
   * `sessions` ends with it, and is not revoked.
   */
  readonly sessionEnded?: (call: Call, sessionId: string) => Promise<void>;
  /** Tells it that a session is in use, outside of the request's transaction. */
  readonly sessionUsed?: (call: Call, sessionId: string) => Promise<unknown>;
}

export interface OidcDoor {
  readonly provider: Provider;
  readonly middleware: Middleware;
  readonly interactions: Interactions;
  /** Waits for what is still being written to the audit log. */
  drain(): Promise<unknown>;
}

/** Makes signing keys at the first start. @throws SealError when the sealing key is another than theirs (SD-05) */
export async function createOidcDoor(options: OidcDoorOptions): Promise<OidcDoor> {
  const { app } = options;
  await ensureSigningKeys(app);
  const keys = await loadSigningKeys(app);
  const clients = new ClientCache((db, id) => findScimOAuthClient(db, id, app.clock()));
  const provider = createProvider({
    sessionEnded: async () => {},
    sessionUsed: async () => {},
    ...options,
    clients,
    keys,
  });
  // The library makes contexts of its own, for cookies; they must agree with the edge.
  pinHost(provider, app.config);
  provider.on('server_error', (context, error) => reportDefect(app, context as unknown as Context, error));
  const live = new LiveKeys(app, provider, keys);
  const drain = listenToRefusals(app, provider);
  return { provider, middleware: serve(app, provider, live), interactions: createInteractions(app, provider), drain };
}

const paths = new Map<string, string>(Object.entries(routes).map(([name, path]) => [path, name]));
paths.set(`${routes.end_session}/confirm`, 'end_session_confirm');
paths.set(`${routes.end_session}/success`, 'end_session_success');
paths.set('/.well-known/openid-configuration', 'discovery');
paths.set('/.well-known/oauth-authorization-server', 'discovery');

const resume = /^\/oauth\/authorize\/[\w-]{43}$/;

/** What of the provider is at a path; nothing for the spellings that its router would take beside the real ones. */
const routeOf = (path: string): string | undefined => paths.get(path) ?? (resume.test(path) ? 'resume' : undefined);

/** Requests for which a key may be used. */
const usesKeys = new Set(['authorization', 'resume', 'token', 'pushed_authorization_request', 'end_session']);

function serve(app: App, provider: Provider, keys: LiveKeys): Middleware {
  const [handle] = provider.middleware as unknown as [Middleware];
  const fromMemory = documents(keys);
  return async (context, next) => {
    const route = routeOf(context.path);
    if (!route) return next();
    edgeOf(context).route = `oidc.${route}`;
    if (await fromMemory(context, route, () => handle(context, next))) return;
    try {
      if (settleMethod(context, route)) return;
      refuseOddRequests(context, route);
      if (context.method === 'POST' && (route === 'authorization' || route === 'end_session'))
        return await becomeGet(context);
      if (usesKeys.has(route)) await keys.refresh();
      const unit = new Unit(Call.begin(app, systemActor('oidc'), requestFacts(context)));
      await withinUnit(unit, () => inUnit(context, route, unit, () => handle(context, next)));
      await holdRefusal(context, unit.began);
      if (unit.sessionIsGone) leaveCookie(context, provider.cookieName('session'));
    } catch (error) {
      answerFault(context, error);
    }
    if (context.status === 503) context.set('retry-after', '2');
    allowOwnScript(context);
  };
}

/** OAuth says 400 to everything; these are HTTP's own, and tell a program more (RFC 9110 §15.5.6, §15.5.14). */
const ownStatus = new Set([405, 413]);

/** A fault in OAuth's own form (RFC 6749 §5.2); for browsers, and for what is no fault, the edge has better words. */
function answerFault(context: Context, error: unknown): void {
  const fault = asFault(error);
  if (!(fault instanceof Fault) || fault.code === 'not_found' || context.accepts('json', 'html') === 'html')
    throw fault;
  setFaultHeaders(context, fault);
  const code =
    fault.status === 503 ? 'temporarily_unavailable' : fault.status < 500 ? 'invalid_request' : 'server_error';
  if (fault.status < 500 && !ownStatus.has(fault.status)) context.status = 400;
  context.body = { error: code, error_description: fault.detail ?? fault.says };
}

/** Runs the provider and ends the unit: a page keeps its writes unless we failed. */
async function inUnit(context: Context, route: string, unit: Unit, handle: () => Promise<void>): Promise<void> {
  try {
    await handle();
    if (route === 'introspection') await tellOrganization(context, unit);
    if (route === 'end_session_confirm') leaveApplication(context, unit);
  } catch (error) {
    await unit.finish(false);
    throw error;
  }
  // Where a code was presented wrongly, its next presentation must fail too: it may be in a stranger's hands (OA-06).
  const { presentedCode } = unit;
  if (route === 'token' && presentedCode && context.status >= 400 && context.status < 500) {
    unit.later((call) => consumeArtifact(call.db, 'AuthorizationCode', presentedCode));
  }
  try {
    await unit.finish(context.status < 500);
  } catch (error) {
    refuseUnkept(context, error);
  }
  // Cookies that were set for rows that do not exist would sign the person out.
  if (context.status >= 500) context.remove('set-cookie');
}

/** The browser keeps the cookie that it has: by now that may be another one, of a sign-in in another tab. */
function leaveCookie(context: Context, name: string): void {
  const lines = [context.response.get('set-cookie') ?? []].flat();
  const others = lines.filter((line) => !line.startsWith(`${name}=`) && !line.startsWith(`${name}.sig=`));
  if (others.length > 0) context.set('set-cookie', others);
  else context.remove('set-cookie');
}

/** The answer was ready, but its writes were not kept: it must not go out. */
function refuseUnkept(context: Context, error: unknown): never {
  for (const name of ['location', 'set-cookie']) context.remove(name);
  context.body = null;
  throw asFault(error);
}

/** What the library lets through: parameters in both places (OA-10), and null characters; and what it says less of: a large body. */
function refuseOddRequests(context: Context, route: string): void {
  if ((context.request.length ?? 0) > maxFormBytes)
    throw new Fault('body_too_large', `At most ${maxFormBytes} bytes are read here.`);
  if (/%00/.test(context.querystring)) throw new Fault('request_invalid', 'Null characters are not accepted.');
  if (context.method === 'POST' && context.querystring !== '' && route !== 'resume') {
    throw new Fault('request_invalid', 'Parameters belong into the body or into the address, not into both.');
  }
}

/**
 * Authorization and sign-out requests may be posted (OpenID Connect Core §3.1.2.1, RP-Initiated Logout §2). The session cookie is
 * SameSite=Lax and does not come with a post from elsewhere; it comes with the GET that this answers with.
 */
async function becomeGet(context: Context): Promise<void> {
  const form = (await readBody(context, { form: true, limit: maxFormBytes })) as
    | Record<string, string | string[]>
    | undefined;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(form ?? {})) for (const one of [value].flat()) query.append(name, one);
  if (context.path === routes.end_session) shortenHint(query);
  context.status = 303;
  context.redirect(`${context.path}?${query}`);
}

/** What of an ID token certainly fits into an address, beside everything else that a browser sends with it. */
const maxHint = 8192;

/**
 * The ID token of somebody with hundreds of roles fits into no address. At sign-out it says for which application and nothing else,
 * so its audience takes its place, which anybody may name; whether to sign out is the person's answer in either case.
 */
function shortenHint(query: URLSearchParams): void {
  const hint = query.get('id_token_hint') ?? '';
  if (hint.length <= maxHint) return;
  const aud = audienceOf(hint);
  if (aud === undefined) throw new Fault('request_invalid', 'id_token_hint is no ID token.');
  if ((query.get('client_id') ?? aud) !== aud)
    throw new Fault('request_invalid', 'client_id does not match the id_token_hint.');
  query.delete('id_token_hint');
  query.set('client_id', aud);
}

function audienceOf(jwt: string): string | undefined {
  try {
    const { aud } = decodeJwt(jwt);
    return typeof aud === 'string' ? aud : undefined;
  } catch {
    return undefined;
  }
}

/** Roles and permissions as they are now, for an API that asks about a token (RFC 7662 §2.2 allows further members). */
async function tellOrganization(context: Context, unit: Unit): Promise<void> {
  const body = context.body as { active?: boolean; sub?: string; token_type?: string } | undefined;
  if (!body?.active || !body.sub || !body.token_type || !unit.lineage) return;
  const subject = await subjectOf(unit.lineage.user_id, unit.lineage.org_id);
  if (!subject) context.body = { active: false };
  else Object.assign(body, organizationClaims(subject), { username: subject.username ?? subject.email ?? undefined });
}

/** Who signs out of one application and stays signed in here: what that application has in this session ends. */
function leaveApplication(context: Context, unit: Unit): void {
  const { oidc } = context as unknown as KoaContextWithOIDC;
  const client_id = oidc.client?.clientId;
  const session_uid = oidc.session?.uid;
  if (context.status !== 303 || oidc.params?.logout || !client_id || !session_uid) return;
  unit.later((call) => call.write((inner) => endFamilies(inner.db, { client_id, session_uid })));
}

/** The library's pages that send themselves carry a script of a few words; our policy wants its nonce. */
function allowOwnScript(context: Context): void {
  if (typeof context.body !== 'string' || !context.body.includes('<title>Submitting Callback</title>')) return;
  context.body = context.body.replace('<script>', `<script nonce="${edgeOf(context).nonce}">`);
  allowReturn(context as unknown as KoaContextWithOIDC);
}

/** Something the library did not expect: in the log with its cause, and 503 where only the database was away. */
function reportDefect(app: App, context: Context, error: unknown): void {
  const fault = asFault(error);
  const unavailable = fault instanceof Fault && fault.status === 503;
  app.log.error(
    { err: error, request_id: edgeOf(context).request_id },
    unavailable ? 'database_unavailable' : 'the provider failed',
  );
  if (!unavailable || context.status !== 500) return;
  context.status = 503;
  if (isJson(context.body)) context.body = { error: 'temporarily_unavailable', error_description: fault.says };
}

const isJson = (body: unknown): boolean => typeof body === 'object' && body !== null && 'error' in body;
