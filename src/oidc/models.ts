/** What this product changes in the provider's models, in one place. */
import { Provider, type Client, type KoaContextWithOIDC } from 'oidc-provider';
import type { ClientCache } from '../applications/clients/cache.ts';
import type { ExtraMetadata } from '../applications/clients/metadata.ts';
import { markUsed, type Payload } from '../applications/tokens/records.ts';
import type { App } from '../core/app.ts';
import { newId } from '../core/id.ts';
import { hashSecret, newSecret, sameSecret } from '../core/secret.ts';
import { LRUCache } from 'lru-cache';
import { defectOf } from './adapters/base.ts';
import { tokenPrefix } from './adapters/tokens.ts';
import { unitNow } from './unit.ts';

/** A client with what Lintel keeps beside the registered metadata. */
export type LintelClient = Client & ExtraMetadata & { readonly jwksUri?: string; readonly clientSecret?: string };

/** What a login of ours adds to the library's own result. */
export interface LoginResult {
  readonly accountId: string;
  readonly session_id?: string;
  readonly org_id?: string;
}

/** The library's session with the row of `sessions` that it belongs to, and the organization of the sign-in. */
export interface LintelSession {
  accountId?: string;
  sessionId?: string;
  orgId?: string;
  uid: string;
  loginTs?: number;
  acr?: string;
  amr?: string[];
  grantIdFor(clientId: string): string | undefined;
}

type Model = { readonly name: string; readonly IN_PAYLOAD: readonly string[]; readonly prototype: object };

/** Must run before the first record is read or written: the library remembers the names of a payload. */
export function adaptModels(provider: Provider, app: App, clients: ClientCache): void {
  extendPayload(provider.Grant as unknown as Model, ['orgId']);
  extendPayload(provider.Session as unknown as Model, ['sessionId', 'orgId']);
  identifyTokens(provider);
  rememberLogin(provider);
  replaceReplayDetection(provider, app);
  replaceClientLookup(provider, app, clients);
  compareSecretsByHash(provider, app, clients);
  takeOnlyIdTokensAsHints(provider);
  dateIdTokens(provider, app);
}

function extendPayload(model: Model, names: readonly string[]): void {
  const all = [...model.IN_PAYLOAD, ...names];
  Object.defineProperty(model, 'IN_PAYLOAD', { get: () => all });
}

/** Grants are rows that people see, so their ids are ids; tokens carry a prefix for secret scanners (PR-08, TK-06). */
function identifyTokens(provider: Provider): void {
  Object.assign(provider.Grant.prototype, { generateTokenId: () => newId() });
  Object.assign(provider.RefreshToken.prototype, { generateTokenId: () => newSecret(tokenPrefix.RefreshToken) });
  for (const model of [provider.AccessToken, provider.ClientCredentials]) {
    const prototype = model.prototype as unknown as { generateTokenId(): string; format?: string };
    const original = prototype.generateTokenId;
    prototype.generateTokenId = function generateTokenId(this: { format?: string }) {
      // Decides the format, too.
      const id = original.call(this as never);
      return this.format === 'jwt' ? id : newSecret(tokenPrefix.AccessToken);
    };
  }
}

/** A finished sign-in brings the id of our session row and the organization that it went through. */
function rememberLogin(provider: Provider): void {
  const prototype = provider.Session.prototype as unknown as { loginAccount(details: object): void };
  const original = prototype.loginAccount;
  prototype.loginAccount = function loginAccount(this: LintelSession, details: object) {
    original.call(this as never, details);
    const result = Provider.ctx?.oidc.entities.Interaction?.result as { login?: LoginResult } | undefined;
    if (!result?.login?.session_id) return;
    this.sessionId = result.login.session_id;
    if (result.login.org_id) this.orgId = result.login.org_id;
    else delete this.orgId;
  };
}

/** Seconds that a machine may be behind the clock that all share: what it still takes for unexpired must be known for so long. */
export const behindSec = 60;

/** One statement decides which of two requests with the same `jti` was first (OA-21); the library looks, then writes. */
function replaceReplayDetection(provider: Provider, app: App): void {
  Object.assign(provider.ReplayDetection, {
    unique: async (issuer: string, jti: string, exp: number): Promise<boolean> => {
      try {
        const until = new Date((exp + behindSec) * 1000);
        return await markUsed(unitNow()?.db ?? app.db, hashSecret(`${issuer}\n${jti}`), until);
      } catch (error) {
        throw defectOf(error);
      }
    },
  });
}

