/** SQL of `organization_units`. */
import type { Knex } from 'knex';
import { refusing } from '../../db/errors.ts';
import { type ListQuery, type Page, pageOf } from '../../http/list.ts';
import type { Unit } from './schema.ts';

const columns = [
  'unit_id',
  'org_id',
  'parent_id',
  'name',
  'description',
  'path',
  'level',
  'created_at',
  'updated_at',
] as const;

const constraints = {
  organization_units_sibling_name_key: 'unit_name_taken',
  organization_units_level_check: 'unit_misplaced',
  organization_units_parent_id_fkey: 'unit_not_empty',
} as const;

export const insertUnit = (db: Knex, row: object): Promise<Unit> =>
  refusing(constraints, async () => {
    const [unit] = await db('organization_units')
      .insert(row)
      .returning([...columns]);
    return unit;
  });

export const getUnit = (db: Knex, org_id: string, unit_id: string): Promise<Unit | undefined> =>
  db('organization_units')
    .where({ org_id, unit_id })
    .first(...columns);

export const listUnitRows = (
  db: Knex,
  org_id: string,
  parent_id: string | undefined,
  page: ListQuery,
): Promise<Page<Unit>> =>
  pageOf<Unit>(
    db('organization_units')
      .select(...columns)
      .where({ org_id, ...(parent_id === undefined ? {} : { parent_id }) }),
    'unit_id',
    page,
  );

export const updateUnitRow = (db: Knex, unit_id: string, changes: object): Promise<Unit> =>
  refusing(constraints, async () => {
    const [unit] = await db('organization_units')
      .where({ unit_id })
      .update(changes)
      .returning([...columns]);
    return unit;
  });

/** Moves what stands below a unit along with it. */
export const moveBelow = (db: Knex, org_id: string, from: Unit, to: { path: string; level: number }): Promise<void> =>
  refusing(constraints, async () => {
    await db('organization_units')
      .where({ org_id })
      .whereRaw('starts_with(path, ?)', [`${from.path}/`])
      .update({
        path: db.raw('? || substr(path, ?)', [to.path, from.path.length + 1]),
        level: db.raw('level + ?', [to.level - from.level]),
      });
  });

export const deleteUnitRow = (db: Knex, unit_id: string): Promise<void> =>
  refusing(constraints, async () => {
    await db('organization_units').where({ unit_id }).del();
  });
