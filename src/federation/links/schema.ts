/** Shapes of links: which account is meant by whom at an identity provider. */
import { type Static, Type } from 'typebox';
import { defineEvent } from '../../core/event.ts';

const text = () => Type.Union([Type.String(), Type.Null()]);
const time = () => Type.Unsafe<Date>(Type.String({ format: 'date-time' }));
const maybeTime = () => Type.Union([time(), Type.Null()]);

export const FederatedIdentity = Type.Object(
  {
    identity_id: Type.String({ format: 'uuid' }),
    provider_id: Type.String({ format: 'uuid' }),
    user_id: Type.String({ format: 'uuid' }),
    external_id: Type.String({ description: 'The subject at the identity provider.' }),
    provider_email: text(),
    provider_email_verified: Type.Boolean({ description: 'Whether its domain is verified by the organization.' }),
    provider_name: text(),
    provider_picture: text(),
    last_sync_at: maybeTime(),
    last_login_at: maybeTime(),
    created_at: time(),
    updated_at: time(),
  },
  { $id: 'FederatedIdentity' },
);
export type FederatedIdentity = Static<typeof FederatedIdentity>;

export const identityLinked = defineEvent(
  'identity.linked',
  'federated_identity',
  'An account was linked to somebody at an identity provider: `how` says on what grounds.',
);
export const identityUnlinked = defineEvent(
  'identity.unlinked',
  'federated_identity',
  'The link of an account to an identity provider was removed.',
);
export const userProvisioned = defineEvent(
  'user.provisioned',
  'user',
  'An account was made at the first sign-in through an identity provider.',
);
