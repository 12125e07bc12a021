import type { Knex } from 'knex';

/**
 * Whom organizations rely on: identity providers, their certificates, the accounts linked to them, SAML requests and replays,
 * and the traces of sign-ins.
 *
 * External ids are capped in bytes as well as in characters: an index entry over 2,704 bytes would fail as an internal error
 * instead of a named refusal.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table identity_providers (
      provider_id uuid not null,
      org_id uuid,
      type text not null,
      name text not null,
      config jsonb not null default '{}',
      secret_encrypted text,
      attribute_mapping jsonb not null default '{}',
      auto_provision boolean not null default false,
      enabled boolean not null default false,
      created_by uuid,
      last_used_at timestamptz,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint identity_providers_pkey primary key (provider_id),
      constraint identity_providers_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint identity_providers_created_by_fkey foreign key (created_by) references users (user_id) on delete set null,
      constraint identity_providers_type_check check (type in ('saml', 'oidc', 'social', 'ldap')),
      constraint identity_providers_owner_check check (org_id is not null or type in ('oidc', 'social')),
      constraint identity_providers_name_check check (char_length(name) between 1 and 255),
      constraint identity_providers_config_check check (jsonb_typeof(config) = 'object'),
      constraint identity_providers_secret_encrypted_check check (char_length(secret_encrypted) <= 16384),
      constraint identity_providers_attribute_mapping_check check (jsonb_typeof(attribute_mapping) = 'object')
    );
    create index identity_providers_org_id_idx on identity_providers (org_id, provider_id);
    create index identity_providers_created_by_idx on identity_providers (created_by) where created_by is not null;

    create table identity_provider_certificates (
      certificate_id uuid not null,
      provider_id uuid not null,
      pem text not null,
      fingerprint_sha256 text not null,
      subject text,
      not_before timestamptz,
      not_after timestamptz,
      source text not null default 'manual',
      status text not null default 'active',
      added_at timestamptz not null default now(),
      last_used_at timestamptz,
      constraint identity_provider_certificates_pkey primary key (certificate_id),
      constraint identity_provider_certificates_provider_id_fingerprint_key unique (provider_id, fingerprint_sha256),
      constraint identity_provider_certificates_provider_id_fkey
        foreign key (provider_id) references identity_providers (provider_id) on delete cascade,
      constraint identity_provider_certificates_pem_check check (char_length(pem) between 1 and 32768),
      constraint identity_provider_certificates_fingerprint_sha256_check check (char_length(fingerprint_sha256) between 43 and 95),
      constraint identity_provider_certificates_subject_check check (char_length(subject) <= 1024),
      constraint identity_provider_certificates_not_after_check check (not_after >= not_before),
      constraint identity_provider_certificates_source_check check (source in ('manual', 'metadata')),
      constraint identity_provider_certificates_status_check check (status in ('pending', 'active', 'retired'))
    );
    create index identity_provider_certificates_not_after_idx on identity_provider_certificates (not_after)
      where status = 'active';
  `);
  // Judged at commit, so that a provider and its certificates come in any order within one transaction. The provider's row is
  // locked first, whatever it says: two transactions that each retire one of two certificates, or of which one enables the
  // provider while the other retires its certificate, would otherwise each see only what was there before the other.
  await knex.raw(`
    create function identity_providers_require_certificate() returns trigger language plpgsql as $$
    declare
      provider uuid := coalesce(old.provider_id, new.provider_id);
    begin
      perform from identity_providers p where p.provider_id = provider for no key update;
      if exists (select from identity_providers p where p.provider_id = provider and p.type = 'saml' and p.enabled)
        and not exists (select from identity_provider_certificates c where c.provider_id = provider and c.status = 'active')
      then
        raise exception 'identity provider % is an enabled SAML provider without an active certificate', provider
          using errcode = 'check_violation', constraint = 'identity_providers_certificate_check', table = 'identity_providers';
      end if;
      return null;
    end $$;
    create constraint trigger identity_providers_certificate_check
      after insert or update of type, enabled on identity_providers deferrable initially deferred
      for each row when (new.type = 'saml' and new.enabled) execute function identity_providers_require_certificate();
    create constraint trigger identity_provider_certificates_last_check
      after update or delete on identity_provider_certificates deferrable initially deferred
      for each row when (old.status = 'active') execute function identity_providers_require_certificate();
  `);
  await knex.raw(`
    create table org_login_methods (
      org_id uuid not null,
      method text not null,
      enabled boolean not null,
      updated_at timestamptz not null default now(),
      constraint org_login_methods_pkey primary key (org_id, method),
      constraint org_login_methods_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint org_login_methods_method_check
        check (method in ('password', 'saml', 'oidc', 'social', 'ldap', 'passkey', 'email_code'))
    );

    create table federated_identities (
      identity_id uuid not null,
      user_id uuid not null,
      provider_id uuid not null,
      external_id text not null,
      attributes jsonb not null default '{}',
      provider_email text,
      provider_email_verified boolean not null default false,
      provider_name text,
      provider_picture text,
      access_token_encrypted text,
      refresh_token_encrypted text,
      token_expires_at timestamptz,
      last_sync_at timestamptz,
      last_login_at timestamptz,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint federated_identities_pkey primary key (identity_id),
      constraint federated_identities_provider_id_external_id_key unique (provider_id, external_id),
      constraint federated_identities_user_id_fkey foreign key (user_id) references users (user_id) on delete cascade,
      constraint federated_identities_provider_id_fkey
        foreign key (provider_id) references identity_providers (provider_id) on delete cascade,
      constraint federated_identities_external_id_check
        check (char_length(external_id) between 1 and 1024 and octet_length(external_id) <= 2048),
      constraint federated_identities_attributes_check check (jsonb_typeof(attributes) = 'object'),
      constraint federated_identities_provider_email_check check (char_length(provider_email) <= 320),
      constraint federated_identities_provider_name_check check (char_length(provider_name) <= 255),
      constraint federated_identities_provider_picture_check check (char_length(provider_picture) <= 2048),
      constraint federated_identities_access_token_encrypted_check check (char_length(access_token_encrypted) <= 16384),
      constraint federated_identities_refresh_token_encrypted_check check (char_length(refresh_token_encrypted) <= 16384)
    );
    create index federated_identities_user_id_idx on federated_identities (user_id);

    create table saml_keys (
      key_id uuid not null,
      provider_id uuid,
      key_use text not null,
      state text not null,
      private_key_encrypted text not null,
      certificate_pem text not null,
      not_before timestamptz not null,
      not_after timestamptz not null,
      created_at timestamptz not null default now(),
      activated_at timestamptz,
      retired_at timestamptz,
      constraint saml_keys_pkey primary key (key_id),
      constraint saml_keys_provider_id_fkey
        foreign key (provider_id) references identity_providers (provider_id) on delete cascade,
      constraint saml_keys_key_use_check check (key_use in ('signing', 'encryption')),
      constraint saml_keys_state_check check (state in ('current', 'next', 'retired')),
      constraint saml_keys_not_after_check check (not_after > not_before)
    );
    create unique index saml_keys_live_key on saml_keys
      (coalesce(provider_id, '00000000-0000-0000-0000-000000000000'), key_use, state) where state in ('current', 'next');
    create index saml_keys_provider_id_idx on saml_keys (provider_id) where provider_id is not null;

    create table saml_requests (
      request_id text not null,
      provider_id uuid not null,
      kind text not null default 'authn',
      attempt_id text,
      relay_state_hash text,
      browser_hash text,
      force_authn boolean not null default false,
      requested_context text[] not null default '{}',
      created_at timestamptz not null default now(),
      expires_at timestamptz not null,
      constraint saml_requests_pkey primary key (request_id),
      constraint saml_requests_provider_id_fkey
        foreign key (provider_id) references identity_providers (provider_id) on delete cascade,
      constraint saml_requests_attempt_id_fkey
        foreign key (attempt_id) references signin_attempts (attempt_id) on delete cascade,
      constraint saml_requests_request_id_check check (char_length(request_id) between 16 and 255),
      constraint saml_requests_kind_check check (kind in ('authn', 'logout', 'test')),
      constraint saml_requests_relay_state_hash_check check (char_length(relay_state_hash) between 43 and 255),
      constraint saml_requests_browser_hash_check check (char_length(browser_hash) between 43 and 255)
    );
    create unique index saml_requests_relay_state_hash_key on saml_requests (relay_state_hash);
    create index saml_requests_provider_id_idx on saml_requests (provider_id);
    create index saml_requests_attempt_id_idx on saml_requests (attempt_id) where attempt_id is not null;
    create index saml_requests_expires_at_idx on saml_requests (expires_at);

    create table saml_replay (
      provider_id uuid not null,
      assertion_id text not null,
      expires_at timestamptz not null,
      constraint saml_replay_pkey primary key (provider_id, assertion_id),
      constraint saml_replay_provider_id_fkey
        foreign key (provider_id) references identity_providers (provider_id) on delete cascade,
      constraint saml_replay_assertion_id_check
        check (char_length(assertion_id) between 1 and 1024 and octet_length(assertion_id) <= 2048)
    );
    create index saml_replay_expires_at_idx on saml_replay (expires_at);

    create table federation_attempts (
      attempt_id uuid not null,
      org_id uuid,
      provider_id uuid,
      user_id uuid,
      reference text not null,
      result text not null,
      code text,
      checks jsonb not null default '[]',
      attributes jsonb not null default '{}',
      subject_hash text,
      request_id text,
      ip_address inet,
      user_agent text,
      "timestamp" timestamptz not null default now(),
      constraint federation_attempts_pkey primary key (attempt_id, "timestamp"),
      constraint federation_attempts_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint federation_attempts_provider_id_fkey
        foreign key (provider_id) references identity_providers (provider_id) on delete set null,
      constraint federation_attempts_user_id_fkey foreign key (user_id) references users (user_id) on delete set null,
      constraint federation_attempts_reference_check check (char_length(reference) between 1 and 64),
      constraint federation_attempts_result_check check (result in ('success', 'denied', 'failure')),
      constraint federation_attempts_code_check check (char_length(code) between 1 and 100),
      constraint federation_attempts_subject_hash_check check (char_length(subject_hash) between 43 and 255),
      constraint federation_attempts_request_id_check check (char_length(request_id) <= 255),
      constraint federation_attempts_user_agent_check check (char_length(user_agent) <= 512)
    ) partition by range ("timestamp");
    create index federation_attempts_org_id_idx on federation_attempts (org_id, attempt_id desc);
    create index federation_attempts_provider_id_idx on federation_attempts (provider_id, "timestamp" desc);
    create index federation_attempts_user_id_idx on federation_attempts (user_id, "timestamp" desc) where user_id is not null;
    create index federation_attempts_reference_idx on federation_attempts (reference);
    create table federation_attempts_default partition of federation_attempts default;

    alter table sessions add constraint sessions_provider_id_fkey
      foreign key (provider_id) references identity_providers (provider_id) on delete set null;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table sessions drop constraint sessions_provider_id_fkey;
    drop table federation_attempts;
    drop table saml_replay;
    drop table saml_requests;
    drop table saml_keys;
    drop table federated_identities;
    drop table org_login_methods;
    drop table identity_provider_certificates;
    drop table identity_providers;
    drop function identity_providers_require_certificate();
  `);
}
