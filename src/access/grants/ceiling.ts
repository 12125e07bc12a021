/**
 * Nobody gives more than they hold (checklist AZ-05): whoever makes a role mightier, or gives it to somebody, must hold every
 * permission of Lintel that comes with it. An organization's own permissions mean something to its applications only, and may be
 * handed out by those who could define them anew.
 */
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { listPermissionsOfRoles } from './ceiling-store.ts';
import { managePermissions } from '../permissions/schema.ts';

interface Named {
  readonly name: string;
  readonly org_id: string | null;
}

/** @throws Fault not_allowed, naming the first permission that is missing */
export function requireHeld(call: Call, permissions: readonly Named[]): void {
  const { permissions: held } = call.actor;
  if (held === 'all') return;
  const governs = held.has(managePermissions);
  const missing = permissions.find(({ name, org_id }) => !held.has(name) && (org_id === null || !governs));
  if (missing) throw new Fault('not_allowed', `This would give ${missing.name}, which you do not hold yourself.`);
}

/** @throws Fault not_allowed when roles, with all that they inherit, contain more than the actor holds */
export async function requireHeldRoles(call: Call, orgId: string, roleIds: readonly string[]): Promise<void> {
  if (call.actor.permissions === 'all' || roleIds.length === 0) return;
  requireHeld(call, await listPermissionsOfRoles(call.db, orgId, roleIds));
}
