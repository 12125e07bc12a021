/** The first key: LINTEL_BOOTSTRAP_API_KEY, so that an installation can be set up by a script (api.md). */
import type { App } from '../../core/app.ts';
import { Call, systemActor } from '../../core/call.ts';
import { newId } from '../../core/id.ts';
import { hashSecret } from '../../core/secret.ts';
import { everyPermission } from '../service-accounts/held.ts';
import { createServiceAccount, findSystemAccount } from '../service-accounts/service.ts';
import { apiKeyCreated } from './schema.ts';
import { hasApiKey, insertApiKey } from './store.ts';

const accountName = 'Bootstrap';

/**
 * Keeps the configured key if there is none of its hash yet; a revoked one stays revoked. Its owner is a system service
 * account with every permission. A key of an earlier configuration stays until it is revoked.
 * Several processes may start at once: one of them makes it.
 */
export async function ensureBootstrapKey(app: App): Promise<void> {
  const key = app.config.bootstrap_api_key;
  if (key === '') return;
  const key_hash = hashSecret(key);
  if (await hasApiKey(app.db, key_hash)) return;
  await Call.begin(app, systemActor('bootstrap')).write(async (call) => {
    // Any number that no other advisory lock of this product uses; held until the commit.
    await call.db.raw('select pg_advisory_xact_lock(4113004)');
    const account =
      (await findSystemAccount(call.db, accountName)) ??
      (await createServiceAccount(call, null, {
        name: accountName,
        description: 'Owner of the key of LINTEL_BOOTSTRAP_API_KEY.',
        permissions: [everyPermission],
      }));
    const created = await insertApiKey(
      call.db,
      {
        api_key_id: newId(call.now.getTime()),
        org_id: null,
        user_id: null,
        service_account_id: account.service_account_id,
        name: 'LINTEL_BOOTSTRAP_API_KEY',
        description: null,
        // Its characters are the operator's choice, so none of them is shown.
        key_prefix: 'bootstrap',
        scopes: [everyPermission],
        created_by: null,
        created_at: call.now,
        expires_at: null,
        last_used_at: null,
        revoked: false,
        revoked_at: null,
      },
      key_hash,
    );
    if (created) await call.emit(apiKeyCreated, { org_id: null, object_id: created.api_key_id, after: created });
  });
}
