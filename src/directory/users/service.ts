/**
 * Users: accounts, each owned by one organization or by its person.
 * Tables: users (and the home membership in user_organization_info). Events: user.created, .updated, .enabled, .disabled, .locked,
 * .unlocked, .deleted, .claimed. Invariant: an organization reads and changes only accounts that it owns, an owned account is a
 * member of its organization, and ownership moves in one way only: claiming, by a verified domain (data model: one rule that
 * keeps customers apart; checklist SC-01, SC-05, FD-02).
 */
import { isDeepStrictEqual } from 'node:util';
import type { Knex } from 'knex';
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { newId, zeroId } from '../../core/id.ts';
import type { Page } from '../../http/list.ts';
import { domainOfEmail } from '../domains/names.ts';
import { hasVerifiedDomainOf } from '../domains/service.ts';
import { endMemberships, holdMemberships } from '../memberships/service.ts';
import { readProfile, type UserColumns } from './profile.ts';
import {
  createUsers,
  deleteUsers,
  readUsers,
  type User,
  type UserQuery,
  updateUsers,
  userCreated,
  userDeleted,
  userDisabled,
  userEnabled,
  userLocked,
  userUnlocked,
  userUpdated,
} from './schema.ts';
import {
  getUser,
  insertOwnedUser,
  insertPersonalUser,
  listUserRows,
  lockUser,
  shareUser,
  updateUserRow,
} from './store.ts';

/** More that belongs to a new account, done in its transaction: its first password, for instance. */
export type Finish = (call: Call, userId: string) => Promise<void>;

/**
 * Makes an account that its person owns.
 * @throws Fault email_taken, username_taken, email_invalid, username_invalid, identifier_missing, request_invalid
 */
export async function createPersonalUser(call: Call, input: UserColumns, finish?: Finish): Promise<User> {
  call.require(createUsers, null);
  const columns = readProfile(input, false);
  return call.write(async (inner) => {
    const row = await insertPersonalUser(inner.db, { ...columns, ...birth(inner) });
    return welcome(inner, row, finish);
  });
}

/**
 * Makes an account that an organization owns, with its membership: two statements, of which one is the audit row. Its e-mail
 * counts as confirmed only when the organization has verified the domain. An account of somebody else with the same address
 * is neither read nor touched.
 * @throws Fault as `createPersonalUser`, and not_found for no such organization
 */
export async function createOwnedUser(call: Call, orgId: string, input: UserColumns, finish?: Finish): Promise<User> {
  return (await makeOwned(call, orgId, input, { claims: false, finish })) as User;
}

/**
 * The same, unless the organization may claim the account that its person has with this address (`claimAccount`).
 * @returns null when it may, and nothing was made
 */
export const createUnlessClaimable = (call: Call, orgId: string, input: UserColumns): Promise<User | null> =>
  makeOwned(call, orgId, input, { claims: true });

async function makeOwned(
  call: Call,
  orgId: string,
  input: UserColumns,
  { claims, finish }: { readonly claims: boolean; readonly finish?: Finish | undefined },
): Promise<User | null> {
  call.require(createUsers, orgId);
  const { email_confirmed: _follows, can_create_orgs: _ours, ...columns } = readProfile(input, true);
  const { email } = columns;
  const place = {
    org_id: orgId,
    domain: email ? domainOfEmail(email) : null,
    unless_claimable: (claims && email) || null,
  };
  return call.write(async (inner) => {
    const row = await insertOwnedUser(inner.db, place, { ...columns, ...birth(inner) });
    if (!row) throw new Fault('not_found');
    return row === 'claimable' ? null : welcome(inner, row, finish);
  });
}

const birth = ({ now }: Call) => ({
  user_id: newId(now.getTime()),
  created_at: Math.floor(now.getTime() / 1000),
  updated_at: now,
});

async function welcome(call: Call, row: User, finish: Finish | undefined): Promise<User> {
  const after = Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null && value !== false));
  await call.emit(userCreated, { org_id: row.home_org_id, object_id: row.user_id, after });
  if (!finish) return row;
  await finish(call, row.user_id);
  return (await getUser(call.db, null, row.user_id)) ?? row;
}

/** @throws Fault not_found, also for an account of another owner */
export async function readOwnedUser(call: Call, orgId: string, userId: string): Promise<User> {
  call.require(readUsers, orgId);
  return found(await getUser(call.db, orgId, userId));
}

/** Any account, for the system's administrators. */
export async function readAnyUser(call: Call, userId: string): Promise<User> {
  call.require(readUsers, null);
  return found(await getUser(call.db, null, userId));
}

function found(user: User | undefined): User {
  if (!user) throw new Fault('not_found');
  return user;
}

export function listOwnedUsers(call: Call, orgId: string, query: UserQuery): Promise<Page<User>> {
  call.require(readUsers, orgId);
  return list(call, orgId, query);
}

/** The accounts of all owners, for the system's administrators. */
export function listAllUsers(call: Call, query: UserQuery): Promise<Page<User>> {
  call.require(readUsers, null);
  return list(call, null, query);
}

