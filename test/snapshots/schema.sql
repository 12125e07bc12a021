CREATE OR REPLACE FUNCTION public.audit_logs_refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
    declare
      sealed record;
    begin
      if tg_op = 'UPDATE' then
        if old.sequence is null and old.previous_hash is null and old.hash is null then
          sealed := new;
          sealed.sequence := null;
          sealed.previous_hash := null;
          sealed.hash := null;
          if not (sealed *<> old) then
            return new;
          end if;
        end if;
      end if;
      raise exception 'audit_logs is append-only: % is refused', tg_op
        using errcode = 'restrict_violation', constraint = 'audit_logs_append_only', table = 'audit_logs',
          hint = 'Old records go by dropping a whole partition, after the retention time.';
    end $function$

CREATE OR REPLACE FUNCTION public.identity_providers_require_certificate()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
    end $function$

CREATE OR REPLACE FUNCTION public.organization_domains_refuse_one_sided_share()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
    end $function$

CREATE OR REPLACE FUNCTION public.scim_email_keys(client_id uuid, attributes jsonb)
 RETURNS bigint[]
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
AS $function$
    begin
      return (select array_agg(hashtextextended(client_id::text || ' ' || lower(e.v ->> 'value'), 0))
        from jsonb_array_elements(
          case when jsonb_typeof(attributes -> 'emails') = 'array' then attributes -> 'emails' else '[]' end) as e(v)
       where jsonb_typeof(e.v) = 'object' and e.v ->> 'value' is not null);
    end
    $function$

create table access_requests (
  request_id uuid not null,
  org_id uuid not null,
  requester_id uuid not null,
  request_type text not null,
  role_id uuid,
  requested_permissions jsonb not null default '[]'::jsonb,
  justification text,
  status text not null default 'pending'::text,
  approved_by uuid,
  decided_at timestamp with time zone,
  expires_at timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint access_requests_approved_by_fkey FOREIGN KEY (approved_by) REFERENCES users(user_id) ON DELETE SET NULL,
  constraint access_requests_justification_check CHECK ((char_length(justification) <= 2000)),
  constraint access_requests_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint access_requests_pkey PRIMARY KEY (request_id),
  constraint access_requests_request_type_check CHECK ((request_type = ANY (ARRAY['role'::text, 'permission'::text, 'resource_access'::text]))),
  constraint access_requests_requested_permissions_check CHECK ((jsonb_typeof(requested_permissions) = 'array'::text)),
  constraint access_requests_requester_id_fkey FOREIGN KEY (requester_id) REFERENCES users(user_id) ON DELETE CASCADE,
  constraint access_requests_role_id_fkey FOREIGN KEY (role_id) REFERENCES roles(role_id) ON DELETE SET NULL,
  constraint access_requests_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'approved'::text, 'rejected'::text, 'cancelled'::text])))
);
CREATE INDEX access_requests_approved_by_idx ON public.access_requests USING btree (approved_by) WHERE (approved_by IS NOT NULL);
CREATE INDEX access_requests_org_id_idx ON public.access_requests USING btree (org_id, request_id);
CREATE INDEX access_requests_requester_id_idx ON public.access_requests USING btree (requester_id, created_at);
CREATE INDEX access_requests_role_id_idx ON public.access_requests USING btree (role_id) WHERE (role_id IS NOT NULL);

create table access_review_items (
  item_id uuid not null,
  review_id uuid not null,
  user_id uuid not null,
  role_id uuid,
  permission_id uuid,
  reviewer_id uuid,
  status text not null default 'pending'::text,
  justification text,
  reviewed_at timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  constraint access_review_items_justification_check CHECK ((char_length(justification) <= 2000)),
  constraint access_review_items_permission_id_fkey FOREIGN KEY (permission_id) REFERENCES permissions(permission_id) ON DELETE SET NULL,
  constraint access_review_items_pkey PRIMARY KEY (item_id),
  constraint access_review_items_review_id_fkey FOREIGN KEY (review_id) REFERENCES access_reviews(review_id) ON DELETE CASCADE,
  constraint access_review_items_reviewer_id_fkey FOREIGN KEY (reviewer_id) REFERENCES users(user_id) ON DELETE SET NULL,
  constraint access_review_items_role_id_fkey FOREIGN KEY (role_id) REFERENCES roles(role_id) ON DELETE SET NULL,
  constraint access_review_items_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'approved'::text, 'rejected'::text, 'skipped'::text]))),
  constraint access_review_items_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE
);
CREATE INDEX access_review_items_permission_id_idx ON public.access_review_items USING btree (permission_id) WHERE (permission_id IS NOT NULL);
CREATE INDEX access_review_items_review_id_idx ON public.access_review_items USING btree (review_id, status);
CREATE INDEX access_review_items_reviewer_id_idx ON public.access_review_items USING btree (reviewer_id, status) WHERE (reviewer_id IS NOT NULL);
CREATE INDEX access_review_items_role_id_idx ON public.access_review_items USING btree (role_id) WHERE (role_id IS NOT NULL);
CREATE INDEX access_review_items_user_id_idx ON public.access_review_items USING btree (user_id);

create table access_reviews (
  review_id uuid not null,
  org_id uuid not null,
  name text not null,
  description text,
  review_type text not null,
  status text not null default 'draft'::text,
  created_by uuid,
  start_date timestamp with time zone,
  end_date timestamp with time zone,
  configuration jsonb not null default '{}'::jsonb,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint access_reviews_configuration_check CHECK ((jsonb_typeof(configuration) = 'object'::text)),
  constraint access_reviews_created_by_fkey FOREIGN KEY (created_by) REFERENCES users(user_id) ON DELETE SET NULL,
  constraint access_reviews_description_check CHECK ((char_length(description) <= 1000)),
  constraint access_reviews_end_date_check CHECK ((end_date >= start_date)),
  constraint access_reviews_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 255))),
  constraint access_reviews_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint access_reviews_pkey PRIMARY KEY (review_id),
  constraint access_reviews_review_type_check CHECK ((review_type = ANY (ARRAY['user_access'::text, 'role_certification'::text, 'periodic'::text]))),
  constraint access_reviews_status_check CHECK ((status = ANY (ARRAY['draft'::text, 'active'::text, 'completed'::text, 'cancelled'::text])))
);
CREATE INDEX access_reviews_created_by_idx ON public.access_reviews USING btree (created_by) WHERE (created_by IS NOT NULL);
CREATE INDEX access_reviews_end_date_idx ON public.access_reviews USING btree (end_date) WHERE (status = 'active'::text);
CREATE INDEX access_reviews_org_id_idx ON public.access_reviews USING btree (org_id, review_id);

create table api_key_rate_limits (
  api_key_id uuid not null,
  policy_id integer not null,
  constraint api_key_rate_limits_api_key_id_fkey FOREIGN KEY (api_key_id) REFERENCES api_keys(api_key_id) ON DELETE CASCADE,
  constraint api_key_rate_limits_pkey PRIMARY KEY (api_key_id, policy_id),
  constraint api_key_rate_limits_policy_id_fkey FOREIGN KEY (policy_id) REFERENCES rate_limit_policies(policy_id) ON DELETE CASCADE
);
CREATE INDEX api_key_rate_limits_policy_id_idx ON public.api_key_rate_limits USING btree (policy_id);

create table api_keys (
  api_key_id uuid not null,
  org_id uuid,
  user_id uuid,
  service_account_id uuid,
  name text not null,
  description text,
  key_hash text not null,
  key_prefix text not null,
  scopes jsonb not null default '[]'::jsonb,
  created_by uuid,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone,
  last_used_at timestamp with time zone,
  revoked boolean not null default false,
  revoked_at timestamp with time zone,
  constraint api_keys_created_by_fkey FOREIGN KEY (created_by) REFERENCES users(user_id) ON DELETE SET NULL,
  constraint api_keys_description_check CHECK ((char_length(description) <= 500)),
  constraint api_keys_key_hash_check CHECK (((char_length(key_hash) >= 43) AND (char_length(key_hash) <= 255))),
  constraint api_keys_key_hash_key UNIQUE (key_hash),
  constraint api_keys_key_prefix_check CHECK (((char_length(key_prefix) >= 1) AND (char_length(key_prefix) <= 32))),
  constraint api_keys_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
  constraint api_keys_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint api_keys_owner_check CHECK ((num_nonnulls(user_id, service_account_id) = 1)),
  constraint api_keys_pkey PRIMARY KEY (api_key_id),
  constraint api_keys_revoked_at_check CHECK ((revoked = (revoked_at IS NOT NULL))),
  constraint api_keys_scopes_check CHECK ((jsonb_typeof(scopes) = 'array'::text)),
  constraint api_keys_service_account_id_fkey FOREIGN KEY (service_account_id) REFERENCES service_accounts(service_account_id) ON DELETE CASCADE,
  constraint api_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE
);
CREATE INDEX api_keys_created_by_idx ON public.api_keys USING btree (created_by) WHERE (created_by IS NOT NULL);
CREATE INDEX api_keys_expires_at_idx ON public.api_keys USING btree (expires_at) WHERE (expires_at IS NOT NULL);
CREATE INDEX api_keys_org_id_idx ON public.api_keys USING btree (org_id, api_key_id);
CREATE INDEX api_keys_service_account_id_idx ON public.api_keys USING btree (service_account_id) WHERE (service_account_id IS NOT NULL);
CREATE INDEX api_keys_user_id_idx ON public.api_keys USING btree (user_id) WHERE (user_id IS NOT NULL);

create table audit_chains (
  chain_id uuid not null,
  sequence bigint not null default 0,
  hash text,
  updated_at timestamp with time zone not null default now(),
  constraint audit_chains_hash_check CHECK (((char_length(hash) >= 43) AND (char_length(hash) <= 255))),
  constraint audit_chains_pkey PRIMARY KEY (chain_id),
  constraint audit_chains_sequence_check CHECK ((sequence >= 0))
);

create table audit_logs (
  log_id uuid not null,
  org_id uuid,
  user_id uuid,
  action text not null,
  object_type text not null,
  object_id text,
  result text not null default 'success'::text,
  actor_type text not null,
  actor_id text,
  actor_label text,
  impersonator_id uuid,
  request_id text,
  ip_address inet,
  user_agent text,
  details jsonb not null default '{}'::jsonb,
  timestamp timestamp with time zone not null default now(),
  sequence bigint,
  previous_hash text,
  hash text,
  constraint audit_logs_action_check CHECK (((char_length(action) >= 1) AND (char_length(action) <= 100))),
  constraint audit_logs_actor_id_check CHECK ((char_length(actor_id) <= 255)),
  constraint audit_logs_actor_label_check CHECK ((char_length(actor_label) <= 512)),
  constraint audit_logs_actor_type_check CHECK ((actor_type ~ '^[a-z][a-z_]{0,49}$'::text)),
  constraint audit_logs_details_check CHECK ((jsonb_typeof(details) = 'object'::text)),
  constraint audit_logs_hash_check CHECK (((char_length(hash) >= 43) AND (char_length(hash) <= 255))),
  constraint audit_logs_object_id_check CHECK (((char_length(object_id) <= 512) AND (octet_length(object_id) <= 2048))),
  constraint audit_logs_object_type_check CHECK (((char_length(object_type) >= 1) AND (char_length(object_type) <= 100))),
  constraint audit_logs_pkey PRIMARY KEY (log_id, "timestamp"),
  constraint audit_logs_previous_hash_check CHECK (((char_length(previous_hash) >= 43) AND (char_length(previous_hash) <= 255))),
  constraint audit_logs_request_id_check CHECK ((char_length(request_id) <= 100)),
  constraint audit_logs_result_check CHECK ((result = ANY (ARRAY['success'::text, 'denied'::text, 'failure'::text]))),
  constraint audit_logs_sequence_check CHECK ((sequence >= 1)),
  constraint audit_logs_user_agent_check CHECK ((char_length(user_agent) <= 512))
) partition by RANGE ("timestamp");
CREATE INDEX audit_logs_action_idx ON ONLY public.audit_logs USING btree (action, "timestamp" DESC);
CREATE INDEX audit_logs_object_idx ON ONLY public.audit_logs USING btree (object_type, object_id, "timestamp" DESC);
CREATE INDEX audit_logs_org_id_idx ON ONLY public.audit_logs USING btree (org_id, "timestamp" DESC, log_id DESC);
CREATE INDEX audit_logs_org_id_log_id_idx ON ONLY public.audit_logs USING btree (org_id, log_id DESC);
CREATE INDEX audit_logs_request_id_idx ON ONLY public.audit_logs USING btree (request_id) WHERE (request_id IS NOT NULL);
CREATE INDEX audit_logs_sequence_idx ON ONLY public.audit_logs USING btree (org_id, sequence) WHERE (sequence IS NOT NULL);
CREATE INDEX audit_logs_unsealed_idx ON ONLY public.audit_logs USING btree ("timestamp", log_id) WHERE (sequence IS NULL);
CREATE INDEX audit_logs_user_id_idx ON ONLY public.audit_logs USING btree (user_id, "timestamp" DESC) WHERE (user_id IS NOT NULL);
CREATE TRIGGER audit_logs_append_only BEFORE DELETE OR UPDATE ON public.audit_logs FOR EACH ROW EXECUTE FUNCTION audit_logs_refuse_change();
CREATE TRIGGER audit_logs_no_truncate BEFORE TRUNCATE ON public.audit_logs FOR EACH STATEMENT EXECUTE FUNCTION audit_logs_refuse_change();
create table audit_logs_default partition of audit_logs default;

