/** Shapes of domains: which ones an organization has, and how it showed that they are its own. */
import { type Static, Type } from 'typebox';
import { defineEvent } from '../../core/event.ts';
import { definePermission } from '../../core/permission.ts';

const time = () => Type.Unsafe<Date>(Type.String({ format: 'date-time' }));

export const Domain = Type.Object(
  {
    org_id: Type.String({ format: 'uuid' }),
    domain: Type.String({ description: 'Lower case, IDN as ASCII.' }),
    verified_at: Type.Union([time(), Type.Null()]),
    verified_by: Type.Union([Type.String({ description: 'dns or attested.' }), Type.Null()]),
    is_shared: Type.Boolean({ description: 'Other organizations that declare it shared too may verify it as well.' }),
    last_checked_at: Type.Union([time(), Type.Null()]),
    last_check_error: Type.Union([Type.String(), Type.Null()]),
    created_at: time(),
    updated_at: time(),
    verification: Type.Object({
      type: Type.Literal('TXT'),
      name: Type.String({ description: 'Where the record belongs.' }),
      value: Type.String({ description: 'What it must say.' }),
    }),
  },
  { $id: 'Domain' },
);
export type Domain = Static<typeof Domain>;

export const NewDomain = Type.Object(
  {
    domain: Type.String({ minLength: 1, maxLength: 300 }),
    is_shared: Type.Optional(Type.Boolean()),
  },
  { $id: 'NewDomain' },
);
export type NewDomain = Static<typeof NewDomain>;

export const DomainChanges = Type.Object({ is_shared: Type.Boolean() }, { $id: 'DomainChanges' });
export type DomainChanges = Static<typeof DomainChanges>;

export const DomainVerification = Type.Object(
  { method: Type.Enum(['dns', 'attested'], { description: '`attested` is for administrators of the system.' }) },
  { $id: 'DomainVerification' },
);
export type DomainVerification = Static<typeof DomainVerification>;

export const domainCreated = defineEvent('domain.created', 'domain', 'An organization named a domain as its own.');
export const domainUpdated = defineEvent('domain.updated', 'domain', 'A domain was changed.');
export const domainVerified = defineEvent(
  'domain.verified',
  'domain',
  'A domain was shown to be the organization’s own.',
);
export const domainDeleted = defineEvent('domain.deleted', 'domain', 'An organization gave up a domain.');

export const readDomains = definePermission('domains.read', 'Read the organization’s domains.');
export const manageDomains = definePermission('domains.manage', 'Add, verify and remove domains.');
export const attestDomains = definePermission('domains.attest', 'Declare a domain verified without DNS.', 'system');
