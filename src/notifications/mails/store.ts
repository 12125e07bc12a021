/** SQL of `mails`. */
import type { Knex } from 'knex';
import type { Mail } from '../../core/app.ts';

export interface MailRow {
  readonly mail_id: string;
  readonly to_address: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string | null;
  readonly sent_at: Date | null;
  readonly created_at: Date;
}

const columns = ['mail_id', 'to_address', 'subject', 'text', 'html', 'sent_at', 'created_at'] as const;

export async function insertMail(
  db: Knex,
  { mail_id, mail, created_at }: { mail_id: string; mail: Mail; created_at: Date },
): Promise<void> {
  await db('mails').insert({
    mail_id,
    to_address: mail.to,
    subject: mail.subject,
    text: mail.text,
    html: mail.html ?? null,
    created_at,
  });
}

/** Takes mails that are due, so that no other process sends them too; a lost sender's come back after five minutes. */
export async function claimMails(db: Knex, now: Date, limit: number): Promise<MailRow[]> {
  const { rows } = await db.raw(
    `update mails set attempts = attempts + 1, claimed_until = ?::timestamptz + interval '5 minutes'
      where mail_id in (
        select mail_id from mails
         where sent_at is null and attempts < 12 and (claimed_until is null or claimed_until < ?::timestamptz)
         order by mail_id limit ? for update skip locked)
     returning ${columns.join(', ')}`,
    [now, now, limit],
  );
  return rows;
}

export async function markSent(db: Knex, mail_id: string, sent_at: Date): Promise<void> {
  await db('mails').where({ mail_id }).update({ sent_at, error: null, claimed_until: null });
}

export async function markFailed(db: Knex, mail_id: string, error: string): Promise<void> {
  await db('mails').where({ mail_id }).update({ error });
}

export const listMails = (db: Knex, limit: number): Promise<MailRow[]> =>
  db('mails')
    .select(...columns)
    .orderBy('mail_id', 'desc')
    .limit(limit);

export const readMail = (db: Knex, mail_id: string): Promise<MailRow | undefined> =>
  db('mails')
    .where({ mail_id })
    .first(...columns);
