/**
 * The provider's storage adapter. The library checks and then acts; everything that
 * must happen once is decided here by the database. Reads remember who a token belongs to, so that what is issued next
 * carries its family, and a token comes with its grant in one statement.
 * Over 300 lines because the nine small adapters share one contract, and are read together.
 */
import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider';
import Provider, { errors } from 'oidc-provider';
import type { ClientCache } from '../applications/clients/cache.ts';
import type { ExtraMetadata } from '../applications/clients/metadata.ts';
import { endFamily } from '../applications/tokens/endings.ts';
import { endReusedFamily } from '../applications/tokens/service.ts';
import * as records from '../applications/tokens/records.ts';
import type { FoundAccessToken, FoundToken, Lineage, Payload } from '../applications/tokens/records.ts';
import type { App } from '../core/app.ts';
import { Call, systemActor } from '../core/call.ts';
import { isId, newId } from '../core/id.ts';
import { hashSecret } from '../core/secret.ts';
import { asFault } from '../db/errors.ts';
import { Unit, unitNow } from './unit.ts';

export interface AdapterOptions {
  readonly app: App;
  readonly clients: ClientCache;
  /** Tells the sessions room that a person signed out here. */
  readonly sessionEnded: (call: Call, sessionId: string) => Promise<void>;
  /** Tells it that the session is in use: single sign-on, or a refresh of what is bound to it. */
  readonly sessionUsed: (call: Call, sessionId: string) => Promise<unknown>;
}

/** @returns what the provider's configuration takes as `adapter` */
export function createAdapter(options: AdapterOptions): AdapterFactory {
  const kinds: Record<string, (kind: string) => Adapter> = {
    Client: () => new Clients(options),
    Session: () => new Sessions(options),
    Grant: () => new Grants(options),
    AccessToken: (kind) => new AccessTokens(options, kind),
    ClientCredentials: (kind) => new AccessTokens(options, kind),
    RefreshToken: () => new RefreshTokens(options),
    AuthorizationCode: () => new Codes(options),
    ReplayDetection: () => new Replays(options),
    Interaction: (kind) => new Artifacts(options, kind),
    PushedAuthorizationRequest: (kind) => new Artifacts(options, kind),
  };
  return (name) => {
    const build = kinds[name];
    if (!build) throw new Error(`${name} is not stored: its feature is off.`);
    return guarded(build(name));
  };
}

/** A database that does not answer is `temporarily_unavailable` in OAuth's words (RFC 6749 §4.1.2.1), with 503 where that fits. */
function temporarilyUnavailable(cause: unknown): errors.OIDCProviderError {
  const error = new errors.TemporarilyUnavailable('The server cannot answer at the moment. Try again shortly.', {
    cause,
  });
  return Object.assign(error, { status: 503, statusCode: 503, expose: true });
}

/**
 * What an error means to the library: its own kinds as they are, an absent database as `temporarily_unavailable`. The library
 * saves the session even after a failure, so the first defect of a request is remembered and comes back instead of later ones.
 */
export function defectOf(error: unknown): unknown {
  if (error instanceof errors.OIDCProviderError) return error;
  const unit = unitNow();
  const first = unit?.failure ?? error;
  if (unit) unit.failure = first;
  const fault = asFault(first);
  return fault === first ? first : temporarilyUnavailable(first);
}

function guarded(adapter: Adapter): Adapter {
  const methods = ['upsert', 'find', 'findByUid', 'findByUserCode', 'consume', 'destroy', 'revokeByGrantId'] as const;
  const wrapped: Partial<Record<string, unknown>> = {};
  for (const name of methods) {
    const method = (adapter[name] as (...values: unknown[]) => Promise<unknown>).bind(adapter);
    wrapped[name] = async (...values: unknown[]) => {
      try {
        return await method(...values);
      } catch (error) {
        throw defectOf(error);
      }
    };
  }
  return wrapped as unknown as Adapter;
}

