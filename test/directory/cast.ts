/** Organizations, people and actors for tests; each builds what it needs. */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { actorForUser } from '../../src/access/grants/access.ts';
import { setMember } from '../../src/access/grants/service.ts';
import { type Actor, Call } from '../../src/core/call.ts';
import { Fault } from '../../src/core/fault.ts';
import { knownPermissions } from '../../src/core/permission.ts';
import type { Organization } from '../../src/directory/organizations/schema.ts';
import { createOrganization } from '../../src/directory/organizations/service.ts';
import type { UserColumns } from '../../src/directory/users/profile.ts';
import type { User } from '../../src/directory/users/schema.ts';
import { createOwnedUser, createPersonalUser } from '../../src/directory/users/service.ts';
import type { World } from '../support/world.ts';

export const unique = (): string => randomBytes(5).toString('hex');

export const makeOrganization = (w: World, org_name = `Organization ${unique()}`): Promise<Organization> =>
  createOrganization(w.call(), { org_name });

/** An account that the organization owns. */
export const makeOwned = (w: World, { org_id }: { org_id: string }, columns: UserColumns = {}): Promise<User> =>
  createOwnedUser(w.call(), org_id, { email: `${unique()}@people.example`, ...columns });

/** An account that its person owns. */
export const makePersonal = (w: World, columns: UserColumns = {}): Promise<User> =>
  createPersonalUser(w.call(), { email: `${unique()}@people.example`, ...columns });

/** A call in the name of a member, with what the membership gives now. */
export async function callAs(
  w: World,
  { org_id }: { org_id: string },
  { user_id }: { user_id: string },
): Promise<Call> {
  const actor = await actorForUser(w.db, w.app.clock(), user_id, org_id);
  if (!actor) throw new Error('This account has nothing to stand on.');
  return Call.begin(w.app, actor);
}

/** A new account of the organization with a role, and a call in its name. */
export async function makeActor(w: World, org: { org_id: string }, role: string): Promise<{ user: User; call: Call }> {
  const user = await makeOwned(w, org);
  await setMember(w.call(), org.org_id, user.user_id, { role });
  return { user, call: await callAs(w, org, user) };
}

/** A program of the organization with every permission there is, also those that no organization can hold. */
export const programOf = (w: World, { org_id }: { org_id: string }, permissions?: readonly string[]): Call => {
  const actor: Actor = {
    type: 'service_account',
    id: '00000000-0000-7000-8000-000000000001',
    label: 'program',
    reach: { org_id },
    permissions: new Set(permissions ?? knownPermissions().map(({ name }) => name)),
  };
  return Call.begin(w.app, actor);
};

/** The organization's directory, as the SCIM door calls. */
export const directoryOf = (w: World, { org_id }: { org_id: string }): Call =>
  Call.begin(w.app, {
    type: 'scim_client',
    id: '00000000-0000-7000-8000-000000000002',
    label: 'scim:test',
    reach: { org_id },
    permissions: new Set([
      'users.read',
      'users.create',
      'users.update',
      'users.delete',
      'groups.read',
      'groups.manage',
    ]),
  });

/** The code with which something is refused; fails when it is not. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
  return expect.fail('It was not refused.');
}

/** How many audit rows of an event there are. */
export async function countEvents(w: World, action: string, object_id?: string): Promise<number> {
  const [row] = await w
    .db('audit_logs')
    .where({ action, ...(object_id === undefined ? {} : { object_id }) })
    .count('* as count');
  return Number(row?.count);
}