create table email_verification_tokens (
  token_id uuid not null,
  token_hash text not null,
  user_id uuid not null,
  email text not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  used_at timestamp with time zone,
  revoked_at timestamp with time zone,
  constraint email_verification_tokens_email_check CHECK ((char_length(email) <= 320)),
  constraint email_verification_tokens_pkey PRIMARY KEY (token_id),
  constraint email_verification_tokens_token_hash_check CHECK (((char_length(token_hash) >= 43) AND (char_length(token_hash) <= 255))),
  constraint email_verification_tokens_token_hash_key UNIQUE (token_hash),
  constraint email_verification_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE
);
CREATE INDEX email_verification_tokens_expires_at_idx ON public.email_verification_tokens USING btree (expires_at);
CREATE INDEX email_verification_tokens_user_id_idx ON public.email_verification_tokens USING btree (user_id, created_at);

create table feature_flags (
  flag_id uuid not null,
  org_id uuid,
  flag_name text not null,
  is_enabled boolean not null default false,
  configuration jsonb not null default '{}'::jsonb,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint feature_flags_configuration_check CHECK ((jsonb_typeof(configuration) = 'object'::text)),
  constraint feature_flags_flag_name_check CHECK (((char_length(flag_name) >= 1) AND (char_length(flag_name) <= 100))),
  constraint feature_flags_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint feature_flags_pkey PRIMARY KEY (flag_id)
);
CREATE INDEX feature_flags_org_id_idx ON public.feature_flags USING btree (org_id, flag_id);
CREATE UNIQUE INDEX feature_flags_org_name_key ON public.feature_flags USING btree (COALESCE(org_id, '00000000-0000-0000-0000-000000000000'::uuid), flag_name);

create table federated_identities (
  identity_id uuid not null,
  user_id uuid not null,
  provider_id uuid not null,
  external_id text not null,
  attributes jsonb not null default '{}'::jsonb,
  provider_email text,
  provider_email_verified boolean not null default false,
  provider_name text,
  provider_picture text,
  access_token_encrypted text,
  refresh_token_encrypted text,
  token_expires_at timestamp with time zone,
  last_sync_at timestamp with time zone,
  last_login_at timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint federated_identities_access_token_encrypted_check CHECK ((char_length(access_token_encrypted) <= 16384)),
  constraint federated_identities_attributes_check CHECK ((jsonb_typeof(attributes) = 'object'::text)),
  constraint federated_identities_external_id_check CHECK ((((char_length(external_id) >= 1) AND (char_length(external_id) <= 1024)) AND (octet_length(external_id) <= 2048))),
  constraint federated_identities_pkey PRIMARY KEY (identity_id),
  constraint federated_identities_provider_email_check CHECK ((char_length(provider_email) <= 320)),
  constraint federated_identities_provider_id_external_id_key UNIQUE (provider_id, external_id),
  constraint federated_identities_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES identity_providers(provider_id) ON DELETE CASCADE,
  constraint federated_identities_provider_name_check CHECK ((char_length(provider_name) <= 255)),
  constraint federated_identities_provider_picture_check CHECK ((char_length(provider_picture) <= 2048)),
  constraint federated_identities_refresh_token_encrypted_check CHECK ((char_length(refresh_token_encrypted) <= 16384)),
  constraint federated_identities_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX federated_identities_provider_id_user_id_key ON public.federated_identities USING btree (provider_id, user_id);
CREATE INDEX federated_identities_user_id_idx ON public.federated_identities USING btree (user_id);

create table federation_attempts (
  attempt_id uuid not null,
  org_id uuid,
  provider_id uuid,
  user_id uuid,
  reference text not null,
  result text not null,
  code text,
  checks jsonb not null default '[]'::jsonb,
  attributes jsonb not null default '{}'::jsonb,
  subject_hash text,
  request_id text,
  ip_address inet,
  user_agent text,
  timestamp timestamp with time zone not null default now(),
  constraint federation_attempts_code_check CHECK (((char_length(code) >= 1) AND (char_length(code) <= 100))),
  constraint federation_attempts_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint federation_attempts_pkey PRIMARY KEY (attempt_id, "timestamp"),
  constraint federation_attempts_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES identity_providers(provider_id) ON DELETE SET NULL,
  constraint federation_attempts_reference_check CHECK (((char_length(reference) >= 1) AND (char_length(reference) <= 64))),
  constraint federation_attempts_request_id_check CHECK ((char_length(request_id) <= 255)),
  constraint federation_attempts_result_check CHECK ((result = ANY (ARRAY['success'::text, 'denied'::text, 'failure'::text]))),
  constraint federation_attempts_subject_hash_check CHECK (((char_length(subject_hash) >= 43) AND (char_length(subject_hash) <= 255))),
  constraint federation_attempts_user_agent_check CHECK ((char_length(user_agent) <= 512)),
  constraint federation_attempts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE SET NULL
) partition by RANGE ("timestamp");
CREATE INDEX federation_attempts_org_id_idx ON ONLY public.federation_attempts USING btree (org_id, attempt_id DESC);
CREATE INDEX federation_attempts_provider_id_idx ON ONLY public.federation_attempts USING btree (provider_id, "timestamp" DESC);
CREATE INDEX federation_attempts_reference_idx ON ONLY public.federation_attempts USING btree (reference);
CREATE INDEX federation_attempts_user_id_idx ON ONLY public.federation_attempts USING btree (user_id, "timestamp" DESC) WHERE (user_id IS NOT NULL);
create table federation_attempts_default partition of federation_attempts default;

create table federation_handoffs (
  code_hash text not null,
  provider_id uuid not null,
  user_id uuid not null,
  attempt_id text,
  browser_hash text,
  result_encrypted text not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  constraint federation_handoffs_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES signin_attempts(attempt_id) ON DELETE CASCADE,
  constraint federation_handoffs_browser_hash_check CHECK (((char_length(browser_hash) >= 43) AND (char_length(browser_hash) <= 255))),
  constraint federation_handoffs_code_hash_check CHECK (((char_length(code_hash) >= 43) AND (char_length(code_hash) <= 255))),
  constraint federation_handoffs_pkey PRIMARY KEY (code_hash),
  constraint federation_handoffs_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES identity_providers(provider_id) ON DELETE CASCADE,
  constraint federation_handoffs_result_encrypted_check CHECK ((char_length(result_encrypted) <= 16384)),
  constraint federation_handoffs_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE
);
CREATE INDEX federation_handoffs_attempt_id_idx ON public.federation_handoffs USING btree (attempt_id) WHERE (attempt_id IS NOT NULL);
CREATE INDEX federation_handoffs_expires_at_idx ON public.federation_handoffs USING btree (expires_at);
CREATE INDEX federation_handoffs_provider_id_idx ON public.federation_handoffs USING btree (provider_id);
CREATE INDEX federation_handoffs_user_id_idx ON public.federation_handoffs USING btree (user_id);

create table group_roles (
  group_id uuid not null,
  role_id uuid not null,
  assigned_by uuid,
  assigned_at timestamp with time zone not null default now(),
  constraint group_roles_assigned_by_fkey FOREIGN KEY (assigned_by) REFERENCES users(user_id) ON DELETE SET NULL,
  constraint group_roles_group_id_fkey FOREIGN KEY (group_id) REFERENCES user_groups(group_id) ON DELETE CASCADE,
  constraint group_roles_pkey PRIMARY KEY (group_id, role_id),
  constraint group_roles_role_id_fkey FOREIGN KEY (role_id) REFERENCES roles(role_id) ON DELETE CASCADE
);
CREATE INDEX group_roles_assigned_by_idx ON public.group_roles USING btree (assigned_by) WHERE (assigned_by IS NOT NULL);
CREATE INDEX group_roles_role_id_idx ON public.group_roles USING btree (role_id);

create table idempotency_keys (
  actor_key text not null,
  key text not null,
  route text not null,
  request_hash text not null,
  status text not null default 'pending'::text,
  reply text,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  constraint idempotency_keys_actor_key_check CHECK (((char_length(actor_key) >= 1) AND (char_length(actor_key) <= 255))),
  constraint idempotency_keys_key_check CHECK (((char_length(key) >= 1) AND (char_length(key) <= 255))),
  constraint idempotency_keys_pkey PRIMARY KEY (actor_key, key),
  constraint idempotency_keys_reply_check CHECK (((status = 'done'::text) = (reply IS NOT NULL))),
  constraint idempotency_keys_request_hash_check CHECK (((char_length(request_hash) >= 43) AND (char_length(request_hash) <= 255))),
  constraint idempotency_keys_route_check CHECK (((char_length(route) >= 1) AND (char_length(route) <= 255))),
  constraint idempotency_keys_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'done'::text])))
);
CREATE INDEX idempotency_keys_expires_at_idx ON public.idempotency_keys USING btree (expires_at);

create table identity_provider_certificates (
  certificate_id uuid not null,
  provider_id uuid not null,
  pem text not null,
  fingerprint_sha256 text not null,
  subject text,
  not_before timestamp with time zone,
  not_after timestamp with time zone,
  source text not null default 'manual'::text,
  status text not null default 'active'::text,
  added_at timestamp with time zone not null default now(),
  last_used_at timestamp with time zone,
  constraint identity_provider_certificates_fingerprint_sha256_check CHECK (((char_length(fingerprint_sha256) >= 43) AND (char_length(fingerprint_sha256) <= 95))),
  constraint identity_provider_certificates_not_after_check CHECK ((not_after >= not_before)),
  constraint identity_provider_certificates_pem_check CHECK (((char_length(pem) >= 1) AND (char_length(pem) <= 32768))),
  constraint identity_provider_certificates_pkey PRIMARY KEY (certificate_id),
  constraint identity_provider_certificates_provider_id_fingerprint_key UNIQUE (provider_id, fingerprint_sha256),
  constraint identity_provider_certificates_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES identity_providers(provider_id) ON DELETE CASCADE,
  constraint identity_provider_certificates_source_check CHECK ((source = ANY (ARRAY['manual'::text, 'metadata'::text]))),
  constraint identity_provider_certificates_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'active'::text, 'retired'::text]))),
  constraint identity_provider_certificates_subject_check CHECK ((char_length(subject) <= 1024))
);
CREATE INDEX identity_provider_certificates_not_after_idx ON public.identity_provider_certificates USING btree (not_after) WHERE (status = 'active'::text);
CREATE CONSTRAINT TRIGGER identity_provider_certificates_last_check AFTER DELETE OR UPDATE ON public.identity_provider_certificates DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((old.status = 'active'::text)) EXECUTE FUNCTION identity_providers_require_certificate();

create table identity_providers (
  provider_id uuid not null,
  org_id uuid,
  type text not null,
  name text not null,
  config jsonb not null default '{}'::jsonb,
  secret_encrypted text,
  attribute_mapping jsonb not null default '{}'::jsonb,
  auto_provision boolean not null default false,
  enabled boolean not null default false,
  created_by uuid,
  last_used_at timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint identity_providers_attribute_mapping_check CHECK ((jsonb_typeof(attribute_mapping) = 'object'::text)),
  constraint identity_providers_config_check CHECK ((jsonb_typeof(config) = 'object'::text)),
  constraint identity_providers_created_by_fkey FOREIGN KEY (created_by) REFERENCES users(user_id) ON DELETE SET NULL,
  constraint identity_providers_entity_id_check CHECK (((octet_length((config ->> 'idp_entity_id'::text)) >= 1) AND (octet_length((config ->> 'idp_entity_id'::text)) <= 2048))),
  constraint identity_providers_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 255))),
  constraint identity_providers_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint identity_providers_owner_check CHECK (((org_id IS NOT NULL) OR (type = ANY (ARRAY['oidc'::text, 'social'::text])))),
  constraint identity_providers_pkey PRIMARY KEY (provider_id),
  constraint identity_providers_secret_encrypted_check CHECK ((char_length(secret_encrypted) <= 16384)),
  constraint identity_providers_type_check CHECK ((type = ANY (ARRAY['saml'::text, 'oidc'::text, 'social'::text, 'ldap'::text])))
);
CREATE INDEX identity_providers_created_by_idx ON public.identity_providers USING btree (created_by) WHERE (created_by IS NOT NULL);
CREATE UNIQUE INDEX identity_providers_org_entity_id_key ON public.identity_providers USING btree (org_id, ((config ->> 'idp_entity_id'::text))) WHERE (type = 'saml'::text);
CREATE INDEX identity_providers_org_id_idx ON public.identity_providers USING btree (org_id, provider_id);
CREATE CONSTRAINT TRIGGER identity_providers_certificate_check AFTER INSERT OR UPDATE OF type, enabled ON public.identity_providers DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (((new.type = 'saml'::text) AND new.enabled)) EXECUTE FUNCTION identity_providers_require_certificate();

