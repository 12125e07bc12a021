/**
 * Codes and tokens, as the library reads and writes them. It checks and then acts; what must happen once is decided by the
 * database, in the one statement that takes a code or refresh token and writes what it is exchanged for. Reads remember who a
 * token belongs to, so that what is issued next carries its family, and its grant and person come with it.
 */
import type { AdapterPayload } from 'oidc-provider';
import Provider from 'oidc-provider';
import type { ExtraMetadata } from '../../applications/clients/metadata.ts';
import { endFamily } from '../../applications/tokens/endings.ts';
import {
  deleteAccessToken,
  type Exchange,
  saveClientCredentials,
  saveCode,
} from '../../applications/tokens/issuing.ts';
import {
  findAccessToken,
  findCode,
  findRefreshToken,
  type FoundToken,
  type Granted,
  type Lineage,
} from '../../applications/tokens/presented.ts';
import { endReusedFamily } from '../../applications/tokens/service.ts';
import { newId } from '../../core/id.ts';
import { hashSecret } from '../../core/secret.ts';
import { subjectKey, type Unit } from '../unit.ts';
import { type AdapterOptions, Base, noteUse } from './base.ts';

/** Where the tokens of this grant come from; codes begin a lineage. */
function lineageOf(unit: Unit, grantId: string): Lineage {
  const { lineage } = unit;
  if (lineage?.grant_id !== grantId) throw new Error('A token was issued from no code and no refresh token.');
  return lineage;
}

/** The exchange that tokens of this grant belong to. */
function exchangeOf(unit: Unit, grantId: string): Exchange {
  const { exchange } = unit;
  if (exchange?.grant_id !== grantId) throw new Error('A token was issued from no code and no refresh token.');
  return exchange;
}

/** Remembers where a token belongs, for what is issued from it and for its revocation, and what was read with it. */
function remember(unit: Unit, { lineage, grant_payload, subject }: Granted): void {
  unit.lineage = lineage;
  unit.grants.set(lineage.grant_id, grant_payload);
  if (subject) unit.remember(subjectKey(subject.user_id, subject.org_id), subject);
}

/**
 * The library revokes, after a second use or at the revocation endpoint. It asks once per kind of token and means the same
 * each time. What to do is put off until the request has ended, because a refused request keeps nothing.
 */
export function revoke(unit: Unit, grantId: string): void {
  // At a sign-out it means what the session leaves behind. What is bound to the session ends with its row, and an application that
  // was asked about but got no code yet has no family.
  if (Provider.ctx?.oidc.route === 'end_session_confirm') return;
  const { family_id } = lineageOf(unit, grantId);
  const asked = Provider.ctx?.oidc.route === 'revocation';
  unit.laterOnce(`family:${family_id}`, (call) =>
    asked ? endFamily(call.db, grantId, family_id) : endReusedFamily(call, grantId, family_id),
  );
}

/** Codes and refresh tokens: used once, revoked by family. */
abstract class Consumable extends Base {
  protected abstract readonly kind: Exchange['kind'];

  /** The use is decided at the end, together with what is issued (exchange.ts). */
  override async consume(id: string): Promise<undefined> {
    const unit = this.unit();
    if (!unit.lineage) return this.never();
    const { grant_id, family_id } = unit.lineage;
    unit.exchange = { kind: this.kind, id_hash: hashSecret(id), grant_id, family_id };
  }

  override async revokeByGrantId(grantId: string): Promise<undefined> {
    revoke(this.unit(), grantId);
  }

  protected payloadOf(id: string, found: FoundToken): AdapterPayload {
    return { ...found.payload, jti: id, ...(found.consumed ? { consumed: true } : {}) };
  }
}

export class Codes extends Consumable {
  protected readonly kind = 'AuthorizationCode';

