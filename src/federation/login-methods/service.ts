/**
 * Login methods: which ways of signing in an organization allows.
 * Tables: org_login_methods. Events: login_method.enabled, login_method.disabled.
 * Invariant: a method that was switched off lets nobody in, also where a sign-in by it began before (checklist FD-03);
 * only what the sign-in can do is switched on, so that nobody relies on a way that there is not.
 */
import type { Knex } from 'knex';
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { refuseField } from '../../core/text.ts';
import { findOrganization } from '../../directory/organizations/service.ts';
import type { Page } from '../../http/list.ts';
import {
  type LoginMethod,
  type LoginMethodChange,
  type LoginMethodName,
  loginMethodDisabled,
  loginMethodEnabled,
  loginMethodNames,
  manageLoginMethods,
  readLoginMethods,
} from './schema.ts';
import { type LoginMethodRow, listLoginMethodRows, writeLoginMethod } from './store.ts';

/** What this version can do, and so allows unless told otherwise; the rest is off and stays so. */
const built: readonly LoginMethodName[] = ['password', 'saml'];

const described = (orgId: string, method: LoginMethodName, rows: readonly LoginMethodRow[]): LoginMethod => {
  const row = rows.find((candidate) => candidate.method === method);
  // Earlier versions let anything be switched on: such a row changes nothing.
  const enabled = built.includes(method) && (row?.enabled ?? true);
  return { org_id: orgId, method, enabled, updated_at: row?.updated_at ?? null };
};

/** All of them, whether something was said about them or not. @throws Fault not_found */
export async function listLoginMethods(call: Call, orgId: string): Promise<Page<LoginMethod>> {
  call.require(readLoginMethods, orgId);
  if (!(await findOrganization(call.db, orgId))) throw new Fault('not_found');
  const rows = await listLoginMethodRows(call.db, orgId);
  return { items: loginMethodNames.map((method) => described(orgId, method, rows)), next: null };
}

/**
 * Allows a way of signing in, or switches it off. A second time changes nothing.
 * @throws Fault not_found, request_invalid for switching on what is not built
 */
export async function setLoginMethod(
  call: Call,
  orgId: string,
  method: LoginMethodName,
  { enabled }: LoginMethodChange,
): Promise<LoginMethod> {
  call.require(manageLoginMethods, orgId);
  return call.write(async (inner) => {
    if (!(await findOrganization(inner.db, orgId))) throw new Fault('not_found');
    if (enabled && !built.includes(method)) {
      refuseField('enabled', `must be false for ${method}: this version signs in by ${built.join(' and ')} only`);
    }
    const before = described(orgId, method, await listLoginMethodRows(inner.db, orgId));
    const written = await writeLoginMethod(inner.db, { org_id: orgId, method, enabled, updated_at: inner.now });
    if (written && before.enabled !== enabled) {
      const about = { org_id: orgId, object_id: method };
      await inner.emit(enabled ? loginMethodEnabled : loginMethodDisabled, about);
    }
    return described(orgId, method, await listLoginMethodRows(inner.db, orgId));
  });
}

/** Which methods an organization allows, for other rooms, without a permission. */
export async function loginMethodsOf(db: Knex, orgId: string): Promise<Record<LoginMethodName, boolean>> {
  const rows = await listLoginMethodRows(db, orgId);
  const entries = loginMethodNames.map((method) => [method, described(orgId, method, rows).enabled] as const);
  return Object.fromEntries(entries) as Record<LoginMethodName, boolean>;
}
