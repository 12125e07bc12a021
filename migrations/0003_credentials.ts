import type { Knex } from 'knex';

/**
 * How people and programs prove themselves. *_hash is Argon2id for passwords and SHA-256 for what is looked up;
 * *_encrypted is sealed. A key or token marked revoked says when, and one with a time is marked.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table user_passwords (
      user_id uuid not null,
      password_hash text not null,
      changed_at timestamptz not null default now(),
      created_at timestamptz not null default now(),
      constraint user_passwords_pkey primary key (user_id),
      constraint user_passwords_user_id_fkey foreign key (user_id) references users (user_id) on delete cascade,
      constraint user_passwords_password_hash_check check (char_length(password_hash) between 20 and 512)
    );

    create table password_reset_tokens (
      token_id uuid not null,
      token_hash text not null,
      user_id uuid not null,
      email text,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      expires_at timestamptz not null,
      used_at timestamptz,
      revoked_at timestamptz,
      revocation_reason text,
      ip_address inet,
      user_agent text,
      previous_token_id uuid,
      max_uses integer not null default 1,
      use_count integer not null default 0,
      constraint password_reset_tokens_pkey primary key (token_id),
      constraint password_reset_tokens_token_hash_key unique (token_hash),
      constraint password_reset_tokens_user_id_fkey foreign key (user_id) references users (user_id) on delete cascade,
      constraint password_reset_tokens_previous_token_id_fkey
        foreign key (previous_token_id) references password_reset_tokens (token_id) on delete set null,
      constraint password_reset_tokens_token_hash_check check (char_length(token_hash) between 43 and 255),
      constraint password_reset_tokens_email_check check (char_length(email) <= 320),
      constraint password_reset_tokens_revocation_reason_check check (char_length(revocation_reason) <= 100),
      constraint password_reset_tokens_user_agent_check check (char_length(user_agent) <= 512),
      constraint password_reset_tokens_max_uses_check check (max_uses >= 1),
      constraint password_reset_tokens_use_count_check check (use_count between 0 and max_uses)
    );
    create index password_reset_tokens_user_id_idx on password_reset_tokens (user_id, created_at);
    create index password_reset_tokens_previous_token_id_idx on password_reset_tokens (previous_token_id)
      where previous_token_id is not null;
    create index password_reset_tokens_expires_at_idx on password_reset_tokens (expires_at);

    create table email_verification_tokens (
      token_id uuid not null,
      token_hash text not null,
      user_id uuid not null,
      email text not null,
      created_at timestamptz not null default now(),
      expires_at timestamptz not null,
      used_at timestamptz,
      revoked_at timestamptz,
      constraint email_verification_tokens_pkey primary key (token_id),
      constraint email_verification_tokens_token_hash_key unique (token_hash),
      constraint email_verification_tokens_user_id_fkey foreign key (user_id) references users (user_id) on delete cascade,
      constraint email_verification_tokens_token_hash_check check (char_length(token_hash) between 43 and 255),
      constraint email_verification_tokens_email_check check (char_length(email) <= 320)
    );
    create index email_verification_tokens_user_id_idx on email_verification_tokens (user_id, created_at);
    create index email_verification_tokens_expires_at_idx on email_verification_tokens (expires_at);

    create table mfa_devices (
      device_id uuid not null,
      user_id uuid not null,
      type text not null,
      device_name text,
      secret_encrypted text,
      destination text,
      enabled boolean not null default false,
      is_primary boolean not null default false,
      last_step bigint,
      created_at timestamptz not null default now(),
      last_used timestamptz,
      constraint mfa_devices_pkey primary key (device_id),
      constraint mfa_devices_user_id_fkey foreign key (user_id) references users (user_id) on delete cascade,
      constraint mfa_devices_type_check check (type in ('totp', 'sms', 'email', 'webauthn')),
      constraint mfa_devices_device_name_check check (char_length(device_name) between 1 and 100),
      constraint mfa_devices_destination_check check (char_length(destination) <= 320),
      constraint mfa_devices_secret_encrypted_check
        check (char_length(secret_encrypted) <= 4096 and (type <> 'totp' or secret_encrypted is not null))
    );
    create unique index mfa_devices_primary_key on mfa_devices (user_id) where is_primary;
    create index mfa_devices_user_id_idx on mfa_devices (user_id);

    create table mfa_backup_codes (
      code_id uuid not null,
      user_id uuid not null,
      code_hash text not null,
      created_at timestamptz not null default now(),
      used_at timestamptz,
      constraint mfa_backup_codes_pkey primary key (code_id),
      constraint mfa_backup_codes_user_id_code_hash_key unique (user_id, code_hash),
      constraint mfa_backup_codes_user_id_fkey foreign key (user_id) references users (user_id) on delete cascade,
      constraint mfa_backup_codes_code_hash_check check (char_length(code_hash) between 43 and 255)
    );

    create table passkeys (
      passkey_id uuid not null,
      user_id uuid not null,
      credential_id text not null,
      public_key bytea not null,
      sign_count bigint not null default 0,
      rp_id text not null,
      transports text[] not null default '{}',
      aaguid uuid,
      device_type text not null default 'single_device',
      is_backed_up boolean not null default false,
      name text,
      created_at timestamptz not null default now(),
      last_used_at timestamptz,
      constraint passkeys_pkey primary key (passkey_id),
      constraint passkeys_credential_id_key unique (credential_id),
      constraint passkeys_user_id_fkey foreign key (user_id) references users (user_id) on delete cascade,
      constraint passkeys_credential_id_check check (credential_id ~ '^[A-Za-z0-9_-]{1,1364}$'),
      constraint passkeys_public_key_check check (octet_length(public_key) between 1 and 4096),
      constraint passkeys_sign_count_check check (sign_count >= 0),
      constraint passkeys_rp_id_check check (char_length(rp_id) between 1 and 253),
      constraint passkeys_device_type_check check (device_type in ('single_device', 'multi_device')),
      constraint passkeys_name_check check (char_length(name) between 1 and 100)
    );
    create index passkeys_user_id_idx on passkeys (user_id);
  `);
  await knex.raw(`
    create table service_accounts (
      service_account_id uuid not null,
      org_id uuid,
      name text not null,
      description text,
      permissions jsonb not null default '[]',
      is_active boolean not null default true,
      created_by uuid,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint service_accounts_pkey primary key (service_account_id),
      constraint service_accounts_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint service_accounts_created_by_fkey foreign key (created_by) references users (user_id) on delete set null,
      constraint service_accounts_name_check check (char_length(name) between 1 and 100),
      constraint service_accounts_description_check check (char_length(description) <= 500),
      constraint service_accounts_permissions_check check (jsonb_typeof(permissions) = 'array')
    );
    create unique index service_accounts_org_name_key on service_accounts
      (coalesce(org_id, '00000000-0000-0000-0000-000000000000'), lower(name));
    create index service_accounts_org_id_idx on service_accounts (org_id, service_account_id);
    create index service_accounts_created_by_idx on service_accounts (created_by) where created_by is not null;

    create table api_keys (
      api_key_id uuid not null,
      org_id uuid,
      user_id uuid,
      service_account_id uuid,
      name text not null,
      description text,
      key_hash text not null,
      key_prefix text not null,
      scopes jsonb not null default '[]',
      created_by uuid,
      created_at timestamptz not null default now(),
      expires_at timestamptz,
      last_used_at timestamptz,
      revoked boolean not null default false,
      revoked_at timestamptz,
      constraint api_keys_pkey primary key (api_key_id),
      constraint api_keys_key_hash_key unique (key_hash),
      constraint api_keys_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint api_keys_user_id_fkey foreign key (user_id) references users (user_id) on delete cascade,
      constraint api_keys_service_account_id_fkey
        foreign key (service_account_id) references service_accounts (service_account_id) on delete cascade,
      constraint api_keys_created_by_fkey foreign key (created_by) references users (user_id) on delete set null,
      constraint api_keys_owner_check check (num_nonnulls(user_id, service_account_id) = 1),
      constraint api_keys_name_check check (char_length(name) between 1 and 100),
      constraint api_keys_description_check check (char_length(description) <= 500),
      constraint api_keys_key_hash_check check (char_length(key_hash) between 43 and 255),
      constraint api_keys_key_prefix_check check (char_length(key_prefix) between 1 and 32),
      constraint api_keys_scopes_check check (jsonb_typeof(scopes) = 'array'),
      constraint api_keys_revoked_at_check check (revoked = (revoked_at is not null))
    );
    create index api_keys_org_id_idx on api_keys (org_id, api_key_id);
    create index api_keys_user_id_idx on api_keys (user_id) where user_id is not null;
    create index api_keys_service_account_id_idx on api_keys (service_account_id) where service_account_id is not null;
    create index api_keys_created_by_idx on api_keys (created_by) where created_by is not null;
    create index api_keys_expires_at_idx on api_keys (expires_at) where expires_at is not null;

    create table setup_links (
      token_hash text not null,
      created_at timestamptz not null default now(),
      expires_at timestamptz not null,
      used_at timestamptz,
      constraint setup_links_pkey primary key (token_hash),
      constraint setup_links_token_hash_check check (char_length(token_hash) between 43 and 255)
    );
    create index setup_links_expires_at_idx on setup_links (expires_at);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table setup_links;
    drop table api_keys;
    drop table service_accounts;
    drop table passkeys;
    drop table mfa_backup_codes;
    drop table mfa_devices;
    drop table email_verification_tokens;
    drop table password_reset_tokens;
    drop table user_passwords;
  `);
}
