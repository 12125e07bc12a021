/** Shapes of permissions: what may be done, by name. Lintel's own are offered to all; organizations define theirs. */
import { type Static, Type } from 'typebox';
import { defineEvent } from '../../core/event.ts';
import { definePermission } from '../../core/permission.ts';
import { ListQuery } from '../../http/list.ts';

const text = () => Type.Union([Type.String(), Type.Null()]);
/** A date in a row, a text in JSON. */
const time = () => Type.Unsafe<Date>(Type.String({ format: 'date-time' }));

export const Permission = Type.Object(
  {
    permission_id: Type.String({ format: 'uuid' }),
    org_id: Type.Union([Type.String(), Type.Null()], { description: 'Null for a permission of Lintel itself.' }),
    name: Type.String(),
    resource: text(),
    action: text(),
    description: text(),
    category: Type.String({ description: 'organization or system for Lintel’s own; anything for an organization’s.' }),
    created_at: time(),
    updated_at: time(),
  },
  { $id: 'Permission' },
);
export type Permission = Static<typeof Permission>;

/** Parts of names go into scopes and tokens, so nothing that separates there (RFC 6749 §3.3), and no wildcard. */
const name = () =>
  Type.String({
    pattern: '^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}$',
    'x-says': 'must be 1 to 100 letters (a to z), digits and _ . : / -, and begin with a letter or digit',
    description: 'For instance `invoices.approve`.',
  });

const settable = {
  resource: Type.Optional(Type.Union([Type.String({ minLength: 1, maxLength: 50 }), Type.Null()])),
  action: Type.Optional(Type.Union([Type.String({ minLength: 1, maxLength: 50 }), Type.Null()])),
  description: Type.Optional(Type.Union([Type.String({ maxLength: 500 }), Type.Null()])),
  category: Type.Optional(
    Type.String({
      pattern: '^[a-z][a-z_]{0,49}$',
      'x-says': 'must be 1 to 50 lower-case letters (a to z) and underscores, and begin with a letter',
    }),
  ),
};

export const NewPermission = Type.Object({ name: name(), ...settable }, { $id: 'NewPermission' });
export type NewPermission = Static<typeof NewPermission>;

export const PermissionChanges = Type.Object(
  { name: Type.Optional(name()), ...settable },
  { $id: 'PermissionChanges' },
);
export type PermissionChanges = Static<typeof PermissionChanges>;

export const PermissionQuery = Type.Object({
  ...ListQuery.properties,
  name: Type.Optional(Type.String({ maxLength: 100 })),
});
export type PermissionQuery = Static<typeof PermissionQuery>;

export const permissionCreated = defineEvent('permission.created', 'permission', 'A permission was defined.');
export const permissionUpdated = defineEvent('permission.updated', 'permission', 'A permission was changed.');
export const permissionDeleted = defineEvent(
  'permission.deleted',
  'permission',
  'A permission was deleted, and no role contains it any more.',
);
export const catalogueUpdated = defineEvent(
  'catalogue.updated',
  'catalogue',
  'Lintel’s own permissions and roles were brought up to date.',
);

export const readPermissions = definePermission('permissions.read', 'Read permissions.');
export const managePermissions = definePermission(
  'permissions.manage',
  'Define, change and delete the organization’s own permissions.',
);
