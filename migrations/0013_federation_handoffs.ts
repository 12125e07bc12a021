import type { Knex } from 'knex';

/**
 * From the identity provider back into the sign-in: what was proven waits under a one-time code until the browser that began the
 * sign-in fetches it (login CSRF), and a request remembers, sealed, where that is. An entity ID names one connection of an
 * organization (checklist SA-13); it is capped in bytes because an index entry over 2,704 would fail as an internal error. An
 * account has one link to a connection: a second subject that claims to be the same person is refused.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table federation_handoffs (
      code_hash text not null,
      provider_id uuid not null,
      user_id uuid not null,
      attempt_id text,
      browser_hash text,
      result_encrypted text not null,
      created_at timestamptz not null default now(),
      expires_at timestamptz not null,
      constraint federation_handoffs_pkey primary key (code_hash),
      constraint federation_handoffs_provider_id_fkey
        foreign key (provider_id) references identity_providers (provider_id) on delete cascade,
      constraint federation_handoffs_user_id_fkey foreign key (user_id) references users (user_id) on delete cascade,
      constraint federation_handoffs_attempt_id_fkey
        foreign key (attempt_id) references signin_attempts (attempt_id) on delete cascade,
      constraint federation_handoffs_code_hash_check check (char_length(code_hash) between 43 and 255),
      constraint federation_handoffs_browser_hash_check check (char_length(browser_hash) between 43 and 255),
      constraint federation_handoffs_result_encrypted_check check (char_length(result_encrypted) <= 16384)
    );
    create index federation_handoffs_provider_id_idx on federation_handoffs (provider_id);
    create index federation_handoffs_user_id_idx on federation_handoffs (user_id);
    create index federation_handoffs_attempt_id_idx on federation_handoffs (attempt_id) where attempt_id is not null;
    create index federation_handoffs_expires_at_idx on federation_handoffs (expires_at);

    alter table saml_requests add column return_to_encrypted text;
    alter table saml_requests add constraint saml_requests_return_to_encrypted_check
      check (char_length(return_to_encrypted) <= 4096);

    alter table identity_providers add constraint identity_providers_entity_id_check
      check (octet_length(config ->> 'idp_entity_id') between 1 and 2048);
    create unique index identity_providers_org_entity_id_key on identity_providers (org_id, (config ->> 'idp_entity_id'))
      where type = 'saml';

    create unique index federated_identities_provider_id_user_id_key on federated_identities (provider_id, user_id);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop index federated_identities_provider_id_user_id_key;
    drop index identity_providers_org_entity_id_key;
    alter table identity_providers drop constraint identity_providers_entity_id_check;
    alter table saml_requests drop constraint saml_requests_return_to_encrypted_check;
    alter table saml_requests drop column return_to_encrypted;
    drop table federation_handoffs;
  `);
}
