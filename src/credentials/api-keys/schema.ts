/** Shapes, events and permissions of API keys. */
import { type Static, Type } from 'typebox';
import { defineEvent } from '../../core/event.ts';
import { definePermission } from '../../core/permission.ts';
import { Id, PermissionNames } from '../service-accounts/schema.ts';

const time = () => Type.String({ format: 'date-time' });
const orNull = <T extends ReturnType<typeof Type.String>>(shape: T) => Type.Union([shape, Type.Null()]);

const shown = {
  api_key_id: Id,
  org_id: Type.Union([Id, Type.Null()], {
    description: 'The organization that it is bound to; null for the whole system.',
  }),
  user_id: orNull(Id),
  service_account_id: orNull(Id),
  name: Type.String(),
  description: orNull(Type.String()),
  key_prefix: Type.String({ description: 'Its first characters, to tell keys apart.' }),
  scopes: PermissionNames,
  created_by: orNull(Id),
  created_at: time(),
  expires_at: orNull(time()),
  last_used_at: Type.Union([time(), Type.Null()], { description: 'To the minute.' }),
  revoked: Type.Boolean(),
  revoked_at: orNull(time()),
};

export const ApiKey = Type.Object(shown, { $id: 'ApiKey' });
export type ApiKey = Static<typeof ApiKey>;

export const CreatedApiKey = Type.Object(
  { ...shown, key: Type.String({ description: 'The key itself. It is shown this once; only its hash is kept.' }) },
  { $id: 'CreatedApiKey' },
);
export type CreatedApiKey = Static<typeof CreatedApiKey>;

const settable = {
  name: Type.String({ minLength: 1, maxLength: 100, pattern: '\\S', 'x-says': 'must not be blank' }),
  description: Type.Union([Type.String({ maxLength: 500 }), Type.Null()]),
  scopes: Type.Array(Type.String({ minLength: 1, maxLength: 100 }), {
    minItems: 1,
    maxItems: 200,
    uniqueItems: true,
    description:
      'Permissions of the caller. The key can do what is named here and its owner may do at the time of use.',
  }),
  expires_at: Type.Union([time(), Type.Null()], { description: 'Null: until it is revoked.' }),
};

export const NewApiKey = Type.Object({
  name: settable.name,
  description: Type.Optional(settable.description),
  scopes: settable.scopes,
  expires_at: Type.Optional(settable.expires_at),
  service_account_id: Type.Optional(
    Type.String({ format: 'uuid', description: 'The service account that owns it; absent: whoever asks.' }),
  ),
});
export type NewApiKey = Static<typeof NewApiKey>;

export const ApiKeyChange = Type.Partial(Type.Object(settable), { minProperties: 1 });
export type ApiKeyChange = Static<typeof ApiKeyChange>;

export const readApiKeys = definePermission('api_keys.read', 'See API keys, without their secrets.');
export const manageApiKeys = definePermission('api_keys.manage', 'Make, change and revoke API keys.');

export const apiKeyCreated = defineEvent('api_key.created', 'api_key', 'An API key was made.');
export const apiKeyUpdated = defineEvent('api_key.updated', 'api_key', 'An API key was changed.');
export const apiKeyRevoked = defineEvent('api_key.revoked', 'api_key', 'An API key was revoked.');