create table impersonation_logs (
  log_id uuid not null,
  admin_user_id uuid,
  impersonated_user_id uuid,
  org_id uuid,
  session_id uuid,
  reason text,
  started_at timestamp with time zone not null default now(),
  ended_at timestamp with time zone,
  ip_address inet,
  user_agent text,
  constraint impersonation_logs_admin_user_id_fkey FOREIGN KEY (admin_user_id) REFERENCES users(user_id) ON DELETE SET NULL,
  constraint impersonation_logs_ended_at_check CHECK ((ended_at >= started_at)),
  constraint impersonation_logs_impersonated_user_id_fkey FOREIGN KEY (impersonated_user_id) REFERENCES users(user_id) ON DELETE SET NULL,
  constraint impersonation_logs_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint impersonation_logs_pkey PRIMARY KEY (log_id, started_at),
  constraint impersonation_logs_reason_check CHECK ((char_length(reason) <= 1000)),
  constraint impersonation_logs_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions(session_id) ON DELETE SET NULL,
  constraint impersonation_logs_user_agent_check CHECK ((char_length(user_agent) <= 512))
) partition by RANGE (started_at);
CREATE INDEX impersonation_logs_admin_user_id_idx ON ONLY public.impersonation_logs USING btree (admin_user_id, started_at);
CREATE INDEX impersonation_logs_impersonated_user_id_idx ON ONLY public.impersonation_logs USING btree (impersonated_user_id, started_at);
CREATE INDEX impersonation_logs_org_id_idx ON ONLY public.impersonation_logs USING btree (org_id, started_at);
CREATE INDEX impersonation_logs_session_id_idx ON ONLY public.impersonation_logs USING btree (session_id) WHERE (session_id IS NOT NULL);
create table impersonation_logs_default partition of impersonation_logs default;

create table invitations (
  invitation_id uuid not null,
  org_id uuid not null,
  email text not null,
  token_hash text not null,
  role_id uuid,
  invited_by uuid,
  accepted_user_id uuid,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  accepted_at timestamp with time zone,
  revoked_at timestamp with time zone,
  constraint invitations_accepted_user_id_fkey FOREIGN KEY (accepted_user_id) REFERENCES users(user_id) ON DELETE SET NULL,
  constraint invitations_email_check CHECK (((char_length(email) <= 320) AND (email ~ '^[^[:space:]]+@[^[:space:]@]+$'::text))),
  constraint invitations_invited_by_fkey FOREIGN KEY (invited_by) REFERENCES users(user_id) ON DELETE SET NULL,
  constraint invitations_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint invitations_outcome_check CHECK (((accepted_at IS NULL) OR (revoked_at IS NULL))),
  constraint invitations_pkey PRIMARY KEY (invitation_id),
  constraint invitations_role_id_fkey FOREIGN KEY (role_id) REFERENCES roles(role_id) ON DELETE SET NULL,
  constraint invitations_token_hash_check CHECK (((char_length(token_hash) >= 43) AND (char_length(token_hash) <= 255))),
  constraint invitations_token_hash_key UNIQUE (token_hash)
);
CREATE INDEX invitations_accepted_user_id_idx ON public.invitations USING btree (accepted_user_id) WHERE (accepted_user_id IS NOT NULL);
CREATE INDEX invitations_expires_at_idx ON public.invitations USING btree (expires_at);
CREATE INDEX invitations_invited_by_idx ON public.invitations USING btree (invited_by) WHERE (invited_by IS NOT NULL);
CREATE UNIQUE INDEX invitations_org_email_key ON public.invitations USING btree (org_id, lower(email)) WHERE ((accepted_at IS NULL) AND (revoked_at IS NULL));
CREATE INDEX invitations_org_id_idx ON public.invitations USING btree (org_id, invitation_id);
CREATE INDEX invitations_role_id_idx ON public.invitations USING btree (role_id) WHERE (role_id IS NOT NULL);

create table jobs (
  job_id uuid not null,
  kind text not null,
  org_id uuid,
  payload jsonb not null default '{}'::jsonb,
  dedupe_key text,
  run_at timestamp with time zone not null default now(),
  attempts integer not null default 0,
  max_attempts integer not null default 10,
  leased_until timestamp with time zone,
  lease_owner text,
  last_error text,
  created_at timestamp with time zone not null default now(),
  finished_at timestamp with time zone,
  constraint jobs_attempts_check CHECK ((attempts >= 0)),
  constraint jobs_dedupe_key_check CHECK (((char_length(dedupe_key) >= 1) AND (char_length(dedupe_key) <= 255))),
  constraint jobs_dedupe_key_key UNIQUE (dedupe_key),
  constraint jobs_kind_check CHECK (((char_length(kind) >= 1) AND (char_length(kind) <= 100))),
  constraint jobs_last_error_check CHECK ((char_length(last_error) <= 4000)),
  constraint jobs_lease_check CHECK (((leased_until IS NULL) = (lease_owner IS NULL))),
  constraint jobs_lease_owner_check CHECK ((char_length(lease_owner) <= 255)),
  constraint jobs_max_attempts_check CHECK ((max_attempts >= 1)),
  constraint jobs_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint jobs_payload_check CHECK ((jsonb_typeof(payload) = 'object'::text)),
  constraint jobs_pkey PRIMARY KEY (job_id)
);
CREATE INDEX jobs_due_idx ON public.jobs USING btree (run_at, job_id) WHERE (finished_at IS NULL);
CREATE INDEX jobs_finished_at_idx ON public.jobs USING btree (finished_at) WHERE (finished_at IS NOT NULL);
CREATE INDEX jobs_kind_idx ON public.jobs USING btree (kind, created_at);
CREATE INDEX jobs_org_id_idx ON public.jobs USING btree (org_id, job_id DESC);

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
  timestamp timestamp with time zone not null default now(),
  constraint login_attempts_email_attempted_check CHECK ((char_length(email_attempted) <= 320)),
  constraint login_attempts_failure_reason_check CHECK ((char_length(failure_reason) <= 255)),
  constraint login_attempts_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint login_attempts_pkey PRIMARY KEY (attempt_id, "timestamp"),
  constraint login_attempts_request_id_check CHECK ((char_length(request_id) <= 100)),
  constraint login_attempts_user_agent_check CHECK ((char_length(user_agent) <= 512)),
  constraint login_attempts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE SET NULL
) partition by RANGE ("timestamp");
CREATE INDEX login_attempts_email_attempted_idx ON ONLY public.login_attempts USING btree (lower(email_attempted), "timestamp");
CREATE INDEX login_attempts_ip_address_idx ON ONLY public.login_attempts USING btree (ip_address, "timestamp");
CREATE INDEX login_attempts_org_id_idx ON ONLY public.login_attempts USING btree (org_id, "timestamp");
CREATE INDEX login_attempts_user_id_idx ON ONLY public.login_attempts USING btree (user_id, "timestamp");
create table login_attempts_default partition of login_attempts default;

create table mails (
  mail_id uuid not null,
  to_address text not null,
  subject text not null,
  text text not null,
  html text,
  attempts integer not null default 0,
  error text,
  claimed_until timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  sent_at timestamp with time zone,
  constraint mails_attempts_check CHECK ((attempts >= 0)),
  constraint mails_error_check CHECK ((char_length(error) <= 4000)),
  constraint mails_pkey PRIMARY KEY (mail_id),
  constraint mails_subject_check CHECK ((char_length(subject) <= 998)),
  constraint mails_to_address_check CHECK (((char_length(to_address) >= 3) AND (char_length(to_address) <= 320)))
);
CREATE INDEX mails_created_at_idx ON public.mails USING btree (created_at DESC, mail_id DESC);
CREATE INDEX mails_to_address_idx ON public.mails USING btree (lower(to_address), created_at DESC);
CREATE INDEX mails_unsent_idx ON public.mails USING btree (mail_id) WHERE (sent_at IS NULL);

create table metrics_events (
  event_id uuid not null,
  user_id uuid,
  org_id uuid,
  event_type text not null,
  event_timestamp timestamp with time zone not null default now(),
  metadata jsonb not null default '{}'::jsonb,
  constraint metrics_events_event_type_check CHECK (((char_length(event_type) >= 1) AND (char_length(event_type) <= 100))),
  constraint metrics_events_metadata_check CHECK ((jsonb_typeof(metadata) = 'object'::text)),
  constraint metrics_events_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint metrics_events_pkey PRIMARY KEY (event_id, event_timestamp),
  constraint metrics_events_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE SET NULL
) partition by RANGE (event_timestamp);
CREATE INDEX metrics_events_event_type_idx ON ONLY public.metrics_events USING btree (event_type, event_timestamp);
CREATE INDEX metrics_events_org_id_idx ON ONLY public.metrics_events USING btree (org_id, event_timestamp);
CREATE INDEX metrics_events_user_id_idx ON ONLY public.metrics_events USING btree (user_id, event_timestamp) WHERE (user_id IS NOT NULL);
create table metrics_events_default partition of metrics_events default;

create table mfa_backup_codes (
  code_id uuid not null,
  user_id uuid not null,
  code_hash text not null,
  created_at timestamp with time zone not null default now(),
  used_at timestamp with time zone,
  constraint mfa_backup_codes_code_hash_check CHECK (((char_length(code_hash) >= 43) AND (char_length(code_hash) <= 255))),
  constraint mfa_backup_codes_pkey PRIMARY KEY (code_id),
  constraint mfa_backup_codes_user_id_code_hash_key UNIQUE (user_id, code_hash),
  constraint mfa_backup_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE
);

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
  created_at timestamp with time zone not null default now(),
  last_used timestamp with time zone,
  constraint mfa_devices_destination_check CHECK ((char_length(destination) <= 320)),
  constraint mfa_devices_device_name_check CHECK (((char_length(device_name) >= 1) AND (char_length(device_name) <= 100))),
  constraint mfa_devices_pkey PRIMARY KEY (device_id),
  constraint mfa_devices_secret_encrypted_check CHECK (((char_length(secret_encrypted) <= 4096) AND ((type <> 'totp'::text) OR (secret_encrypted IS NOT NULL)))),
  constraint mfa_devices_type_check CHECK ((type = ANY (ARRAY['totp'::text, 'sms'::text, 'email'::text, 'webauthn'::text]))),
  constraint mfa_devices_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX mfa_devices_primary_key ON public.mfa_devices USING btree (user_id) WHERE is_primary;
CREATE INDEX mfa_devices_user_id_idx ON public.mfa_devices USING btree (user_id);

create table notification_templates (
  template_id uuid not null,
  org_id uuid,
  name text not null,
  channel text not null,
  subject text,
  template_body text not null,
  variables jsonb not null default '{}'::jsonb,
  is_active boolean not null default true,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint notification_templates_channel_check CHECK ((channel = ANY (ARRAY['email'::text, 'sms'::text, 'in_app'::text]))),
  constraint notification_templates_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
  constraint notification_templates_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint notification_templates_pkey PRIMARY KEY (template_id),
  constraint notification_templates_subject_check CHECK ((char_length(subject) <= 255)),
  constraint notification_templates_template_body_check CHECK ((char_length(template_body) <= 65536)),
  constraint notification_templates_variables_check CHECK ((jsonb_typeof(variables) = ANY (ARRAY['object'::text, 'array'::text])))
);
CREATE INDEX notification_templates_org_id_idx ON public.notification_templates USING btree (org_id, template_id);
CREATE UNIQUE INDEX notification_templates_org_name_key ON public.notification_templates USING btree (COALESCE(org_id, '00000000-0000-0000-0000-000000000000'::uuid), lower(name), channel);

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
  expires_at timestamp with time zone not null,
  constraint oidc_access_tokens_client_id_check CHECK (((num_nonnulls(client_id, scim_client_id) = 1) AND ((scim_client_id IS NULL) OR (kind = 'ClientCredentials'::text)))),
  constraint oidc_access_tokens_client_id_fkey FOREIGN KEY (client_id) REFERENCES oidc_clients(client_id) ON DELETE CASCADE,
  constraint oidc_access_tokens_grant_id_check CHECK (((kind = 'AccessToken'::text) = ((grant_id IS NOT NULL) AND (family_id IS NOT NULL)))),
  constraint oidc_access_tokens_grant_id_fkey FOREIGN KEY (grant_id) REFERENCES oidc_grants(grant_id) ON DELETE CASCADE,
  constraint oidc_access_tokens_id_hash_check CHECK ((char_length(id_hash) = 43)),
  constraint oidc_access_tokens_kind_check CHECK ((kind = ANY (ARRAY['AccessToken'::text, 'ClientCredentials'::text]))),
  constraint oidc_access_tokens_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint oidc_access_tokens_pkey PRIMARY KEY (id_hash),
  constraint oidc_access_tokens_scim_client_id_fkey FOREIGN KEY (scim_client_id) REFERENCES scim_clients(client_id) ON DELETE CASCADE,
  constraint oidc_access_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions(session_id) ON DELETE CASCADE
);
CREATE INDEX oidc_access_tokens_client_id_idx ON public.oidc_access_tokens USING btree (client_id);
CREATE INDEX oidc_access_tokens_expires_at_idx ON public.oidc_access_tokens USING btree (expires_at);
CREATE INDEX oidc_access_tokens_grant_id_idx ON public.oidc_access_tokens USING btree (grant_id) WHERE (grant_id IS NOT NULL);
CREATE INDEX oidc_access_tokens_org_id_idx ON public.oidc_access_tokens USING btree (org_id) WHERE (org_id IS NOT NULL);
CREATE INDEX oidc_access_tokens_scim_client_id_idx ON public.oidc_access_tokens USING btree (scim_client_id) WHERE (scim_client_id IS NOT NULL);
CREATE INDEX oidc_access_tokens_session_id_idx ON public.oidc_access_tokens USING btree (session_id) WHERE (session_id IS NOT NULL);

