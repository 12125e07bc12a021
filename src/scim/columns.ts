/** What a directory says about a person, as our columns: those of an account, and the properties that its mappings name. */
import type { UserColumns } from '../directory/users/profile.ts';
import type { Json } from './json.ts';
import type { StoredResource } from './resource-store.ts';

/**
 * The columns to write. `properties` are written as a whole: what no mapping names stays as it was.
 * @param before the properties that the account has
 */
export function columnsOf({ columns, properties }: StoredResource, before: Record<string, unknown>): UserColumns {
  if (properties.length === 0) return columns as UserColumns;
  const next = structuredClone(before);
  for (const { path, value } of properties) setPath(next, path, value);
  return { ...(columns as UserColumns), properties: next };
}

/** Names come from checked mappings: none of them reaches a prototype. */
function setPath(holder: Record<string, unknown>, [name, ...rest]: readonly string[], value: Json | undefined): void {
  if (name === undefined) return;
  if (rest.length === 0) {
    if (value === undefined) delete holder[name];
    else holder[name] = value;
    return;
  }
  const found = Object.hasOwn(holder, name) ? holder[name] : undefined;
  const isHolder = typeof found === 'object' && found !== null && !Array.isArray(found);
  if (!isHolder && value === undefined) return;
  const inner = (isHolder ? found : {}) as Record<string, unknown>;
  holder[name] = inner;
  setPath(inner, rest, value);
}

/** What a person is called by: no password may be made of it. */
export const namesOf = (user: Pick<UserColumns, 'email' | 'username' | 'first_name' | 'last_name'>) => [
  user.email,
  user.username,
  user.first_name,
  user.last_name,
];
