/** What the provider's storage adapters share: the request's unit of work, what may be stored, and what an error means to the library. */
import type { Adapter, AdapterPayload } from 'oidc-provider';
import Provider, { errors } from 'oidc-provider';
import type { ClientCache } from '../../applications/clients/cache.ts';
import type { Written } from '../../applications/tokens/issuing.ts';
import type { Payload } from '../../applications/tokens/records.ts';
import type { App } from '../../core/app.ts';
import { Call, systemActor } from '../../core/call.ts';
import { hashSecret } from '../../core/secret.ts';
import { asFault } from '../../db/errors.ts';
import { Unit, unitNow } from '../unit.ts';

export interface AdapterOptions {
  readonly app: App;
  readonly clients: ClientCache;
  /** Tells the sessions room that a person signed out here. */
  readonly sessionEnded: (call: Call, sessionId: string) => Promise<void>;
  /** Tells it that the session is in use: single sign-on, or a refresh of what is bound to it. */
  readonly sessionUsed: (call: Call, sessionId: string) => Promise<unknown>;
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

/**
 * Requests that write more than once, so that their writes share a transaction; the others commit as they go. A token request
 * writes what it issues as one statement (`tokens.ts`).
 */
const transactional = new Set(['authorization', 'resume', 'end_session_confirm']);

/** Seconds; far more than any clock of ours is wrong. */
const clocksMayDifferBy = 3600;

export abstract class Base implements Adapter {
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
    return oidc && transactional.has(oidc.route) ? unit.begin() : unit.call;
  }

  /** What every code and token is written from. */
  protected written(id: string, payload: AdapterPayload): Written {
    return { id_hash: hashSecret(id), payload: storable(withoutId(payload)), expires_at: expiry(payload) };
  }

  /**
   * What lives for a minute is judged by the clock that all processes share: theirs differ, and the library has only its own (RE-09).
   * @returns the payload with how many milliseconds the library's clock was ahead, and when it ends
   */
  protected dated(payload: AdapterPayload): { payload: AdapterPayload; expires_at: Date } {
    const ahead = (payload.iat as number) * 1000 - this.now.getTime();
    return { payload: { ...payload, ahead }, expires_at: new Date((payload.exp as number) * 1000 - ahead) };
  }

  /** The payload as the library shall see it: its end far off or long past, as the shared clock says. */
  protected judged<T extends Payload>(payload: T): T {
    const { ahead, exp } = payload as { ahead?: number; exp?: number };
    if (ahead === undefined || exp === undefined) return payload;
    const isOver = this.now.getTime() >= exp * 1000 - ahead;
    return { ...payload, exp: isOver ? 0 : exp + clocksMayDifferBy };
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

/** JSON for a column. @throws InvalidRequest for what none holds */
function storable(payload: Payload): string {
  const text = JSON.stringify(payload);
  if (unstorable.test(text)) throw new errors.InvalidRequest('Null characters are not accepted.');
  return text;
}

function withoutId({ jti: _id, ...rest }: AdapterPayload): Payload {
  return rest;
}

/** The payload as it is kept: without the bearer id, and without what no column holds. */
export function kept(payload: AdapterPayload): Payload {
  const rest = withoutId(payload);
  storable(rest);
  return rest;
}

export const expiry = (payload: AdapterPayload): Date => new Date((payload.exp as number) * 1000);

/**
 * Keeps a session from idling out, after the request's own transaction: whoever revokes locks sessions before grants, this
 * request has its grant already, and the two would wait for each other. A note about use must not refuse the use.
 */
export function noteUse(unit: Unit, used: AdapterOptions['sessionUsed'], sessionId: string): void {
  unit.laterOnce(`used:${sessionId}`, (call) =>
    used(call, sessionId).catch((error: unknown) => {
      call.app.log.warn({ err: error, request_id: call.request.request_id }, 'the use of a session was not noted');
    }),
  );
}
