/** What must hold over connections, links and our own SAML keys. */
import { type Check, check, sealedCheck, type Trail } from '../core/check.ts';
import { samlKeyCreated } from './keys/schema.ts';
import { providerCreated } from './providers/schema.ts';

export const federationChecks: readonly Check[] = [
  check(
    'an enabled SAML connection has a certificate that it believes',
    `select format('The connection %s is enabled and has no active certificate.', p.provider_id)
       from identity_providers p where p.type = 'saml' and p.enabled
        and not exists (select from identity_provider_certificates c where c.provider_id = p.provider_id and c.status = 'active')`,
  ),
  check(
    'what was asked or handed over ends after it began',
    `select format('The SAML request %s ends before it began.', request_id) from saml_requests where expires_at < created_at`,
  ),
  sealedCheck({ table: 'saml_keys', column: 'private_key_encrypted', key: 'key_id' }),
  sealedCheck({ table: 'saml_requests', column: 'return_to_encrypted', key: 'request_id' }),
  sealedCheck({ table: 'federation_handoffs', column: 'result_encrypted', key: 'code_hash' }),
];

export const federationTrails: readonly Trail[] = [
  { table: 'identity_providers', id: 'provider_id', object_type: 'identity_provider', actions: [providerCreated.name] },
  { table: 'saml_keys', id: 'key_id', object_type: 'saml_key', actions: [samlKeyCreated.name] },
];
