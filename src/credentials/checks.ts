/** What must hold over passwords, API keys and service accounts. */
import { type Check, check, type Trail } from '../core/check.ts';
import { apiKeyCreated } from './api-keys/schema.ts';
import { serviceAccountCreated } from './service-accounts/schema.ts';

export const credentialChecks: readonly Check[] = [
  check(
    'an API key says since when it is revoked',
    `select format('The API key %s is revoked without a time, or has one and is not.', api_key_id)
       from api_keys where revoked <> (revoked_at is not null)`,
  ),
  check(
    'who is not there has no API key',
    `select format('The API key %s works and its owner %s is disabled or deleted.', k.api_key_id, u.user_id)
       from api_keys k join users u on u.user_id = k.user_id where not k.revoked and (not u.enabled or u.deleted_at is not null)`,
  ),
  check(
    'a key of an organization’s service account belongs to the same organization',
    `select format('The API key %s is of another organization than its service account %s.', k.api_key_id, s.service_account_id)
       from api_keys k join service_accounts s on s.service_account_id = k.service_account_id
      where s.org_id is not null and k.org_id is distinct from s.org_id`,
  ),
  check(
    'accounts know whether they have a password',
    `select format('The account %s says that it %s a password.', u.user_id, case when u.has_password then 'has' else 'does not have' end)
       from users u left join user_passwords p on p.user_id = u.user_id where u.has_password <> (p.user_id is not null)`,
  ),
];

export const credentialTrails: readonly Trail[] = [
  { table: 'api_keys', id: 'api_key_id', object_type: 'api_key', actions: [apiKeyCreated.name] },
  {
    table: 'service_accounts',
    id: 'service_account_id',
    // The one behind the bootstrap key is part of the configuration; its key has an event.
    where: 't.org_id is not null',
    object_type: 'service_account',
    actions: [serviceAccountCreated.name],
  },
];
