/** From whom an identity provider names to an account: what is linked, claimed, made, and what never is. */
import { expect } from 'chai';
import { type World, world } from '../../support/world.ts';
import { type Company, company, loginOf, organization, outcomeOf, type Person, verifyDomain } from '../company.ts';

describe('federation/links', () => {
  let w: World;
  before(async () => {
    w = await world();
  });
  after(() => w.close());

  const outcome = (c: Company, person: Person) => outcomeOf(w, c, person);
  const login = (c: Company, person: Person) => loginOf(w, c, person);

  const user = (user_id: string) => w.db('users').where({ user_id }).first();
  const owned = async (org_id: string, body: object): Promise<string> =>
    (await w.api<{ user_id: string }>('POST', `/organizations/${org_id}/users`, body)).body.user_id;
  const personal = async (body: object): Promise<string> =>
    (await w.api<{ user_id: string }>('POST', '/users', body)).body.user_id;

  describe('somebody whom nobody knows yet', () => {
    it('is refused where the connection makes no accounts', async () => {
      const c = await company(w);
      expect(await outcome(c, { subject: 's1', email: `new@${c.domain}` })).to.equal('account.unknown');
      expect(await w.db('users').where({ home_org_id: c.org_id })).to.have.length(0);
    });

    it('gets an account that the organization owns, confirmed inside its verified domain', async () => {
      const c = await company(w, { auto_provision: true });
      const made = await login(c, {
        subject: 's1',
        email: `ada@${c.domain}`,
        first_name: 'Ada',
        last_name: 'L',
        username: 'ada',
      });
      expect(made.outcome).to.equal('created');
      expect(await user(made.user_id)).to.deep.include({
        home_org_id: c.org_id,
        email: `ada@${c.domain}`,
        email_confirmed: true,
        username: 'ada',
        first_name: 'Ada',
        last_name: 'L',
        has_password: false,
      });
      expect(await w.db('user_organization_info').where({ user_id: made.user_id })).to.have.length(1);
      const actions = await w.db('audit_logs').where({ org_id: c.org_id }).pluck('action');
      expect(actions).to.include.members(['user.created', 'user.provisioned', 'identity.linked']);
    });

    it('FD-02: gets one whose e-mail counts as unverified outside of it', async () => {
      const c = await company(w, { auto_provision: true });
      const made = await login(c, { subject: 's1', email: 'ada@elsewhere.example' });
      expect(await user(made.user_id)).to.deep.include({ home_org_id: c.org_id, email_confirmed: false });
    });

    it('FD-02: never takes an account that a person or another organization owns with that address', async () => {
      const c = await company(w, { auto_provision: true });
      const other = await organization(w);
      const theirs = await personal({ email: 'victim@mail.example', email_confirmed: true });
      const foreign = await owned(other, { email: 'victim@mail.example' });
      const made = await login(c, { subject: 's1', email: 'victim@mail.example' });
      expect([theirs, foreign]).not.to.include(made.user_id);
      expect((await user(made.user_id)).email_confirmed).to.equal(false);
      expect((await user(theirs)).home_org_id).to.equal(null);
    });

    it('FD-09: a domain is verified by its full labels', async () => {
      const c = await company(w, { domain: 'labels.example' });
      for (const email of ['a@evil-labels.example', 'a@labels.example.evil.example', 'a@sub.labels.example']) {
        await owned(c.org_id, { email });
        expect(await outcome(c, { subject: email, email }), email).to.equal('account.taken');
      }
    });

    it('needs an address or a username', async () => {
      const c = await company(w, { auto_provision: true });
      expect(await outcome(c, { subject: 'opaque', email: null })).to.equal('account.incomplete');
      expect(await outcome(c, { subject: 'opaque', email: 'not an address' })).to.equal('account.incomplete');
    });

    it('gets an account without the username when somebody else has it', async () => {
      const c = await company(w, { auto_provision: true });
      const first = await owned(c.org_id, { email: `first@${c.domain}`, username: 'ada' });
      const made = await login(c, { subject: 's1', email: `ada@${c.domain}`, username: 'ada' });
      expect(made.outcome).to.equal('created');
      expect(made.user_id).not.to.equal(first);
      expect((await user(made.user_id)).username).to.equal(null);
      expect((await user(first)).username).to.equal('ada');
    });

    it('is linked by a plain username alone only to an account in a verified domain', async () => {
      const c = await company(w, { auto_provision: true });
      const inside = await owned(c.org_id, { email: `ada@${c.domain}`, username: 'ada' });
      await owned(c.org_id, { email: 'bob@elsewhere.example', username: 'bob' });
      expect(await login(c, { subject: 's1', email: null, username: 'ada' })).to.include({ user_id: inside });
      expect(await outcome(c, { subject: 's2', email: null, username: 'bob' })).to.equal('account.taken');
    });

    it('keeps what can be kept: a strange name or picture does not stop anybody', async () => {
      const c = await company(w, { auto_provision: true, attribute_mapping: { picture: 'photo' } });
      const made = await login(c, {
        subject: 's1',
        email: `ada@${c.domain}`,
        first_name: 'Ada\u202e',
        last_name: 'L'.repeat(400),
        more: { photo: ['javascript:alert(1)'] },
      });
      expect(await user(made.user_id)).to.deep.include({ first_name: null, last_name: null, picture_url: null });
    });
  });

  describe('claiming', () => {
    it('takes over the confirmed account of a person inside the verified domain, and tells them', async () => {
      const c = await company(w);
      const known = await personal({ email: `ada@${c.domain}`, email_confirmed: true });
      const claimed = await login(c, { subject: 's1', email: `ada@${c.domain}` });
      expect(claimed).to.deep.include({ user_id: known, outcome: 'claimed' });
      expect((await user(known)).home_org_id).to.equal(c.org_id);
      expect(await w.db('mails').where({ to_address: `ada@${c.domain}` })).to.have.length(1);
    });

    it('FD-02: leaves an unconfirmed one alone (pre-hijack), and makes a new one', async () => {
      const c = await company(w, { auto_provision: true });
      const squatter = await personal({ email: `ada@${c.domain}` });
      const made = await login(c, { subject: 's1', email: `ada@${c.domain}` });
      expect(made.outcome).to.equal('created');
      expect(made.user_id).not.to.equal(squatter);
      expect((await user(squatter)).home_org_id).to.equal(null);
    });
  });

  describe('FD-01: the key', () => {
    it('is the subject of the connection: another address is still the same person', async () => {
      const c = await company(w, { auto_provision: true });
      const first = await login(c, { subject: 's1', email: `ada@${c.domain}` });
      const second = await login(c, { subject: 's1', email: `countess@${c.domain}` });
      expect(second).to.deep.include({ user_id: first.user_id, outcome: 'known' });
      expect((await user(first.user_id)).email).to.equal(`ada@${c.domain}`);
    });

    it('is not the address: a second subject with it is refused, until the link is removed', async () => {
      const c = await company(w, { auto_provision: true });
      const ada = await login(c, { subject: 's1', email: `ada@${c.domain}` });
      expect(await outcome(c, { subject: 's2', email: `ada@${c.domain}` })).to.equal('account.linked_otherwise');
      const path = `/organizations/${c.org_id}/identity-providers/${c.provider.provider_id}/identities`;
      const { items } = (await w.api<{ items: { identity_id: string; user_id: string }[] }>('GET', path)).body;
      expect(items.map(({ user_id }) => user_id)).to.deep.equal([ada.user_id]);
      expect((await w.api('DELETE', `${path}/${items[0]?.identity_id}`)).status).to.equal(204);
      expect(await login(c, { subject: 's2', email: `ada@${c.domain}` })).to.deep.include({
        user_id: ada.user_id,
        outcome: 'linked',
      });
    });

    it('is another one at another connection, with the same identity provider and subject', async () => {
      const [one, two] = [await company(w, { auto_provision: true }), await company(w, { auto_provision: true })];
      const here = await login(one, { subject: 'same', email: 'same@mail.example' });
      const there = await login({ ...two, idp: two.idp }, { subject: 'same', email: 'same@mail.example' });
      expect(there.user_id).not.to.equal(here.user_id);
      expect(there.org_id).to.equal(two.org_id);
    });
  });

  describe('FD-03: an account that is gone', () => {
    it('does not come back by signing in, only by being provisioned again', async () => {
      const c = await company(w, { auto_provision: true });
      const ada = { subject: 's1', email: `ada@${c.domain}` };
      const first = await login(c, ada);
      await w.api('DELETE', `/organizations/${c.org_id}/users/${first.user_id}`);
      expect(await outcome(c, ada)).to.equal('account.disabled');
      const again = await owned(c.org_id, { email: `ada@${c.domain}` });
      expect(await login(c, ada)).to.deep.include({ user_id: again, outcome: 'linked' });
    });

    it('does not open one that became somebody else’s', async () => {
      const c = await company(w, { auto_provision: true });
      const other = await organization(w);
      const ada = { subject: 's1', email: `ada@${c.domain}`, first_name: 'Ada' };
      const { user_id } = await login(c, ada);
      await w.db('user_organization_info').where({ user_id }).delete();
      await w.db('users').where({ user_id }).update({ home_org_id: other });
      expect(await outcome(c, { ...ada, first_name: 'Eve' })).to.equal('account.foreign');
      expect((await user(user_id)).first_name).to.equal('Ada');
    });
  });

  it('MT-01: links of another organization’s connection are not found', async () => {
    const [one, two] = [await company(w, { auto_provision: true }), await company(w)];
    await login(one, { subject: 's1', email: `a@${one.domain}` });
    const path = `/organizations/${two.org_id}/identity-providers/${one.provider.provider_id}/identities`;
    expect((await w.api<{ items: unknown[] }>('GET', path)).body.items).to.deep.equal([]);
    const { identity_id } = await w.db('federated_identities').where({ provider_id: one.provider.provider_id }).first();
    expect((await w.api('DELETE', `${path}/${identity_id}`)).status).to.equal(404);
  });

  it('a domain that is verified later links then', async () => {
    const c = await company(w);
    const known = await owned(c.org_id, { email: 'ada@later.example' });
    expect(await outcome(c, { subject: 's1', email: 'ada@later.example' })).to.equal('account.taken');
    await verifyDomain(w, c.org_id, 'later.example');
    expect(await login(c, { subject: 's1', email: 'ada@later.example' })).to.include({ user_id: known });
  });
});
