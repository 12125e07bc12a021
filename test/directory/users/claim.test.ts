import { expect } from 'chai';
import { addAdministrator } from '../../../src/access/grants/administrators.ts';
import { addDomain, verifyDomain } from '../../../src/directory/domains/service.ts';
import { findMembership } from '../../../src/directory/memberships/service.ts';
import { suspendOrganization } from '../../../src/directory/organizations/service.ts';
import { claimAccount } from '../../../src/directory/users/claim.ts';
import { createSession } from '../../../src/signin/sessions/service.ts';
import { findForSignin, findOwnedByIdentifier } from '../../../src/directory/users/lookup.ts';
import { findUser, updateAnyUser } from '../../../src/directory/users/service.ts';
import { verifyAccess } from '../../access/invariant.ts';
import { type World, world } from '../../support/world.ts';
import {
  codeOf,
  countEvents,
  directoryOf,
  makeActor,
  makeOrganization,
  makeOwned,
  makePersonal,
  unique,
} from '../cast.ts';

describe('directory/users: claiming and looking up', () => {
  let w: World;

  before(async () => {
    w = await world();
  });
  after(async () => {
    await verifyAccess(w.db, w.app.clock());
    await w.close();
  });

  async function withDomain(verified = true, is_shared = false) {
    const org = await makeOrganization(w);
    const domain = `${unique()}.example`;
    await addDomain(w.call(), org.org_id, { domain, is_shared });
    if (verified) await verifyDomain(w.call(), org.org_id, domain, { method: 'attested' });
    return { org, domain };
  }

  it('takes over a person’s account with a confirmed address in the verified domain, audits it, and tells the person', async () => {
    const { org, domain } = await withDomain();
    const person = await makePersonal(w, { email: `Ann@${domain}`, email_confirmed: true });
    const claimed = await claimAccount(directoryOf(w, org), org.org_id, `ANN@${domain}`);
    expect(claimed).to.include({ user_id: person.user_id, home_org_id: org.org_id });
    expect(await findMembership(w.db, org.org_id, person.user_id)).to.include({ status: 'active' });
    expect(await countEvents(w, 'user.claimed', person.user_id)).to.equal(1);
    const mail = await w
      .db('mails')
      .where({ to_address: `Ann@${domain}` })
      .first('subject', 'text');
    expect(mail?.text).to.contain(org.org_name);
    // Once: it is no person's account any more.
    expect(await claimAccount(directoryOf(w, org), org.org_id, `ann@${domain}`)).to.equal(null);
  });

  it('SE-06: ends what the person had open before, so that nobody is inside by older rules', async () => {
    const { org, domain } = await withDomain();
    const person = await makePersonal(w, { email: `bea@${domain}`, email_confirmed: true });
    const { session_id } = await createSession(w.call(), {
      user_id: person.user_id,
      org_id: null,
      login_method: 'password',
      amr: ['pwd'],
      acr: 'urn:lintel:acr:1fa',
    });
    await claimAccount(directoryOf(w, org), org.org_id, `bea@${domain}`);
    expect(await w.db('sessions').where({ session_id }).first('revoked', 'revocation_reason')).to.deep.equal({
      revoked: true,
      revocation_reason: 'account_claimed',
    });
  });

  const truthTable: [string, () => Promise<{ org: { org_id: string }; email: string }>][] = [
    [
      'the domain is not verified',
      async () => {
        const { org, domain } = await withDomain(false);
        return { org, email: (await makePersonal(w, { email: `a@${domain}`, email_confirmed: true })).email as string };
      },
    ],
    [
      'the domain is shared',
      async () => {
        const { org, domain } = await withDomain(true, true);
        return { org, email: (await makePersonal(w, { email: `a@${domain}`, email_confirmed: true })).email as string };
      },
    ],
    [
      'another organization verified the domain',
      async () => {
        const { domain } = await withDomain();
        const email = (await makePersonal(w, { email: `a@${domain}`, email_confirmed: true })).email as string;
        return { org: (await withDomain()).org, email };
      },
    ],
    [
      'the person never confirmed the address (pre-hijack)',
      async () => {
        const { org, domain } = await withDomain();
        return { org, email: (await makePersonal(w, { email: `a@${domain}` })).email as string };
      },
    ],
    [
      'the account is disabled',
      async () => {
        const { org, domain } = await withDomain();
        const person = await makePersonal(w, { email: `a@${domain}`, email_confirmed: true });
        await updateAnyUser(w.call(), person.user_id, { enabled: false });
        return { org, email: person.email as string };
      },
    ],
    [
      'another organization owns the account',
      async () => {
        const { org, domain } = await withDomain();
        const user = await makeOwned(w, await makeOrganization(w), { email: `a@${domain}` });
        return { org, email: user.email as string };
      },
    ],
    [
      'the address is in a look-alike of the domain',
      async () => {
        const { org, domain } = await withDomain();
        const person = await makePersonal(w, { email: `a@evil-${domain}`, email_confirmed: true });
        return { org, email: person.email as string };
      },
    ],
    [
      'there is no such account',
      async () => {
        const { org, domain } = await withDomain();
        return { org, email: `nobody@${domain}` };
      },
    ],
  ];
  for (const [why, make] of truthTable) {
    it(`FD-02, SC-05: takes nothing over when ${why}`, async () => {
      const { org, email } = await make();
      const before = await w.db('users').whereRaw('lower(email) = lower(?)', [email]).select('user_id', 'home_org_id');
      expect(await claimAccount(directoryOf(w, org), org.org_id, email)).to.equal(null);
      expect(
        await w.db('users').whereRaw('lower(email) = lower(?)', [email]).select('user_id', 'home_org_id'),
      ).to.deep.equal(before);
    });
  }

  it('FD-11: never takes over an administrator of the system', async () => {
    const { org, domain } = await withDomain();
    const person = await makePersonal(w, { email: `root@${domain}`, email_confirmed: true });
    await addAdministrator(w.call(), person.user_id);
    expect(await codeOf(claimAccount(directoryOf(w, org), org.org_id, `root@${domain}`))).to.equal('claim_refused');
    expect((await findUser(w.db, person.user_id))?.home_org_id).to.equal(null);
    expect(await findMembership(w.db, org.org_id, person.user_id)).to.equal(null);
    const owned = await makeOwned(w, org);
    expect(await codeOf(addAdministrator(w.call(), owned.user_id))).to.equal('conflict');
  });

  it('SC-05: refuses a claim by a name that the organization has already', async () => {
    const { org, domain } = await withDomain();
    await makePersonal(w, { email: `a@${domain}`, email_confirmed: true });
    await makeOwned(w, org, { email: `a@${domain}` });
    expect(await codeOf(claimAccount(directoryOf(w, org), org.org_id, `a@${domain}`))).to.equal('email_taken');
  });

  it('MT-02: claims for the own organization only', async () => {
    const { org, domain } = await withDomain();
    await makePersonal(w, { email: `a@${domain}`, email_confirmed: true });
    const other = await makeOrganization(w);
    expect(await codeOf(claimAccount(directoryOf(w, other), org.org_id, `a@${domain}`))).to.equal('not_found');
  });

  it('leads an address to the organization of its domain, else to the person', async () => {
    const { org, domain } = await withDomain();
    const owned = await makeOwned(w, org, { email: `Ann@${domain}`, username: 'ann' });
    const person = await makePersonal(w, { username: `p${unique()}` });
    const find = (typed: string, orgId?: string) => findForSignin(w.db, typed, orgId);

    expect((await find(`ann@${domain.toUpperCase()}`)).user?.user_id).to.equal(owned.user_id);
    expect(await find(`nobody@${domain}`)).to.deep.equal({ org_id: org.org_id, user: null });
    expect((await find(person.email as string)).user?.user_id).to.equal(person.user_id);
    expect((await find((person.username as string).toUpperCase())).org_id).to.equal(null);
    // Without the organization, nobody learns that it has somebody called so.
    expect(await find('ann')).to.deep.equal({ org_id: null, user: null });
    expect((await find('ANN', org.org_id)).user?.user_id).to.equal(owned.user_id);
    expect(await find('ann\u0000', org.org_id)).to.deep.equal({ org_id: org.org_id, user: null });

    const outside = await makeOwned(w, org, { email: `bob@${unique()}.example` });
    expect(await find(outside.email as string)).to.deep.equal({ org_id: null, user: null });
    expect((await find(outside.email as string, org.org_id)).user?.user_id).to.equal(outside.user_id);
    expect((await findOwnedByIdentifier(w.db, org.org_id, outside.email as string))?.user_id).to.equal(outside.user_id);

    // A guest signs in where the account belongs.
    const elsewhere = await makeOrganization(w);
    expect(await find(`ann@${domain}`, elsewhere.org_id)).to.deep.include({ org_id: org.org_id });
  });

  it('leads to the person while the organization is suspended', async () => {
    const { org, domain } = await withDomain();
    const person = await makePersonal(w, { email: `a@${domain}`, email_confirmed: true });
    await suspendOrganization(w.call(), org.org_id);
    expect(await findForSignin(w.db, `a@${domain}`)).to.deep.include({ org_id: null });
    const { call } = await makeActor(w, await makeOrganization(w), 'owner');
    expect(await codeOf(claimAccount(call, org.org_id, person.email as string))).to.equal('not_found');
  });
});
