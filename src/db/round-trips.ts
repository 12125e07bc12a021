/**
 * Fewer round trips. A transaction's BEGIN travels with its first statement, and what was put off to its end with its
 * COMMIT: a trip costs the server, the database and whoever waits more than most statements do. Knex's own words for a
 * transaction are met on their way to `pg`; everything else passes as it is. COMMIT runs only when all before it in its trip
 * did. The embedded database has no trips to save: there, what was put off runs just before COMMIT.
 */
import type { Knex } from 'knex';
import pg from 'pg';
import utils from 'pg/lib/utils.js';
import { type Answered, type Asked, type Columns, Trip } from './trip.ts';

/** How far a transaction has come. */
export interface Progress {
  /** Whether the database has answered anything of it: a break before that leaves nothing behind, and it may be repeated. */
  isUnderWay: boolean;
}

export interface PutOff extends Asked {
  /** Told when the end of the transaction fails. */
  readonly failed?: (error: unknown) => void;
}

type Callback = (error: Error | null, answer?: Answered) => void;
type Query = (asked: string | Asked | Trip, values?: unknown, callback?: Callback) => unknown;

interface PgClient {
  query: Query;
  readonly connection?: { readonly stream: { destroy(): void } };
}

const begin: Asked = { text: 'BEGIN' };
const commit: Asked = { text: 'COMMIT' };

/** Whether the database said it, so that the connection goes on. */
const isOfDatabase = (error: unknown): boolean => /^[0-9A-Z]{5}$/.test((error as { code?: string }).code ?? '');

class Line {
  readonly #client: PgClient;
  readonly #isRemote: boolean;
  readonly #known = new Map<string, Columns>();
  #isBeginHeld = false;
  #last: PutOff[] = [];
  progress: Progress = { isUnderWay: true };

  constructor(client: PgClient, isRemote: boolean) {
    this.#client = client;
    this.#isRemote = isRemote;
  }

  putOff(asked: PutOff): void {
    this.#last.push(asked);
  }

  query(asked: Asked): Promise<Answered> {
    switch (asked.text) {
      case 'BEGIN;':
        return this.#begin(asked);
      case 'COMMIT;':
        return this.#commit(asked);
      case 'ROLLBACK':
        return this.#rollback(asked);
      default:
        return this.#statement(asked);
    }
  }

  async #begin(asked: Asked): Promise<Answered> {
    this.#last = [];
    this.progress = { isUnderWay: false };
    if (this.#isRemote) {
      this.#isBeginHeld = true;
      return nothing('BEGIN');
    }
    const answer = await this.#send(asked);
    this.progress.isUnderWay = true;
    return answer;
  }

  async #statement(asked: Asked): Promise<Answered> {
    if (!this.#isBeginHeld) return asked.name !== undefined && this.#isRemote ? this.#one([asked]) : this.#send(asked);
    this.#isBeginHeld = false;
    const { progress } = this;
    const answer = await this.#one([begin, asked]);
    progress.isUnderWay = true;
    return answer;
  }

  async #commit(asked: Asked): Promise<Answered> {
    const last = this.#last;
    this.#last = [];
    const isEmpty = this.#isBeginHeld;
    this.#isBeginHeld = false;
    if (isEmpty && last.length === 0) return nothing('COMMIT');
    this.progress.isUnderWay = true;
    if (last.length === 0) return this.#send(asked);
    try {
      if (this.#isRemote) return await this.#one([...(isEmpty ? [begin] : []), ...last, commit]);
      for (const one of last) await this.#send(one);
    } catch (error) {
      for (const { failed } of last) failed?.(error);
      // Knex gives the connection back after a COMMIT, whatever came of it.
      if (isOfDatabase(error)) await this.#send({ text: 'ROLLBACK' }).catch(() => {});
      // No answer in time, perhaps: what it still does is not the next one's business.
      else this.#client.connection?.stream.destroy();
      throw error;
    }
    return this.#send(asked);
  }

  async #rollback(asked: Asked): Promise<Answered> {
    this.#last = [];
    if (!this.#isBeginHeld) return this.#send(asked);
    this.#isBeginHeld = false;
    return nothing('ROLLBACK');
  }

  /** @returns the answer to the last */
  async #one(asked: readonly Asked[]): Promise<Answered> {
    const answer = (await this.#trip(asked)).at(-1);
    if (!answer) throw new Error('PostgreSQL did not answer.');
    return answer;
  }

  #trip(asked: readonly Asked[]): Promise<Answered[]> {
    return new Promise((resolve, reject) => {
      const trip = new Trip(asked, this.#known, (error, answers = []) => (error ? reject(error) : resolve(answers)));
      prototypeOf(this.#client).query.call(this.#client, trip);
    });
  }

  /** Outside of a transaction; statements that fail take what comes after them along. */
  together(asked: readonly Asked[]): Promise<Answered[]> | undefined {
    return this.#isRemote ? this.#trip(asked) : undefined;
  }

  #send(asked: Asked): Promise<Answered> {
    return new Promise((resolve, reject) => {
      prototypeOf(this.#client).query.call(this.#client, asked, undefined, (error, answer) => {
        if (error) reject(error);
        else resolve(answer as Answered);
      });
    });
  }
}

const prototypeOf = (client: PgClient): PgClient => Object.getPrototypeOf(client) as PgClient;

const nothing = (command: string): Answered => ({ command, rowCount: null, rows: [], fields: [] });

const lines = new WeakMap<object, Line>();

/** For a new connection of the pool. @param isRemote whether there are trips to save */
export function saveRoundTrips(connection: object, isRemote: boolean): void {
  const client = connection as PgClient;
  const line = new Line(client, isRemote);
  lines.set(client, line);
  client.query = (asked, values, callback) => {
    // Somebody's own kind of query: not in use here, and none of it would be in the transaction.
    if (asked instanceof pg.Query || (typeof asked === 'object' && 'submit' in asked)) {
      throw new Error('Only statements go over this connection.');
    }
    const own = typeof asked === 'string' ? { text: asked } : asked;
    const whole = Array.isArray(values) ? { ...own, values } : own;
    const answer = line.query(whole);
    const tell = callback ?? (typeof values === 'function' ? (values as Callback) : undefined);
    if (tell === undefined) return answer;
    answer.then(
      (found) => tell(null, found),
      (error: Error) => tell(error),
    );
    return undefined;
  };
}

async function lineOf(transaction: Knex): Promise<Line | undefined> {
  const connection = await transaction.client.acquireConnection();
  await transaction.client.releaseConnection(connection);
  return lines.get(connection);
}

/** How far a transaction has come, as long as it lasts and after; under way where nobody can tell. */
export const progressOf = async (transaction: Knex): Promise<Progress> =>
  (await lineOf(transaction))?.progress ?? { isUnderWay: true };

/** Puts a statement off to the end of its transaction. */
export async function putOff(transaction: Knex, asked: PutOff): Promise<void> {
  const line = transaction.isTransaction ? await lineOf(transaction) : undefined;
  if (!line) throw new Error('Only a transaction of connect.ts has an end to put something off to.');
  // Now, and not at the end: a value that has no text stops the transaction here.
  line.putOff({ ...asked, values: asked.values?.map((value) => utils.prepareValue(value)) });
}

/**
 * Asks several statements that only read in one trip, on a connection that is in no transaction.
 * @returns their answers in order; undefined where there are no trips to save
 * @throws what the first of them that failed threw: nobody knows what the ones after it would have said
 */
export const together = (connection: object, asked: readonly Asked[]): Promise<Answered[]> | undefined =>
  lines.get(connection)?.together(asked);
