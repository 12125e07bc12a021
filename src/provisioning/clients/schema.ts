/** Shapes, events and permissions of SCIM clients: the directories that provision into an organization. */
import { type Static, Type } from 'typebox';
import { defineEvent } from '../../core/event.ts';
import { definePermission } from '../../core/permission.ts';

export const Id = Type.String({ format: 'uuid' });
/** A date in a row, a text in JSON. */
export const time = () => Type.Unsafe<Date>(Type.String({ format: 'date-time' }));
export const timeOrNull = (description?: string) =>
  Type.Union([time(), Type.Null()], description ? { description } : {});

const shown = {
  client_id: Id,
  org_id: Id,
  name: Type.String(),
  enabled: Type.Boolean(),
  mapping_version: Type.Integer({ description: 'Counts the changes of its attribute mappings.' }),
  created_by: Type.Union([Id, Type.Null()]),
  created_at: time(),
  updated_at: time(),
  expires_at: timeOrNull('From then on neither its tokens nor its secret work.'),
  last_used_at: timeOrNull('To the minute.'),
  previous_secret_expires_at: timeOrNull('Until when the secret before the last rotation works, if it does.'),
};

const addresses = {
  base_url: Type.String({ description: 'Where the directory provisions to.' }),
  token_endpoint: Type.String({ description: 'For directories that authenticate with OAuth 2.0 client credentials.' }),
};

/** A row, without anything that is secret. */
const ScimClientRow = Type.Object(shown);
export type ScimClientRow = Static<typeof ScimClientRow>;

export const ScimClient = Type.Object({ ...shown, ...addresses }, { $id: 'ScimClient' });
export type ScimClient = Static<typeof ScimClient>;

const client_secret = Type.String({ description: 'It is shown this once; only its hash is kept.' });

export const CreatedScimClient = Type.Object({ ...shown, ...addresses, client_secret }, { $id: 'CreatedScimClient' });
export type CreatedScimClient = Static<typeof CreatedScimClient>;

/** A moment that a caller names. */
export const givenExpiry = () =>
  Type.Union([Type.String({ format: 'date-time' }), Type.Null()], { description: 'Null: until it is ended.' });
const name = Type.String({ minLength: 1, maxLength: 255, pattern: '\\S', 'x-says': 'must not be blank' });

export const NewScimClient = Type.Object(
  { name: Type.Optional(name), expires_at: Type.Optional(givenExpiry()) },
  { $id: 'NewScimClient' },
);
export type NewScimClient = Static<typeof NewScimClient>;

export const ScimClientChange = Type.Partial(
  Type.Object({
    name,
    enabled: Type.Boolean({ description: 'False refuses its tokens and its secret at once.' }),
    expires_at: givenExpiry(),
  }),
  { $id: 'ScimClientChange', minProperties: 1 },
);
export type ScimClientChange = Static<typeof ScimClientChange>;

export const ScimSecretRotation = Type.Object({
  grace_seconds: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 2_592_000,
      description: 'For how long the secret before this one still works; 0 when absent.',
    }),
  ),
});
export type ScimSecretRotation = Static<typeof ScimSecretRotation>;

export const NewScimSecret = Type.Object(
  { client_id: Id, client_secret, previous_secret_expires_at: timeOrNull() },
  { $id: 'NewScimSecret' },
);
export type NewScimSecret = Static<typeof NewScimSecret>;

export const readScimClients = definePermission(
  'scim_clients.read',
  'See SCIM clients, their mappings, and what they sent.',
);
export const manageScimClients = definePermission(
  'scim_clients.manage',
  'Make, change and delete SCIM clients, their tokens and mappings.',
);

export const scimClientCreated = defineEvent('scim_client.created', 'scim_client', 'A SCIM client was made.');
export const scimClientUpdated = defineEvent('scim_client.updated', 'scim_client', 'A SCIM client was changed.');
export const scimClientDeleted = defineEvent(
  'scim_client.deleted',
  'scim_client',
  'A SCIM client was deleted, with its tokens and mappings.',
);
export const scimClientSecretRotated = defineEvent(
  'scim_client.secret_rotated',
  'scim_client',
  'A SCIM client was given a new secret.',
);
