/** SQL of `login_attempts`. */
import type { Knex } from 'knex';

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

export async function insertLoginAttempt(db: Knex, row: LoginAttemptRow): Promise<void> {
  await db('login_attempts').insert(row);
}
