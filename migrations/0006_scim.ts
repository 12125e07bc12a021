import type { Knex } from 'knex';

/**
 * SCIM clients, their tokens and mappings, what they sent, and the flight recorder.
 *
 * resource_id names a user or a group; user_id and group_id are generated from it, so that the reference is the database's own
 * and a purged account or group leaves nothing behind.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table scim_clients (
      client_id uuid not null,
      org_id uuid not null,
      name text not null,
      client_secret_hash text not null,
      previous_secret_hash text,
      previous_secret_expires_at timestamptz,
      enabled boolean not null default true,
      mapping_version integer not null default 1,
      created_by uuid,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      expires_at timestamptz,
      last_used_at timestamptz,
      constraint scim_clients_pkey primary key (client_id),
      constraint scim_clients_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint scim_clients_created_by_fkey foreign key (created_by) references users (user_id) on delete set null,
      constraint scim_clients_name_check check (char_length(name) between 1 and 255),
      constraint scim_clients_client_secret_hash_check check (char_length(client_secret_hash) between 43 and 255),
      constraint scim_clients_previous_secret_hash_check check (char_length(previous_secret_hash) between 43 and 255),
      constraint scim_clients_previous_secret_expires_at_check
        check ((previous_secret_hash is null) = (previous_secret_expires_at is null)),
      constraint scim_clients_mapping_version_check check (mapping_version >= 1)
    );
    create index scim_clients_org_id_idx on scim_clients (org_id, client_id);
    create index scim_clients_created_by_idx on scim_clients (created_by) where created_by is not null;

    create table scim_mappings (
      mapping_id uuid not null,
      client_id uuid not null,
      resource_type text not null default 'User',
      local_attribute text not null,
      scim_attribute text not null,
      position integer not null default 0,
      constraint scim_mappings_pkey primary key (mapping_id),
      constraint scim_mappings_client_id_attributes_key unique (client_id, resource_type, local_attribute, scim_attribute),
      constraint scim_mappings_client_id_fkey foreign key (client_id) references scim_clients (client_id) on delete cascade,
      constraint scim_mappings_resource_type_check check (resource_type in ('User', 'Group')),
      constraint scim_mappings_local_attribute_check check (char_length(local_attribute) between 1 and 255),
      constraint scim_mappings_scim_attribute_check check (char_length(scim_attribute) between 1 and 512)
    );

    create table scim_tokens (
      token_id uuid not null,
      client_id uuid not null,
      token_hash text not null,
      token_prefix text not null,
      created_by uuid,
      created_at timestamptz not null default now(),
      expires_at timestamptz,
      last_used_at timestamptz,
      revoked_at timestamptz,
      constraint scim_tokens_pkey primary key (token_id),
      constraint scim_tokens_token_hash_key unique (token_hash),
      constraint scim_tokens_client_id_fkey foreign key (client_id) references scim_clients (client_id) on delete cascade,
      constraint scim_tokens_created_by_fkey foreign key (created_by) references users (user_id) on delete set null,
      constraint scim_tokens_token_hash_check check (char_length(token_hash) between 43 and 255),
      constraint scim_tokens_token_prefix_check check (char_length(token_prefix) between 1 and 32)
    );
    create index scim_tokens_client_id_idx on scim_tokens (client_id, token_id);
    create index scim_tokens_created_by_idx on scim_tokens (created_by) where created_by is not null;
    create index scim_tokens_expires_at_idx on scim_tokens (expires_at) where expires_at is not null;

    create table scim_resources (
      client_id uuid not null,
      resource_type text not null,
      resource_id uuid not null,
      user_id uuid generated always as (case when resource_type = 'User' then resource_id end) stored,
      group_id uuid generated always as (case when resource_type = 'Group' then resource_id end) stored,
      external_id text,
      attributes jsonb not null default '{}',
      version bigint not null default 1,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint scim_resources_pkey primary key (client_id, resource_id),
      constraint scim_resources_client_id_external_id_key unique (client_id, resource_type, external_id),
      constraint scim_resources_client_id_fkey foreign key (client_id) references scim_clients (client_id) on delete cascade,
      constraint scim_resources_user_id_fkey foreign key (user_id) references users (user_id) on delete cascade,
      constraint scim_resources_group_id_fkey foreign key (group_id) references user_groups (group_id) on delete cascade,
      constraint scim_resources_resource_type_check check (resource_type in ('User', 'Group')),
      constraint scim_resources_external_id_check
        check (char_length(external_id) between 1 and 1024 and octet_length(external_id) <= 2048),
      constraint scim_resources_attributes_check check (jsonb_typeof(attributes) = 'object'),
      constraint scim_resources_version_check check (version >= 1)
    );
    create index scim_resources_user_id_idx on scim_resources (user_id) where user_id is not null;
    create index scim_resources_group_id_idx on scim_resources (group_id) where group_id is not null;
    create index scim_resources_attributes_idx on scim_resources using gin (attributes jsonb_path_ops);

    create table scim_requests (
      scim_request_id uuid not null,
      client_id uuid,
      org_id uuid not null,
      method text not null,
      path text not null,
      request_body jsonb,
      response_status integer,
      response_body jsonb,
      scim_type text,
      rule text,
      cause text,
      changes jsonb,
      resource_type text,
      resource_id uuid,
      duration_ms integer,
      ip_address inet,
      user_agent text,
      request_id text,
      "timestamp" timestamptz not null default now(),
      constraint scim_requests_pkey primary key (scim_request_id, "timestamp"),
      constraint scim_requests_client_id_fkey foreign key (client_id) references scim_clients (client_id) on delete set null,
      constraint scim_requests_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint scim_requests_method_check check (char_length(method) between 1 and 10),
      constraint scim_requests_path_check check (char_length(path) between 1 and 8192),
      constraint scim_requests_response_status_check check (response_status between 100 and 599),
      constraint scim_requests_scim_type_check check (char_length(scim_type) <= 50),
      constraint scim_requests_rule_check check (char_length(rule) <= 255),
      constraint scim_requests_cause_check check (char_length(cause) <= 2000),
      constraint scim_requests_duration_ms_check check (duration_ms >= 0),
      constraint scim_requests_user_agent_check check (char_length(user_agent) <= 512),
      constraint scim_requests_request_id_check check (char_length(request_id) <= 100)
    ) partition by range ("timestamp");
    create index scim_requests_org_id_idx on scim_requests (org_id, scim_request_id desc);
    create index scim_requests_client_id_idx on scim_requests (client_id, scim_request_id desc);
    create index scim_requests_resource_id_idx on scim_requests (resource_id, "timestamp" desc) where resource_id is not null;
    create table scim_requests_default partition of scim_requests default;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table scim_requests;
    drop table scim_resources;
    drop table scim_tokens;
    drop table scim_mappings;
    drop table scim_clients;
  `);
}
