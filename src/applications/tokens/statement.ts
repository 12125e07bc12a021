/**
 * Named statements for the hottest queries: PostgreSQL plans them once per connection, which halves their cost.
 * Knex names none, so these go to `pg` directly, on Knex's own connection.
 */
import type { Knex } from 'knex';

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
let named = true;

/** Runs a named statement on a pool or transaction. Behind a pooler that cannot keep names, this process stops using them. */
export async function run<Row>(db: Knex, { name, text }: Statement, values: readonly unknown[]): Promise<Row[]> {
  const connection: Connection = await db.client.acquireConnection();
  try {
    const { rows } = await connection.query(named ? { name, text, values } : { text, values });
    return rows as Row[];
  } catch (error) {
    if (unnamable.has((error as { code?: string }).code ?? '')) named = false;
    throw error;
  } finally {
    await db.client.releaseConnection(connection);
  }
}
