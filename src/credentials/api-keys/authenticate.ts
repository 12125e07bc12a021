/** Who is behind an API key: one statement for the key, its owner and what the owner may do now (checklist AZ-03, AU-22). */
import type { App } from '../../core/app.ts';
import type { Actor } from '../../core/call.ts';
import { hashSecret, sameSecret } from '../../core/secret.ts';
import { reading } from '../../db/transact.ts';
import { everyPermission, permissionsOf } from '../service-accounts/held.ts';
import { findUsableKey, touchApiKey, type UsableKey } from './store.ts';

/** Longer than any key that is accepted anywhere. */
const longestKey = 512;

/**
 * The actor of a key, or null: unknown, revoked, expired, of an owner or organization that is gone or switched off.
 * The look-up is by SHA-256, so its time tells nothing that helps to guess a key. `last_used_at` is written once a minute at most.
 * @throws Fault database_unavailable
 */
export async function authenticateApiKey(app: App, token: string): Promise<Actor | null> {
  if (token.length < 32 || token.length > longestKey) return null;
  const key_hash = hashSecret(token);
  const now = app.clock();
  const key = await reading(() => findUsableKey(app.db, key_hash, now));
  if (!key || !sameSecret(key.key_hash, key_hash)) return null;
  const actor = actorOf(key);
  if (actor && key.is_touch_due) {
    // A note about use must not refuse the use, for instance on a database that only reads.
    await touchApiKey(app.db, key.api_key_id, now).catch((error: unknown) =>
      app.log.warn({ err: error }, 'the last use of an API key was not noted'),
    );
  }
  return actor;
}

function actorOf(key: UsableKey): Actor | null {
  const reach = key.org_id === null ? ('system' as const) : { org_id: key.org_id };
  if (key.service_account_id !== null) {
    return {
      type: 'service_account',
      id: key.service_account_id,
      label: key.service_account_name ?? key.service_account_id,
      reach,
      permissions: permissionsOf(key.scopes, key.account_permissions ?? []),
    };
  }
  const system = key.system_permissions ?? [];
  // Not a member any more, and no administrator of the system: the key has nothing left to stand on.
  if (key.member_permissions === null && system.length === 0) return null;
  return {
    type: 'user',
    id: key.user_id,
    label: `${key.user_label} (${key.key_prefix}…)`,
    reach,
    // A custom permission that somebody called `*` is a name like any other.
    permissions: permissionsOf(
      key.scopes,
      [...(key.member_permissions ?? []), ...system].filter((name) => name !== everyPermission),
    ),
  };
}
