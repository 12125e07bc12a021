/**
 * What a member's roles amount to, as one statement over a set of members: the roles given directly and by groups, their parents
 * and parents' parents, and the permissions of all of them. The one definition; it fills `user_organization_info`, and it
 * answers for a single member whose row is out of date.
 *
 * Not counted: what is inactive or has expired, roles and permissions of other organizations, permissions with conditions
 * (nobody can hold them unconditionally), permissions for administrators of the system, and names of an organization's own that the
 * system has too, so that no name gives what it says only elsewhere (checklist SC-17, FD-11).
 */
import type { Knex } from 'knex';

/** Whether the role `r` counts in the organization `:org`. */
const roleCounts = `(r.is_active and (
    r.org_id is null and r.name <> 'system_administrator'
    or r.org_id = :org and not exists (select from roles s where s.org_id is null and lower(s.name) = lower(r.name))))`;

/** Whether the permission `p` counts in the organization `:org`. */
export const permissionCounts = `(p.org_id is null and p.category <> 'system'
    or p.org_id = :org and not exists (select from permissions s where s.org_id is null and s.name = p.name))`;

/**
 * Common table expressions that end with `effective`, one row per member of `:users` in `:org` at `:now`. Roles are followed
 * per role, not per member: 5,000 holders of one role cost one walk.
 */
const effective = `who as (
    select user_id, status from user_organization_info where org_id = :org and user_id = any(cast(:users as uuid[]))
  ), given as (
    select ur.user_id, ur.role_id, ur.expires_at, ur.is_primary, true as is_direct
      from who join user_roles ur on ur.user_id = who.user_id and ur.org_id = :org
     where who.status = 'active' and ur.is_active and (ur.expires_at is null or ur.expires_at > :now)
    union all
    select gm.user_id, gr.role_id, gm.expires_at, false, false
      from who join user_group_memberships gm on gm.user_id = who.user_id
      join user_groups g on g.group_id = gm.group_id and g.org_id = :org and g.is_active and g.deleted_at is null
      join group_roles gr on gr.group_id = g.group_id
     where who.status = 'active' and gm.is_active and (gm.expires_at is null or gm.expires_at > :now)
  ), assigned as (
    select given.user_id, given.role_id, r.name, bool_or(given.is_primary) as is_primary, bool_or(given.is_direct) as is_direct,
           case when r.org_id is not null then 2 when r.name = 'owner' then 0 when r.name = 'admin' then 1 else 3 end as weight,
           min(given.expires_at) as first_end
      from given join roles r on r.role_id = given.role_id
     where ${roleCounts}
     group by given.user_id, r.role_id, given.role_id
  ), reached (role_id, reached_id) as (
    select distinct role_id, role_id from assigned
    union
    select reached.role_id, r.role_id
      from reached join role_inheritance i on i.role_id = reached.reached_id
      join roles r on r.role_id = i.parent_role_id
     where ${roleCounts}
  ), ranked as (
    select user_id, name, first_end,
           row_number() over (partition by user_id order by is_primary desc, is_direct desc, weight, name collate "C") as place
      from assigned
  ), given_roles as (
    select user_id, max(name) filter (where place = 1) as user_role, count(*) as given_count, min(first_end) as first_end,
           array_agg(name collate "C" order by name collate "C") filter (where place > 1) as additional_roles
      from ranked group by user_id
  ), all_roles as (
    select a.user_id, array_agg(distinct r.name collate "C") as names
      from assigned a join reached on reached.role_id = a.role_id join roles r on r.role_id = reached.reached_id
     group by a.user_id
  ), all_permissions as (
    select a.user_id, array_agg(distinct p.name collate "C") as names
      from assigned a join reached on reached.role_id = a.role_id
      join role_permissions rp on rp.role_id = reached.reached_id and rp.conditions is null
      join permissions p on p.permission_id = rp.permission_id
     where ${permissionCounts}
     group by a.user_id
  ), effective as (
    select who.user_id, g.user_role,
           coalesce(g.additional_roles, '{}') as additional_roles,
           coalesce(ar.names, '{}') as inherited_user_roles_plus_current_role,
           coalesce(ap.names, '{}') as user_permissions,
           case when g.given_count = 1 then 'single_role_in_hierarchy' else 'multi_role' end as org_role_structure,
           g.first_end as access_valid_until
      from who
      left join given_roles g on g.user_id = who.user_id
      left join all_roles ar on ar.user_id = who.user_id
      left join all_permissions ap on ap.user_id = who.user_id
  )`;

export interface EffectiveAccess {
  readonly user_role: string | null;
  readonly additional_roles: string[];
  readonly inherited_user_roles_plus_current_role: string[];
  readonly user_permissions: string[];
  readonly org_role_structure: string;
  readonly access_valid_until: Date | null;
}

const columns = [
  'user_role',
  'additional_roles',
  'inherited_user_roles_plus_current_role',
  'user_permissions',
  'org_role_structure',
  'access_valid_until',
] as const;
const list = (table: string) => columns.map((name) => `${table}.${name}`).join(', ');

