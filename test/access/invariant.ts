/**
 * The invariants of directory and access over a whole database, computed in plain TypeScript from the base tables: what a
 * membership row must say, how many members a group has, who must be a member of what.
 */
import { expect } from 'chai';
import type { Knex } from 'knex';

interface Row {
  [column: string]: unknown;
}
type Rows = Row[];

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort(byBytes);

async function readTables(db: Knex) {
  const [
    roles,
    permissions,
    contents,
    parents,
    grants,
    groups,
    groupRoles,
    groupMembers,
    memberships,
    users,
    organizations,
  ] = (await Promise.all(
    [
      'roles',
      'permissions',
      'role_permissions',
      'role_inheritance',
      'user_roles',
      'user_groups',
      'group_roles',
      'user_group_memberships',
      'user_organization_info',
      'users',
      'organizations',
    ].map((table) => db(table).select('*')),
  )) as Rows[];
  return {
    roles,
    permissions,
    contents,
    parents,
    grants,
    groups,
    groupRoles,
    groupMembers,
    memberships,
    users,
    organizations,
  } as {
    [name: string]: Rows;
  };
}

type Tables = Awaited<ReturnType<typeof readTables>>;

const all = (tables: Tables, name: string): Rows => tables[name] ?? [];

/** What one member has at a moment, by following everything by hand. */
function expected(tables: Tables, membership: Row, now: Date) {
  const org = membership.org_id;
  const isOver = (end: unknown) => end !== null && (end as Date) <= now;
  const systemRoleNames = new Set(
    all(tables, 'roles')
      .filter((r) => r.org_id === null)
      .map((r) => String(r.name).toLowerCase()),
  );
  const systemPermissionNames = new Set(
    all(tables, 'permissions')
      .filter((p) => p.org_id === null)
      .map((p) => p.name),
  );
  const usableRole = (id: unknown): Row | undefined =>
    all(tables, 'roles').find(
      (r) =>
        r.role_id === id &&
        r.is_active === true &&
        (r.org_id === null
          ? r.name !== 'system_administrator'
          : r.org_id === org && !systemRoleNames.has(String(r.name).toLowerCase())),
    );
  const given: { role: Row; end: Date | null; primary: boolean; direct: boolean }[] = [];
  const give = (roleId: unknown, end: unknown, primary: boolean, direct: boolean) => {
    const role = usableRole(roleId);
    if (role) given.push({ role, end: end as Date | null, primary, direct });
  };
  if (membership.status === 'active') {
    for (const grant of all(tables, 'grants')) {
      if (grant.user_id !== membership.user_id || grant.org_id !== org) continue;
      if (grant.is_active && !isOver(grant.expires_at))
        give(grant.role_id, grant.expires_at, grant.is_primary === true, true);
    }
    for (const entry of all(tables, 'groupMembers')) {
      if (entry.user_id !== membership.user_id || !entry.is_active || isOver(entry.expires_at)) continue;
      const group = all(tables, 'groups').find((g) => g.group_id === entry.group_id);
      if (!group || group.org_id !== org || !group.is_active || group.deleted_at !== null) continue;
      for (const { group_id, role_id } of all(tables, 'groupRoles')) {
        if (group_id === group.group_id) give(role_id, entry.expires_at, false, false);
      }
    }
  }
  const reached = new Map<unknown, Row>();
  const climb = (role: Row) => {
    if (reached.has(role.role_id)) return;
    reached.set(role.role_id, role);
    for (const edge of all(tables, 'parents')) {
      const parent = edge.role_id === role.role_id ? usableRole(edge.parent_role_id) : undefined;
      if (parent) climb(parent);
    }
  };
  for (const { role } of given) climb(role);
  const names = all(tables, 'contents').flatMap((content) => {
    if (!reached.has(content.role_id) || content.conditions !== null) return [];
    const permission = all(tables, 'permissions').find((p) => p.permission_id === content.permission_id);
    if (!permission) return [];
    const counts =
      permission.org_id === null
        ? permission.category !== 'system'
        : permission.org_id === org && !systemPermissionNames.has(permission.name);
    return counts ? [String(permission.name)] : [];
  });
  const weight = ({ name, org_id }: Row) => (org_id !== null ? 2 : name === 'owner' ? 0 : name === 'admin' ? 1 : 3);
  const assigned = [...new Set(given.map(({ role }) => role))].map((role) => {
    const entries = given.filter((one) => one.role === role);
    return { role, primary: entries.some((one) => one.primary), direct: entries.some((one) => one.direct) };
  });
  assigned.sort(
    (a, b) =>
      Number(b.primary) - Number(a.primary) ||
      Number(b.direct) - Number(a.direct) ||
      weight(a.role) - weight(b.role) ||
      byBytes(String(a.role.name), String(b.role.name)),
  );
  const ends = given.flatMap(({ end }) => (end === null ? [] : [end.getTime()]));
  return {
    user_role: assigned[0] ? String(assigned[0].role.name) : null,
    additional_roles: sorted(assigned.slice(1).map(({ role }) => String(role.name))),
    inherited_user_roles_plus_current_role: sorted([...reached.values()].map((role) => String(role.name))),
    user_permissions: sorted(names),
    org_role_structure: assigned.length === 1 ? 'single_role_in_hierarchy' : 'multi_role',
    access_valid_until: ends.length === 0 ? null : new Date(Math.min(...ends)).toISOString(),
  };
}

