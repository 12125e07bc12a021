/** Administrators of the system: people with the role `system_administrator`, given system-wide. */
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { newId } from '../../core/id.ts';
import { holdUser } from '../../directory/users/service.ts';
import type { ListQuery, Page } from '../../http/list.ts';
import { findSystemRole } from '../roles/service.ts';
import {
  deleteAdministrator,
  hasAdministrator,
  insertAdministrator,
  listAdministratorRows,
  takeAdministratorsLock,
} from './owners-store.ts';
import { administratorAdded, administratorRemoved, type Grant, manageAdministrators } from './schema.ts';

/**
 * Makes somebody an administrator of the system. Only an account that its person owns: an organization that owns one could
 * take it over by resetting how it signs in (checklist FD-11, MT-10).
 * @throws Fault not_found, not_allowed, conflict for an account that an organization owns
 */
export async function addAdministrator(call: Call, userId: string): Promise<void> {
  call.require(manageAdministrators, null);
  await call.write(async (inner) => {
    // The account first, as whoever disables it locks it: they see the new administrator, or this sees what they did.
    const user = await holdUser(inner.db, userId);
    await takeAdministratorsLock(inner.db);
    const role = await findSystemRole(inner.db, 'system_administrator');
    if (!user || !role) throw new Fault('not_found');
    if (user.home_org_id !== null) throw new Fault('conflict', 'An organization owns this account.');
    const isNew = await insertAdministrator(inner.db, {
      user_role_id: newId(inner.now.getTime()),
      user_id: userId,
      role_id: role.role_id,
      org_id: null,
      assigned_by: inner.userId,
      assigned_at: inner.now,
    });
    if (isNew) await inner.emit(administratorAdded, { org_id: null, object_id: userId });
  });
}

/** @throws Fault not_found, not_allowed, last_administrator */
export async function removeAdministrator(call: Call, userId: string): Promise<void> {
  call.require(manageAdministrators, null);
  await call.write(async (inner) => {
    await takeAdministratorsLock(inner.db);
    if (!(await deleteAdministrator(inner.db, userId))) throw new Fault('not_found');
    if (!(await hasAdministrator(inner.db))) throw new Fault('last_administrator');
    await inner.emit(administratorRemoved, { org_id: null, object_id: userId });
  });
}

export function listAdministrators(call: Call, page: ListQuery): Promise<Page<Grant>> {
  call.require(manageAdministrators, null);
  return listAdministratorRows(call.db, page);
}
