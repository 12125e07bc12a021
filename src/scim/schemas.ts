/**
 * What this server says of itself (RFC 7643 §5–§7): schema definitions on SCIMMY's model, and the three discovery bodies.
 * Definitions are built per client and never declared to SCIMMY: its registries are process-wide, so two organizations
 * would see each other's. Two thousand sets cost 120 MiB, hence the LRU, keyed by client and version of its mappings.
 */
import { Schemas, Types } from 'scimmy';

export const USER_URN = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const GROUP_URN = 'urn:ietf:params:scim:schemas:core:2.0:Group';
export const ENTERPRISE_URN = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
/** Okta Identity Governance asks for these two; the standard's draft of them expired in April 2026. */
const ROLE_URN = 'urn:okta:scim:schemas:core:1.0:Role';
const ENTITLEMENT_URN = 'urn:okta:scim:schemas:core:1.0:Entitlement';

export type ResourceKind = 'User' | 'Group' | 'Role' | 'Entitlement';

export interface ResourceSchemas {
  kind: ResourceKind;
  endpoint: string;
  core: Types.SchemaDefinition;
  extensions: Types.SchemaDefinition[];
}

/** One attribute of the client's own extension, as its mappings name it. */
export interface ExtensionAttribute {
  urn: string;
  kind: 'User' | 'Group';
  name: string;
  sub?: string;
  type: 'string' | 'boolean';
}

/** All resource types as one client sees them. */
export function buildSchemas(extensions: ExtensionAttribute[]): ResourceSchemas[] {
  const own = (kind: 'User' | 'Group') => defineExtensions(extensions.filter((one) => one.kind === kind));
  return [
    {
      kind: 'User',
      endpoint: '/Users',
      core: define('User', USER_URN, 'User account', attributesOf(Schemas.User.definition)),
      extensions: [
        define('EnterpriseUser', ENTERPRISE_URN, 'Enterprise user', attributesOf(Schemas.EnterpriseUser.definition)),
        ...own('User'),
      ],
    },
    {
      kind: 'Group',
      endpoint: '/Groups',
      core: define('Group', GROUP_URN, 'Group', [
        ...attributesOf(Schemas.Group.definition).filter(({ name }) => name !== 'members'),
        defineMembers(),
      ]),
      extensions: own('Group'),
    },
    { kind: 'Role', endpoint: '/Roles', core: defineGrant('Role', ROLE_URN), extensions: [] },
    {
      kind: 'Entitlement',
      endpoint: '/Entitlements',
      core: defineGrant('Entitlement', ENTITLEMENT_URN),
      extensions: [],
    },
  ];
}

/** SCIMMY's own attribute facts of the RFC; the instances are frozen and shared, the lists are the client's own. */
const attributesOf = (definition: Types.SchemaDefinition): Types.Attribute[] =>
  definition.attributes.filter((attribute) => attribute instanceof Types.Attribute && !attribute.config.shadow);

/** Members are users, and what they are called is ours to say: nothing else works, so nothing else is announced. */
function defineMembers(): Types.Attribute {
  const fixed = (description: string) => ({ mutable: 'immutable', description });
  return new Types.Attribute('complex', 'members', { multiValued: true, description: 'The people in the group.' }, [
    new Types.Attribute('string', 'value', fixed('The id of the user.')),
    new Types.Attribute('string', 'display', { mutable: false, description: 'What the user is called.' }),
    new Types.Attribute('reference', '$ref', { ...fixed('The address of the user.'), referenceTypes: ['User'] }),
    new Types.Attribute('string', 'type', { ...fixed('Always User.'), canonicalValues: ['User'] }),
  ]);
}

/** SCIMMY's constructor refuses URNs outside the IETF's; Okta's custom apps use `urn:okta:<app>:1.0:user:custom`. */
function define(name: string, urn: string, description: string, attributes: Types.Attribute[]): Types.SchemaDefinition {
  return Object.assign(new Types.SchemaDefinition(name, USER_URN, description, attributes), { id: urn });
}

