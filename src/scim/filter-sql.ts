/**
 * A filter as SQL over `users` or `user_groups`, LEFT JOIN `scim_resources` of the asking client. Literals and jsonb keys
 * are bindings; columns come from the registry's constant table. Below a negation each leaf is `coalesce(…, FALSE)`, so that
 * `not` and `ne` are true where there is no value; `ne` is the negation of `eq`, of a multi-valued attribute as well.
 */
import { isId } from '../core/id.ts';
import { coerceLiteral } from './filter-match.ts';
import { invalidFilter } from './errors.ts';
import type { AttributePath, CompareOp, FilterNode, Literal } from './filter.ts';
import type { Attribute } from './attribute.ts';
import { findAttribute, findBareExtension, findSub, type Registry } from './registry.ts';
import {
  type ElementReader,
  keptAt,
  keptElements,
  membershipRows,
  type Operand,
  operandOf,
  readHome,
} from './sql-homes.ts';
import { FALSE, type Fragment, join, ownText, sql, TRUE } from './sql-fragment.ts';

export interface CompileContext {
  registry: Registry;
  /** decides which memberships have expired */
  now: Date;
  /** who asks: what it keeps of e-mail addresses has an index */
  client_id?: string;
}

const COMPARE: Record<'eq' | 'gt' | 'ge' | 'lt' | 'le', Fragment> = {
  eq: ownText('='),
  gt: ownText('>'),
  ge: ownText('>='),
  lt: ownText('<'),
  le: ownText('<='),
};

/**
 * A boolean SQL expression for WHERE, with its bindings in order.
 * @throws ScimFault 400 invalidFilter when an operator does not fit an attribute's type
 */
export function compileFilter(node: FilterNode, context: CompileContext): Fragment {
  return compileNode(node, context, false);
}

/** @param isNegated below a `not`, where "unknown" must be false; elsewhere WHERE takes it for false, and indexes can serve */
function compileNode(node: FilterNode, context: CompileContext, isNegated: boolean): Fragment {
  switch (node.kind) {
    case 'and':
    case 'or': {
      const parts = node.nodes.map((inner) => compileNode(inner, context, isNegated));
      return sql`(${join(parts, node.kind === 'and' ? ' AND ' : ' OR ')})`;
    }
    case 'not':
      return sql`NOT ${compileNode(node.node, context, true)}`;
    default:
      return compileLeaf(node, context, isNegated);
  }
}

type Leaf = Exclude<FilterNode, { kind: 'and' } | { kind: 'or' } | { kind: 'not' }>;

function compileLeaf(node: Leaf, context: CompileContext, isNegated: boolean): Fragment {
  const { attribute } = node.path;
  const found = findAttribute(context.registry, attribute) ?? findBareExtension(context.registry, attribute);
  if (!found || found.returned === 'never' || found.mutability === 'writeOnly') return FALSE;
  if (node.kind === 'compare' && node.op === 'ne') {
    return sql`NOT ${compileLeaf({ ...node, op: 'eq' }, context, true)}`;
  }
  const place = readPlace(found, node.path);
  if (!place) return FALSE;
  const { list, leaf, filter } = place;
  if (found.home.at === 'schemas') return compileSchemas(node, context);
  if (list) {
    const elements = compileElements(node, list, leaf, filter, context);
    return isNegated ? settle(elements) : elements;
  }
  // A filter on a complex attribute with one value asks that value.
  const asked = filter ? [compileElement(filter, found, readHome)] : [];
  if (node.kind !== 'has') asked.push(compileValue(node, leaf, readHome));
  const value = join(asked, ' AND ');
  return isNegated ? settle(value) : sql`(${value})`;
}

const settle = (fragment: Fragment): Fragment => sql`coalesce((${fragment}), FALSE)`;

interface Place {
  /** the multi-valued attribute whose elements are asked */
  list: Attribute | undefined;
  leaf: Attribute;
  filter: FilterNode | undefined;
}

/** `emails` means `emails.value`, `manager` means `manager.value` (RFC 7643 §2.4; Entra asks `manager eq "…"`). */
function readPlace(found: Attribute, path: AttributePath): Place | undefined {
  const named = path.sub === undefined ? found : findSub(found, path.sub);
  if (!named) return undefined;
  const list = named.multiValued
    ? named
    : found.multiValued
      ? found
      : found.parent?.multiValued
        ? found.parent
        : undefined;
  return { list, leaf: named, filter: path.filter };
}

