/** Nobody passes on more than they hold (checklist AZ-05). */
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { knownPermissions } from '../../core/permission.ts';

/** Every permission, also those of later versions. */
export const everyPermission = '*';

/**
 * Refuses permissions that do not exist, and those that the actor does not hold. `*` is held by whoever may do everything.
 * @throws Fault permission_unknown, permission_not_held
 */
export function requireHeld(call: Call, permissions: readonly string[]): void {
  const known = new Set(knownPermissions().map(({ name }) => name));
  const held = call.actor.permissions;
  for (const permission of permissions) {
    if (permission !== everyPermission && !known.has(permission)) {
      throw new Fault('permission_unknown', `There is no permission ${permission}.`);
    }
    if (held !== 'all' && !held.has(permission)) {
      throw new Fault('permission_not_held', `You do not hold ${permission} yourself.`);
    }
  }
}

/**
 * What a key may do: the names that both lists have, where `*` has all of them.
 * @returns `all` when both say `*`
 */
export function permissionsOf(scopes: readonly string[], held: readonly string[] | 'all'): ReadonlySet<string> | 'all' {
  const holdsAll = held === 'all' || held.includes(everyPermission);
  if (scopes.includes(everyPermission)) return holdsAll ? 'all' : new Set(held);
  if (holdsAll) return new Set(scopes);
  const holds = new Set(held);
  return new Set(scopes.filter((scope) => holds.has(scope)));
}
