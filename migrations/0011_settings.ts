import type { Knex } from 'knex';

/** What an organization set, and what is switched on (feature_flags.org_id null: everywhere). */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table tenant_settings (
      setting_id uuid not null,
      org_id uuid not null,
      setting_key text not null,
      setting_value jsonb not null,
      description text,
      category text not null,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint tenant_settings_pkey primary key (setting_id),
      constraint tenant_settings_org_id_setting_key_key unique (org_id, setting_key),
      constraint tenant_settings_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint tenant_settings_setting_key_check check (char_length(setting_key) between 1 and 100),
      constraint tenant_settings_description_check check (char_length(description) <= 500),
      constraint tenant_settings_category_check check (category in ('auth', 'security', 'ui', 'integration'))
    );

    create table feature_flags (
      flag_id uuid not null,
      org_id uuid,
      flag_name text not null,
      is_enabled boolean not null default false,
      configuration jsonb not null default '{}',
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint feature_flags_pkey primary key (flag_id),
      constraint feature_flags_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint feature_flags_flag_name_check check (char_length(flag_name) between 1 and 100),
      constraint feature_flags_configuration_check check (jsonb_typeof(configuration) = 'object')
    );
    create unique index feature_flags_org_name_key on feature_flags
      (coalesce(org_id, '00000000-0000-0000-0000-000000000000'), flag_name);
    create index feature_flags_org_id_idx on feature_flags (org_id, flag_id);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table feature_flags;
    drop table tenant_settings;
  `);
}
