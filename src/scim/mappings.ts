/**
 * Which of our columns an attribute of the directory means. A mapping that could not work, or that would let a directory
 * write what it must not (ids, owner, roles, flags of administration: SC-04), is refused with its reason.
 */
import { type AttributePath, type FilterNode, parsePath } from './filter.ts';
import { isForbiddenName } from './json.ts';
import { ENTERPRISE_URN, type ExtensionAttribute, GROUP_URN, USER_URN } from './schemas.ts';

export interface Mapping {
  local_attribute: string;
  scim_attribute: string;
  /** Only to tell the two apart where both have a column of that name; `user_groups.name` says it as well. */
  resource_type?: 'User' | 'Group';
}

export type LocalTarget =
  | { table: 'users' | 'user_groups'; column: string; type: 'string' | 'boolean' }
  | { table: 'users'; properties: string[]; type: 'string' };

export interface ReadMapping extends Mapping {
  target: LocalTarget;
  path: AttributePath;
}

/** Everything a directory may write. What is not named here has no mapping. */
const COLUMNS: Record<'users' | 'user_groups', Record<string, 'string' | 'boolean'>> = {
  users: {
    username: 'string',
    email: 'string',
    first_name: 'string',
    last_name: 'string',
    picture_url: 'string',
    phone: 'string',
    bio: 'string',
    enabled: 'boolean',
  },
  user_groups: { name: 'string', description: 'string' },
};

export const STANDARD_MAPPINGS: readonly Mapping[] = [
  { local_attribute: 'username', scim_attribute: 'userName' },
  { local_attribute: 'enabled', scim_attribute: 'active' },
  { local_attribute: 'email', scim_attribute: 'emails[type eq "work"].value' },
  { local_attribute: 'first_name', scim_attribute: 'name.givenName' },
  { local_attribute: 'last_name', scim_attribute: 'name.familyName' },
  { local_attribute: 'phone', scim_attribute: 'phoneNumbers[type eq "work"].value' },
  { local_attribute: 'picture_url', scim_attribute: 'photos[type eq "photo"].value' },
  { local_attribute: 'user_groups.name', scim_attribute: 'displayName' },
];

const maxMappings = 200;
const PROPERTY = /^[A-Za-z_][\w-]{0,63}$/;
const OWN_URN = /^urn:[a-z0-9][a-z0-9-]{0,31}:[A-Za-z0-9_.:-]{1,200}$/i;

export class MappingRefused extends Error {
  readonly mapping: Mapping | undefined;
  constructor(reason: string, mapping?: Mapping) {
    super(mapping ? `${mapping.local_attribute} ↔ ${mapping.scim_attribute}: ${reason}` : reason);
    this.name = 'MappingRefused';
    this.mapping = mapping;
  }
}

/**
 * The mappings with their two sides read. `userName`, `active` and a group's `displayName` always have a home: a client
 * that does not name them gets the standard one (without `active`, deprovisioning would be a word).
 * @throws MappingRefused
 */
export function readMappings(mappings: readonly Mapping[]): ReadMapping[] {
  if (mappings.length > maxMappings) throw new MappingRefused(`more than ${maxMappings} mappings`);
  const read = mappings.map(readMapping);
  for (const standard of STANDARD_MAPPINGS) {
    if (!['userName', 'active', 'displayName'].includes(standard.scim_attribute)) continue;
    const { target, path } = readMapping(standard);
    const isNamed = read.some((one) => one.target.table === target.table && samePath(one.path, path));
    if (!isNamed) read.push({ ...standard, target, path });
  }
  refuseTwice(read, (one) => describeTarget(one.target), 'this column has two mappings');
  refuseTwice(read, (one) => `${one.target.table} ${pathKey(one.path)}`, 'this attribute has two mappings');
  return read;
}

function readMapping(mapping: Mapping): ReadMapping {
  const refuse = (reason: string): never => {
    throw new MappingRefused(reason, mapping);
  };
  if (typeof mapping.local_attribute !== 'string' || typeof mapping.scim_attribute !== 'string')
    refuse('not two names');
  const target = readLocal(mapping) ?? refuse('there is no such column that a directory may write');
  let path: AttributePath;
  try {
    path = parsePath(mapping.scim_attribute);
  } catch (cause) {
    return refuse(cause instanceof Error ? cause.message : 'the path cannot be read');
  }
  if (path.filter && !conditionsOf(path.filter)) refuse('the value filter must be made of "eq" and "and" only');
  if ('column' in target && target.column === 'enabled' && path.attribute.toLowerCase() !== 'active') {
    refuse('"enabled" is what "active" means, and nothing else');
  }
  return { ...mapping, target, path };
}

