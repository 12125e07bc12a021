/** What somebody may do in an organization now: for tokens, for pages, and for the actor of an API request. */
import type { Knex } from 'knex';
import type { Actor } from '../../core/call.ts';
import { computeAccess } from './effective.ts';
import { type AccessRow, readAccessRow, readSystemPermissions } from './access-store.ts';

export interface Access {
  readonly org_id: string;
  readonly org_name: string;
  /** The organization's slug. */
  readonly url_safe_org_name: string;
  readonly user_role: string | null;
  /** Every role: given directly, by groups, and inherited. */
  readonly roles: string[];
  readonly additional_roles: string[];
  readonly permissions: string[];
  readonly org_role_structure: string;
  /** When the first grant behind it ends: nothing that is made of this may live longer without looking again. */
  readonly valid_until: Date | null;
}

/**
 * One row, and exact also in the minute between the end of a grant and the job that writes the row anew.
 * @returns null unless account, membership and organization are all active
 */
export async function readAccess(db: Knex, now: Date, orgId: string, userId: string): Promise<Access | null> {
  const row = await readNow(db, now, orgId, userId);
  return (
    row && {
      org_id: orgId,
      org_name: row.org_name,
      url_safe_org_name: row.url_safe_org_name,
      user_role: row.user_role,
      roles: row.inherited_user_roles_plus_current_role,
      additional_roles: row.additional_roles,
      permissions: row.user_permissions,
      org_role_structure: row.org_role_structure,
      valid_until: row.access_valid_until,
    }
  );
}

async function readNow(db: Knex, now: Date, orgId: string, userId: string): Promise<AccessRow | null> {
  const row = await readAccessRow(db, orgId, userId);
  if (!row) return null;
  if (row.access_valid_until === null || row.access_valid_until > now) return row;
  return { ...row, ...(await computeAccess(db, orgId, userId, now)) };
}

/**
 * The actor of a person who calls the API: in one organization with what the membership gives, or, without one, system-wide
 * with what an administrator has.
 * @returns null when there is nothing to stand on
 */
export async function actorForUser(db: Knex, now: Date, userId: string, orgId: string | null): Promise<Actor | null> {
  if (orgId !== null) {
    const row = await readNow(db, now, orgId, userId);
    if (!row) return null;
    const { label, user_permissions } = row;
    return { type: 'user', id: userId, label, reach: { org_id: orgId }, permissions: new Set(user_permissions) };
  }
  const administrator = await readSystemPermissions(db, userId, now);
  if (!administrator) return null;
  const { label, permissions } = administrator;
  return { type: 'user', id: userId, label, reach: 'system', permissions: new Set(permissions) };
}
