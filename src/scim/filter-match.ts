/**
 * A filter asked of one value in memory: which elements of a multi-valued attribute a PATCH path means
 * (RFC 7644 §3.5.2). The rules are those of filter-sql.ts; a test holds the two together.
 */
import { invalidFilter } from './errors.ts';
import type { CompareOp, FilterNode, Literal } from './filter.ts';
import { getField, isEmpty, isObject, type Json } from './json.ts';
import type { Attribute } from './attribute.ts';
import { findSub } from './registry.ts';

/**
 * @param element one element of `parent`, a complex attribute (or the complex attribute itself when it is single-valued)
 * @throws ScimFault 400 invalidFilter for an operator that the attribute's type does not have
 */
export function matches(node: FilterNode, element: Json, parent: Attribute): boolean {
  switch (node.kind) {
    case 'and':
      return node.nodes.every((inner) => matches(inner, element, parent));
    case 'or':
      return node.nodes.some((inner) => matches(inner, element, parent));
    case 'not':
      return !matches(node.node, element, parent);
    case 'has':
      throw invalidFilter('A value path cannot stand within a value path.');
    case 'present':
      return !isEmpty(fieldOf(element, node.path.attribute));
    case 'compare': {
      const attribute = findSub(parent, node.path.attribute);
      if (!attribute) return false;
      return compare(attribute, fieldOf(element, attribute.name), node.op, node.value);
    }
  }
}

/** A simple multi-valued attribute has elements without names; `value` means the element itself. */
const fieldOf = (element: Json, name: string): Json | undefined =>
  isObject(element) ? getField(element, name) : name.toLowerCase() === 'value' ? element : undefined;

function compare(attribute: Attribute, actual: Json | undefined, op: CompareOp, asked: Literal): boolean {
  const value = coerceLiteral(attribute, op, asked);
  if (op === 'ne') return !compare(attribute, actual, 'eq', asked);
  if (value === null) return op === 'eq' && isEmpty(actual);
  if (value instanceof Date) {
    const time = typeof actual === 'string' ? Date.parse(actual) : Number.NaN;
    return Number.isFinite(time) && order(op, time - value.getTime());
  }
  if (typeof value === 'boolean') return actual === value;
  if (typeof value === 'number') return typeof actual === 'number' && order(op, actual - value);
  if (typeof actual !== 'string' || typeof value !== 'string') return false;
  const left = attribute.caseExact ? actual : actual.toLowerCase();
  const right = attribute.caseExact ? value : value.toLowerCase();
  switch (op) {
    case 'co':
      return left.includes(right);
    case 'sw':
      return left.startsWith(right);
    case 'ew':
      return left.endsWith(right);
    default:
      return order(op, left < right ? -1 : left > right ? 1 : 0);
  }
}

function order(op: CompareOp, difference: number): boolean {
  switch (op) {
    case 'eq':
      return difference === 0;
    case 'gt':
      return difference > 0;
    case 'ge':
      return difference >= 0;
    case 'lt':
      return difference < 0;
    case 'le':
      return difference <= 0;
    default:
      return false;
  }
}

const ORDERED = new Set<CompareOp>(['gt', 'ge', 'lt', 'le']);
const TEXTUAL = new Set<CompareOp>(['co', 'sw', 'ew']);
/** RFC 3339, as RFC 7643 §2.3.5 asks; `Date` alone would accept "1" and "Testing, 1, 2". */
const DATE_TIME = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/i;

/**
 * The literal as the attribute's type reads it; strings stand for booleans and numbers because Entra sends `"True"`.
 * A literal of a type that can never be equal becomes `undefined`, which equals nothing.
 * @throws ScimFault 400 invalidFilter: order asked of a boolean, binary or complex value; a dateTime that is none
 */
export function coerceLiteral(
  attribute: Pick<Attribute, 'type' | 'path'>,
  op: CompareOp,
  value: Literal,
): string | number | boolean | Date | null | undefined {
  const { type, path } = attribute;
  if (ORDERED.has(op) && (type === 'boolean' || type === 'binary' || type === 'complex')) {
    throw invalidFilter(`"${op}" cannot be asked of ${path}: it is ${type}, and has no order.`);
  }
  if (TEXTUAL.has(op) && (type === 'boolean' || type === 'decimal' || type === 'integer' || type === 'complex')) {
    throw invalidFilter(`"${op}" cannot be asked of ${path}: it is ${type}, not text.`);
  }
  if (value === null) {
    if (op === 'eq' || op === 'ne') return null;
    throw invalidFilter(`"${op}" cannot compare ${path} with null.`);
  }
  switch (type) {
    case 'boolean':
      if (typeof value === 'boolean') return value;
      return typeof value === 'string' ? { true: true, false: false }[value.toLowerCase()] : undefined;
    case 'integer':
    case 'decimal':
      if (typeof value === 'number') return value;
      return typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value))
        ? Number(value)
        : undefined;
    case 'dateTime': {
      if (TEXTUAL.has(op)) throw invalidFilter(`"${op}" cannot be asked of ${path}: it is a dateTime.`);
      const date = typeof value === 'string' ? readDateTime(value) : undefined;
      if (!date) throw invalidFilter(`${path} is a dateTime; the value must be one, like "2026-01-31T09:00:00Z".`);
      return date;
    }
    default:
      return typeof value === 'string' ? value : undefined;
  }
}

/** An RFC 3339 time, without a zone taken as UTC; undefined when it is none. */
export function readDateTime(text: string): Date | undefined {
  const parts = DATE_TIME.exec(text);
  if (!parts || Number(parts[1]) < 1) return undefined;
  const [, year, month, day] = parts;
  const zoned = /(?:Z|[+-]\d{2}:?\d{2})$/i.test(text) && text.length > 10 ? text : `${text}${parts[4] ? 'Z' : ''}`;
  const date = new Date(
    zoned.replace(/([+-]\d{2})(\d{2})$/, (all, hour, minute) => (parts[4] ? `${hour}:${minute}` : all)),
  );
  const isReal = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day);
  return Number.isNaN(date.getTime()) || !isReal ? undefined : date;
}