create unlogged table oidc_artifacts (
  id_hash text not null,
  kind text not null,
  grant_id uuid,
  family_id uuid,
  session_id uuid,
  session_uid text,
  session_bound boolean not null default false,
  payload jsonb not null,
  consumed_at timestamp with time zone,
  expires_at timestamp with time zone not null,
  constraint oidc_artifacts_grant_id_check CHECK (((kind = 'AuthorizationCode'::text) = ((grant_id IS NOT NULL) AND (family_id IS NOT NULL)))),
  constraint oidc_artifacts_grant_id_fkey FOREIGN KEY (grant_id) REFERENCES oidc_grants(grant_id) ON DELETE CASCADE,
  constraint oidc_artifacts_id_hash_check CHECK ((char_length(id_hash) = 43)),
  constraint oidc_artifacts_kind_check CHECK ((kind = ANY (ARRAY['AuthorizationCode'::text, 'Interaction'::text, 'PushedAuthorizationRequest'::text]))),
  constraint oidc_artifacts_pkey PRIMARY KEY (id_hash),
  constraint oidc_artifacts_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions(session_id) ON DELETE CASCADE
) with (fillfactor=50);
CREATE INDEX oidc_artifacts_expires_at_idx ON public.oidc_artifacts USING btree (expires_at);
CREATE INDEX oidc_artifacts_grant_id_idx ON public.oidc_artifacts USING btree (grant_id) WHERE (grant_id IS NOT NULL);
CREATE INDEX oidc_artifacts_session_id_idx ON public.oidc_artifacts USING btree (session_id) WHERE (session_id IS NOT NULL);

create table oidc_clients (
  client_id uuid not null,
  org_id uuid,
  client_name text not null,
  application_type text not null default 'web'::text,
  client_uri text,
  logo_uri text,
  policy_uri text,
  tos_uri text,
  contacts text[] not null default '{}'::text[],
  redirect_uris text[] not null default '{}'::text[],
  post_logout_redirect_uris text[] not null default '{}'::text[],
  grant_types text[] not null default '{authorization_code}'::text[],
  response_types text[] not null default '{code}'::text[],
  token_endpoint_auth_method text not null default 'client_secret_basic'::text,
  id_token_signed_response_alg text not null default 'ES256'::text,
  scope text,
  default_max_age integer,
  default_acr_values text[] not null default '{}'::text[],
  require_auth_time boolean not null default false,
  initiate_login_uri text,
  jwks jsonb,
  jwks_uri text,
  require_pkce boolean not null default true,
  require_pushed_authorization_requests boolean not null default false,
  first_party boolean not null default false,
  resource_uri text,
  resource_scope text,
  resource_token_format text not null default 'opaque'::text,
  secret_hash text,
  secret_created_at timestamp with time zone,
  previous_secret_hash text,
  previous_secret_expires_at timestamp with time zone,
  enabled boolean not null default true,
  version bigint not null default 1,
  created_by uuid,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint oidc_clients_application_type_check CHECK ((application_type = ANY (ARRAY['web'::text, 'native'::text]))),
  constraint oidc_clients_client_credentials_check CHECK (((token_endpoint_auth_method <> 'none'::text) OR (NOT ('client_credentials'::text = ANY (grant_types))))),
  constraint oidc_clients_client_name_check CHECK (((char_length(client_name) >= 1) AND (char_length(client_name) <= 200))),
  constraint oidc_clients_contacts_check CHECK ((cardinality(contacts) <= 20)),
  constraint oidc_clients_created_by_fkey FOREIGN KEY (created_by) REFERENCES users(user_id) ON DELETE SET NULL,
  constraint oidc_clients_default_max_age_check CHECK ((default_max_age >= 0)),
  constraint oidc_clients_grant_types_check CHECK ((grant_types <@ ARRAY['authorization_code'::text, 'refresh_token'::text, 'client_credentials'::text])),
  constraint oidc_clients_id_token_signed_response_alg_check CHECK ((id_token_signed_response_alg = ANY (ARRAY['ES256'::text, 'RS256'::text, 'EdDSA'::text]))),
  constraint oidc_clients_jwks_check CHECK (((jwks IS NULL) OR ((jsonb_typeof(jwks) = 'object'::text) AND (jwks_uri IS NULL)))),
  constraint oidc_clients_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint oidc_clients_pkey PRIMARY KEY (client_id),
  constraint oidc_clients_post_logout_redirect_uris_check CHECK ((cardinality(post_logout_redirect_uris) <= 50)),
  constraint oidc_clients_redirect_uris_check CHECK ((cardinality(redirect_uris) <= 50)),
  constraint oidc_clients_require_pkce_check CHECK ((require_pkce OR (token_endpoint_auth_method <> 'none'::text))),
  constraint oidc_clients_resource_scope_check CHECK (((resource_scope IS NULL) OR ((char_length(resource_scope) <= 4000) AND (resource_uri IS NOT NULL)))),
  constraint oidc_clients_resource_token_format_check CHECK ((resource_token_format = ANY (ARRAY['opaque'::text, 'jwt'::text]))),
  constraint oidc_clients_resource_uri_check CHECK ((char_length(resource_uri) <= 2048)),
  constraint oidc_clients_response_types_check CHECK ((response_types <@ ARRAY['code'::text])),
  constraint oidc_clients_scope_check CHECK ((char_length(scope) <= 4000)),
  constraint oidc_clients_secret_hash_check CHECK (((secret_hash IS NOT NULL) = (token_endpoint_auth_method = ANY (ARRAY['client_secret_basic'::text, 'client_secret_post'::text])))),
  constraint oidc_clients_token_endpoint_auth_method_check CHECK ((token_endpoint_auth_method = ANY (ARRAY['client_secret_basic'::text, 'client_secret_post'::text, 'private_key_jwt'::text, 'none'::text])))
);
CREATE INDEX oidc_clients_created_by_idx ON public.oidc_clients USING btree (created_by) WHERE (created_by IS NOT NULL);
CREATE INDEX oidc_clients_org_id_idx ON public.oidc_clients USING btree (org_id, client_id);
CREATE UNIQUE INDEX oidc_clients_owner_resource_uri_key ON public.oidc_clients USING btree (COALESCE(org_id, '00000000-0000-0000-0000-000000000000'::uuid), resource_uri) WHERE (resource_uri IS NOT NULL);
CREATE INDEX oidc_clients_resource_uri_idx ON public.oidc_clients USING btree (resource_uri) WHERE (resource_uri IS NOT NULL);

create table oidc_grants (
  grant_id uuid not null,
  user_id uuid not null,
  client_id uuid not null,
  org_id uuid,
  payload jsonb not null,
  dead_families text[] not null default '{}'::text[],
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  revoked_at timestamp with time zone,
  revocation_reason text,
  constraint oidc_grants_client_id_fkey FOREIGN KEY (client_id) REFERENCES oidc_clients(client_id) ON DELETE CASCADE,
  constraint oidc_grants_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint oidc_grants_payload_check CHECK ((jsonb_typeof(payload) = 'object'::text)),
  constraint oidc_grants_pkey PRIMARY KEY (grant_id),
  constraint oidc_grants_revocation_reason_check CHECK ((char_length(revocation_reason) <= 100)),
  constraint oidc_grants_revoked_at_check CHECK (((revoked_at IS NOT NULL) OR (revocation_reason IS NULL))),
  constraint oidc_grants_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE
);
CREATE INDEX oidc_grants_client_id_idx ON public.oidc_grants USING btree (client_id);
CREATE INDEX oidc_grants_dead_families_idx ON public.oidc_grants USING btree (updated_at) WHERE (dead_families <> '{}'::text[]);
CREATE INDEX oidc_grants_expires_at_idx ON public.oidc_grants USING btree (expires_at);
CREATE INDEX oidc_grants_org_id_idx ON public.oidc_grants USING btree (org_id) WHERE (org_id IS NOT NULL);
CREATE INDEX oidc_grants_revoked_at_idx ON public.oidc_grants USING btree (revoked_at) WHERE (revoked_at IS NOT NULL);
CREATE UNIQUE INDEX oidc_grants_user_client_org_key ON public.oidc_grants USING btree (user_id, client_id, COALESCE(org_id, '00000000-0000-0000-0000-000000000000'::uuid)) WHERE (revoked_at IS NULL);
CREATE INDEX oidc_grants_user_id_idx ON public.oidc_grants USING btree (user_id, grant_id);

create table oidc_refresh_tokens (
  id_hash text not null,
  grant_id uuid not null,
  family_id uuid not null,
  session_id uuid,
  session_uid text,
  session_bound boolean not null default true,
  payload jsonb not null,
  created_at timestamp with time zone not null default now(),
  consumed_at timestamp with time zone,
  expires_at timestamp with time zone not null,
  constraint oidc_refresh_tokens_grant_id_fkey FOREIGN KEY (grant_id) REFERENCES oidc_grants(grant_id) ON DELETE CASCADE,
  constraint oidc_refresh_tokens_id_hash_check CHECK ((char_length(id_hash) = 43)),
  constraint oidc_refresh_tokens_pkey PRIMARY KEY (id_hash),
  constraint oidc_refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions(session_id) ON DELETE SET NULL
);
CREATE INDEX oidc_refresh_tokens_expires_at_idx ON public.oidc_refresh_tokens USING btree (expires_at);
CREATE INDEX oidc_refresh_tokens_grant_id_idx ON public.oidc_refresh_tokens USING btree (grant_id);
CREATE INDEX oidc_refresh_tokens_session_id_idx ON public.oidc_refresh_tokens USING btree (session_id) WHERE (session_id IS NOT NULL);

create table oidc_replay (
  id_hash text not null,
  expires_at timestamp with time zone not null,
  constraint oidc_replay_id_hash_check CHECK ((char_length(id_hash) = 43)),
  constraint oidc_replay_pkey PRIMARY KEY (id_hash)
);
CREATE INDEX oidc_replay_expires_at_idx ON public.oidc_replay USING btree (expires_at);

create table oidc_sessions (
  id_hash text not null,
  uid text not null,
  user_id uuid,
  session_id uuid,
  payload jsonb not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  constraint oidc_sessions_id_hash_check CHECK ((char_length(id_hash) = 43)),
  constraint oidc_sessions_pkey PRIMARY KEY (id_hash),
  constraint oidc_sessions_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions(session_id) ON DELETE CASCADE,
  constraint oidc_sessions_uid_key UNIQUE (uid),
  constraint oidc_sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE
);
CREATE INDEX oidc_sessions_expires_at_idx ON public.oidc_sessions USING btree (expires_at);
CREATE INDEX oidc_sessions_session_id_idx ON public.oidc_sessions USING btree (session_id) WHERE (session_id IS NOT NULL);
CREATE INDEX oidc_sessions_user_id_idx ON public.oidc_sessions USING btree (user_id) WHERE (user_id IS NOT NULL);

create table org_login_methods (
  org_id uuid not null,
  method text not null,
  enabled boolean not null,
  updated_at timestamp with time zone not null default now(),
  constraint org_login_methods_method_check CHECK ((method = ANY (ARRAY['password'::text, 'saml'::text, 'oidc'::text, 'social'::text, 'ldap'::text, 'passkey'::text, 'email_code'::text]))),
  constraint org_login_methods_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint org_login_methods_pkey PRIMARY KEY (org_id, method)
);

create table organization_domains (
  org_id uuid not null,
  domain text not null,
  verification_token text not null,
  verified_at timestamp with time zone,
  verified_by text,
  is_shared boolean not null default false,
  last_checked_at timestamp with time zone,
  last_check_error text,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint organization_domains_domain_check CHECK (((char_length(domain) <= 253) AND (domain ~ '^[a-z0-9_-]+([.][a-z0-9_-]+)+$'::text))),
  constraint organization_domains_last_check_error_check CHECK ((char_length(last_check_error) <= 1000)),
  constraint organization_domains_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint organization_domains_pkey PRIMARY KEY (org_id, domain),
  constraint organization_domains_verification_token_check CHECK (((char_length(verification_token) >= 16) AND (char_length(verification_token) <= 255))),
  constraint organization_domains_verified_at_check CHECK (((verified_at IS NULL) = (verified_by IS NULL))),
  constraint organization_domains_verified_by_check CHECK ((verified_by = ANY (ARRAY['dns'::text, 'attested'::text])))
);
CREATE INDEX organization_domains_domain_idx ON public.organization_domains USING btree (domain);
CREATE INDEX organization_domains_last_checked_at_idx ON public.organization_domains USING btree (last_checked_at);
CREATE UNIQUE INDEX organization_domains_verified_key ON public.organization_domains USING btree (domain) WHERE ((verified_at IS NOT NULL) AND (NOT is_shared));
CREATE TRIGGER organization_domains_one_sided_share AFTER INSERT OR UPDATE ON public.organization_domains FOR EACH ROW WHEN ((new.verified_at IS NOT NULL)) EXECUTE FUNCTION organization_domains_refuse_one_sided_share();

