/**
 * Named statements for the hottest queries: PostgreSQL plans them once per connection, which halves their cost.
 * Knex names none, so these go to `pg` directly, on Knex's own connection. `run` sends one as it comes, `runLast` with the COMMIT of
 * its transaction (round-trips.ts), `read` together with what others ask (gathering.ts).
 */
import type { Knex } from 'knex';
import { type Plain, putOff } from './round-trips.ts';

export interface Statement {
  /** Unique in the code base: one name stands for one text on a connection. */
  readonly name: string;
  readonly text: string;
  /** The same for several that ask at the same time: its parameters are arrays, and `asked_as` says whose a row is. */
  readonly many?: Statement;
}

export const statement = (name: string, text: string): Statement => ({ name: `lintel_${name}`, text });

/**
 * A look-up that many ask at the same time: under load PostgreSQL answers several with one statement, which costs it and us little
 * more than one. Each is planned and answered as it is alone, because `offset 0` keeps them apart. Not for what locks or writes.
 * @param types of its parameters, in their order
 */
export function lookup(name: string, types: readonly string[], text: string): Statement {
  const arrays = types.map((type, index) => `(select $${index + 1}::${type}[])`).join(', ');
  const names = types.map((_, index) => `v${index + 1}`).join(', ');
  const one = text.replace(/\$(\d+)/g, 'asked.v$1');
  const many = statement(
    `${name}_many`,
    `select one.*, asked.n::int as asked_as from unnest(${arrays}) with ordinality as asked(${names}, n)
       cross join lateral (select * from (${one}
       ) alone offset 0) one`,
  );
  return { ...statement(name, text), many };
}

interface Connection {
  query(query: {
    name?: string;
    text: string;
    values: readonly unknown[];
  }): Promise<{ rows: unknown[]; rowCount: number | null }>;
}

/** A pooler in transaction mode that knows no prepared statements says one of these (26000, 42P05). */
const unnamable = new Set(['26000', '42P05']);
export const isUnnamable = (error: unknown): boolean => unnamable.has((error as { code?: string }).code ?? '');

/** The pools behind such a pooler, by what a pool and its transactions share. */
const nameless = new WeakSet<object>();

/** Whether names are of use on a pool. */
export const keepsNames = (db: Knex): boolean => !nameless.has(db.client.config);

/** Names are used no more where this is why a statement failed. @returns whether it is */
export function failedByName(db: Knex, error: unknown): boolean {
  if (!isUnnamable(error)) return false;
  nameless.add(db.client.config);
  return true;
}

/**
 * Runs a named statement on a pool or transaction. Behind a pooler that cannot keep names, this process stops using them:
 * outside of a transaction at once, because nothing was done yet; inside, the transaction is lost and the next one works.
 */
export async function run<Row>(db: Knex, statement: Statement, values: readonly unknown[]): Promise<Row[]> {
  const isNamed = keepsNames(db);
  try {
    return await send<Row>(db, isNamed ? named(statement, values) : { text: statement.text, values });
  } catch (error) {
    if (!isNamed || !failedByName(db, error) || db.isTransaction) throw error;
    return send<Row>(db, { text: statement.text, values });
  }
}

/** A statement with its values, as `pg` takes it. */
export const named = ({ name, text }: Statement, values: readonly unknown[]) => ({ name, text, values });

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
export const runLast = (transaction: Knex, statement: Statement, values: readonly Plain[]): Promise<void> => {
  if (!keepsNames(transaction)) return putOff(transaction, { text: statement.text, values });
  const failed = (error: unknown) => void failedByName(transaction, error);
  return putOff(transaction, { name: statement.name, text: statement.text, values, failed });
};
