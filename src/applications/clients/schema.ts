/** Shapes of applications: OAuth clients by the metadata names of RFC 7591 §2, with what Lintel adds. */
import { type Static, Type } from 'typebox';
import { defineEvent } from '../../core/event.ts';
import { definePermission } from '../../core/permission.ts';
import { ListQuery } from '../../http/list.ts';
import { maxCharacters } from '../../http/open-object.ts';

const Id = Type.String({ format: 'uuid' });
const time = () => Type.Unsafe<Date>(Type.String({ format: 'date-time' }));
const address = (description: string) => Type.Union([Type.String({ maxLength: 2048 }), Type.Null()], { description });
const addresses = (description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 2048 }), { maxItems: 50, uniqueItems: true, description });
const scope = (description: string) => Type.Union([Type.String({ maxLength: 4000 }), Type.Null()], { description });

const grantTypes = ['authorization_code', 'refresh_token', 'client_credentials'] as const;
const authMethods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'] as const;
const signingAlgorithms = ['ES256', 'RS256'] as const;
/** Scopes that speak about the person who signed in; the claims behind them are in `src/oidc/claims.ts`. */
export const identityScopes = ['openid', 'profile', 'email', 'phone', 'offline_access'] as const;

const Jwks = Type.Object(
  { keys: Type.Array(Type.Object({}, { additionalProperties: true }), { minItems: 1, maxItems: 20 }) },
  { description: 'Public keys of the application (RFC 7517).', 'x-most-characters': maxCharacters },
);

const metadata = {
  client_name: Type.String({ minLength: 1, maxLength: 200 }),
  application_type: Type.Enum(['web', 'native'], {
    description: 'web when absent; native may use private URI schemes (RFC 8252).',
  }),
  redirect_uris: addresses(
    'Compared character by character: https, http on loopback, or a reverse-DNS scheme for native.',
  ),
  post_logout_redirect_uris: addresses('Where signing out may return to; the rules of redirect_uris.'),
  grant_types: Type.Array(Type.Enum([...grantTypes]), { maxItems: 3, uniqueItems: true }),
  response_types: Type.Array(Type.Literal('code'), { maxItems: 1 }),
  token_endpoint_auth_method: Type.Enum([...authMethods]),
  id_token_signed_response_alg: Type.Enum([...signingAlgorithms], { description: 'ES256 when absent.' }),
  subject_type: Type.Literal('public'),
  scope: scope(
    'Space-separated names that it may ask for: identity scopes, scopes of resources, and permissions of this API. ' +
      'Null: the identity scopes and its resources’ scopes, and no permission of this API.',
  ),
  client_uri: address('Home page.'),
  logo_uri: address('Picture for the consent page, https.'),
  policy_uri: address('Privacy policy.'),
  tos_uri: address('Terms.'),
  contacts: Type.Array(Type.String({ format: 'email', maxLength: 320 }), { maxItems: 20, uniqueItems: true }),
  initiate_login_uri: address('Where a third party may begin a sign-in, https.'),
  jwks: Type.Union([Jwks, Type.Null()]),
  jwks_uri: address('Where its public keys are, https.'),
  default_max_age: Type.Union([Type.Integer({ minimum: 0, maximum: 31_536_000 }), Type.Null()], {
    description: 'Seconds.',
  }),
  default_acr_values: Type.Array(Type.String({ maxLength: 100 }), { maxItems: 10, uniqueItems: true }),
  require_auth_time: Type.Boolean(),
  require_pkce: Type.Boolean({
    description: 'True when absent. Only a confidential application may do without (RFC 9700 §2.1.1).',
  }),
  require_pushed_authorization_requests: Type.Boolean({ description: 'RFC 9126 §6.' }),
  first_party: Type.Boolean({ description: 'Of the same house: people are not asked for consent.' }),
  resource_uri: address('It is itself an API: the identifier that others name as `resource` (RFC 8707).'),
  resource_scope: scope('Space-separated scopes of that API.'),
  resource_token_format: Type.Enum(['opaque', 'jwt'], {
    description:
      'opaque when absent: checked by introspection, ended at once. jwt: checked by signature (RFC 9068), lives 10 minutes.',
  }),
};

