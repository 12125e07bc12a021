/** Shapes and events of consents: what a person granted an application. */
import { type Static, Type } from 'typebox';
import { defineEvent } from '../../core/event.ts';

const Id = Type.String({ format: 'uuid' });
const time = () => Type.Unsafe<Date>(Type.String({ format: 'date-time' }));

export const Consent = Type.Object(
  {
    grant_id: Id,
    client_id: Id,
    client_name: Type.String(),
    logo_uri: Type.Union([Type.String(), Type.Null()]),
    first_party: Type.Boolean(),
    org_id: Type.Union([Id, Type.Null()]),
    org_name: Type.Union([Type.String(), Type.Null()]),
    scope: Type.String({ description: 'Space-separated: what was granted.' }),
    created_at: time(),
    updated_at: time(),
  },
  { $id: 'Consent' },
);
export type Consent = Static<typeof Consent>;

export const consentGranted = defineEvent(
  'consent.granted',
  'grant',
  'A person allowed an application to use the account.',
);
export const consentRevoked = defineEvent(
  'consent.revoked',
  'grant',
  'What a person had allowed an application was taken back; its tokens ended.',
);
