/** What must hold over the audit log, and between it and what other rooms made (checklist AL-02). */
import { type Check, check, type Trail } from '../core/check.ts';
import { zeroId } from '../core/id.ts';

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/**
 * What was made has its event. Rows older than the log, whose oldest months are dropped, and of its first minute are not asked
 * about: ids and times are the application's, and clocks differ.
 */
export const trailCheck = ({ table, id, made = 'created_at', where = 'true', object_type, actions }: Trail): Check =>
  check(
    `what was made in ${table} is in the audit log`,
    `select format('No event tells how %s came into ${table}.', t.${id})
       from (select t.*, ${made} as made_at from ${table} t) t
      where ${where} and t.made_at > (select min(timestamp) + interval '1 minute' from audit_logs)
        and not exists (
          select from audit_logs l where l.object_type = ${quoted(object_type)} and l.object_id = t.${id}::text
             and l.action in (${actions.map(quoted).join(', ')}))`,
  );

export const eventChecks: readonly Check[] = [
  check(
    'no two events have one number',
    `select format('%s events of the organization %s have the number %s.', count(*), org_id, sequence)
       from audit_logs where sequence is not null group by org_id, sequence having count(*) > 1`,
  ),
  check(
    'the log does not go beyond its chain',
    `select format('The log of %s goes to %s, its chain to %s.', coalesce(l.org_id::text, 'the system'), l.last, coalesce(c.sequence, 0))
       from (select org_id, max(sequence) as last from audit_logs where sequence is not null group by org_id) l
       left join audit_chains c on c.chain_id = coalesce(l.org_id, '${zeroId}')
      where l.last > coalesce(c.sequence, 0)`,
  ),
  check(
    'no event lies in the future',
    `select format('The event %s is of %s.', log_id, timestamp)
       from audit_logs where timestamp > cast(:now as timestamptz) + interval '15 minutes'`,
  ),
];