/**
 * Verifies every membership row, and the directory's invariants. Rows behind which a grant has ended, and that the job has not
 * written yet, are right for the moment before the end; they are compared at that moment.
 */
export async function verifyAccess(db: Knex, now: Date): Promise<void> {
  const tables = await readTables(db);
  for (const membership of all(tables, 'memberships')) {
    const until = membership.access_valid_until as Date | null;
    const moment = until !== null && until <= now ? new Date(until.getTime() - 1) : now;
    const actual = {
      user_role: membership.user_role,
      additional_roles: membership.additional_roles,
      inherited_user_roles_plus_current_role: membership.inherited_user_roles_plus_current_role,
      user_permissions: membership.user_permissions,
      org_role_structure: membership.org_role_structure,
      access_valid_until: until?.toISOString() ?? null,
    };
    expect(actual, `member ${membership.user_id} of ${membership.org_id}`).to.deep.equal(
      expected(tables, membership, moment),
    );
  }
  verifyDirectory(tables);
}

function verifyDirectory(tables: Tables): void {
  const isMember = new Set(all(tables, 'memberships').map((m) => `${m.org_id} ${m.user_id}`));
  const slugs = new Map(all(tables, 'organizations').map((o) => [o.org_id, o.slug]));
  for (const group of all(tables, 'groups')) {
    const members = all(tables, 'groupMembers').filter((m) => m.group_id === group.group_id);
    expect(group.member_count, `member_count of ${group.name}`).to.equal(members.length);
    for (const { user_id } of members) {
      expect(isMember.has(`${group.org_id} ${user_id}`), `${user_id} in ${group.name} is a member`).to.equal(true);
    }
  }
  for (const user of all(tables, 'users')) {
    const memberships = all(tables, 'memberships').filter((m) => m.user_id === user.user_id);
    if (user.deleted_at !== null) expect(memberships, `memberships of deleted ${user.user_id}`).to.deep.equal([]);
    else if (user.home_org_id !== null) {
      expect(isMember.has(`${user.home_org_id} ${user.user_id}`), `${user.user_id} is a member at home`).to.equal(true);
    }
  }
  for (const membership of all(tables, 'memberships')) {
    expect(membership.url_safe_org_name).to.equal(slugs.get(membership.org_id));
  }
  for (const grant of all(tables, 'grants').filter(({ org_id }) => org_id !== null)) {
    expect(isMember.has(`${grant.org_id} ${grant.user_id}`), `a grant stands on a membership`).to.equal(true);
  }
  for (const role of all(tables, 'roles')) {
    const seen = new Set<unknown>();
    const queue: unknown[] = [role.role_id];
    for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
      for (const edge of all(tables, 'parents').filter((one) => one.role_id === id)) {
        expect(edge.parent_role_id, `a circle through ${role.name}`).not.to.equal(role.role_id);
        if (!seen.has(edge.parent_role_id)) queue.push(edge.parent_role_id);
        seen.add(edge.parent_role_id);
      }
    }
  }
}
