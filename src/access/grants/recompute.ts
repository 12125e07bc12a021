/**
 * Keeping memberships exact: in the transaction that changes a role, a grant, an inheritance or a group, the rows of everyone
 * concerned are written anew.
 *
 * How it stays right under concurrency, at READ COMMITTED: who changes roles or what they contain holds the organization's lock
 * alone (`holdAccess`); who changes who has them shares it (`shareAccess`), and locks the memberships concerned, in the order
 * of their ids, before the statement that reads what they have. The later of two such changes therefore sees the earlier one.
 */
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { zeroId } from '../../core/id.ts';
import { shareAccess } from '../../directory/organizations/service.ts';
import { type Affected, listOrganizationsWith, listOutdated, lockAffected, writeAccess } from './effective.ts';
import { hasLastingOwner, takeOwnersLock } from './owners-store.ts';

/** Members that are written in one statement: well within its time limit. */
const atOnce = 2000;

interface Options {
  /** Whether to refuse what leaves the organization without an owner; not where time itself ended it. */
  readonly protectOwners?: boolean;
}

/**
 * Writes anew what members have. Part of a transaction that holds or shares the organization's lock.
 * @returns how many rows changed
 * @throws Fault last_owner
 */
export async function recomputeAccess(
  call: Call,
  orgId: string,
  affected: Affected,
  { protectOwners = true }: Options = {},
): Promise<number> {
  let changed = 0;
  let lostOwner = false;
  for (let after = zeroId; ; ) {
    const ids = await lockAffected(call.db, orgId, affected, after, atOnce);
    if (ids.length === 0) break;
    const rows = await writeAccess(call.db, orgId, ids, call.now);
    changed += rows.length;
    lostOwner ||= rows.some(({ was_owner, is_owner }) => was_owner && !is_owner);
    if (ids.length < atOnce) break;
    after = ids.at(-1) as string;
  }
  if (lostOwner && protectOwners) await requireOwner(call, orgId);
  return changed;
}

/** The same for roles that every organization is offered; the system's lock is held. */
export async function recomputeEverywhere(call: Call, roleIds: readonly string[]): Promise<void> {
  for (const orgId of await listOrganizationsWith(call.db, roleIds)) {
    await recomputeAccess(call, orgId, { roleIds }, { protectOwners: false });
  }
}

/**
 * Refuses a change after which nobody owns the organization for good. Changes that take an owner away follow one another by a
 * lock, so that two of them, each leaving the other's owner, cannot both pass (checklist SC-09).
 * @throws Fault last_owner
 */
export async function requireOwner(call: Call, orgId: string): Promise<void> {
  await takeOwnersLock(call.db, orgId);
  if (!(await hasLastingOwner(call.db, orgId))) throw new Fault('last_owner');
}

/**
 * A job: writes anew the memberships behind which a grant has ended. Until it ran, readers compute those themselves
 * (`readAccess`), so nobody has anything for longer than was given. @returns how many
 */
export async function expireGrants(call: Call): Promise<number> {
  let count = 0;
  for (;;) {
    const outdated = await listOutdated(call.db, call.now, atOnce);
    for (const [orgId, members] of Map.groupBy(outdated, ({ org_id }) => org_id)) {
      await call.write(async (inner) => {
        await shareAccess(inner.db, orgId);
        const userIds = members.map(({ user_id }) => user_id);
        await recomputeAccess(inner, orgId, { userIds }, { protectOwners: false });
      });
    }
    count += outdated.length;
    // A row that was written has its end after now, so each round finds others.
    if (outdated.length < atOnce) return count;
  }
}
