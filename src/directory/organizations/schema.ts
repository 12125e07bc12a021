/** Shapes of organizations. An organization is a tenant: everything else belongs to one. */
import { type Static, Type } from 'typebox';
import { defineEvent } from '../../core/event.ts';
import { definePermission } from '../../core/permission.ts';
import { ListQuery } from '../../http/list.ts';
import { openObject } from '../../http/open-object.ts';

const optionalText = (maxLength: number, description?: string) =>
  Type.Optional(Type.Union([Type.String({ maxLength }), Type.Null()], description ? { description } : {}));
const text = () => Type.Union([Type.String(), Type.Null()]);
/** A date in a row, a text in JSON. */
const time = () => Type.Unsafe<Date>(Type.String({ format: 'date-time' }));

const color = () =>
  Type.Optional(
    Type.Union([
      Type.String({
        pattern: '^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})$',
        'x-says': 'must be a colour such as #0a7, #00aa77 or #00aa77ff',
      }),
      Type.Null(),
    ]),
  );
const anyObject = (description: string) => Type.Object({}, { additionalProperties: true, description });

const organizationStatuses = ['active', 'suspended', 'deleted'] as const;

export const Organization = Type.Object(
  {
    org_id: Type.String({ format: 'uuid' }),
    org_name: Type.String(),
    slug: Type.String({ description: 'The name in addresses: unique, lower case.' }),
    custom_domain: text(),
    logo_url: text(),
    primary_color: text(),
    secondary_color: text(),
    branding_config: anyObject('What else pages look like.'),
    org_metadata: anyObject('Whatever the caller keeps about the organization.'),
    status: Type.Enum([...organizationStatuses]),
    created_at: time(),
    updated_at: time(),
    deleted_at: Type.Union([time(), Type.Null()]),
  },
  { $id: 'Organization' },
);
export type Organization = Static<typeof Organization>;

const slug = () =>
  Type.String({
    pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9]|)$',
    'x-says': 'must be 1 to 63 lower-case letters (a to z), digits and hyphens, with no hyphen at its ends',
    description: 'Made from the name when absent.',
  });

export const NewOrganization = Type.Object(
  {
    org_name: Type.String({ minLength: 1, maxLength: 255 }),
    slug: Type.Optional(slug()),
    logo_url: optionalText(2048),
    primary_color: color(),
    secondary_color: color(),
    branding_config: Type.Optional(openObject('What else pages look like.')),
    org_metadata: Type.Optional(openObject('Whatever the caller keeps about the organization.')),
  },
  { $id: 'NewOrganization' },
);
export type NewOrganization = Static<typeof NewOrganization>;

export const OrganizationChanges = Type.Object(
  {
    ...Type.Partial(NewOrganization).properties,
    custom_domain: optionalText(253, 'One of the verified domains, or a name below one.'),
  },
  { $id: 'OrganizationChanges' },
);
export type OrganizationChanges = Static<typeof OrganizationChanges>;

export const OrganizationQuery = Type.Object({
  ...ListQuery.properties,
  slug: Type.Optional(Type.String({ maxLength: 63 })),
  status: Type.Optional(Type.Enum([...organizationStatuses])),
});
export type OrganizationQuery = Static<typeof OrganizationQuery>;

export const organizationParams = Type.Object({ org_id: Type.String({ format: 'uuid' }) });

export const organizationCreated = defineEvent('organization.created', 'organization', 'An organization was created.');
export const organizationUpdated = defineEvent('organization.updated', 'organization', 'An organization was changed.');
export const organizationSuspended = defineEvent(
  'organization.suspended',
  'organization',
  'An organization was suspended: nobody signs in to it.',
);
export const organizationActivated = defineEvent(
  'organization.activated',
  'organization',
  'A suspended organization was activated again.',
);
export const organizationDeleted = defineEvent('organization.deleted', 'organization', 'An organization was deleted.');

export const readOrganizations = definePermission('organizations.read', 'Read the organization.');
export const createOrganizations = definePermission('organizations.create', 'Create organizations.', 'system');
export const updateOrganizations = definePermission(
  'organizations.update',
  'Change the organization’s name and appearance.',
);
export const suspendOrganizations = definePermission(
  'organizations.suspend',
  'Suspend organizations and activate them again.',
  'system',
);
export const deleteOrganizations = definePermission('organizations.delete', 'Delete the organization.');