export const Application = Type.Object(
  {
    client_id: Id,
    org_id: Type.Union([Id, Type.Null()], { description: 'Null: the system’s, for members of every organization.' }),
    ...metadata,
    client_secret_created_at: Type.Union([time(), Type.Null()]),
    enabled: Type.Boolean(),
    created_at: time(),
    updated_at: time(),
  },
  { $id: 'Application' },
);
export type Application = Static<typeof Application>;

/** With the secret, which is shown once. */
export const ApplicationWithSecret = Type.Object(
  {
    ...Application.properties,
    client_id_issued_at: Type.Integer({ description: 'Unix seconds (RFC 7591 §3.2.1).' }),
    client_secret: Type.Optional(Type.String({ description: 'Shown once; only its hash is kept.' })),
    client_secret_expires_at: Type.Optional(Type.Integer({ description: '0: does not expire (RFC 7591 §3.2.1).' })),
  },
  { $id: 'ApplicationWithSecret' },
);
export type ApplicationWithSecret = Static<typeof ApplicationWithSecret>;

const { client_name, ...optional } = metadata;

export const NewApplication = Type.Object(
  {
    client_name,
    org_id: Type.Optional(Type.Union([Id, Type.Null()], { description: 'The caller’s organization when absent.' })),
    ...Type.Partial(Type.Object(optional)).properties,
  },
  { $id: 'NewApplication' },
);
export type NewApplication = Static<typeof NewApplication>;

export const ApplicationChange = Type.Partial(
  Type.Object({
    ...metadata,
    enabled: Type.Boolean({ description: 'A disabled application’s tokens stop working within a second.' }),
  }),
  { minProperties: 1, $id: 'ApplicationChange' },
);
export type ApplicationChange = Static<typeof ApplicationChange>;

export const ApplicationQuery = Type.Object({ ...ListQuery.properties, org_id: Type.Optional(Id) });
export type ApplicationQuery = Static<typeof ApplicationQuery>;

export const SecretRotation = Type.Object({
  grace_seconds: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 86_400,
      default: 0,
      description: 'How long the secret before it still works.',
    }),
  ),
});
export type SecretRotation = Static<typeof SecretRotation>;

export const NewSecret = Type.Object(
  {
    client_id: Id,
    client_secret: Type.String({ description: 'Shown once; only its hash is kept.' }),
    client_secret_expires_at: Type.Integer({ description: '0: does not expire.' }),
    previous_secret_expires_at: Type.Union([time(), Type.Null()]),
  },
  { $id: 'NewApplicationSecret' },
);
export type NewSecret = Static<typeof NewSecret>;

/** A row of `oidc_clients`. */
export interface ClientRow extends Omit<Application, 'subject_type' | 'client_secret_created_at' | 'application_type'> {
  readonly application_type: 'web' | 'native';
  readonly secret_hash: string | null;
  readonly secret_created_at: Date | null;
  readonly previous_secret_hash: string | null;
  readonly previous_secret_expires_at: Date | null;
  readonly version: number;
  readonly created_by: string | null;
}

export const readApplications = definePermission('applications.read', 'See applications and what people granted them.');
export const manageApplications = definePermission('applications.manage', 'Make, change and delete applications.');

export const applicationCreated = defineEvent('application.created', 'application', 'An application was registered.');
export const applicationUpdated = defineEvent('application.updated', 'application', 'An application was changed.');
export const applicationDeleted = defineEvent('application.deleted', 'application', 'An application was deleted.');
export const applicationSecretRotated = defineEvent(
  'application.secret_rotated',
  'application',
  'An application got a new secret.',
);
