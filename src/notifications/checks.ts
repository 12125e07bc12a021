/** What must hold over the outbox. */
import { type Check, check } from '../core/check.ts';

export const notificationChecks: readonly Check[] = [
  check(
    'a mail that was sent is done',
    `select format('The mail %s was sent and is still claimed, or says an error.', mail_id)
       from mails where sent_at is not null and (claimed_until is not null or error is not null)`,
  ),
  check(
    'no mail was given up',
    `select format('The mail %s was tried %s times: %s', mail_id, attempts, coalesce(error, 'no answer'))
       from mails where sent_at is null and attempts >= 12`,
  ),
];
