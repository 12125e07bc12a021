/** The sealing key of an embedded installation: made once beside the folder, never again (checklist SD-05). */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isVacant, makeFolder, refuseStrange } from '../core/folder.ts';
import { SealError } from '../core/secret.ts';
import { type Config, ConfigurationError } from './config.ts';

/** The folder of the embedded database; null for one in memory, and for PostgreSQL. */
export function embeddedFolder({ database_url }: Config): string | null {
  const name = database_url.startsWith('pglite:') ? database_url.slice('pglite:'.length) : '';
  return name === '' || name === ':memory:' ? null : resolve(name);
}

/** Where the key of an embedded installation lies: beside the folder. */
const keyFile = (folder: string): string => join(dirname(folder), 'key');

/**
 * The sealing keys of a configuration, base64, the sealing one first.
 * @throws ConfigurationError when one is no key, or the database is there but its key is not: what it sealed could never be read again;
 * Error when the embedded database's folder is something else
 */
export function sealingKeys(config: Config): string[] {
  if (config.key !== '') return keysOf(config.key, 'LINTEL_KEY');
  const folder = embeddedFolder(config);
  if (folder === null) return [randomBytes(32).toString('base64')];
  const file = keyFile(folder);
  try {
    if (existsSync(file)) return keysOf(readFileSync(file, 'utf8'), file);
    // A file, or a folder of something else, never had a key that could be missed.
    refuseStrange(folder);
    if (!isVacant(folder)) {
      throw new ConfigurationError(
        `The database in ${folder} is there but its key ${file} is not. Put the key back, or set LINTEL_KEY to it; a new key could not open what is sealed.`,
      );
    }
    makeFolder(dirname(folder));
    const key = randomBytes(32).toString('base64');
    writeFileSync(file, `${key}\n`, { mode: 0o600, flag: 'wx', flush: true });
    return [key];
  } catch (error) {
    // Only the system's errors need our words.
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new ConfigurationError(
      `The sealing key ${file} can be neither read nor made (${(error as Error).message}). It stands beside the database of ` +
        'LINTEL_DATABASE_URL: choose a folder that this user may write, or set LINTEL_KEY.',
      { cause: error },
    );
  }
}

/** Several, comma-separated. The sentence names where they came from, never what they are. */
function keysOf(text: string, from: string): string[] {
  const keys = text.split(',').map((key) => key.trim());
  if (keys.every((key) => Buffer.from(key, 'base64').length === 32)) return keys;
  const which = keys.length === 1 ? 'must be' : 'has several keys, and each must be';
  throw new ConfigurationError(
    `${from} ${which} base64 of exactly 32 bytes, for instance from \`openssl rand -base64 32\`.`,
  );
}

/** What an operator does about a database that other keys sealed; any other error as it is. */
export function aboutKeys(config: Config, error: Error): Error {
  if (!(error instanceof SealError) || error.missing_key === undefined) return error;
  const folder = embeddedFolder(config);
  const file = folder === null ? undefined : keyFile(folder);
  const isSet = config.key !== '' || file === undefined;
  const unread = isSet && file !== undefined && existsSync(file) ? ` (while it is set, ${file} is not read)` : '';
  return new ConfigurationError(
    `This database was sealed under another key than that of ${isSet ? `LINTEL_KEY${unread}` : file}. ${error.message} ` +
      `Put the right key there${isSet ? '' : ', or set LINTEL_KEY to it'}; while keys are changed, LINTEL_KEY has both, ` +
      'comma-separated. What was sealed under a key that is lost cannot be read again: put back a copy of the database whose key you ' +
      'have, or begin with an empty one.',
    { cause: error },
  );
}
