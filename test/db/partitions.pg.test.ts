/** Several processes and writers at once, which one connection cannot show. */
import { expect } from 'chai';
import type { Database } from '../../src/db/connect.ts';
import { migrate } from '../../src/db/migrate.ts';
import { ensurePartitions, partitionedTables } from '../../src/db/partitions.ts';
import { addAuditLog, refusal } from '../migrations/rows.ts';
import { openScratch } from '../migrations/scratch.ts';
import { postgresOnly } from '../support/database.ts';

describe('partitions under concurrency (PostgreSQL)', () => {
  const now = new Date('2026-11-21T10:00:00Z');
  let database: Database;

  before(async function () {
    postgresOnly(this);
    database = await openScratch();
    await migrate(database.knex);
  });
  after(() => database?.close());

  it('RE-18: five at once make each month once, while rows keep coming and none is lost', async () => {
    const db = database.knex;
    const rows = Array.from({ length: 40 }, (_, day) => new Date(now.getTime() + day * 86_400_000));
    const writing = (async () => {
      for (const timestamp of rows) await addAuditLog(db, { timestamp });
    })();
    const runs = await Promise.all(Array.from({ length: 5 }, () => ensurePartitions(db, now, 2)));
    await writing;
    await ensurePartitions(db, now, 2);
    expect(runs.flat()).to.have.length(3 * Object.keys(partitionedTables).length);
    expect(await db('audit_logs').select('log_id')).to.have.length(rows.length);
    expect(await db('audit_logs_default').select('log_id')).to.deep.equal([]);
  });

  it('gives way when a table is held for longer than two seconds, and the next run makes up for it', async () => {
    const db = database.knex;
    const holder = await db.transaction();
    await holder('audit_logs').select('log_id');
    const later = new Date('2027-06-01T00:00:00Z');
    expect((await refusal(ensurePartitions(db, later, 0)))?.code).to.equal('55P03');
    await holder.rollback();
    expect(await ensurePartitions(db, later, 0)).to.include('audit_logs_2027_06');
  });
});
