/**
 * Roles from groups of the identity provider, as the organization's administrators mapped them (checklist FD-11): only roles that
 * the organization may give, never the owner's and never the system's, whatever the message says.
 */
import type { Call } from '../../core/call.ts';
import { refuseField } from '../../core/text.ts';
import { requireHeldRoles } from '../../access/grants/ceiling.ts';
import { manageGrants } from '../../access/grants/schema.ts';
import { grantRole, isOwnerRole, listGrants, revokeRole } from '../../access/grants/service.ts';
import { findRole } from '../../access/roles/service.ts';

export interface RoleMapping {
  /** A group exactly as the identity provider names it. */
  readonly group: string;
  readonly role_id: string;
}

/**
 * Refuses a mapping that its maker could not give by hand (checklist AZ-05).
 * @throws Fault not_allowed, request_invalid
 */
export async function requireMappable(call: Call, orgId: string, mapping: readonly RoleMapping[]): Promise<void> {
  if (mapping.length === 0) return;
  call.require(manageGrants, orgId);
  for (const { role_id } of mapping) {
    const role = await findRole(call.db, orgId, role_id);
    if (!role || isOwnerRole(role))
      refuseField('config/role_mapping', 'names a role that cannot be given by a mapping');
  }
  await requireHeldRoles(call, orgId, [...new Set(mapping.map(({ role_id }) => role_id))]);
}

/**
 * Gives what the groups give, and takes what they gave before and no longer do. Roles that somebody was given otherwise stay.
 * @param given the roles that this link gave until now
 * @returns the roles that it gives from now on
 */
export async function followGroups(
  call: Call,
  orgId: string,
  userId: string,
  { mapping, groups, given }: { mapping: readonly RoleMapping[]; groups: readonly string[]; given: readonly string[] },
): Promise<readonly string[]> {
  if (mapping.length === 0 && given.length === 0) return [];
  const wanted = new Set(mapping.filter(({ group }) => groups.includes(group)).map(({ role_id }) => role_id));
  const held = await rolesGivenTo(call, orgId, userId);
  const ours: string[] = [];
  for (const role_id of [...wanted].sort()) {
    if (given.includes(role_id) && held.has(role_id)) ours.push(role_id);
    if (held.has(role_id)) continue;
    const role = await findRole(call.db, orgId, role_id);
    // Deleted since the mapping was made.
    if (!role || isOwnerRole(role)) continue;
    await grantRole(call, orgId, userId, { role_id });
    ours.push(role_id);
  }
  for (const role_id of given)
    if (!wanted.has(role_id) && held.has(role_id)) await revokeRole(call, orgId, userId, role_id);
  return ours;
}

/** Every role that the member was given, however many pages that is. */
async function rolesGivenTo(call: Call, orgId: string, userId: string): Promise<Set<string>> {
  const held = new Set<string>();
  let after: string | undefined;
  do {
    const { items, next } = await listGrants(call, orgId, userId, { limit: 200, after });
    for (const { role_id } of items) held.add(role_id);
    after = next ?? undefined;
  } while (after !== undefined);
  return held;
}
