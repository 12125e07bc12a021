/**
 * Permissions that Lintel itself asks for. Rooms define theirs in `schema.ts`; the access room keeps them as the system's
 * rows of `permissions`, so that organizations can put them into their own roles.
 */

export interface PermissionDefinition {
  /** `<nouns>.<verb>`, for instance `roles.manage`. */
  readonly name: string;
  readonly says: string;
  /** `organization`: offered to organizations; `system`: for administrators of the whole installation only. */
  readonly category: 'organization' | 'system';
}

const known = new Map<string, PermissionDefinition>();

export function definePermission(
  name: string,
  says: string,
  category: PermissionDefinition['category'] = 'organization',
): string {
  if (known.has(name)) throw new Error(`The permission ${name} is defined twice.`);
  known.set(name, Object.freeze({ name, says, category }));
  return name;
}

export const knownPermissions = (): PermissionDefinition[] =>
  [...known.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
