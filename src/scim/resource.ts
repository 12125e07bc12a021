/**
 * A resource as a directory sends it, checked against the registry and spelled properly (RFC 7644 §3.3, §3.5.1). What no
 * schema names is kept; what is ours to say is passed over. How it is stored is in resource-store.ts.
 */
import { invalidSyntax, invalidValue, tooLarge } from './errors.ts';
import { getField, isEmpty, isForbiddenName, isObject, type Json, type JsonObject, readObject } from './json.ts';
import { checkElements, type Notes, readValue } from './leniency.ts';
import type { Attribute } from './attribute.ts';
import { findAttribute, findExtension, type Registry } from './registry.ts';

/** Characters of one resource as JSON, members aside: a page shows two hundred of them. */
const maxResourceCharacters = 98_304;

const NAME = /^[A-Za-z$][\w$-]{0,99}$/;
/** Not the directory's to say (SC-04); computed or kept elsewhere. */
const OURS = new Set(['schemas', 'id', 'meta']);

export interface SentResource {
  resource: JsonObject;
  password: string | undefined;
}

/**
 * The body of a POST or PUT, checked and spelled properly.
 * @throws ScimFault 400 invalidSyntax (no object, no `schemas`, a name twice), 400 invalidValue (types, required
 *   attributes, two primaries), 413 (caps)
 */
export function readResource(body: unknown, registry: Registry, notes: Notes): SentResource {
  const sent = readObject(body);
  checkSchemas(sent, registry, notes);
  const resource: JsonObject = {};
  const taken = new Set<string>();
  let password: string | undefined;
  for (const [key, value] of Object.entries(sent)) {
    const lower = key.toLowerCase();
    if (taken.has(lower)) throw invalidSyntax(`${key.slice(0, 80)} is given twice.`);
    taken.add(lower);
    if (OURS.has(lower)) {
      if (lower !== 'schemas') notes.add('read-only-ignored', lower);
      continue;
    }
    const extension = findExtension(registry, key);
    if (extension) readExtension(resource, extension, value, registry, notes);
    else {
      const attribute = findAttribute(registry, key);
      if (!attribute) keepUnknown(resource, key, value, notes);
      else if (attribute.returned === 'never') password = readPassword(attribute, value, notes);
      else setSent(resource, attribute, key, value, notes);
    }
  }
  finishResource(resource, registry);
  return { resource, password };
}

/** RFC 7643 §3: `schemas` is required. URNs that nobody here knows (SCIM 1's, a wizard's) are ignored. */
function checkSchemas(sent: JsonObject, registry: Registry, notes: Notes): void {
  const given = getField(sent, 'schemas');
  const list = typeof given === 'string' ? [given] : given;
  if (!Array.isArray(list) || list.length === 0 || !list.every((urn) => typeof urn === 'string')) {
    throw invalidSyntax('"schemas" must list the URNs of the resource.');
  }
  const known = [registry.schemas.core, ...registry.schemas.extensions].map(({ id }) => id.toLowerCase());
  for (const urn of list) if (!known.includes(urn.toLowerCase())) notes.add('unknown-schema-ignored', urn);
}

function setSent(resource: JsonObject, attribute: Attribute, key: string, value: Json, notes: Notes): void {
  if (isReadOnly(attribute)) return notes.add('read-only-ignored', attribute.path);
  if (key !== attribute.path && !attribute.isExtension) notes.add('attribute-name-case', attribute.path);
  const read = readValue(attribute, value, notes);
  if (read === undefined || (Array.isArray(read) && read.length === 0 && attribute.path !== 'members')) return;
  holderOf(resource, attribute)[attribute.name] = read;
}

export const isReadOnly = (attribute: Attribute): boolean =>
  attribute.mutability === 'readOnly' || attribute.parent?.mutability === 'readOnly';

/** The object an attribute's value stands in, made when it is missing. */
export function holderOf(resource: JsonObject, attribute: Attribute): JsonObject {
  const outer = attribute.isExtension ? objectAt(resource, attribute.urn) : resource;
  return attribute.parent && !attribute.parent.multiValued ? objectAt(outer, attribute.parent.name) : outer;
}

function objectAt(holder: JsonObject, name: string): JsonObject {
  const found = holder[name];
  if (isObject(found)) return found;
  const made: JsonObject = {};
  holder[name] = made;
  return made;
}

function readPassword(attribute: Attribute, value: Json, notes: Notes): string | undefined {
  const read = readValue(attribute, value, notes);
  return typeof read === 'string' && read !== '' ? read : undefined;
}

function readExtension(resource: JsonObject, urn: string, value: Json, registry: Registry, notes: Notes): void {
  if (value === null) return;
  if (!isObject(value)) throw invalidValue(`${urn} must be an object.`);
  for (const [key, part] of Object.entries(value)) {
    const attribute = findAttribute(registry, `${urn}:${key}`);
    if (attribute) setSent(resource, attribute, attribute.path, part, notes);
    else if (NAME.test(key) && part !== null) {
      notes.add('unknown-attribute-kept', `${urn}:${key}`);
      objectAt(resource, urn)[key] = part;
    }
  }
}

/** "Nothing that a directory sends is lost": kept as sent, and never read as a column. */
function keepUnknown(resource: JsonObject, key: string, value: Json, notes: Notes): void {
  if (value === null || isForbiddenName(key)) return;
  if (/^urn:[\w.:-]{1,250}$/i.test(key)) {
    notes.add('unknown-schema-kept', key);
    resource[key] = value;
  } else if (NAME.test(key)) {
    notes.add('unknown-attribute-kept', key);
    resource[key] = value;
  } else notes.add('unknown-attribute-ignored', key);
}

/**
 * The last look at a resource before it is stored, and its `schemas`: those it has something of.
 * @throws ScimFault 400 invalidValue, 413
 */
export function finishResource(resource: JsonObject, registry: Registry): void {
  for (const attribute of registry.tops) {
    const value = attribute.isExtension ? undefined : resource[attribute.name];
    if (attribute.required && !isReadOnly(attribute) && (isEmpty(value) || String(value).trim() === '')) {
      throw invalidValue(`${attribute.path} is required.`);
    }
    if (!Array.isArray(value) || attribute.path === 'members') continue;
    checkElements(attribute, value.length);
    if (value.filter((item) => isObject(item) && item.primary === true).length > 1) {
      throw invalidValue(`${attribute.path}: only one value can be the primary one.`);
    }
  }
  const { members: _, ...rest } = resource;
  if (JSON.stringify(rest).length > maxResourceCharacters)
    throw tooLarge(`The resource is longer than ${maxResourceCharacters} characters.`);
  const urns = Object.keys(resource).filter((key) => /^urn:/i.test(key));
  for (const urn of urns) if (isEmpty(resource[urn])) delete resource[urn];
  resource.schemas = [registry.schemas.core.id, ...urns.filter((urn) => Object.hasOwn(resource, urn))];
}
