/**
 * The attribute registry of one client and resource type: lower-case full path → what the attribute is (RFC 7643 §2.2)
 * and where it lives. Filter, sort, PATCH, projection, validation and /Schemas are all driven by this one table, so a
 * mapping changes all of them at once.
 */
import { LRUCache } from 'lru-cache';
import type { Types } from 'scimmy';
import type { Attribute, Home, Overlay } from './attribute.ts';
import type { AttributePath } from './filter.ts';
import {
  conditionsOf,
  type LocalTarget,
  type Mapping,
  MappingRefused,
  ownAttributes,
  type ReadMapping,
  readMappings,
  STANDARD_MAPPINGS,
} from './mappings.ts';
import { buildSchemas, type ResourceKind, type ResourceSchemas } from './schemas.ts';

export interface Registry {
  kind: ResourceKind;
  schemas: ResourceSchemas;
  attributes: Map<string, Attribute>;
  /** attributes without a parent */
  tops: Attribute[];
  /** what a write puts into columns: the client's mappings of this resource type */
  mappings: { attribute: Attribute; overlay: Overlay | undefined; target: LocalTarget }[];
}

export interface ClientRegistries {
  all: ResourceSchemas[];
  User: Registry;
  Group: Registry;
  /** Read only, and searched in memory: what SQL its attributes have does not count. */
  Role: Registry;
  Entitlement: Registry;
}

const cache = new LRUCache<string, ClientRegistries>({ max: 500 });

/**
 * @param version changes whenever the client's mappings do; part of the cache's key
 * @param mappings the client's, or the standard ones when it has none of its own
 * @throws MappingRefused when a mapping cannot work
 */
export function getRegistries(clientId: string, version: string, mappings: readonly Mapping[]): ClientRegistries {
  const key = `${clientId}\n${version}`;
  const known = cache.get(key);
  if (known) return known;
  const built = buildRegistries(mappings);
  cache.set(key, built);
  return built;
}

/** @throws MappingRefused */
export function buildRegistries(mappings: readonly Mapping[] = STANDARD_MAPPINGS): ClientRegistries {
  const read = readMappings(mappings);
  const all = buildSchemas(ownAttributes(read));
  const of = (kind: ResourceKind, table: LocalTarget['table']) => {
    const schemas = all.find((one) => one.kind === kind) as ResourceSchemas;
    return buildRegistry(
      schemas,
      read.filter((one) => one.target.table === table),
    );
  };
  const plain = (kind: ResourceKind) => buildRegistry(all.find((one) => one.kind === kind) as ResourceSchemas, []);
  return {
    all,
    User: of('User', 'users'),
    Group: of('Group', 'user_groups'),
    Role: plain('Role'),
    Entitlement: plain('Entitlement'),
  };
}

function buildRegistry(schemas: ResourceSchemas, mappings: ReadMapping[]): Registry {
  const registry: Registry = { kind: schemas.kind, schemas, attributes: new Map(), tops: [], mappings: [] };
  addCommon(registry);
  for (const definition of [schemas.core, ...schemas.extensions]) {
    for (const attribute of definition.attributes) {
      if (!attribute.config.shadow) addTop(registry, attribute, definition.id);
    }
  }
  for (const mapping of mappings) applyMapping(registry, mapping);
  settleHomes(registry);
  return registry;
}

function addTop(registry: Registry, definition: Types.Attribute, urn: string): void {
  const isExtension = urn !== registry.schemas.core.id;
  const keys = isExtension ? [urn, definition.name] : [definition.name];
  const attribute = factsOf(definition, urn, isExtension, undefined, { at: 'kept', keys });
  attribute.subs = (definition.subAttributes ?? []).map((sub) =>
    factsOf(
      sub,
      urn,
      isExtension,
      attribute,
      attribute.multiValued ? { at: 'element', key: sub.name } : { at: 'kept', keys: [...keys, sub.name] },
    ),
  );
  add(registry, attribute);
}

function add(registry: Registry, attribute: Attribute): void {
  registry.tops.push(attribute);
  for (const one of [attribute, ...attribute.subs]) registry.attributes.set(one.path.toLowerCase(), one);
}

