/** Shapes of groups: who belongs together in an organization. */
import { type Static, Type } from 'typebox';
import { defineEvent } from '../../core/event.ts';
import { definePermission } from '../../core/permission.ts';
import { ListQuery } from '../../http/list.ts';
import { openObject } from '../../http/open-object.ts';

const text = () => Type.Union([Type.String(), Type.Null()]);
/** A date in a row, a text in JSON. */
const time = () => Type.Unsafe<Date>(Type.String({ format: 'date-time' }));
const anyObject = () => Type.Object({}, { additionalProperties: true });

export const Group = Type.Object(
  {
    group_id: Type.String({ format: 'uuid' }),
    org_id: Type.String({ format: 'uuid' }),
    unit_id: text(),
    name: Type.String(),
    slug: Type.String(),
    description: text(),
    membership_type: Type.String({ description: 'manual or automatic.' }),
    auto_assignment_rules: Type.Union([anyObject(), Type.Null()]),
    is_public: Type.Boolean(),
    is_open: Type.Boolean(),
    is_system: Type.Boolean(),
    is_active: Type.Boolean({ description: 'An inactive group keeps its members, and gives them no roles.' }),
    member_count: Type.Integer(),
    max_members: Type.Union([Type.Integer(), Type.Null()]),
    group_type: Type.String(),
    tags: Type.Array(Type.String()),
    settings: anyObject(),
    owner_id: text(),
    created_by: text(),
    created_at: time(),
    updated_at: time(),
  },
  { $id: 'Group' },
);
export type Group = Static<typeof Group>;

const settable = {
  slug: Type.Optional(
    Type.String({
      pattern: '^[a-z0-9]([a-z0-9-]{0,98}[a-z0-9]|)$',
      'x-says': 'must be 1 to 100 lower-case letters (a to z), digits and hyphens, with no hyphen at its ends',
      description: 'Made from the name when absent.',
    }),
  ),
  description: Type.Optional(Type.Union([Type.String({ maxLength: 1000 }), Type.Null()])),
  is_public: Type.Optional(Type.Boolean()),
  is_open: Type.Optional(Type.Boolean()),
  is_active: Type.Optional(Type.Boolean()),
  max_members: Type.Optional(Type.Union([Type.Integer({ minimum: 1, maximum: 2_147_483_647 }), Type.Null()])),
  group_type: Type.Optional(Type.String({ minLength: 1, maxLength: 50 })),
  tags: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 50 }), { maxItems: 20, uniqueItems: true })),
  settings: Type.Optional(openObject()),
  unit_id: Type.Optional(Type.Union([Type.String({ format: 'uuid' }), Type.Null()])),
  owner_id: Type.Optional(Type.Union([Type.String({ format: 'uuid' }), Type.Null()])),
};

export const NewGroup = Type.Object(
  { name: Type.String({ minLength: 1, maxLength: 256 }), ...settable },
  { $id: 'NewGroup' },
);
export type NewGroup = Static<typeof NewGroup>;

export const GroupChanges = Type.Object(
  { name: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })), ...settable },
  { $id: 'GroupChanges' },
);
export type GroupChanges = Static<typeof GroupChanges>;

export const GroupQuery = Type.Object({
  ...ListQuery.properties,
  name: Type.Optional(Type.String({ maxLength: 256 })),
  unit_id: Type.Optional(Type.String({ format: 'uuid' })),
});
export type GroupQuery = Static<typeof GroupQuery>;

export const GroupMember = Type.Object(
  {
    user_id: Type.String({ format: 'uuid' }),
    email: text(),
    username: text(),
    first_name: text(),
    last_name: text(),
    role_in_group: Type.String(),
    assignment_type: Type.String(),
    assigned_by: text(),
    assigned_at: time(),
    expires_at: Type.Union([time(), Type.Null()]),
    is_active: Type.Boolean(),
  },
  { $id: 'GroupMember' },
);
export type GroupMember = Static<typeof GroupMember>;

const userIds = () => Type.Array(Type.String({ format: 'uuid' }), { maxItems: 1000, uniqueItems: true });

export const MemberChanges = Type.Object(
  {
    add: Type.Optional(userIds()),
    remove: Type.Optional(userIds()),
    expires_at: Type.Optional(
      Type.String({ format: 'date-time', description: 'When the membership of those who are added ends by itself.' }),
    ),
  },
  { $id: 'MemberChanges' },
);
export type MemberChanges = Static<typeof MemberChanges>;

export const groupCreated = defineEvent('group.created', 'group', 'A group was created.');
export const groupUpdated = defineEvent('group.updated', 'group', 'A group was changed.');
export const groupDeleted = defineEvent('group.deleted', 'group', 'A group was deleted.');
export const groupMembersChanged = defineEvent(
  'group.members_changed',
  'group',
  'People joined or left a group: at most 100 of them in one event.',
);

export const readGroups = definePermission('groups.read', 'Read groups and their members.');
export const manageGroups = definePermission(
  'groups.manage',
  'Create, change and delete groups, and choose their members.',
);
