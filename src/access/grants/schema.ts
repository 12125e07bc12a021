/** Shapes of grants: who has which role, directly or by a group, since when and until when. */
import { type Static, Type } from 'typebox';
import { defineEvent } from '../../core/event.ts';
import { definePermission } from '../../core/permission.ts';

const text = () => Type.Union([Type.String(), Type.Null()]);
const id = () => Type.String({ format: 'uuid' });
/** A date in a row, a text in JSON. */
const time = () => Type.Unsafe<Date>(Type.String({ format: 'date-time' }));

export const Grant = Type.Object(
  {
    user_role_id: id(),
    user_id: id(),
    org_id: Type.Union([Type.String(), Type.Null()], { description: 'Null for a grant that holds system-wide.' }),
    role_id: id(),
    role_name: Type.String(),
    is_primary: Type.Boolean({ description: 'The member’s primary role.' }),
    is_active: Type.Boolean(),
    assigned_by: text(),
    assigned_at: time(),
    expires_at: Type.Union([time(), Type.Null()]),
  },
  { $id: 'Grant' },
);
export type Grant = Static<typeof Grant>;

export const NewGrant = Type.Object(
  {
    role_id: id(),
    expires_at: Type.Optional(Type.Union([Type.String({ format: 'date-time' }), Type.Null()])),
  },
  { $id: 'NewGrant' },
);
export type NewGrant = Static<typeof NewGrant>;

export const MemberInput = Type.Object(
  {
    role: Type.Optional(
      Type.Union([Type.String({ minLength: 1, maxLength: 100 }), Type.Null()], {
        description: 'Name or id of the primary role, in place of the one before; null for none.',
      }),
    ),
  },
  { $id: 'MemberInput' },
);
export type MemberInput = Static<typeof MemberInput>;

export const GroupRole = Type.Object(
  {
    group_id: id(),
    role_id: id(),
    role_name: Type.String(),
    assigned_by: text(),
    assigned_at: time(),
  },
  { $id: 'GroupRole' },
);
export type GroupRole = Static<typeof GroupRole>;

export const NewGroupRole = Type.Object({ role_id: id() }, { $id: 'NewGroupRole' });
export type NewGroupRole = Static<typeof NewGroupRole>;

const given = {
  assigned_by: text(),
  assigned_by_label: Type.Union([Type.String(), Type.Null()], {
    description: 'Who gave it, when it was a person whose account is still there; the audit log knows the others.',
  }),
  assigned_at: Type.Union([time(), Type.Null()]),
  expires_at: Type.Union([time(), Type.Null()]),
};

/** One step of the way from a person to a permission. */
export const AccessStep = Type.Object(
  {
    kind: Type.Enum(['group_membership', 'group_role', 'role_grant', 'inheritance', 'role_permission']),
    id: Type.String({ description: 'Of the group, role or permission that this step leads to.' }),
    name: Type.String(),
    ...given,
    counts: Type.Boolean(),
    why_not: Type.Union([Type.String(), Type.Null()], {
      description: 'Why it does not count: expired, inactive, conditional, deleted or reserved.',
    }),
  },
  { $id: 'AccessStep' },
);
export type AccessStep = Static<typeof AccessStep>;

export const AccessPath = Type.Object(
  { counts: Type.Boolean({ description: 'Whether every step counts.' }), steps: Type.Array(AccessStep) },
  { $id: 'AccessPath' },
);
export type AccessPath = Static<typeof AccessPath>;

export const AccessExplanation = Type.Object(
  {
    org_id: id(),
    user_id: id(),
    permission: Type.String(),
    allowed: Type.Boolean(),
    reason: Type.Enum(['granted', 'no_path', 'membership_inactive', 'organization_inactive', 'account_disabled']),
    evaluated_at: time(),
    paths: Type.Array(AccessPath, {
      description:
        'Every way to the permission, those that count first; at most 100, and at most 2,000 steps of all of them together.',
    }),
  },
  { $id: 'AccessExplanation' },
);
export type AccessExplanation = Static<typeof AccessExplanation>;

export const AccessQuery = Type.Object({ permission: Type.String({ minLength: 1, maxLength: 100 }) });
export type AccessQuery = Static<typeof AccessQuery>;

export const roleGranted = defineEvent('role.granted', 'grant', 'Somebody was given a role.');
export const grantUpdated = defineEvent(
  'grant.updated',
  'grant',
  'Until when somebody has a role, or whether it is the primary one, was changed.',
);
export const roleRevoked = defineEvent('role.revoked', 'grant', 'A role was taken from somebody.');
export const groupRoleGranted = defineEvent('group_role.granted', 'group', 'A group gives a role to its members.');
export const groupRoleRevoked = defineEvent('group_role.revoked', 'group', 'A group no longer gives a role.');
export const administratorAdded = defineEvent(
  'administrator.added',
  'user',
  'Somebody became an administrator of the system.',
);
export const administratorRemoved = defineEvent(
  'administrator.removed',
  'user',
  'Somebody is no longer an administrator of the system.',
);

export const manageGrants = definePermission('grants.manage', 'Give roles to members and groups, and take them.');
export const manageOwners = definePermission('owners.manage', 'Make and unmake owners of the organization.');
export const manageAdministrators = definePermission(
  'administrators.manage',
  'Make and unmake administrators of the system.',
  'system',
);
