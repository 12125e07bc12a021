/** SQL of `login_attempts`. */
import type { Knex } from 'knex';
import { run, runLast, statement } from '../../db/statement.ts';

export interface LoginAttemptRow {
  readonly attempt_id: string;
  readonly user_id: string | null;
  readonly org_id: string | null;
  readonly email_attempted: string | null;
  readonly success: boolean;
  readonly failure_reason: string | null;
  readonly ip_address: string | null;
  readonly user_agent: string | null;
  readonly request_id: string | null;
  readonly timestamp: Date;
}

const columns = [
  'attempt_id',
  'user_id',
  'org_id',
  'email_attempted',
  'success',
  'failure_reason',
  'ip_address',
  'user_agent',
  'request_id',
  'timestamp',
] as const satisfies readonly (keyof LoginAttemptRow)[];

const insertStatement = statement(
  'insert_login_attempt',
  `insert into login_attempts (${columns.map((name) => `"${name}"`).join(', ')})
   values (${columns.map((_name, index) => `$${index + 1}`).join(', ')})`,
);

/** In a transaction at its end. */
export async function insertLoginAttempt(db: Knex, row: LoginAttemptRow): Promise<void> {
  const values = columns.map((name) => row[name]);
  await (db.isTransaction ? runLast(db, insertStatement, values) : run(db, insertStatement, values));
}
