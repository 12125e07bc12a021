/**
 * PATCH (RFC 7644 §3.5.2), first half: every operation is read, resolved and checked before the first is applied
 * (patch-apply.ts). A message without paths becomes one operation for each attribute it names.
 */
import { invalidPath, invalidSyntax, invalidValue, mutability, noTarget, ScimFault, tooLarge } from './errors.ts';
import { type AttributePath, type FilterNode, parsePath } from './filter.ts';
import { getField, isForbiddenName, isObject, type Json, type JsonObject, readObject } from './json.ts';
import { type Notes } from './leniency.ts';
import type { Attribute } from './attribute.ts';
import { findAttribute, findExtension, findSub, type Registry } from './registry.ts';
import { isReadOnly } from './resource.ts';

export const PATCH_URN = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
export const maxOperations = 1000;

export type PatchOp = 'add' | 'remove' | 'replace';

export type Target =
  | { kind: 'attribute'; attribute: Attribute; filter: FilterNode | undefined; sub: Attribute | undefined }
  | { kind: 'extension'; urn: string }
  /** of a schema that this client has no mapping for: kept as sent */
  | { kind: 'foreign'; path: string };

export interface Operation {
  op: PatchOp;
  target: Target;
  /** undefined: the operation has none (`remove` of everything) */
  value: Json | undefined;
}

/**
 * @throws ScimFault 400 invalidSyntax, invalidPath, invalidFilter, invalidValue, noTarget, mutability; 413 over the cap
 */
export function parsePatch(body: unknown, registry: Registry, notes: Notes): Operation[] {
  const sent = readObject(body);
  const schemas = getField(sent, 'schemas');
  if (!Array.isArray(schemas) || !schemas.some((urn) => String(urn).toLowerCase() === PATCH_URN.toLowerCase())) {
    throw invalidSyntax(`"schemas" must name ${PATCH_URN}.`);
  }
  const operations = getField(sent, 'Operations');
  if (!Array.isArray(operations)) throw invalidSyntax('"Operations" must be a list.');
  checkCount(operations.length);
  const parsed: Operation[] = [];
  for (const operation of operations) {
    parsed.push(...parseOperation(operation, registry, notes));
    checkCount(parsed.length);
  }
  return parsed;
}

/** Also of what one operation without a path comes to: each name in it is an operation of its own. */
function checkCount(operations: number): void {
  if (operations > maxOperations) throw tooLarge(`More than ${maxOperations} operations.`);
}

function parseOperation(sent: Json, registry: Registry, notes: Notes): Operation[] {
  if (!isObject(sent)) throw invalidSyntax('An operation must be an object.');
  const name = getField(sent, 'op');
  const op = typeof name === 'string' ? name.toLowerCase() : '';
  if (op !== 'add' && op !== 'remove' && op !== 'replace') throw invalidSyntax('"op" must be add, remove or replace.');
  if (op !== name) notes.add('operation-name-case', String(name));
  const path = getField(sent, 'path');
  const value = getField(sent, 'value');
  if (path !== undefined && path !== null && typeof path !== 'string') throw invalidPath('"path" must be text.');
  if (op !== 'remove' && value === undefined) throw invalidValue(`"${op}" needs a value.`);
  if (path === undefined || path === null || path.trim() === '') {
    if (op === 'remove') throw noTarget('"remove" needs a path.');
    if (!isObject(value)) throw invalidValue(`"${op}" without a path needs an object of attributes.`);
    return expandValue(op, value, registry, notes);
  }
  const target =
    resolvePath(parsePath(path), registry) ?? fail(invalidPath(`There is no attribute "${path.slice(0, 200)}".`));
  if (target.kind === 'extension' && op !== 'remove') {
    if (value === null) return [{ op: 'remove', target, value: undefined }];
    if (!isObject(value)) throw invalidValue(`${target.urn} must be an object.`);
    return expandExtension(op, target.urn, value, registry, notes);
  }
  if (target.kind === 'attribute') {
    if (target.attribute.path === 'schemas') {
      notes.add('read-only-ignored', 'schemas');
      return [];
    }
    checkMutability(target);
  }
  return [{ op, target, value: op === 'remove' && value === null ? undefined : value }];
}

