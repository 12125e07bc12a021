import type { Knex } from 'knex';

/**
 * Who relies on us: applications (OAuth clients), what people granted them, and the storage of the OpenID provider.
 *
 * The id of a code, token, session or pushed request is a bearer secret: only its SHA-256 is kept, as the primary key.
 * Whatever is looked up or revoked by is a column; the rest of the provider's payload is `payload`, without that id.
 *
 * Revocation is a tombstone that every use checks, never a deleted row: `oidc_grants.revoked_at` for everything that one
 * account granted one application in one organization, and `dead_families` for what came from one code (a family).
 * Codes, opaque access tokens and replay marks are UNLOGGED: a crash loses them, which never grants access.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table signing_keys (
      kid text not null,
      alg text not null,
      state text not null,
      public_jwk jsonb not null,
      private_jwk_encrypted text,
      created_at timestamptz not null default now(),
      activated_at timestamptz,
      retired_at timestamptz,
      constraint signing_keys_pkey primary key (kid),
      constraint signing_keys_kid_check check (char_length(kid) between 16 and 255),
      constraint signing_keys_alg_check check (alg in ('ES256', 'RS256', 'EdDSA')),
      constraint signing_keys_state_check check (state in ('next', 'current', 'retired')),
      constraint signing_keys_public_jwk_check
        check (jsonb_typeof(public_jwk) = 'object' and public_jwk = public_jwk - array['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']),
      constraint signing_keys_private_jwk_encrypted_check check (state = 'retired' or private_jwk_encrypted is not null),
      constraint signing_keys_retired_at_check check ((state = 'retired') = (retired_at is not null))
    );
    create unique index signing_keys_alg_current_key on signing_keys (alg) where state = 'current';
    create unique index signing_keys_alg_next_key on signing_keys (alg) where state = 'next';

    create table oidc_clients (
      client_id uuid not null,
      org_id uuid,
      client_name text not null,
      application_type text not null default 'web',
      client_uri text,
      logo_uri text,
      policy_uri text,
      tos_uri text,
      contacts text[] not null default '{}',
      redirect_uris text[] not null default '{}',
      post_logout_redirect_uris text[] not null default '{}',
      grant_types text[] not null default '{authorization_code}',
      response_types text[] not null default '{code}',
      token_endpoint_auth_method text not null default 'client_secret_basic',
      id_token_signed_response_alg text not null default 'ES256',
      scope text,
      default_max_age integer,
      default_acr_values text[] not null default '{}',
      require_auth_time boolean not null default false,
      initiate_login_uri text,
      jwks jsonb,
      jwks_uri text,
      require_pkce boolean not null default true,
      require_pushed_authorization_requests boolean not null default false,
      first_party boolean not null default false,
      resource_uri text,
      resource_scope text,
      resource_token_format text not null default 'opaque',
      secret_hash text,
      secret_created_at timestamptz,
      previous_secret_hash text,
      previous_secret_expires_at timestamptz,
      enabled boolean not null default true,
      version bigint not null default 1,
      created_by uuid,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint oidc_clients_pkey primary key (client_id),
      constraint oidc_clients_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint oidc_clients_created_by_fkey foreign key (created_by) references users (user_id) on delete set null,
      constraint oidc_clients_client_name_check check (char_length(client_name) between 1 and 200),
      constraint oidc_clients_application_type_check check (application_type in ('web', 'native')),
      constraint oidc_clients_contacts_check check (cardinality(contacts) <= 20),
      constraint oidc_clients_redirect_uris_check check (cardinality(redirect_uris) <= 50),
      constraint oidc_clients_post_logout_redirect_uris_check check (cardinality(post_logout_redirect_uris) <= 50),
      constraint oidc_clients_grant_types_check
        check (grant_types <@ array['authorization_code', 'refresh_token', 'client_credentials']),
      constraint oidc_clients_response_types_check check (response_types <@ array['code']),
      constraint oidc_clients_token_endpoint_auth_method_check
        check (token_endpoint_auth_method in ('client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none')),
      constraint oidc_clients_id_token_signed_response_alg_check check (id_token_signed_response_alg in ('ES256', 'RS256', 'EdDSA')),
      constraint oidc_clients_scope_check check (char_length(scope) <= 4000),
      constraint oidc_clients_default_max_age_check check (default_max_age >= 0),
      constraint oidc_clients_jwks_check check (jwks is null or (jsonb_typeof(jwks) = 'object' and jwks_uri is null)),
      constraint oidc_clients_resource_uri_check check (char_length(resource_uri) <= 2048),
      constraint oidc_clients_resource_scope_check check (resource_scope is null or (char_length(resource_scope) <= 4000 and resource_uri is not null)),
      constraint oidc_clients_resource_token_format_check check (resource_token_format in ('opaque', 'jwt')),
      constraint oidc_clients_secret_hash_check
        check ((secret_hash is not null) = (token_endpoint_auth_method in ('client_secret_basic', 'client_secret_post'))),
      constraint oidc_clients_require_pkce_check check (require_pkce or token_endpoint_auth_method <> 'none'),
      constraint oidc_clients_client_credentials_check
        check (token_endpoint_auth_method <> 'none' or not ('client_credentials' = any (grant_types)))
    );
    create unique index oidc_clients_owner_resource_uri_key on oidc_clients
      (coalesce(org_id, '00000000-0000-0000-0000-000000000000'), resource_uri) where resource_uri is not null;
    create index oidc_clients_org_id_idx on oidc_clients (org_id, client_id);
    create index oidc_clients_resource_uri_idx on oidc_clients (resource_uri) where resource_uri is not null;
    create index oidc_clients_created_by_idx on oidc_clients (created_by) where created_by is not null;
  `);
  await knex.raw(`
    create table oidc_grants (
      grant_id uuid not null,
      user_id uuid not null,
      client_id uuid not null,
      org_id uuid,
      payload jsonb not null,
      dead_families text[] not null default '{}',
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      expires_at timestamptz not null,
      revoked_at timestamptz,
      revocation_reason text,
      constraint oidc_grants_pkey primary key (grant_id),
      constraint oidc_grants_user_id_fkey foreign key (user_id) references users (user_id) on delete cascade,
      constraint oidc_grants_client_id_fkey foreign key (client_id) references oidc_clients (client_id) on delete cascade,
      constraint oidc_grants_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint oidc_grants_payload_check check (jsonb_typeof(payload) = 'object'),
      constraint oidc_grants_revocation_reason_check check (char_length(revocation_reason) <= 100),
      constraint oidc_grants_revoked_at_check check (revoked_at is not null or revocation_reason is null)
    );
    create unique index oidc_grants_user_client_org_key on oidc_grants
      (user_id, client_id, coalesce(org_id, '00000000-0000-0000-0000-000000000000')) where revoked_at is null;
    create index oidc_grants_user_id_idx on oidc_grants (user_id, grant_id);
    create index oidc_grants_client_id_idx on oidc_grants (client_id);
    create index oidc_grants_org_id_idx on oidc_grants (org_id) where org_id is not null;
    create index oidc_grants_revoked_at_idx on oidc_grants (revoked_at) where revoked_at is not null;
    create index oidc_grants_expires_at_idx on oidc_grants (expires_at);
    create index oidc_grants_dead_families_idx on oidc_grants (updated_at) where dead_families <> '{}';

    create table oidc_sessions (
      id_hash text not null,
      uid text not null,
      user_id uuid,
      session_id uuid,
      payload jsonb not null,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      expires_at timestamptz not null,
      constraint oidc_sessions_pkey primary key (id_hash),
      constraint oidc_sessions_uid_key unique (uid),
      constraint oidc_sessions_user_id_fkey foreign key (user_id) references users (user_id) on delete cascade,
      constraint oidc_sessions_session_id_fkey foreign key (session_id) references sessions (session_id) on delete cascade,
      constraint oidc_sessions_id_hash_check check (char_length(id_hash) = 43)
    );
    create index oidc_sessions_user_id_idx on oidc_sessions (user_id) where user_id is not null;
    create index oidc_sessions_session_id_idx on oidc_sessions (session_id) where session_id is not null;
    create index oidc_sessions_expires_at_idx on oidc_sessions (expires_at);

    create table oidc_refresh_tokens (
      id_hash text not null,
      grant_id uuid not null,
      family_id uuid not null,
      session_id uuid,
      session_uid text,
      session_bound boolean not null default true,
      payload jsonb not null,
      created_at timestamptz not null default now(),
      consumed_at timestamptz,
      expires_at timestamptz not null,
      constraint oidc_refresh_tokens_pkey primary key (id_hash),
      constraint oidc_refresh_tokens_grant_id_fkey foreign key (grant_id) references oidc_grants (grant_id) on delete cascade,
      constraint oidc_refresh_tokens_session_id_fkey foreign key (session_id) references sessions (session_id) on delete set null,
      constraint oidc_refresh_tokens_id_hash_check check (char_length(id_hash) = 43)
    );
    create index oidc_refresh_tokens_grant_id_idx on oidc_refresh_tokens (grant_id);
    create index oidc_refresh_tokens_session_id_idx on oidc_refresh_tokens (session_id) where session_id is not null;
    create index oidc_refresh_tokens_expires_at_idx on oidc_refresh_tokens (expires_at);
  `);
  await knex.raw(`
    create unlogged table oidc_access_tokens (
      id_hash text not null,
      kind text not null,
      client_id uuid,
      scim_client_id uuid,
      grant_id uuid,
      family_id uuid,
      org_id uuid,
      session_id uuid,
      session_uid text,
      session_bound boolean not null default false,
      payload jsonb not null,
      expires_at timestamptz not null,
      constraint oidc_access_tokens_pkey primary key (id_hash),
      constraint oidc_access_tokens_client_id_fkey foreign key (client_id) references oidc_clients (client_id) on delete cascade,
      constraint oidc_access_tokens_scim_client_id_fkey
        foreign key (scim_client_id) references scim_clients (client_id) on delete cascade,
      constraint oidc_access_tokens_client_id_check
        check (num_nonnulls(client_id, scim_client_id) = 1 and (scim_client_id is null or kind = 'ClientCredentials')),
      constraint oidc_access_tokens_grant_id_fkey foreign key (grant_id) references oidc_grants (grant_id) on delete cascade,
      constraint oidc_access_tokens_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint oidc_access_tokens_session_id_fkey foreign key (session_id) references sessions (session_id) on delete cascade,
      constraint oidc_access_tokens_id_hash_check check (char_length(id_hash) = 43),
      constraint oidc_access_tokens_kind_check check (kind in ('AccessToken', 'ClientCredentials')),
      constraint oidc_access_tokens_grant_id_check check ((kind = 'AccessToken') = (grant_id is not null and family_id is not null))
    );
    create index oidc_access_tokens_client_id_idx on oidc_access_tokens (client_id);
    create index oidc_access_tokens_scim_client_id_idx on oidc_access_tokens (scim_client_id) where scim_client_id is not null;
    create index oidc_access_tokens_grant_id_idx on oidc_access_tokens (grant_id) where grant_id is not null;
    create index oidc_access_tokens_org_id_idx on oidc_access_tokens (org_id) where org_id is not null;
    create index oidc_access_tokens_session_id_idx on oidc_access_tokens (session_id) where session_id is not null;
    create index oidc_access_tokens_expires_at_idx on oidc_access_tokens (expires_at);

    create unlogged table oidc_artifacts (
      id_hash text not null,
      kind text not null,
      grant_id uuid,
      family_id uuid,
      session_id uuid,
      session_uid text,
      session_bound boolean not null default false,
      payload jsonb not null,
      consumed_at timestamptz,
      expires_at timestamptz not null,
      constraint oidc_artifacts_pkey primary key (id_hash),
      constraint oidc_artifacts_grant_id_fkey foreign key (grant_id) references oidc_grants (grant_id) on delete cascade,
      constraint oidc_artifacts_session_id_fkey foreign key (session_id) references sessions (session_id) on delete cascade,
      constraint oidc_artifacts_id_hash_check check (char_length(id_hash) = 43),
      constraint oidc_artifacts_kind_check check (kind in ('AuthorizationCode', 'Interaction', 'PushedAuthorizationRequest')),
      constraint oidc_artifacts_grant_id_check
        check ((kind = 'AuthorizationCode') = (grant_id is not null and family_id is not null))
    );
    create index oidc_artifacts_grant_id_idx on oidc_artifacts (grant_id) where grant_id is not null;
    create index oidc_artifacts_session_id_idx on oidc_artifacts (session_id) where session_id is not null;
    create index oidc_artifacts_expires_at_idx on oidc_artifacts (expires_at);

    create unlogged table oidc_replay (
      id_hash text not null,
      expires_at timestamptz not null,
      constraint oidc_replay_pkey primary key (id_hash),
      constraint oidc_replay_id_hash_check check (char_length(id_hash) = 43)
    );
    create index oidc_replay_expires_at_idx on oidc_replay (expires_at);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table oidc_replay;
    drop table oidc_artifacts;
    drop table oidc_access_tokens;
    drop table oidc_refresh_tokens;
    drop table oidc_sessions;
    drop table oidc_grants;
    drop table oidc_clients;
    drop table signing_keys;
  `);
}
