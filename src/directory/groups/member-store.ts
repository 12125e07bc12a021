/** SQL of `user_group_memberships`. Members change by sets, in proportion to the change. */
import type { Knex } from 'knex';
import { newId, zeroId } from '../../core/id.ts';
import { read } from '../../db/gathering.ts';
import { statement } from '../../db/statement.ts';
import { type ListQuery, type Page, pageOf } from '../../http/list.ts';
import type { GroupMember } from './schema.ts';

/**
 * Which of these people are members of the organization. Their memberships stay until the transaction ends.
 * @param ownedOnly leaves guests out
 */
export async function holdMembers(
  db: Knex,
  org_id: string,
  user_ids: readonly string[],
  ownedOnly = false,
): Promise<string[]> {
  const rows = await db('user_organization_info')
    .where({ org_id })
    .whereRaw('user_id = any(?::uuid[])', [[...user_ids]])
    .modify((query) => {
      if (ownedOnly)
        query.whereIn('user_id', ownedBy(db, org_id).whereRaw('user_id = any(?::uuid[])', [[...user_ids]]));
    })
    .orderBy('user_id')
    .forKeyShare()
    .select('user_id');
  return rows.map((row: { user_id: string }) => row.user_id);
}

const ownedBy = (db: Knex, org_id: string) =>
  db('users').where({ home_org_id: org_id }).whereNull('deleted_at').select('user_id');

export interface Addition {
  readonly assigned_by: string | null;
  readonly assignment_type: 'manual' | 'automatic';
  readonly assigned_at: Date;
  readonly expires_at: Date | null;
}

/** Adds people; who is in already stays as they are. @returns who is new */
export async function addMemberRows(
  db: Knex,
  group_id: string,
  user_ids: readonly string[],
  addition: Addition,
): Promise<string[]> {
  if (user_ids.length === 0) return [];
  const ids = user_ids.map(() => newId(addition.assigned_at.getTime()));
  const { rows } = await db.raw(
    `insert into user_group_memberships
       (membership_id, group_id, user_id, assigned_by, assignment_type, assigned_at, expires_at)
     select n.membership_id, ?::uuid, n.user_id, ?::uuid, ?::text, ?::timestamptz, ?::timestamptz
       from unnest(?::uuid[], ?::uuid[]) as n (membership_id, user_id)
     on conflict on constraint user_group_memberships_group_id_user_id_key do nothing
     returning user_id`,
    [
      group_id,
      addition.assigned_by,
      addition.assignment_type,
      addition.assigned_at,
      addition.expires_at,
      ids,
      [...user_ids],
    ] as Knex.RawBinding[],
  );
  return rows.map((row: { user_id: string }) => row.user_id);
}

/**
 * Takes people out: those who are named, or everybody except those who are named.
 * @param owner leaves accounts alone that this organization does not own
 * @returns who left
 */
export async function removeMemberRows(
  db: Knex,
  group_id: string,
  which: { only: readonly string[] } | { except: readonly string[] },
  owner?: string,
): Promise<string[]> {
  if ('only' in which && which.only.length === 0) return [];
  const [operator, ids] = 'only' in which ? ['= any', which.only] : ['<> all', which.except];
  const rows = await db('user_group_memberships')
    .where({ group_id })
    .whereRaw(`user_id ${operator}(?::uuid[])`, [[...ids]])
    .modify((query) => {
      if (owner !== undefined) query.whereIn('user_id', ownedBy(db, owner));
    })
    .del()
    .returning('user_id');
  return rows.map((row: { user_id: string }) => row.user_id).sort();
}

/** After the deletion was said: the rows go, and with them the count. */
export async function forgetMembers(db: Knex, group_id: string): Promise<void> {
  await db('user_group_memberships').where({ group_id }).del();
  await db('user_groups').where({ group_id }).update({ member_count: 0 });
}

/** Locks the groups that somebody is in, in the order of their ids; `org_id` null: in all organizations. */
export async function lockGroupsOf(db: Knex, user_id: string, org_id: string | null): Promise<void> {
  await db('user_groups')
    .whereIn('group_id', db('user_group_memberships').where({ user_id }).select('group_id'))
    .modify((query) => {
      if (org_id !== null) query.where({ org_id });
    })
    .orderBy('group_id')
    .forNoKeyUpdate()
    .select('group_id');
}

