/** SQL of `scim_mappings`. */
import type { Knex } from 'knex';
import { newId } from '../../core/id.ts';
import { refusing } from '../../db/errors.ts';
import type { ReadMapping } from './engine.ts';

const columns = ['local_attribute', 'scim_attribute', 'resource_type'] as const;

export const listMappings = (db: Knex, client_id: string): Promise<ReadMapping[]> =>
  db('scim_mappings')
    .where({ client_id })
    .orderBy(['position', 'mapping_id'])
    .select(...columns);

export async function insertMappings(db: Knex, client_id: string, mappings: readonly ReadMapping[]): Promise<void> {
  if (mappings.length === 0) return;
  await refusing({ scim_mappings_client_id_attributes_key: 'mapping_invalid' }, () =>
    db('scim_mappings').insert(
      mappings.map(({ local_attribute, scim_attribute, resource_type }, position) => ({
        mapping_id: newId(),
        client_id,
        local_attribute,
        scim_attribute,
        resource_type,
        position,
      })),
    ),
  );
}

export async function deleteMappings(db: Knex, client_id: string): Promise<void> {
  await db('scim_mappings').where({ client_id }).delete();
}
