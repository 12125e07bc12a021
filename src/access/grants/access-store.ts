/** SQL of reading what somebody may do. */
import type { Knex } from 'knex';
import type { EffectiveAccess } from './effective.ts';

export interface AccessRow extends EffectiveAccess {
  readonly org_name: string;
  readonly url_safe_org_name: string;
  /** What the person is called in the audit log. */
  readonly label: string;
}

/** The membership row, only when account, membership and organization are all active. */
export const readAccessRow = (db: Knex, org_id: string, user_id: string): Promise<AccessRow | undefined> =>
  db('user_organization_info as m')
    .join('users as u', 'u.user_id', 'm.user_id')
    .join('organizations as o', 'o.org_id', 'm.org_id')
    .where({ 'm.org_id': org_id, 'm.user_id': user_id, 'm.status': 'active', 'o.status': 'active', 'u.enabled': true })
    .whereNull('u.deleted_at')
    .first(
      'm.user_role',
      'm.additional_roles',
      'm.inherited_user_roles_plus_current_role',
      'm.user_permissions',
      'm.org_role_structure',
      'm.access_valid_until',
      'm.url_safe_org_name',
      'o.org_name',
      db.raw('coalesce(u.email, u.username) as label'),
    );

/** What an administrator of the system may do; undefined for anybody else. */
export async function readSystemPermissions(
  db: Knex,
  user_id: string,
  now: Date,
): Promise<{ label: string; permissions: string[] } | undefined> {
  const { rows } = await db.raw(
    `select coalesce(u.email, u.username) as label, array_agg(p.name order by p.name) as permissions
       from users u
       join user_roles ur on ur.user_id = u.user_id and ur.org_id is null and ur.is_active
         and (ur.expires_at is null or ur.expires_at > ?)
       join roles r on r.role_id = ur.role_id and r.org_id is null and r.is_active
       join role_permissions rp on rp.role_id = r.role_id and rp.conditions is null
       join permissions p on p.permission_id = rp.permission_id and p.org_id is null
      where u.user_id = ? and u.enabled and u.deleted_at is null and u.home_org_id is null
      group by u.user_id`,
    [now, user_id],
  );
  return rows[0];
}
