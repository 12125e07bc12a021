/** Listens to what goes to the database, on every connection of the process and below Knex, while something runs. */
import pg from 'pg';

export interface Asked {
  /** With it PostgreSQL keeps the plan, whatever the values. */
  readonly name: string | undefined;
  readonly text: string;
  readonly values: readonly unknown[];
}

type Query = (this: object, query: unknown, ...rest: unknown[]) => unknown;

function valuesOf([query, second]: readonly unknown[]): readonly unknown[] {
  const own = (query as { values?: readonly unknown[] } | null)?.values;
  return own ?? (Array.isArray(second) ? second : []);
}

const textOf = (query: unknown): string =>
  typeof query === 'string' ? query : ((query as { text?: string } | null)?.text ?? '');

/**
 * What depends on the clock and not on the flow: caches that ask again after a moment (versions of clients, APIs, signing
 * keys), notes once a minute, and what is written in batches after the answer (the flight recorder).
 */
const byTheClock = [
  /^select c\.version from oidc_clients c/,
  /from "oidc_clients".*"resource_uri"/,
  /from "signing_keys"/,
  /set last_used_at/,
  /scim_requests/,
];

/** Statements while `work` runs, in order. Transactions of the background are the caller's to avoid. */
export async function statementsOf(work: () => Promise<unknown>): Promise<string[]> {
  return (await askedDuring(work)).map(({ text }) => text);
}

/** The same, with the values that were bound; also what depends on the clock, where everything is asked for. */
export async function askedDuring(work: () => Promise<unknown>, { everything = false } = {}): Promise<Asked[]> {
  const asked: Asked[] = [];
  const prototype = pg.Client.prototype as unknown as { query: Query };
  const original = prototype.query;
  prototype.query = function query(this: object, ...values: [unknown, ...unknown[]]) {
    const { name } = (values[0] ?? {}) as { name?: string };
    asked.push({ name, text: textOf(values[0]), values: valuesOf(values) });
    return original.apply(this, values);
  };
  try {
    await work();
  } finally {
    prototype.query = original;
  }
  return asked.filter(({ text }) => everything || !byTheClock.some((pattern) => pattern.test(text)));
}

const words = (text: string): string =>
  text
    .replaceAll(/--[^\n]*/g, ' ')
    .replaceAll('"', '')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .toLowerCase();

/** A statement in a line: what it does to which tables. */
export function lineOf(text: string): string {
  const all = words(text);
  if (/^(begin|commit|rollback|savepoint|release)/.test(all))
    return (all.split(/[ ;]/)[0] ?? '').replace('release', 'release savepoint');
  const touched = [
    ...all.matchAll(/\b(from|join|into|update|using) (?:only )?(?!set\b|skip\b|of\b|unnest\b)([a-z_]+)/g),
  ];
  const written = touched.filter(([, how]) => how === 'into' || how === 'update').map(([, , table]) => table);
  const deleted = [...all.matchAll(/\bdelete from ([a-z_]+)/g)].map(([, table]) => table);
  const writes = [...new Set([...written, ...deleted])];
  const reads = [...new Set(touched.map(([, , table]) => table))].filter((table) => !writes.includes(table));
  const verb =
    deleted.length > 0 ? 'delete' : written.length > 0 ? (all.includes('insert into') ? 'insert' : 'update') : 'select';
  const lock = /\bfor (no key update|update|key share|share)\b/.exec(all)?.[0];
  return [
    writes.length > 0 ? `${verb} ${writes.join(' + ')}` : `select ${reads.join(', ') || all.slice(0, 60)}`,
    lock ? `(${lock})` : '',
  ]
    .filter((part) => part !== '')
    .join(' ');
}

/** The flow as the snapshot keeps it. */
export function describeFlow(name: string, statements: readonly string[]): string[] {
  const lines = statements.map(lineOf);
  const commits = lines.filter((line) => line === 'commit').length;
  const data = lines.filter((line) => !['begin', 'commit', 'rollback'].includes(line)).length;
  return [`${name}: ${data} statements, ${commits} commits`, ...lines.map((line) => `  ${line}`), ''];
}
