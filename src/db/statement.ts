/**
 * Named statements for the hottest queries: PostgreSQL plans them once per connection, which halves their cost.
 * Knex names none, so these go to `pg` directly, on Knex's own connection.
 */
import type { Knex } from 'knex';
import { type Answered, type Plain, putOff, together } from './round-trips.ts';

export interface Statement {
  /** Unique in the code base: one name stands for one text on a connection. */
  readonly name: string;
  readonly text: string;
}

export const statement = (name: string, text: string): Statement => ({ name: `lintel_${name}`, text });

interface Connection {
  query(query: {
    name?: string;
    text: string;
    values: readonly unknown[];
  }): Promise<{ rows: unknown[]; rowCount: number | null }>;
}

/** A pooler in transaction mode that knows no prepared statements says one of these (26000, 42P05). */
const unnamable = new Set(['26000', '42P05']);
const isUnnamable = (error: unknown): boolean => unnamable.has((error as { code?: string }).code ?? '');

/** The pools behind such a pooler, by what a pool and its transactions share. */
const nameless = new WeakSet<object>();

/**
 * Runs a named statement on a pool or transaction. Behind a pooler that cannot keep names, this process stops using them:
 * outside of a transaction at once, because nothing was done yet; inside, the transaction is lost and the next one works.
 */
export async function run<Row>(db: Knex, statement: Statement, values: readonly unknown[]): Promise<Row[]> {
  const isNamed = !nameless.has(db.client.config);
  try {
    return await send<Row>(db, isNamed ? { ...statement, values } : { text: statement.text, values });
  } catch (error) {
    if (!isNamed || !isUnnamable(error)) throw error;
    nameless.add(db.client.config);
    if (db.isTransaction) throw error;
    return send<Row>(db, { text: statement.text, values });
  }
}

async function send<Row>(db: Knex, query: Parameters<Connection['query']>[0]): Promise<Row[]> {
  const connection: Connection = await db.client.acquireConnection();
  try {
    const { rows } = await connection.query(query);
    return rows as Row[];
  } finally {
    await db.client.releaseConnection(connection);
  }
}

interface Waiting {
  readonly statement: Statement;
  readonly values: readonly unknown[];
  readonly resolve: (rows: never[]) => void;
  readonly reject: (error: unknown) => void;
}

/** What was asked in this turn of the event loop and is not sent yet, by pool. */
const gathered = new WeakMap<object, Waiting[]>();
/** Beyond this many another connection works at the same time. */
const maxTogether = 8;

/**
 * Runs a named statement that stands alone (it reads, or is all that its transaction would write), and may share its way to the
 * database with what others ask in the same turn of the event loop: under load that is what a look-up costs most. Each has its
 * own rows, its own error and its own commit.
 */
export function read<Row>(db: Knex, statement: Statement, values: readonly unknown[]): Promise<Row[]> {
  const { config } = db.client;
  if (db.isTransaction || nameless.has(config)) return run(db, statement, values);
  return new Promise((resolve, reject) => {
    const waiting: Waiting = { statement, values, resolve, reject };
    const others = gathered.get(config);
    if (others) {
      others.push(waiting);
      return;
    }
    const all = [waiting];
    gathered.set(config, all);
    setImmediate(() => {
      gathered.delete(config);
      for (let from = 0; from < all.length; from += maxTogether) void tell(db, all.slice(from, from + maxTogether));
    });
  });
}

async function tell(db: Knex, all: readonly Waiting[]): Promise<void> {
  const outcomes = await askTogether(db, all).catch((reason: unknown) =>
    all.map(() => ({ status: 'rejected', reason }) as const),
  );
  for (const [index, { statement, values, resolve, reject }] of all.entries()) {
    const outcome = outcomes[index] as PromiseSettledResult<Answered>;
    if (outcome.status === 'fulfilled') resolve(outcome.value.rows as never[]);
    // Asked again by itself: `run` knows what to do behind a pooler without names.
    else if (isUnnamable(outcome.reason)) run<never>(db, statement, values).then(resolve, reject);
    else reject(outcome.reason);
  }
}

async function askTogether(db: Knex, all: readonly Waiting[]): Promise<PromiseSettledResult<Answered>[]> {
  const connection: object = await db.client.acquireConnection();
  try {
    return await together(
      connection,
      all.map(({ statement, values }) => ({ ...statement, values })),
    );
  } finally {
    await db.client.releaseConnection(connection);
  }
}

/**
 * Runs a named statement at the end of a transaction, in one round trip with its COMMIT: for a write whose rows the transaction
 * reads no more. When it fails nothing of the transaction is kept, and the transaction throws what it threw.
 */
export const runLast = (transaction: Knex, statement: Statement, values: readonly Plain[]): Promise<void> => {
  const { config } = transaction.client;
  if (nameless.has(config)) return putOff(transaction, { text: statement.text, values });
  const failed = (error: unknown) => {
    if (isUnnamable(error)) nameless.add(config);
  };
  return putOff(transaction, { ...statement, values, failed });
};
