/** What must hold over the directory's tables. */
import { type Check, check, type Trail } from '../core/check.ts';
import { domainCreated } from './domains/schema.ts';
import { groupCreated } from './groups/schema.ts';
import { membershipCreated } from './memberships/schema.ts';
import { organizationCreated } from './organizations/schema.ts';
import { unitCreated } from './units/schema.ts';
import { userCreated } from './users/schema.ts';

const identifiers = { 'e-mail address': 'lower(email)', username: 'lower(username)' };

export const directoryChecks: readonly Check[] = [
  ...Object.entries(identifiers).map(([what, key]) =>
    check(
      `within an owner, no two accounts have one ${what}`,
      `select format('The accounts %s have the same ${what}.', string_agg(user_id::text, ', ' order by user_id))
         from users where deleted_at is null and ${key} is not null group by home_org_id, ${key} having count(*) > 1`,
    ),
  ),
  check(
    'an account that an organization owns is a member there',
    `select format('The account %s is owned by the organization %s and is no member there.', u.user_id, u.home_org_id)
       from users u join organizations o on o.org_id = u.home_org_id and o.status <> 'deleted'
      where u.deleted_at is null
        and not exists (select from user_organization_info m where m.user_id = u.user_id and m.org_id = u.home_org_id)`,
  ),
  check(
    'a deleted account is a member of nothing',
    `select format('The deleted account %s is still a member of the organization %s.', u.user_id, m.org_id)
       from users u join user_organization_info m on m.user_id = u.user_id where u.deleted_at is not null`,
  ),
  check(
    'memberships have the name of their organization',
    `select format('The membership of %s in the organization %s has another slug.', m.user_id, m.org_id)
       from user_organization_info m join organizations o on o.org_id = m.org_id where m.url_safe_org_name <> o.slug`,
  ),
  check(
    'groups know how many members they have',
    `select format('The group %s says %s members and has %s.', g.group_id, g.member_count, count(gm.user_id))
       from user_groups g left join user_group_memberships gm on gm.group_id = g.group_id
      group by g.group_id having g.member_count <> count(gm.user_id)`,
  ),
  check(
    'members of a group are members of its organization',
    `select format('%s is in the group %s and no member of its organization %s.', gm.user_id, gm.group_id, g.org_id)
       from user_group_memberships gm join user_groups g on g.group_id = gm.group_id
      where not exists (select from user_organization_info m where m.user_id = gm.user_id and m.org_id = g.org_id)`,
  ),
  check(
    'groups and units stand in units of their own organization',
    `select format('The group %s stands in the unit %s of another organization.', g.group_id, u.unit_id)
       from user_groups g join organization_units u on u.unit_id = g.unit_id where u.org_id <> g.org_id
     union all
     select format('The unit %s stands in the unit %s of another organization.', u.unit_id, p.unit_id)
       from organization_units u join organization_units p on p.unit_id = u.parent_id where p.org_id <> u.org_id`,
  ),
  check(
    'a verified domain belongs to one organization, unless all share it',
    `select format('The domain %s is verified by the organizations %s.', domain, string_agg(org_id::text, ', ' order by org_id))
       from organization_domains where verified_at is not null
      group by domain having count(*) > 1 and not bool_and(is_shared)`,
  ),
];

export const directoryTrails: readonly Trail[] = [
  { table: 'organizations', id: 'org_id', object_type: 'organization', actions: [organizationCreated.name] },
  {
    table: 'users',
    id: 'user_id',
    made: 'to_timestamp(created_at)',
    object_type: 'user',
    // An account that federation makes is told by the second.
    actions: [userCreated.name, 'user.provisioned'],
  },
  { table: 'user_groups', id: 'group_id', object_type: 'group', actions: [groupCreated.name] },
  { table: 'organization_units', id: 'unit_id', object_type: 'unit', actions: [unitCreated.name] },
  { table: 'organization_domains', id: 'domain', object_type: 'domain', actions: [domainCreated.name] },
  {
    table: 'user_organization_info',
    id: 'user_id',
    made: 'joined_at',
    // Whose own account it is, came with the account.
    where: 'not exists (select from users u where u.user_id = t.user_id and u.home_org_id = t.org_id)',
    object_type: 'membership',
    actions: [membershipCreated.name],
  },
];
