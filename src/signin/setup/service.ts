/**
 * The first administrator: there is no account and no password that an installation begins with, only a link (AU-06).
 * Tables: setup_links. Events: setup_link.created, setup.completed.
 * Invariant: a link works once, for an hour, while there is no account and no API key; only its hash is kept, and it is
 * printed on the console, never in the log. Everything that it makes is one transaction.
 */
import { addAdministrator } from '../../access/grants/administrators.ts';
import type { App } from '../../core/app.ts';
import { Call, type RequestFacts, systemActor } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { hashSecret, newSecret } from '../../core/secret.ts';
import { createApiKey } from '../../credentials/api-keys/service.ts';
import { preparePassword, setPassword } from '../../credentials/passwords/service.ts';
import { everyPermission } from '../../credentials/service-accounts/held.ts';
import { createPersonalUser } from '../../directory/users/service.ts';
import { setupCompleted, setupLinkCreated } from './schema.ts';
import { isNew, isUsable, replaceLinks, takeSetupLock, useLink } from './store.ts';

const lifetimeMs = 60 * 60 * 1000;

const setupActor = systemActor('setup');

/** A new link for an installation that is still new, null for any other. The links before it stop working. */
export async function createSetupLink(app: App): Promise<string | null> {
  if (app.config.bootstrap_api_key !== '') return null;
  return Call.begin(app, setupActor).write(async (call) => {
    await takeSetupLock(call.db);
    if (!(await isNew(call.db))) return null;
    const token = newSecret();
    const expires_at = new Date(call.now.getTime() + lifetimeMs);
    await replaceLinks(call.db, { token_hash: hashSecret(token), created_at: call.now, expires_at });
    await call.emit(setupLinkCreated, {
      org_id: null,
      object_id: 'setup',
      details: { expires_at: expires_at.toISOString() },
    });
    return `${app.config.url}/setup/${token}`;
  });
}

/** Whether an installation still waits for its first administrator, for whom a link was printed at the start. */
export async function isSetupPending(app: App): Promise<boolean> {
  return app.config.bootstrap_api_key === '' && (await isNew(app.db));
}

/** Whether a link may be used now. */
export async function isSetupOpen(app: App, token: string): Promise<boolean> {
  return (await isUsable(app.db, hashSecret(token), app.clock())) && (await isNew(app.db));
}

export interface FirstAdministrator {
  readonly email: string;
  readonly name: string;
  readonly password: string;
}

/**
 * Makes the first administrator and a key that may do everything. What is refused leaves the link as it was.
 * @returns the key, which is shown this once
 * @throws Fault setup_closed, those of passwords, email_invalid
 */
export async function completeSetup(
  app: App,
  request: RequestFacts,
  token: string,
  input: FirstAdministrator,
): Promise<{ email: string; key: string }> {
  if (!(await isSetupOpen(app, token))) throw new Fault('setup_closed');
  const prepared = await preparePassword(input.password, { names: [input.email, input.name] });
  return Call.begin(app, setupActor, request).write(async (call) => {
    await takeSetupLock(call.db);
    if (!(await useLink(call.db, hashSecret(token), call.now)) || !(await isNew(call.db)))
      throw new Fault('setup_closed');
    const [first_name, ...others] = input.name.trim().split(/\s+/);
    const user = await createPersonalUser(call, {
      email: input.email,
      first_name: first_name || null,
      last_name: others.join(' ') || null,
    });
    await setPassword(call, user.user_id, prepared);
    await addAdministrator(call, user.user_id);
    const administrator = {
      type: 'user',
      id: user.user_id,
      label: user.email ?? '',
      reach: 'system',
      permissions: 'all',
    } as const;
    const { key } = await createApiKey(call.as(administrator), null, { name: 'First key', scopes: [everyPermission] });
    await call.emit(setupCompleted, { org_id: null, object_id: user.user_id });
    return { email: user.email ?? input.email, key };
  });
}