create table organization_units (
  unit_id uuid not null,
  org_id uuid not null,
  parent_id uuid,
  name text not null,
  description text,
  path text not null,
  level integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint organization_units_description_check CHECK ((char_length(description) <= 1000)),
  constraint organization_units_level_check CHECK (((level >= 0) AND (level <= 32))),
  constraint organization_units_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 255))),
  constraint organization_units_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint organization_units_org_id_unit_id_key UNIQUE (org_id, unit_id),
  constraint organization_units_parent_id_check CHECK ((parent_id <> unit_id)),
  constraint organization_units_parent_id_fkey FOREIGN KEY (org_id, parent_id) REFERENCES organization_units(org_id, unit_id) ON DELETE RESTRICT,
  constraint organization_units_path_check CHECK (((char_length(path) >= 1) AND (char_length(path) <= 2000))),
  constraint organization_units_pkey PRIMARY KEY (unit_id)
);
CREATE INDEX organization_units_org_id_parent_id_idx ON public.organization_units USING btree (org_id, parent_id);
CREATE INDEX organization_units_path_idx ON public.organization_units USING btree (org_id, path text_pattern_ops);
CREATE UNIQUE INDEX organization_units_sibling_name_key ON public.organization_units USING btree (org_id, COALESCE(parent_id, '00000000-0000-0000-0000-000000000000'::uuid), lower(name));

create table organizations (
  org_id uuid not null,
  org_name text not null,
  slug text not null,
  custom_domain text,
  logo_url text,
  primary_color text,
  secondary_color text,
  branding_config jsonb not null default '{}'::jsonb,
  org_metadata jsonb not null default '{}'::jsonb,
  status text not null default 'active'::text,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  deleted_at timestamp with time zone,
  constraint organizations_branding_config_check CHECK ((jsonb_typeof(branding_config) = 'object'::text)),
  constraint organizations_custom_domain_check CHECK (((char_length(custom_domain) <= 253) AND (custom_domain ~ '^[a-z0-9-]+([.][a-z0-9-]+)+$'::text))),
  constraint organizations_custom_domain_key UNIQUE (custom_domain),
  constraint organizations_deleted_at_check CHECK (((status = 'deleted'::text) = (deleted_at IS NOT NULL))),
  constraint organizations_logo_url_check CHECK ((char_length(logo_url) <= 2048)),
  constraint organizations_org_metadata_check CHECK ((jsonb_typeof(org_metadata) = 'object'::text)),
  constraint organizations_org_name_check CHECK (((char_length(org_name) >= 1) AND (char_length(org_name) <= 255))),
  constraint organizations_pkey PRIMARY KEY (org_id),
  constraint organizations_primary_color_check CHECK ((primary_color ~ '^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})$'::text)),
  constraint organizations_secondary_color_check CHECK ((secondary_color ~ '^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})$'::text)),
  constraint organizations_slug_check CHECK ((slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9]|)$'::text)),
  constraint organizations_slug_key UNIQUE (slug),
  constraint organizations_status_check CHECK ((status = ANY (ARRAY['active'::text, 'suspended'::text, 'deleted'::text])))
);
CREATE INDEX organizations_created_at_idx ON public.organizations USING btree (created_at, org_id);
CREATE INDEX organizations_deleted_at_idx ON public.organizations USING btree (deleted_at) WHERE (deleted_at IS NOT NULL);

create table passkeys (
  passkey_id uuid not null,
  user_id uuid not null,
  credential_id text not null,
  public_key bytea not null,
  sign_count bigint not null default 0,
  rp_id text not null,
  transports text[] not null default '{}'::text[],
  aaguid uuid,
  device_type text not null default 'single_device'::text,
  is_backed_up boolean not null default false,
  name text,
  created_at timestamp with time zone not null default now(),
  last_used_at timestamp with time zone,
  constraint passkeys_credential_id_check CHECK ((credential_id ~ '^[A-Za-z0-9_-]{1,1364}$'::text)),
  constraint passkeys_credential_id_key UNIQUE (credential_id),
  constraint passkeys_device_type_check CHECK ((device_type = ANY (ARRAY['single_device'::text, 'multi_device'::text]))),
  constraint passkeys_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
  constraint passkeys_pkey PRIMARY KEY (passkey_id),
  constraint passkeys_public_key_check CHECK (((octet_length(public_key) >= 1) AND (octet_length(public_key) <= 4096))),
  constraint passkeys_rp_id_check CHECK (((char_length(rp_id) >= 1) AND (char_length(rp_id) <= 253))),
  constraint passkeys_sign_count_check CHECK ((sign_count >= 0)),
  constraint passkeys_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE
);
CREATE INDEX passkeys_user_id_idx ON public.passkeys USING btree (user_id);

create table password_reset_tokens (
  token_id uuid not null,
  token_hash text not null,
  user_id uuid not null,
  email text,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  used_at timestamp with time zone,
  revoked_at timestamp with time zone,
  revocation_reason text,
  ip_address inet,
  user_agent text,
  previous_token_id uuid,
  max_uses integer not null default 1,
  use_count integer not null default 0,
  constraint password_reset_tokens_email_check CHECK ((char_length(email) <= 320)),
  constraint password_reset_tokens_max_uses_check CHECK ((max_uses >= 1)),
  constraint password_reset_tokens_pkey PRIMARY KEY (token_id),
  constraint password_reset_tokens_previous_token_id_fkey FOREIGN KEY (previous_token_id) REFERENCES password_reset_tokens(token_id) ON DELETE SET NULL,
  constraint password_reset_tokens_revocation_reason_check CHECK ((char_length(revocation_reason) <= 100)),
  constraint password_reset_tokens_token_hash_check CHECK (((char_length(token_hash) >= 43) AND (char_length(token_hash) <= 255))),
  constraint password_reset_tokens_token_hash_key UNIQUE (token_hash),
  constraint password_reset_tokens_use_count_check CHECK (((use_count >= 0) AND (use_count <= max_uses))),
  constraint password_reset_tokens_user_agent_check CHECK ((char_length(user_agent) <= 512)),
  constraint password_reset_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE
);
CREATE INDEX password_reset_tokens_expires_at_idx ON public.password_reset_tokens USING btree (expires_at);
CREATE INDEX password_reset_tokens_previous_token_id_idx ON public.password_reset_tokens USING btree (previous_token_id) WHERE (previous_token_id IS NOT NULL);
CREATE INDEX password_reset_tokens_user_id_idx ON public.password_reset_tokens USING btree (user_id, created_at);

create table permissions (
  permission_id uuid not null,
  org_id uuid,
  name text not null,
  resource text,
  action text,
  description text,
  category text not null default 'user'::text,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint permissions_action_check CHECK (((char_length(action) >= 1) AND (char_length(action) <= 50))),
  constraint permissions_category_check CHECK ((category ~ '^[a-z][a-z_]{0,49}$'::text)),
  constraint permissions_description_check CHECK ((char_length(description) <= 500)),
  constraint permissions_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
  constraint permissions_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint permissions_pkey PRIMARY KEY (permission_id),
  constraint permissions_resource_check CHECK (((char_length(resource) >= 1) AND (char_length(resource) <= 50)))
);
CREATE INDEX permissions_org_id_idx ON public.permissions USING btree (org_id, permission_id);
CREATE UNIQUE INDEX permissions_org_name_key ON public.permissions USING btree (COALESCE(org_id, '00000000-0000-0000-0000-000000000000'::uuid), name);

create table rate_limit_assignments (
  assignment_id uuid not null,
  policy_id integer not null,
  user_id uuid,
  org_id uuid,
  created_at timestamp with time zone not null default now(),
  constraint rate_limit_assignments_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint rate_limit_assignments_pkey PRIMARY KEY (assignment_id),
  constraint rate_limit_assignments_policy_id_fkey FOREIGN KEY (policy_id) REFERENCES rate_limit_policies(policy_id) ON DELETE CASCADE,
  constraint rate_limit_assignments_subject_check CHECK ((num_nonnulls(user_id, org_id) >= 1)),
  constraint rate_limit_assignments_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE
);
CREATE INDEX rate_limit_assignments_org_id_idx ON public.rate_limit_assignments USING btree (org_id) WHERE (org_id IS NOT NULL);
CREATE UNIQUE INDEX rate_limit_assignments_subject_key ON public.rate_limit_assignments USING btree (policy_id, COALESCE(user_id, '00000000-0000-0000-0000-000000000000'::uuid), COALESCE(org_id, '00000000-0000-0000-0000-000000000000'::uuid));
CREATE INDEX rate_limit_assignments_user_id_idx ON public.rate_limit_assignments USING btree (user_id) WHERE (user_id IS NOT NULL);

create table rate_limit_counters (
  policy_id integer not null,
  subject_key text not null,
  user_id uuid,
  org_id uuid,
  window_start timestamp with time zone not null,
  count integer not null default 0,
  last_updated timestamp with time zone not null default now(),
  constraint rate_limit_counters_count_check CHECK ((count >= 0)),
  constraint rate_limit_counters_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint rate_limit_counters_pkey PRIMARY KEY (policy_id, subject_key, window_start),
  constraint rate_limit_counters_policy_id_fkey FOREIGN KEY (policy_id) REFERENCES rate_limit_policies(policy_id) ON DELETE CASCADE,
  constraint rate_limit_counters_subject_key_check CHECK (((char_length(subject_key) >= 1) AND (char_length(subject_key) <= 255))),
  constraint rate_limit_counters_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE
) with (fillfactor=70);
CREATE INDEX rate_limit_counters_org_id_idx ON public.rate_limit_counters USING btree (org_id) WHERE (org_id IS NOT NULL);
CREATE INDEX rate_limit_counters_user_id_idx ON public.rate_limit_counters USING btree (user_id) WHERE (user_id IS NOT NULL);
CREATE INDEX rate_limit_counters_window_start_idx ON public.rate_limit_counters USING btree (window_start);

create table rate_limit_policies (
  policy_id integer not null generated by default as identity,
  name text not null,
  scope text not null,
  limit_count integer not null,
  window_sec integer not null,
  description text,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint rate_limit_policies_description_check CHECK ((char_length(description) <= 500)),
  constraint rate_limit_policies_limit_count_check CHECK ((limit_count > 0)),
  constraint rate_limit_policies_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
  constraint rate_limit_policies_name_key UNIQUE (name),
  constraint rate_limit_policies_pkey PRIMARY KEY (policy_id),
  constraint rate_limit_policies_scope_check CHECK ((scope ~ '^[a-z][a-z_]{0,49}$'::text)),
  constraint rate_limit_policies_window_sec_check CHECK (((window_sec >= 1) AND (window_sec <= 31622400)))
);

create table role_inheritance (
  role_id uuid not null,
  parent_role_id uuid not null,
  created_at timestamp with time zone not null default now(),
  constraint role_inheritance_parent_role_id_fkey FOREIGN KEY (parent_role_id) REFERENCES roles(role_id) ON DELETE CASCADE,
  constraint role_inheritance_pkey PRIMARY KEY (role_id, parent_role_id),
  constraint role_inheritance_role_id_fkey FOREIGN KEY (role_id) REFERENCES roles(role_id) ON DELETE CASCADE,
  constraint role_inheritance_self_check CHECK ((role_id <> parent_role_id))
);
CREATE INDEX role_inheritance_parent_role_id_idx ON public.role_inheritance USING btree (parent_role_id);

create table role_permissions (
  role_id uuid not null,
  permission_id uuid not null,
  conditions jsonb,
  assigned_by uuid,
  assigned_at timestamp with time zone not null default now(),
  constraint role_permissions_assigned_by_fkey FOREIGN KEY (assigned_by) REFERENCES users(user_id) ON DELETE SET NULL,
  constraint role_permissions_conditions_check CHECK ((jsonb_typeof(conditions) = 'object'::text)),
  constraint role_permissions_permission_id_fkey FOREIGN KEY (permission_id) REFERENCES permissions(permission_id) ON DELETE CASCADE,
  constraint role_permissions_pkey PRIMARY KEY (role_id, permission_id),
  constraint role_permissions_role_id_fkey FOREIGN KEY (role_id) REFERENCES roles(role_id) ON DELETE CASCADE
);
CREATE INDEX role_permissions_assigned_by_idx ON public.role_permissions USING btree (assigned_by) WHERE (assigned_by IS NOT NULL);
CREATE INDEX role_permissions_permission_id_idx ON public.role_permissions USING btree (permission_id);

