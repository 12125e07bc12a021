/**
 * Checked PATCH operations applied to a whole resource in memory (RFC 7644 §3.5.2.1–§3.5.2.3), with the readings that Entra
 * and Okta need: a filter that meets nothing may make the element it meant, and a removal with an empty list removes nothing.
 * Over 300 lines because the three operations are told apart at each depth of a path by the same walk.
 */
import { Effort, termsOf } from './effort.ts';
import { invalidPath, invalidValue, noTarget } from './errors.ts';
import type { FilterNode } from './filter.ts';
import { matches } from './filter-match.ts';
import { nextTurn } from '../core/turn.ts';
import { canonical, findKey, isEmpty, isObject, type Json, type JsonObject, sameJson } from './json.ts';
import { checkElements, hasValuePart, isCleared, type Notes, readElement, readValue } from './leniency.ts';
import { conditionsOf } from './mappings.ts';
import type { Operation, PatchOp, Target } from './patch.ts';
import type { Attribute } from './attribute.ts';
import { findSub, type Registry } from './registry.ts';
import { finishResource, holderOf } from './resource.ts';

export interface Patched {
  resource: JsonObject;
  password: string | undefined;
  /** Whether anything is different; version and lastModified move only then. */
  changed: boolean;
}

/**
 * @param resource the whole resource as `buildResource` makes it; it is not changed
 * @throws ScimFault 400 invalidValue, noTarget, mutability; 413 when the result is over the caps
 */
export function applyPatch(...patch: Parameters<typeof patching>): Patched {
  const steps = patching(...patch);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** The same in several turns of the event loop, for the members of a large group (RE-17). */
export async function applyPatchInTurns(...patch: Parameters<typeof patching>): Promise<Patched> {
  const steps = patching(...patch);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await nextTurn();
  }
}

/** Yields where another turn may come between. */
function* patching(
  operations: Operation[],
  resource: JsonObject,
  registry: Registry,
  notes: Notes,
): Generator<undefined, Patched> {
  const next = copyOf(resource);
  yield;
  const effort = new Effort();
  let password: string | undefined;
  for (const { op, target, value } of operations) {
    if (target.kind === 'extension') delete next[target.urn];
    else if (target.kind === 'foreign') applyForeign(next, op, target.path, value);
    else if (target.attribute.returned === 'never') {
      const read = value === undefined ? undefined : readValue(target.attribute, value, notes);
      if (op !== 'remove' && typeof read === 'string' && read !== '') password = read;
    } else applyAttribute(next, op, target, value, notes, effort);
  }
  yield;
  for (const top of registry.tops) tidy(next, top);
  finishResource(next, registry);
  yield;
  const isSame = sameJson(withoutSchemas(resource), withoutSchemas(next));
  return { resource: next, password, changed: !isSame || password !== undefined };
}

/** Members are flat and may be fifty thousand: `structuredClone` takes ten times as long for them. */
function copyOf({ members, ...rest }: JsonObject): JsonObject {
  const copy: JsonObject = structuredClone(rest);
  if (members !== undefined) {
    copy.members = Array.isArray(members) ? members.map((one) => (isObject(one) ? { ...one } : one)) : members;
  }
  return copy;
}

/** Which schemas a resource lists follows from what it has. */
const withoutSchemas = (resource: JsonObject): JsonObject => ({ ...resource, schemas: [] });

function applyAttribute(
  resource: JsonObject,
  op: PatchOp,
  target: Extract<Target, { kind: 'attribute' }>,
  value: Json | undefined,
  notes: Notes,
  effort: Effort,
): void {
  const { attribute, filter, sub } = target;
  const holder = holderOf(resource, attribute);
  if (attribute.multiValued) {
    const found = holder[attribute.name];
    const list = Array.isArray(found) ? found : [];
    const next =
      filter || sub
        ? applyToElements(list, op, target, value, notes, effort)
        : applyToList(list, op, attribute, value, notes, effort);
    checkElements(attribute, next.length);
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

function applyToList(
  list: Json[],
  op: PatchOp,
  attribute: Attribute,
  value: Json | undefined,
  notes: Notes,
  effort: Effort,
): Json[] {
  if (op === 'remove' && value === undefined) return [];
  const given = (value === undefined || value === null ? [] : (readValue(attribute, value, notes) as Json[])) ?? [];
  if (op === 'replace') return given;
  effort.spend(list.length * given.length);
  if (op === 'remove') {
    if (given.length === 0) notes.add('empty-removal-ignored', attribute.path);
    return list.filter((item) => !given.some((one) => isNamedBy(item, one)));
  }
  const earlier = new Set<string>();
  const added = given.filter((one) => {
    const text = canonical(one);
    if (earlier.has(text)) return false;
    earlier.add(text);
    return !list.some((item) => isNamedBy(item, one));
  });
  const next = [...list, ...added];
  // Adding an existing value as the primary one moves the flag to it (RFC 7644 §3.5.2.1).
  for (const one of given) {
    if (!isObject(one) || one.primary !== true) continue;
    effort.spend(next.length * 2);
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
  effort: Effort,
): Json[] {
  const { attribute, filter, sub } = target;
  effort.spend(list.length * (1 + (filter ? termsOf(filter) : 0)));
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
  const touched = new Set(meant);
  return next.filter((item) => !(touched.has(item) && isBare(item)));
}

/** An element that was only now made, and got nothing but its label because the value was null or "". */
const isBare = (item: Json): boolean =>
  isObject(item) && Object.keys(item).every((key) => key === 'type' || key === 'primary');

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
  if (op === 'remove' || value === null || value === undefined) delete holder[path.slice(path.lastIndexOf(':') + 1)];
  else holder[path.slice(path.lastIndexOf(':') + 1)] = value;
  resource[key] = holder;
}
