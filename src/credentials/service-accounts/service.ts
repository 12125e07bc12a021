/**
 * Service accounts: programs that act by themselves, in one organization (org_id) or in the whole system (null).
 * Tables: service_accounts. Events: service_account.created, .updated, .deleted.
 * Invariant: an account never holds a permission that whoever gave it did not hold (checklist AZ-05);
 * one that is not active or is gone is refused everywhere at once (AU-22).
 */
import type { Knex } from 'knex';
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { newId } from '../../core/id.ts';
import type { ListQuery, Page } from '../../http/list.ts';
import { requireHeld } from './held.ts';
import {
  manageServiceAccounts,
  type NewServiceAccount,
  readServiceAccounts,
  type ServiceAccount,
  type ServiceAccountChange,
  serviceAccountCreated,
  serviceAccountDeleted,
  serviceAccountUpdated,
} from './schema.ts';
import {
  deleteServiceAccount as deleteRow,
  insertServiceAccount,
  listServiceAccounts as listRows,
  lockServiceAccount,
  readServiceAccount,
  readServiceAccountByName,
  updateServiceAccount as updateRow,
} from './store.ts';

/** @throws Fault service_account_name_taken, permission_unknown, permission_not_held */
export async function createServiceAccount(
  call: Call,
  orgId: string | null,
  input: NewServiceAccount,
): Promise<ServiceAccount> {
  call.require(manageServiceAccounts, orgId);
  requireHeld(call, input.permissions);
  return call.write(async (inner) => {
    const account = await insertServiceAccount(inner.db, {
      service_account_id: newId(inner.now.getTime()),
      org_id: orgId,
      name: input.name,
      description: input.description ?? null,
      permissions: input.permissions,
      is_active: true,
      created_by: inner.userId,
      created_at: inner.now,
      updated_at: inner.now,
    });
    await inner.emit(serviceAccountCreated, { org_id: orgId, object_id: account.service_account_id, after: account });
    return account;
  });
}

export function listServiceAccounts(call: Call, orgId: string | null, page: ListQuery): Promise<Page<ServiceAccount>> {
  call.require(readServiceAccounts, orgId);
  return listRows(call.db, orgId, page);
}

/** @throws Fault not_found */
export async function getServiceAccount(call: Call, orgId: string | null, accountId: string): Promise<ServiceAccount> {
  call.require(readServiceAccounts, orgId);
  const account = await readServiceAccount(call.db, orgId, accountId);
  if (!account) throw new Fault('not_found');
  return account;
}

/**
 * Permissions that are added must be held by the caller; others may stay or go.
 * @throws Fault not_found, service_account_name_taken, permission_unknown, permission_not_held
 */
export async function updateServiceAccount(
  call: Call,
  orgId: string | null,
  accountId: string,
  change: ServiceAccountChange,
): Promise<ServiceAccount> {
  call.require(manageServiceAccounts, orgId);
  return call.write(async (inner) => {
    const before = await lockServiceAccount(inner.db, orgId, accountId);
    if (!before) throw new Fault('not_found');
    requireHeld(
      inner,
      (change.permissions ?? []).filter((name) => !before.permissions.includes(name)),
    );
    // To wake an account is to give it what it holds.
    if (change.is_active === true && !before.is_active) requireHeld(inner, change.permissions ?? before.permissions);
    const after = await updateRow(inner.db, accountId, { ...change, updated_at: inner.now });
    await inner.emit(serviceAccountUpdated, { org_id: orgId, object_id: accountId, before, after });
    return after;
  });
}

/** Its keys go with it. @throws Fault not_found */
export async function deleteServiceAccount(call: Call, orgId: string | null, accountId: string): Promise<void> {
  call.require(manageServiceAccounts, orgId);
  await call.write(async (inner) => {
    const before = await lockServiceAccount(inner.db, orgId, accountId);
    if (!before) throw new Fault('not_found');
    await deleteRow(inner.db, accountId);
    await inner.emit(serviceAccountDeleted, { org_id: orgId, object_id: accountId, before });
  });
}

/** The system's account of a name, without a permission: for work at the start that must not make it twice. */
export const findSystemAccount = (db: Knex, name: string): Promise<ServiceAccount | undefined> =>
  readServiceAccountByName(db, null, name);