create table roles (
  role_id uuid not null,
  org_id uuid,
  name text not null,
  description text,
  type text not null default 'custom'::text,
  is_active boolean not null default true,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint roles_description_check CHECK ((char_length(description) <= 500)),
  constraint roles_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
  constraint roles_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint roles_pkey PRIMARY KEY (role_id),
  constraint roles_type_check CHECK ((type = ANY (ARRAY['system'::text, 'custom'::text])))
);
CREATE INDEX roles_org_id_idx ON public.roles USING btree (org_id, role_id);
CREATE UNIQUE INDEX roles_org_name_key ON public.roles USING btree (COALESCE(org_id, '00000000-0000-0000-0000-000000000000'::uuid), lower(name));

create table saml_keys (
  key_id uuid not null,
  provider_id uuid,
  key_use text not null,
  state text not null,
  private_key_encrypted text not null,
  certificate_pem text not null,
  not_before timestamp with time zone not null,
  not_after timestamp with time zone not null,
  created_at timestamp with time zone not null default now(),
  activated_at timestamp with time zone,
  retired_at timestamp with time zone,
  constraint saml_keys_key_use_check CHECK ((key_use = ANY (ARRAY['signing'::text, 'encryption'::text]))),
  constraint saml_keys_not_after_check CHECK ((not_after > not_before)),
  constraint saml_keys_pkey PRIMARY KEY (key_id),
  constraint saml_keys_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES identity_providers(provider_id) ON DELETE CASCADE,
  constraint saml_keys_state_check CHECK ((state = ANY (ARRAY['current'::text, 'next'::text, 'retired'::text])))
);
CREATE UNIQUE INDEX saml_keys_live_key ON public.saml_keys USING btree (COALESCE(provider_id, '00000000-0000-0000-0000-000000000000'::uuid), key_use, state) WHERE (state = ANY (ARRAY['current'::text, 'next'::text]));
CREATE INDEX saml_keys_provider_id_idx ON public.saml_keys USING btree (provider_id) WHERE (provider_id IS NOT NULL);

create table saml_replay (
  provider_id uuid not null,
  assertion_id text not null,
  expires_at timestamp with time zone not null,
  constraint saml_replay_assertion_id_check CHECK ((((char_length(assertion_id) >= 1) AND (char_length(assertion_id) <= 1024)) AND (octet_length(assertion_id) <= 2048))),
  constraint saml_replay_pkey PRIMARY KEY (provider_id, assertion_id),
  constraint saml_replay_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES identity_providers(provider_id) ON DELETE CASCADE
);
CREATE INDEX saml_replay_expires_at_idx ON public.saml_replay USING btree (expires_at);

create table saml_requests (
  request_id text not null,
  provider_id uuid not null,
  kind text not null default 'authn'::text,
  attempt_id text,
  relay_state_hash text,
  browser_hash text,
  force_authn boolean not null default false,
  requested_context text[] not null default '{}'::text[],
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  return_to_encrypted text,
  constraint saml_requests_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES signin_attempts(attempt_id) ON DELETE CASCADE,
  constraint saml_requests_browser_hash_check CHECK (((char_length(browser_hash) >= 43) AND (char_length(browser_hash) <= 255))),
  constraint saml_requests_kind_check CHECK ((kind = ANY (ARRAY['authn'::text, 'logout'::text, 'test'::text]))),
  constraint saml_requests_pkey PRIMARY KEY (request_id),
  constraint saml_requests_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES identity_providers(provider_id) ON DELETE CASCADE,
  constraint saml_requests_relay_state_hash_check CHECK (((char_length(relay_state_hash) >= 43) AND (char_length(relay_state_hash) <= 255))),
  constraint saml_requests_request_id_check CHECK (((char_length(request_id) >= 16) AND (char_length(request_id) <= 255))),
  constraint saml_requests_return_to_encrypted_check CHECK ((char_length(return_to_encrypted) <= 4096))
);
CREATE INDEX saml_requests_attempt_id_idx ON public.saml_requests USING btree (attempt_id) WHERE (attempt_id IS NOT NULL);
CREATE INDEX saml_requests_expires_at_idx ON public.saml_requests USING btree (expires_at);
CREATE INDEX saml_requests_provider_id_idx ON public.saml_requests USING btree (provider_id);
CREATE UNIQUE INDEX saml_requests_relay_state_hash_key ON public.saml_requests USING btree (relay_state_hash);

create table scim_clients (
  client_id uuid not null,
  org_id uuid not null,
  name text not null,
  client_secret_hash text not null,
  previous_secret_hash text,
  previous_secret_expires_at timestamp with time zone,
  enabled boolean not null default true,
  mapping_version integer not null default 1,
  created_by uuid,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone,
  last_used_at timestamp with time zone,
  constraint scim_clients_client_secret_hash_check CHECK (((char_length(client_secret_hash) >= 43) AND (char_length(client_secret_hash) <= 255))),
  constraint scim_clients_created_by_fkey FOREIGN KEY (created_by) REFERENCES users(user_id) ON DELETE SET NULL,
  constraint scim_clients_mapping_version_check CHECK ((mapping_version >= 1)),
  constraint scim_clients_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 255))),
  constraint scim_clients_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint scim_clients_pkey PRIMARY KEY (client_id),
  constraint scim_clients_previous_secret_expires_at_check CHECK (((previous_secret_hash IS NULL) = (previous_secret_expires_at IS NULL))),
  constraint scim_clients_previous_secret_hash_check CHECK (((char_length(previous_secret_hash) >= 43) AND (char_length(previous_secret_hash) <= 255)))
);
CREATE INDEX scim_clients_created_by_idx ON public.scim_clients USING btree (created_by) WHERE (created_by IS NOT NULL);
CREATE INDEX scim_clients_org_id_idx ON public.scim_clients USING btree (org_id, client_id);

create table scim_mappings (
  mapping_id uuid not null,
  client_id uuid not null,
  resource_type text not null default 'User'::text,
  local_attribute text not null,
  scim_attribute text not null,
  position integer not null default 0,
  constraint scim_mappings_client_id_attributes_key UNIQUE (client_id, resource_type, local_attribute, scim_attribute),
  constraint scim_mappings_client_id_fkey FOREIGN KEY (client_id) REFERENCES scim_clients(client_id) ON DELETE CASCADE,
  constraint scim_mappings_local_attribute_check CHECK (((char_length(local_attribute) >= 1) AND (char_length(local_attribute) <= 255))),
  constraint scim_mappings_pkey PRIMARY KEY (mapping_id),
  constraint scim_mappings_resource_type_check CHECK ((resource_type = ANY (ARRAY['User'::text, 'Group'::text]))),
  constraint scim_mappings_scim_attribute_check CHECK (((char_length(scim_attribute) >= 1) AND (char_length(scim_attribute) <= 512)))
);

create table scim_requests (
  scim_request_id uuid not null,
  client_id uuid,
  org_id uuid not null,
  method text not null,
  path text not null,
  request_body jsonb,
  response_status integer,
  response_body jsonb,
  scim_type text,
  rule text,
  cause text,
  changes jsonb,
  resource_type text,
  resource_id uuid,
  duration_ms integer,
  ip_address inet,
  user_agent text,
  request_id text,
  timestamp timestamp with time zone not null default now(),
  constraint scim_requests_cause_check CHECK ((char_length(cause) <= 2000)),
  constraint scim_requests_client_id_fkey FOREIGN KEY (client_id) REFERENCES scim_clients(client_id) ON DELETE SET NULL,
  constraint scim_requests_duration_ms_check CHECK ((duration_ms >= 0)),
  constraint scim_requests_method_check CHECK (((char_length(method) >= 1) AND (char_length(method) <= 10))),
  constraint scim_requests_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint scim_requests_path_check CHECK (((char_length(path) >= 1) AND (char_length(path) <= 8192))),
  constraint scim_requests_pkey PRIMARY KEY (scim_request_id, "timestamp"),
  constraint scim_requests_request_id_check CHECK ((char_length(request_id) <= 100)),
  constraint scim_requests_response_status_check CHECK (((response_status >= 100) AND (response_status <= 599))),
  constraint scim_requests_rule_check CHECK ((char_length(rule) <= 255)),
  constraint scim_requests_scim_type_check CHECK ((char_length(scim_type) <= 50)),
  constraint scim_requests_user_agent_check CHECK ((char_length(user_agent) <= 512))
) partition by RANGE ("timestamp");
CREATE INDEX scim_requests_client_id_idx ON ONLY public.scim_requests USING btree (client_id, scim_request_id DESC);
CREATE INDEX scim_requests_org_id_idx ON ONLY public.scim_requests USING btree (org_id, scim_request_id DESC);
CREATE INDEX scim_requests_resource_id_idx ON ONLY public.scim_requests USING btree (resource_id, "timestamp" DESC) WHERE (resource_id IS NOT NULL);
create table scim_requests_default partition of scim_requests default;

create table scim_resources (
  client_id uuid not null,
  resource_type text not null,
  resource_id uuid not null,
  user_id uuid generated always as (
CASE
    WHEN (resource_type = 'User'::text) THEN resource_id
    ELSE NULL::uuid
END) stored,
  group_id uuid generated always as (
CASE
    WHEN (resource_type = 'Group'::text) THEN resource_id
    ELSE NULL::uuid
END) stored,
  external_id text,
  attributes jsonb not null default '{}'::jsonb,
  version bigint not null default 1,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint scim_resources_attributes_check CHECK ((jsonb_typeof(attributes) = 'object'::text)),
  constraint scim_resources_client_id_external_id_key UNIQUE (client_id, resource_type, external_id),
  constraint scim_resources_client_id_fkey FOREIGN KEY (client_id) REFERENCES scim_clients(client_id) ON DELETE CASCADE,
  constraint scim_resources_external_id_check CHECK ((((char_length(external_id) >= 1) AND (char_length(external_id) <= 1024)) AND (octet_length(external_id) <= 2048))),
  constraint scim_resources_group_id_fkey FOREIGN KEY (group_id) REFERENCES user_groups(group_id) ON DELETE CASCADE,
  constraint scim_resources_pkey PRIMARY KEY (client_id, resource_id),
  constraint scim_resources_resource_type_check CHECK ((resource_type = ANY (ARRAY['User'::text, 'Group'::text]))),
  constraint scim_resources_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE,
  constraint scim_resources_version_check CHECK ((version >= 1))
);
CREATE INDEX scim_resources_email_keys_idx ON public.scim_resources USING gin (scim_email_keys(client_id, attributes)) WITH (fastupdate=off) WHERE (resource_type = 'User'::text);
CREATE INDEX scim_resources_group_id_idx ON public.scim_resources USING btree (group_id) WHERE (group_id IS NOT NULL);
CREATE INDEX scim_resources_user_id_idx ON public.scim_resources USING btree (user_id) WHERE (user_id IS NOT NULL);

create table scim_tokens (
  token_id uuid not null,
  client_id uuid not null,
  token_hash text not null,
  token_prefix text not null,
  created_by uuid,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone,
  last_used_at timestamp with time zone,
  revoked_at timestamp with time zone,
  constraint scim_tokens_client_id_fkey FOREIGN KEY (client_id) REFERENCES scim_clients(client_id) ON DELETE CASCADE,
  constraint scim_tokens_created_by_fkey FOREIGN KEY (created_by) REFERENCES users(user_id) ON DELETE SET NULL,
  constraint scim_tokens_pkey PRIMARY KEY (token_id),
  constraint scim_tokens_token_hash_check CHECK (((char_length(token_hash) >= 43) AND (char_length(token_hash) <= 255))),
  constraint scim_tokens_token_hash_key UNIQUE (token_hash),
  constraint scim_tokens_token_prefix_check CHECK (((char_length(token_prefix) >= 1) AND (char_length(token_prefix) <= 32)))
);
CREATE INDEX scim_tokens_client_id_idx ON public.scim_tokens USING btree (client_id, token_id);
CREATE INDEX scim_tokens_created_by_idx ON public.scim_tokens USING btree (created_by) WHERE (created_by IS NOT NULL);
CREATE INDEX scim_tokens_expires_at_idx ON public.scim_tokens USING btree (expires_at) WHERE (expires_at IS NOT NULL);

create table service_accounts (
  service_account_id uuid not null,
  org_id uuid,
  name text not null,
  description text,
  permissions jsonb not null default '[]'::jsonb,
  is_active boolean not null default true,
  created_by uuid,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint service_accounts_created_by_fkey FOREIGN KEY (created_by) REFERENCES users(user_id) ON DELETE SET NULL,
  constraint service_accounts_description_check CHECK ((char_length(description) <= 500)),
  constraint service_accounts_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
  constraint service_accounts_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint service_accounts_permissions_check CHECK ((jsonb_typeof(permissions) = 'array'::text)),
  constraint service_accounts_pkey PRIMARY KEY (service_account_id)
);
CREATE INDEX service_accounts_created_by_idx ON public.service_accounts USING btree (created_by) WHERE (created_by IS NOT NULL);
CREATE INDEX service_accounts_org_id_idx ON public.service_accounts USING btree (org_id, service_account_id);
CREATE UNIQUE INDEX service_accounts_org_name_key ON public.service_accounts USING btree (COALESCE(org_id, '00000000-0000-0000-0000-000000000000'::uuid), lower(name));

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
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint session_activities_activity_type_check CHECK (((char_length(activity_type) >= 1) AND (char_length(activity_type) <= 50))),
  constraint session_activities_endpoint_check CHECK ((char_length(endpoint) <= 255)),
  constraint session_activities_method_check CHECK ((char_length(method) <= 10)),
  constraint session_activities_pkey PRIMARY KEY (activity_id, created_at),
  constraint session_activities_request_id_check CHECK ((char_length(request_id) <= 100)),
  constraint session_activities_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions(session_id) ON DELETE CASCADE,
  constraint session_activities_user_agent_check CHECK ((char_length(user_agent) <= 512)),
  constraint session_activities_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE
) partition by RANGE (created_at);
CREATE INDEX session_activities_session_id_idx ON ONLY public.session_activities USING btree (session_id, created_at);
CREATE INDEX session_activities_user_id_idx ON ONLY public.session_activities USING btree (user_id, created_at);
create table session_activities_default partition of session_activities default;

