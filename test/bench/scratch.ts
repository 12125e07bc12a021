/** Where a benchmark keeps its data: a scratch database of its own on PostgreSQL, or a folder for the embedded database. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '../../src/core/id.ts';
import { administer, createScratchDatabase, onPostgres, type ScratchDatabase } from '../support/database.ts';

export interface Scratch {
  /** Address of an empty database. */
  newDatabase(): Promise<string>;
  /** A folder for whatever; gone afterwards. */
  readonly folder: string;
  /** Name and version of the database. */
  versionOf(): Promise<string>;
  remove(): Promise<void>;
}

export function createScratch(): Scratch {
  const folder = mkdtempSync(join(tmpdir(), 'lintel-bench-'));
  const made: ScratchDatabase[] = [];
  return {
    folder,
    async newDatabase() {
      if (!onPostgres) return `pglite:${join(folder, newId())}`;
      const database = await createScratchDatabase('bench');
      made.push(database);
      return database.address;
    },
    async versionOf() {
      if (!onPostgres) return 'PGlite (embedded)';
      const [row] = await administer<Record<string, string>>('show server_version');
      return `PostgreSQL ${row?.server_version}`;
    },
    async remove() {
      for (const database of made) await database.drop().catch(() => undefined);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
