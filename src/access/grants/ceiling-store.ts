/** SQL about what roles contain, with all that they inherit. */
import type { Knex } from 'knex';
import { permissionCounts } from './effective.ts';

/**
 * Permissions of roles in an organization. Inactive roles count as if they were active: they could become so, and what is
 * given must not grow in the hands of somebody who may not give it.
 */
export async function listPermissionsOfRoles(
  db: Knex,
  org_id: string,
  role_ids: readonly string[],
): Promise<{ name: string; org_id: string | null }[]> {
  const { rows } = await db.raw(
    `with recursive up as (
       select unnest(cast(:ids as uuid[])) as role_id
       union
       select i.parent_role_id from up join role_inheritance i on i.role_id = up.role_id
     )
     select distinct p.name, p.org_id
       from up join role_permissions rp on rp.role_id = up.role_id
       join permissions p on p.permission_id = rp.permission_id
      where ${permissionCounts}
      order by p.name`,
    { org: org_id, ids: [...role_ids] },
  );
  return rows;
}
