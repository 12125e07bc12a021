/** Applications, sessions, grants, interactions and pushed requests, as the library reads and writes them. */
import type { AdapterPayload } from 'oidc-provider';
import Provider, { errors } from 'oidc-provider';
import type { ClientCache } from '../../applications/clients/cache.ts';
import type { Authorizations } from '../../applications/tokens/authorizations.ts';
import * as records from '../../applications/tokens/records.ts';
import type { Payload } from '../../applications/tokens/records.ts';
import { isId } from '../../core/id.ts';
import { hashSecret, sameSecret } from '../../core/secret.ts';
import { type AdapterOptions, Base, expiry, kept, noteUse } from './base.ts';

/** Applications come from the cache; the provider never writes them. */
export class Clients extends Base {
  readonly #clients: ClientCache;

  constructor(options: AdapterOptions) {
    super(options);
    this.#clients = options.clients;
  }

  override async find(id: string): Promise<AdapterPayload | undefined> {
    return (await this.#clients.find(this.unit().db, id))?.metadata as AdapterPayload | undefined;
  }
}

/** A copy: the library changes what it was given. */
const foundAs = (id_hash: string, authorizations: unknown): records.FoundSession => ({
  id_hash,
  authorizations: structuredClone(authorizations ?? {}) as Authorizations,
});

export class Sessions extends Base {
  readonly #ended: AdapterOptions['sessionEnded'];
  readonly #used: AdapterOptions['sessionUsed'];

  constructor(options: AdapterOptions) {
    super(options);
    this.#ended = options.sessionEnded;
    this.#used = options.sessionUsed;
  }

  override async find(id: string): Promise<AdapterPayload | undefined> {
    const unit = this.unit();
    const payload = await records.findSession(unit.db, 'id_hash', hashSecret(id), this.now);
    if (payload) unit.sessionsFound.set(payload.uid as string, foundAs(hashSecret(id), payload.authorizations));
    return payload && { ...this.#opened(payload), jti: id };
  }

  /** For tokens that are bound to it; the library saves none that it found so. */
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
    const { authorizations = {}, ...rest } = kept(payload);
    const row = {
      id_hash: hashSecret(id),
      uid: payload.uid as string,
      user_id: payload.accountId ?? null,
      session_id,
      payload: this.#sealed(rest),
      authorizations: authorizations as Authorizations,
      expires_at: expiry(payload),
    };
    const { sessionsFound } = this.unit();
    if (await records.saveSession(call.db, row, sessionsFound.get(row.uid))) {
      if (sessionsFound.has(row.uid)) sessionsFound.set(row.uid, foundAs(row.id_hash, authorizations));
    } else this.unit().sessionIsGone = true;
    if (session_id !== null) noteUse(this.unit(), this.#used, session_id);
  }

  override async destroy(id: string): Promise<undefined> {
    // A new id for the same session: `upsert` follows and replaces the old one.
    if ((Provider.ctx?.oidc.session as { oldId?: string } | undefined)?.oldId === id) return;
    const call = await this.writing();
    const id_hash = hashSecret(id);
    const [uid] = [...this.unit().sessionsFound].find(([, found]) => sameSecret(found.id_hash, id_hash)) ?? [];
    const sessionId = await records.deleteSession(call.db, id_hash, uid);
    if (sessionId !== null) await this.#ended(call, sessionId);
  }
}

export class Grants extends Base {
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

/**
 * Interactions and pushed requests. An interaction is kept sealed: the library puts its own id into it, the value of the session's
 * cookie and the reference of a pushed request, which the database must not know in the clear (SD-02).
 */
export class Artifacts extends Base {
  readonly #kind: string;

  constructor(options: AdapterOptions, kind: string) {
    super(options);
    this.#kind = kind;
  }

  override async find(id: string): Promise<AdapterPayload | undefined> {
    const found = await records.findArtifact(this.unit().db, this.#kind, hashSecret(id));
    return (
      found && {
        ...this.judged(this.#opened(hashSecret(id), found.payload)),
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
    // An interaction lives for an hour, and is saved again as it goes on.
    const { payload: dated, expires_at } =
      this.#kind === 'Interaction' ? { payload, expires_at: expiry(payload) } : this.dated(payload);
    await records.saveArtifact(db, {
      id_hash: hashSecret(id),
      kind: this.#kind,
      payload: this.#sealed(hashSecret(id), kept(dated)),
      expires_at,
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
export class Replays extends Base {}
