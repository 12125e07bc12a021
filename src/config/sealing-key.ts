/** The sealing key of an embedded installation: made once beside the folder, never again (checklist SD-05). */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Config, ConfigurationError } from './config.ts';

/**
 * The sealing keys of a configuration, base64, the sealing one first.
 * @throws ConfigurationError when one is no key, or the database is there but its key is not: what it sealed could never be read again
 */
export function sealingKeys(config: Config): string[] {
  if (config.key !== '') return keysOf(config.key, 'LINTEL_KEY');
  const folder = config.database_url.slice('pglite:'.length);
  if (folder === '' || folder === ':memory:') return [randomBytes(32).toString('base64')];
  const path = resolve(folder);
  const file = join(dirname(path), 'key');
  if (existsSync(file)) return keysOf(readFileSync(file, 'utf8'), file);
  if (existsSync(path)) {
    throw new ConfigurationError(
      `The database in ${path} is there but its key ${file} is not. Put the key back, or set LINTEL_KEY; a new key could not open what is sealed.`,
    );
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const key = randomBytes(32).toString('base64');
  writeFileSync(file, `${key}\n`, { mode: 0o600, flag: 'wx', flush: true });
  return [key];
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
