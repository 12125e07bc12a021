/** The mapping that a new client begins with, written down for it: a later version of Lintel changes no client's mapping. */
import type { Knex } from 'knex';
import type { Mapping } from './engine.ts';
import { insertMappings } from './store.ts';

/** In the transaction that makes the client. */
export const giveStandardMappings = (db: Knex, clientId: string, standard: readonly Mapping[]): Promise<void> =>
  insertMappings(
    db,
    clientId,
    standard.map((one) => ({
      ...one,
      resource_type: one.resource_type ?? (one.local_attribute.startsWith('user_groups.') ? 'Group' : 'User'),
    })),
  );
