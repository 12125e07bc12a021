import type { Knex } from 'knex';

/**
 * Becoming signed in and staying so: sessions, what happens in them, attempts, impersonation.
 *
 * An impersonated session ends with its administrator's account (cascade): set to null it would pass for an ordinary one.
 * The reference of sessions to identity_providers is added by 0005, where that table is made.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table sessions (
      session_id uuid not null,
      user_id uuid not null,
      org_id uuid,
      provider_id uuid,
      impersonator_user_id uuid,
      session_token_hash text,
      oidc_session_uid_hash text,
      login_method text,
      amr text[] not null default '{}',
      acr text,
      auth_time timestamptz,
      idp_session_index text,
      name_id_encrypted text,
      ip_address inet,
      user_agent text,
      device_info text,
      device_fingerprint text,
      location text,
      request_count integer not null default 0,
      suspicious_activity boolean not null default false,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      last_accessed_at timestamptz not null default now(),
      idle_expires_at timestamptz,
      expires_at timestamptz not null,
      revoked boolean not null default false,
      revoked_at timestamptz,
      revocation_reason text,
      constraint sessions_pkey primary key (session_id),
      constraint sessions_session_token_hash_key unique (session_token_hash),
      constraint sessions_user_id_fkey foreign key (user_id) references users (user_id) on delete cascade,
      constraint sessions_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint sessions_impersonator_user_id_fkey
        foreign key (impersonator_user_id) references users (user_id) on delete cascade,
      constraint sessions_session_token_hash_check check (char_length(session_token_hash) between 43 and 255),
      constraint sessions_oidc_session_uid_hash_check check (char_length(oidc_session_uid_hash) between 43 and 255),
      constraint sessions_login_method_check check (char_length(login_method) between 1 and 50),
      constraint sessions_acr_check check (char_length(acr) <= 255),
      constraint sessions_idp_session_index_check
        check (char_length(idp_session_index) <= 1024 and octet_length(idp_session_index) <= 2048),
      constraint sessions_name_id_encrypted_check check (char_length(name_id_encrypted) <= 8192),
      constraint sessions_user_agent_check check (char_length(user_agent) <= 512),
      constraint sessions_device_info_check check (char_length(device_info) <= 255),
      constraint sessions_device_fingerprint_check check (char_length(device_fingerprint) <= 255),
      constraint sessions_location_check check (char_length(location) <= 255),
      constraint sessions_request_count_check check (request_count >= 0),
      constraint sessions_revocation_reason_check check (char_length(revocation_reason) <= 100),
      constraint sessions_revoked_at_check check (revoked = (revoked_at is not null))
    );
    create index sessions_user_id_idx on sessions (user_id, created_at);
    create index sessions_org_id_idx on sessions (org_id, created_at);
    create index sessions_provider_id_idx on sessions (provider_id, idp_session_index) where provider_id is not null;
    create index sessions_impersonator_user_id_idx on sessions (impersonator_user_id) where impersonator_user_id is not null;
    create index sessions_oidc_session_uid_hash_idx on sessions (oidc_session_uid_hash);
    create index sessions_expires_at_idx on sessions (expires_at);

    create table session_analytics (
      session_id uuid not null,
      user_id uuid not null,
      device_type text,
      browser text,
      os text,
      ip_address inet,
      country text,
      city text,
      login_at timestamptz not null default now(),
      last_activity_at timestamptz,
      logout_at timestamptz,
      session_duration integer,
      page_views integer not null default 0,
      api_calls integer not null default 0,
      last_page text,
      last_endpoint text,
      is_suspicious boolean not null default false,
      security_score integer,
      failed_actions integer not null default 0,
      constraint session_analytics_pkey primary key (session_id),
      constraint session_analytics_session_id_fkey foreign key (session_id) references sessions (session_id) on delete cascade,
      constraint session_analytics_user_id_fkey foreign key (user_id) references users (user_id) on delete cascade,
      constraint session_analytics_device_type_check check (char_length(device_type) <= 50),
      constraint session_analytics_browser_check check (char_length(browser) <= 100),
      constraint session_analytics_os_check check (char_length(os) <= 100),
      constraint session_analytics_country_check check (char_length(country) <= 100),
      constraint session_analytics_city_check check (char_length(city) <= 255),
      constraint session_analytics_session_duration_check check (session_duration >= 0),
      constraint session_analytics_page_views_check check (page_views >= 0),
      constraint session_analytics_api_calls_check check (api_calls >= 0),
      constraint session_analytics_last_page_check check (char_length(last_page) <= 2048),
      constraint session_analytics_last_endpoint_check check (char_length(last_endpoint) <= 255),
      constraint session_analytics_security_score_check check (security_score between 0 and 100),
      constraint session_analytics_failed_actions_check check (failed_actions >= 0)
    );
    create index session_analytics_user_id_idx on session_analytics (user_id, login_at);

    create table session_activities (
      activity_id uuid not null,
      session_id uuid not null,
      user_id uuid not null,
      activity_type text not null,
      endpoint text,
      method text,
      ip_address inet,
      user_agent text,
      request_id text,
      response_status integer,
      extra_data jsonb,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint session_activities_pkey primary key (activity_id, created_at),
      constraint session_activities_session_id_fkey foreign key (session_id) references sessions (session_id) on delete cascade,
      constraint session_activities_user_id_fkey foreign key (user_id) references users (user_id) on delete cascade,
      constraint session_activities_activity_type_check check (char_length(activity_type) between 1 and 50),
      constraint session_activities_endpoint_check check (char_length(endpoint) <= 255),
      constraint session_activities_method_check check (char_length(method) <= 10),
      constraint session_activities_user_agent_check check (char_length(user_agent) <= 512),
      constraint session_activities_request_id_check check (char_length(request_id) <= 100)
    ) partition by range (created_at);
    create index session_activities_session_id_idx on session_activities (session_id, created_at);
    create index session_activities_user_id_idx on session_activities (user_id, created_at);

    create table login_attempts (
      attempt_id uuid not null,
      user_id uuid,
      org_id uuid,
      email_attempted text,
      success boolean not null,
      failure_reason text,
      ip_address inet,
      user_agent text,
      request_id text,
      "timestamp" timestamptz not null default now(),
      constraint login_attempts_pkey primary key (attempt_id, "timestamp"),
      constraint login_attempts_user_id_fkey foreign key (user_id) references users (user_id) on delete set null,
      constraint login_attempts_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint login_attempts_email_attempted_check check (char_length(email_attempted) <= 320),
      constraint login_attempts_failure_reason_check check (char_length(failure_reason) <= 255),
      constraint login_attempts_user_agent_check check (char_length(user_agent) <= 512),
      constraint login_attempts_request_id_check check (char_length(request_id) <= 100)
    ) partition by range ("timestamp");
    create index login_attempts_user_id_idx on login_attempts (user_id, "timestamp");
    create index login_attempts_org_id_idx on login_attempts (org_id, "timestamp");
    create index login_attempts_email_attempted_idx on login_attempts (lower(email_attempted), "timestamp");
    create index login_attempts_ip_address_idx on login_attempts (ip_address, "timestamp");

    create table impersonation_logs (
      log_id uuid not null,
      admin_user_id uuid,
      impersonated_user_id uuid,
      org_id uuid,
      session_id uuid,
      reason text,
      started_at timestamptz not null default now(),
      ended_at timestamptz,
      ip_address inet,
      user_agent text,
      constraint impersonation_logs_pkey primary key (log_id, started_at),
      constraint impersonation_logs_admin_user_id_fkey
        foreign key (admin_user_id) references users (user_id) on delete set null,
      constraint impersonation_logs_impersonated_user_id_fkey
        foreign key (impersonated_user_id) references users (user_id) on delete set null,
      constraint impersonation_logs_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint impersonation_logs_session_id_fkey foreign key (session_id) references sessions (session_id) on delete set null,
      constraint impersonation_logs_reason_check check (char_length(reason) <= 1000),
      constraint impersonation_logs_ended_at_check check (ended_at >= started_at),
      constraint impersonation_logs_user_agent_check check (char_length(user_agent) <= 512)
    ) partition by range (started_at);
    create index impersonation_logs_admin_user_id_idx on impersonation_logs (admin_user_id, started_at);
    create index impersonation_logs_impersonated_user_id_idx on impersonation_logs (impersonated_user_id, started_at);
    create index impersonation_logs_org_id_idx on impersonation_logs (org_id, started_at);
    create index impersonation_logs_session_id_idx on impersonation_logs (session_id) where session_id is not null;

    create table signin_attempts (
      attempt_id text not null,
      state jsonb not null,
      org_id uuid,
      user_id uuid,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      expires_at timestamptz not null,
      constraint signin_attempts_pkey primary key (attempt_id),
      constraint signin_attempts_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint signin_attempts_user_id_fkey foreign key (user_id) references users (user_id) on delete cascade,
      constraint signin_attempts_attempt_id_check check (char_length(attempt_id) between 43 and 255),
      constraint signin_attempts_state_check check (jsonb_typeof(state) = 'object')
    );
    create index signin_attempts_org_id_idx on signin_attempts (org_id) where org_id is not null;
    create index signin_attempts_user_id_idx on signin_attempts (user_id) where user_id is not null;
    create index signin_attempts_expires_at_idx on signin_attempts (expires_at);

    create table session_activities_default partition of session_activities default;
    create table login_attempts_default partition of login_attempts default;
    create table impersonation_logs_default partition of impersonation_logs default;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table signin_attempts;
    drop table impersonation_logs;
    drop table login_attempts;
    drop table session_activities;
    drop table session_analytics;
    drop table sessions;
  `);
}
