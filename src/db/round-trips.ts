/**
 * Fewer round trips. A transaction's BEGIN travels with its first statement, and what was put off to its end with its
 * COMMIT: a trip costs the server, the database and whoever waits more than most statements do. Knex's own words for a
 * transaction are met on their way to `pg`, whose pipeline mode does the rest; everything else passes as it is. COMMIT after a
 * statement that failed is a ROLLBACK to PostgreSQL. The embedded database has no trips to save: there, what was put off runs
 * just before COMMIT.
 */
import type { Knex } from 'knex';

export interface Asked {
  readonly text: string;
  readonly values?: readonly unknown[] | undefined;
  /** With it the statement is prepared once a connection. */
  readonly name?: string | undefined;
}

export interface Answered {
  readonly command: string;
  readonly rowCount: number | null;
  readonly rows: Record<string, unknown>[];
}

/** How far a transaction has come. */
export interface Progress {
  /** Whether the database has answered anything of it: a break before that leaves nothing behind, and it may be repeated. */
  isUnderWay: boolean;
}

/** What a statement that is put off may carry: each has a text, so none fails on its way, where COMMIT would go on without it. */
export type Plain = string | number | boolean | Date | null | readonly string[];

const isPlain = (value: unknown): boolean =>
  value === null ||
  typeof value !== 'object' ||
  value instanceof Date ||
  (Array.isArray(value) && value.every((one) => typeof one === 'string'));

export interface PutOff extends Asked {
  readonly values: readonly Plain[];
  /** Told when the end of the transaction fails. */
  readonly failed?: (error: unknown) => void;
}

type Callback = (error: Error | null, answer?: Answered) => void;
type Query = (asked: string | Asked, values?: unknown, callback?: Callback) => unknown;

interface PgClient {
  query: Query;
  readonly connection?: { readonly stream: { cork(): void; uncork(): void } };
}

const begin: Asked = { text: 'BEGIN' };
const commit: Asked = { text: 'COMMIT' };

/** What became of each of several statements. */
type Outcomes = PromiseSettledResult<Answered>[];

class Line {
  readonly #client: PgClient;
  readonly #isRemote: boolean;
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
        return this.#commit();
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
    if (!this.#isBeginHeld) return this.#send(asked);
    this.#isBeginHeld = false;
    const { progress } = this;
    const answer = lastOf(await this.together([begin, asked]));
    progress.isUnderWay = true;
    return answer;
  }

  async #commit(): Promise<Answered> {
    const last = this.#last;
    this.#last = [];
    const isEmpty = this.#isBeginHeld;
    this.#isBeginHeld = false;
    if (isEmpty && last.length === 0) return nothing('COMMIT');
    this.progress.isUnderWay = true;
    try {
      const answer = lastOf(await this.together([...(isEmpty ? [begin] : []), ...last, commit]));
      // PostgreSQL ends a transaction that is broken with this word, and without an error.
      if (answer.command !== 'COMMIT') throw new Error(`The transaction ended with ${answer.command}.`);
      return answer;
    } catch (error) {
      for (const { failed } of last) failed?.(error);
      throw error;
    }
  }

  async #rollback(asked: Asked): Promise<Answered> {
    this.#last = [];
    if (!this.#isBeginHeld) return this.#send(asked);
    this.#isBeginHeld = false;
    return nothing('ROLLBACK');
  }

  /** Sends them at once, where that saves trips, and one after the other where it does not. @returns what became of each */
  async together(asked: readonly Asked[]): Promise<Outcomes> {
    if (!this.#isRemote) {
      const outcomes: Outcomes = [];
      for (const one of asked) outcomes.push(...(await Promise.allSettled([this.#send(one)])));
      return outcomes;
    }
    const stream = this.#client.connection?.stream;
    // One segment of the network for all of them.
    stream?.cork();
    const answers = asked.map((one) => this.#send(one));
    stream?.uncork();
    return Promise.allSettled(answers);
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

/** @returns the last answer @throws what the first of them that failed threw */
function lastOf(outcomes: Outcomes): Answered {
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  return (outcomes.at(-1) as PromiseFulfilledResult<Answered>).value;
}

const prototypeOf = (client: PgClient): PgClient => Object.getPrototypeOf(client) as PgClient;

const nothing = (command: string): Answered => ({ command, rowCount: null, rows: [] });

const lines = new WeakMap<object, Line>();

/** For a new connection of the pool. @param isRemote whether there are trips to save */
export function saveRoundTrips(connection: object, isRemote: boolean): void {
  const client = connection as PgClient;
  const line = new Line(client, isRemote);
  lines.set(client, line);
  client.query = (asked, values, callback) => {
    // Somebody's own kind of query: not in use here, and none of it would be in the transaction.
    if (typeof asked === 'object' && 'submit' in asked) throw new Error('Only statements go over this connection.');
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

const lineOf = (connection: object): Line => {
  const line = lines.get(connection);
  if (!line) throw new Error('Only connections of connect.ts are known here.');
  return line;
};

async function lineOfTransaction(transaction: Knex): Promise<Line> {
  if (!transaction.isTransaction) throw new Error('Only a transaction has an end to put something off to.');
  const connection: object = await transaction.client.acquireConnection();
  await transaction.client.releaseConnection(connection);
  return lineOf(connection);
}

/** How far a transaction has come, as long as it lasts and after. */
export const progressOf = async (transaction: Knex): Promise<Progress> =>
  (await lineOfTransaction(transaction)).progress;

/** Puts a statement off to the end of its transaction. */
export async function putOff(transaction: Knex, asked: PutOff): Promise<void> {
  if (!asked.values.every(isPlain)) throw new Error('Only plain values can be put off.');
  (await lineOfTransaction(transaction)).putOff(asked);
}

/** Asks several statements on a connection that is in no transaction; none of them knows of the others. */
export const together = (connection: object, asked: readonly Asked[]): Promise<Outcomes> =>
  lineOf(connection).together(asked);
