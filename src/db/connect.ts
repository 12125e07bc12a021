/**
 * The connection: Knex with the `pg` dialect on both databases. PGlite is plugged in below `pg`, so there is one SQL,
 * one set of types and one set of error codes.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import knexModule, { type Knex } from 'knex';
import pg from 'pg';
import { isVacant, makeFolder, makingMark, refuseStrange } from '../core/folder.ts';
import { lockFolder } from './folder-lock.ts';
import { saveRoundTrips } from './round-trips.ts';

// bigint (20) counts seconds and versions here, far below 2^53; numbers on both databases.
pg.types.setTypeParser(20, (text) => Number(text));

export interface Database {
  readonly knex: Knex;
  readonly embedded: boolean;
  close(): Promise<void>;
}

export interface ConnectOptions {
  /** Connections per process on PostgreSQL. */
  readonly pool?: number;
  /** Milliseconds to wait for a connection: a frozen database must give a 503, not a hang. */
  readonly acquireMs?: number;
  /** Milliseconds that a statement may take, on PostgreSQL; 2,800 when absent: with the wait for a connection less than five seconds (RE-01). */
  readonly statementMs?: number;
  /** A PGlite that is already running (tests start from a snapshot). */
  readonly pglite?: PGlite;
}

/**
 * Opens the database of an address.
 * @throws Error with a plain sentence when a folder cannot be used, is in use, or belongs to another version
 */
export async function connect(address: string, options: ConnectOptions = {}): Promise<Database> {
  return address.startsWith('pglite:')
    ? connectEmbedded(address.slice('pglite:'.length), options)
    : connectServer(address, options);
}

/** What an operator does about a server that cannot be used, by the code of Node or of PostgreSQL. */
const advice: Readonly<Record<string, (host: string, name: string) => string>> = {
  ECONNREFUSED: (host) => `Nothing listens at ${host}. Start PostgreSQL there, or correct the address.`,
  ENOTFOUND: (host) => `There is no host ${host}. Correct the address.`,
  EAI_AGAIN: (host) => `The name server does not say where ${host} is. Correct the address, or look after the network.`,
  EHOSTUNREACH: (host) => `Nothing leads to ${host}. Correct the address, or look after the network.`,
  ETIMEDOUT: (host) =>
    `${host} does not answer as PostgreSQL does. Correct the address, or look after what stands in between.`,
  '28P01': () => 'PostgreSQL refuses its user or password. Correct them in the address.',
  '28000': () => 'PostgreSQL does not let its user in: there is no such user, or pg_hba.conf keeps it out.',
  '42501': (_, name) =>
    `Its user may not make tables in the database ${name}. Make the user the owner of that database.`,
  '53300': () => 'PostgreSQL has no connection left. Lower LINTEL_DATABASE_POOL, or raise its max_connections.',
  '57P03': () => 'PostgreSQL is only starting, or is stopping. Try again shortly.',
  '42P07': (_, name) => `The database ${name} has tables that are not Lintel’s. Name one that is empty.`,
  '3D000': (_, name) => `There is no database ${name}. Make it with createdb, or correct the address.`,
};

/** Why a database cannot be used, for whoever starts Lintel; never with the password of its address. */
export function cannotUse(address: string, error: Error & { code?: unknown }): Error {
  const url = URL.parse(address);
  const host = url?.host || 'the place that PGHOST and PGPORT name (localhost:5432 where they do not)';
  const sentence = advice[codeOf(error)]?.(host, url?.pathname.slice(1) || 'of that user’s name');
  return sentence === undefined
    ? error
    : new Error(`LINTEL_DATABASE_URL cannot be used. ${sentence}`, { cause: error });
}

/** A server that is silent, or hangs up, has no code: `pg` and Knex each have their words for it. */
function codeOf({ code, message }: Error & { code?: unknown }): string {
  return code === undefined && /timeout expired|Timeout acquiring|Connection terminated/i.test(message)
    ? 'ETIMEDOUT'
    : String(code);
}