/** The library hashes a client's metadata at every look-up and keeps 100; ours keeps the built client as long as its version. */
function replaceClientLookup(provider: Provider, app: App, cache: ClientCache): void {
  const built = new LRUCache<string, { readonly version: number; readonly client: Client }>({ max: 10_000 });
  Object.assign(provider.Client, {
    find: async (id: unknown): Promise<Client | undefined> => {
      if (typeof id !== 'string') return undefined;
      const found = await findMetadata(app, cache, id);
      if (!found) return undefined;
      const known = built.get(id);
      if (known?.version === found.version) return known.client;
      const client = new (provider.Client as unknown as new (metadata: object) => Client)({ ...found.metadata });
      built.set(id, { version: found.version, client });
      return client;
    },
  });
}

async function findMetadata(app: App, cache: ClientCache, id: string) {
  // As in the adapters: who met a database that does not answer does not ask it again (RE-01).
  const failure = unitNow()?.failure;
  if (failure !== undefined) throw defectOf(failure);
  try {
    return await cache.find(unitNow()?.db ?? app.db, id);
  } catch (error) {
    throw defectOf(error);
  }
}

/**
 * `client_secret` of the metadata is a SHA-256; so is that of the previous secret, while it still works (SD-03, SD-08).
 * The library takes a secret from the header and from the body alike; here only the registered way works (OA-22). A directory
 * registers none: Entra sends it in the body, others in the header.
 */
function compareSecretsByHash(provider: Provider, app: App, cache: ClientCache): void {
  const isRight = (client: LintelClient, actual: unknown): boolean => {
    const used = Provider.ctx?.headers.authorization === undefined ? 'client_secret_post' : 'client_secret_basic';
    const isRegistered = used === client.clientAuthMethod || client.client_kind === 'scim_client';
    if (typeof actual !== 'string' || !client.clientSecret || !isRegistered) return false;
    const hash = hashSecret(actual);
    if (sameSecret(client.clientSecret, hash)) return true;
    if (!client.previous_secret_hash || (client.previous_secret_expires_at ?? 0) <= app.clock().getTime()) return false;
    return sameSecret(client.previous_secret_hash, hash);
  };
  Object.assign(provider.Client.prototype, {
    async compareClientSecret(this: LintelClient, actual: unknown): Promise<boolean> {
      if (isRight(this, actual)) return true;
      const unit = unitNow();
      // A directory was asked for like somebody whom nobody knows.
      if (unit && this.client_kind !== 'scim_client') await cache.lookInVain(unit.db, this.clientId, unit.began);
      return false;
    },
  });
}

/** What we signed for another purpose (`at+jwt`, `logout+jwt`) is no hint, whomever it names (RFC 8725 §3.11, TK-03). */
function takeOnlyIdTokensAsHints(provider: Provider): void {
  const model = provider.IdToken as unknown as {
    validate(jwt: string, client: Client): Promise<{ readonly header: { readonly typ?: unknown } }>;
  };
  const original = model.validate;
  model.validate = async function validate(jwt, client) {
    const verified = await original.call(this, jwt, client);
    const { typ } = verified.header;
    if (typ !== undefined && typ !== 'JWT') throw new Error('not an ID token');
    return verified;
  };
}

/** Seconds by which the clock of this machine, which the library goes by, is ahead of the one that all processes share. */
export const aheadSec = (app: App): number => Math.round((Date.now() - app.clock().getTime()) / 1000);

/**
 * An ID token of a machine that is a minute ahead would be from the future, and many applications refuse that (RE-09). Its end
 * follows from its lifetime (`timeToLive`).
 */
function dateIdTokens(provider: Provider, app: App): void {
  const prototype = provider.IdToken.prototype as unknown as { payload(): Promise<Payload> };
  const original = prototype.payload;
  prototype.payload = async function payload(this: object) {
    const iat = Math.floor(app.clock().getTime() / 1000);
    return { iat, ...(await original.call(this as never)) };
  };
}

/** What a JWT that is an access token says of its time, by the shared clock; how long it lives is the same. */
export function dateAccessToken(app: App, payload: { iat?: number; exp?: number }): void {
  const ahead = aheadSec(app);
  if (payload.iat !== undefined) payload.iat -= ahead;
  if (payload.exp !== undefined) payload.exp -= ahead;
}

/** The application of a request. */
export const clientOf = (context: KoaContextWithOIDC): LintelClient => context.oidc.client as unknown as LintelClient;
