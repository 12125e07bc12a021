/** SQL text and its bindings, kept together: whatever is no fragment becomes a `?` and a binding, never text (SC-07). */

export type Binding = string | number | boolean | Date | null;

export interface Fragment {
  sql: string;
  bindings: Binding[];
}

const isFragment = (part: Fragment | Binding): part is Fragment =>
  typeof part === 'object' && part !== null && 'bindings' in part;

/** Template tag: `sql`lower(${column}) = lower(${text})``. */
export function sql(texts: TemplateStringsArray, ...parts: (Fragment | Binding)[]): Fragment {
  const bindings: Binding[] = [];
  let text = texts[0] ?? '';
  parts.forEach((part, index) => {
    if (isFragment(part)) {
      text += part.sql;
      bindings.push(...part.bindings);
    } else {
      text += '?';
      bindings.push(part);
    }
    text += texts[index + 1] ?? '';
  });
  return { sql: text, bindings };
}

/** Text of our own code only: a column or expression from a constant table. */
export const ownText = (text: string): Fragment => ({ sql: text, bindings: [] });

export const FALSE = ownText('FALSE');
export const TRUE = ownText('TRUE');

export function join(parts: Fragment[], separator: ' AND ' | ' OR ' | ', '): Fragment {
  return {
    sql: parts.map((part) => part.sql).join(separator),
    bindings: parts.flatMap((part) => part.bindings),
  };
}
