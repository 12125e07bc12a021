/** Shapes of roles: named bundles of permissions, the organization's own or offered by the system. */
import { type Static, Type } from 'typebox';
import { defineEvent } from '../../core/event.ts';
import { definePermission } from '../../core/permission.ts';
import { ListQuery } from '../../http/list.ts';

const text = () => Type.Union([Type.String(), Type.Null()]);
/** A date in a row, a text in JSON. */
const time = () => Type.Unsafe<Date>(Type.String({ format: 'date-time' }));

export const Role = Type.Object(
  {
    role_id: Type.String({ format: 'uuid' }),
    org_id: Type.Union([Type.String(), Type.Null()], { description: 'Null for a role that the system offers.' }),
    name: Type.String(),
    description: text(),
    type: Type.String({ description: 'system or custom.' }),
    is_active: Type.Boolean({ description: 'An inactive role gives nothing to anybody.' }),
    created_at: time(),
    updated_at: time(),
  },
  { $id: 'Role' },
);
export type Role = Static<typeof Role>;

const settable = {
  description: Type.Optional(Type.Union([Type.String({ maxLength: 500 }), Type.Null()])),
  is_active: Type.Optional(Type.Boolean()),
};

export const NewRole = Type.Object(
  { name: Type.String({ minLength: 1, maxLength: 100 }), ...settable },
  { $id: 'NewRole' },
);
export type NewRole = Static<typeof NewRole>;

export const RoleChanges = Type.Object(
  { name: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })), ...settable },
  { $id: 'RoleChanges' },
);
export type RoleChanges = Static<typeof RoleChanges>;

export const RoleQuery = Type.Object({
  ...ListQuery.properties,
  name: Type.Optional(Type.String({ maxLength: 100 })),
});
export type RoleQuery = Static<typeof RoleQuery>;

/** A permission in a role. */
export const RolePermission = Type.Object(
  {
    permission_id: Type.String({ format: 'uuid' }),
    org_id: Type.Union([Type.String(), Type.Null()], { description: 'Null for a permission of the system.' }),
    name: Type.String(),
    description: text(),
    conditions: Type.Union([Type.Object({}, { additionalProperties: true }), Type.Null()], {
      description: 'A permission with conditions is not held unconditionally, and so not part of tokens.',
    }),
    assigned_by: text(),
    assigned_at: time(),
  },
  { $id: 'RolePermission' },
);
export type RolePermission = Static<typeof RolePermission>;

/** A role that another inherits from. */
export const ParentRole = Type.Object({ ...Role.properties, inherited_since: time() }, { $id: 'ParentRole' });
export type ParentRole = Static<typeof ParentRole>;

export const roleParams = Type.Object({
  org_id: Type.String({ format: 'uuid' }),
  role_id: Type.String({ format: 'uuid' }),
});

export const roleCreated = defineEvent('role.created', 'role', 'A role was created.');
export const roleUpdated = defineEvent('role.updated', 'role', 'A role was changed.');
export const roleDeleted = defineEvent('role.deleted', 'role', 'A role was deleted, and nobody has it any more.');
export const rolePermissionAdded = defineEvent('role.permission_added', 'role', 'A role got a permission.');
export const rolePermissionRemoved = defineEvent('role.permission_removed', 'role', 'A role lost a permission.');
export const roleParentAdded = defineEvent('role.parent_added', 'role', 'A role inherits from another one.');
export const roleParentRemoved = defineEvent(
  'role.parent_removed',
  'role',
  'A role no longer inherits from another one.',
);

export const readRoles = definePermission('roles.read', 'Read roles, what they contain and what they inherit.');
export const manageRoles = definePermission('roles.manage', 'Create, change and delete the organization’s own roles.');
