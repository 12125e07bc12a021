/** Folders that are made for what is kept outside of a database server. */
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** @returns the error of the system; null when the folder is there now */
function make(path: string): NodeJS.ErrnoException | null {
  try {
    mkdirSync(path, { mode: 0o700 });
    return null;
  } catch (error) {
    const failure = error as NodeJS.ErrnoException;
    return failure.code === 'EEXIST' ? null : failure;
  }
}

/**
 * Makes a folder and those above it, for their owner only. Not `mkdir` with `recursive`: below /proc Node's never ends.
 * @throws the error of the system
 */
export function makeFolder(path: string): void {
  const failure = make(path);
  if (failure === null) return;
  if (failure.code !== 'ENOENT' || dirname(path) === path) throw failure;
  makeFolder(dirname(path));
  const again = make(path);
  if (again !== null) throw again;
}

/** Whether nothing is at a path, or an empty folder (what is mounted into a container begins as one). */
export const isVacant = (path: string): boolean =>
  !existsSync(path) || (statSync(path).isDirectory() && readdirSync(path).length === 0);

const isDatabase = (path: string): boolean => existsSync(join(path, 'PG_VERSION'));

/** The mark that stands beside a folder while a database is being made in it. */
export const makingMark = (path: string): string => `${path}.making`;

/** @throws Error when there is nothing: whoever only looks must not make a database */
export function requireDatabase(path: string): void {
  if (!isVacant(path)) return;
  throw new Error(
    `There is no database in ${path} (LINTEL_DATABASE_URL). Name the folder that it is in, or start Lintel to make one.`,
  );
}

/** @throws Error when what is there is no database: one would be made in the midst of it */
export function refuseStrange(path: string): void {
  if (isVacant(path) || isDatabase(path) || existsSync(makingMark(path))) return;
  const what = statSync(path).isDirectory() ? 'holds other things and is no database' : 'is a file and is no database';
  const below = join(path, 'db');
  const meant = isDatabase(below) ? ` There is one in ${below}: perhaps that is meant.` : '';
  throw new Error(
    `LINTEL_DATABASE_URL cannot be used. ${path} ${what}: name another folder, or one that is empty, as pglite:<folder>.${meant}`,
  );
}