  override async find(id: string): Promise<AdapterPayload | undefined> {
    const unit = this.unit();
    const id_hash = hashSecret(id);
    const found = await unit.once(`code:${id_hash}`, () => findCode(unit.db, id_hash, this.now));
    if (!found) return undefined;
    remember(unit, found);
    unit.presentedCode = id_hash;
    return this.judged(this.payloadOf(id, found));
  }

  override async upsert(id: string, payload: AdapterPayload): Promise<undefined> {
    const { db } = await this.writing();
    const session = Provider.ctx?.oidc.session as { sessionId?: string; uid?: string } | undefined;
    const { payload: dated, expires_at } = this.dated(payload);
    await saveCode(db, {
      ...this.written(id, dated),
      expires_at,
      grant_id: payload.grantId as string,
      family_id: newId(this.now.getTime()),
      session_id: session?.sessionId ?? null,
      session_uid: (payload.sessionUid as string | undefined) ?? null,
      session_bound: !(payload.scope as string | undefined)?.split(' ').includes('offline_access'),
    });
  }
}

/** Prefixes let secret scanners recognise leaked tokens (PR-08), and spare the look-up of one kind in another's table. */
export const tokenPrefix = { AccessToken: 'ltl_at_', ClientCredentials: 'ltl_at_', RefreshToken: 'ltl_rt_' } as const;

export class RefreshTokens extends Consumable {
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
    const found = await unit.once(`refresh:${id_hash}`, () => findRefreshToken(unit.db, id_hash, this.now));
    // A retry within two seconds of the rotation gets invalid_grant and harms nobody (RT-03).
    if (!found || found.just_consumed) return undefined;
    remember(unit, found);
    unit.sessionInUse = found.is_touch_due ? (found.lineage.session_id ?? undefined) : undefined;
    return this.payloadOf(id, found);
  }

  override async upsert(id: string, payload: AdapterPayload): Promise<undefined> {
    const unit = this.unit();
    exchangeOf(unit, payload.grantId as string).refresh = this.written(id, payload);
    if (unit.sessionInUse) noteUse(unit, this.#used, unit.sessionInUse);
  }

  /** The library destroys before it revokes the family; the row stays, so that a third use is known too. */
  override async destroy(): Promise<undefined> {}
}

export class AccessTokens extends Base {
  readonly #kind: 'AccessToken' | 'ClientCredentials';

  constructor(options: AdapterOptions, kind: 'AccessToken' | 'ClientCredentials') {
    super(options);
    this.#kind = kind;
  }

  override async find(id: string): Promise<AdapterPayload | undefined> {
    if (!id.startsWith(tokenPrefix.AccessToken)) return undefined;
    const unit = this.unit();
    const id_hash = hashSecret(id);
    const found = await unit.once(`access:${id_hash}`, () => findAccessToken(unit.db, id_hash, this.now));
    if (!found || found.kind !== this.#kind) return undefined;
    // A token for a resource is none at userinfo, before anybody looks at its scope (OA-17).
    if (found.payload.aud !== undefined && Provider.ctx?.oidc.route === 'userinfo') return undefined;
    if (found.granted) remember(unit, found.granted);
    return { ...found.payload, jti: id };
  }

  override async upsert(id: string, payload: AdapterPayload): Promise<undefined> {
    const row = {
      ...this.written(id, payload),
      client_id: payload.clientId as string,
      org_id: ((payload.extra as { org_id?: string } | undefined)?.org_id ?? null) as string | null,
    };
    if (payload.grantId) exchangeOf(this.unit(), payload.grantId).access = row;
    else {
      const { client_kind = 'application' } = (Provider.ctx?.oidc.client ?? {}) as Partial<ExtraMetadata>;
      await saveClientCredentials(this.unit().db, { ...row, client_kind });
    }
  }

  override async destroy(id: string): Promise<undefined> {
    const { db } = await this.writing();
    await deleteAccessToken(db, hashSecret(id));
  }

  override async revokeByGrantId(grantId: string): Promise<undefined> {
    revoke(this.unit(), grantId);
  }
}
