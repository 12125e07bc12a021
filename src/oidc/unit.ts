/**
 * Unit of work: what one request to the provider shares. Reads are remembered (the library asks for the same token and
 * grant up to three times), and where several writes belong together they go into one transaction that is opened at the
 * first of them and ends with the answer. Adapter calls find their unit through the asynchronous context.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Knex } from 'knex';
import type { Exchange } from '../applications/tokens/issuing.ts';
import type { Lineage } from '../applications/tokens/presented.ts';
import type { FoundSession, Payload } from '../applications/tokens/records.ts';
import type { Call } from '../core/call.ts';

const units = new AsyncLocalStorage<Unit>();

export const unitNow = (): Unit | undefined => units.getStore();

export const withinUnit = <T>(unit: Unit, work: () => Promise<T>): Promise<T> => units.run(unit, work);

/** Under which name a unit remembers a person as a member of an organization. */
export const subjectKey = (user_id: string, org_id: string | null): string => `subject:${user_id}:${org_id}`;

/** Ends the transaction without keeping anything; never leaves this file. */
class Abandoned extends Error {}

interface Opened {
  readonly call: Call;
  readonly end: (keep: boolean) => void;
  readonly ended: Promise<void>;
}

export class Unit {
  readonly #outer: Call;
  readonly #joined: boolean;
  #opening: Promise<Opened> | undefined;
  #opened: Opened | undefined;
  readonly #afterwards: ((call: Call) => Promise<unknown>)[] = [];
  readonly #promised = new Set<string>();
  readonly #found = new Map<string, Promise<unknown>>();

  /** `performance.now()` of its beginning. */
  readonly began = performance.now();
  /** The first defect of this request. What fails after it, in a transaction that is broken already, says nothing. */
  failure: unknown;
  /** Where the tokens of this request come from: set by the code or refresh token that was found. */
  lineage: Lineage | undefined;
  /** What this request exchanges its code or refresh token for: kept as one when the answer is made. */
  exchange: Exchange | undefined;
  /** The organization that a refresh asked for, where it is another than the grant's. */
  requestedOrganization: string | undefined;
  /** Grants that came along with a token. */
  readonly grants = new Map<string, Payload>();
  /** The provider's sessions that were there when this request asked, by their `uid`, as they were. */
  readonly sessionsFound = new Map<string, FoundSession>();
  /** Its session ended while it was answered, or another request gave it another id. */
  sessionIsGone = false;
  /** The row of `sessions` that a refresh keeps from idling out. */
  sessionInUse: string | undefined;
  /** Hash of the code that this request presented. */
  presentedCode: string | undefined;

  /** @param call outside of `write`, or inside: then the unit joins that transaction and never ends it */
  constructor(call: Call) {
    this.#outer = call;
    this.#joined = call.inTransaction;
  }

  /** The call on the connection to use now. Never the pool while a transaction is open: the embedded database has one connection. */
  get call(): Call {
    return this.#opened?.call ?? this.#outer;
  }

  get db(): Knex {
    return this.call.db;
  }

  /** Remembers a read for the rest of the request. */
  once<T>(key: string, read: () => Promise<T>): Promise<T> {
    const known = this.#found.get(key) as Promise<T> | undefined;
    if (known) return known;
    const reading = read();
    this.#found.set(key, reading);
    return reading;
  }

  /** Remembers what came along with another read. */
  remember(key: string, value: unknown): void {
    this.#found.set(key, Promise.resolve(value));
  }

  /** The organization that the tokens of this request speak for. */
  get organization(): string | null {
    return this.requestedOrganization ?? this.lineage?.org_id ?? null;
  }

  /** The call inside of the request's transaction; opens it. */
  async begin(): Promise<Call> {
    if (this.#joined) return this.#outer;
    this.#opening ??= this.#open();
    return (await this.#opening).call;
  }

  #open(): Promise<Opened> {
    return new Promise((resolve, reject) => {
      let end: (keep: boolean) => void = () => {};
      const gate = new Promise<void>((keep, abandon) => {
        end = (kept) => (kept ? keep() : abandon(new Abandoned()));
      });
      let begun = false;
      const ended = this.#outer.write((inner) => {
        // What ran inside cannot run again: a repeated transaction would commit nothing, and answer as if it had.
        if (begun) throw new Error('The transaction of this request was lost at its commit.');
        begun = true;
        this.#opened = { call: inner, end, ended };
        resolve(this.#opened);
        return gate;
      });
      // Reaches nobody once the transaction is open: then `finish` looks at `ended`.
      ended.catch(reject);
    });
  }

  /** Work for after the transaction, whether it is kept or not: what must outlive a refused request (revocation after reuse). */
  later(work: (call: Call) => Promise<unknown>): void {
    this.#afterwards.push(work);
  }

  /** The same, once for a key. */
  laterOnce(key: string, work: (call: Call) => Promise<unknown>): void {
    if (this.#promised.has(key)) return;
    this.#promised.add(key);
    this.later(work);
  }

  /**
   * Ends the request's transaction, then does what was put off.
   * @throws what the commit threw: then nothing was kept
   */
  async finish(keep: boolean): Promise<void> {
    if (this.#opening) {
      const opened = await this.#opening.catch(() => undefined);
      if (opened) {
        opened.end(keep);
        this.#opened = undefined;
        try {
          await opened.ended;
        } catch (error) {
          if (!(error instanceof Abandoned)) throw error;
        }
      }
    }
    for (const work of this.#afterwards.splice(0)) await work(this.#outer);
  }
}
