/**
 * A trip: several statements that travel to PostgreSQL together and are answered together, as one query of `pg`. One Sync
 * ends it, so when a statement fails the database skips the rest (PostgreSQL, extended query protocol: pipelining).
 * What the columns of a named statement are is asked once a connection.
 */
import { type FieldDef, type Submittable, types } from 'pg';
import utils from 'pg/lib/utils.js';

export interface Asked {
  readonly text: string;
  readonly values?: readonly unknown[] | undefined;
  /** With it the statement is prepared once a connection. */
  readonly name?: string | undefined;
}

export interface Answered {
  command: string;
  rowCount: number | null;
  rows: Record<string, unknown>[];
  fields: readonly FieldDef[];
}

/** The part of `pg`'s connection that a trip speaks to. */
export interface TripConnection {
  readonly stream: { cork?(): void; uncork?(): void };
  readonly parsedStatements: Record<string, string>;
  parse(query: { text: string; name?: string | undefined }): void;
  bind(config: { statement?: string | undefined; values?: readonly unknown[] | undefined }): void;
  describe(message: { type: 'P'; name: string }): void;
  execute(config: { portal: string }): void;
  sync(): void;
}

type Parse = (text: string) => unknown;

/** What the columns of a statement are, and how their texts are read. */
export interface Columns {
  readonly fields: readonly FieldDef[];
  readonly parsers: readonly Parse[];
}

const noColumns: Columns = { fields: [], parsers: [] };

export class Trip implements Submittable {
  /** Read by those who count statements. */
  readonly asked: readonly Asked[];
  /** Of the statement at hand: `pg` notes these as prepared when it is. */
  name: string | undefined;
  text: string;
  callback: (error: Error | null, answers?: Answered[]) => void;
  readonly #answers: Answered[] = [];
  readonly #known: Map<string, Columns>;
  #columns: Columns = noColumns;
  #rows: Record<string, unknown>[] = [];
  #defect: Error | null = null;

  /** @param known columns of named statements on this connection */
  constructor(
    asked: readonly Asked[],
    known: Map<string, Columns>,
    callback: (error: Error | null, answers?: Answered[]) => void,
  ) {
    this.asked = asked;
    this.#known = known;
    this.callback = callback;
    this.name = undefined;
    this.text = '';
    this.#begin();
  }

  #begin(): void {
    const next = this.asked[this.#answers.length];
    this.name = next?.name;
    this.text = next?.text ?? '';
    this.#rows = [];
    this.#columns = (this.name !== undefined && this.#known.get(this.name)) || noColumns;
  }

  submit(given: unknown): Error | null {
    const connection = given as TripConnection;
    let trip: readonly Asked[];
    try {
      // Before anything is sent: a value that has no text stops the whole trip.
      trip = this.asked.map((one) => ({ ...one, values: one.values?.map((value) => utils.prepareValue(value)) }));
    } catch (error) {
      return error as Error;
    }
    const parsed = new Set<string>();
    connection.stream.cork?.();
    try {
      for (const { name, text, values } of trip) {
        const isKnown = name !== undefined && (parsed.has(name) || connection.parsedStatements[name] === text);
        if (!isKnown) connection.parse({ text, name });
        if (name !== undefined) parsed.add(name);
        connection.bind({ statement: name, values });
        if (name === undefined || !this.#known.has(name)) connection.describe({ type: 'P', name: '' });
        connection.execute({ portal: '' });
      }
      connection.sync();
    } finally {
      connection.stream.uncork?.();
    }
    return null;
  }

  handleRowDescription({ fields }: { readonly fields: readonly FieldDef[] }): void {
    this.#columns = { fields, parsers: fields.map(({ dataTypeID }) => types.getTypeParser(dataTypeID, 'text')) };
    if (this.name !== undefined) this.#known.set(this.name, this.#columns);
  }

  handleDataRow({ fields: texts }: { readonly fields: readonly (string | null)[] }): void {
    const { fields, parsers } = this.#columns;
    const row: Record<string, unknown> = {};
    try {
      for (let at = 0; at < texts.length; at += 1) {
        const text = texts[at] as string | null;
        row[(fields[at] as FieldDef).name] = text === null ? null : (parsers[at] as Parse)(text);
      }
    } catch (error) {
      this.#defect ??= error as Error;
    }
    this.#rows.push(row);
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    const [, command = '', count] = /^([A-Z]+)(?: \d+)??(?: (\d+))?$/.exec(text) ?? [];
    this.#answers.push({
      command,
      rowCount: count === undefined ? null : Number(count),
      rows: this.#rows,
      fields: this.#columns.fields,
    });
    // Without columns there is nothing to describe the next time either.
    if (this.name !== undefined && !this.#known.has(this.name)) this.#known.set(this.name, noColumns);
    this.#begin();
  }

  handleEmptyQuery(): void {
    this.handleCommandComplete({ text: '' });
  }

  handlePortalSuspended(): void {}

  handleError(error: Error): void {
    this.callback(this.#defect ?? error);
  }

  handleReadyForQuery(): void {
    if (this.#defect) this.callback(this.#defect);
    else this.callback(null, this.#answers);
  }

  handleCopyInResponse(connection: { sendCopyFail(reason: string): void }): void {
    connection.sendCopyFail('Nothing is copied here.');
  }

  handleCopyData(): void {}
}
