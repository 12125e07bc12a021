/** Shapes of units: the tree of departments in an organization. */
import { type Static, Type } from 'typebox';
import { defineEvent } from '../../core/event.ts';
import { definePermission } from '../../core/permission.ts';
import { ListQuery } from '../../http/list.ts';

const text = () => Type.Union([Type.String(), Type.Null()]);
/** A date in a row, a text in JSON. */
const time = () => Type.Unsafe<Date>(Type.String({ format: 'date-time' }));

export const Unit = Type.Object(
  {
    unit_id: Type.String({ format: 'uuid' }),
    org_id: Type.String({ format: 'uuid' }),
    parent_id: text(),
    name: Type.String(),
    description: text(),
    path: Type.String({ description: 'The ids from the top down to the unit itself, each behind a slash.' }),
    level: Type.Integer({ description: '0 at the top.' }),
    created_at: time(),
    updated_at: time(),
  },
  { $id: 'Unit' },
);
export type Unit = Static<typeof Unit>;

const settable = {
  parent_id: Type.Optional(Type.Union([Type.String({ format: 'uuid' }), Type.Null()])),
  description: Type.Optional(Type.Union([Type.String({ maxLength: 1000 }), Type.Null()])),
};

export const NewUnit = Type.Object(
  { name: Type.String({ minLength: 1, maxLength: 255 }), ...settable },
  { $id: 'NewUnit' },
);
export type NewUnit = Static<typeof NewUnit>;

export const UnitChanges = Type.Object(
  { name: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })), ...settable },
  { $id: 'UnitChanges' },
);
export type UnitChanges = Static<typeof UnitChanges>;

export const UnitQuery = Type.Object({
  ...ListQuery.properties,
  parent_id: Type.Optional(Type.String({ format: 'uuid' })),
});
export type UnitQuery = Static<typeof UnitQuery>;

export const unitCreated = defineEvent('unit.created', 'unit', 'A unit was created.');
export const unitUpdated = defineEvent('unit.updated', 'unit', 'A unit was renamed, described or moved.');
export const unitDeleted = defineEvent('unit.deleted', 'unit', 'A unit was deleted.');

export const readUnits = definePermission('units.read', 'Read the organization’s units.');
export const manageUnits = definePermission('units.manage', 'Create, change, move and delete units.');
