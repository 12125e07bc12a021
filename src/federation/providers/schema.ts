/** Shapes of identity providers: the connections through which an organization's people sign in. */
import { type Static, Type } from 'typebox';
import { defineEvent } from '../../core/event.ts';
import { definePermission } from '../../core/permission.ts';

export const Id = Type.String({ format: 'uuid' });
const text = () => Type.Union([Type.String(), Type.Null()]);
/** A date in a row, a text in JSON. */
const time = () => Type.Unsafe<Date>(Type.String({ format: 'date-time' }));
const maybeTime = () => Type.Union([time(), Type.Null()]);
const address = (description?: string) =>
  Type.String({ minLength: 1, maxLength: 2048, ...(description ? { description } : {}) });
const orNull = <T extends Parameters<typeof Type.Optional>[0]>(schema: T) =>
  Type.Optional(Type.Union([schema, Type.Null()]));

/** What the connection asks of messages beyond what is always asked, and how it behaves. */
const policy = {
  want_response_signed: Type.Boolean({ description: 'The response must be signed too, not only the assertion.' }),
  want_assertion_signed: Type.Boolean({ description: 'The assertion itself must be signed, not only the response.' }),
  want_encrypted: Type.Boolean({ description: 'Assertions must be encrypted.' }),
  allow_cbc: Type.Boolean({
    description:
      'Accept AES-CBC, the default of Entra ID, AD FS and Okta. Failures are counted, and only few are borne.',
  }),
  subject_attribute: Type.Union([Type.String({ minLength: 1, maxLength: 512 }), Type.Null()], {
    description: 'The attribute that names the person, in place of the NameID.',
  }),
  name_id_format: Type.Union([Type.Enum(['unspecified', 'persistent', 'email']), Type.Null()], {
    description: 'The kind of NameID that is asked for; null asks for none.',
  }),
  requested_contexts: Type.Array(Type.String({ minLength: 1, maxLength: 512 }), {
    maxItems: 10,
    description: 'AuthnContextClassRefs of which the identity provider must use one.',
  }),
  force_authn: Type.Boolean({ description: 'Ask for a fresh authentication at each sign-in.' }),
  idp_initiated: Type.Enum(['refuse', 'bounce', 'accept'], {
    description:
      'Sign-ins that begin at the identity provider: refused; begun again by us, unread; or verified, the account made or followed, and then begun again by us, so that they are bound to the browser.',
  }),
  landing_client_id: Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Null()], {
    description:
      'The application where sign-ins that begin at the identity provider arrive, at its `initiate_login_uri`.',
  }),
  login_hint_parameter: Type.Union(
    [
      Type.String({
        pattern: '^[A-Za-z][A-Za-z0-9_]{0,39}$',
        'x-says': 'must be 1 to 40 letters (a to z), digits and underscores, and begin with a letter',
      }),
      Type.Null(),
    ],
    {
      description: 'Name under which the typed e-mail is added to the sign-on address, for instance `login_hint`.',
    },
  ),
  role_mapping: Type.Array(
    Type.Object({ group: Type.String({ minLength: 1, maxLength: 512 }), role_id: Type.String({ format: 'uuid' }) }),
    {
      maxItems: 200,
      description:
        'Groups as the identity provider names them, and the role that each gives. Setting it needs `grants.manage`.',
    },
  ),
  sso_binding: Type.Union([Type.Enum(['redirect', 'post']), Type.Null()], {
    description: 'How requests are sent, where the identity provider takes both.',
  }),
};
const Policy = Type.Object(policy);
export type SamlPolicy = Static<typeof Policy>;

export const ProviderConfig = Type.Object(
  {
    idp_entity_id: text(),
    sso_url: text(),
    slo_url: text(),
    metadata_url: text(),
    ...policy,
  },
  { $id: 'IdentityProviderConfig' },
);
export type ProviderConfig = Static<typeof ProviderConfig>;

/** One source of trust: a file, an address, or the three values that a file would have. */
export const ProviderConfigInput = Type.Object(
  {
    metadata_xml: Type.Optional(
      Type.String({ minLength: 1, maxLength: 2 * 1024 * 1024, description: 'The metadata file.' }),
    ),
    metadata_url: orNull(address('Where the metadata is read from, now and daily; null stops that.')),
    idp_entity_id: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })),
    sso_url: Type.Optional(address()),
    slo_url: orNull(address()),
    certificates: Type.Optional(
      Type.Array(Type.String({ maxLength: 32_768 }), {
        maxItems: 5,
        description: 'Signing certificates, PEM. They are added.',
      }),
    ),
    ...Type.Partial(Policy).properties,
  },
  { $id: 'IdentityProviderConfigInput' },
);
export type ProviderConfigInput = Static<typeof ProviderConfigInput>;

export const AttributeMapping = Type.Record(
  Type.String({ minLength: 1, maxLength: 64 }),
  Type.Union([
    Type.String({ minLength: 1, maxLength: 512 }),
    Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { maxItems: 20 }),
  ]),
  {
    maxProperties: 50,
    description:
      'Field → name of the attribute, or names in order: `email`, `first_name`, `last_name`, `username`, `display_name`, `groups`, `picture`. What is not named follows the presets for well-known products.',
  },
);