function factsOf(
  definition: Types.Attribute,
  urn: string,
  isExtension: boolean,
  parent: Attribute | undefined,
  home: Home,
): Attribute {
  const facts = definition.toJSON();
  const path = parent
    ? `${parent.path}.${definition.name}`
    : isExtension
      ? `${urn}:${definition.name}`
      : definition.name;
  return {
    path,
    name: definition.name,
    urn,
    isExtension,
    parent,
    home,
    subs: [],
    overlays: [],
    type: facts.type,
    multiValued: facts.multiValued,
    caseExact: facts.caseExact === true,
    required: facts.required,
    mutability: facts.mutability as Attribute['mutability'],
    returned: facts.returned as Attribute['returned'],
    uniqueness: (facts.uniqueness ?? 'none') as Attribute['uniqueness'],
    canonicalValues: facts.canonicalValues ?? [],
  };
}

/** RFC 7643 §3.1: what every resource has. */
function addCommon(registry: Registry): void {
  const isUser = registry.kind === 'User';
  const plain = (name: string, home: Home, more: Partial<Attribute> = {}): Attribute => ({
    path: name,
    name,
    urn: registry.schemas.core.id,
    isExtension: false,
    type: 'string',
    multiValued: false,
    caseExact: true,
    required: false,
    mutability: 'readOnly',
    returned: 'default',
    uniqueness: 'none',
    canonicalValues: [],
    parent: undefined,
    subs: [],
    home,
    overlays: [],
    ...more,
  });
  const id = isUser ? 'users.user_id' : 'user_groups.group_id';
  const created = isUser ? 'to_timestamp(users.created_at)' : 'user_groups.created_at';
  // What only this client keeps may have changed later than our columns; greatest() passes over NULL.
  const modified = `greatest(${isUser ? 'users' : 'user_groups'}.updated_at, scim_resources.updated_at)`;
  add(registry, plain('schemas', { at: 'schemas' }, { type: 'reference', multiValued: true, returned: 'always' }));
  add(registry, plain('id', { at: 'expression', sql: id, type: 'uuid' }, { returned: 'always', uniqueness: 'global' }));
  const externalId: Home = { at: 'expression', sql: 'scim_resources.external_id', type: 'text' };
  add(registry, plain('externalId', externalId, { mutability: 'readWrite' }));
  const meta = plain('meta', { at: 'nowhere' }, { type: 'complex' });
  const kind: Home = { at: 'expression', sql: `'${registry.kind}'::text`, type: 'text' };
  const sub = (name: string, home: Home, more: Partial<Attribute> = {}) =>
    plain(name, home, { path: `meta.${name}`, parent: meta, ...more });
  meta.subs = [
    sub('resourceType', kind),
    sub('created', { at: 'expression', sql: created, type: 'dateTime' }, { type: 'dateTime' }),
    sub('lastModified', { at: 'expression', sql: modified, type: 'dateTime' }, { type: 'dateTime' }),
    sub('location', { at: 'nowhere' }),
    sub('version', { at: 'nowhere' }),
  ];
  add(registry, meta);
}