function list(call: Call, orgId: string | null, { limit, after, ...filter }: UserQuery): Promise<Page<User>> {
  return listUserRows(call.db, orgId, filter, { limit, after });
}

export interface UserChange {
  readonly before: User;
  readonly after: User;
  /** Columns whose value is another one now; empty when nothing was written. */
  readonly changed: readonly (keyof User)[];
}

/**
 * Changes an account that the organization owns. Nothing is written, and nothing said, when nothing differs.
 * @throws Fault not_found, email_taken, username_taken, and what `readProfile` throws
 */
export function updateOwnedUser(call: Call, orgId: string, userId: string, input: UserColumns): Promise<UserChange> {
  call.require(updateUsers, orgId);
  const { email_confirmed: _follows, can_create_orgs: _ours, ...columns } = input;
  return update(call, orgId, userId, columns);
}

/** Changes any account, for the system's administrators. */
export function updateAnyUser(call: Call, userId: string, input: UserColumns): Promise<UserChange> {
  call.require(updateUsers, null);
  return update(call, null, userId, input);
}

async function update(call: Call, orgId: string | null, userId: string, input: UserColumns): Promise<UserChange> {
  return call.write(async (inner) => {
    const before = found(await lockUser(inner.db, orgId, userId));
    const columns = readProfile(input, before.home_org_id !== null);
    if (columns.email !== undefined && columns.email !== before.email) {
      columns.email_confirmed = await isConfirmed(inner.db, before.home_org_id, columns);
    }
    const changed = (Object.keys(columns) as (keyof UserColumns)[]).filter(
      (name) => !isDeepStrictEqual(columns[name], before[name]),
    );
    if (changed.length === 0) return { before, after: before, changed };
    const after = await updateUserRow(inner.db, userId, { ...pick(columns, changed), updated_at: inner.now });
    await tell(inner, { before, after, changed });
    return { before, after, changed };
  });
}

/** A new address is confirmed when its domain is the owner's own, or when the system's administrator says so. */
async function isConfirmed(db: Knex, homeOrgId: string | null, columns: UserColumns): Promise<boolean> {
  if (!columns.email) return false;
  return homeOrgId === null ? (columns.email_confirmed ?? false) : hasVerifiedDomainOf(db, homeOrgId, columns.email);
}

const pick = (row: object, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(names.map((name) => [name, (row as Record<string, unknown>)[name]]));

async function tell(call: Call, { before, after, changed }: UserChange): Promise<void> {
  const about = { org_id: after.home_org_id, object_id: after.user_id };
  const plain = changed.filter((name) => name !== 'enabled' && name !== 'locked');
  if (plain.length > 0) {
    await call.emit(userUpdated, { ...about, before: pick(before, plain), after: pick(after, plain) });
  }
  if (changed.includes('enabled')) await call.emit(after.enabled ? userEnabled : userDisabled, about);
  if (changed.includes('locked')) await call.emit(after.locked ? userLocked : userUnlocked, about);
}

/** Deletes an account that the organization owns. @throws Fault not_found, last_owner */
export async function deleteOwnedUser(call: Call, orgId: string, userId: string): Promise<void> {
  call.require(deleteUsers, orgId);
  await remove(call, orgId, userId);
}

/** Deletes any account, for the system's administrators. */
export async function deleteAnyUser(call: Call, userId: string): Promise<void> {
  call.require(deleteUsers, null);
  await remove(call, null, userId);
}

/**
 * The row stays, marked, so that its id is never given to anybody else (checklist TK-11); memberships end everywhere.
 * Said before they end, so that reactions still see what the person had.
 */
async function remove(call: Call, orgId: string | null, userId: string): Promise<void> {
  await call.write(async (inner) => {
    const before = found(await lockUser(inner.db, orgId, userId));
    await holdMemberships(inner, userId);
    await updateUserRow(inner.db, userId, { deleted_at: inner.now, enabled: false, updated_at: inner.now });
    await inner.emit(userDeleted, {
      org_id: before.home_org_id,
      object_id: userId,
      before: pick(before, [
        'email',
        'username',
        'first_name',
        'last_name',
        'legacy_user_id',
        'enabled',
        'home_org_id',
      ]),
    });
    await endMemberships(inner, userId);
  });
}

/** The account for other rooms, without a permission: null when there is none, or it was deleted. */
export const findUser = async (db: Knex, userId: string): Promise<User | null> =>
  (await getUser(db, null, userId)) ?? null;

/**
 * The same, held against every change until the transaction ends: for what is given to an account and must not be given behind
 * the back of somebody who disables or deletes it at this moment.
 */
export const holdUser = async (db: Knex, userId: string): Promise<User | null> => (await shareUser(db, userId)) ?? null;

/** An account that the organization owns; null for any other. */
export const findOwnedUser = async (db: Knex, orgId: string, userId: string): Promise<User | null> =>
  userId === zeroId ? null : ((await getUser(db, orgId, userId)) ?? null);

/** The same, locked as a change of it locks it, until the transaction ends. */
export const holdOwnedUser = async (db: Knex, orgId: string, userId: string): Promise<User | null> =>
  userId === zeroId ? null : ((await lockUser(db, orgId, userId)) ?? null);
