/** Who is behind an API key: the key, its owner, and what the owner may do now (checklist AZ-03, AU-22). */
import type { Knex } from 'knex';
import type { App } from '../../core/app.ts';
import type { Actor } from '../../core/call.ts';
import { hashSecret, sameSecret } from '../../core/secret.ts';
import { reading } from '../../db/transact.ts';
import { everyPermission, permissionsOf } from '../service-accounts/held.ts';
import { findUsableKey, touchApiKey, type UsableKey } from './store.ts';

/** Longer than any key that is accepted anywhere. */
const longestKey = 512;

/** What a person may do now in an organization, or system-wide; null when there is nothing to stand on. The access room knows. */
export type ActorForUser = (db: Knex, now: Date, userId: string, orgId: string | null) => Promise<Actor | null>;

/**
 * The actor of a key, or null: unknown, revoked, expired, of an owner or organization that is gone or switched off.
 * One statement for a service account's key. The look-up is by SHA-256, so its time tells nothing that helps to guess a key.
 * `last_used_at` is written once a minute at most.
 * @throws Fault database_unavailable
 */
export async function authenticateApiKey(app: App, token: string, actorForUser: ActorForUser): Promise<Actor | null> {
  if (token.length < 32 || token.length > longestKey) return null;
  const key_hash = hashSecret(token);
  const now = app.clock();
  const key = await reading(() => findUsableKey(app.db, key_hash, now));
  if (!key || !sameSecret(key.key_hash, key_hash)) return null;
  const actor = key.user_id === null ? accountOf(key) : await reading(() => personOf(app.db, now, key, actorForUser));
  if (actor && key.is_touch_due) {
    // A note about use must not refuse the use, for instance on a database that only reads.
    await touchApiKey(app.db, key.api_key_id, now).catch((error: unknown) =>
      app.log.warn({ err: error }, 'the last use of an API key was not noted'),
    );
  }
  return actor;
}

const reachOf = ({ org_id }: UsableKey): Actor['reach'] => (org_id === null ? 'system' : { org_id });

const accountOf = (key: UsableKey): Actor => ({
  type: 'service_account',
  id: key.service_account_id,
  label: key.service_account_name ?? '',
  reach: reachOf(key),
  permissions: permissionsOf(key.scopes, key.account_permissions ?? []),
});

/** A person's key: in its organization what the membership gives, else what an administrator of the system has. */
async function personOf(db: Knex, now: Date, key: UsableKey, actorForUser: ActorForUser): Promise<Actor | null> {
  const userId = key.user_id as string;
  const member = key.org_id === null ? null : await actorForUser(db, now, userId, key.org_id);
  const person = member ?? (await actorForUser(db, now, userId, null));
  if (!person) return null;
  // A custom permission that somebody called `*` is a name like any other.
  const held =
    person.permissions === 'all'
      ? person.permissions
      : [...person.permissions].filter((name) => name !== everyPermission);
  return {
    type: 'user',
    id: userId,
    label: `${person.label} (${key.key_prefix}…)`,
    reach: reachOf(key),
    permissions: permissionsOf(key.scopes, held),
  };
}
