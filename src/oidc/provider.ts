/**
 * The OpenID provider: node-oidc-provider configured for this product. What each option means is in its documentation;
 * here stands what was chosen, and why where it is not the default.
 */
import { type Configuration, errors, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import { acrLevels } from '../applications/assurance.ts';
import type { ClientCache } from '../applications/clients/cache.ts';
import { extraMetadataNames } from '../applications/clients/metadata.ts';
import { identityScopes } from '../applications/clients/schema.ts';
import type { SigningKey } from '../applications/keys/schema.ts';
import type { App } from '../core/app.ts';
import type { Call } from '../core/call.ts';
import type { Pages } from '../http/pages.ts';
import { findAccount, subjectOf } from './account.ts';
import { createAdapter } from './adapter.ts';
import { organizationClaims, scopeClaims } from './claims.ts';
import { settleExchanges } from './exchange.ts';
import { grantLifetime, loadExistingGrant } from './grants.ts';
import { interactionUrl } from './interactions.ts';
import { internalsOf } from './internals.ts';
import { providerKeys } from './keys.ts';
import { lifetimes } from './lifetimes.ts';
import { adaptModels, aheadSec, behindSec, dateAccessToken, type LintelClient, type LintelSession } from './models.ts';
import { checkOrganizationParameter } from './organization.ts';
import { providerPages, type ProviderPages } from './pages.ts';
import { interactionPolicies } from './policy.ts';
import { extendRefreshGrant } from './refresh.ts';
import { defaultResource, getResourceServerInfo } from './resources.ts';
import { unitNow } from './unit.ts';

export interface ProviderOptions {
  readonly app: App;
  readonly pages: Pages;
  readonly clients: ClientCache;
  readonly keys: readonly SigningKey[];
  /** The keys that the outer application signs its cookies with, newest first: both must agree. */
  readonly cookieKeys: readonly string[];
  readonly sessionEnded: (call: Call, sessionId: string) => Promise<void>;
  readonly sessionUsed: (call: Call, sessionId: string) => Promise<unknown>;
}

export const routes = {
  authorization: '/oauth/authorize',
  token: '/oauth/token',
  jwks: '/oauth/jwks',
  userinfo: '/oauth/userinfo',
  introspection: '/oauth/introspect',
  revocation: '/oauth/revoke',
  pushed_authorization_request: '/oauth/par',
  end_session: '/oauth/logout',
} as const;

export function createProvider(options: ProviderOptions): Provider {
  const { app } = options;
  const pages = providerPages(options.pages);
  const provider = new Provider(app.config.url, configuration(options, pages));
  adaptModels(provider, app, options.clients);
  extendRefreshGrant(provider);
  settleExchanges(provider);
  internalsOf(provider).responseModes.set('form_post', (context, uri, payload) => {
    // A private scheme takes no form; its application gets the answer in the query.
    if (!/^https?:$/.test(new URL(uri).protocol))
      return internalsOf(provider).responseModes.get('query')?.(context, uri, payload);
    return pages.renderFormPost(context, uri, payload);
  });
  return provider;
}

function configuration(options: ProviderOptions, pages: ProviderPages): Configuration {
  const { app } = options;
  return {
    adapter: createAdapter(options),
    jwks: providerKeys(options.keys) as Configuration['jwks'],
    routes,
    cookies: cookies(app.config.url.startsWith('https:'), options.cookieKeys),
    // No implicit or hybrid flow: tokens never pass through the browser's address (RFC 9700 §2.1.2, OA-08).
    responseTypes: ['code'],
    scopes: [...identityScopes],
    claims: {
      acr: null,
      auth_time: null,
      iss: null,
      sid: null,
      ...Object.fromEntries(Object.entries(scopeClaims).map(([scope, claims]) => [scope, [...claims]])),
    },
    acrValues: [...acrLevels],
    subjectTypes: ['public'],
    // Applications get who signed in with the ID token, not only from userinfo (OpenID Connect Core §5.4 allows both).
    conformIdTokenClaims: false,
    // No client_secret_jwt: secrets are kept as hashes and cannot be keys (SD-03).
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    enabledJWA: {
      clientAuthSigningAlgValues: ['ES256', 'RS256', 'PS256', 'EdDSA', 'Ed25519'],
      idTokenSigningAlgValues: ['ES256', 'RS256'],
    },
    extraClientMetadata: { properties: [...extraMetadataNames] },
    allowOmittingSingleRegisteredRedirectUri: false,
    pkce: {
      required: (_context, client) =>
        client.clientAuthMethod === 'none' || (client as unknown as LintelClient).require_pkce !== false,
    },
    extraParams: { organization_id: checkOrganizationParameter },
    features: features(pages),
    interactions: { policy: interactionPolicies(), url: interactionUrl },
    findAccount,
    loadExistingGrant,
    // With or without offline_access: without it the token ends with the browser's session (see adapter.ts).
    issueRefreshToken: async (_context, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    // Bound in the database instead, by the session's own row, so that two organizations in one session both hold.
    expiresWithSession: async () => false,
    // Grants remember consent; only its withdrawal ends them.
    revokeGrantPolicy: () => false,
    extraTokenClaims,
    formats: { customizers: { jwt: (_context, _token, { payload }) => dateAccessToken(app, payload) } },
    clientBasedCORS: (context, origin, client) => allowsOrigin(context, origin, client as unknown as LintelClient),
    assertJwtClientAuthClaimsAndHeader: (context, claims, header) => assertAssertion(context, claims, header),
    renderError: (context, out) => pages.renderError(context, out),
    fetch: (url, init) => egress(app, url, init),
    fetchResponseBodyLimits: { jwks_uri: 65_536, sector_identifier_uri: 65_536, 'client_id metadata document': 5120 },
    ttl: timeToLive(app),
  };
}

/**
 * `__Host-` needs the path `/`, so it is for the session; an interaction's cookies live below their own page, so that two tabs
 * do not overwrite each other, and are `__Secure-` (RFC 6265bis §4.1.3, SE-03).
 */
function cookies(secure: boolean, keys: readonly string[]): Configuration['cookies'] {
  const names = secure
    ? { session: '__Host-lintel_session', interaction: '__Secure-lintel_interaction', resume: '__Secure-lintel_resume' }
    : { session: 'lintel_session', interaction: 'lintel_interaction', resume: 'lintel_resume' };
  const common = { httpOnly: true, sameSite: 'lax', signed: true, secure } as const;
  return { names, long: { ...common, path: '/' }, short: common, keys: [...keys] };
}

function features(pages: ProviderPages): Configuration['features'] {
  return {
    devInteractions: { enabled: false },
    claimsParameter: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: {
      enabled: true,
      allowedPolicy: (_context, client, token) => mayIntrospect(client as unknown as LintelClient, token),
    },
    // RFC 7009 §2.1: its own tokens only; a public application is told nothing about others.
    revocation: {
      enabled: true,
      allowedPolicy: (_context, client, token) => mayRevoke(client as unknown as LintelClient, token),
    },
    pushedAuthorizationRequests: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (context, client, asked) => defaultResource(context, client as unknown as LintelClient, asked),
      getResourceServerInfo: (context, indicator, client) =>
        getResourceServerInfo(context, indicator, client as unknown as LintelClient),
      // One resource asked for at the beginning is what the token is for, also when it is not named again (RFC 8707 §2.2).
      useGrantedResource: (_context, model) => typeof model.resource === 'string',
    },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (context, form) => pages.renderLogout(context, form),
      postLogoutSuccessSource: (context) => pages.renderLoggedOut(context),
    },
    userinfo: { enabled: true },
    dPoP: { enabled: false },
  };
}