export const IdentityProvider = Type.Object(
  {
    provider_id: Id,
    org_id: Id,
    type: Type.String(),
    name: Type.String(),
    enabled: Type.Boolean(),
    state: Type.Enum(['draft', 'active'], { description: 'A draft signs nobody in; it can be tested.' }),
    auto_provision: Type.Boolean({
      description: 'People whom nobody knows yet get an account at their first sign-in.',
    }),
    attribute_mapping: AttributeMapping,
    config: ProviderConfig,
    metadata: Type.Object(
      {
        checked_at: text(),
        read_at: text(),
        problem: text(),
        pending: Type.Union([
          Type.Object({ idp_entity_id: Type.String(), sso_url: Type.String(), since: Type.String() }),
          Type.Null(),
        ]),
      },
      { description: 'How reading it from `metadata_url` went. `pending`: a change that waits for an administrator.' },
    ),
    sp: Type.Object(
      {
        entity_id: Type.String(),
        acs_url: Type.String(),
        slo_url: Type.String(),
        metadata_url: Type.String(),
        login_url: Type.String(),
      },
      { description: 'Our side, to be entered at the identity provider.' },
    ),
    last_used_at: maybeTime(),
    created_at: time(),
    updated_at: time(),
  },
  { $id: 'IdentityProvider' },
);
export type IdentityProvider = Static<typeof IdentityProvider>;

export const NewIdentityProvider = Type.Object(
  {
    type: Type.Enum(['saml', 'oidc', 'social', 'ldap']),
    name: Type.String({ minLength: 1, maxLength: 255 }),
    config: Type.Optional(ProviderConfigInput),
    attribute_mapping: Type.Optional(AttributeMapping),
    auto_provision: Type.Optional(Type.Boolean()),
    enabled: Type.Optional(Type.Boolean({ description: 'When absent: yes, as soon as the connection is complete.' })),
  },
  { $id: 'NewIdentityProvider' },
);
export type NewIdentityProvider = Static<typeof NewIdentityProvider>;

export const IdentityProviderChanges = Type.Object(
  {
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
    config: Type.Optional(ProviderConfigInput),
    attribute_mapping: Type.Optional(AttributeMapping),
    auto_provision: Type.Optional(Type.Boolean()),
    enabled: Type.Optional(Type.Boolean()),
  },
  { $id: 'IdentityProviderChanges' },
);
export type IdentityProviderChanges = Static<typeof IdentityProviderChanges>;

export const MetadataUpdate = Type.Object(
  {
    accept_changes: Type.Optional(
      Type.Boolean({ description: 'Take over another entity ID or another host, which would otherwise wait.' }),
    ),
  },
  { $id: 'MetadataUpdate' },
);
export type MetadataUpdate = Static<typeof MetadataUpdate>;

export const ProviderCertificate = Type.Object(
  {
    certificate_id: Id,
    provider_id: Id,
    pem: Type.String(),
    fingerprint_sha256: Type.String(),
    subject: text(),
    not_before: maybeTime(),
    not_after: maybeTime(),
    source: Type.Enum(['manual', 'metadata']),
    status: Type.Enum(['pending', 'active', 'retired']),
    added_at: time(),
    last_used_at: Type.Union([time(), Type.Null()], { description: 'To the hour.' }),
  },
  { $id: 'IdentityProviderCertificate' },
);
export type ProviderCertificate = Static<typeof ProviderCertificate>;

export const NewProviderCertificate = Type.Object(
  { pem: Type.String({ minLength: 1, maxLength: 32_768, description: 'PEM, or its base64 alone.' }) },
  { $id: 'NewIdentityProviderCertificate' },
);
export type NewProviderCertificate = Static<typeof NewProviderCertificate>;

const about = 'identity_provider';
export const providerCreated = defineEvent(
  'identity_provider.created',
  about,
  'A connection to an identity provider was made.',
);
export const providerUpdated = defineEvent(
  'identity_provider.updated',
  about,
  'A connection to an identity provider was changed.',
);
export const providerEnabled = defineEvent(
  'identity_provider.enabled',
  about,
  'A connection was enabled: people sign in through it.',
);
export const providerDisabled = defineEvent(
  'identity_provider.disabled',
  about,
  'A connection was disabled: nobody signs in through it.',
);
export const providerDeleted = defineEvent(
  'identity_provider.deleted',
  about,
  'A connection was deleted, with the links of accounts to it.',
);
export const metadataPending = defineEvent(
  'identity_provider.metadata_pending',
  about,
  'The metadata names another identity provider or another host; an administrator has to accept that.',
);
export const metadataFailed = defineEvent(
  'identity_provider.metadata_failed',
  about,
  'The metadata could not be read any more; the last good copy stays in use.',
);
const aboutCertificate = 'identity_provider_certificate';
export const certificateAdded = defineEvent(
  'identity_provider_certificate.added',
  aboutCertificate,
  'A signing certificate was added to a connection: what is signed with it is believed.',
);
export const certificateRetired = defineEvent(
  'identity_provider_certificate.retired',
  aboutCertificate,
  'A signing certificate of a connection is no longer believed.',
);
export const certificateExpiring = defineEvent(
  'identity_provider_certificate.expiring',
  aboutCertificate,
  'A signing certificate of a connection expires soon; the identity provider will probably change it.',
);

export const readProviders = definePermission('identity_providers.read', 'Read connections to identity providers.');
export const manageProviders = definePermission(
  'identity_providers.manage',
  'Make, change and delete connections to identity providers.',
);
