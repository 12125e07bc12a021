import type { Knex } from 'knex';

/**
 * Who exists: organizations, their domains and units, users, memberships, groups, invitations.
 *
 * E-mail and username are unique within the owner. The three unique indexes on users are made in the order e-mail,
 * username, identifier, so that a clash is reported under the most telling name. Deleting an organization is refused while
 * it owns accounts: setting home_org_id to null would hand them to whoever holds the address. Lists page by id, SCIM's by
 * (created_at, id): users and groups have an index for each.
 *
 * Over 300 lines because the room's tables reference one another and come and go together.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table organizations (
      org_id uuid not null,
      org_name text not null,
      slug text not null,
      custom_domain text,
      logo_url text,
      primary_color text,
      secondary_color text,
      branding_config jsonb not null default '{}',
      org_metadata jsonb not null default '{}',
      status text not null default 'active',
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      deleted_at timestamptz,
      constraint organizations_pkey primary key (org_id),
      constraint organizations_slug_key unique (slug),
      constraint organizations_custom_domain_key unique (custom_domain),
      constraint organizations_org_name_check check (char_length(org_name) between 1 and 255),
      constraint organizations_slug_check check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9]|)$'),
      constraint organizations_custom_domain_check
        check (char_length(custom_domain) <= 253 and custom_domain ~ '^[a-z0-9-]+([.][a-z0-9-]+)+$'),
      constraint organizations_logo_url_check check (char_length(logo_url) <= 2048),
      constraint organizations_primary_color_check check (primary_color ~ '^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})$'),
      constraint organizations_secondary_color_check
        check (secondary_color ~ '^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})$'),
      constraint organizations_branding_config_check check (jsonb_typeof(branding_config) = 'object'),
      constraint organizations_org_metadata_check check (jsonb_typeof(org_metadata) = 'object'),
      constraint organizations_status_check check (status in ('active', 'suspended', 'deleted')),
      constraint organizations_deleted_at_check check ((status = 'deleted') = (deleted_at is not null))
    );
    create index organizations_created_at_idx on organizations (created_at, org_id);
    create index organizations_deleted_at_idx on organizations (deleted_at) where deleted_at is not null;

    create table organization_domains (
      org_id uuid not null,
      domain text not null,
      verification_token text not null,
      verified_at timestamptz,
      verified_by text,
      is_shared boolean not null default false,
      last_checked_at timestamptz,
      last_check_error text,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint organization_domains_pkey primary key (org_id, domain),
      constraint organization_domains_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint organization_domains_domain_check
        check (char_length(domain) <= 253 and domain ~ '^[a-z0-9_-]+([.][a-z0-9_-]+)+$'),
      constraint organization_domains_verification_token_check check (char_length(verification_token) between 16 and 255),
      constraint organization_domains_verified_by_check check (verified_by in ('dns', 'attested')),
      constraint organization_domains_verified_at_check check ((verified_at is null) = (verified_by is null)),
      constraint organization_domains_last_check_error_check check (char_length(last_check_error) <= 1000)
    );
    create unique index organization_domains_verified_key on organization_domains (domain)
      where verified_at is not null and not is_shared;
    create index organization_domains_domain_idx on organization_domains (domain);
    create index organization_domains_last_checked_at_idx on organization_domains (last_checked_at);
  `);
  // The unique index cannot see one owner who shares beside one who does not: sharing takes both.
  await knex.raw(`
    create function organization_domains_refuse_one_sided_share() returns trigger language plpgsql as $$
    begin
      perform pg_advisory_xact_lock(hashtextextended('organization_domains:' || new.domain, 0));
      if exists (
        select from organization_domains other
        where other.domain = new.domain and other.org_id <> new.org_id and other.verified_at is not null
          and not (other.is_shared and new.is_shared)
      ) then
        raise exception 'domain % is verified by another organization', new.domain
          using errcode = 'unique_violation', constraint = 'organization_domains_verified_key', table = 'organization_domains';
      end if;
      return null;
    end $$;
    create trigger organization_domains_one_sided_share after insert or update on organization_domains
      for each row when (new.verified_at is not null) execute function organization_domains_refuse_one_sided_share();
  `);
  await knex.raw(`
    create table users (
      user_id uuid not null,
      home_org_id uuid,
      legacy_user_id text,
      email text,
      email_confirmed boolean not null default false,
      username text,
      first_name text,
      last_name text,
      phone text,
      phone_verified boolean not null default false,
      picture_url text,
      bio text,
      properties jsonb not null default '{}',
      has_password boolean not null default false,
      update_password_required boolean not null default false,
      locked boolean not null default false,
      enabled boolean not null default true,
      mfa_enabled boolean not null default false,
      can_create_orgs boolean not null default false,
      created_at bigint not null default extract(epoch from now())::bigint,
      last_active_at bigint,
      last_login_at timestamptz,
      updated_at timestamptz not null default now(),
      deleted_at timestamptz,
      constraint users_pkey primary key (user_id),
      constraint users_home_org_id_fkey foreign key (home_org_id) references organizations (org_id) on delete restrict,
      constraint users_identifier_check check (email is not null or username is not null),
      constraint users_legacy_user_id_check check (char_length(legacy_user_id) between 1 and 255),
      constraint users_email_check check (char_length(email) <= 320 and email ~ '^[^[:space:]]+@[^[:space:]@]+$'),
      constraint users_username_check check (char_length(username) between 1 and 320),
      constraint users_first_name_check check (char_length(first_name) <= 256),
      constraint users_last_name_check check (char_length(last_name) <= 256),
      constraint users_phone_check check (char_length(phone) <= 64),
      constraint users_picture_url_check check (char_length(picture_url) <= 2048),
      constraint users_bio_check check (char_length(bio) <= 1000),
      constraint users_properties_check check (jsonb_typeof(properties) = 'object'),
      constraint users_created_at_check check (created_at >= 0),
      constraint users_last_active_at_check check (last_active_at >= 0)
    );
    create unique index users_owner_email_key on users
      (coalesce(home_org_id, '00000000-0000-0000-0000-000000000000'), lower(email)) where deleted_at is null;
    create unique index users_owner_username_key on users
      (coalesce(home_org_id, '00000000-0000-0000-0000-000000000000'), lower(username)) where deleted_at is null;
    create unique index users_owner_identifier_key on users
      (coalesce(home_org_id, '00000000-0000-0000-0000-000000000000'), lower(coalesce(username, email))) where deleted_at is null;
    create index users_home_org_id_idx on users (home_org_id, created_at, user_id);
    create index users_home_org_id_user_id_idx on users (home_org_id, user_id);
    create index users_home_org_id_identifier_idx on users
      (home_org_id, lower(coalesce(username, email)) text_pattern_ops) where deleted_at is null;
    create index users_lower_email_idx on users (lower(email));
    create index users_legacy_user_id_idx on users (legacy_user_id) where legacy_user_id is not null;
    create index users_deleted_at_idx on users (deleted_at) where deleted_at is not null;

    create table organization_units (
      unit_id uuid not null,
      org_id uuid not null,
      parent_id uuid,
      name text not null,
      description text,
      path text not null,
      level integer not null default 0,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint organization_units_pkey primary key (unit_id),
      constraint organization_units_org_id_unit_id_key unique (org_id, unit_id),
      constraint organization_units_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint organization_units_parent_id_fkey
        foreign key (org_id, parent_id) references organization_units (org_id, unit_id) on delete restrict,
      constraint organization_units_parent_id_check check (parent_id <> unit_id),
      constraint organization_units_name_check check (char_length(name) between 1 and 255),
      constraint organization_units_description_check check (char_length(description) <= 1000),
      constraint organization_units_path_check check (char_length(path) between 1 and 2000),
      constraint organization_units_level_check check (level between 0 and 32)
    );
    create unique index organization_units_sibling_name_key on organization_units
      (org_id, coalesce(parent_id, '00000000-0000-0000-0000-000000000000'), lower(name));
    create index organization_units_org_id_parent_id_idx on organization_units (org_id, parent_id);
    create index organization_units_path_idx on organization_units (org_id, path text_pattern_ops);

    create table user_organization_info (
      user_id uuid not null,
      org_id uuid not null,
      user_role text,
      url_safe_org_name text not null,
      org_role_structure text not null default 'multi_role',
      inherited_user_roles_plus_current_role text[] not null default '{}',
      user_permissions text[] not null default '{}',
      additional_roles text[] not null default '{}',
      access_valid_until timestamptz,
      status text not null default 'active',
      joined_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint user_organization_info_pkey primary key (user_id, org_id),
      constraint user_organization_info_user_id_fkey foreign key (user_id) references users (user_id) on delete cascade,
      constraint user_organization_info_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint user_organization_info_user_role_check check (char_length(user_role) <= 100),
      constraint user_organization_info_url_safe_org_name_check check (char_length(url_safe_org_name) between 1 and 63),
      constraint user_organization_info_org_role_structure_check check (char_length(org_role_structure) between 1 and 100),
      constraint user_organization_info_status_check check (status in ('active', 'invited', 'suspended'))
    );
    create index user_organization_info_org_id_idx on user_organization_info (org_id, user_id);
    create index user_organization_info_access_valid_until_idx on user_organization_info (access_valid_until)
      where access_valid_until is not null;

    create table user_groups (
      group_id uuid not null,
      org_id uuid not null,
      unit_id uuid,
      name text not null,
      slug text not null,
      description text,
      membership_type text not null default 'manual',
      auto_assignment_rules jsonb,
      is_public boolean not null default false,
      is_open boolean not null default false,
      is_system boolean not null default false,
      is_active boolean not null default true,
      member_count integer not null default 0,
      max_members integer,
      group_type text not null default 'team',
      tags text[] not null default '{}',
      settings jsonb not null default '{}',
      owner_id uuid,
      created_by uuid,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      deleted_at timestamptz,
      constraint user_groups_pkey primary key (group_id),
      constraint user_groups_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint user_groups_unit_id_fkey foreign key (unit_id) references organization_units (unit_id) on delete set null,
      constraint user_groups_owner_id_fkey foreign key (owner_id) references users (user_id) on delete set null,
      constraint user_groups_created_by_fkey foreign key (created_by) references users (user_id) on delete set null,
      constraint user_groups_name_check check (char_length(name) between 1 and 256),
      constraint user_groups_slug_check check (slug ~ '^[a-z0-9]([a-z0-9-]{0,98}[a-z0-9]|)$'),
      constraint user_groups_description_check check (char_length(description) <= 1000),
      constraint user_groups_membership_type_check check (membership_type in ('manual', 'automatic')),
      constraint user_groups_member_count_check check (member_count >= 0),
      constraint user_groups_max_members_check check (max_members > 0),
      constraint user_groups_group_type_check check (char_length(group_type) between 1 and 50),
      constraint user_groups_tags_check check (char_length(array_to_string(tags, ',')) <= 500),
      constraint user_groups_settings_check
        check (jsonb_typeof(settings) = 'object' and char_length(settings::text) <= 2000)
    );
    create unique index user_groups_org_name_key on user_groups (org_id, lower(name)) where deleted_at is null;
    create unique index user_groups_org_slug_key on user_groups (org_id, slug) where deleted_at is null;
    create index user_groups_org_id_idx on user_groups (org_id, created_at, group_id);
    create index user_groups_org_id_group_id_idx on user_groups (org_id, group_id);
    create index user_groups_unit_id_idx on user_groups (unit_id) where unit_id is not null;
    create index user_groups_owner_id_idx on user_groups (owner_id) where owner_id is not null;
    create index user_groups_created_by_idx on user_groups (created_by) where created_by is not null;
    create index user_groups_deleted_at_idx on user_groups (deleted_at) where deleted_at is not null;

    create table user_group_memberships (
      membership_id uuid not null,
      group_id uuid not null,
      user_id uuid not null,
      assigned_by uuid,
      assignment_type text not null default 'manual',
      assigned_at timestamptz not null default now(),
      expires_at timestamptz,
      role_in_group text not null default 'member',
      is_active boolean not null default true,
      constraint user_group_memberships_pkey primary key (membership_id),
      constraint user_group_memberships_group_id_user_id_key unique (group_id, user_id),
      constraint user_group_memberships_group_id_fkey foreign key (group_id) references user_groups (group_id) on delete cascade,
      constraint user_group_memberships_user_id_fkey foreign key (user_id) references users (user_id) on delete cascade,
      constraint user_group_memberships_assigned_by_fkey foreign key (assigned_by) references users (user_id) on delete set null,
      constraint user_group_memberships_assignment_type_check check (assignment_type in ('manual', 'automatic')),
      constraint user_group_memberships_role_in_group_check check (char_length(role_in_group) between 1 and 50)
    );
    create index user_group_memberships_user_id_idx on user_group_memberships (user_id);
    create index user_group_memberships_assigned_by_idx on user_group_memberships (assigned_by) where assigned_by is not null;
    create index user_group_memberships_expires_at_idx on user_group_memberships (expires_at) where expires_at is not null;

    create table invitations (
      invitation_id uuid not null,
      org_id uuid not null,
      email text not null,
      token_hash text not null,
      role_id uuid,
      invited_by uuid,
      accepted_user_id uuid,
      created_at timestamptz not null default now(),
      expires_at timestamptz not null,
      accepted_at timestamptz,
      revoked_at timestamptz,
      constraint invitations_pkey primary key (invitation_id),
      constraint invitations_token_hash_key unique (token_hash),
      constraint invitations_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint invitations_invited_by_fkey foreign key (invited_by) references users (user_id) on delete set null,
      constraint invitations_accepted_user_id_fkey foreign key (accepted_user_id) references users (user_id) on delete set null,
      constraint invitations_email_check check (char_length(email) <= 320 and email ~ '^[^[:space:]]+@[^[:space:]@]+$'),
      constraint invitations_token_hash_check check (char_length(token_hash) between 43 and 255),
      constraint invitations_outcome_check check (accepted_at is null or revoked_at is null)
    );
    create unique index invitations_org_email_key on invitations (org_id, lower(email))
      where accepted_at is null and revoked_at is null;
    create index invitations_org_id_idx on invitations (org_id, invitation_id);
    create index invitations_role_id_idx on invitations (role_id) where role_id is not null;
    create index invitations_invited_by_idx on invitations (invited_by) where invited_by is not null;
    create index invitations_accepted_user_id_idx on invitations (accepted_user_id) where accepted_user_id is not null;
    create index invitations_expires_at_idx on invitations (expires_at);

    create table waitlist_signups (
      signup_id uuid not null,
      email text not null,
      invited boolean not null default false,
      invited_at timestamptz,
      user_id uuid,
      created_at timestamptz not null default now(),
      constraint waitlist_signups_pkey primary key (signup_id),
      constraint waitlist_signups_user_id_fkey foreign key (user_id) references users (user_id) on delete set null,
      constraint waitlist_signups_email_check check (char_length(email) <= 320 and email ~ '^[^[:space:]]+@[^[:space:]@]+$'),
      constraint waitlist_signups_invited_at_check check (invited or invited_at is null)
    );
    create unique index waitlist_signups_email_key on waitlist_signups (lower(email));
    create index waitlist_signups_user_id_idx on waitlist_signups (user_id) where user_id is not null;
    create index waitlist_signups_created_at_idx on waitlist_signups (created_at, signup_id);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table waitlist_signups;
    drop table invitations;
    drop table user_group_memberships;
    drop table user_groups;
    drop table user_organization_info;
    drop table organization_units;
    drop table users;
    drop table organization_domains;
    drop function organization_domains_refuse_one_sided_share();
    drop table organizations;
  `);
}
