/** What must hold over the database itself: its partitions, and that every index and constraint of it counts. */
import { type Check, check } from '../core/check.ts';
import { partitionedTables } from './partitions.ts';

const tables = Object.entries(partitionedTables);

export const databaseChecks: readonly Check[] = [
  check(
    'the partitions of this month and the next are there',
    `select format('The table %s has no partition for %s.', t.name, to_char(m.month, 'YYYY-MM'))
       from (values ${tables.map(([table]) => `('${table}')`).join(', ')}) t (name)
       cross join (values (0), (1)) ahead (months)
       cross join lateral (select date_trunc('month', cast(:now as timestamptz) at time zone 'UTC') + ahead.months * interval '1 month') m (month)
      where to_regclass(t.name || '_' || to_char(m.month, 'YYYY_MM')) is null`,
  ),
  ...tables.map(([table, column]) =>
    check(
      `no row of ${table} waits for its partition`,
      `select format('%s rows of %s lie in no month; the daily job moves them.', count(*), '${table}')
         from ${table}_default
        where ${column} < cast(:now as timestamptz) - interval '2 days' and ${column} >= '1970-01-01Z' having count(*) > 0`,
    ),
  ),
  check(
    'every index and constraint counts',
    `select format('The index %s is not valid.', i.indexrelid::regclass) from pg_index i
       join pg_class c on c.oid = i.indexrelid and c.relnamespace = 'public'::regnamespace where not i.indisvalid
     union all
     select format('The constraint %s of %s was never validated.', conname, conrelid::regclass) from pg_constraint
      where connamespace = 'public'::regnamespace and not convalidated
     union all
     select format('The trigger %s of %s is switched off.', tgname, tgrelid::regclass) from pg_trigger t
       join pg_class c on c.oid = t.tgrelid and c.relnamespace = 'public'::regnamespace
      where t.tgenabled = 'D'`,
  ),
];
