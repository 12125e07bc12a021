/** SQL of `user_passwords`, and of the two columns of `users` that say whether there is one. */
import type { Knex } from 'knex';
import { read } from '../../db/gathering.ts';
import { statement } from '../../db/statement.ts';

export interface PasswordOwner {
  readonly user_id: string;
  readonly home_org_id: string | null;
  readonly email: string | null;
  readonly has_password: boolean;
}

/** The account that a password is for, locked until the end of the transaction. */
export const lockOwner = (db: Knex, user_id: string): Promise<PasswordOwner | undefined> =>
  db('users')
    .where({ user_id })
    .whereNull('deleted_at')
    .forUpdate()
    .first('user_id', 'home_org_id', 'email', 'has_password');

const readStatement = statement('read_password_hash', 'select password_hash from user_passwords where user_id = $1');

export async function readPasswordHash(db: Knex, user_id: string): Promise<string | null> {
  const [row] = await read<{ password_hash: string }>(db, readStatement, [user_id]);
  return row?.password_hash ?? null;
}

export async function writePassword(
  db: Knex,
  row: { user_id: string; password_hash: string; now: Date; update_password_required: boolean },
): Promise<void> {
  const { user_id, password_hash, now, update_password_required } = row;
  await db('user_passwords')
    .insert({ user_id, password_hash, changed_at: now, created_at: now })
    .onConflict('user_id')
    .merge(['password_hash', 'changed_at']);
  await db('users').where({ user_id }).update({ has_password: true, update_password_required, updated_at: now });
}

/** Puts a new hash of the same password in place of the old one, unless the password was changed meanwhile. */
export async function replaceHash(
  db: Knex,
  user_id: string,
  old_hash: string,
  password_hash: string,
): Promise<boolean> {
  return (await db('user_passwords').where({ user_id, password_hash: old_hash }).update({ password_hash })) === 1;
}
