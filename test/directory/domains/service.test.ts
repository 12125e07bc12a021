import { expect } from 'chai';
import {
  addDomain,
  deleteDomain,
  hasVerifiedDomainOf,
  listDomains,
  organizationOfEmailDomain,
  readDomain,
  updateDomain,
  verifyDomain,
} from '../../../src/directory/domains/service.ts';
import { suspendOrganization } from '../../../src/directory/organizations/service.ts';
import { findUser } from '../../../src/directory/users/service.ts';
import { type World, world } from '../../support/world.ts';
import { codeOf, countEvents, makeActor, makeOrganization, makeOwned, programOf, unique } from '../cast.ts';

describe('directory/domains', () => {
  let w: World;

  before(async () => {
    w = await world();
  });
  after(() => w.close());

  const domainName = () => `${unique()}.example`;

  async function verified(org: { org_id: string }, name = domainName(), is_shared = false): Promise<string> {
    await addDomain(w.call(), org.org_id, { domain: name, is_shared });
    await verifyDomain(w.call(), org.org_id, name, { method: 'attested' });
    return name;
  }

  it('verifies a domain by the TXT record that it asked for', async () => {
    const org = await makeOrganization(w);
    const { call } = await makeActor(w, org, 'admin');
    const name = domainName();
    const made = await addDomain(call, org.org_id, { domain: name.toUpperCase() });
    expect(made.domain).to.equal(name);
    expect(made.verified_at).to.equal(null);
    expect(made.verification).to.include({ type: 'TXT', name: `_lintel-challenge.${name}` });

    expect(await codeOf(verifyDomain(call, org.org_id, name, { method: 'dns' }))).to.equal('domain_record_missing');
    expect((await readDomain(call, org.org_id, name)).last_check_error).to.contain('no TXT record');

    w.txt.set(made.verification.name, [['something else'], [`${made.verification.value}x`]]);
    expect(await codeOf(verifyDomain(call, org.org_id, name, { method: 'dns' }))).to.equal('domain_record_missing');
    expect(await organizationOfEmailDomain(w.db, `ann@${name}`)).to.equal(null);

    // In pieces, among others.
    const { value } = made.verification;
    w.txt.set(made.verification.name, [['v=spf1 -all'], [value.slice(0, 10), value.slice(10)]]);
    const done = await verifyDomain(call, org.org_id, name, { method: 'dns' });
    expect(done).to.include({ verified_by: 'dns', last_check_error: null });
    expect(await organizationOfEmailDomain(w.db, `ann@${name}`)).to.equal(org.org_id);
    expect(await countEvents(w, 'domain.verified', name)).to.equal(1);
  });

  it('FD-09: a public mail provider’s domain is nobody’s, by no way; names below one and beside it are', async () => {
    const org = await makeOrganization(w);
    for (const name of ['gmail.com', 'GMail.com.', 'outlook.com', 'yahoo.co.uk', 'gmx.de', 'qq.com']) {
      expect(await codeOf(addDomain(w.call(), org.org_id, { domain: name })), name).to.equal('domain_public');
    }
    const place = `/organizations/${org.org_id}/domains`;
    const refused = await w.api('POST', place, { domain: 'gmail.com' });
    expect([refused.status, refused.body.code]).to.deep.equal([400, 'domain_public']);
    expect((refused.body.errors as { pointer: string }[]).map(({ pointer }) => pointer)).to.deep.equal([
      '/body/domain',
    ]);
    // Added by an earlier version: both ways of verifying refuse it, and it can be given up.
    const verification_token = 'x'.repeat(43);
    const row = { org_id: org.org_id, domain: 'hotmail.com', verification_token, created_at: w.app.clock() };
    await w.db('organization_domains').insert({ ...row, updated_at: row.created_at });
    w.txt.set('_lintel-challenge.hotmail.com', [[`lintel-verification=${verification_token}`]]);
    for (const method of ['attested', 'dns'] as const) {
      const left = await w.api('POST', `${place}/hotmail.com/verification`, { method });
      expect([left.status, left.body.code], method).to.deep.equal([400, 'domain_public']);
    }
    expect(await organizationOfEmailDomain(w.db, 'ann@hotmail.com')).to.equal(null);
    await deleteDomain(w.call(), org.org_id, 'hotmail.com');
    for (const name of ['mail.gmail.com', 'notgmail.com', 'gmail.com.example'])
      expect((await addDomain(w.call(), org.org_id, { domain: name })).domain).to.equal(name);
  });

  it('tells name servers that do not answer from a record that is not there', async () => {
    const org = await makeOrganization(w);
    const name = domainName();
    await addDomain(w.call(), org.org_id, { domain: name });
    const call = w.call();
    const failing = Object.create(call.app, {
      resolveTxt: {
        value: async () => {
          throw Object.assign(new Error('timeout'), { code: 'ETIMEOUT' });
        },
      },
    });
    const { Call, systemActor } = await import('../../../src/core/call.ts');
    const broken = Call.begin(failing, systemActor('test'));
    expect(await codeOf(verifyDomain(broken, org.org_id, name, { method: 'dns' }))).to.equal('domain_record_missing');
    expect((await readDomain(call, org.org_id, name)).last_check_error).to.contain('did not answer');
  });

  it('AZ-05: lets only administrators of the system attest', async () => {
    const org = await makeOrganization(w);
    const name = domainName();
    await addDomain(w.call(), org.org_id, { domain: name });
    const { call } = await makeActor(w, org, 'owner');
    expect(await codeOf(verifyDomain(call, org.org_id, name, { method: 'attested' }))).to.equal('not_allowed');
    // Even a program of the organization that claims every permission acts on the organization only.
    expect(await codeOf(verifyDomain(programOf(w, org), org.org_id, name, { method: 'attested' }))).to.equal(
      'not_allowed',
    );
    expect(await organizationOfEmailDomain(w.db, `ann@${name}`)).to.equal(null);
  });

  it('gives a verified domain to one organization only, whoever asked first', async () => {
    const [first, second] = [await makeOrganization(w), await makeOrganization(w)];
    const name = domainName();
    await addDomain(w.call(), second.org_id, { domain: name });
    await verified(first, name);
    expect(await codeOf(verifyDomain(w.call(), second.org_id, name, { method: 'attested' }))).to.equal('domain_taken');
    expect(await codeOf(addDomain(w.call(), first.org_id, { domain: name }))).to.equal('domain_exists');
    expect(await organizationOfEmailDomain(w.db, `ann@${name}`)).to.equal(first.org_id);
    await deleteDomain(w.call(), first.org_id, name);
    await verifyDomain(w.call(), second.org_id, name, { method: 'attested' });
    expect(await organizationOfEmailDomain(w.db, `ann@${name}`)).to.equal(second.org_id);
  });

  it('shares a domain only when all who have it say so; then it leads nowhere by itself', async () => {
    const [first, second] = [await makeOrganization(w), await makeOrganization(w)];
    const name = await verified(first, domainName(), true);
    await addDomain(w.call(), second.org_id, { domain: name });
    expect(await codeOf(verifyDomain(w.call(), second.org_id, name, { method: 'attested' }))).to.equal('domain_taken');
    await updateDomain(w.call(), second.org_id, name, { is_shared: true });
    await verifyDomain(w.call(), second.org_id, name, { method: 'attested' });
    expect(await organizationOfEmailDomain(w.db, `ann@${name}`)).to.equal(null);
    expect(await hasVerifiedDomainOf(w.db, first.org_id, `ann@${name}`)).to.equal(true);
    expect(await hasVerifiedDomainOf(w.db, first.org_id, `ann@${name}`, true)).to.equal(false);
    expect(await codeOf(updateDomain(w.call(), first.org_id, name, { is_shared: false }))).to.equal('domain_taken');
  });

  it('FD-09: matches full labels in one form: no suffix, no prefix, no look-alike, no part', async () => {
    const org = await makeOrganization(w);
    const label = unique();
    await verified(org, `${label}.example`);
    await verified(org, `bücher-${label}.example`);
    const find = (domain: string) => organizationOfEmailDomain(w.db, `ann@${domain}`);
    expect(await find(`${label.toUpperCase()}.EXAMPLE`)).to.equal(org.org_id);
    expect(await find(`BÜCHER-${label}.example`)).to.equal(org.org_id);
    for (const other of [
      `evil-${label}.example`,
      `${label}.example.evil.example`,
      `sub.${label}.example`,
      `${label}.example.`.concat('evil'),
      `${label.replace(/[a-e]/, 'а')}x.example`,
      'example',
    ]) {
      expect(await find(other), other).to.equal(null);
    }
    expect(await organizationOfEmailDomain(w.db, `ann@${label}.example@evil.example`)).to.equal(null);
  });

  it('leads nobody to an organization that is suspended', async () => {
    const org = await makeOrganization(w);
    const name = await verified(org);
    await suspendOrganization(w.call(), org.org_id);
    expect(await organizationOfEmailDomain(w.db, `ann@${name}`)).to.equal(null);
  });

  it('confirms addresses of owned accounts when their domain is verified, and takes that back with it', async () => {
    const org = await makeOrganization(w);
    const name = domainName();
    const before = await makeOwned(w, org, { email: `ann@${name.toUpperCase()}` });
    const lookalike = await makeOwned(w, org, { email: `ann@evil-${name}` });
    expect(before.email_confirmed).to.equal(false);
    await verified(org, name);
    expect((await findUser(w.db, before.user_id))?.email_confirmed).to.equal(true);
    expect((await findUser(w.db, lookalike.user_id))?.email_confirmed).to.equal(false);
    const later = await makeOwned(w, org, { email: `bob@${name}` });
    expect(later.email_confirmed).to.equal(true);
    await deleteDomain(w.call(), org.org_id, name);
    expect((await findUser(w.db, later.user_id))?.email_confirmed).to.equal(false);
  });

  it('pages through domains by name', async () => {
    const org = await makeOrganization(w);
    const names = [`a-${unique()}.example`, `b-${unique()}.example`, `c-${unique()}.example`];
    for (const name of names.toReversed()) await addDomain(w.call(), org.org_id, { domain: name });
    const first = await listDomains(w.call(), org.org_id, { limit: 2 });
    expect(first.items.map(({ domain }) => domain)).to.deep.equal(names.slice(0, 2));
    const second = await listDomains(w.call(), org.org_id, { limit: 2, after: first.next as string });
    expect(second).to.deep.include({ next: null });
    expect(second.items.map(({ domain }) => domain)).to.deep.equal(names.slice(2));
  });
});
