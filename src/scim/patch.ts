/**
 * PATCH (RFC 7644 §3.5.2). Every operation is read, resolved and checked before the first is applied; they are applied to
 * a copy of the whole resource, never to a projection, and the caller writes the result or nothing.
 */
import { invalidPath, invalidSyntax, invalidValue, mutability, noTarget, ScimFault, tooLarge } from './errors.ts';
import { type AttributePath, type FilterNode, parsePath } from './filter.ts';
import { matches } from './filter-match.ts';
import {
  findKey,
  getField,
  isEmpty,
  isForbiddenName,
  isObject,
  type Json,
  type JsonObject,
  readObject,
  sameJson,
} from './json.ts';
import { hasValuePart, isCleared, type Notes, readElement, readValue } from './leniency.ts';
import { conditionsOf } from './mappings.ts';
import { type Attribute, findAttribute, findExtension, findSub, type Registry } from './registry.ts';
import { finishResource, holderOf, isReadOnly } from './resource.ts';

export const PATCH_URN = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
export const MAX_OPERATIONS = 1000;

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

export interface Patched {
  resource: JsonObject;
  password: string | undefined;
  /** Whether anything is different; version and lastModified move only then. */
  changed: boolean;
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
  if (operations.length > MAX_OPERATIONS) throw tooLarge(`More than ${MAX_OPERATIONS} operations.`);
  return operations.flatMap((operation) => parseOperation(operation, registry, notes));
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
  return Object.entries(value).flatMap(([key, part]) => {
    const target = resolveKey(`${urn}:${key}`, registry, notes);
    return target && target.kind !== 'extension' ? [{ op, target, value: part }] : [];
  });
}

// --- application ---

/**
 * @param resource the whole resource as `buildResource` makes it; it is not changed
 * @throws ScimFault 400 invalidValue, noTarget, mutability; 413 when the result is over the caps
 */
export function applyPatch(operations: Operation[], resource: JsonObject, registry: Registry, notes: Notes): Patched {
  const next = structuredClone(resource);
  let password: string | undefined;
  for (const { op, target, value } of operations) {
    if (target.kind === 'extension') delete next[target.urn];
    else if (target.kind === 'foreign') applyForeign(next, op, target.path, value);
    else if (target.attribute.returned === 'never') {
      const read = value === undefined ? undefined : readValue(target.attribute, value, notes);
      if (op !== 'remove' && typeof read === 'string' && read !== '') password = read;
    } else applyAttribute(next, op, target, value, notes);
  }
  for (const top of registry.tops) tidy(next, top);
  finishResource(next, registry);
  const isSame = sameJson(withoutSchemas(resource), withoutSchemas(next));
  return { resource: next, password, changed: !isSame || password !== undefined };
}

/** Which schemas a resource lists follows from what it has. */
const withoutSchemas = ({ schemas: _, ...rest }: JsonObject): JsonObject => rest;

function applyAttribute(
  resource: JsonObject,
  op: PatchOp,
  target: Extract<Target, { kind: 'attribute' }>,
  value: Json | undefined,
  notes: Notes,
): void {
  const { attribute, filter, sub } = target;
  const holder = holderOf(resource, attribute);
  if (attribute.multiValued) {
    const found = holder[attribute.name];
    const list = Array.isArray(found) ? found : [];
    const next =
      filter || sub ? applyToElements(list, op, target, value, notes) : applyToList(list, op, attribute, value, notes);
    // An empty membership must be told from one that the patch does not touch.
    if (next.length > 0 || attribute.path === 'members') holder[attribute.name] = next;
    else delete holder[attribute.name];
    return;
  }
  const read = op === 'remove' || value === undefined ? undefined : readValue(attribute, value, notes);
  const before = holder[attribute.name];
  if (op !== 'remove' && attribute.type === 'complex' && isObject(value) && !isCleared(attribute, value)) {
    holder[attribute.name] = merge(attribute, before, isObject(read) ? read : {}, value);
  } else if (attribute.type === 'complex' && isObject(read)) {
    holder[attribute.name] = merge(attribute, before, read, undefined);
  } else if (read === undefined) delete holder[attribute.name];
  else holder[attribute.name] = read;
}

