/**
 * A whole resource ↔ our tables. What is sent is kept whole in `scim_resources.attributes`; mapped attributes are copied into
 * columns, and on the way back the columns are laid over what was kept, because a column may have been changed elsewhere.
 * A value that differs only in the case of letters comes back as it was sent.
 */
import { isId } from '../core/id.ts';
import { invalidValue } from './errors.ts';
import { isEmpty, isObject, type Json, type JsonObject, sameJson } from './json.ts';
import type { LocalTarget } from './mappings.ts';
import type { Attribute, Overlay } from './attribute.ts';
import type { Registry } from './registry.ts';
import { holderOf } from './resource.ts';

export interface StoredResource {
  /** Columns to write; a column that is not named stays as it is. */
  columns: Record<string, string | boolean | null>;
  /** Paths in `users.properties`; undefined removes. */
  properties: { path: string[]; value: Json | undefined }[];
  external_id: string | null;
  /** `scim_resources.attributes` */
  attributes: JsonObject;
  /** The whole membership, when the resource names it; undefined leaves it as it is. */
  members: string[] | undefined;
}

/**
 * What a whole resource means for our tables. An absent mapped attribute clears its column (RFC 7644 §3.5.1), but an
 * absent `active` never deactivates, and absent `members` never empty a group.
 * @throws ScimFault 400 invalidValue when a member is no id
 */
export function splitResource(resource: JsonObject, registry: Registry): StoredResource {
  const columns: StoredResource['columns'] = {};
  const properties: StoredResource['properties'] = [];
  for (const { attribute, overlay, target } of registry.mappings) {
    const value = overlay ? overlayRead(listOf(resource, attribute), overlay) : valueAt(resource, attribute);
    if ('properties' in target) properties.push({ path: target.properties, value: isEmpty(value) ? undefined : value });
    else if (target.type === 'boolean') {
      if (typeof value === 'boolean') columns[target.column] = value;
    } else columns[target.column] = typeof value === 'string' && value.trim() !== '' ? value.trim() : null;
  }
  if (registry.kind === 'User' && !columns.email) columns.email = fallbackEmail(resource);
  const { schemas: _s, id: _i, meta: _m, groups: _g, members: _n, externalId, ...attributes } = resource;
  return {
    columns,
    properties,
    external_id: typeof externalId === 'string' && externalId !== '' ? externalId : null,
    attributes,
    members: registry.kind === 'Group' && Array.isArray(resource.members) ? readMemberIds(resource.members) : undefined,
  };
}

/** An account needs an address: the primary e-mail, the first, or a user name that is one. */
function fallbackEmail(resource: JsonObject): string | null {
  const emails = Array.isArray(resource.emails) ? resource.emails.filter(isObject) : [];
  const best =
    emails.find((one) => one.primary === true && !isEmpty(one.value)) ?? emails.find((one) => !isEmpty(one.value));
  if (typeof best?.value === 'string') return best.value.trim();
  return typeof resource.userName === 'string' && /^[^@\s]+@[^@\s]+$/.test(resource.userName)
    ? resource.userName
    : null;
}

/** @throws ScimFault 400 invalidValue */
function readMemberIds(members: Json[]): string[] {
  const ids = members.map((member) => (isObject(member) ? member.value : member));
  for (const id of ids) if (!isId(id)) throw invalidValue('members: a value is not the id of a user.');
  return [...new Set((ids as string[]).map((id) => id.toLowerCase()))];
}

function valueAt(resource: JsonObject, attribute: Attribute): Json | undefined {
  const outer = attribute.isExtension ? resource[attribute.urn] : resource;
  const holder = attribute.parent && isObject(outer) ? outer[attribute.parent.name] : outer;
  return isObject(holder) ? holder[attribute.name] : undefined;
}

function listOf(resource: JsonObject, attribute: Attribute): Json[] {
  const value = valueAt(resource, attribute);
  return Array.isArray(value) ? value : [];
}

/** The element that a column is laid over; filter-sql.ts picks the same one by SQL, and a test holds them together. */
function overlayElement(list: Json[], overlay: Overlay): JsonObject | undefined {
  const objects = list.filter(isObject);
  const met = objects.find((item) =>
    overlay.conditions.every(({ name, value }) => {
      const actual = item[name];
      return typeof value === 'string' && typeof actual === 'string'
        ? actual.toLowerCase() === value.toLowerCase()
        : actual === value;
    }),
  );
  if (met || !overlay.fallsBack) return met;
  return objects.find((item) => item.primary === true) ?? objects[0];
}