create table session_analytics (
  session_id uuid not null,
  user_id uuid not null,
  device_type text,
  browser text,
  os text,
  ip_address inet,
  country text,
  city text,
  login_at timestamp with time zone not null default now(),
  last_activity_at timestamp with time zone,
  logout_at timestamp with time zone,
  session_duration integer,
  page_views integer not null default 0,
  api_calls integer not null default 0,
  last_page text,
  last_endpoint text,
  is_suspicious boolean not null default false,
  security_score integer,
  failed_actions integer not null default 0,
  constraint session_analytics_api_calls_check CHECK ((api_calls >= 0)),
  constraint session_analytics_browser_check CHECK ((char_length(browser) <= 100)),
  constraint session_analytics_city_check CHECK ((char_length(city) <= 255)),
  constraint session_analytics_country_check CHECK ((char_length(country) <= 100)),
  constraint session_analytics_device_type_check CHECK ((char_length(device_type) <= 50)),
  constraint session_analytics_failed_actions_check CHECK ((failed_actions >= 0)),
  constraint session_analytics_last_endpoint_check CHECK ((char_length(last_endpoint) <= 255)),
  constraint session_analytics_last_page_check CHECK ((char_length(last_page) <= 2048)),
  constraint session_analytics_os_check CHECK ((char_length(os) <= 100)),
  constraint session_analytics_page_views_check CHECK ((page_views >= 0)),
  constraint session_analytics_pkey PRIMARY KEY (session_id),
  constraint session_analytics_security_score_check CHECK (((security_score >= 0) AND (security_score <= 100))),
  constraint session_analytics_session_duration_check CHECK ((session_duration >= 0)),
  constraint session_analytics_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions(session_id) ON DELETE CASCADE,
  constraint session_analytics_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE
);
CREATE INDEX session_analytics_user_id_idx ON public.session_analytics USING btree (user_id, login_at);

create table sessions (
  session_id uuid not null,
  user_id uuid not null,
  org_id uuid,
  provider_id uuid,
  impersonator_user_id uuid,
  session_token_hash text,
  oidc_session_uid_hash text,
  login_method text,
  amr text[] not null default '{}'::text[],
  acr text,
  auth_time timestamp with time zone,
  idp_session_index text,
  name_id_encrypted text,
  ip_address inet,
  user_agent text,
  device_info text,
  device_fingerprint text,
  location text,
  request_count integer not null default 0,
  suspicious_activity boolean not null default false,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  last_accessed_at timestamp with time zone not null default now(),
  idle_expires_at timestamp with time zone,
  expires_at timestamp with time zone not null,
  revoked boolean not null default false,
  revoked_at timestamp with time zone,
  revocation_reason text,
  constraint sessions_acr_check CHECK ((char_length(acr) <= 255)),
  constraint sessions_device_fingerprint_check CHECK ((char_length(device_fingerprint) <= 255)),
  constraint sessions_device_info_check CHECK ((char_length(device_info) <= 255)),
  constraint sessions_idp_session_index_check CHECK (((char_length(idp_session_index) <= 1024) AND (octet_length(idp_session_index) <= 2048))),
  constraint sessions_impersonator_user_id_fkey FOREIGN KEY (impersonator_user_id) REFERENCES users(user_id) ON DELETE CASCADE,
  constraint sessions_location_check CHECK ((char_length(location) <= 255)),
  constraint sessions_login_method_check CHECK (((char_length(login_method) >= 1) AND (char_length(login_method) <= 50))),
  constraint sessions_name_id_encrypted_check CHECK ((char_length(name_id_encrypted) <= 8192)),
  constraint sessions_oidc_session_uid_hash_check CHECK (((char_length(oidc_session_uid_hash) >= 43) AND (char_length(oidc_session_uid_hash) <= 255))),
  constraint sessions_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint sessions_pkey PRIMARY KEY (session_id),
  constraint sessions_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES identity_providers(provider_id) ON DELETE SET NULL,
  constraint sessions_request_count_check CHECK ((request_count >= 0)),
  constraint sessions_revocation_reason_check CHECK ((char_length(revocation_reason) <= 100)),
  constraint sessions_revoked_at_check CHECK ((revoked = (revoked_at IS NOT NULL))),
  constraint sessions_session_token_hash_check CHECK (((char_length(session_token_hash) >= 43) AND (char_length(session_token_hash) <= 255))),
  constraint sessions_session_token_hash_key UNIQUE (session_token_hash),
  constraint sessions_user_agent_check CHECK ((char_length(user_agent) <= 512)),
  constraint sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE
);
CREATE INDEX sessions_expires_at_idx ON public.sessions USING btree (expires_at);
CREATE INDEX sessions_impersonator_user_id_idx ON public.sessions USING btree (impersonator_user_id) WHERE (impersonator_user_id IS NOT NULL);
CREATE INDEX sessions_oidc_session_uid_hash_idx ON public.sessions USING btree (oidc_session_uid_hash);
CREATE INDEX sessions_org_id_idx ON public.sessions USING btree (org_id, created_at);
CREATE INDEX sessions_provider_id_idx ON public.sessions USING btree (provider_id, idp_session_index) WHERE (provider_id IS NOT NULL);
CREATE INDEX sessions_user_id_idx ON public.sessions USING btree (user_id, created_at);

create table setup_links (
  token_hash text not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  used_at timestamp with time zone,
  constraint setup_links_pkey PRIMARY KEY (token_hash),
  constraint setup_links_token_hash_check CHECK (((char_length(token_hash) >= 43) AND (char_length(token_hash) <= 255)))
);
CREATE INDEX setup_links_expires_at_idx ON public.setup_links USING btree (expires_at);

create table signin_attempts (
  attempt_id text not null,
  state jsonb not null,
  org_id uuid,
  user_id uuid,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  constraint signin_attempts_attempt_id_check CHECK (((char_length(attempt_id) >= 43) AND (char_length(attempt_id) <= 255))),
  constraint signin_attempts_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint signin_attempts_pkey PRIMARY KEY (attempt_id),
  constraint signin_attempts_state_check CHECK ((jsonb_typeof(state) = 'object'::text)),
  constraint signin_attempts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE
);
CREATE INDEX signin_attempts_expires_at_idx ON public.signin_attempts USING btree (expires_at);
CREATE INDEX signin_attempts_org_id_idx ON public.signin_attempts USING btree (org_id) WHERE (org_id IS NOT NULL);
CREATE INDEX signin_attempts_user_id_idx ON public.signin_attempts USING btree (user_id) WHERE (user_id IS NOT NULL);

create table signing_keys (
  kid text not null,
  alg text not null,
  state text not null,
  public_jwk jsonb not null,
  private_jwk_encrypted text,
  created_at timestamp with time zone not null default now(),
  activated_at timestamp with time zone,
  retired_at timestamp with time zone,
  constraint signing_keys_alg_check CHECK ((alg = ANY (ARRAY['ES256'::text, 'RS256'::text, 'EdDSA'::text]))),
  constraint signing_keys_kid_check CHECK (((char_length(kid) >= 16) AND (char_length(kid) <= 255))),
  constraint signing_keys_pkey PRIMARY KEY (kid),
  constraint signing_keys_private_jwk_encrypted_check CHECK (((state = 'retired'::text) OR (private_jwk_encrypted IS NOT NULL))),
  constraint signing_keys_public_jwk_check CHECK (((jsonb_typeof(public_jwk) = 'object'::text) AND (public_jwk = (public_jwk - ARRAY['d'::text, 'p'::text, 'q'::text, 'dp'::text, 'dq'::text, 'qi'::text, 'k'::text])))),
  constraint signing_keys_retired_at_check CHECK (((state = 'retired'::text) = (retired_at IS NOT NULL))),
  constraint signing_keys_state_check CHECK ((state = ANY (ARRAY['next'::text, 'current'::text, 'retired'::text])))
);
CREATE UNIQUE INDEX signing_keys_alg_current_key ON public.signing_keys USING btree (alg) WHERE (state = 'current'::text);
CREATE UNIQUE INDEX signing_keys_alg_next_key ON public.signing_keys USING btree (alg) WHERE (state = 'next'::text);

create table tenant_settings (
  setting_id uuid not null,
  org_id uuid not null,
  setting_key text not null,
  setting_value jsonb not null,
  description text,
  category text not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint tenant_settings_category_check CHECK ((category = ANY (ARRAY['auth'::text, 'security'::text, 'ui'::text, 'integration'::text]))),
  constraint tenant_settings_description_check CHECK ((char_length(description) <= 500)),
  constraint tenant_settings_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint tenant_settings_org_id_setting_key_key UNIQUE (org_id, setting_key),
  constraint tenant_settings_pkey PRIMARY KEY (setting_id),
  constraint tenant_settings_setting_key_check CHECK (((char_length(setting_key) >= 1) AND (char_length(setting_key) <= 100)))
);

create table user_group_memberships (
  membership_id uuid not null,
  group_id uuid not null,
  user_id uuid not null,
  assigned_by uuid,
  assignment_type text not null default 'manual'::text,
  assigned_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone,
  role_in_group text not null default 'member'::text,
  is_active boolean not null default true,
  constraint user_group_memberships_assigned_by_fkey FOREIGN KEY (assigned_by) REFERENCES users(user_id) ON DELETE SET NULL,
  constraint user_group_memberships_assignment_type_check CHECK ((assignment_type = ANY (ARRAY['manual'::text, 'automatic'::text]))),
  constraint user_group_memberships_group_id_fkey FOREIGN KEY (group_id) REFERENCES user_groups(group_id) ON DELETE CASCADE,
  constraint user_group_memberships_group_id_user_id_key UNIQUE (group_id, user_id),
  constraint user_group_memberships_pkey PRIMARY KEY (membership_id),
  constraint user_group_memberships_role_in_group_check CHECK (((char_length(role_in_group) >= 1) AND (char_length(role_in_group) <= 50))),
  constraint user_group_memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE
);
CREATE INDEX user_group_memberships_assigned_by_idx ON public.user_group_memberships USING btree (assigned_by) WHERE (assigned_by IS NOT NULL);
CREATE INDEX user_group_memberships_expires_at_idx ON public.user_group_memberships USING btree (expires_at) WHERE (expires_at IS NOT NULL);
CREATE INDEX user_group_memberships_user_id_idx ON public.user_group_memberships USING btree (user_id);

create table user_groups (
  group_id uuid not null,
  org_id uuid not null,
  unit_id uuid,
  name text not null,
  slug text not null,
  description text,
  membership_type text not null default 'manual'::text,
  auto_assignment_rules jsonb,
  is_public boolean not null default false,
  is_open boolean not null default false,
  is_system boolean not null default false,
  is_active boolean not null default true,
  member_count integer not null default 0,
  max_members integer,
  group_type text not null default 'team'::text,
  tags text[] not null default '{}'::text[],
  settings jsonb not null default '{}'::jsonb,
  owner_id uuid,
  created_by uuid,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  deleted_at timestamp with time zone,
  constraint user_groups_created_by_fkey FOREIGN KEY (created_by) REFERENCES users(user_id) ON DELETE SET NULL,
  constraint user_groups_description_check CHECK ((char_length(description) <= 1000)),
  constraint user_groups_group_type_check CHECK (((char_length(group_type) >= 1) AND (char_length(group_type) <= 50))),
  constraint user_groups_max_members_check CHECK ((max_members > 0)),
  constraint user_groups_member_count_check CHECK ((member_count >= 0)),
  constraint user_groups_membership_type_check CHECK ((membership_type = ANY (ARRAY['manual'::text, 'automatic'::text]))),
  constraint user_groups_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 256))),
  constraint user_groups_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint user_groups_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users(user_id) ON DELETE SET NULL,
  constraint user_groups_pkey PRIMARY KEY (group_id),
  constraint user_groups_settings_check CHECK (((jsonb_typeof(settings) = 'object'::text) AND (char_length((settings)::text) <= 2000))),
  constraint user_groups_slug_check CHECK ((slug ~ '^[a-z0-9]([a-z0-9-]{0,98}[a-z0-9]|)$'::text)),
  constraint user_groups_tags_check CHECK ((char_length(array_to_string(tags, ','::text)) <= 500)),
  constraint user_groups_unit_id_fkey FOREIGN KEY (unit_id) REFERENCES organization_units(unit_id) ON DELETE SET NULL
);
CREATE INDEX user_groups_created_by_idx ON public.user_groups USING btree (created_by) WHERE (created_by IS NOT NULL);
CREATE INDEX user_groups_deleted_at_idx ON public.user_groups USING btree (deleted_at) WHERE (deleted_at IS NOT NULL);
CREATE INDEX user_groups_org_id_group_id_idx ON public.user_groups USING btree (org_id, group_id);
CREATE INDEX user_groups_org_id_idx ON public.user_groups USING btree (org_id, created_at, group_id);
CREATE UNIQUE INDEX user_groups_org_name_key ON public.user_groups USING btree (org_id, lower(name)) WHERE (deleted_at IS NULL);
CREATE UNIQUE INDEX user_groups_org_slug_key ON public.user_groups USING btree (org_id, slug) WHERE (deleted_at IS NULL);
CREATE INDEX user_groups_owner_id_idx ON public.user_groups USING btree (owner_id) WHERE (owner_id IS NOT NULL);
CREATE INDEX user_groups_unit_id_idx ON public.user_groups USING btree (unit_id) WHERE (unit_id IS NOT NULL);