function compileValue(node: Leaf, leaf: Attribute, read: ElementReader): Fragment {
  if (node.kind === 'present') return compilePresent(leaf, read);
  if (node.kind !== 'compare') return TRUE;
  const asked = leaf.type === 'complex' ? (findSub(leaf, 'value') ?? leaf) : leaf;
  const operand = read(asked);
  const { op } = node;
  const value = coerceLiteral(asked, op, node.value);
  if (!operand || value === undefined || asked.returned === 'never') return FALSE;
  if (value === null) return sql`NOT ${settle(presentOperand(operand))}`;
  return compareOperand(operand, op, value, asked);
}

function compilePresent(leaf: Attribute, read: ElementReader): Fragment {
  const parts = leaf.type === 'complex' && !leaf.multiValued ? leaf.subs : [leaf];
  const operands = parts.map(read).filter((operand) => operand !== undefined);
  return operands.length === 0 ? FALSE : sql`(${join(operands.map(presentOperand), ' OR ')})`;
}

function presentOperand({ type, sql: value }: Operand): Fragment {
  if (type === 'text') return sql`coalesce(${value}, '') <> ''`;
  if (type === 'jsonb') return sql`coalesce(${value}, 'null'::jsonb) NOT IN ('null', '""', '[]', '{}')`;
  return sql`${value} IS NOT NULL`;
}

function compareOperand(
  operand: Operand,
  op: CompareOp,
  value: string | number | boolean | Date,
  attribute: Attribute,
): Fragment {
  const sign = COMPARE[op as keyof typeof COMPARE];
  if (value instanceof Date) return sql`${timestampOf(operand)} ${sign} ${value}::timestamptz`;
  if (typeof value === 'boolean') {
    return operand.type === 'jsonb'
      ? sql`${operand.sql} = to_jsonb(${value}::boolean)`
      : sql`${operand.sql} = ${value}::boolean`;
  }
  if (typeof value === 'number') {
    const json = operand.sql;
    return sql`CASE WHEN jsonb_typeof(${json}) = 'number' THEN (${json})::text::numeric ${sign} ${value}::numeric END`;
  }
  // PostgreSQL has no text with a null character: nothing stored can meet it.
  if (value.includes('\u0000')) return FALSE;
  if (operand.type === 'uuid' && op === 'eq') return isId(value) ? sql`${operand.sql} = ${value}::uuid` : FALSE;
  const text = textOf(operand);
  if (sign) {
    return attribute.caseExact
      ? sql`${text} ${sign} ${value}::text`
      : sql`lower(${text}) ${sign} lower(${value}::text)`;
  }
  const literal = value.replace(/[!%_]/g, '!$&');
  const pattern = op === 'co' ? `%${literal}%` : op === 'sw' ? `${literal}%` : `%${literal}`;
  return attribute.caseExact
    ? sql`${text} LIKE ${pattern}::text ESCAPE '!'`
    : sql`lower(${text}) LIKE lower(${pattern}::text) ESCAPE '!'`;
}

function textOf(operand: Operand): Fragment {
  if (operand.type === 'text') return operand.sql;
  return operand.type === 'jsonb' ? sql`(${operand.sql} #>> '{}')` : sql`${operand.sql}::text`;
}

/** Text that only looks like a time would be an error of the database: the shape is tested before the cast. */
function timestampOf(operand: Operand): Fragment {
  if (operand.type === 'timestamp') return operand.sql;
  const text = textOf(operand);
  const shape = ownText(
    "'^[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))" +
      "(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?(Z|[+-](0[0-9]|1[0-4]):?[0-5][0-9])?)$'",
  );
  return sql`CASE WHEN ${text} ~ ${shape} AND ${text} >= '0001' THEN ${text}::timestamptz END`;
}

// --- multi-valued attributes: one EXISTS, so that all conditions are asked of the same element ---

function compileElements(
  node: Leaf,
  list: Attribute,
  leaf: Attribute,
  filter: FilterNode | undefined,
  context: CompileContext,
): Fragment {
  const { from, read } =
    list.home.at === 'memberships' ? membershipRows(list.home.side, context.now) : keptElements(list);
  if (node.kind === 'present' && leaf === list && !filter) return sql`EXISTS (SELECT 1 FROM ${from})`;
  const asked: Fragment[] = filter ? [compileElement(filter, list, read)] : [];
  if (node.kind !== 'has') {
    const value = leaf === list ? (findSub(list, 'value') ?? list) : leaf;
    asked.push(settle(compileValue(node, value, read)));
  }
  const exists = sql`EXISTS (SELECT 1 FROM ${from} WHERE ${join(asked, ' AND ')})`;
  const direct = compileIndexed(node, list, leaf, filter) ?? compileEmail(node, list, leaf, context);
  return direct ? sql`(${direct} AND ${exists})` : exists;
}