function defineGrant(name: 'Role' | 'Entitlement', urn: string): Types.SchemaDefinition {
  const described = (description: string, required = false) => ({ description, required, mutable: false });
  return define(name, urn, `What a user can be given: ${name}`, [
    new Types.Attribute('string', 'displayName', described('The name that people see.', true)),
    new Types.Attribute('string', 'type', described('The kind of grant.')),
    new Types.Attribute('string', 'description', described('What it allows.')),
  ]);
}

function defineExtensions(attributes: ExtensionAttribute[]): Types.SchemaDefinition[] {
  const byUrn = Map.groupBy(attributes, (attribute) => attribute.urn);
  return [...byUrn].map(([urn, own]) => {
    const byName = [...Map.groupBy(own, (attribute) => attribute.name)];
    return define(
      'Extension',
      urn,
      "The directory's own attributes, from its mappings",
      byName.map(([name, parts]) => defineOwn(name, parts)),
    );
  });
}

function defineOwn(name: string, parts: ExtensionAttribute[]): Types.Attribute {
  const subs = parts.filter((part) => part.sub !== undefined);
  if (subs.length === 0) return new Types.Attribute(parts[0]?.type ?? 'string', name);
  return new Types.Attribute(
    'complex',
    name,
    {},
    subs.map((part) => new Types.Attribute(part.type, part.sub as string)),
  );
}

// --- discovery bodies ---

/** `/Schemas` entries; `base` is the absolute address of the endpoint, without a slash at its end. */
export function describeSchemas(all: ResourceSchemas[], base: string): object[] {
  const definitions = all.flatMap((one) => [one.core, ...one.extensions]);
  return definitions.map((definition) => JSON.parse(JSON.stringify(definition.describe(`${base}/Schemas`))));
}

export function describeResourceTypes(all: ResourceSchemas[], base: string): object[] {
  return all.map(({ kind, endpoint, core, extensions }) => ({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
    id: kind,
    name: kind,
    description: core.description,
    endpoint,
    schema: core.id,
    schemaExtensions: extensions.map((extension) => ({ schema: extension.id, required: false })),
    meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/${kind}` },
  }));
}

export interface Limits {
  maxResults: number;
  defaultResults: number;
  maxOperations: number;
  /** bytes */
  maxPayloadSize: number;
  /** seconds */
  cursorTimeout: number;
}

export const LIMITS: Limits = {
  maxResults: 200,
  defaultResults: 100,
  maxOperations: 1000,
  maxPayloadSize: 1_048_576,
  cursorTimeout: 3600,
};

/** RFC 7643 §5, with the `pagination` of RFC 9865 §2.5. Announces only what works. */
export function describeServiceProvider(base: string, limits: Limits = LIMITS): object {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
    patch: { supported: true },
    bulk: { supported: true, maxOperations: limits.maxOperations, maxPayloadSize: limits.maxPayloadSize },
    filter: { supported: true, maxResults: limits.maxResults },
    // A directory sets a first password; the lasting one is its person's own (checklist AU-20).
    changePassword: { supported: false },
    sort: { supported: true },
    etag: { supported: true },
    pagination: {
      cursor: true,
      index: true,
      defaultPaginationMethod: 'index',
      defaultPageSize: limits.defaultResults,
      maxPageSize: limits.maxResults,
      cursorTimeout: limits.cursorTimeout,
    },
    authenticationSchemes: [
      {
        type: 'oauthbearertoken',
        name: 'OAuth bearer token',
        description: "A token made for this directory, or an access token from this server's token endpoint.",
        specUri: 'https://www.rfc-editor.org/rfc/rfc6750',
        primary: true,
      },
    ],
    meta: { resourceType: 'ServiceProviderConfig', location: `${base}/ServiceProviderConfig` },
  };
}
