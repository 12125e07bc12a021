/** The catalogue of faults: code → status and public sentence. Sorted by room; `test/snapshots/faults.txt` is printed from it. */
import type { FaultEntry } from './fault.ts';

export const faults = {
  // base
  request_invalid: { status: 400, says: 'The request does not have the expected form.' },
  body_malformed: { status: 400, says: 'The body could not be read.' },
  unauthenticated: { status: 401, says: 'This needs an API key or an access token that is valid.' },
  not_allowed: { status: 403, says: 'You do not have the permission that this needs.' },
  form_expired: { status: 403, says: 'This form is no longer valid. Go back, reload the page and try again.' },
  not_found: { status: 404, says: 'There is nothing here that you can see.' },
  method_not_allowed: { status: 405, says: 'This address does not know that method.' },
  conflict: { status: 409, says: 'This clashes with what is already there.' },
  idempotency_key_reused: { status: 422, says: 'This Idempotency-Key was already used for a different request.' },
  body_too_large: { status: 413, says: 'The body is larger than this address accepts.' },
  media_type_unsupported: { status: 415, says: 'The body has a media type that this address does not read.' },
  misdirected: { status: 421, says: 'This server does not answer for that host name.' },
  too_many_requests: { status: 429, says: 'Too many requests. Wait before you try again.' },
  internal: { status: 500, says: 'Something went wrong on our side. The request id names it in our log.' },
  database_unavailable: {
    status: 503,
    says: 'The database does not answer at the moment. Nothing was changed; try again shortly.',
  },
  busy: { status: 503, says: 'The server is busy. Try again shortly.' },
  egress_refused: { status: 400, says: 'That address may not be reached from here.', fields: ['config/metadata_url'] },
  egress_failed: { status: 400, says: 'That address did not give a usable answer.', fields: ['config/metadata_url'] },
  // directory
  slug_taken: { status: 409, says: 'Another organization has this slug.', fields: ['slug'] },
  slug_reserved: { status: 400, says: 'This slug is reserved.', fields: ['slug'] },
  custom_domain_taken: { status: 409, says: 'Another organization has this domain.', fields: ['custom_domain'] },
  organization_inactive: { status: 409, says: 'The organization is suspended or deleted.' },
  domain_invalid: { status: 400, says: 'This is no domain that can be verified.', fields: ['domain', 'custom_domain'] },
  domain_public: {
    status: 400,
    says: 'Anybody can have an address in this domain, so it cannot be an organization’s own.',
    fields: ['domain'],
  },
  domain_exists: { status: 409, says: 'The organization has this domain already.', fields: ['domain'] },
  domain_taken: { status: 409, says: 'Another organization has verified this domain.', fields: ['is_shared'] },
  domain_not_verified: {
    status: 409,
    says: 'The organization has not verified this domain.',
    fields: ['custom_domain'],
  },
  domain_record_missing: { status: 409, says: 'The TXT record was not found.' },
  email_invalid: { status: 400, says: 'This is no e-mail address that can be used.', fields: ['email'] },
  email_taken: { status: 409, says: 'There is already an account with this e-mail address.', fields: ['email'] },
  username_invalid: { status: 400, says: 'This cannot be used as a username.', fields: ['username'] },
  username_taken: {
    status: 409,
    says: 'There is already an account with this username.',
    fields: ['username', 'email'],
  },
  identifier_missing: {
    status: 400,
    says: 'An account needs an e-mail address or a username.',
    fields: ['email', 'username', 'payload'],
  },
  claim_refused: { status: 409, says: 'This account cannot be taken over by an organization.' },
  member_is_owned: {
    status: 409,
    says: 'The organization owns this account: suspend the membership, or disable or delete the account.',
  },
  last_owner: { status: 409, says: 'The organization would have no owner left.' },
  group_name_taken: { status: 409, says: 'There is already a group of that name.', fields: ['name'] },
  group_slug_taken: { status: 409, says: 'There is already a group with this slug.', fields: ['slug'] },
  group_full: { status: 409, says: 'The group has as many members as it may have.', fields: ['add'] },
  member_unknown: { status: 400, says: 'Somebody who should become a member is not in this organization.' },
  unit_name_taken: {
    status: 409,
    says: 'There is already a unit of that name at this place.',
    fields: ['name', 'parent_id'],
  },
  unit_not_empty: { status: 409, says: 'The unit has units below it.' },
  unit_misplaced: { status: 409, says: 'A unit cannot stand there.', fields: ['parent_id'] },
  // access
  role_name_taken: { status: 409, says: 'There is already a role of that name.', fields: ['name'] },
  role_name_reserved: { status: 409, says: 'The system has a role of that name.', fields: ['name'] },
  role_of_system: { status: 409, says: 'A role of the system cannot be changed here.' },
  role_not_inheritable: { status: 409, says: 'Nothing can inherit from this role.' },
  inheritance_cycle: { status: 409, says: 'The role would inherit from itself.' },
  permission_name_taken: { status: 409, says: 'There is already a permission of that name.', fields: ['name'] },
  permission_name_reserved: { status: 409, says: 'The system has a permission of that name.', fields: ['name'] },
  permission_of_system: { status: 409, says: 'A permission of the system cannot be changed here.' },
  last_administrator: { status: 409, says: 'The system would have no administrator left.' },
  // credentials
  password_malformed: { status: 400, says: 'This cannot be used as a password.', fields: ['password'] },
  password_too_short: { status: 400, says: 'The password is too short.', fields: ['password'] },
  password_too_common: {
    status: 400,
    says: 'This password is among the first that attackers try. Choose something less predictable.',
    fields: ['password'],
  },
  password_wrong: { status: 403, says: 'The current password is not right.' },
  setup_closed: {
    status: 404,
    says: 'This link does not work (any more). Start the server again to get a new one, as long as nobody has an account.',
  },
  permission_unknown: { status: 400, says: 'There is no such permission.', fields: ['scopes', 'permissions'] },
  permission_not_held: {
    status: 403,
    says: 'Nobody can pass on a permission that they do not hold themselves.',
    fields: ['scopes', 'permissions', 'scope'],
  },
  service_account_name_taken: {
    status: 409,
    says: 'There is already a service account of that name.',
    fields: ['name'],
  },
  // applications
  resource_uri_taken: {
    status: 409,
    says: 'Another application is the API of this identifier.',
    fields: ['resource_uri'],
  },
  interaction_gone: {
    status: 400,
    says: 'This sign-in is no longer valid. Go back to the application and begin again.',
  },
  application_without_secret: { status: 409, says: 'This application does not authenticate with a secret.' },
  // provisioning
  mapping_invalid: { status: 400, says: 'One of the attribute mappings could not work.', fields: ['mappings'] },
  scim_payload_invalid: { status: 400, says: 'The payload would be refused.' },
  external_id_taken: { status: 409, says: 'Another resource of this client has this external id.' },
  // federation
  provider_type_unsupported: {
    status: 400,
    says: 'This version connects identity providers by SAML only.',
    fields: ['type'],
  },
  provider_config_invalid: {
    status: 400,
    says: 'The identity provider cannot be connected like this.',
    fields: ['config'],
  },
  provider_metadata_refused: {
    status: 400,
    says: 'The metadata of the identity provider cannot be used.',
    fields: ['config/metadata_xml', 'config/metadata_url'],
  },
  provider_metadata_missing: { status: 409, says: 'This connection has no metadata address to read from.' },
  provider_entity_taken: {
    status: 409,
    says: 'The organization has a connection to this identity provider already.',
    fields: ['config/idp_entity_id', 'config/metadata_xml', 'config/metadata_url'],
  },
  provider_incomplete: {
    status: 409,
    says: 'An enabled connection needs an entity ID, a sign-on address and an active certificate.',
    fields: ['enabled'],
  },
  provider_certificate_exists: { status: 409, says: 'The connection has this certificate already.', fields: ['pem'] },
  provider_certificates_too_many: {
    status: 409,
    says: 'A connection has at most five certificates. Retire one first.',
  },
  connection_unavailable: { status: 403, says: 'Nobody can sign in through this connection at the moment.' },
} as const satisfies Record<string, FaultEntry>;

export type FaultCode = keyof typeof faults;
