/** SCIM clients for the rest of the room, without a permission. */
import type { Knex } from 'knex';
import { findUsable, touchClient, type UsableClient } from './store.ts';

export type { UsableClient } from './store.ts';

/** A client that is enabled and unexpired, of an active organization. */
export const findUsableClient = (db: Knex, clientId: string, now: Date): Promise<UsableClient | undefined> =>
  findUsable(db, clientId, now);

/** Notes that a client was used, once a minute at most. */
export const touchScimClient = (db: Knex, clientId: string, now: Date): Promise<void> => touchClient(db, clientId, now);
