/**
 * Where the registry's attributes are, as SQL over `users` or `user_groups`, LEFT JOIN `scim_resources` of the asking
 * client. Columns come from constant tables; jsonb keys are bindings, because a directory's mapping may name them.
 */
import type { LocalTarget } from './mappings.ts';
import type { Attribute, Overlay } from './attribute.ts';

import { type Fragment, join, ownText, sql } from './sql-fragment.ts';

/** How one value is found: as what SQL type, by which text. */
export interface Operand {
  type: 'text' | 'boolean' | 'timestamp' | 'uuid' | 'jsonb';
  sql: Fragment;
}

/** How the sub-attribute of the element at hand is found, or undefined when it has no column. */
export type ElementReader = (sub: Attribute) => Operand | undefined;

/** Rows named `e`, one for each element of a multi-valued attribute. */
export interface ElementRows {
  from: Fragment;
  read: ElementReader;
}

export function readHome(attribute: Attribute): Operand | undefined {
  const { home } = attribute;
  switch (home.at) {
    case 'column':
      return operandOf(home.target);
    case 'expression':
      return { type: home.type === 'dateTime' ? 'timestamp' : home.type, sql: ownText(home.sql) };
    case 'kept':
      return { type: 'jsonb', sql: keptAt(home.keys) };
    default:
      return undefined;
  }
}

export function operandOf(target: LocalTarget): Operand {
  if ('column' in target) {
    return { type: target.type === 'boolean' ? 'boolean' : 'text', sql: ownText(`${target.table}.${target.column}`) };
  }
  return {
    type: 'jsonb',
    sql: target.properties.reduce((json, key) => sql`${json} -> ${key}::text`, ownText('users.properties')),
  };
}

export function keptAt(keys: string[]): Fragment {
  return sql`(${keys.reduce((json, key) => sql`${json} -> ${key}::text`, ownText('scim_resources.attributes'))})`;
}

export function keptElements(list: Attribute): ElementRows {
  const kept = list.home.at === 'kept' ? keptAt(list.home.keys) : ownText('NULL::jsonb');
  const array = sql`CASE WHEN jsonb_typeof(${kept}) = 'array' THEN ${kept} ELSE '[]'::jsonb END`;
  const elements = list.overlays.reduce(overlayArray, array);
  const read: ElementReader = (sub) =>
    sub.home.at === 'element'
      ? { type: 'jsonb', sql: sql`(e.v -> ${sub.home.key}::text)` }
      : { type: 'jsonb', sql: ownText('e.v') };
  return { from: sql`jsonb_array_elements(${elements}) AS e(v)`, read };
}

/**
 * The kept list with the column's value laid over its element, as `overlayValue` in resource.ts does in memory: the
 * column is the truth, also after somebody changed it elsewhere.
 */
function overlayArray(array: Fragment, overlay: Overlay): Fragment {
  const column = operandOf(overlay.target).sql;
  const meets = join(
    overlay.conditions.map(({ name, value }) => meetsCondition(name, value)),
    ' AND ',
  );
  const order = overlay.fallsBack
    ? sql`ORDER BY (${meets}) DESC, coalesce(y.v -> 'primary' = 'true'::jsonb, FALSE) DESC, y.o`
    : sql`AND ${meets} ORDER BY y.o`;
  const made = join(
    [...overlay.conditions, { name: overlay.leaf, value: column }].map(({ name, value }) =>
      typeof value === 'object' ? sql`${name}::text, ${value}` : sql`${name}::text, ${scalar(value)}`,
    ),
    ', ',
  );
  return sql`(SELECT coalesce(jsonb_agg(CASE WHEN x.o <> coalesce(t.o, 0) THEN x.v WHEN ${column} IS NULL THEN x.v - ${overlay.leaf}::text ELSE x.v || jsonb_build_object(${overlay.leaf}::text, ${column}) END ORDER BY x.o) FILTER (WHERE x.o IS NOT NULL), '[]'::jsonb) || CASE WHEN t.o IS NULL AND ${column} IS NOT NULL THEN jsonb_build_array(jsonb_build_object(${made})) ELSE '[]'::jsonb END FROM (SELECT ${array} AS a) s CROSS JOIN LATERAL (SELECT (SELECT y.o FROM jsonb_array_elements(s.a) WITH ORDINALITY AS y(v, o) WHERE jsonb_typeof(y.v) = 'object' ${order} LIMIT 1) AS o) t LEFT JOIN LATERAL jsonb_array_elements(s.a) WITH ORDINALITY AS x(v, o) ON TRUE GROUP BY t.o)`;
}

function meetsCondition(name: string, value: string | number | boolean): Fragment {
  return typeof value === 'string'
    ? sql`coalesce(lower(y.v ->> ${name}::text) = lower(${value}::text), FALSE)`
    : sql`coalesce(y.v -> ${name}::text = to_jsonb(${scalar(value)}), FALSE)`;
}

function scalar(value: string | number | boolean): Fragment {
  if (typeof value === 'string') return sql`${value}::text`;
  return typeof value === 'boolean' ? sql`${value}::boolean` : sql`${value}::numeric`;
}

/** Only accounts and groups of the same organization are seen through a membership (SC-01). */
export function membershipRows(side: 'members' | 'groups', now: Date): ElementRows {
  const alive = sql`m.is_active AND (m.expires_at IS NULL OR m.expires_at > ${now}::timestamptz)`;
  const columns: Record<string, Operand> =
    side === 'members'
      ? {
          value: { type: 'uuid', sql: ownText('e.user_id') },
          display: { type: 'text', sql: ownText('e.display') },
          type: { type: 'text', sql: ownText("'User'::text") },
        }
      : {
          value: { type: 'uuid', sql: ownText('e.group_id') },
          display: { type: 'text', sql: ownText('e.display') },
          type: { type: 'text', sql: ownText("'direct'::text") },
        };
  const from =
    side === 'members'
      ? sql`(SELECT m.user_id, coalesce(u.username, u.email) AS display FROM user_group_memberships m JOIN users u ON u.user_id = m.user_id WHERE m.group_id = user_groups.group_id AND u.home_org_id = user_groups.org_id AND u.deleted_at IS NULL AND ${alive}) e`
      : sql`(SELECT m.group_id, g.name AS display FROM user_group_memberships m JOIN user_groups g ON g.group_id = m.group_id WHERE m.user_id = users.user_id AND g.org_id = users.home_org_id AND g.deleted_at IS NULL AND ${alive}) e`;
  return { from, read: (sub) => columns[sub.name] };
}
