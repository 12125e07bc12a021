#!/usr/bin/env node
/** The `lintel` command: start, migrate, keys, doctor, demo. Each reads the same configuration as the server. */
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { createLintel, version } from './app.ts';
import {
  loadSigningKeys,
  removeSigningKey,
  resealSigningKeys,
  rotateSigningKeys,
} from './applications/keys/service.ts';
import { type Config, loadConfig } from './config/config.ts';
import { aboutKeys, sealingKeys } from './config/sealing-key.ts';
import type { App } from './core/app.ts';
import { cannotUse, connect, type Database } from './db/connect.ts';
import { migrate } from './db/migrate.ts';
import { examine } from './doctor.ts';
import { resealSamlKeys, rotateSamlKeys } from './federation/keys/service.ts';
import { explain, run } from './main.ts';
import { resealSessions } from './signin/sessions/service.ts';

const usage = `lintel ${version}

  lintel start                      run the server (the same as npm start)
  lintel migrate                    bring the database up to date, and say what was done
  lintel keys                       list the keys that sign tokens
  lintel keys rotate [--force]      let the next key sign, and publish another one
  lintel keys rotate-saml           the same for the keys of SAML; companies must have read our metadata since the last time
  lintel keys remove <kid> --reason <text>
                                    a key is no longer trusted: what it signed stops working
  lintel keys reseal                seal everything that lasts anew under the first key of LINTEL_KEY; the old one may go a day later
  lintel keys new                   print a new sealing key for LINTEL_KEY
  lintel doctor                     look whether everything is in order; reads only, also beside running processes
  lintel demo [--serve]             the demonstration

Settings are environment variables: docs/configuration.md. The embedded database serves one process:
stop the server before migrate, keys or doctor, or use PostgreSQL.
`;

const say = (line: string) => void process.stdout.write(`${line}\n`);

async function withDatabase<T>(work: (database: Database, config: Config) => Promise<T>): Promise<T> {
  const config = loadConfig();
  // Checked first: beside a database that is there already, a missing key must not be made anew.
  sealingKeys(config);
  const database = await connect(config.database_url, { pool: config.database_pool });
  try {
    return await work(database, config);
  } catch (error) {
    throw aboutKeys(config, cannotUse(config.database_url, error as Error));
  } finally {
    await database.close();
  }
}

/** The application without its server and its jobs. */
const withApp = <T>(work: (app: App) => Promise<T>): Promise<T> =>
  withDatabase(async (database, config) => {
    await migrate(database.knex);
    const lintel = await createLintel(config, database, { withoutJobs: true });
    try {
      return await work(lintel.app);
    } finally {
      await lintel.close();
    }
  });

async function migrateCommand(): Promise<void> {
  const done = await withDatabase(({ knex }) => migrate(knex));
  say(done.length === 0 ? 'The database is up to date.' : `Done: ${done.join(', ')}.`);
}

async function keysCommand(action: string | undefined, kid: string | undefined, options: Options): Promise<void> {
  switch (action) {
    case undefined:
      for (const key of await withApp(loadSigningKeys)) {
        say(`${key.kid}  ${key.alg}  ${key.state}`);
      }
      return;
    case 'new':
      return say(randomBytes(32).toString('base64'));
    case 'rotate': {
      const kids = await withApp((app) => rotateSigningKeys(app, options.force));
      return say(kids.length === 0 ? 'No key was due; see --force.' : `Now signing: ${kids.join(', ')}.`);
    }
    case 'rotate-saml':
      return say(
        (await withApp(rotateSamlKeys)) === 0
          ? 'There are no SAML keys yet; they are made when a connection first needs them.'
          : 'The next SAML keys are in use, and others are published.',
      );
    case 'remove': {
      if (kid === undefined || options.reason === undefined)
        throw new UsageError('keys remove needs a kid and --reason.');
      const removed = await withApp((app) => removeSigningKey(app, kid, options.reason as string));
      if (!removed) throw new UsageError(`There is no key ${kid}.`);
      return say(`${kid} is removed; what it signed is refused.`);
    }
    case 'reseal':
      return say(
        await withApp(
          async (app) =>
            `${await resealSigningKeys(app)} signing keys, ${await resealSamlKeys(app)} SAML keys and ${await resealSessions(app)} sessions were sealed anew.`,
        ),
      );
    default:
      throw new UsageError(`keys does not know ${action}.`);
  }
}

class UsageError extends Error {}

interface Options {
  readonly force?: boolean;
  readonly reason?: string;
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean' },
      force: { type: 'boolean' },
      reason: { type: 'string' },
      serve: { type: 'boolean' },
    },
  });
  const [command, action, object] = positionals;
  if (values.version) return say(version);
  if (values.help || command === undefined || command === 'help') return void process.stdout.write(usage);
  switch (command) {
    case 'start':
      return run().catch(explain);
    case 'migrate':
      return migrateCommand();
    case 'keys':
      return keysCommand(action, object, values);
    case 'doctor':
      process.exitCode = (await examine(say)) ? 0 : 1;
      return;
    case 'demo': {
      const { demonstrate } = await import('./demo/main.ts');
      return demonstrate(values.serve === true);
    }
    default:
      throw new UsageError(`There is no command ${command}.`);
  }
}

if (import.meta.main) {
  main().catch((error: Error & { code?: string }) => {
    const misused = error instanceof UsageError || error.code?.startsWith('ERR_PARSE_ARGS');
    process.stderr.write(misused ? `${error.message}\n\n${usage}` : `${error.message}\n`);
    process.exit(misused ? 2 : 1);
  });
}
