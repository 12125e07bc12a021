import type { Knex } from 'knex';

/** What the base keeps: the job queue (also the outbox), answers to repeated requests, outgoing mail. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table jobs (
      job_id uuid not null,
      kind text not null,
      org_id uuid,
      payload jsonb not null default '{}',
      dedupe_key text,
      run_at timestamptz not null default now(),
      attempts integer not null default 0,
      max_attempts integer not null default 10,
      leased_until timestamptz,
      lease_owner text,
      last_error text,
      created_at timestamptz not null default now(),
      finished_at timestamptz,
      constraint jobs_pkey primary key (job_id),
      constraint jobs_dedupe_key_key unique (dedupe_key),
      constraint jobs_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint jobs_kind_check check (char_length(kind) between 1 and 100),
      constraint jobs_payload_check check (jsonb_typeof(payload) = 'object'),
      constraint jobs_dedupe_key_check check (char_length(dedupe_key) between 1 and 255),
      constraint jobs_attempts_check check (attempts >= 0),
      constraint jobs_max_attempts_check check (max_attempts >= 1),
      constraint jobs_lease_check check ((leased_until is null) = (lease_owner is null)),
      constraint jobs_lease_owner_check check (char_length(lease_owner) <= 255),
      constraint jobs_last_error_check check (char_length(last_error) <= 4000)
    );
    create index jobs_due_idx on jobs (run_at, job_id) where finished_at is null;
    create index jobs_org_id_idx on jobs (org_id, job_id desc);
    create index jobs_kind_idx on jobs (kind, created_at);
    create index jobs_finished_at_idx on jobs (finished_at) where finished_at is not null;

    create table idempotency_keys (
      actor_key text not null,
      key text not null,
      route text not null,
      request_hash text not null,
      status text not null default 'pending',
      reply text,
      created_at timestamptz not null default now(),
      expires_at timestamptz not null,
      constraint idempotency_keys_pkey primary key (actor_key, key),
      constraint idempotency_keys_actor_key_check check (char_length(actor_key) between 1 and 255),
      constraint idempotency_keys_key_check check (char_length(key) between 1 and 255),
      constraint idempotency_keys_route_check check (char_length(route) between 1 and 255),
      constraint idempotency_keys_request_hash_check check (char_length(request_hash) between 43 and 255),
      constraint idempotency_keys_status_check check (status in ('pending', 'done')),
      constraint idempotency_keys_reply_check check ((status = 'done') = (reply is not null))
    );
    create index idempotency_keys_expires_at_idx on idempotency_keys (expires_at);

    create table mails (
      mail_id uuid not null,
      to_address text not null,
      subject text not null,
      text text not null,
      html text,
      attempts integer not null default 0,
      error text,
      claimed_until timestamptz,
      created_at timestamptz not null default now(),
      sent_at timestamptz,
      constraint mails_pkey primary key (mail_id),
      constraint mails_to_address_check check (char_length(to_address) between 3 and 320),
      constraint mails_subject_check check (char_length(subject) <= 998),
      constraint mails_attempts_check check (attempts >= 0),
      constraint mails_error_check check (char_length(error) <= 4000)
    );
    create index mails_to_address_idx on mails (lower(to_address), created_at desc);
    create index mails_created_at_idx on mails (created_at desc, mail_id desc);
    create index mails_unsent_idx on mails (mail_id) where sent_at is null;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table mails;
    drop table idempotency_keys;
    drop table jobs;
  `);
}