/** Requests that write more than once, so that their writes share a transaction; the others commit as they go. */
const transactional = new Set(['token', 'authorization', 'resume', 'end_session_confirm']);

abstract class Base implements Adapter {
  protected readonly app: App;

  constructor({ app }: AdapterOptions) {
    this.app = app;
  }

  protected unit(): Unit {
    return unitNow() ?? new Unit(Call.begin(this.app, systemActor('oidc')));
  }

  protected get now(): Date {
    return this.app.clock();
  }

  /** The call to write with: the request's transaction where there is one. */
  protected async writing(): Promise<Call> {
    const unit = this.unit();
    const oidc = Provider.ctx?.oidc;
    const alone = oidc?.route === 'token' && oidc.params?.grant_type === 'client_credentials';
    return oidc && transactional.has(oidc.route) && !alone ? unit.begin() : unit.call;
  }

  upsert(_id: string, _payload: AdapterPayload, _expiresIn: number): Promise<undefined> {
    return this.never();
  }
  find(_id: string): Promise<AdapterPayload | undefined> {
    return this.never();
  }
  findByUid(_uid: string): Promise<AdapterPayload | undefined> {
    return this.never();
  }
  findByUserCode(_code: string): Promise<AdapterPayload | undefined> {
    return this.never();
  }
  consume(_id: string): Promise<undefined> {
    return this.never();
  }
  destroy(_id: string): Promise<undefined> {
    return this.never();
  }
  revokeByGrantId(_grantId: string): Promise<undefined> {
    return this.never();
  }

  protected never(): never {
    throw new Error(`${this.constructor.name} was asked for what its kind does not have.`);
  }
}

/** Escapes that JSON writes for what no text column holds: U+0000 and lone surrogates; an escaped backslash before is text. */
const unstorable = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/;

/** The payload as it is kept: without the bearer id, and without what no column holds. */
function kept(payload: AdapterPayload): Payload {
  const { jti: _id, ...rest } = payload;
  if (unstorable.test(JSON.stringify(rest))) throw new errors.InvalidRequest('Null characters are not accepted.');
  return rest;
}

const expiry = (payload: AdapterPayload): Date => new Date((payload.exp as number) * 1000);

/**
 * Keeps a session from idling out, after the request's own transaction: whoever revokes locks sessions before grants, this
 * request has its grant already, and the two would wait for each other. A note about use must not refuse the use.
 */
function noteUse(unit: Unit, used: AdapterOptions['sessionUsed'], sessionId: string): void {
  unit.laterOnce(`used:${sessionId}`, (call) =>
    used(call, sessionId).catch((error: unknown) => {
      call.app.log.warn({ err: error, request_id: call.request.request_id }, 'the use of a session was not noted');
    }),
  );
}

/** Applications come from the cache; the provider never writes them. */
class Clients extends Base {
  readonly #clients: ClientCache;

  constructor(options: AdapterOptions) {
    super(options);
    this.#clients = options.clients;
  }

  override async find(id: string): Promise<AdapterPayload | undefined> {
    return (await this.#clients.find(this.unit().db, id))?.metadata as AdapterPayload | undefined;
  }
}

class Sessions extends Base {
  readonly #ended: AdapterOptions['sessionEnded'];
  readonly #used: AdapterOptions['sessionUsed'];

  constructor(options: AdapterOptions) {
    super(options);
    this.#ended = options.sessionEnded;
    this.#used = options.sessionUsed;
  }

  override async find(id: string): Promise<AdapterPayload | undefined> {
    const payload = await records.findSession(this.unit().db, 'id_hash', hashSecret(id), this.now);
    return payload && { ...this.#opened(payload), jti: id };
  }

  override async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    const payload = await records.findSession(this.unit().db, 'uid', uid, this.now);
    return payload && this.#opened(payload);
  }

  /** `state` has the token of a sign-out page that is open (SD-02). */
  #sealed({ state, ...payload }: Payload): Payload {
    const context = `oidc_sessions:state:${String(payload.uid)}`;
    return state === undefined ? payload : { ...payload, state: this.app.sealer.seal(JSON.stringify(state), context) };
  }