create table user_notifications (
  notification_id uuid not null,
  user_id uuid not null,
  template_id uuid,
  channel text not null,
  subject text,
  content text not null,
  status text not null default 'pending'::text,
  metadata jsonb not null default '{}'::jsonb,
  sent_at timestamp with time zone,
  read_at timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  constraint user_notifications_channel_check CHECK ((channel = ANY (ARRAY['email'::text, 'sms'::text, 'in_app'::text]))),
  constraint user_notifications_content_check CHECK ((char_length(content) <= 65536)),
  constraint user_notifications_metadata_check CHECK ((jsonb_typeof(metadata) = 'object'::text)),
  constraint user_notifications_pkey PRIMARY KEY (notification_id),
  constraint user_notifications_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'sent'::text, 'delivered'::text, 'failed'::text]))),
  constraint user_notifications_subject_check CHECK ((char_length(subject) <= 255)),
  constraint user_notifications_template_id_fkey FOREIGN KEY (template_id) REFERENCES notification_templates(template_id) ON DELETE SET NULL,
  constraint user_notifications_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE
);
CREATE INDEX user_notifications_created_at_idx ON public.user_notifications USING btree (created_at);
CREATE INDEX user_notifications_template_id_idx ON public.user_notifications USING btree (template_id) WHERE (template_id IS NOT NULL);
CREATE INDEX user_notifications_user_id_idx ON public.user_notifications USING btree (user_id, notification_id DESC);

create table user_organization_info (
  user_id uuid not null,
  org_id uuid not null,
  user_role text,
  url_safe_org_name text not null,
  org_role_structure text not null default 'multi_role'::text,
  inherited_user_roles_plus_current_role text[] not null default '{}'::text[],
  user_permissions text[] not null default '{}'::text[],
  additional_roles text[] not null default '{}'::text[],
  access_valid_until timestamp with time zone,
  status text not null default 'active'::text,
  joined_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint user_organization_info_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint user_organization_info_org_role_structure_check CHECK (((char_length(org_role_structure) >= 1) AND (char_length(org_role_structure) <= 100))),
  constraint user_organization_info_pkey PRIMARY KEY (user_id, org_id),
  constraint user_organization_info_status_check CHECK ((status = ANY (ARRAY['active'::text, 'invited'::text, 'suspended'::text]))),
  constraint user_organization_info_url_safe_org_name_check CHECK (((char_length(url_safe_org_name) >= 1) AND (char_length(url_safe_org_name) <= 63))),
  constraint user_organization_info_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE,
  constraint user_organization_info_user_role_check CHECK ((char_length(user_role) <= 100))
);
CREATE INDEX user_organization_info_access_valid_until_idx ON public.user_organization_info USING btree (access_valid_until) WHERE (access_valid_until IS NOT NULL);
CREATE INDEX user_organization_info_org_id_idx ON public.user_organization_info USING btree (org_id, user_id);

create table user_passwords (
  user_id uuid not null,
  password_hash text not null,
  changed_at timestamp with time zone not null default now(),
  created_at timestamp with time zone not null default now(),
  constraint user_passwords_password_hash_check CHECK (((char_length(password_hash) >= 20) AND (char_length(password_hash) <= 512))),
  constraint user_passwords_pkey PRIMARY KEY (user_id),
  constraint user_passwords_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE
);

create table user_roles (
  user_role_id uuid not null,
  user_id uuid not null,
  role_id uuid not null,
  org_id uuid,
  assigned_by uuid,
  assigned_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone,
  is_primary boolean not null default false,
  is_active boolean not null default true,
  constraint user_roles_assigned_by_fkey FOREIGN KEY (assigned_by) REFERENCES users(user_id) ON DELETE SET NULL,
  constraint user_roles_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint user_roles_pkey PRIMARY KEY (user_role_id),
  constraint user_roles_role_id_fkey FOREIGN KEY (role_id) REFERENCES roles(role_id) ON DELETE CASCADE,
  constraint user_roles_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE
);
CREATE INDEX user_roles_assigned_by_idx ON public.user_roles USING btree (assigned_by) WHERE (assigned_by IS NOT NULL);
CREATE INDEX user_roles_expires_at_idx ON public.user_roles USING btree (expires_at) WHERE (expires_at IS NOT NULL);
CREATE INDEX user_roles_org_id_idx ON public.user_roles USING btree (org_id, user_id);
CREATE UNIQUE INDEX user_roles_primary_key ON public.user_roles USING btree (user_id, org_id) WHERE is_primary;
CREATE INDEX user_roles_role_id_idx ON public.user_roles USING btree (role_id);
CREATE UNIQUE INDEX user_roles_user_role_org_key ON public.user_roles USING btree (user_id, role_id, COALESCE(org_id, '00000000-0000-0000-0000-000000000000'::uuid));

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
  properties jsonb not null default '{}'::jsonb,
  has_password boolean not null default false,
  update_password_required boolean not null default false,
  locked boolean not null default false,
  enabled boolean not null default true,
  mfa_enabled boolean not null default false,
  can_create_orgs boolean not null default false,
  created_at bigint not null default (EXTRACT(epoch FROM now()))::bigint,
  last_active_at bigint,
  last_login_at timestamp with time zone,
  updated_at timestamp with time zone not null default now(),
  deleted_at timestamp with time zone,
  constraint users_bio_check CHECK ((char_length(bio) <= 1000)),
  constraint users_created_at_check CHECK ((created_at >= 0)),
  constraint users_email_check CHECK (((char_length(email) <= 320) AND (email ~ '^[^[:space:]]+@[^[:space:]@]+$'::text))),
  constraint users_first_name_check CHECK ((char_length(first_name) <= 256)),
  constraint users_home_org_id_fkey FOREIGN KEY (home_org_id) REFERENCES organizations(org_id) ON DELETE RESTRICT,
  constraint users_identifier_check CHECK (((email IS NOT NULL) OR (username IS NOT NULL))),
  constraint users_last_active_at_check CHECK ((last_active_at >= 0)),
  constraint users_last_name_check CHECK ((char_length(last_name) <= 256)),
  constraint users_legacy_user_id_check CHECK (((char_length(legacy_user_id) >= 1) AND (char_length(legacy_user_id) <= 255))),
  constraint users_phone_check CHECK ((char_length(phone) <= 64)),
  constraint users_picture_url_check CHECK ((char_length(picture_url) <= 2048)),
  constraint users_pkey PRIMARY KEY (user_id),
  constraint users_properties_check CHECK ((jsonb_typeof(properties) = 'object'::text)),
  constraint users_username_check CHECK (((char_length(username) >= 1) AND (char_length(username) <= 320)))
) with (fillfactor=90);
CREATE INDEX users_deleted_at_idx ON public.users USING btree (deleted_at) WHERE (deleted_at IS NOT NULL);
CREATE INDEX users_home_org_id_identifier_idx ON public.users USING btree (home_org_id, lower(COALESCE(username, email)) text_pattern_ops) WHERE (deleted_at IS NULL);
CREATE INDEX users_home_org_id_idx ON public.users USING btree (home_org_id, created_at, user_id);
CREATE INDEX users_home_org_id_user_id_idx ON public.users USING btree (home_org_id, user_id);
CREATE INDEX users_legacy_user_id_idx ON public.users USING btree (legacy_user_id) WHERE (legacy_user_id IS NOT NULL);
CREATE INDEX users_lower_email_idx ON public.users USING btree (lower(email));
CREATE UNIQUE INDEX users_owner_email_key ON public.users USING btree (COALESCE(home_org_id, '00000000-0000-0000-0000-000000000000'::uuid), lower(email)) WHERE (deleted_at IS NULL);
CREATE UNIQUE INDEX users_owner_identifier_key ON public.users USING btree (COALESCE(home_org_id, '00000000-0000-0000-0000-000000000000'::uuid), lower(COALESCE(username, email))) WHERE (deleted_at IS NULL);
CREATE UNIQUE INDEX users_owner_username_key ON public.users USING btree (COALESCE(home_org_id, '00000000-0000-0000-0000-000000000000'::uuid), lower(username)) WHERE (deleted_at IS NULL);

create table waitlist_signups (
  signup_id uuid not null,
  email text not null,
  invited boolean not null default false,
  invited_at timestamp with time zone,
  user_id uuid,
  created_at timestamp with time zone not null default now(),
  constraint waitlist_signups_email_check CHECK (((char_length(email) <= 320) AND (email ~ '^[^[:space:]]+@[^[:space:]@]+$'::text))),
  constraint waitlist_signups_invited_at_check CHECK ((invited OR (invited_at IS NULL))),
  constraint waitlist_signups_pkey PRIMARY KEY (signup_id),
  constraint waitlist_signups_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE SET NULL
);
CREATE INDEX waitlist_signups_created_at_idx ON public.waitlist_signups USING btree (created_at, signup_id);
CREATE UNIQUE INDEX waitlist_signups_email_key ON public.waitlist_signups USING btree (lower(email));
CREATE INDEX waitlist_signups_user_id_idx ON public.waitlist_signups USING btree (user_id) WHERE (user_id IS NOT NULL);

create table webhook_deliveries (
  delivery_id uuid not null,
  webhook_id uuid not null,
  log_id uuid,
  event_type text not null,
  payload jsonb not null,
  status text not null default 'pending'::text,
  response_status integer,
  response_body text,
  attempt_count integer not null default 0,
  last_error text,
  next_attempt_at timestamp with time zone,
  delivered_at timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  constraint webhook_deliveries_attempt_count_check CHECK ((attempt_count >= 0)),
  constraint webhook_deliveries_delivered_at_check CHECK (((status = 'delivered'::text) = (delivered_at IS NOT NULL))),
  constraint webhook_deliveries_event_type_check CHECK (((char_length(event_type) >= 1) AND (char_length(event_type) <= 100))),
  constraint webhook_deliveries_last_error_check CHECK ((char_length(last_error) <= 2000)),
  constraint webhook_deliveries_pkey PRIMARY KEY (delivery_id, created_at),
  constraint webhook_deliveries_response_body_check CHECK ((char_length(response_body) <= 65536)),
  constraint webhook_deliveries_response_status_check CHECK (((response_status >= 100) AND (response_status <= 599))),
  constraint webhook_deliveries_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text]))),
  constraint webhook_deliveries_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES webhooks(webhook_id) ON DELETE CASCADE
) partition by RANGE (created_at);
CREATE INDEX webhook_deliveries_log_id_idx ON ONLY public.webhook_deliveries USING btree (log_id) WHERE (log_id IS NOT NULL);
CREATE INDEX webhook_deliveries_next_attempt_at_idx ON ONLY public.webhook_deliveries USING btree (next_attempt_at) WHERE (status = 'pending'::text);
CREATE INDEX webhook_deliveries_webhook_id_idx ON ONLY public.webhook_deliveries USING btree (webhook_id, delivery_id DESC);
create table webhook_deliveries_default partition of webhook_deliveries default;

create table webhooks (
  webhook_id uuid not null,
  org_id uuid not null,
  name text not null,
  url text not null,
  headers jsonb not null default '{}'::jsonb,
  secret_encrypted text not null,
  event_types jsonb not null default '[]'::jsonb,
  is_active boolean not null default true,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint webhooks_event_types_check CHECK ((jsonb_typeof(event_types) = 'array'::text)),
  constraint webhooks_headers_check CHECK ((jsonb_typeof(headers) = 'object'::text)),
  constraint webhooks_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 255))),
  constraint webhooks_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations(org_id) ON DELETE CASCADE,
  constraint webhooks_pkey PRIMARY KEY (webhook_id),
  constraint webhooks_secret_encrypted_check CHECK ((char_length(secret_encrypted) <= 4096)),
  constraint webhooks_url_check CHECK (((char_length(url) <= 2048) AND (url ~ '^https{0,1}://'::text)))
);
CREATE INDEX webhooks_org_id_idx ON public.webhooks USING btree (org_id, webhook_id);
