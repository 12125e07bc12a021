/** What one connection cannot show: constraints that two transactions would break together. */
import { expect } from 'chai';
import type { Knex } from 'knex';
import { emptyDatabase, postgresOnly } from '../support/database.ts';
import { addCertificate, addDomain, addOrganization, addSamlProvider, refusal, verified } from './rows.ts';

describe('constraints under concurrency (PostgreSQL)', () => {
  let db: Knex;
  let acme: string;
  let globex: string;

  before(function () {
    postgresOnly(this);
  });

  beforeEach(async () => {
    db = (await emptyDatabase()).knex;
    acme = await addOrganization(db, 'acme');
    globex = await addOrganization(db, 'globex');
  });

  /** Transactions that have all written before any of them commits; how each was refused. */
  async function together(...works: ((transaction: Knex) => PromiseLike<unknown>)[]) {
    let writing = works.length;
    let release = () => {};
    const allWrote = new Promise<void>((resolve) => {
      release = resolve;
    });
    const run = (work: (typeof works)[number]) =>
      db.transaction(async (transaction) => {
        await work(transaction);
        writing -= 1;
        if (writing === 0) release();
        await allWrote;
      });
    return Promise.all(works.map((work) => refusal(run(work))));
  }

  it('two who each retire one of two certificates do not both succeed', async () => {
    const provider_id = await addSamlProvider(db, acme, false);
    const certificates = [await addCertificate(db, provider_id), await addCertificate(db, provider_id)];
    await db('identity_providers').where({ provider_id }).update({ enabled: true });
    const retire = (certificate_id: string) => (transaction: Knex) =>
      transaction('identity_provider_certificates').where({ certificate_id }).update({ status: 'retired' });
    const outcomes = await together(...certificates.map(retire));
    expect(outcomes.filter((outcome) => outcome === null).length).to.equal(1);
    expect(outcomes).to.deep.include({ code: '23514', constraint: 'identity_providers_certificate_check' });
    expect(await db('identity_provider_certificates').where({ status: 'active' })).to.have.length(1);
  });

  it('one who enables a provider while another retires its certificate: not both', async () => {
    const provider_id = await addSamlProvider(db, acme, false);
    const certificate_id = await addCertificate(db, provider_id);
    const outcomes = await together(
      (transaction) => transaction('identity_providers').where({ provider_id }).update({ enabled: true }),
      (transaction) =>
        transaction('identity_provider_certificates').where({ certificate_id }).update({ status: 'retired' }),
    );
    expect(outcomes.filter((outcome) => outcome === null).length).to.equal(1);
    const { enabled } = await db('identity_providers').where({ provider_id }).first('enabled');
    const { status } = await db('identity_provider_certificates').where({ certificate_id }).first('status');
    expect(enabled && status !== 'active', `enabled ${enabled}, certificate ${status}`).to.equal(false);
  });

  it('a shared and an unshared verification of one domain do not both succeed', async () => {
    const outcomes = await Promise.all([
      refusal(addDomain(db, { org_id: acme, ...verified })),
      refusal(addDomain(db, { org_id: globex, is_shared: true, ...verified })),
    ]);
    expect(outcomes.filter((outcome) => outcome === null).length).to.equal(1);
    expect(outcomes).to.deep.include({ code: '23505', constraint: 'organization_domains_verified_key' });
  });
});
