/** What must hold over roles, grants and the ready answer for tokens. */
import { type Check, check, maxFindings, type Trail } from '../core/check.ts';
import { zeroId } from '../core/id.ts';
import { findWrongAccess } from './grants/effective.ts';
import { roleGranted } from './grants/schema.ts';
import { permissionCreated } from './permissions/schema.ts';
import { roleCreated } from './roles/schema.ts';

const membersAtOnce = 2000;

/** `user_organization_info` against the one definition of effective access (checklist AZ-04). */
const effectiveAccess: Check = {
  holds: 'what members have is what their roles, groups and inheritance amount to',
  find: async ({ db, now }) => {
    const wrong: string[] = [];
    const organizations = await db('user_organization_info').distinct('org_id').orderBy('org_id');
    for (const { org_id } of organizations as { org_id: string }[]) {
      for (let after = zeroId; wrong.length < maxFindings; ) {
        const members = (await db('user_organization_info')
          .where({ org_id })
          .where('user_id', '>', after)
          .orderBy('user_id')
          .limit(membersAtOnce)
          .select('user_id')) as { user_id: string }[];
        if (members.length === 0) break;
        const ids = members.map(({ user_id }) => user_id);
        for (const user_id of await findWrongAccess(db, org_id, ids, now)) {
          wrong.push(
            `The membership of ${user_id} in the organization ${org_id} does not say what its roles amount to.`,
          );
        }
        after = ids.at(-1) as string;
      }
    }
    return wrong.slice(0, maxFindings);
  },
};

/** Longer than the job and its jitter need by far. */
const overdue = "interval '10 minutes'";

export const accessChecks: readonly Check[] = [
  effectiveAccess,
  check(
    'what has ended is taken from memberships within minutes',
    `select format('The membership of %s in the organization %s ended partly at %s and was not written anew.',
        user_id, org_id, access_valid_until)
       from user_organization_info where access_valid_until < cast(:now as timestamptz) - ${overdue}`,
  ),
  check(
    'no role inherits from itself',
    `with recursive up (role_id, above_id) as (
       select role_id, parent_role_id from role_inheritance
       union
       select up.role_id, i.parent_role_id from up join role_inheritance i on i.role_id = up.above_id)
     select format('The role %s inherits from itself.', role_id) from up where role_id = above_id`,
  ),
  check(
    'roles, parents and permissions belong together',
    `select format('The role %s inherits from the role %s of another organization.', r.role_id, p.role_id)
       from role_inheritance i join roles r on r.role_id = i.role_id join roles p on p.role_id = i.parent_role_id
      where p.org_id is not null and p.org_id is distinct from r.org_id
     union all
     select format('The role %s has the permission %s of another organization.', r.role_id, p.permission_id)
       from role_permissions rp join roles r on r.role_id = rp.role_id join permissions p on p.permission_id = rp.permission_id
      where p.org_id is not null and p.org_id is distinct from r.org_id
     union all
     select format('%s has the role %s of another organization.', ur.user_id, r.role_id)
       from user_roles ur join roles r on r.role_id = ur.role_id where r.org_id is not null and r.org_id is distinct from ur.org_id
     union all
     select format('The group %s gives the role %s of another organization.', g.group_id, r.role_id)
       from group_roles gr join user_groups g on g.group_id = gr.group_id join roles r on r.role_id = gr.role_id
      where r.org_id is not null and r.org_id <> g.org_id`,
  ),
  check(
    'roles are given to members only',
    `select format('%s has the role %s in the organization %s and is no member there.', ur.user_id, ur.role_id, ur.org_id)
       from user_roles ur where ur.org_id is not null
        and not exists (select from user_organization_info m where m.user_id = ur.user_id and m.org_id = ur.org_id)`,
  ),
  check(
    'an organization that has owners has one who is there for good',
    `select format('Nobody who is there owns the organization %s.', o.org_id)
       from organizations o
      where o.status = 'active'
        and exists (select from user_roles ur join roles r on r.role_id = ur.role_id
                     where ur.org_id = o.org_id and r.org_id is null and r.name = 'owner' and ur.expires_at is null)
        and not exists (
          select from user_organization_info m join users u on u.user_id = m.user_id and u.enabled and u.deleted_at is null
           where m.org_id = o.org_id and m.status = 'active' and (
             exists (select from user_roles ur join roles r on r.role_id = ur.role_id and r.is_active
                      where ur.user_id = m.user_id and ur.org_id = o.org_id and ur.is_active and ur.expires_at is null
                        and r.org_id is null and r.name = 'owner')
             or exists (select from user_group_memberships gm
                          join user_groups g on g.group_id = gm.group_id and g.org_id = o.org_id and g.is_active and g.deleted_at is null
                          join group_roles gr on gr.group_id = g.group_id
                          join roles r on r.role_id = gr.role_id and r.is_active
                         where gm.user_id = m.user_id and gm.is_active and gm.expires_at is null
                           and r.org_id is null and r.name = 'owner')))`,
  ),
  check(
    'somebody administers the system, once somebody did',
    `select 'Nobody who is there administers the system: ' || string_agg(ur.user_id::text, ', ' order by ur.user_id) || ' did.'
       from user_roles ur join roles r on r.role_id = ur.role_id join users u on u.user_id = ur.user_id
      where ur.org_id is null and r.org_id is null and r.name = 'system_administrator'
     having count(*) > 0 and not bool_or(ur.is_active and ur.expires_at is null and u.enabled and u.deleted_at is null)`,
  ),
];

export const accessTrails: readonly Trail[] = [
  { table: 'roles', id: 'role_id', where: 't.org_id is not null', object_type: 'role', actions: [roleCreated.name] },
  {
    table: 'permissions',
    id: 'permission_id',
    where: 't.org_id is not null',
    object_type: 'permission',
    actions: [permissionCreated.name],
  },
  {
    table: 'user_roles',
    id: 'user_role_id',
    made: 'assigned_at',
    where: 't.org_id is not null',
    object_type: 'grant',
    actions: [roleGranted.name],
  },
];