/** Sub-attributes that the value does not name stay (RFC 7644 §3.5.2.3); those it sets to null go. */
function merge(attribute: Attribute, before: Json | undefined, read: JsonObject, sent: Json | undefined): JsonObject {
  const merged: JsonObject = isObject(before) ? { ...before } : {};
  // A new reference makes what described the old one wrong.
  if (hasValuePart(attribute) && 'value' in read && read.value !== merged.value) {
    for (const name of ['$ref', 'display', 'displayName']) delete merged[name];
  }
  Object.assign(merged, read);
  if (isObject(sent)) {
    for (const [key, part] of Object.entries(sent)) if (part === null) delete merged[findKey(merged, key) ?? key];
  }
  return merged;
}

function applyToList(list: Json[], op: PatchOp, attribute: Attribute, value: Json | undefined, notes: Notes): Json[] {
  if (op === 'remove' && value === undefined) return [];
  const given = (value === undefined || value === null ? [] : (readValue(attribute, value, notes) as Json[])) ?? [];
  if (op === 'replace') return given;
  if (op === 'remove') {
    if (given.length === 0) notes.add('empty-removal-ignored', attribute.path);
    return list.filter((item) => !given.some((one) => isNamedBy(item, one)));
  }
  const added = given.filter(
    (one, index) =>
      !list.some((item) => isNamedBy(item, one)) && !given.slice(0, index).some((earlier) => sameJson(earlier, one)),
  );
  const next = [...list, ...added];
  // Adding an existing value as the primary one moves the flag to it (RFC 7644 §3.5.2.1).
  for (const one of given) {
    if (!isObject(one) || one.primary !== true) continue;
    const primary = next.find((item) => isNamedBy(item, { ...one }));
    movePrimary(next, primary === undefined ? [] : [primary], attribute, notes);
  }
  return next;
}

/** Whether `one` says nothing else than `item`; what only describes (display, $ref) does not count. */
function isNamedBy(item: Json, one: Json): boolean {
  if (!isObject(item) || !isObject(one)) return sameText(item, one);
  const keys = Object.keys(one).filter((key) => key !== 'display' && key !== '$ref' && key !== 'primary');
  return keys.length > 0 && keys.every((key) => sameText(item[key], one[key]));
}

const sameText = (a: Json | undefined, b: Json | undefined): boolean =>
  typeof a === 'string' && typeof b === 'string' ? a.toLowerCase() === b.toLowerCase() : sameJson(a, b);

function applyToElements(
  list: Json[],
  op: PatchOp,
  target: Extract<Target, { kind: 'attribute' }>,
  value: Json | undefined,
  notes: Notes,
): Json[] {
  const { attribute, filter, sub } = target;
  const isMeant = (item: Json) => !filter || matches(filter, item, attribute);
  if (op === 'remove') {
    if (!list.some(isMeant)) notes.add('no-match-to-remove', attribute.path);
    if (!sub) return list.filter((item) => !isMeant(item));
    return list.flatMap((item) => (isMeant(item) ? without(item, sub.name) : [item]));
  }
  const next = list.map((item) => (isObject(item) ? { ...item } : item));
  const meant = next.filter(isMeant);
  if (meant.length === 0) {
    const made = makeElement(attribute, filter);
    notes.add('element-created', attribute.path);
    next.push(made);
    meant.push(made);
  }
  for (const item of meant) {
    if (!isObject(item)) throw invalidPath(`${attribute.path} has no parts.`);
    if (sub) setPart(item, sub, value, notes);
    else setElement(item, op, attribute, filter, value, notes);
  }
  const primary = meant.filter((item) => isObject(item) && item.primary === true);
  const setsPrimary = sub ? sub.name === 'primary' : true;
  if (setsPrimary && primary.length === 1) movePrimary(next, primary, attribute, notes);
  return next.filter((item) => !isBare(item, meant));
}

/** An element that was only now made, and got nothing but its label because the value was null or "". */
const isBare = (item: Json, meant: Json[]): boolean =>
  meant.includes(item) && isObject(item) && Object.keys(item).every((key) => key === 'type' || key === 'primary');

