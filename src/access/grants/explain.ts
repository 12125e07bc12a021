/** Why somebody may do something, or not: every way from the person to the permission, step by step. */
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { findMember } from '../../directory/memberships/service.ts';
import { readMembers } from '../../directory/memberships/schema.ts';
import { findOrganization } from '../../directory/organizations/service.ts';
import { computeAccess } from './effective.ts';
import {
  type ContentRow,
  type GroupRow,
  listByGroups,
  listContents,
  listDirect,
  listReached,
  type RoleRow,
} from './explain-store.ts';
import type { AccessExplanation, AccessPath, AccessStep } from './schema.ts';

const maxPaths = 100;
/** Steps of all of them together: ways through a thousand roles are long, and nobody reads a hundred of those (RE-17). */
const maxSteps = 2000;
/** Steps of one way; a longer one is not followed. */
const maxWay = 2000;

/**
 * Whether a member has a permission now, and every way to it: group → role → parent role → permission, who gave it, when, until
 * when. Ways that do not count are shown too, with the step at which they end.
 * @throws Fault not_found
 */
export async function explainAccess(
  call: Call,
  orgId: string,
  userId: string,
  permission: string,
): Promise<AccessExplanation> {
  call.require(readMembers, orgId);
  const { db, now } = call;
  const member = await findMember(db, orgId, userId);
  if (!member) throw new Fault('not_found');
  const organization = await findOrganization(db, orgId);
  const access = await computeAccess(db, orgId, userId, now);
  const holds = access?.user_permissions.includes(permission) ?? false;
  const obstacle =
    organization?.status !== 'active'
      ? ('organization_inactive' as const)
      : !member.enabled
        ? ('account_disabled' as const)
        : member.status !== 'active'
          ? ('membership_inactive' as const)
          : null;
  return {
    org_id: orgId,
    user_id: userId,
    permission,
    allowed: holds && obstacle === null,
    reason: obstacle ?? (holds ? 'granted' : 'no_path'),
    evaluated_at: now,
    paths: await findPaths(call, orgId, userId, permission),
  };
}

interface Start {
  readonly role_id: string;
  readonly steps: (role: RoleRow) => AccessStep[];
}

async function findPaths({ db, now }: Call, orgId: string, userId: string, permission: string): Promise<AccessPath[]> {
  const hasEnded = (end: Date | null) => end !== null && end <= now;
  const starts: Start[] = [
    ...(await listDirect(db, orgId, userId)).map((row) => ({
      role_id: row.role_id,
      steps: (role: RoleRow) => [
        step(
          'role_grant',
          role.role_id,
          role.name,
          row,
          hasEnded(row.expires_at) ? 'expired' : unless(row.is_active, role),
        ),
      ],
    })),
    ...(await listByGroups(db, orgId, userId)).map((row) => ({
      role_id: row.role_id,
      steps: (role: RoleRow) => groupSteps(row, role, hasEnded(row.expires_at)),
    })),
  ];
  const reached = await listReached(
    db,
    starts.map(({ role_id }) => role_id),
  );
  const found = await listContents(
    db,
    orgId,
    reached.map(({ role_id }) => role_id),
    permission,
  );
  const contents = Map.groupBy(found, ({ role_id }) => role_id);
  const roles = leadingTo(reached, [...contents.keys()]);
  const search: Search = { roles, contents, paths: [], seen: new Set(), followed: 0 };
  for (const start of starts) {
    const role = roles.get(start.role_id);
    if (role) climb(search, role, start.steps(role));
  }
  const best = search.paths.sort((a, b) => Number(b.counts) - Number(a.counts) || a.steps.length - b.steps.length);
  let steps = 0;
  return best.slice(0, maxPaths).filter((path, index) => (steps += path.steps.length) <= maxSteps || index === 0);
}

/** A role, and how many steps of inheritance above it the permission is: the fewest. */
type Leading = RoleRow & { readonly distance: number };

