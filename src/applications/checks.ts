/** What must hold over applications, grants, codes, tokens and the keys that sign. */
import { type Check, check, sealedCheck, type Trail } from '../core/check.ts';
import { applicationCreated } from './clients/schema.ts';
import { keyAlgorithms, signingKeyCreated } from './keys/schema.ts';

const algorithms = keyAlgorithms.map((alg) => `('${alg}')`).join(', ');

export const applicationChecks: readonly Check[] = [
  check(
    'what was issued from a code means that the code was used',
    `select format('The code of family %s of grant %s was never used, and %s were issued from it.', c.family_id, c.grant_id,
        case when r.family_id is null then 'access tokens' else 'refresh tokens' end)
       from oidc_artifacts c
       left join (select distinct family_id from oidc_refresh_tokens) r on r.family_id = c.family_id
      where c.kind = 'AuthorizationCode' and c.consumed_at is null
        and (r.family_id is not null or exists (select from oidc_access_tokens a where a.family_id = c.family_id))`,
  ),
  check(
    'a refresh token has at most one successor',
    `select format('The family %s of grant %s has %s refresh tokens that were not used.', family_id, grant_id, count(*))
       from oidc_refresh_tokens where consumed_at is null group by grant_id, family_id having count(*) > 1`,
  ),
  check(
    'a family belongs to one grant',
    `select format('The family %s belongs to %s grants.', family_id, count(distinct grant_id))
       from (select family_id, grant_id from oidc_refresh_tokens
             union select family_id, grant_id from oidc_access_tokens where grant_id is not null
             union select family_id, grant_id from oidc_artifacts where grant_id is not null) t
      group by family_id having count(distinct grant_id) > 1`,
  ),
  check(
    'nothing is issued from a grant that was revoked',
    `select format('A refresh token of grant %s was made after the grant was revoked.', g.grant_id)
       from oidc_grants g join oidc_refresh_tokens t on t.grant_id = g.grant_id where t.created_at > g.revoked_at`,
  ),
  check(
    'an access token is of its grant’s application',
    `select format('An access token of grant %s is of the application %s.', g.grant_id, t.client_id)
       from oidc_access_tokens t join oidc_grants g on g.grant_id = t.grant_id where t.client_id is distinct from g.client_id`,
  ),
  check(
    'tokens belong to a grant that is there',
    `select format('A refresh token of family %s refers to the grant %s, which is not there.', t.family_id, t.grant_id)
       from oidc_refresh_tokens t where not exists (select from oidc_grants g where g.grant_id = t.grant_id)
     union all
     select format('An access token of family %s refers to the grant %s, which is not there.', t.family_id, t.grant_id)
       from oidc_access_tokens t
      where t.grant_id is not null and not exists (select from oidc_grants g where g.grant_id = t.grant_id)`,
  ),
  check(
    'who is not there has no refresh token that a return would revive',
    `select distinct format('The family %s of the account %s is alive although the account is disabled or deleted.', t.family_id, u.user_id)
       from users u join oidc_grants g on g.user_id = u.user_id and g.revoked_at is null
       join oidc_refresh_tokens t on t.grant_id = g.grant_id and t.consumed_at is null and t.expires_at > :now
      where (not u.enabled or u.deleted_at is not null) and not (t.family_id::text = any (g.dead_families))`,
  ),
  check(
    'each algorithm has one key that signs',
    `select format('%s has %s keys that sign.', a.alg, count(k.kid))
       from (values ${algorithms}) a (alg) left join signing_keys k on k.alg = a.alg and k.state = 'current'
      group by a.alg having count(k.kid) <> 1`,
  ),
  sealedCheck({ table: 'signing_keys', column: 'private_jwk_encrypted', key: 'kid' }),
  // Written by the OpenID door, under the names of these columns.
  sealedCheck({ table: 'oidc_artifacts', column: 'payload', key: 'id_hash', value: "payload ->> 'sealed'" }),
  sealedCheck({
    table: 'oidc_sessions',
    column: 'state',
    key: 'uid',
    value: "case when jsonb_typeof(payload -> 'state') = 'string' then payload ->> 'state' end",
  }),
];

export const applicationTrails: readonly Trail[] = [
  { table: 'oidc_clients', id: 'client_id', object_type: 'application', actions: [applicationCreated.name] },
  { table: 'signing_keys', id: 'kid', object_type: 'signing_key', actions: [signingKeyCreated.name] },
];
