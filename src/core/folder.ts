/** Folders that are made for what is kept outside of a database server. */
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

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
