/**
 * Which attributes an answer shows: `attributes`, `excludedAttributes` and each attribute's own `returned`
 * (RFC 7644 §3.9). A projection is made for reading only: PATCH and PUT work on whole resources.
 */
import { isObject, type Json, type JsonObject } from './json.ts';
import type { Attribute } from './attribute.ts';
import { findAttribute, findExtension, type Registry } from './registry.ts';

export interface Projection {
  /** lower-case paths; undefined: the default set */
  only: Set<string> | undefined;
  except: Set<string>;
}

/** Names that no schema has are passed over; both parameters may be given, and then both count. */
export function readProjection(attributes: unknown, excluded: unknown, registry: Registry): Projection {
  const only = readPaths(attributes, registry);
  return { only: only.length > 0 ? new Set(only) : undefined, except: new Set(readPaths(excluded, registry)) };
}

function readPaths(given: unknown, registry: Registry): string[] {
  const list = Array.isArray(given) ? given : typeof given === 'string' ? given.split(',') : [];
  const names = list.filter((name) => typeof name === 'string').slice(0, 200);
  return names.map((name) => pathOf(name.trim(), registry)).filter((name) => name !== '');
}

const pathOf = (name: string, registry: Registry): string =>
  (findExtension(registry, name) ?? findAttribute(registry, name)?.path ?? name).toLowerCase();

/** Whether an attribute would be shown: `members` and `groups` are not even loaded when they would not. */
export function isShown(projection: Projection, path: string, registry: Registry): boolean {
  const attribute = findAttribute(registry, path);
  const lower = (attribute?.path ?? path).toLowerCase();
  if (attribute?.returned === 'never') return false;
  if (attribute?.returned === 'always') return true;
  const urn = attribute?.isExtension ? attribute.urn.toLowerCase() : undefined;
  if (projection.only) {
    const isNamed = projection.only.has(lower) || (urn !== undefined && projection.only.has(urn));
    if (!isNamed && !hasPart(projection.only, lower)) return false;
  } else if (attribute?.returned === 'request') return false;
  return !projection.except.has(lower) && !(urn !== undefined && projection.except.has(urn));
}

const hasPart = (paths: Set<string>, top: string): boolean => [...paths].some((path) => path.startsWith(`${top}.`));

export function project(resource: JsonObject, projection: Projection, registry: Registry): JsonObject {
  const shown: JsonObject = {};
  for (const [key, value] of Object.entries(resource)) {
    if (/^urn:/i.test(key) && isObject(value)) {
      const inner = projectMembers(value, projection, registry, `${key}:`);
      if (Object.keys(inner).length > 0) shown[key] = inner;
    } else Object.assign(shown, projectMembers({ [key]: value }, projection, registry, ''));
  }
  return shown;
}

function projectMembers(holder: JsonObject, projection: Projection, registry: Registry, prefix: string): JsonObject {
  const shown: JsonObject = {};
  for (const [key, value] of Object.entries(holder)) {
    const path = `${prefix}${key}`;
    const attribute = findAttribute(registry, path);
    const isAsked = attribute
      ? isShown(projection, path, registry)
      : isUnknownShown(projection, path.toLowerCase(), prefix.slice(0, -1).toLowerCase());
    if (isAsked) shown[key] = attribute?.type === 'complex' ? projectParts(value, attribute, projection) : value;
  }
  return shown;
}

function isUnknownShown({ only, except }: Projection, path: string, urn: string): boolean {
  return (!only || only.has(path) || only.has(urn)) && !except.has(path) && !except.has(urn);
}

function projectParts(value: Json, attribute: Attribute, projection: Projection): Json {
  const top = attribute.path.toLowerCase();
  const { only, except } = projection;
  const isWhole = !only || only.has(top) || only.has(attribute.urn.toLowerCase()) || !hasPart(only, top);
  // Nearly always nothing is left out, and then nothing is copied: fifty thousand members would be.
  if (isWhole && !hasPart(except, top)) return value;
  const isKept = new Map<string, boolean>();
  const keeps = (name: string): boolean => {
    const known = isKept.get(name);
    if (known !== undefined) return known;
    const path = `${top}.${name.toLowerCase()}`;
    const kept = (isWhole || only.has(path)) && !except.has(path);
    isKept.set(name, kept);
    return kept;
  };
  const project = (item: Json): Json => {
    if (Array.isArray(item)) return item.map(project);
    if (!isObject(item)) return item;
    const shown: JsonObject = {};
    for (const name of Object.keys(item)) if (keeps(name)) shown[name] = item[name] as Json;
    return shown;
  };
  return project(value);
}