/** `emails[type eq "work"].value eq "x"` as Entra asks it: the mapped column's index finds the row, EXISTS confirms it. */
function compileIndexed(
  node: Leaf,
  list: Attribute,
  leaf: Attribute,
  filter: FilterNode | undefined,
): Fragment | undefined {
  if (node.kind !== 'compare' || node.op !== 'eq' || filter?.kind !== 'compare' || filter.op !== 'eq') return undefined;
  const overlay = list.overlays.find((one) => one.leaf === leaf.name && one.conditions.length === 1);
  const [condition] = overlay?.conditions ?? [];
  if (!overlay || !condition) return undefined;
  const isSame =
    condition.name.toLowerCase() === filter.path.attribute.toLowerCase() &&
    String(condition.value).toLowerCase() === String(filter.value).toLowerCase();
  const value = coerceLiteral(leaf, 'eq', node.value);
  if (!isSame || typeof value !== 'string') return undefined;
  return compareOperand(operandOf(overlay.target), 'eq', value, leaf);
}

/**
 * `emails.value eq "x"`, whatever the type: the accounts that can meet it are found by two indexes, that of our column, which lies
 * over one of the elements, and that of what the client keeps (migration 0014). EXISTS decides.
 */
function compileEmail(
  node: Leaf,
  list: Attribute,
  leaf: Attribute,
  { client_id }: CompileContext,
): Fragment | undefined {
  if (client_id === undefined || node.kind !== 'compare' || node.op !== 'eq') return undefined;
  if (list.home.at !== 'kept' || list.home.keys.join() !== 'emails') return undefined;
  if (leaf !== list && leaf.name !== 'value') return undefined;
  const overlays = list.overlays.filter(({ leaf: name }) => name === 'value');
  // A mapping to a place without an index: every account of the organization has to be looked at.
  if (overlays.some(({ target }) => !('column' in target) || target.column !== 'email')) return undefined;
  const value = coerceLiteral(findSub(list, 'value') ?? list, 'eq', node.value);
  if (typeof value !== 'string' || value.includes('\u0000')) return undefined;
  return sql`users.user_id = ANY (ARRAY(
    SELECT u.user_id FROM users u WHERE lower(u.email) = lower(${value}::text)
    UNION ALL SELECT r.resource_id FROM scim_resources r WHERE r.resource_type = 'User'
      AND scim_email_keys(r.client_id, r.attributes) @> ARRAY[hashtextextended(${client_id}::text || ' ' || lower(${value}::text), 0)]))`;
}

/** The filter between brackets, asked of one element. */
function compileElement(node: FilterNode, parent: Attribute, read: ElementReader): Fragment {
  switch (node.kind) {
    case 'and':
    case 'or':
      return sql`(${join(
        node.nodes.map((inner) => compileElement(inner, parent, read)),
        node.kind === 'and' ? ' AND ' : ' OR ',
      )})`;
    case 'not':
      return sql`NOT ${compileElement(node.node, parent, read)}`;
    case 'has':
      throw invalidFilter('A value path cannot stand within a value path.');
    default: {
      const sub = findSub(parent, node.path.attribute);
      if (!sub) return FALSE;
      if (node.kind === 'compare' && node.op === 'ne')
        return sql`NOT ${settle(compileValue({ ...node, op: 'eq' }, sub, read))}`;
      return settle(compileValue(node, sub, read));
    }
  }
}

/** `schemas eq "<extension>"`: whether the resource has anything of it. */
function compileSchemas(node: Leaf, { registry }: CompileContext): Fragment {
  if (node.kind === 'present') return TRUE;
  const value: Literal = node.kind === 'compare' && node.op === 'eq' ? node.value : null;
  if (typeof value !== 'string') return FALSE;
  if (value.toLowerCase() === registry.schemas.core.id.toLowerCase()) return TRUE;
  const urn = registry.schemas.extensions.find((one) => one.id.toLowerCase() === value.toLowerCase())?.id;
  return urn ? settle(sql`jsonb_typeof(${keptAt([urn])}) = 'object'`) : FALSE;
}