function readLocal({ local_attribute: name, resource_type }: Mapping): LocalTarget | undefined {
  const dotted = name.startsWith('users.') ? name.slice(6) : name;
  if (dotted.startsWith('properties.')) {
    const path = dotted.slice('properties.'.length).split('.');
    const isFine = path.length <= 4 && path.every((part) => PROPERTY.test(part) && !isForbiddenName(part));
    return isFine ? { table: 'users', properties: path, type: 'string' } : undefined;
  }
  const inGroups = name.startsWith('user_groups.') ? name.slice('user_groups.'.length) : undefined;
  const isGroups = inGroups !== undefined || (dotted === name && Object.hasOwn(COLUMNS.user_groups, name));
  const table = isGroups ? 'user_groups' : 'users';
  if (resource_type !== undefined && (resource_type === 'Group') !== isGroups) return undefined;
  const column = inGroups ?? dotted;
  const type = Object.hasOwn(COLUMNS[table], column) ? COLUMNS[table][column] : undefined;
  return type && { table, column, type };
}

/** `type eq "work" and primary eq true` as pairs; undefined when the filter says more than equalities. */
export function conditionsOf(filter: FilterNode): { name: string; value: string | number | boolean }[] | undefined {
  if (filter.kind === 'and') {
    const parts = filter.nodes.map(conditionsOf);
    return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
  }
  if (filter.kind !== 'compare' || filter.op !== 'eq' || filter.value === null || filter.path.filter) return undefined;
  return [{ name: filter.path.attribute, value: filter.value }];
}

/** One spelling for one place: lower case, conditions in order. */
function pathKey(path: AttributePath): string {
  const conditions = path.filter ? (conditionsOf(path.filter) ?? []) : [];
  const inner = conditions.map(({ name, value }) => `${name} eq ${JSON.stringify(value)}`.toLowerCase()).sort();
  const tail = path.sub === undefined ? '' : `.${path.sub.toLowerCase()}`;
  return `${stripCore(path.attribute).toLowerCase()}${path.filter ? `[${inner.join(' and ')}]` : ''}${tail}`;
}

const samePath = (a: AttributePath, b: AttributePath): boolean => pathKey(a) === pathKey(b);

/** The core schema's URN before a core attribute says nothing (RFC 7644 §3.10). */
function stripCore(attribute: string): string {
  const lower = attribute.toLowerCase();
  for (const urn of [USER_URN, GROUP_URN]) {
    if (lower.startsWith(`${urn.toLowerCase()}:`)) return attribute.slice(urn.length + 1);
  }
  return attribute;
}

const describeTarget = (target: LocalTarget): string =>
  'column' in target ? `${target.table}.${target.column}` : `users.properties.${target.properties.join('.')}`;

function refuseTwice(read: ReadMapping[], keyOf: (one: ReadMapping) => string, reason: string): void {
  const seen = new Set<string>();
  for (const one of read) {
    const key = keyOf(one);
    if (seen.has(key)) throw new MappingRefused(reason, one);
    seen.add(key);
  }
}

/** The attributes that only this client has: those of URNs which no standard knows. */
export function ownAttributes(mappings: ReadMapping[]): ExtensionAttribute[] {
  return mappings.flatMap((mapping) => {
    const { attribute } = mapping.path;
    const bare = stripCore(attribute);
    if (!/^urn:/i.test(bare) || bare.toLowerCase().startsWith(`${ENTERPRISE_URN.toLowerCase()}:`)) return [];
    const cut = bare.lastIndexOf(':');
    const urn = bare.slice(0, cut);
    const [name = '', sub] = bare.slice(cut + 1).split('.');
    if (!OWN_URN.test(urn) || isForbiddenName(urn))
      throw new MappingRefused('this is no URN for an extension', mapping);
    for (const part of sub === undefined ? [name] : [name, sub]) {
      if (!/^[A-Za-z$][\w$-]{0,63}$/.test(part) || isForbiddenName(part)) {
        throw new MappingRefused('the attribute name after the URN cannot be read', mapping);
      }
    }
    if (mapping.path.filter) throw new MappingRefused('an attribute of your own has one value, and no filter', mapping);
    const kind = mapping.target.table === 'users' ? ('User' as const) : ('Group' as const);
    return [{ urn, kind, name, ...(sub === undefined ? {} : { sub }), type: mapping.target.type }];
  });
}
