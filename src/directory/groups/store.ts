/** SQL of `user_groups`; that of their members is in `member-store.ts`. */
import type { Knex } from 'knex';
import { refusing } from '../../db/errors.ts';
import { json } from '../../db/json.ts';
import { addCondition, addPage, type Condition, rowsOf, type Search } from '../../db/search.ts';
import { type ListQuery, type Page, pageOf } from '../../http/list.ts';
import type { Group } from './schema.ts';

const columns = [
  'group_id',
  'org_id',
  'unit_id',
  'name',
  'slug',
  'description',
  'membership_type',
  'auto_assignment_rules',
  'is_public',
  'is_open',
  'is_system',
  'is_active',
  'member_count',
  'max_members',
  'group_type',
  'tags',
  'settings',
  'owner_id',
  'created_by',
  'created_at',
  'updated_at',
] as const;

const constraints = {
  user_groups_org_name_key: 'group_name_taken',
  user_groups_org_slug_key: 'group_slug_taken',
  user_groups_org_id_fkey: 'not_found',
} as const;

const written = (row: object): Record<string, unknown> => {
  const { settings, ...rest } = row as { settings?: unknown };
  return settings === undefined ? rest : { ...rest, settings: json(settings) };
};

/** Null when the slug is taken, without breaking the transaction, so that another can be tried. */
export const insertGroup = (db: Knex, row: object): Promise<Group | null> =>
  refusing(constraints, async () => {
    const [made] = await db('user_groups')
      .insert(written(row))
      .onConflict(db.raw('(org_id, slug) where deleted_at is null'))
      .ignore()
      .returning([...columns]);
    return made ?? null;
  });

const living = (db: Knex, org_id: string) => db('user_groups').where({ org_id }).whereNull('deleted_at');

export const getGroup = (db: Knex, org_id: string, group_id: string): Promise<Group | undefined> =>
  living(db, org_id)
    .where({ group_id })
    .first(...columns);

/** The lock that every change of a group or of its members takes first. */
export const lockGroup = (db: Knex, org_id: string, group_id: string): Promise<Group | undefined> =>
  living(db, org_id)
    .where({ group_id })
    .forNoKeyUpdate()
    .first(...columns);

export const updateGroupRow = (db: Knex, group_id: string, changes: object): Promise<Group> =>
  refusing(constraints, async () => {
    const [row] = await db('user_groups')
      .where({ group_id })
      .update(written(changes))
      .returning([...columns]);
    return row;
  });

export const listGroupRows = (
  db: Knex,
  org_id: string,
  { name, unit_id }: { name?: string; unit_id?: string },
  page: ListQuery,
): Promise<Page<Group>> =>
  pageOf<Group>(
    living(db, org_id)
      .select(...columns)
      .modify((query) => {
        if (name !== undefined) query.whereRaw('lower(name) = lower(?)', [name]);
        if (unit_id !== undefined) query.where({ unit_id });
      }),
    'group_id',
    page,
  );

export const unitIsOf = async (db: Knex, org_id: string, unit_id: string): Promise<boolean> =>
  (await db('organization_units').where({ org_id, unit_id }).first('unit_id')) !== undefined;

/** Moves the count by a difference; only under the group's lock. */
export async function moveMemberCount(db: Knex, group_id: string, difference: number, now: Date): Promise<number> {
  const [row] = await db('user_groups')
    .where({ group_id })
    .update({ member_count: db.raw('member_count + ?', [difference]), updated_at: now })
    .returning('member_count');
  return row.member_count;
}

export async function deleteGroupRow(db: Knex, group_id: string, now: Date): Promise<void> {
  await db('user_groups').where({ group_id }).update({ deleted_at: now, updated_at: now });
}

const searchable = (db: Knex, org_id: string, condition: Condition) =>
  db('user_groups')
    .where({ 'user_groups.org_id': org_id })
    .whereNull('user_groups.deleted_at')
    .modify((query) => addCondition(query, condition));

/** The tables are called by their own names: `user_groups`, and what `joins` brings. */
export async function searchGroupRows<Extra extends object>(
  db: Knex,
  org_id: string,
  search: Search,
): Promise<(Group & Extra)[]> {
  const query = searchable(db, org_id, search).select(columns.map((name) => `user_groups.${name}`));
  addPage(db, query, search, 'user_groups.created_at', 'user_groups.group_id');
  return rowsOf<Group & Extra>(db, query, search);
}

export async function countGroupRows(db: Knex, org_id: string, condition: Condition): Promise<number> {
  const [row] = await searchable(db, org_id, condition).count('* as total');
  return Number(row?.total ?? 0);
}