type Created = (error: Error | null, connection: object) => void;

const prepare = (isRemote: boolean) => (connection: object, done: Created) => {
  saveRoundTrips(connection, isRemote);
  done(null, connection);
};

function connectServer(address: string, options: ConnectOptions): Database {
  const { statementMs = 2800 } = options;
  const knex = knexModule({
    client: 'pg',
    connection: {
      connectionString: address,
      connectionTimeoutMillis: 2000,
      // The client gives up by itself: a frozen server honours no statement_timeout.
      query_timeout: statementMs + 200,
      statement_timeout: statementMs,
      idle_in_transaction_session_timeout: 30_000,
      application_name: 'lintel',
      keepAlive: true,
      pipeline: true,
    } as Knex.PgConnectionConfig,
    pool: {
      min: 0,
      max: options.pool ?? 10,
      idleTimeoutMillis: 60_000,
      propagateCreateError: true,
      afterCreate: prepare(true),
    },
    acquireConnectionTimeout: options.acquireMs ?? 1500,
    // Each failed connection reaches whoever asked, and our own log; Knex would also print its stack beside that log.
    log: { warn: () => {} },
  });
  return { knex, embedded: false, close: () => knex.destroy() };
}

async function connectEmbedded(folder: string, options: ConnectOptions): Promise<Database> {
  const memory = folder === ':memory:' || folder === '';
  const path = memory ? null : resolve(folder);
  const unlock = path ? takeFolder(path) : () => {};
  try {
    const pglite = options.pglite ?? (await startPglite(path));
    const { createPgConfig } = await import('@electric-sql/pglite/node-postgres');
    const knex = knexModule({
      client: 'pg',
      connection: () => createPgConfig(pglite) as unknown as Knex.PgConnectionConfig,
      // One connection: PGlite has one. min 0, so that a broken one is made anew.
      pool: { min: 0, max: 1, idleTimeoutMillis: 3_600_000, afterCreate: prepare(false) },
      acquireConnectionTimeout: options.acquireMs ?? 10_000,
    });
    const close = async () => {
      await knex.destroy();
      if (!options.pglite) await pglite.close();
      unlock();
    };
    return { knex, embedded: true, close };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** Makes what the folder stands in, and locks it. */
function takeFolder(path: string): () => void {
  try {
    makeFolder(dirname(path));
    return lockFolder(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === undefined) throw cause;
    throw new Error(
      `LINTEL_DATABASE_URL cannot be used. The folder ${dirname(path)} cannot be written: name one that this user may write, ` +
        'as pglite:<folder>, or use PostgreSQL.',
      { cause },
    );
  }
}

/**
 * Opens the folder, or makes it from a prepared empty cluster: what initdb would make, in a fraction of its time.
 * While a folder is being made a mark stands beside it, so that a start that was killed in between begins anew. Nothing
 * can have been accepted by then: the server listens only after the migrations.
 */
async function startPglite(path: string | null): Promise<PGlite> {
  const { PGlite } = await import('@electric-sql/pglite');
  const mark = makingMark(path ?? '');
  if (path !== null && existsSync(mark)) rmSync(path, { recursive: true, force: true });
  if (path !== null) refuseStrange(path);
  const isNew = path === null || isVacant(path);
  if (path !== null && isNew) writeFileSync(mark, '', { flush: true });
  try {
    const loadDataDir = isNew ? await (await import('@electric-sql/pglite-prepopulatedfs')).dataDir() : undefined;
    const pglite = path === null ? new PGlite({ loadDataDir }) : new PGlite(path, { loadDataDir });
    await pglite.waitReady;
    if (path !== null && isNew) rmSync(mark);
    return pglite;
  } catch (cause) {
    throw new Error(
      `The embedded database in ${path ?? 'memory'} does not open (LINTEL_DATABASE_URL). If the folder was made by another ` +
        'version of Lintel, use that version; if it is no database of Lintel, or it is damaged, name another folder or put back your last copy.',
      { cause },
    );
  }
}