/** Only roles from which the permission is reached: every way that is followed then ends at it, and their number bounds the work. */
function leadingTo(reached: readonly RoleRow[], ends: readonly string[]): Map<string, Leading> {
  const children = new Map<string, RoleRow[]>();
  for (const role of reached) {
    for (const { role_id } of role.parents) children.set(role_id, [...(children.get(role_id) ?? []), role]);
  }
  const holding = reached.filter(({ role_id }) => ends.includes(role_id));
  const leading = new Map<string, Leading>(holding.map((role) => [role.role_id, { ...role, distance: 0 }]));
  // In the order in which they were found, nearest first; what is added meanwhile comes at the end.
  for (const { role_id, distance } of leading.values()) {
    for (const child of children.get(role_id) ?? []) {
      if (!leading.has(child.role_id)) leading.set(child.role_id, { ...child, distance: distance + 1 });
    }
  }
  return leading;
}

interface Search {
  readonly roles: ReadonlyMap<string, Leading>;
  readonly contents: ReadonlyMap<string, ContentRow[]>;
  readonly paths: AccessPath[];
  /** Roles of the way that is followed at the moment. */
  readonly seen: Set<string>;
  /** Steps of the ways that were found. */
  followed: number;
}

const isEnough = ({ paths, followed }: Search): boolean => paths.length >= 10 * maxPaths || followed >= 10 * maxSteps;

/**
 * Follows parents, never twice through the same role; stops when there is more than anybody reads. The steps of the way are those of
 * the moment: only a way that is found is copied.
 */
function climb(search: Search, role: RoleRow, steps: AccessStep[]): void {
  search.seen.add(role.role_id);
  for (const row of search.contents.get(role.role_id) ?? []) {
    const why = row.is_reserved ? 'reserved' : row.is_conditional ? 'conditional' : null;
    const all = [...steps, step('role_permission', row.permission_id, row.name, row, why)];
    search.paths.push({ counts: all.every(({ counts }) => counts), steps: all });
    search.followed += all.length;
  }
  for (const { role_id, since } of role.parents) {
    const parent = search.roles.get(role_id);
    if (!parent || search.seen.has(role_id) || isEnough(search)) continue;
    // What cannot end in time is not begun: there may be more such ways than anybody can count.
    if (steps.length + 1 + parent.distance > maxWay) continue;
    const given = { assigned_by: null, assigned_by_label: null, assigned_at: new Date(since) };
    steps.push(step('inheritance', role_id, parent.name, given, unless(true, parent)));
    climb(search, parent, steps);
    steps.pop();
  }
  search.seen.delete(role.role_id);
}

/** Why a role does not count, or null. */
const unless = (isActive: boolean, role: RoleRow): string | null =>
  isActive && role.is_active ? (role.is_reserved ? 'reserved' : null) : 'inactive';

function groupSteps(row: GroupRow, role: RoleRow, hasEnded: boolean): AccessStep[] {
  const why = hasEnded ? 'expired' : row.is_active && row.group_is_active ? null : 'inactive';
  const given = {
    assigned_by: row.role_assigned_by,
    assigned_by_label: row.role_assigned_by_label,
    assigned_at: row.role_assigned_at,
  };
  return [
    step('group_membership', row.group_id, row.group_name, row, why),
    step('group_role', role.role_id, role.name, given, unless(true, role)),
  ];
}

function step(
  kind: AccessStep['kind'],
  id: string,
  name: string,
  given: Pick<AccessStep, 'assigned_by' | 'assigned_by_label' | 'assigned_at'> & { expires_at?: Date | null },
  why_not: string | null,
): AccessStep {
  return {
    kind,
    id,
    name,
    assigned_by: given.assigned_by,
    assigned_by_label: given.assigned_by_label,
    assigned_at: given.assigned_at,
    expires_at: given.expires_at ?? null,
    counts: why_not === null,
    why_not,
  };
}
