/**
 * What directories really send, read as what they mean. Each reading that the RFC does not give is a named note, shown in
 * the flight recorder, so that an administrator sees what was understood. Nothing here rejects a value for not being
 * canonical: canonical values are suggestions (RFC 7643 §7).
 */
import { invalidSyntax, invalidValue, tooLarge } from './errors.ts';
import { readDateTime } from './filter-match.ts';
import { findKey, isEmpty, isObject, type Json, type JsonObject } from './json.ts';
import type { Attribute } from './attribute.ts';

/** Elements of one multi-valued attribute, members aside. */
export const maxElements = 1000;

export type LeniencyRule =
  | 'operation-name-case'
  | 'text-as-boolean'
  | 'text-as-number'
  | 'number-as-text'
  | 'empty-text-as-nothing'
  | 'manager-form'
  | 'member-form'
  | 'one-value-as-list'
  | 'bare-value-as-element'
  | 'path-as-key'
  | 'attribute-name-case'
  | 'unknown-attribute-ignored'
  | 'unknown-attribute-kept'
  | 'unknown-schema-ignored'
  | 'unknown-schema-kept'
  | 'read-only-ignored'
  | 'element-created'
  | 'no-match-to-remove'
  | 'empty-removal-ignored'
  | 'primary-moved'
  | 'password-not-kept';

export interface Note {
  rule: LeniencyRule;
  path: string;
}

/** At most a hundred notes of one request: a group of 5,000 bare ids is one observation, not 5,000. */
export class Notes {
  readonly list: Note[] = [];
  readonly #known = new Set<string>();
  add(rule: LeniencyRule, path: string): void {
    const cut = path.slice(0, 200);
    const key = `${rule} ${cut}`;
    if (this.list.length >= 100 || this.#known.has(key)) return;
    this.#known.add(key);
    this.list.push({ rule, path: cut });
  }
}

/**
 * A value as the attribute has it: the spelling of names corrected, types settled; undefined when it has no value.
 * @throws ScimFault 400 invalidValue when it cannot be read as the attribute's type
 */
export function readValue(attribute: Attribute, value: Json, notes: Notes): Json | undefined {
  if (value === null) return undefined;
  if (attribute.multiValued) return readList(attribute, value, notes);
  return attribute.type === 'complex' ? readComplex(attribute, value, notes) : readSimple(attribute, value, notes);
}

function readList(attribute: Attribute, value: Json, notes: Notes): Json[] {
  if (value === '') return [];
  if (!Array.isArray(value)) notes.add('one-value-as-list', attribute.path);
  const items = Array.isArray(value) ? value : [value];
  checkElements(attribute, items.length);
  return items.map((item) => readElement(attribute, item, notes)).filter((item) => item !== undefined);
}

/**
 * Lists are compared element by element, so their length is looked at before anything is done with them; members are ids, and
 * compared as a set.
 * @throws ScimFault 413
 */
export function checkElements(attribute: Attribute, count: number): void {
  if (count > maxElements && attribute.path !== 'members')
    throw tooLarge(`${attribute.path} has more than ${maxElements} values.`);
}

/** One element: `{value: …}`, or the bare value. */
export function readElement(attribute: Attribute, item: Json, notes: Notes): Json | undefined {
  if (item === null || item === '') return undefined;
  if (attribute.type !== 'complex') return readSimple(attribute, item, notes);
  if (isObject(item)) {
    const element = readParts(attribute, item, notes);
    return isEmpty(element) ? undefined : element;
  }
  if (Array.isArray(item)) throw invalidValue(`${attribute.path}: an element cannot be a list.`);
  notes.add(attribute.path === 'members' ? 'member-form' : 'bare-value-as-element', attribute.path);
  return readParts(attribute, { value: item }, notes);
}

/** A single complex value; a manager comes as `"id"`, `{value}`, `[{value}]`, `""` or null (Entra). */
function readComplex(attribute: Attribute, value: Json, notes: Notes): JsonObject | undefined {
  if (isObject(value)) {
    const read = readParts(attribute, value, notes);
    return isCleared(attribute, value) || isEmpty(read) ? undefined : read;
  }
  if (!hasValuePart(attribute)) throw invalidValue(`${attribute.path} must be an object.`);
  notes.add('manager-form', attribute.path);
  if (!Array.isArray(value)) return value === '' ? undefined : readParts(attribute, { value }, notes);
  if (value.length > 1) throw invalidValue(`${attribute.path} has one value, not ${value.length}.`);
  const [only] = value;
  return only === undefined || only === null ? undefined : readComplex(attribute, only, notes);
}

/** `{"value": ""}` and `{"value": null}` clear a reference. */
export function isCleared(attribute: Attribute, value: JsonObject): boolean {
  const key = hasValuePart(attribute) ? findKey(value, 'value') : undefined;
  return key !== undefined && isEmpty(value[key]);
}

export const hasValuePart = (attribute: Attribute): boolean => attribute.subs.some((sub) => sub.name === 'value');

/** Parts under their proper names. Parts that no schema knows are kept as sent. */
function readParts(attribute: Attribute, value: JsonObject, notes: Notes): JsonObject {
  const read: JsonObject = {};
  for (const [key, part] of Object.entries(value)) {
    const sub = attribute.subs.find((one) => one.name.toLowerCase() === key.toLowerCase());
    const path = `${attribute.path}.${sub?.name ?? key}`;
    if (!sub) {
      notes.add('unknown-attribute-kept', path);
      if (part !== null) read[key] = part;
      continue;
    }
    if (sub.mutability === 'readOnly') {
      notes.add('read-only-ignored', path);
      continue;
    }
    if (sub.name !== key) notes.add('attribute-name-case', path);
    if (Object.hasOwn(read, sub.name)) throw invalidSyntax(`${path} is given twice.`);
    const settled = part === null ? undefined : readSimple(sub, part, notes);
    if (settled !== undefined) read[sub.name] = settled;
  }
  return read;
}

function readSimple(attribute: Attribute, value: Json, notes: Notes): Json | undefined {
  const { path, type } = attribute;
  const isText = typeof value === 'string';
  switch (type) {
    case 'boolean':
      if (typeof value === 'boolean') return value;
      if (isText && /^(true|false)$/i.test(value)) {
        notes.add('text-as-boolean', path);
        return value.toLowerCase() === 'true';
      }
      if (value === '') return noteEmpty(path, notes);
      throw invalidValue(`${path} must be true or false.`);
    case 'integer':
    case 'decimal': {
      if (value === '') return noteEmpty(path, notes);
      const number = isText && value.trim() !== '' ? Number(value) : value;
      if (typeof number !== 'number' || !Number.isFinite(number) || (type === 'integer' && !Number.isInteger(number))) {
        throw invalidValue(`${path} must be ${type === 'integer' ? 'a whole number' : 'a number'}.`);
      }
      if (isText) notes.add('text-as-number', path);
      return number;
    }
    case 'dateTime':
      if (value === '') return noteEmpty(path, notes);
      if (isText && readDateTime(value)) return value;
      throw invalidValue(`${path} must be a dateTime, like "2026-01-31T09:00:00Z".`);
    case 'complex':
      throw invalidValue(`${path} cannot be nested here.`);
    default:
      if (isText) return value;
      if (typeof value === 'number') {
        notes.add('number-as-text', path);
        return String(value);
      }
      throw invalidValue(`${path} must be text.`);
  }
}

function noteEmpty(path: string, notes: Notes): undefined {
  notes.add('empty-text-as-nothing', path);
  return undefined;
}