function applyMapping(registry: Registry, mapping: ReadMapping): void {
  const refuse = (reason: string): never => {
    throw new MappingRefused(reason, mapping);
  };
  const { path, target } = mapping;
  const found = findAttribute(registry, path.attribute) ?? refuse(`a ${registry.kind} has no such attribute`);
  const leaf =
    path.sub === undefined ? found : (findSub(found, path.sub) ?? refuse(`${found.path} has no "${path.sub}"`));
  const list = leaf.multiValued ? leaf : leaf.parent?.multiValued ? leaf.parent : undefined;
  if (['schemas', 'externalId', 'members', 'groups'].includes((list ?? leaf).path)) {
    refuse('this attribute has its own place and cannot be mapped');
  }
  if (leaf.mutability === 'readOnly' || leaf.parent?.mutability === 'readOnly') refuse('the attribute is read-only');
  if (leaf.returned === 'never') refuse('a password is not kept in a column');
  if (list && !(path.filter && path.sub)) {
    refuse(`${list.path} has many values: say which one, like ${list.path}[type eq "work"].value`);
  }
  if (!list && path.filter) refuse(`${leaf.path} has one value: a value filter has nothing to choose from`);
  if (leaf.type === 'complex')
    refuse(`${leaf.path} is made of parts: name one of ${leaf.subs.map((s) => s.name).join(', ')}`);
  if ('column' in target) {
    const isText = leaf.type === 'string' || leaf.type === 'reference';
    if (target.type === 'boolean' ? leaf.type !== 'boolean' : !isText) {
      refuse(`the column holds ${target.type === 'boolean' ? 'true or false' : 'text'}, the attribute is ${leaf.type}`);
    }
  }
  if (!list) {
    leaf.home = { at: 'column', target };
    registry.mappings.push({ attribute: leaf, overlay: undefined, target });
    return;
  }
  const conditions = conditionsOf(path.filter as NonNullable<AttributePath['filter']>) ?? [];
  for (const { name } of conditions) {
    const sub = findSub(list, name) ?? refuse(`${list.path} has no "${name}"`);
    if (sub === leaf) refuse('the value filter asks for the very value that is mapped');
  }
  const named = conditions.map(({ name, value }) => ({ name: (findSub(list, name) as Attribute).name, value }));
  const fallsBack = 'column' in target && target.column === 'email';
  const overlay: Overlay = { conditions: named, leaf: leaf.name, target, fallsBack };
  list.overlays.push(overlay);
  registry.mappings.push({ attribute: list, overlay, target });
}

/** What lives neither in a mapped column nor in the kept attributes. */
function settleHomes(registry: Registry): void {
  const settle = (path: string, home: Home) => {
    const attribute = registry.attributes.get(path);
    if (attribute) attribute.home = home;
  };
  settle('members', { at: 'memberships', side: 'members' });
  settle('groups', { at: 'memberships', side: 'groups' });
  settle('password', { at: 'nowhere' });
  // The sign-in name of an account made elsewhere may be its e-mail alone.
  settle('username', { at: 'expression', sql: 'coalesce(users.username, users.email)', type: 'text' });
}

/** By full path in any case; the core URN may stand before, and `urn:…:User.name` (old Entra) is read like `urn:…:User:name`. */
export function findAttribute(registry: Registry, path: string): Attribute | undefined {
  const lower = path.toLowerCase();
  const plain = registry.attributes.get(lower);
  if (plain || !lower.startsWith('urn:')) return plain;
  for (const definition of [registry.schemas.core, ...registry.schemas.extensions]) {
    const urn = definition.id.toLowerCase();
    if (!lower.startsWith(urn) || (lower[urn.length] !== ':' && lower[urn.length] !== '.')) continue;
    const rest = lower.slice(urn.length + 1);
    const found = registry.attributes.get(definition === registry.schemas.core ? rest : `${urn}:${rest}`);
    if (found && found.urn.toLowerCase() === urn) return found;
  }
  return undefined;
}

/** For filters, where Entra asks `manager eq "…"` without the URN: the one extension's attribute of this bare name, if there is one. */
export function findBareExtension(registry: Registry, path: string): Attribute | undefined {
  const tail = `:${path.toLowerCase()}`;
  if (path.includes(':')) return undefined;
  const named = [...registry.attributes].filter(([key, { isExtension }]) => isExtension && key.endsWith(tail));
  return named.length === 1 ? named[0]?.[1] : undefined;
}

export function findSub(attribute: Attribute, name: string): Attribute | undefined {
  const lower = name.toLowerCase();
  const own = attribute.subs.find((sub) => sub.name.toLowerCase() === lower);
  // A simple multi-valued attribute is asked for its `value` (RFC 7643 §2.4).
  return (
    own ??
    (attribute.type !== 'complex' && lower === 'value'
      ? { ...attribute, name: 'value', multiValued: false }
      : undefined)
  );
}

/** The extension's URN in its own spelling, when the path is a whole extension. */
export function findExtension(registry: Registry, path: string): string | undefined {
  const lower = path.toLowerCase();
  return registry.schemas.extensions.find((extension) => extension.id.toLowerCase() === lower)?.id;
}
