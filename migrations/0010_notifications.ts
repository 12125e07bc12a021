import type { Knex } from 'knex';

/** Templates (org_id null: the system's) and what people were told. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table notification_templates (
      template_id uuid not null,
      org_id uuid,
      name text not null,
      channel text not null,
      subject text,
      template_body text not null,
      variables jsonb not null default '{}',
      is_active boolean not null default true,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint notification_templates_pkey primary key (template_id),
      constraint notification_templates_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint notification_templates_name_check check (char_length(name) between 1 and 100),
      constraint notification_templates_channel_check check (channel in ('email', 'sms', 'in_app')),
      constraint notification_templates_subject_check check (char_length(subject) <= 255),
      constraint notification_templates_template_body_check check (char_length(template_body) <= 65536),
      constraint notification_templates_variables_check check (jsonb_typeof(variables) in ('object', 'array'))
    );
    create unique index notification_templates_org_name_key on notification_templates
      (coalesce(org_id, '00000000-0000-0000-0000-000000000000'), lower(name), channel);
    create index notification_templates_org_id_idx on notification_templates (org_id, template_id);

    create table user_notifications (
      notification_id uuid not null,
      user_id uuid not null,
      template_id uuid,
      channel text not null,
      subject text,
      content text not null,
      status text not null default 'pending',
      metadata jsonb not null default '{}',
      sent_at timestamptz,
      read_at timestamptz,
      created_at timestamptz not null default now(),
      constraint user_notifications_pkey primary key (notification_id),
      constraint user_notifications_user_id_fkey foreign key (user_id) references users (user_id) on delete cascade,
      constraint user_notifications_template_id_fkey
        foreign key (template_id) references notification_templates (template_id) on delete set null,
      constraint user_notifications_channel_check check (channel in ('email', 'sms', 'in_app')),
      constraint user_notifications_subject_check check (char_length(subject) <= 255),
      constraint user_notifications_content_check check (char_length(content) <= 65536),
      constraint user_notifications_status_check check (status in ('pending', 'sent', 'delivered', 'failed')),
      constraint user_notifications_metadata_check check (jsonb_typeof(metadata) = 'object')
    );
    create index user_notifications_user_id_idx on user_notifications (user_id, notification_id desc);
    create index user_notifications_template_id_idx on user_notifications (template_id) where template_id is not null;
    create index user_notifications_created_at_idx on user_notifications (created_at);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table user_notifications;
    drop table notification_templates;
  `);
}
