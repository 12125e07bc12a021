/** Shapes of memberships: who belongs to which organization, and what follows from it for tokens. */
import { type Static, Type } from 'typebox';
import { defineEvent } from '../../core/event.ts';
import { definePermission } from '../../core/permission.ts';
import { ListQuery } from '../../http/list.ts';

const text = () => Type.Union([Type.String(), Type.Null()]);
/** A date in a row, a text in JSON. */
const time = () => Type.Unsafe<Date>(Type.String({ format: 'date-time' }));

const membershipStatuses = ['active', 'invited', 'suspended'] as const;

/** The row `user_organization_info`; its five columns about access are kept by the access room. */
export const Membership = Type.Object(
  {
    user_id: Type.String({ format: 'uuid' }),
    org_id: Type.String({ format: 'uuid' }),
    status: Type.Enum([...membershipStatuses]),
    url_safe_org_name: Type.String({ description: 'The organization’s slug.' }),
    user_role: Type.Union([Type.String(), Type.Null()], { description: 'The primary role.' }),
    additional_roles: Type.Array(Type.String(), {
      description: 'Other roles that were given, directly or by a group.',
    }),
    inherited_user_roles_plus_current_role: Type.Array(Type.String(), {
      description: 'All of them, and their parents.',
    }),
    user_permissions: Type.Array(Type.String()),
    org_role_structure: Type.String({
      description: 'single_role_in_hierarchy when one role was given, else multi_role.',
    }),
    access_valid_until: Type.Union([time(), Type.Null()], {
      description: 'When the first of the grants behind it ends; null when none does.',
    }),
    joined_at: time(),
    updated_at: time(),
  },
  { $id: 'Membership' },
);
export type Membership = Static<typeof Membership>;

/** A membership with the person's name, as lists show it. */
export const Member = Type.Object(
  {
    ...Membership.properties,
    email: text(),
    username: text(),
    first_name: text(),
    last_name: text(),
    is_guest: Type.Boolean({ description: 'Whether the account belongs to somebody else.' }),
    enabled: Type.Boolean(),
  },
  { $id: 'Member' },
);
export type Member = Static<typeof Member>;

export const MemberQuery = Type.Object({
  ...ListQuery.properties,
  status: Type.Optional(Type.Enum([...membershipStatuses])),
  role: Type.Optional(
    Type.String({ maxLength: 100, description: 'Only who has this role, also by a group or a parent.' }),
  ),
});
export type MemberQuery = Static<typeof MemberQuery>;

export const MembershipChanges = Type.Object(
  { status: Type.Enum(['active', 'suspended']) },
  { $id: 'MembershipChanges' },
);
export type MembershipChanges = Static<typeof MembershipChanges>;

export const memberParams = Type.Object({
  org_id: Type.String({ format: 'uuid' }),
  user_id: Type.String({ format: 'uuid' }),
});

export const membershipCreated = defineEvent('membership.created', 'membership', 'Somebody joined an organization.');
export const membershipUpdated = defineEvent(
  'membership.updated',
  'membership',
  'A membership was suspended or became active again.',
);
export const membershipRemoved = defineEvent('membership.removed', 'membership', 'Somebody left an organization.');

export const readMembers = definePermission(
  'members.read',
  'Read who belongs to the organization, and with which access.',
);
export const manageMembers = definePermission('members.manage', 'Add, suspend and remove members.');
