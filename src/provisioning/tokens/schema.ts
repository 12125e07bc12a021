/** Shapes and events of SCIM tokens: long-lived bearer tokens of a SCIM client. */
import { type Static, Type } from 'typebox';
import { defineEvent } from '../../core/event.ts';
import { givenExpiry, Id, time, timeOrNull } from '../clients/schema.ts';

const shown = {
  token_id: Id,
  client_id: Id,
  token_prefix: Type.String({ description: 'Its first characters, to tell tokens apart.' }),
  created_by: Type.Union([Id, Type.Null()]),
  created_at: time(),
  expires_at: timeOrNull(),
  last_used_at: timeOrNull('To the minute.'),
  revoked_at: timeOrNull(),
};

export const ScimToken = Type.Object(shown, { $id: 'ScimToken' });
export type ScimToken = Static<typeof ScimToken>;

export const CreatedScimToken = Type.Object(
  { ...shown, token: Type.String({ description: 'The token itself. It is shown this once; only its hash is kept.' }) },
  { $id: 'CreatedScimToken' },
);
export type CreatedScimToken = Static<typeof CreatedScimToken>;

export const NewScimToken = Type.Object({ expires_at: Type.Optional(givenExpiry()) }, { $id: 'NewScimToken' });
export type NewScimToken = Static<typeof NewScimToken>;

export const scimTokenCreated = defineEvent('scim_token.created', 'scim_token', 'A token of a SCIM client was made.');
export const scimTokenRevoked = defineEvent(
  'scim_token.revoked',
  'scim_token',
  'A token of a SCIM client was revoked: it is refused at once.',
);
