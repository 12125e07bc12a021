/** Shapes of login methods: which ways of signing in an organization allows. */
import { type Static, Type } from 'typebox';
import { defineEvent } from '../../core/event.ts';
import { definePermission } from '../../core/permission.ts';

export const loginMethodNames = ['password', 'saml', 'oidc', 'social', 'ldap', 'passkey', 'email_code'] as const;
export type LoginMethodName = (typeof loginMethodNames)[number];

export const LoginMethod = Type.Object(
  {
    org_id: Type.String({ format: 'uuid' }),
    method: Type.Enum([...loginMethodNames]),
    enabled: Type.Boolean({ description: 'Allowed unless it was switched off; what this version cannot do is off.' }),
    updated_at: Type.Union([Type.Unsafe<Date>(Type.String({ format: 'date-time' })), Type.Null()]),
  },
  { $id: 'LoginMethod' },
);
export type LoginMethod = Static<typeof LoginMethod>;

export const LoginMethodChange = Type.Object(
  { enabled: Type.Boolean({ description: 'True for password and saml only: this version has no other ways.' }) },
  { $id: 'LoginMethodChange' },
);
export type LoginMethodChange = Static<typeof LoginMethodChange>;

export const loginMethodEnabled = defineEvent(
  'login_method.enabled',
  'login_method',
  'A way of signing in was allowed.',
);
export const loginMethodDisabled = defineEvent(
  'login_method.disabled',
  'login_method',
  'A way of signing in was switched off.',
);

export const readLoginMethods = definePermission('login_methods.read', 'See which ways of signing in are allowed.');
export const manageLoginMethods = definePermission(
  'login_methods.manage',
  'Allow ways of signing in, and switch them off.',
);