function mayRevoke(client: LintelClient, token: { readonly clientId?: string }): boolean {
  if (token.clientId === client.clientId) return true;
  if (client.clientAuthMethod === 'none') return false;
  throw new errors.InvalidRequest('the token was issued to another application');
}

/** Its own tokens, and those that were issued for it as a resource (OA-26). */
function mayIntrospect(
  client: LintelClient,
  token: { readonly clientId?: string; readonly aud?: string | string[] },
): boolean {
  if (token.clientId === client.clientId) return true;
  const { aud } = token;
  return client.clientAuthMethod !== 'none' && client.resource_uri !== null && aud === client.resource_uri;
}

/**
 * What access tokens say beyond the standard: the organization, and in JWTs also roles and permissions, because nobody can ask
 * about those later. For opaque ones introspection reads them anew (see door.ts).
 */
async function extraTokenClaims(
  _context: KoaContextWithOIDC | undefined,
  token: {
    readonly kind?: string;
    readonly accountId?: string;
    readonly client?: unknown;
    readonly resourceServer?: { readonly accessTokenFormat?: string };
  },
): Promise<Record<string, string | string[]> | undefined> {
  if (token.kind === 'ClientCredentials' || !token.accountId) {
    const { org_id } = token.client as LintelClient;
    return org_id === null ? undefined : { org_id };
  }
  const org_id = unitNow()?.organization ?? null;
  if (org_id === null) return undefined;
  if (token.resourceServer?.accessTokenFormat !== 'jwt') return { org_id };
  const subject = await subjectOf(token.accountId, org_id);
  return (subject ? organizationClaims(subject) : { org_id }) as Record<string, string | string[]>;
}

