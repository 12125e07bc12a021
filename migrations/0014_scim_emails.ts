import type { Knex } from 'knex';

/**
 * Directories ask for `emails.value eq "…"` without a type. What a client keeps of e-mail addresses is found by an index of
 * numbers made of client and address: a number says where to look, the filter itself decides. The index over everything that
 * is kept goes: no statement asks it, and every write paid for it. Entries are written at once (fastupdate off), because a
 * look-up reads the whole list of those that wait.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create function scim_email_keys(client_id uuid, attributes jsonb) returns bigint[]
    language sql immutable parallel safe as $$
      select array_agg(hashtextextended(client_id::text || ' ' || lower(e.v ->> 'value'), 0))
        from jsonb_array_elements(
          case when jsonb_typeof(attributes -> 'emails') = 'array' then attributes -> 'emails' else '[]' end) as e(v)
       where jsonb_typeof(e.v) = 'object' and e.v ->> 'value' is not null
    $$;
    create index scim_resources_email_keys_idx on scim_resources
      using gin (scim_email_keys(client_id, attributes)) with (fastupdate = off) where resource_type = 'User';
    drop index scim_resources_attributes_idx;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    create index scim_resources_attributes_idx on scim_resources using gin (attributes jsonb_path_ops);
    drop index scim_resources_email_keys_idx;
    drop function scim_email_keys;
  `);
}
