/**
 * SQL of `signin_attempts`. What was typed is kept sealed: now and then it is a password in the wrong field (SD-02, AL-05).
 */
import type { Knex } from 'knex';
import type { Call } from '../../core/call.ts';
import { json } from '../../db/json.ts';
import { read } from '../../db/gathering.ts';
import { run, statement } from '../../db/statement.ts';
import type { Attempt } from './schema.ts';

const sealContext = (attemptId: string): string => `signin_attempts:identifier:${attemptId}`;

type Row = {
  state: Omit<Attempt, 'attempt_id' | 'org_id' | 'user_id' | 'identifier'> & { identifier: unknown };
} & Pick<Attempt, 'org_id' | 'user_id'>;

const readStatement = statement(
  'read_signin_attempt',
  'select state, org_id, user_id from signin_attempts where attempt_id = $1 and expires_at > $2::timestamptz',
);

export async function readAttempt({ db, now, app }: Call, attempt_id: string): Promise<Attempt | undefined> {
  const [row] = await read<Row>(db, readStatement, [attempt_id, now]);
  if (!row) return undefined;
  const { identifier: sealed, ...state } = row.state;
  const identifier = typeof sealed === 'string' ? app.sealer.open(sealed, sealContext(attempt_id)) : null;
  return { ...state, identifier, attempt_id, org_id: row.org_id, user_id: row.user_id };
}

export async function saveAttempt({ db, now, app }: Call, attempt: Attempt, expires_at: Date): Promise<void> {
  const { attempt_id, org_id, user_id, identifier, ...known } = attempt;
  const sealed = identifier === null ? null : app.sealer.seal(identifier, sealContext(attempt_id));
  const state = { ...known, identifier: sealed };
  await db('signin_attempts')
    .insert({ attempt_id, state: json(state), org_id, user_id, created_at: now, updated_at: now, expires_at })
    .onConflict('attempt_id')
    .merge(['state', 'org_id', 'user_id', 'updated_at', 'expires_at']);
}

const takeStatement = statement(
  'take_signin_attempt',
  'delete from signin_attempts where attempt_id = $1 returning attempt_id',
);

/** Takes an attempt away. Of any number at the same time one succeeds. @returns whether it was there */
export async function takeAttempt(transaction: Knex, attempt_id: string): Promise<boolean> {
  return (await run(transaction, takeStatement, [attempt_id])).length === 1;
}

/** Takes a proof away, once. @returns whether it was there */
export async function takeProof(db: Knex, attempt_id: string, user_id: string): Promise<boolean> {
  return (await db('signin_attempts').where({ attempt_id, user_id }).delete()) === 1;
}

/** Every attempt in which an account was proven. */
export async function deleteProofsOf(db: Knex, user_id: string): Promise<void> {
  await db('signin_attempts').where({ user_id }).delete();
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
