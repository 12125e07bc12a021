/** What must hold over SCIM clients and what they manage. */
import { type Check, check, type Trail } from '../core/check.ts';
import { scimClientCreated } from './clients/schema.ts';
import { scimTokenCreated } from './tokens/schema.ts';

export const provisioningChecks: readonly Check[] = [
  check(
    'what a SCIM client manages is there',
    `select format('The SCIM client %s manages the deleted account %s.', s.client_id, u.user_id)
       from scim_resources s join users u on u.user_id = s.user_id where u.deleted_at is not null
     union all
     select format('The SCIM client %s manages the deleted group %s.', s.client_id, g.group_id)
       from scim_resources s join user_groups g on g.group_id = s.group_id where g.deleted_at is not null
     union all
     select format('The SCIM client %s manages %s %s, which is not there.', s.client_id, s.resource_type, s.resource_id)
       from scim_resources s
      where s.resource_type = 'User' and not exists (select from users u where u.user_id = s.resource_id)
         or s.resource_type = 'Group' and not exists (select from user_groups g where g.group_id = s.resource_id)`,
  ),
  check(
    'a SCIM client manages what its organization has',
    `select format('The SCIM client %s manages the account %s, which is no member of its organization.', s.client_id, s.user_id)
       from scim_resources s join scim_clients c on c.client_id = s.client_id join users u on u.user_id = s.user_id
      where u.deleted_at is null and u.home_org_id is distinct from c.org_id
        and not exists (select from user_organization_info m where m.user_id = s.user_id and m.org_id = c.org_id)
     union all
     select format('The SCIM client %s manages the group %s of another organization.', s.client_id, s.group_id)
       from scim_resources s join scim_clients c on c.client_id = s.client_id join user_groups g on g.group_id = s.group_id
      where g.org_id <> c.org_id`,
  ),
  check(
    'an external id names one thing',
    `select format('The SCIM client %s has one external id for the %ss %s.', client_id, lower(resource_type),
        string_agg(resource_id::text, ', ' order by resource_id))
       from scim_resources where external_id is not null group by client_id, resource_type, external_id having count(*) > 1`,
  ),
];

export const provisioningTrails: readonly Trail[] = [
  { table: 'scim_clients', id: 'client_id', object_type: 'scim_client', actions: [scimClientCreated.name] },
  { table: 'scim_tokens', id: 'token_id', object_type: 'scim_token', actions: [scimTokenCreated.name] },
];
