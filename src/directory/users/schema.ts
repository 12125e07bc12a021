/** Shapes of users. A user is one account, owned by an organization or by its person. */
import { type Static, Type } from 'typebox';
import { defineEvent } from '../../core/event.ts';
import { definePermission } from '../../core/permission.ts';
import { ListQuery } from '../../http/list.ts';
import { openObject } from '../../http/open-object.ts';

const text = () => Type.Union([Type.String(), Type.Null()]);
/** A date in a row, a text in JSON. */
const time = () => Type.Unsafe<Date>(Type.String({ format: 'date-time' }));
const given = (maxLength: number, description?: string) =>
  Type.Optional(Type.Union([Type.String({ maxLength }), Type.Null()], description ? { description } : {}));

export const User = Type.Object(
  {
    user_id: Type.String({ format: 'uuid' }),
    home_org_id: Type.Union([Type.String(), Type.Null()], {
      description: 'The organization that owns the account; null when its person does.',
    }),
    legacy_user_id: text(),
    email: text(),
    email_confirmed: Type.Boolean(),
    username: text(),
    first_name: text(),
    last_name: text(),
    phone: text(),
    phone_verified: Type.Boolean(),
    picture_url: text(),
    bio: text(),
    properties: Type.Object({}, { additionalProperties: true }),
    has_password: Type.Boolean(),
    update_password_required: Type.Boolean(),
    locked: Type.Boolean(),
    enabled: Type.Boolean(),
    mfa_enabled: Type.Boolean(),
    can_create_orgs: Type.Boolean(),
    created_at: Type.Integer({ description: 'Seconds since 1970.' }),
    last_active_at: Type.Union([Type.Integer(), Type.Null()], { description: 'Seconds since 1970.' }),
    last_login_at: Type.Union([time(), Type.Null()]),
    updated_at: time(),
  },
  { $id: 'User' },
);
export type User = Static<typeof User>;

/** What the caller may say about an account, old or new; the rest follows from what happens. */
const profile = {
  email: given(320),
  username: given(320),
  first_name: given(256),
  last_name: given(256),
  phone: given(64),
  picture_url: given(2048),
  bio: given(1000),
  legacy_user_id: given(255, 'The account’s id in a system that it came from.'),
  properties: Type.Optional(openObject('Replaced as a whole.')),
  enabled: Type.Optional(Type.Boolean()),
};

const password = Type.Optional(Type.String({ maxLength: 1024, description: 'Never returned.' }));

export const NewUser = Type.Object({ ...profile, password }, { $id: 'NewUser' });
export type NewUser = Static<typeof NewUser>;

/** What only the system’s administrators may say. */
const systemProfile = {
  can_create_orgs: Type.Optional(Type.Boolean()),
  email_confirmed: Type.Optional(Type.Boolean({ description: 'The address is known to be the person’s.' })),
};

export const NewPersonalUser = Type.Object({ ...profile, ...systemProfile, password }, { $id: 'NewPersonalUser' });
export type NewPersonalUser = Static<typeof NewPersonalUser>;

const locked = Type.Optional(Type.Boolean({ description: 'Signing in is refused, as after too many failures.' }));

export const UserChanges = Type.Object({ ...profile, locked }, { $id: 'UserChanges' });
export type UserChanges = Static<typeof UserChanges>;

export const AnyUserChanges = Type.Object({ ...profile, ...systemProfile, locked }, { $id: 'AnyUserChanges' });
export type AnyUserChanges = Static<typeof AnyUserChanges>;

export const UserQuery = Type.Object({
  ...ListQuery.properties,
  email: Type.Optional(Type.String({ maxLength: 320 })),
  username: Type.Optional(Type.String({ maxLength: 320 })),
  enabled: Type.Optional(Type.Boolean()),
});
export type UserQuery = Static<typeof UserQuery>;

export const userCreated = defineEvent('user.created', 'user', 'An account was created.');
export const userUpdated = defineEvent('user.updated', 'user', 'An account was changed.');
export const userEnabled = defineEvent('user.enabled', 'user', 'An account was enabled.');
export const userDisabled = defineEvent('user.disabled', 'user', 'An account was disabled: everything it holds ends.');
export const userLocked = defineEvent('user.locked', 'user', 'An account was locked: it cannot sign in.');
export const userUnlocked = defineEvent('user.unlocked', 'user', 'An account was unlocked.');
export const userDeleted = defineEvent('user.deleted', 'user', 'An account was deleted.');
export const userClaimed = defineEvent(
  'user.claimed',
  'user',
  'An organization took over an account with an address in its verified domain.',
);

export const readUsers = definePermission('users.read', 'Read accounts.');
export const createUsers = definePermission('users.create', 'Create accounts.');
export const updateUsers = definePermission('users.update', 'Change accounts, enable, disable, lock and unlock them.');
export const deleteUsers = definePermission('users.delete', 'Delete accounts.');
