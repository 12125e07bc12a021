/**
 * Mails: the outbox. A mail is a row in the transaction of the change that it tells about, and is sent after the commit.
 * Tables: mails. Events: none. Invariant: a dead mail server never fails or delays the request (checklist RE-14);
 * each mail is sent at least once, or stays with its last error.
 */
import type { Transporter } from 'nodemailer';
import type { Knex } from 'knex';
import type { App, Mail } from '../../core/app.ts';
import type { Call } from '../../core/call.ts';
import { newId } from '../../core/id.ts';
import { claimMails, insertMail, listMails, markFailed, markSent, readMail, type MailRow } from './store.ts';

const transports = new Map<string, Transporter>();

/** Puts a mail into the outbox of the call's transaction and wakes the sender after the commit. */
export async function queueMail(call: Call, mail: Mail): Promise<void> {
  await insertMail(call.db, { mail_id: newId(call.now.getTime()), mail, created_at: call.now });
  if (call.app.config.smtp_url !== '') call.afterCommit(() => void sendMails(call.app).catch(() => undefined));
}

/** Sends what is due; a failure waits longer each time. Without an SMTP address the outbox is the mailbox. */
export async function sendMails(app: App): Promise<number> {
  if (app.config.smtp_url === '') return 0;
  let transport = transports.get(app.config.smtp_url);
  if (!transport) {
    // Only who sends mail pays for loading it.
    const { createTransport } = await import('nodemailer');
    transport = createTransport(app.config.smtp_url, {
      connectionTimeout: 5000,
      greetingTimeout: 5000,
      socketTimeout: 10_000,
    } as object);
    transports.set(app.config.smtp_url, transport);
  }
  const due = await claimMails(app.db, app.clock(), 20);
  for (const mail of due) {
    try {
      await transport.sendMail({
        from: app.config.mail_from,
        to: mail.to_address,
        subject: mail.subject,
        text: mail.text,
        html: mail.html ?? undefined,
      });
      await markSent(app.db, mail.mail_id, app.clock());
    } catch (error) {
      await markFailed(app.db, mail.mail_id, error instanceof Error ? error.message.slice(0, 500) : 'failed');
      app.log.warn({ err: error, mail_id: mail.mail_id }, 'a mail was not accepted; it stays in the outbox');
    }
  }
  return due.length;
}

/** The development mailbox, newest first. */
export const developmentMails = (db: Knex): Promise<MailRow[]> => listMails(db, 100);
export const developmentMail = (db: Knex, mailId: string): Promise<MailRow | undefined> => readMail(db, mailId);