/** A browser's script may speak for a public application from where that application lives, and with any to userinfo (WB-09). */
function allowsOrigin(context: KoaContextWithOIDC, origin: string, client: LintelClient): boolean {
  if (origin === 'null' || (context.oidc.route !== 'userinfo' && client.clientAuthMethod !== 'none')) return false;
  return client.redirectUris?.some((uri) => URL.parse(uri)?.origin === origin) ?? false;
}

/** Seconds by which the clocks of applications may differ from ours. */
const clockTolerance = 15;

/**
 * The audience is our issuer and nothing else, and an assertion lives five minutes at most (OA-21, RFC 7523 §3 as tightened in 2025).
 * Nothing critical is understood, nor are unencoded payloads, which a JWT must not have (RFC 7797 §7); none is from the future (TK-04).
 */
function assertAssertion(
  context: KoaContextWithOIDC,
  claims: Record<string, unknown>,
  header: Record<string, unknown>,
): void {
  const { exp, aud, iat } = claims;
  const now = Math.floor((unitNow()?.call.app.clock().getTime() ?? 0) / 1000);
  if (aud !== context.oidc.issuer) throw new errors.InvalidClientAuth('aud must be the issuer');
  if (typeof exp !== 'number' || exp > now + 300 + clockTolerance)
    throw new errors.InvalidClientAuth('exp is more than five minutes away');
  // By the machine's clock the library found it unexpired; for longer than this nobody remembers its `jti` (RE-09).
  if (exp + clockTolerance + behindSec <= now) throw new errors.InvalidClientAuth('exp is past');
  if (typeof iat === 'number' && iat > now + clockTolerance) throw new errors.InvalidClientAuth('iat is in the future');
  if (header.crit !== undefined || header.b64 !== undefined)
    throw new errors.InvalidClientAuth('crit is not understood');
}

function timeToLive(app: App): Configuration['ttl'] {
  const now = () => Math.floor(app.clock().getTime() / 1000);
  return {
    AuthorizationCode: lifetimes.authorizationCode,
    AccessToken: (_context, token) => token.resourceServer?.accessTokenTTL ?? lifetimes.opaqueAccessToken,
    ClientCredentials: (_context, token) => token.resourceServer?.accessTokenTTL ?? lifetimes.apiAccessToken,
    // From the machine's clock, of which its `iat` is not (models.ts).
    IdToken: () => Math.max(1, lifetimes.idToken - aheadSec(app)),
    Interaction: lifetimes.interaction,
    Grant: grantLifetime,
    RefreshToken: (_context, token) => {
      const { iiat } = token as unknown as { iiat?: number };
      const left = (iiat ?? now()) + lifetimes.refreshAbsolute - now();
      return Math.max(1, Math.min(lifetimes.refreshIdle, left));
    },
    Session: (_context, session) => {
      const { accountId, loginTs } = session as unknown as LintelSession;
      if (!accountId) return lifetimes.emptySession;
      const left = (loginTs ?? now()) + lifetimes.sessionAbsolute - now();
      return Math.max(1, Math.min(lifetimes.session, left));
    },
  };
}

/** The one way out (SS-01): the library's own guard looks after it has connected, and goes on when it is missing. */
async function egress(app: App, url: string | URL | Request, init?: RequestInit): Promise<Response> {
  const headers = Object.fromEntries(new Headers(init?.headers).entries());
  const answer = await app.fetch(url instanceof Request ? url.url : String(url), {
    method: init?.method ?? 'GET',
    headers,
    ...(typeof init?.body === 'string' || init?.body instanceof URLSearchParams ? { body: String(init.body) } : {}),
    maxBytes: 65_536,
    timeoutMs: 2500,
  });
  const empty = answer.status === 204 || answer.status === 304;
  return new Response(empty ? null : answer.body, {
    status: answer.status,
    headers: { 'content-type': answer.headers['content-type'] ?? 'application/json', ...cachingOf(answer.headers) },
  });
}

const cachingOf = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    ['cache-control', 'expires'].flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])),
  );