  #opened(payload: Payload): Payload {
    const { state, uid } = payload;
    if (typeof state !== 'string') return payload;
    return { ...payload, state: JSON.parse(this.app.sealer.open(state, `oidc_sessions:state:${String(uid)}`)) };
  }

  override async upsert(id: string, payload: AdapterPayload): Promise<undefined> {
    const call = await this.writing();
    const session_id = (payload.sessionId as string | undefined) ?? null;
    await records.saveSession(call.db, {
      id_hash: hashSecret(id),
      uid: payload.uid as string,
      user_id: payload.accountId ?? null,
      session_id,
      payload: this.#sealed(kept(payload)),
      expires_at: expiry(payload),
    });
    if (session_id !== null) noteUse(this.unit(), this.#used, session_id);
  }

  override async destroy(id: string): Promise<undefined> {
    // A new id for the same session: `upsert` follows and replaces the old one.
    if ((Provider.ctx?.oidc.session as { oldId?: string } | undefined)?.oldId === id) return;
    const call = await this.writing();
    const sessionId = await records.deleteSession(call.db, hashSecret(id));
    if (sessionId !== null) await this.#ended(call, sessionId);
  }
}

class Grants extends Base {
  override async find(id: string): Promise<AdapterPayload | undefined> {
    if (!isId(id)) return undefined;
    const unit = this.unit();
    const payload = unit.grants.get(id) ?? (await records.findGrant(unit.db, id));
    return payload && { ...payload, jti: id };
  }

  override async upsert(id: string, payload: AdapterPayload): Promise<undefined> {
    const { db } = await this.writing();
    const { accountId, clientId, orgId, ...rest } = kept(payload);
    const written = await records.saveGrant(db, {
      grant_id: id,
      user_id: accountId as string,
      client_id: clientId as string,
      org_id: (orgId as string | undefined) ?? null,
      payload: rest,
      expires_at: expiry(payload),
    });
    if (!written) throw new errors.AccessDenied('what was granted has been revoked');
    this.unit().grants.delete(id);
  }

  /** Consent is withdrawn in the consents room, never by the protocol. */
  override async destroy(): Promise<undefined> {}
}

/** What the unit knows about the lineage that tokens of this grant continue; codes begin one. */
function lineageOf(unit: Unit, grantId: string): Lineage {
  const { lineage } = unit;
  if (lineage?.grant_id !== grantId) throw new Error('A token was issued from no code and no refresh token.');
  return lineage;
}

/** Remembers where a token belongs, for what is issued from it and for its revocation. */
function remember(unit: Unit, found: FoundToken | FoundAccessToken): void {
  const { grant_id, family_id, user_id, org_id, session_id, session_uid, session_bound, grant_payload } = found;
  if (grant_id === null || family_id === null || user_id === null) return;
  unit.lineage = { grant_id, family_id, user_id, org_id, session_id, session_uid, session_bound };
  if (grant_payload) unit.grants.set(grant_id, grant_payload);
}

/**
 * The library revokes, after a second use or at the revocation endpoint. It asks once per kind of token and means the same
 * each time. What to do is put off until the request's transaction has ended, because a refused request keeps nothing.
 */
function revoke(unit: Unit, grantId: string): void {
  const { family_id } = lineageOf(unit, grantId);
  const asked = Provider.ctx?.oidc.route === 'revocation';
  unit.laterOnce(`family:${family_id}`, (call) =>
    asked ? endFamily(call.db, grantId, family_id) : endReusedFamily(call, grantId, family_id),
  );
}

/** Codes and refresh tokens: used once, revoked by family. */
abstract class Consumable extends Base {
  protected abstract readonly kind: 'AuthorizationCode' | 'RefreshToken';