function setPart(item: JsonObject, sub: Attribute, value: Json | undefined, notes: Notes): void {
  const read = value === undefined ? undefined : readValue({ ...sub, multiValued: false }, value, notes);
  if (read === undefined) delete item[sub.name];
  else item[sub.name] = read;
}

/** `replace` of matched elements puts the value in their place, yet what the filter named stays true of them. */
function setElement(
  item: JsonObject,
  op: PatchOp,
  attribute: Attribute,
  filter: FilterNode | undefined,
  value: Json | undefined,
  notes: Notes,
): void {
  const read = readElement(
    attribute,
    Array.isArray(value) && value.length === 1 ? (value[0] ?? null) : (value ?? null),
    notes,
  );
  if (!isObject(read)) throw invalidValue(`${attribute.path}: the value must be an object.`);
  const labels = Object.fromEntries(
    (filter ? (conditionsOf(filter) ?? []) : []).flatMap(({ name }) => {
      const known = findSub(attribute, name)?.name;
      const label = known === undefined ? undefined : item[known];
      return known === undefined || label === undefined ? [] : [[known, label]];
    }),
  );
  if (op === 'replace') for (const key of Object.keys(item)) delete item[key];
  Object.assign(item, labels, read);
}

/** The element that `type eq "work"` or `primary eq true` would have meant (Entra relies on it); else there is no target. */
function makeElement(attribute: Attribute, filter: FilterNode | undefined): JsonObject {
  const made: JsonObject = {};
  for (const { name, value } of filter ? (conditionsOf(filter) ?? []) : []) {
    const sub = findSub(attribute, name);
    const known = attribute.subs.find((one) => one.name === 'type')?.canonicalValues ?? [];
    const isType =
      sub?.name === 'type' &&
      typeof value === 'string' &&
      (known.length === 0 || known.some((one) => one.toLowerCase() === value.toLowerCase()));
    const isPrimary = sub?.name === 'primary' && (value === true || String(value).toLowerCase() === 'true');
    if (!isType && !isPrimary) throw noTarget(`No value of ${attribute.path} meets the filter.`);
    made[isType ? 'type' : 'primary'] = isType ? value : true;
  }
  if (filter && isEmpty(made)) throw noTarget(`No value of ${attribute.path} meets the filter.`);
  return made;
}

function movePrimary(list: Json[], to: Json[], attribute: Attribute, notes: Notes): void {
  for (const item of list) {
    if (!isObject(item)) continue;
    if (to.includes(item)) item.primary = true;
    else if (item.primary === true) {
      item.primary = false;
      notes.add('primary-moved', attribute.path);
    }
  }
}

function without(item: Json, name: string): Json[] {
  if (!isObject(item)) return [];
  const { [name]: _, ...rest } = item;
  return Object.keys(rest).every((key) => key === 'type' || key === 'primary') ? [] : [rest];
}

/** A complex value that has lost its parts is no value. */
function tidy(resource: JsonObject, top: Attribute): void {
  const holder = top.isExtension ? resource[top.urn] : resource;
  if (top.type !== 'complex' || top.multiValued || !isObject(holder)) return;
  const value = holder[top.name];
  const hasNothing = isEmpty(value) || (isObject(value) && hasValuePart(top) && isEmpty(value.value));
  if (value !== undefined && hasNothing) delete holder[top.name];
}

/**
 * Attributes of a schema that only the directory knows. With an object as value, or when the resource has it already, the
 * path is the schema itself; else its last part is the attribute.
 */
function applyForeign(resource: JsonObject, op: PatchOp, path: string, value: Json | undefined): void {
  const whole = findKey(resource, path);
  if (whole !== undefined || isObject(value)) {
    const key = whole ?? path;
    const before = resource[key];
    if (op === 'remove' || value === null || value === undefined) delete resource[key];
    else resource[key] = isObject(before) && isObject(value) ? { ...before, ...value } : value;
    return;
  }
  const urn = path.slice(0, path.lastIndexOf(':'));
  const key = findKey(resource, urn) ?? urn;
  const holder: JsonObject = isObject(resource[key]) ? { ...(resource[key] as JsonObject) } : {};
  if (op === 'remove' || value === null || value === undefined) delete holder[lastOf(path)];
  else holder[lastOf(path)] = value;
  resource[key] = holder;
}