/** What a member has at a moment, without looking at what was written down. */
export async function computeAccess(
  db: Knex,
  org_id: string,
  user_id: string,
  now: Date,
): Promise<EffectiveAccess | undefined> {
  const { rows } = await db.raw(`with recursive ${effective} select ${columns.join(', ')} from effective`, {
    org: org_id,
    users: [user_id],
    now,
  });
  return rows[0];
}

/**
 * Members whose row does not say what they have. A row behind which something has ended is right until the job writes it anew, and
 * readers compute it meanwhile.
 */
export async function findWrongAccess(
  db: Knex,
  org_id: string,
  user_ids: readonly string[],
  now: Date,
): Promise<string[]> {
  const { rows } = await db.raw(
    `with recursive ${effective}
     select m.user_id from user_organization_info m join effective e on e.user_id = m.user_id
      where m.org_id = :org and (m.access_valid_until is null or m.access_valid_until > :now)
        and (${list('m')}) is distinct from (${list('e')})
      order by m.user_id`,
    { org: org_id, users: [...user_ids], now },
  );
  return rows.map(({ user_id }: { user_id: string }) => user_id);
}

export interface Rewritten {
  readonly user_id: string;
  readonly was_owner: boolean;
  readonly is_owner: boolean;
}

/** Writes down what members have now. Their rows are locked already. @returns those whose row changed */
export async function writeAccess(
  db: Knex,
  org_id: string,
  user_ids: readonly string[],
  now: Date,
): Promise<Rewritten[]> {
  const { rows } = await db.raw(
    `with recursive ${effective}
     update user_organization_info m set ${columns.map((name) => `${name} = e.${name}`).join(', ')}, updated_at = :now
       from effective e
       join user_organization_info old on old.user_id = e.user_id and old.org_id = :org
      where m.user_id = e.user_id and m.org_id = :org and (${list('m')}) is distinct from (${list('e')})
     returning m.user_id,
       'owner' = any(old.inherited_user_roles_plus_current_role)
         and (old.access_valid_until is null or old.access_valid_until > :now) as was_owner,
       'owner' = any(m.inherited_user_roles_plus_current_role) as is_owner`,
    { org: org_id, users: [...user_ids], now },
  );
  return rows;
}

/** Whose access hangs on something: these members, holders of these roles or of roles that inherit from them, members of these groups. */
export type Affected =
  | { readonly userIds: readonly string[] }
  | { readonly roleIds: readonly string[] }
  | { readonly groupIds: readonly string[] };

/** Holders of `:ids` and of every role that inherits from one, in `:org`. */
const holders = `with recursive heirs as (
    select unnest(cast(:ids as uuid[])) as role_id
    union
    select i.role_id from heirs join role_inheritance i on i.parent_role_id = heirs.role_id
  ), hit as (
    select ur.user_id, ur.org_id from user_roles ur join heirs on heirs.role_id = ur.role_id where ur.org_id is not null
    union
    select gm.user_id, g.org_id
      from group_roles gr join heirs on heirs.role_id = gr.role_id
      join user_groups g on g.group_id = gr.group_id
      join user_group_memberships gm on gm.group_id = g.group_id
  )`;

const isAffected = {
  userIds: ['', 'm.user_id = any(cast(:ids as uuid[]))'],
  roleIds: [holders, 'm.user_id in (select user_id from hit where org_id = :org)'],
  groupIds: [
    '',
    'm.user_id in (select user_id from user_group_memberships where group_id = any(cast(:ids as uuid[])))',
  ],
} as const;

/** Locks the next affected memberships, in the order of ids. */
export async function lockAffected(
  db: Knex,
  org_id: string,
  affected: Affected,
  after: string,
  limit: number,
): Promise<string[]> {
  const [kind, ids] = Object.entries(affected)[0] as [keyof typeof isAffected, readonly string[]];
  const [before, condition] = isAffected[kind];
  const { rows } = await db.raw(
    `${before} select m.user_id from user_organization_info m
      where m.org_id = :org and m.user_id > :after and ${condition}
      order by m.user_id limit :limit for no key update of m`,
    { org: org_id, ids: [...ids], after, limit },
  );
  return rows.map((row: { user_id: string }) => row.user_id);
}

/** Organizations in which somebody holds one of these roles, or one that inherits from it. */
export async function listOrganizationsWith(db: Knex, role_ids: readonly string[]): Promise<string[]> {
  const { rows } = await db.raw(`${holders} select distinct org_id from hit order by org_id`, { ids: [...role_ids] });
  return rows.map((row: { org_id: string }) => row.org_id);
}

/** Members whose access has to be written anew because a grant behind it has ended. */
export const listOutdated = (db: Knex, now: Date, limit: number): Promise<{ org_id: string; user_id: string }[]> =>
  db('user_organization_info')
    .where('access_valid_until', '<=', now)
    .orderBy(['org_id', 'user_id'])
    .limit(limit)
    .select('org_id', 'user_id');
