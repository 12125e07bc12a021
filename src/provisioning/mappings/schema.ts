/** Shapes and events of attribute mappings. */
import { type Static, Type } from 'typebox';
import { defineEvent } from '../../core/event.ts';

const local_attribute = Type.String({
  minLength: 1,
  maxLength: 255,
  description: 'A column of `users` or `user_groups` that a directory may write, or `properties.<path>`.',
});
const scim_attribute = Type.String({
  minLength: 1,
  maxLength: 512,
  description: 'Its full path, like `name.givenName`, `emails[type eq "work"].value` or `urn:…:User:department`.',
});
const resource_type = Type.Enum(['User', 'Group']);

export const ScimMapping = Type.Object({ local_attribute, scim_attribute, resource_type }, { $id: 'ScimMapping' });
export type ScimMapping = Static<typeof ScimMapping>;

export const ScimMappings = Type.Object(
  {
    client_id: Type.String({ format: 'uuid' }),
    mapping_version: Type.Integer(),
    mappings: Type.Array(ScimMapping),
    implied: Type.Array(ScimMapping, {
      description:
        'What holds besides, because nothing works without it: `userName`, `active`, a group’s `displayName`.',
    }),
  },
  { $id: 'ScimMappings' },
);
export type ScimMappings = Static<typeof ScimMappings>;

const given = Type.Array(
  Type.Object({ local_attribute, scim_attribute, resource_type: Type.Optional(resource_type) }),
  { maxItems: 100, description: 'All of them: what is not named has no mapping any more.' },
);

export const NewScimMappings = Type.Object({ mappings: given }, { $id: 'NewScimMappings' });
export type NewScimMappings = Static<typeof NewScimMappings>;

export const MappingPreviewRequest = Type.Object(
  {
    payload: Type.Object({}, { additionalProperties: true, description: 'A SCIM user, as the directory sends it.' }),
    mappings: Type.Optional({ ...given, description: 'A draft to try; the client’s own mappings when absent.' }),
  },
  { $id: 'MappingPreviewRequest' },
);
export type MappingPreviewRequest = Static<typeof MappingPreviewRequest>;

const text = () => Type.Union([Type.String(), Type.Null()]);

export const MappingPreview = Type.Object(
  {
    email: text(),
    username: text(),
    first_name: text(),
    last_name: text(),
    phone: text(),
    picture_url: text(),
    bio: text(),
    enabled: Type.Boolean(),
    properties: Type.Object({}, { additionalProperties: true }),
    has_password: Type.Boolean({ description: 'Whether the payload sets a password.' }),
    external_id: text(),
    kept_attributes: Type.Object(
      {},
      { additionalProperties: true, description: 'Everything that is kept as sent for the directory.' },
    ),
    notes: Type.Array(
      Type.Object({
        rule: Type.String({ description: 'A reading that the standard does not give.' }),
        path: Type.String(),
      }),
    ),
  },
  { $id: 'MappingPreview', description: 'The user that the payload would make.' },
);
export type MappingPreview = Static<typeof MappingPreview>;

export const scimMappingsChanged = defineEvent(
  'scim_mappings.changed',
  'scim_client',
  'The attribute mappings of a SCIM client were changed.',
);