const fail = (fault: ScimFault): never => {
  throw fault;
};

/** An explicit path to what is read-only is an error (RFC 7644 §3.5.2), unlike the same attribute in a value object. */
function checkMutability({ attribute, sub }: Extract<Target, { kind: 'attribute' }>): void {
  const leaf = sub ?? attribute;
  if (isReadOnly(attribute) || isReadOnly(leaf)) throw mutability(`${leaf.path} is read-only.`);
  if (leaf.mutability === 'immutable')
    throw mutability(`${leaf.path} cannot change: remove the value and add another.`);
}

function resolvePath(path: AttributePath, registry: Registry): Target | undefined {
  const extension = path.filter ? undefined : findExtension(registry, path.attribute);
  if (extension) return { kind: 'extension', urn: extension };
  const attribute = findAttribute(registry, path.attribute);
  if (!attribute) {
    return !path.filter && isForeign(path.attribute, registry) ? { kind: 'foreign', path: path.attribute } : undefined;
  }
  if (path.filter && !attribute.multiValued)
    throw invalidPath(`${attribute.path} has one value: there is nothing to filter.`);
  const sub = path.sub === undefined ? undefined : findSub(attribute, path.sub);
  if (path.sub !== undefined && !sub) throw invalidPath(`${attribute.path} has no "${path.sub}".`);
  if (!path.filter && attribute.parent?.multiValued)
    return { kind: 'attribute', attribute: attribute.parent, filter: undefined, sub: attribute };
  return { kind: 'attribute', attribute, filter: path.filter, sub };
}

const lastOf = (path: string): string => path.slice(path.lastIndexOf(':') + 1);

/** Extensions are open: what no mapping names is kept. A name that the core schema does not have is a mistake. */
function isForeign(path: string, registry: Registry): boolean {
  const last = lastOf(path);
  const isCore = path.toLowerCase().startsWith(`${registry.schemas.core.id.toLowerCase()}:`);
  return /^urn:[\w.:-]{1,250}$/i.test(path) && /^[A-Za-z$][\w$-]*$/.test(last) && !isForbiddenName(last) && !isCore;
}

/** `{"op":"replace","value":{…}}`: each key is a path of its own; what is unknown or read-only is passed over. */
function expandValue(op: 'add' | 'replace', value: JsonObject, registry: Registry, notes: Notes): Operation[] {
  checkCount(Object.keys(value).length);
  return Object.entries(value).flatMap(([key, part]) => {
    if (['schemas', 'id', 'meta'].includes(key.toLowerCase())) {
      notes.add('read-only-ignored', key);
      return [];
    }
    const target = resolveKey(key, registry, notes);
    if (!target) return [];
    if (target.kind === 'extension') {
      if (part === null) return [{ op: 'remove' as const, target, value: undefined }];
      if (!isObject(part)) throw invalidValue(`${target.urn} must be an object.`);
      return expandExtension(op, target.urn, part, registry, notes);
    }
    return [{ op, target, value: part }];
  });
}

function resolveKey(key: string, registry: Registry, notes: Notes): Target | undefined {
  let target: Target | undefined;
  try {
    target = resolvePath(parsePath(key), registry);
  } catch (fault) {
    if (!(fault instanceof ScimFault)) throw fault;
  }
  if (!target) {
    notes.add('unknown-attribute-ignored', key);
    return undefined;
  }
  if (target.kind !== 'attribute') return target;
  if (isReadOnly(target.attribute) || (target.sub && isReadOnly(target.sub))) {
    notes.add('read-only-ignored', target.attribute.path);
    return undefined;
  }
  if (/[.[]/.test(key.replace(/^urn:.*:/i, '')) || /^urn:/i.test(key)) notes.add('path-as-key', key);
  return target;
}

function expandExtension(
  op: 'add' | 'replace',
  urn: string,
  value: JsonObject,
  registry: Registry,
  notes: Notes,
): Operation[] {
  checkCount(Object.keys(value).length);
  return Object.entries(value).flatMap(([key, part]) => {
    const target = resolveKey(`${urn}:${key}`, registry, notes);
    return target && target.kind !== 'extension' ? [{ op, target, value: part }] : [];
  });
}
