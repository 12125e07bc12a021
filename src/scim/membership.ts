/**
 * PATCH of a group's members as a delta, so that one change in a group of 5,000 costs one row, not 5,000
 * (RFC 7644 §3.5.2; Entra and Okta send a few ids at a time). The group is not loaded.
 */
import { isId } from '../core/id.ts';
import { invalidValue } from './errors.ts';
import type { FilterNode } from './filter.ts';
import { isObject, type Json } from './json.ts';
import { type Notes, readValue } from './leniency.ts';
import type { Operation } from './patch.ts';
import type { Attribute } from './attribute.ts';

export interface MembershipDelta {
  add: string[];
  remove: string[];
  /** The whole membership afterwards; `add` and `remove` are empty then. An empty list empties the group. */
  replace: string[] | undefined;
  /** Operations on anything but members, in order. */
  other: Operation[];
  /** An operation on members asks for more than ids: load the group and apply the whole patch to it. */
  needsGroup: boolean;
}

/** @throws ScimFault 400 invalidValue when a member to be is no id */
export function compileMembership(operations: Operation[], notes: Notes): MembershipDelta {
  const add = new Set<string>();
  const remove = new Set<string>();
  let replace: Set<string> | undefined;
  const other: Operation[] = [];
  let needsGroup = false;
  for (const operation of operations) {
    const { op, target, value } = operation;
    if (target.kind !== 'attribute' || target.attribute.path !== 'members') {
      other.push(operation);
      continue;
    }
    const named = target.filter ? idsOf(target.filter) : undefined;
    if (target.sub || (target.filter && (op !== 'remove' || !named))) {
      needsGroup = true;
    } else if (op === 'remove') {
      const ids = named ?? (value === undefined ? undefined : readIds(target.attribute, value, false, notes));
      if (ids === undefined) {
        replace = new Set();
        add.clear();
        remove.clear();
        continue;
      }
      if (ids.length === 0) notes.add('empty-removal-ignored', 'members');
      for (const id of ids) {
        if (replace) replace.delete(id);
        else {
          add.delete(id);
          remove.add(id);
        }
      }
    } else {
      const ids = readIds(target.attribute, value ?? null, true, notes);
      if (op === 'replace') {
        replace = new Set(ids);
        add.clear();
        remove.clear();
        continue;
      }
      for (const id of ids) {
        if (replace) replace.add(id);
        else {
          remove.delete(id);
          add.add(id);
        }
      }
    }
  }
  return { add: [...add], remove: [...remove], replace: replace && [...replace], other, needsGroup };
}

/** `members[value eq "a" or value eq "b"]` */
function idsOf(filter: FilterNode): string[] | undefined {
  if (filter.kind === 'or') {
    const parts = filter.nodes.map(idsOf);
    return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
  }
  if (filter.kind !== 'compare' || filter.op !== 'eq' || filter.path.attribute.toLowerCase() !== 'value')
    return undefined;
  // What is no id is nobody's: to remove it is done already.
  return isId(filter.value) ? [filter.value.toLowerCase()] : [];
}

function readIds(attribute: Attribute, value: Json, mustBeIds: boolean, notes: Notes): string[] {
  const members = (readValue(attribute, value, notes) ?? []) as Json[];
  return members.flatMap((member) => {
    const id = isObject(member) ? member.value : undefined;
    if (isId(id)) return [id.toLowerCase()];
    if (mustBeIds) throw invalidValue('members: a value is not the id of a user.');
    notes.add('no-match-to-remove', 'members');
    return [];
  });
}