/** Takes somebody out of all groups. @returns the groups, with their organizations */
export async function leaveGroupRows(
  db: Knex,
  user_id: string,
  org_id: string | null,
  now: Date,
): Promise<{ group_id: string; org_id: string }[]> {
  const { rows } = await db.raw(
    `with gone as (
       delete from user_group_memberships m using user_groups g
        where m.user_id = ? and g.group_id = m.group_id ${org_id === null ? '' : 'and g.org_id = ?'}
       returning m.group_id
     )
     update user_groups g set member_count = g.member_count - 1, updated_at = ?
       from gone where g.group_id = gone.group_id
     returning g.group_id, g.org_id`,
    [user_id, ...(org_id === null ? [] : [org_id]), now],
  );
  return rows;
}

export const listMemberRows = (db: Knex, group_id: string, page: ListQuery): Promise<Page<GroupMember>> =>
  pageOf<GroupMember>(
    db('user_group_memberships as m')
      .join('users as u', 'u.user_id', 'm.user_id')
      .where({ 'm.group_id': group_id })
      .select(
        'm.user_id',
        'u.email',
        'u.username',
        'u.first_name',
        'u.last_name',
        'm.role_in_group',
        'm.assignment_type',
        'm.assigned_by',
        'm.assigned_at',
        'm.expires_at',
        'm.is_active',
      ),
    'm.user_id',
    page,
  );

/** Groups with a member whose time has passed. */
export const listExpired = (
  db: Knex,
  now: Date,
  limit: number,
): Promise<{ org_id: string; group_id: string; user_ids: string[] }[]> =>
  db('user_group_memberships as m')
    .join('user_groups as g', 'g.group_id', 'm.group_id')
    .where('m.expires_at', '<=', now)
    .groupBy('g.org_id', 'g.group_id')
    .orderBy('g.group_id')
    .limit(limit)
    .select('g.org_id', 'g.group_id', db.raw('(array_agg(m.user_id order by m.user_id))[1:1000] as user_ids'));

export async function removeExpiredRows(
  db: Knex,
  group_id: string,
  user_ids: readonly string[],
  now: Date,
): Promise<string[]> {
  const rows = await db('user_group_memberships')
    .where({ group_id })
    .where('expires_at', '<=', now)
    .whereRaw('user_id = any(?::uuid[])', [[...user_ids]])
    .del()
    .returning('user_id');
  return rows.map((row: { user_id: string }) => row.user_id).sort();
}

export interface MembershipPair {
  readonly group_id: string;
  readonly user_id: string;
  /** The group's name, or what the user is called, as lists show it. */
  readonly display: string | null;
}

/**
 * Members of several groups whose accounts the organization owns, in pages by (group, user): a group may have a hundred thousand.
 * Expired and inactive memberships are left out.
 * The display is what the directory calls them.
 */
export const listOwnedMembersOf = (
  db: Knex,
  org_id: string,
  group_ids: readonly string[],
  now: Date,
  { after, limit }: { readonly after: MembershipPair | undefined; readonly limit: number },
): Promise<MembershipPair[]> =>
  db('user_group_memberships as m')
    .join('users as u', 'u.user_id', 'm.user_id')
    .whereRaw('m.group_id = any(?::uuid[]) and m.is_active and (m.expires_at is null or m.expires_at > ?)', [
      [...group_ids],
      now,
    ])
    .where({ 'u.home_org_id': org_id })
    .whereNull('u.deleted_at')
    .modify((query) => {
      if (after) query.whereRaw('(m.group_id, m.user_id) > (?::uuid, ?::uuid)', [after.group_id, after.user_id]);
    })
    .orderBy(['m.group_id', 'm.user_id'])
    .limit(limit)
    .select('m.group_id', 'm.user_id', db.raw('coalesce(u.username, u.email) as display'));

/** A group of one of several users, with that user's place among them, from 1. */
export interface PlacedPair extends MembershipPair {
  readonly place: number;
}

const groupsOfStatement = statement(
  'groups_of_users',
  `select m.group_id, m.user_id, g.name as display, asked.place::int as place
   from unnest($2::uuid[]) with ordinality as asked(user_id, place)
   join user_group_memberships m on m.user_id = asked.user_id
   join user_groups g on g.group_id = m.group_id
   where g.org_id = $1 and g.deleted_at is null and m.is_active and (m.expires_at is null or m.expires_at > $3)
     and (asked.place, m.group_id) > ($4::int, $5::uuid)
   order by asked.place, m.group_id limit $6`,
);

/** Groups of several users at once, in pages by the users' order. */
export const listGroupsOf = (
  db: Knex,
  org_id: string,
  user_ids: readonly string[],
  now: Date,
  { after, limit }: { readonly after: PlacedPair | undefined; readonly limit: number },
): Promise<PlacedPair[]> =>
  read<PlacedPair>(db, groupsOfStatement, [org_id, user_ids, now, after?.place ?? 0, after?.group_id ?? zeroId, limit]);