  override async consume(id: string): Promise<undefined> {
    const unit = this.unit();
    const { db } = await this.writing();
    const { lineage } = unit;
    if (!lineage) return this.never();
    if (await records.consumeToken(db, this.kind, { id_hash: hashSecret(id), ...lineage })) return;
    this.lost(unit, lineage.grant_id);
    throw new errors.InvalidGrant(`${this.kind} was used by another request`);
  }

  /** What follows when another request was faster. */
  protected abstract lost(unit: Unit, grantId: string): void;

  override async revokeByGrantId(grantId: string): Promise<undefined> {
    revoke(this.unit(), grantId);
  }
}

class Codes extends Consumable {
  protected readonly kind = 'AuthorizationCode';

  override async find(id: string): Promise<AdapterPayload | undefined> {
    const unit = this.unit();
    const id_hash = hashSecret(id);
    const found = await unit.once(`code:${id_hash}`, () => records.findCode(unit.db, id_hash, this.now));
    if (!found) return undefined;
    remember(unit, found);
    unit.presentedCode = id_hash;
    return { ...found.payload, jti: id, ...(found.consumed ? { consumed: true } : {}) };
  }

  override async upsert(id: string, payload: AdapterPayload): Promise<undefined> {
    const { db } = await this.writing();
    const session = Provider.ctx?.oidc.session as { sessionId?: string; uid?: string } | undefined;
    await records.saveCode(db, {
      id_hash: hashSecret(id),
      grant_id: payload.grantId as string,
      family_id: newId(this.now.getTime()),
      session_id: session?.sessionId ?? null,
      session_uid: (payload.sessionUid as string | undefined) ?? null,
      session_bound: !(payload.scope as string | undefined)?.split(' ').includes('offline_access'),
      payload: kept(payload),
      expires_at: expiry(payload),
    });
  }

  /** A code used twice, even at the same moment, was stolen or replayed: nothing issued from it stays (OA-04). */
  protected lost(unit: Unit, grantId: string): void {
    revoke(unit, grantId);
  }
}

/** Prefixes let secret scanners recognise leaked tokens (PR-08), and spare the look-up of one kind in another's table. */
export const tokenPrefix = { AccessToken: 'ltl_at_', ClientCredentials: 'ltl_at_', RefreshToken: 'ltl_rt_' } as const;

class RefreshTokens extends Consumable {
  protected readonly kind = 'RefreshToken';
  readonly #used: AdapterOptions['sessionUsed'];

  constructor(options: AdapterOptions) {
    super(options);
    this.#used = options.sessionUsed;
  }

  override async find(id: string): Promise<AdapterPayload | undefined> {
    if (!id.startsWith(tokenPrefix.RefreshToken)) return undefined;
    const unit = this.unit();
    const id_hash = hashSecret(id);
    const found = await unit.once(`refresh:${id_hash}`, () => records.findRefreshToken(unit.db, id_hash, this.now));
    // A retry within two seconds of the rotation gets invalid_grant and harms nobody (RT-03).
    if (!found || found.just_consumed) return undefined;
    remember(unit, found);
    unit.sessionInUse = found.is_touch_due ? (found.session_id ?? undefined) : undefined;
    return { ...found.payload, jti: id, ...(found.consumed ? { consumed: true } : {}) };
  }

  override async upsert(id: string, payload: AdapterPayload): Promise<undefined> {
    const { db } = await this.writing();
    const unit = this.unit();
    const lineage = lineageOf(unit, payload.grantId as string);
    if (unit.sessionInUse) noteUse(unit, this.#used, unit.sessionInUse);
    await records.saveRefreshToken(db, {
      ...lineage,
      id_hash: hashSecret(id),
      payload: kept(payload),
      expires_at: expiry(payload),
    });
  }

  /** Two retries met: one of them has the successor, the other loses, nothing is revoked (RT-03). */
  protected lost(): void {}

  /** The library destroys before it revokes the family; the row stays, so that a third use is known too. */
  override async destroy(): Promise<undefined> {}
}

class AccessTokens extends Base {
  readonly #kind: string;