const overlayRead = (list: Json[], overlay: Overlay): Json | undefined => overlayElement(list, overlay)?.[overlay.leaf];

// --- from the database ---

export interface Reference {
  value: string;
  display: string | null;
}

export interface StoredRow {
  id: string;
  created: Date;
  modified: Date;
  /** what the ETag is made of; see etag.ts */
  version: string;
  external_id: string | null;
  /** the row of `users` or `user_groups`: every mapped column, `properties`, and for users `username` and `email` */
  columns: Record<string, unknown>;
  attributes: JsonObject | null;
  /** undefined: not loaded, and not shown */
  groups?: Reference[];
  members?: Reference[];
}

/** The whole resource as clients read it. `base` is the absolute address of the endpoint, without a slash at its end. */
export function buildResource(row: StoredRow, registry: Registry, base: string): JsonObject {
  const kept = structuredClone(row.attributes ?? {});
  for (const { attribute, overlay, target } of registry.mappings) {
    const column = columnOf(row, target);
    if (overlay) overlayValue(kept, attribute, overlay, column);
    else layOver(kept, attribute, column);
  }
  const address = `${base}${registry.schemas.endpoint}/${row.id}`;
  const resource: JsonObject = { schemas: [], id: row.id };
  if (row.external_id !== null) resource.externalId = row.external_id;
  Object.assign(resource, kept);
  if (registry.kind === 'User')
    resource.userName = asSent(kept.userName, row.columns.username ?? row.columns.email) ?? null;
  if (row.groups) resource.groups = row.groups.map((one) => reference(one, `${base}/Groups/`, 'direct'));
  if (row.members) resource.members = row.members.map((one) => reference(one, `${base}/Users/`, 'User'));
  for (const key of Object.keys(resource)) {
    if (/^urn:/i.test(key) && isEmpty(resource[key])) delete resource[key];
  }
  resource.schemas = [registry.schemas.core.id, ...Object.keys(resource).filter((key) => /^urn:/i.test(key))];
  resource.meta = {
    resourceType: registry.kind,
    created: row.created.toISOString(),
    lastModified: row.modified.toISOString(),
    location: address,
    version: row.version,
  };
  return resource;
}

function reference(one: Reference, prefix: string, type: string): JsonObject {
  const base: JsonObject = { value: one.value, $ref: `${prefix}${one.value}`, type };
  if (one.display !== null) base.display = one.display;
  return base;
}

function columnOf(row: StoredRow, target: LocalTarget): unknown {
  if ('column' in target) return row.columns[target.column];
  let value: unknown = row.columns.properties;
  for (const key of target.properties) value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value;
}

/** The column's value, in the spelling that was sent when only letters' case differs. */
function asSent(kept: Json | undefined, column: unknown): Json | undefined {
  if (column === null || column === undefined) return isEmpty(kept) ? kept : undefined;
  const truth = column as Json;
  if (typeof kept === 'string' && typeof truth === 'string' && kept.trim().toLowerCase() === truth.toLowerCase())
    return kept;
  return sameJson(kept, truth) ? kept : truth;
}

function layOver(kept: JsonObject, attribute: Attribute, column: unknown): void {
  const value = asSent(valueAt(kept, attribute), column);
  if (value !== undefined) holderOf(kept, attribute)[attribute.name] = value;
  else if (valueAt(kept, attribute) !== undefined) delete holderOf(kept, attribute)[attribute.name];
  const parent = attribute.parent;
  if (parent && isEmpty(valueAt(kept, parent))) delete holderOf(kept, parent)[parent.name];
}

/** Lays a column over one element; an element that has nothing left but its label goes. */
function overlayValue(kept: JsonObject, list: Attribute, overlay: Overlay, column: unknown): void {
  const elements = listOf(kept, list);
  const element = overlayElement(elements, overlay);
  const value = asSent(element?.[overlay.leaf], column);
  if (element && value !== undefined) element[overlay.leaf] = value;
  else if (element) {
    delete element[overlay.leaf];
    const labels = new Set(['type', 'primary', 'display', ...overlay.conditions.map(({ name }) => name)]);
    if (Object.keys(element).every((key) => labels.has(key))) elements.splice(elements.indexOf(element), 1);
  } else if (value !== undefined) {
    const labels = overlay.conditions.map(({ name, value: label }) => [name, label] as const);
    elements.push({ ...Object.fromEntries(labels), [overlay.leaf]: value });
  }
  if (elements.length > 0) holderOf(kept, list)[list.name] = elements;
  else delete holderOf(kept, list)[list.name];
}
