/**
 * JSON from strangers. Objects made here have no dangerous names: `__proto__`, `constructor` and `prototype` never become
 * keys (SC-06), and what PostgreSQL cannot store (U+0000) is refused before it is a database error.
 */
import { reachesPrototype } from '../core/property-name.ts';
import { invalidSyntax, invalidValue, tooLarge } from './errors.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

const maxDepth = 12;
/** Characters of one string; certificates and photos as data URIs are the long ones. */
const maxStringCharacters = 65_536;
/** Values in one document, members of a group included; the edge counts names and commas, and stops earlier (http/body.ts). */
const maxValues = 100_000;

export const isForbiddenName = (name: string): boolean => reachesPrototype(name.toLowerCase());

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * A deep copy of a parsed body without forbidden names and without `undefined`.
 * @throws ScimFault 400 invalidSyntax (nesting), 400 invalidValue (null byte, no JSON), 413 (a string or the whole too large)
 */
function readJson(value: unknown): Json {
  let seen = 0;
  const read = (item: unknown, depth: number): Json => {
    if (++seen > maxValues) throw tooLarge('The body holds too many values.');
    if (depth > maxDepth) throw invalidSyntax(`The body is nested deeper than ${maxDepth} levels.`);
    if (item === null || typeof item === 'boolean') return item;
    if (typeof item === 'number' && Number.isFinite(item)) return item;
    if (typeof item === 'string') return readString(item);
    if (Array.isArray(item)) return item.map((one) => read(one, depth + 1));
    if (typeof item === 'object') {
      const copy: JsonObject = {};
      for (const [key, inner] of Object.entries(item)) {
        if (inner === undefined || isForbiddenName(key)) continue;
        copy[readString(key)] = read(inner, depth + 1);
      }
      return copy;
    }
    throw invalidValue('The body holds something that is not JSON.');
  };
  return read(value, 0);
}

function readString(text: string): string {
  if (text.length > maxStringCharacters) throw tooLarge(`A value is longer than ${maxStringCharacters} characters.`);
  if (text.includes('\u0000')) throw invalidValue('A value holds a null character.');
  // A lone surrogate is no character: jsonb refuses it, and it would come back altered.
  if (!text.isWellFormed()) throw invalidValue('A value holds a broken surrogate pair.');
  return text;
}

/** @throws ScimFault 400 invalidSyntax when the body is no JSON object. */
export function readObject(value: unknown): JsonObject {
  if (!isObject(value)) throw invalidSyntax('The body must be a JSON object.');
  return readJson(value) as JsonObject;
}

/** The value under a name in any case (RFC 7643 §2.1: attribute names are case-insensitive). */
export function getField(object: JsonObject, name: string): Json | undefined {
  const key = findKey(object, name);
  return key === undefined ? undefined : object[key];
}

export function findKey(object: JsonObject, name: string): string | undefined {
  if (Object.hasOwn(object, name)) return name;
  const lower = name.toLowerCase();
  return Object.keys(object).find((key) => key.toLowerCase() === lower);
}

/** Equal as JSON: the order of keys does not count, the order of lists does. */
export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameJson(item, b[i]));
  }
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && sameJson(a[key], b[key]))
    );
  }
  return false;
}

/** About as many characters as its text has, without making it. */
export function sizeOf(value: Json): number {
  if (typeof value === 'string') return value.length + 3;
  if (value === null || typeof value !== 'object') return 6;
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + sizeOf(item), 2);
  let size = 2;
  for (const name of Object.keys(value)) size += name.length + 3 + sizeOf(value[name] as Json);
  return size;
}

/** The same text for what is equal as JSON: keys in order. */
export const canonical = (value: Json): string =>
  JSON.stringify(value, (_, inner: Json) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );

/** RFC 7643 §2.5: null, "" as sent by directories, [] and {} all mean "has no value". */
export const isEmpty = (value: Json | undefined): boolean =>
  value === undefined ||
  value === null ||
  value === '' ||
  (Array.isArray(value) && value.length === 0) ||
  (isObject(value) && Object.keys(value).length === 0);
