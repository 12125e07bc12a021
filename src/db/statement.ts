/**
 * Named statements for the hottest queries: PostgreSQL plans them once per connection, which halves their cost.
 * Knex names none, so these go to `pg` directly, on Knex's own connection.
 */
import type { Knex } from 'knex';
import { putOff } from './round-trips.ts';

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
    if (!isNamed || !unnamable.has((error as { code?: string }).code ?? '')) throw error;
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

/**
 * Runs a named statement at the end of a transaction, in one round trip with its COMMIT: for a write whose rows the transaction
 * reads no more. When it fails nothing of the transaction is kept, and the transaction throws what it threw.
 */
export const runLast = (transaction: Knex, statement: Statement, values: readonly unknown[]): Promise<void> => {
  const { config } = transaction.client;
  if (nameless.has(config)) return putOff(transaction, { text: statement.text, values });
  const failed = (error: unknown) => {
    if (unnamable.has((error as { code?: string }).code ?? '')) nameless.add(config);
  };
  return putOff(transaction, { ...statement, values, failed });
};
