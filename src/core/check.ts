/**
 * Checks: what must hold over a whole database, room by room. Each room says it of its own tables in `checks.ts`; `doctor.ts` collects
 * them and runs them in one read-only transaction, also beside running processes (checklist RE-20).
 */
import type { Knex } from 'knex';
import { SealError, type Sealer } from './secret.ts';

/** What a check may use: a connection that cannot write, the moment, and the keys that open what is sealed. */
export interface Inspection {
  readonly db: Knex;
  readonly now: Date;
  readonly sealer: Sealer;
}

export interface Check {
  /** What must hold, as a sentence. */
  readonly holds: string;
  /** @returns a sentence with ids for each thing that is wrong, at most `maxFindings` and one more that says so */
  find(inspection: Inspection): Promise<string[]>;
}

/** The rows of a table whose making is an event: `object_id` of the event is the row's id. */
export interface Trail {
  readonly table: string;
  readonly id: string;
  /** SQL: when a row was made, as timestamptz. */
  readonly made?: string;
  /** SQL: which rows have an event; all of them when absent. */
  readonly where?: string;
  readonly object_type: string;
  readonly actions: readonly string[];
}

/** Enough to understand what is wrong; the rest is counted when these are mended. */
export const maxFindings = 20;

const bounded = (sentences: string[]): string[] =>
  sentences.length > maxFindings ? [...sentences.slice(0, maxFindings), 'There are more of this kind.'] : sentences;

/** @param sql one text column: a sentence for each thing that is wrong; `:now` is the moment */
export function check(holds: string, sql: string): Check {
  return {
    holds,
    find: async ({ db, now }) => {
      const { rows } = await db.raw(`select says from (${sql}) found (says) order by 1 limit ${maxFindings + 1}`, {
        now,
      });
      return bounded((rows as { says: string }[]).map(({ says }) => says));
    },
  };
}

export interface SealedColumn {
  readonly table: string;
  /** The name in the context under which it was sealed: `<table>:<column>:<key>`. */
  readonly column: string;
  /** SQL: the key of the row. */
  readonly key: string;
  /** SQL: the sealed value, where it is not the column itself; null where a row has none. */
  readonly value?: string;
}

const rowsAtOnce = 1000;

/** Rows that were sealed under a key that this process does not have. */
interface Unopened {
  readonly first: string;
  /** What the sealer says; the same of each. */
  readonly message: string;
  rows: number;
}

/**
 * Every value that was sealed opens with a key of this process, in its own row (checklist SD-01, SD-05). A key that is missing is one
 * finding, however many rows it sealed.
 */
export function sealedCheck({ table, column, key, value = column }: SealedColumn): Check {
  return {
    holds: `what is sealed in ${table} opens`,
    find: async ({ db, sealer }) => {
      const wrong: string[] = [];
      const unopened = new Map<string, Unopened>();
      await db.raw(
        `declare sealed_rows no scroll cursor for select ${key} as key, ${value} as sealed from ${table} where ${value} is not null`,
      );
      for (;;) {
        const { rows } = await db.raw(`fetch ${rowsAtOnce} from sealed_rows`);
        for (const row of rows as { key: string; sealed: string }[]) {
          try {
            sealer.open(row.sealed, `${table}:${column}:${row.key}`);
          } catch (error) {
            if (!(error instanceof SealError)) throw error;
            const { message, missing_key } = error;
            const alike = missing_key === undefined ? undefined : unopened.get(missing_key);
            if (alike) alike.rows += 1;
            // A damaged value may name any key: no more of them are kept than are told.
            else if (missing_key !== undefined && unopened.size <= maxFindings)
              unopened.set(missing_key, { first: row.key, message, rows: 1 });
            else if (wrong.length <= maxFindings) wrong.push(`${column} of ${row.key} does not open: ${message}`);
          }
        }
        if (rows.length < rowsAtOnce) break;
      }
      await db.raw('close sealed_rows');
      const told = [...unopened.values()].map(({ first, message, rows }) => {
        const which = rows === 1 ? first : `${rows} rows, ${first} among them,`;
        return `${column} of ${which} does not open: ${message}`;
      });
      return bounded([...told, ...wrong]);
    },
  };
}
