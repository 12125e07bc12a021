/** Shapes, events and permissions of service accounts. */
import { type Static, Type } from 'typebox';
import { defineEvent } from '../../core/event.ts';
import { definePermission } from '../../core/permission.ts';

export const Id = Type.String({ format: 'uuid' });
const time = () => Type.String({ format: 'date-time' });

/** Names of permissions; `*` stands for every one, also those of later versions, and is given by those who hold all. */
export const PermissionNames = Type.Array(Type.String({ minLength: 1, maxLength: 100 }), {
  maxItems: 200,
  uniqueItems: true,
});

export const ServiceAccount = Type.Object(
  {
    service_account_id: Id,
    org_id: Type.Union([Id, Type.Null()], { description: 'Null for a system service account.' }),
    name: Type.String(),
    description: Type.Union([Type.String(), Type.Null()]),
    permissions: PermissionNames,
    is_active: Type.Boolean(),
    created_by: Type.Union([Id, Type.Null()]),
    created_at: time(),
    updated_at: time(),
  },
  { $id: 'ServiceAccount' },
);
export type ServiceAccount = Static<typeof ServiceAccount>;

export const NewServiceAccount = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 100, pattern: '\\S', 'x-says': 'must not be blank' }),
  description: Type.Optional(Type.Union([Type.String({ maxLength: 500 }), Type.Null()])),
  permissions: PermissionNames,
});
export type NewServiceAccount = Static<typeof NewServiceAccount>;

export const ServiceAccountChange = Type.Partial(
  Type.Object({
    ...NewServiceAccount.properties,
    is_active: Type.Boolean({ description: 'An account that is not active refuses all its keys at once.' }),
  }),
  { minProperties: 1 },
);
export type ServiceAccountChange = Static<typeof ServiceAccountChange>;

export const readServiceAccounts = definePermission('service_accounts.read', 'See service accounts.');
export const manageServiceAccounts = definePermission(
  'service_accounts.manage',
  'Make, change and delete service accounts.',
);

export const serviceAccountCreated = defineEvent(
  'service_account.created',
  'service_account',
  'A service account was made.',
);
export const serviceAccountUpdated = defineEvent(
  'service_account.updated',
  'service_account',
  'A service account was changed.',
);
export const serviceAccountDeleted = defineEvent(
  'service_account.deleted',
  'service_account',
  'A service account was deleted, and its keys with it.',
);
