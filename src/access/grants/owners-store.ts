/** SQL about owners of organizations and administrators of the system. */
import type { Knex } from 'knex';
import { zeroId } from '../../core/id.ts';
import { type ListQuery, type Page, pageOf } from '../../http/list.ts';
import type { Grant } from './schema.ts';

/** First numbers of advisory locks; no other part of the product uses them. */
const locks = { owners: 4_113_012, administrators: 4_113_013 } as const;

export async function takeOwnersLock(db: Knex, org_id: string): Promise<void> {
  await db.raw('select pg_advisory_xact_lock(?, hashtext(?))', [locks.owners, org_id]);
}

export async function takeAdministratorsLock(db: Knex): Promise<void> {
  await db.raw('select pg_advisory_xact_lock(?, 0)', [locks.administrators]);
}

/** Everyone to whom the role owner was given, directly or by a group; nothing can inherit from it. */
const owners = (lasting: boolean) => `
  select ur.user_id from user_roles ur join roles r on r.role_id = ur.role_id
   where ur.org_id = :org and ur.is_active and r.org_id is null and r.name = 'owner' and r.is_active
     and (ur.expires_at is null${lasting ? '' : ' or ur.expires_at > :now'})
  union all
  select gm.user_id from roles r
    join group_roles gr on gr.role_id = r.role_id
    join user_groups g on g.group_id = gr.group_id and g.org_id = :org and g.is_active and g.deleted_at is null
    join user_group_memberships gm on gm.group_id = g.group_id and gm.is_active
   where r.org_id is null and r.name = 'owner' and r.is_active
     and (gm.expires_at is null${lasting ? '' : ' or gm.expires_at > :now'})`;

/** Whether somebody who is there owns the organization without an end. */
export async function hasLastingOwner(db: Knex, org_id: string): Promise<boolean> {
  const { rows } = await db.raw(
    `select 1 from (${owners(true)}) o
       join user_organization_info m on m.user_id = o.user_id and m.org_id = :org and m.status = 'active'
       join users u on u.user_id = o.user_id and u.enabled and u.deleted_at is null
      limit 1`,
    { org: org_id },
  );
  return rows.length > 0;
}

/** Whether the role owner is given to somebody now, whatever the state of account and membership. */
export async function isOwner(db: Knex, org_id: string, user_id: string, now: Date): Promise<boolean> {
  const { rows } = await db.raw(`select 1 from (${owners(false)}) o where o.user_id = :user limit 1`, {
    org: org_id,
    user: user_id,
    now,
  });
  return rows.length > 0;
}

const administrators = (db: Knex) =>
  db('user_roles as ur')
    .join('roles as r', 'r.role_id', 'ur.role_id')
    .whereNull('ur.org_id')
    .whereNull('r.org_id')
    .where({ 'r.name': 'system_administrator', 'ur.is_active': true });

export const isAdministrator = async (db: Knex, user_id: string): Promise<boolean> =>
  (await administrators(db).where({ 'ur.user_id': user_id }).first('ur.user_id')) !== undefined;

export const hasAdministrator = async (db: Knex): Promise<boolean> =>
  (await administrators(db)
    .join('users as u', 'u.user_id', 'ur.user_id')
    .where({ 'u.enabled': true })
    .whereNull('u.deleted_at')
    .whereNull('ur.expires_at')
    .first('ur.user_id')) !== undefined;

export async function insertAdministrator(db: Knex, row: object): Promise<boolean> {
  const made = await db('user_roles')
    .insert(row)
    .onConflict(db.raw(`(user_id, role_id, coalesce(org_id, '${zeroId}'))`))
    .ignore()
    .returning('user_role_id');
  return made.length > 0;
}

export const deleteAdministrator = async (db: Knex, user_id: string): Promise<boolean> =>
  (await db('user_roles')
    .whereIn('user_role_id', administrators(db).where({ 'ur.user_id': user_id }).select('ur.user_role_id'))
    .del()) === 1;

export const listAdministratorRows = (db: Knex, page: ListQuery): Promise<Page<Grant>> =>
  pageOf<Grant>(
    administrators(db).select(
      'ur.user_role_id',
      'ur.user_id',
      'ur.org_id',
      'ur.role_id',
      'ur.is_primary',
      'ur.is_active',
      'ur.assigned_by',
      'ur.assigned_at',
      'ur.expires_at',
      'r.name as role_name',
    ),
    'ur.user_role_id',
    page,
  );
