/** What must hold over sessions, attempts and the first administrator. */
import { type Check, check, sealedCheck, type Trail } from '../core/check.ts';
import { sessionCreated } from './sessions/schema.ts';

export const signinChecks: readonly Check[] = [
  check(
    'a session says since when it is revoked',
    `select format('The session %s is revoked without a time, or has one and is not.', session_id)
       from sessions where revoked <> (revoked_at is not null)`,
  ),
  check(
    'who is not there is not signed in',
    `select format('The session %s goes on although its account %s is disabled or deleted.', s.session_id, u.user_id)
       from sessions s join users u on u.user_id = s.user_id
      where not s.revoked and s.expires_at > :now and (not u.enabled or u.deleted_at is not null)`,
  ),
  check(
    'a session and its cookie are of one person',
    `select format('The OpenID session %s is of %s, and its session %s of %s.', p.uid, p.user_id, s.session_id, s.user_id)
       from oidc_sessions p join sessions s on s.session_id = p.session_id where p.user_id is distinct from s.user_id`,
  ),
  check(
    'a set-up link that was used made an administrator',
    `select format('The set-up link that was used at %s made no administrator.', l.used_at)
       from setup_links l where l.used_at is not null
        and not exists (select from user_roles ur join roles r on r.role_id = ur.role_id
                         where ur.org_id is null and r.org_id is null and r.name = 'system_administrator')`,
  ),
  sealedCheck({ table: 'sessions', column: 'name_id_encrypted', key: 'session_id' }),
  sealedCheck({ table: 'signin_attempts', column: 'identifier', key: 'attempt_id', value: "state ->> 'identifier'" }),
];

export const signinTrails: readonly Trail[] = [
  { table: 'sessions', id: 'session_id', object_type: 'session', actions: [sessionCreated.name] },
];