  constructor(options: AdapterOptions, kind: string) {
    super(options);
    this.#kind = kind;
  }

  override async find(id: string): Promise<AdapterPayload | undefined> {
    if (!id.startsWith(tokenPrefix.AccessToken)) return undefined;
    const unit = this.unit();
    const id_hash = hashSecret(id);
    const found = await unit.once(`access:${id_hash}`, () => records.findAccessToken(unit.db, id_hash, this.now));
    if (!found || found.kind !== this.#kind) return undefined;
    // A token for a resource is none at userinfo, before anybody looks at its scope (OA-17).
    if (found.payload.aud !== undefined && Provider.ctx?.oidc.route === 'userinfo') return undefined;
    remember(unit, found);
    return { ...found.payload, jti: id };
  }

  override async upsert(id: string, payload: AdapterPayload): Promise<undefined> {
    const unit = this.unit();
    const { db } = await this.writing();
    const lineage = payload.grantId ? lineageOf(unit, payload.grantId) : null;
    await records.saveAccessToken(db, {
      id_hash: hashSecret(id),
      kind: this.#kind as 'AccessToken' | 'ClientCredentials',
      client_id: payload.clientId as string,
      client_kind: (Provider.ctx?.oidc.client as ExtraMetadata | undefined)?.client_kind ?? 'application',
      org_id: ((payload.extra as { org_id?: string } | undefined)?.org_id ?? null) as string | null,
      lineage,
      payload: kept(payload),
      expires_at: expiry(payload),
    });
  }

  override async destroy(id: string): Promise<undefined> {
    const { db } = await this.writing();
    await records.deleteAccessToken(db, hashSecret(id));
  }

  override async revokeByGrantId(grantId: string): Promise<undefined> {
    revoke(this.unit(), grantId);
  }
}

/**
 * Interactions and pushed requests. An interaction is kept sealed: the library puts its own id into it, the value of the session's
 * cookie and the reference of a pushed request, which the database must not know in the clear (SD-02).
 */
class Artifacts extends Base {
  readonly #kind: string;

  constructor(options: AdapterOptions, kind: string) {
    super(options);
    this.#kind = kind;
  }

  override async find(id: string): Promise<AdapterPayload | undefined> {
    const found = await records.findArtifact(this.unit().db, this.#kind, hashSecret(id));
    return (
      found && {
        ...this.#opened(hashSecret(id), found.payload),
        jti: id,
        ...(found.consumed ? { consumed: true } : {}),
      }
    );
  }

  #sealed(idHash: string, payload: Payload): Payload {
    if (this.#kind !== 'Interaction') return payload;
    return { sealed: this.app.sealer.seal(JSON.stringify(payload), `oidc_artifacts:payload:${idHash}`) };
  }

  #opened(idHash: string, payload: Payload): Payload {
    if (this.#kind !== 'Interaction') return payload;
    return JSON.parse(this.app.sealer.open(String(payload.sealed), `oidc_artifacts:payload:${idHash}`)) as Payload;
  }

  override async upsert(id: string, payload: AdapterPayload): Promise<undefined> {
    const { db } = await this.writing();
    await records.saveArtifact(db, {
      id_hash: hashSecret(id),
      kind: this.#kind,
      payload: this.#sealed(hashSecret(id), kept(payload)),
      expires_at: expiry(payload),
    });
  }

  override async consume(id: string): Promise<undefined> {
    const { db } = await this.writing();
    if (!(await records.consumeArtifact(db, this.#kind, hashSecret(id)))) {
      throw new errors.InvalidRequestUri('request_uri is invalid, expired, or was already used');
    }
  }

  override async destroy(id: string): Promise<undefined> {
    const { db } = await this.writing();
    await records.deleteArtifact(db, this.#kind, hashSecret(id));
  }
}

/** `unique` is replaced by one statement (see models.ts); nothing else of it is used. */
class Replays extends Base {}
