/** SQL of `org_login_methods`. What has no row was never switched. */
import type { Knex } from 'knex';
import { refusing } from '../../db/errors.ts';

export interface LoginMethodRow {
  readonly method: string;
  readonly enabled: boolean;
  readonly updated_at: Date;
}

export const listLoginMethodRows = (db: Knex, org_id: string): Promise<LoginMethodRow[]> =>
  db('org_login_methods').where({ org_id }).select('method', 'enabled', 'updated_at');

/** @returns whether it is otherwise now */
export const writeLoginMethod = (
  db: Knex,
  row: { org_id: string; method: string; enabled: boolean; updated_at: Date },
): Promise<boolean> =>
  refusing({ org_login_methods_org_id_fkey: 'not_found' }, async () => {
    const { rowCount } = await db.raw(
      `insert into org_login_methods as m (org_id, method, enabled, updated_at) values (?, ?, ?, ?)
       on conflict (org_id, method) do update set enabled = excluded.enabled, updated_at = excluded.updated_at
       where m.enabled <> excluded.enabled`,
      [row.org_id, row.method, row.enabled, row.updated_at],
    );
    return rowCount === 1;
  });
