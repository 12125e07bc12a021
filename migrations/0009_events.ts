import type { Knex } from 'knex';

/**
 * What happened, and who is told: audit log, metrics, webhooks.
 *
 * audit_logs references nothing: history outlives the accounts and organizations that it speaks of, and a reference would have
 * to edit it (set null), erase it (cascade) or forbid the purge (restrict). Its triggers refuse every edit; what grows old
 * goes by dropping a partition. Only the three columns of the chain may be filled once, by the sealing job, which keeps the head
 * of each chain in audit_chains (chain_id: the organization's id, or all zeros for the system's own chain).
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table audit_logs (
      log_id uuid not null,
      org_id uuid,
      user_id uuid,
      action text not null,
      object_type text not null,
      object_id text,
      result text not null default 'success',
      actor_type text not null,
      actor_id text,
      actor_label text,
      impersonator_id uuid,
      request_id text,
      ip_address inet,
      user_agent text,
      details jsonb not null default '{}',
      "timestamp" timestamptz not null default now(),
      sequence bigint,
      previous_hash text,
      hash text,
      constraint audit_logs_pkey primary key (log_id, "timestamp"),
      constraint audit_logs_action_check check (char_length(action) between 1 and 100),
      constraint audit_logs_object_type_check check (char_length(object_type) between 1 and 100),
      constraint audit_logs_object_id_check check (char_length(object_id) <= 512 and octet_length(object_id) <= 2048),
      constraint audit_logs_result_check check (result in ('success', 'denied', 'failure')),
      constraint audit_logs_actor_type_check check (actor_type ~ '^[a-z][a-z_]{0,49}$'),
      constraint audit_logs_actor_id_check check (char_length(actor_id) <= 255),
      constraint audit_logs_actor_label_check check (char_length(actor_label) <= 512),
      constraint audit_logs_request_id_check check (char_length(request_id) <= 100),
      constraint audit_logs_user_agent_check check (char_length(user_agent) <= 512),
      constraint audit_logs_details_check check (jsonb_typeof(details) = 'object'),
      constraint audit_logs_sequence_check check (sequence >= 1),
      constraint audit_logs_hash_check check (char_length(hash) between 43 and 255),
      constraint audit_logs_previous_hash_check check (char_length(previous_hash) between 43 and 255)
    ) partition by range ("timestamp");
    create index audit_logs_org_id_idx on audit_logs (org_id, "timestamp" desc, log_id desc);
    create index audit_logs_org_id_log_id_idx on audit_logs (org_id, log_id desc);
    create index audit_logs_action_idx on audit_logs (action, "timestamp" desc);
    create index audit_logs_object_idx on audit_logs (object_type, object_id, "timestamp" desc);
    create index audit_logs_user_id_idx on audit_logs (user_id, "timestamp" desc) where user_id is not null;
    create index audit_logs_request_id_idx on audit_logs (request_id) where request_id is not null;
    create index audit_logs_sequence_idx on audit_logs (org_id, sequence) where sequence is not null;
    create index audit_logs_unsealed_idx on audit_logs ("timestamp", log_id) where sequence is null;
    create table audit_logs_default partition of audit_logs default;
  `);
  // Compared byte by byte (*<>): 1.0 and 1.00 in details are equal as jsonb and still not the same record.
  // TRUNCATE of one partition does not fire the parent's trigger: each partition gets its own, here and in src/db/partitions.ts.
  await knex.raw(`
    create function audit_logs_refuse_change() returns trigger language plpgsql as $$
    declare
      sealed record;
    begin
      if tg_op = 'UPDATE' then
        if old.sequence is null and old.previous_hash is null and old.hash is null then
          sealed := new;
          sealed.sequence := null;
          sealed.previous_hash := null;
          sealed.hash := null;
          if not (sealed *<> old) then
            return new;
          end if;
        end if;
      end if;
      raise exception 'audit_logs is append-only: % is refused', tg_op
        using errcode = 'restrict_violation', constraint = 'audit_logs_append_only', table = 'audit_logs',
          hint = 'Old records go by dropping a whole partition, after the retention time.';
    end $$;
    create trigger audit_logs_append_only before update or delete on audit_logs
      for each row execute function audit_logs_refuse_change();
    create trigger audit_logs_no_truncate before truncate on audit_logs
      for each statement execute function audit_logs_refuse_change();
    create trigger audit_logs_no_truncate before truncate on audit_logs_default
      for each statement execute function audit_logs_refuse_change();

    create table audit_chains (
      chain_id uuid not null,
      sequence bigint not null default 0,
      hash text,
      updated_at timestamptz not null default now(),
      constraint audit_chains_pkey primary key (chain_id),
      constraint audit_chains_sequence_check check (sequence >= 0),
      constraint audit_chains_hash_check check (char_length(hash) between 43 and 255)
    );
  `);
  await knex.raw(`
    create table metrics_events (
      event_id uuid not null,
      user_id uuid,
      org_id uuid,
      event_type text not null,
      event_timestamp timestamptz not null default now(),
      metadata jsonb not null default '{}',
      constraint metrics_events_pkey primary key (event_id, event_timestamp),
      constraint metrics_events_user_id_fkey foreign key (user_id) references users (user_id) on delete set null,
      constraint metrics_events_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint metrics_events_event_type_check check (char_length(event_type) between 1 and 100),
      constraint metrics_events_metadata_check check (jsonb_typeof(metadata) = 'object')
    ) partition by range (event_timestamp);
    create index metrics_events_user_id_idx on metrics_events (user_id, event_timestamp) where user_id is not null;
    create index metrics_events_org_id_idx on metrics_events (org_id, event_timestamp);
    create index metrics_events_event_type_idx on metrics_events (event_type, event_timestamp);
    create table metrics_events_default partition of metrics_events default;

    create table webhooks (
      webhook_id uuid not null,
      org_id uuid not null,
      name text not null,
      url text not null,
      headers jsonb not null default '{}',
      secret_encrypted text not null,
      event_types jsonb not null default '[]',
      is_active boolean not null default true,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint webhooks_pkey primary key (webhook_id),
      constraint webhooks_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint webhooks_name_check check (char_length(name) between 1 and 255),
      constraint webhooks_url_check check (char_length(url) <= 2048 and url ~ '^https{0,1}://'),
      constraint webhooks_headers_check check (jsonb_typeof(headers) = 'object'),
      constraint webhooks_secret_encrypted_check check (char_length(secret_encrypted) <= 4096),
      constraint webhooks_event_types_check check (jsonb_typeof(event_types) = 'array')
    );
    create index webhooks_org_id_idx on webhooks (org_id, webhook_id);

    create table webhook_deliveries (
      delivery_id uuid not null,
      webhook_id uuid not null,
      log_id uuid,
      event_type text not null,
      payload jsonb not null,
      status text not null default 'pending',
      response_status integer,
      response_body text,
      attempt_count integer not null default 0,
      last_error text,
      next_attempt_at timestamptz,
      delivered_at timestamptz,
      created_at timestamptz not null default now(),
      constraint webhook_deliveries_pkey primary key (delivery_id, created_at),
      constraint webhook_deliveries_webhook_id_fkey foreign key (webhook_id) references webhooks (webhook_id) on delete cascade,
      constraint webhook_deliveries_event_type_check check (char_length(event_type) between 1 and 100),
      constraint webhook_deliveries_status_check check (status in ('pending', 'delivered', 'failed')),
      constraint webhook_deliveries_response_status_check check (response_status between 100 and 599),
      constraint webhook_deliveries_response_body_check check (char_length(response_body) <= 65536),
      constraint webhook_deliveries_attempt_count_check check (attempt_count >= 0),
      constraint webhook_deliveries_last_error_check check (char_length(last_error) <= 2000),
      constraint webhook_deliveries_delivered_at_check check ((status = 'delivered') = (delivered_at is not null))
    ) partition by range (created_at);
    create index webhook_deliveries_webhook_id_idx on webhook_deliveries (webhook_id, delivery_id desc);
    create index webhook_deliveries_log_id_idx on webhook_deliveries (log_id) where log_id is not null;
    create index webhook_deliveries_next_attempt_at_idx on webhook_deliveries (next_attempt_at) where status = 'pending';
    create table webhook_deliveries_default partition of webhook_deliveries default;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table webhook_deliveries;
    drop table webhooks;
    drop table metrics_events;
    drop table audit_chains;
    drop table audit_logs;
    drop function audit_logs_refuse_change();
  `);
}
