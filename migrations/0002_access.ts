import type { Knex } from 'knex';

/**
 * Who may do what: roles, permissions, grants, reviews, requests.
 *
 * A null org_id on roles and permissions means that the system offers them to every organization; on user_roles that the
 * grant holds system-wide. Cycles of role_inheritance are refused by the write that would close one, not here.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table roles (
      role_id uuid not null,
      org_id uuid,
      name text not null,
      description text,
      type text not null default 'custom',
      is_active boolean not null default true,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint roles_pkey primary key (role_id),
      constraint roles_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint roles_name_check check (char_length(name) between 1 and 100),
      constraint roles_description_check check (char_length(description) <= 500),
      constraint roles_type_check check (type in ('system', 'custom'))
    );
    create unique index roles_org_name_key on roles
      (coalesce(org_id, '00000000-0000-0000-0000-000000000000'), lower(name));
    create index roles_org_id_idx on roles (org_id, role_id);

    create table permissions (
      permission_id uuid not null,
      org_id uuid,
      name text not null,
      resource text,
      action text,
      description text,
      category text not null default 'user',
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint permissions_pkey primary key (permission_id),
      constraint permissions_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint permissions_name_check check (char_length(name) between 1 and 100),
      constraint permissions_resource_check check (char_length(resource) between 1 and 50),
      constraint permissions_action_check check (char_length(action) between 1 and 50),
      constraint permissions_description_check check (char_length(description) <= 500),
      constraint permissions_category_check check (category ~ '^[a-z][a-z_]{0,49}$')
    );
    create unique index permissions_org_name_key on permissions
      (coalesce(org_id, '00000000-0000-0000-0000-000000000000'), name);
    create index permissions_org_id_idx on permissions (org_id, permission_id);

    create table role_permissions (
      role_id uuid not null,
      permission_id uuid not null,
      conditions jsonb,
      assigned_by uuid,
      assigned_at timestamptz not null default now(),
      constraint role_permissions_pkey primary key (role_id, permission_id),
      constraint role_permissions_role_id_fkey foreign key (role_id) references roles (role_id) on delete cascade,
      constraint role_permissions_permission_id_fkey
        foreign key (permission_id) references permissions (permission_id) on delete cascade,
      constraint role_permissions_assigned_by_fkey foreign key (assigned_by) references users (user_id) on delete set null,
      constraint role_permissions_conditions_check check (jsonb_typeof(conditions) = 'object')
    );
    create index role_permissions_permission_id_idx on role_permissions (permission_id);
    create index role_permissions_assigned_by_idx on role_permissions (assigned_by) where assigned_by is not null;

    create table role_inheritance (
      role_id uuid not null,
      parent_role_id uuid not null,
      created_at timestamptz not null default now(),
      constraint role_inheritance_pkey primary key (role_id, parent_role_id),
      constraint role_inheritance_role_id_fkey foreign key (role_id) references roles (role_id) on delete cascade,
      constraint role_inheritance_parent_role_id_fkey foreign key (parent_role_id) references roles (role_id) on delete cascade,
      constraint role_inheritance_self_check check (role_id <> parent_role_id)
    );
    create index role_inheritance_parent_role_id_idx on role_inheritance (parent_role_id);

    create table user_roles (
      user_role_id uuid not null,
      user_id uuid not null,
      role_id uuid not null,
      org_id uuid,
      assigned_by uuid,
      assigned_at timestamptz not null default now(),
      expires_at timestamptz,
      is_primary boolean not null default false,
      is_active boolean not null default true,
      constraint user_roles_pkey primary key (user_role_id),
      constraint user_roles_user_id_fkey foreign key (user_id) references users (user_id) on delete cascade,
      constraint user_roles_role_id_fkey foreign key (role_id) references roles (role_id) on delete cascade,
      constraint user_roles_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint user_roles_assigned_by_fkey foreign key (assigned_by) references users (user_id) on delete set null
    );
    create unique index user_roles_user_role_org_key on user_roles
      (user_id, role_id, coalesce(org_id, '00000000-0000-0000-0000-000000000000'));
    create unique index user_roles_primary_key on user_roles (user_id, org_id) where is_primary;
    create index user_roles_role_id_idx on user_roles (role_id);
    create index user_roles_org_id_idx on user_roles (org_id, user_id);
    create index user_roles_assigned_by_idx on user_roles (assigned_by) where assigned_by is not null;
    create index user_roles_expires_at_idx on user_roles (expires_at) where expires_at is not null;

    create table group_roles (
      group_id uuid not null,
      role_id uuid not null,
      assigned_by uuid,
      assigned_at timestamptz not null default now(),
      constraint group_roles_pkey primary key (group_id, role_id),
      constraint group_roles_group_id_fkey foreign key (group_id) references user_groups (group_id) on delete cascade,
      constraint group_roles_role_id_fkey foreign key (role_id) references roles (role_id) on delete cascade,
      constraint group_roles_assigned_by_fkey foreign key (assigned_by) references users (user_id) on delete set null
    );
    create index group_roles_role_id_idx on group_roles (role_id);
    create index group_roles_assigned_by_idx on group_roles (assigned_by) where assigned_by is not null;

    alter table invitations add constraint invitations_role_id_fkey
      foreign key (role_id) references roles (role_id) on delete set null;
  `);
  await knex.raw(`
    create table access_reviews (
      review_id uuid not null,
      org_id uuid not null,
      name text not null,
      description text,
      review_type text not null,
      status text not null default 'draft',
      created_by uuid,
      start_date timestamptz,
      end_date timestamptz,
      configuration jsonb not null default '{}',
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint access_reviews_pkey primary key (review_id),
      constraint access_reviews_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint access_reviews_created_by_fkey foreign key (created_by) references users (user_id) on delete set null,
      constraint access_reviews_name_check check (char_length(name) between 1 and 255),
      constraint access_reviews_description_check check (char_length(description) <= 1000),
      constraint access_reviews_review_type_check check (review_type in ('user_access', 'role_certification', 'periodic')),
      constraint access_reviews_status_check check (status in ('draft', 'active', 'completed', 'cancelled')),
      constraint access_reviews_end_date_check check (end_date >= start_date),
      constraint access_reviews_configuration_check check (jsonb_typeof(configuration) = 'object')
    );
    create index access_reviews_org_id_idx on access_reviews (org_id, review_id);
    create index access_reviews_created_by_idx on access_reviews (created_by) where created_by is not null;
    create index access_reviews_end_date_idx on access_reviews (end_date) where status = 'active';

    create table access_review_items (
      item_id uuid not null,
      review_id uuid not null,
      user_id uuid not null,
      role_id uuid,
      permission_id uuid,
      reviewer_id uuid,
      status text not null default 'pending',
      justification text,
      reviewed_at timestamptz,
      created_at timestamptz not null default now(),
      constraint access_review_items_pkey primary key (item_id),
      constraint access_review_items_review_id_fkey foreign key (review_id) references access_reviews (review_id) on delete cascade,
      constraint access_review_items_user_id_fkey foreign key (user_id) references users (user_id) on delete cascade,
      constraint access_review_items_role_id_fkey foreign key (role_id) references roles (role_id) on delete set null,
      constraint access_review_items_permission_id_fkey
        foreign key (permission_id) references permissions (permission_id) on delete set null,
      constraint access_review_items_reviewer_id_fkey foreign key (reviewer_id) references users (user_id) on delete set null,
      constraint access_review_items_status_check check (status in ('pending', 'approved', 'rejected', 'skipped')),
      constraint access_review_items_justification_check check (char_length(justification) <= 2000)
    );
    create index access_review_items_review_id_idx on access_review_items (review_id, status);
    create index access_review_items_user_id_idx on access_review_items (user_id);
    create index access_review_items_role_id_idx on access_review_items (role_id) where role_id is not null;
    create index access_review_items_permission_id_idx on access_review_items (permission_id) where permission_id is not null;
    create index access_review_items_reviewer_id_idx on access_review_items (reviewer_id, status) where reviewer_id is not null;

    create table access_requests (
      request_id uuid not null,
      org_id uuid not null,
      requester_id uuid not null,
      request_type text not null,
      role_id uuid,
      requested_permissions jsonb not null default '[]',
      justification text,
      status text not null default 'pending',
      approved_by uuid,
      decided_at timestamptz,
      expires_at timestamptz,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint access_requests_pkey primary key (request_id),
      constraint access_requests_org_id_fkey foreign key (org_id) references organizations (org_id) on delete cascade,
      constraint access_requests_requester_id_fkey foreign key (requester_id) references users (user_id) on delete cascade,
      constraint access_requests_role_id_fkey foreign key (role_id) references roles (role_id) on delete set null,
      constraint access_requests_approved_by_fkey foreign key (approved_by) references users (user_id) on delete set null,
      constraint access_requests_request_type_check check (request_type in ('role', 'permission', 'resource_access')),
      constraint access_requests_requested_permissions_check check (jsonb_typeof(requested_permissions) = 'array'),
      constraint access_requests_justification_check check (char_length(justification) <= 2000),
      constraint access_requests_status_check check (status in ('pending', 'approved', 'rejected', 'cancelled'))
    );
    create index access_requests_org_id_idx on access_requests (org_id, request_id);
    create index access_requests_requester_id_idx on access_requests (requester_id, created_at);
    create index access_requests_role_id_idx on access_requests (role_id) where role_id is not null;
    create index access_requests_approved_by_idx on access_requests (approved_by) where approved_by is not null;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table access_requests;
    drop table access_review_items;
    drop table access_reviews;
    alter table invitations drop constraint invitations_role_id_fkey;
    drop table group_roles;
    drop table user_roles;
    drop table role_inheritance;
    drop table role_permissions;
    drop table permissions;
    drop table roles;
  `);
}
