/** SQL of `signin_attempts`. */
import type { Knex } from 'knex';
import { json } from '../../db/json.ts';
import type { Attempt } from './schema.ts';

export async function readAttempt(db: Knex, attempt_id: string, now: Date): Promise<Attempt | undefined> {
  const row = await db('signin_attempts')
    .where({ attempt_id })
    .where('expires_at', '>', now)
    .first('state', 'org_id', 'user_id');
  return row && { ...row.state, attempt_id, org_id: row.org_id, user_id: row.user_id };
}

export async function saveAttempt(db: Knex, attempt: Attempt, now: Date, expires_at: Date): Promise<void> {
  const { attempt_id, org_id, user_id, ...state } = attempt;
  await db('signin_attempts')
    .insert({ attempt_id, state: json(state), org_id, user_id, created_at: now, updated_at: now, expires_at })
    .onConflict('attempt_id')
    .merge(['state', 'org_id', 'user_id', 'updated_at', 'expires_at']);
}

export async function deleteAttempt(db: Knex, attempt_id: string): Promise<void> {
  await db('signin_attempts').where({ attempt_id }).delete();
}

/** Attempts that nobody finished, a batch at a time. @returns how many */
export async function deleteExpiredAttempts(db: Knex, now: Date, limit: number): Promise<number> {
  const { rows } = await db.raw(
    `delete from signin_attempts where attempt_id in (
       select attempt_id from signin_attempts where expires_at <= ? order by expires_at limit ? for update skip locked)
     returning 1`,
    [now, limit],
  );
  return rows.length;
}
