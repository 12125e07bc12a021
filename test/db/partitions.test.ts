import { expect } from 'chai';
import type { Knex } from 'knex';
import type { Database } from '../../src/db/connect.ts';
import { migrate } from '../../src/db/migrate.ts';
import { dropPartitionsBefore, ensurePartitions, partitionedTables } from '../../src/db/partitions.ts';
import { addAuditLog, addOrganization, refusal } from '../migrations/rows.ts';
import { openScratch } from '../migrations/scratch.ts';

const now = new Date('2026-11-30T23:59:59Z');
const refused = { code: '23001', constraint: 'audit_logs_append_only' };

describe('partitions', () => {
  let database: Database;
  let db: Knex;

  before(async () => {
    database = await openScratch();
    db = database.knex;
    await migrate(db);
  });
  after(() => database.close());

  /** Which partition keeps each row, by its action. */
  async function homes(): Promise<Record<string, string>> {
    const rows = await db('audit_logs').select('action', db.raw('tableoid::regclass::text as home'));
    return Object.fromEntries(rows.map(({ action, home }) => [action, home]));
  }

  const months = async (table: string): Promise<string[]> => {
    const { rows } = await db.raw(
      `select relname from pg_inherits join pg_class on pg_class.oid = inhrelid where inhparent = ?::regclass order by 1`,
      [table],
    );
    return rows.map((row: { relname: string }) => row.relname);
  };

  it('makes the months of UTC for every table, the year’s end included, and a second run makes none', async () => {
    const made = await ensurePartitions(db, now, 2);
    expect(made).to.have.length(3 * Object.keys(partitionedTables).length);
    for (const table of Object.keys(partitionedTables)) {
      expect(await months(table)).to.deep.equal(
        ['2026_11', '2026_12', '2027_01', 'default'].map((suffix) => `${table}_${suffix}`),
      );
    }
    expect(await ensurePartitions(db, now, 2)).to.deep.equal([]);
  });

  it('puts a row into its month by UTC, to the microsecond, and into DEFAULT where there is none', async () => {
    const org_id = await addOrganization(db, 'acme');
    await addAuditLog(db, { org_id, action: 'last', timestamp: '2026-12-31T23:59:59.999999Z' });
    await addAuditLog(db, { org_id, action: 'first', timestamp: '2027-01-01T00:00:00Z' });
    await addAuditLog(db, { org_id, action: 'abroad', timestamp: '2027-01-01T00:30:00+01:00' });
    await addAuditLog(db, { org_id, action: 'late', timestamp: '2027-02-03T00:00:00Z' });
    await addAuditLog(db, { org_id, action: 'later', timestamp: '2027-02-28T23:00:00Z' });
    await addAuditLog(db, { org_id, action: 'early', timestamp: '2026-09-15T00:00:00Z' });
    expect(await homes()).to.deep.equal({
      last: 'audit_logs_2026_12',
      first: 'audit_logs_2027_01',
      abroad: 'audit_logs_2026_12',
      late: 'audit_logs_default',
      later: 'audit_logs_default',
      early: 'audit_logs_default',
    });
  });

  it('moves what DEFAULT caught into months made for it, unchanged, though the audit log refuses edits', async () => {
    const before = await db('audit_logs').orderBy('log_id');
    expect(await ensurePartitions(db, now, 3)).to.include.members(['audit_logs_2026_09', 'audit_logs_2027_02']);
    const found = await homes();
    expect(found.late).to.equal('audit_logs_2027_02');
    expect(found.later).to.equal('audit_logs_2027_02');
    expect(found.early).to.equal('audit_logs_2026_09');
    expect(await db('audit_logs').orderBy('log_id')).to.deep.equal(before);
    expect(await ensurePartitions(db, now, 3)).to.deep.equal([]);
  });

  it('moves more rows than one statement takes', async () => {
    await db.raw(
      `insert into metrics_events (event_id, event_type, event_timestamp)
         select gen_random_uuid(), 'tick', '2028-05-01T00:00:00Z'::timestamptz + make_interval(secs => n)
           from generate_series(1, 20001) n`,
    );
    expect(await ensurePartitions(db, now, 3)).to.deep.equal(['metrics_events_2028_05']);
    const { rows } = await db.raw(
      'select (select count(*) from metrics_events_2028_05) as moved, (select count(*) from metrics_events_default) as rest',
    );
    expect(rows).to.deep.equal([{ moved: 20001, rest: 0 }]);
  });

  it('leaves times that no month can be made for, and works on', async () => {
    await db('metrics_events').insert({
      event_id: db.raw('gen_random_uuid()'),
      event_type: 'odd',
      event_timestamp: 'infinity',
    });
    expect(await ensurePartitions(db, now, 3)).to.deep.equal([]);
    await db('metrics_events').where({ event_type: 'odd' }).delete();
  });

  it('AL-03: the audit log stays closed in every partition, also after rows were moved', async () => {
    expect(await refusal(db('audit_logs').where({ action: 'late' }).delete())).to.deep.equal(refused);
    expect(await refusal(db('audit_logs').where({ action: 'late' }).update({ action: 'x' }))).to.deep.equal(refused);
    for (const partition of await months('audit_logs')) {
      expect(await refusal(db.raw('truncate ??', [partition])), partition).to.deep.equal(refused);
    }
    await addAuditLog(db, { action: 'stray', timestamp: '2031-01-01T00:00:00Z' });
    expect(await refusal(db.raw('delete from audit_logs_default')), 'DEFAULT, attached again').to.deep.equal(refused);
  });

  it('foreign keys hold in DEFAULT after it was attached again, once each', async () => {
    await db('login_attempts').insert({
      attempt_id: db.raw('gen_random_uuid()'),
      success: false,
      timestamp: '2029-01-02Z',
    });
    await ensurePartitions(db, now, 3);
    const stranger = {
      attempt_id: db.raw('gen_random_uuid()'),
      success: true,
      user_id: db.raw('gen_random_uuid()'),
      timestamp: '2030-01-02Z',
    };
    expect((await refusal(db('login_attempts').insert(stranger)))?.code).to.equal('23503');
    const { rows } = await db.raw(
      `select count(*) from pg_constraint where conrelid = 'login_attempts_default'::regclass and contype = 'f'`,
    );
    expect(rows).to.deep.equal([{ count: 2 }]);
  });

  it('drops whole months that lie before a moment, and nothing younger', async () => {
    expect(await dropPartitionsBefore(db, 'audit_logs', new Date('2026-12-31T23:59:59Z'))).to.deep.equal([
      'audit_logs_2026_09',
      'audit_logs_2026_11',
    ]);
    const found = await homes();
    expect(found)
      .to.include({ last: 'audit_logs_2026_12', late: 'audit_logs_2027_02' })
      .and.not.to.have.property('early');
    expect(await dropPartitionsBefore(db, 'audit_logs', new Date('2026-12-31T23:59:59Z'))).to.deep.equal([]);
  });

  it('a dropped month that is asked for again is made again', async () => {
    expect(await ensurePartitions(db, now, 0)).to.include('audit_logs_2026_11');
  });
});
