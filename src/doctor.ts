/**
 * `lintel doctor`: whether everything is in order, on a database that others work with meanwhile. Reads only: one transaction that
 * cannot write, and that sees one moment (checklist RE-20). What must hold, each room says in its `checks.ts`.
 */
import type { Knex } from 'knex';
import { accessChecks, accessTrails } from './access/checks.ts';
import { applicationChecks, applicationTrails } from './applications/checks.ts';
import { type Config, loadConfig } from './config/config.ts';
import { embeddedFolder, sealingKeys } from './config/sealing-key.ts';
import type { Check } from './core/check.ts';
import { requireDatabase } from './core/folder.ts';
import { Sealer } from './core/secret.ts';
import { credentialChecks, credentialTrails } from './credentials/checks.ts';
import { databaseChecks } from './db/checks.ts';
import { cannotUse, connect, type Database } from './db/connect.ts';
import { migrationSettings } from './db/migrate.ts';
import { directoryChecks, directoryTrails } from './directory/checks.ts';
import { eventChecks, trailCheck } from './events/checks.ts';
import { federationChecks, federationTrails } from './federation/checks.ts';
import { httpChecks } from './http/checks.ts';
import { notificationChecks } from './notifications/checks.ts';
import { provisioningChecks, provisioningTrails } from './provisioning/checks.ts';
import { signinChecks, signinTrails } from './signin/checks.ts';

/** Everything that must hold, by room. */
export const checks: Readonly<Record<string, readonly Check[]>> = {
  database: databaseChecks,
  http: httpChecks,
  directory: directoryChecks,
  access: accessChecks,
  credentials: credentialChecks,
  notifications: notificationChecks,
  applications: applicationChecks,
  federation: federationChecks,
  signin: signinChecks,
  provisioning: provisioningChecks,
  events: [
    ...eventChecks,
    ...[
      ...directoryTrails,
      ...accessTrails,
      ...credentialTrails,
      ...applicationTrails,
      ...federationTrails,
      ...signinTrails,
      ...provisioningTrails,
    ].map(trailCheck),
  ],
};

export interface Finding {
  readonly room: string;
  readonly holds: string;
  readonly says: string;
}

/** Statements over whole tables take longer than a request may wait. */
const statementMs = 10 * 60_000;

/**
 * Runs every check at one moment of the database.
 * @param tell is told of each room that was looked at
 * @returns what is wrong; empty when all is well
 */
export async function inspect(
  knex: Knex,
  at: { readonly now: Date; readonly sealer: Sealer },
  tell: (room: string, count: number, findings: readonly Finding[]) => void = () => {},
): Promise<Finding[]> {
  return knex.transaction(
    async (transaction) => {
      await transaction.raw(`set local statement_timeout = ${statementMs}`);
      const all: Finding[] = [];
      for (const [room, ofRoom] of Object.entries(checks)) {
        const findings: Finding[] = [];
        for (const { holds, find } of ofRoom) {
          // A check that cannot run must not hide the others: each has a savepoint.
          const sentences = await transaction
            .transaction((inner) => find({ ...at, db: inner }))
            .catch((error: Error) => [`This could not be looked at: ${error.message}`]);
          findings.push(...sentences.map((says) => ({ room, holds, says })));
        }
        tell(room, ofRoom.length, findings);
        all.push(...findings);
      }
      return all;
    },
    { isolationLevel: 'repeatable read', readOnly: true },
  );
}

type Look = (what: string, check: () => Promise<string>) => Promise<boolean>;

async function lookAtServer(database: Database): Promise<string> {
  const { rows } = await database.knex.raw('select version() as version, now() as now');
  const skew = Math.abs(rows[0].now.getTime() - performance.timeOrigin - performance.now());
  if (skew > 60_000) throw new Error(`its clock differs from this machine's by ${Math.round(skew / 1000)} s`);
  return String(rows[0].version).split(' ').slice(0, 2).join(' ');
}

async function lookAtMigrations(knex: Knex): Promise<string> {
  const settings = { ...migrationSettings(), disableMigrationsListValidation: true };
  const known = (await settings.migrationSource?.getMigrations([])) as string[];
  const isThere = await knex.schema.hasTable('lintel_migrations');
  if (!isThere) throw new Error(`${known.length} are not done yet; run lintel migrate`);
  const done = new Set<string>(await knex('lintel_migrations').pluck('name'));
  const names = known.map((file) => settings.migrationSource?.getMigrationName(file) ?? file);
  const pending = names.filter((name) => !done.has(name));
  const unknown = [...done].filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`a newer Lintel was here (${unknown.join(', ')}); use that version`);
  if (pending.length > 0) throw new Error(`${pending.length} are not done yet; run lintel migrate`);
  return `${done.size} done`;
}

/**
 * Looks at the configuration, the database and everything in it.
 * @param say is given one line for each thing that was looked at, and one for each thing that is wrong
 * @returns whether all is well
 */
export async function examine(say: (line: string) => void): Promise<boolean> {
  let well = true;
  const look: Look = async (what, run) => {
    const [good, said] = await run().then(
      (text) => [true, text] as const,
      (error: Error) => [false, error.message] as const,
    );
    say(`${good ? ' ok ' : 'FAIL'}  ${what}: ${said}`);
    well &&= good;
    return good;
  };
  let config: Config | undefined;
  let sealer: Sealer | undefined;
  await look('configuration', async () => {
    config = loadConfig();
    const folder = embeddedFolder(config);
    if (folder !== null) requireDatabase(folder);
    sealer = new Sealer(sealingKeys(config));
    return `${config.url}${config.development ? ' (development: plain http on this machine)' : ''}`;
  });
  if (!config || !sealer) return false;
  let database: Database | undefined;
  try {
    const { database_url } = config;
    const isThere = await look('database', async () => {
      database = await connect(database_url, { pool: 2, statementMs });
      return lookAtServer(database).catch((error: Error) => {
        throw cannotUse(database_url, error);
      });
    });
    if (!database || !isThere) return false;
    const { knex } = database as Database;
    if (!(await look('migrations', () => lookAtMigrations(knex)))) return false;
    const now = new Date(performance.timeOrigin + performance.now());
    await inspect(knex, { now, sealer }, (room, count, findings) => {
      well &&= findings.length === 0;
      if (findings.length === 0) say(` ok   ${room}: ${count} checks`);
      for (const { holds, says } of findings) say(`FAIL  ${room}: ${holds}. ${says}`);
    });
  } finally {
    await database?.close();
  }
  return well;
}
