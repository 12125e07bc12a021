/** From whom an identity provider names to an account: what is linked, claimed, made, and what never is. */
import { expect } from 'chai';
import { redeemHandoff, type FederatedLogin } from '../../../src/federation/exchanges/handoffs.ts';
import { type World, world } from '../../support/world.ts';
import { type Company, company, latestTrace, organization, type Person, signIn, verifyDomain } from '../company.ts';

describe('federation/links', () => {
  let w: World;
  before(async () => {
    w = await world();
  });
  after(() => w.close());

  /** Signs somebody in; the login, or the code of the refusal. */
  async function outcome(c: Company, person: Person): Promise<FederatedLogin | string> {
    const { code, started } = await signIn(w, c, person);
    if (code === null) return (await latestTrace(w, c.org_id)).code ?? 'no code';
    const login = await redeemHandoff(w.call(), code, { attempt_id: started.attempt_id });
    return login ?? 'the hand-off was worth nothing';
  }

  async function login(c: Company, person: Person): Promise<FederatedLogin> {
    const result = await outcome(c, person);
    if (typeof result === 'string') throw new Error(result);
    return result;
  }

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

  describe('FD-02: somebody whom a directory provisioned', () => {
    it('is linked by the e-mail, in whatever case, inside the verified domain', async () => {
      const c = await company(w);
      const known = await owned(c.org_id, { email: `ada@${c.domain}`, first_name: 'A.' });
      const linked = await login(c, { subject: 's1', email: `ADA@${c.domain.toUpperCase()}`, first_name: 'Ada' });
      expect(linked).to.deep.include({ user_id: known, outcome: 'linked' });
      expect((await user(known)).first_name, 'names follow').to.equal('Ada');
      expect((await user(known)).email).to.equal(`ada@${c.domain}`);
    });

    it('is linked by a username that is an address, from the attribute or the NameID', async () => {
      const c = await company(w);
      const one = await owned(c.org_id, { username: `one@${c.domain}`, email: 'one@private.example' });
      const two = await owned(c.org_id, { username: `two@${c.domain}` });
      expect(await login(c, { subject: 's1', email: null, username: `one@${c.domain}` })).to.include({ user_id: one });
      const email = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress';
      expect(await login(c, { subject: `two@${c.domain}`, email: null, name_id_format: email })).to.include({
        user_id: two,
      });
    });

    it('by SCIM, as Entra ID does it: linked by what it called them, and by the object id alone', async () => {
      const c = await company(w);
      const path = `/organizations/${c.org_id}/scim-clients`;
      const { client_id } = (await w.api<{ client_id: string }>('POST', path, { name: 'Entra' })).body;
      const { token } = (await w.api<{ token: string }>('POST', `${path}/${client_id}/tokens`, {})).body;
      const provision = async (name: string): Promise<string> => {
        const answer = await w.request('/scim/v2/Users', {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
          body: JSON.stringify({
            schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
            externalId: `object-of-${name}`,
            userName: `${name}@${c.domain}`,
            active: true,
            emails: [{ primary: true, type: 'work', value: `${name}.work@${c.domain}` }],
            name: { givenName: name, familyName: 'Tester' },
          }),
        });
        expect(answer.status, answer.text).to.equal(201);
        return answer.body.id as string;
      };
      const [adele, megan] = [await provision('adele'), await provision('megan')];
      const nameId = { name_id_format: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress' };
      const objectId = 'http://schemas.microsoft.com/identity/claims/objectidentifier';
      expect(
        await login(c, {
          ...nameId,
          subject: `adele@${c.domain}`,
          email: `adele.work@${c.domain}`,
          more: { [objectId]: ['object-of-adele'] },
        }),
      ).to.include({ user_id: adele, outcome: 'linked' });
      const pairwise = { subject: 'pairwise', email: null, more: { [objectId]: ['object-of-megan'] } };
      expect(await login(c, pairwise)).to.include({ user_id: megan, outcome: 'linked' });
      // The kill switch: the directory deactivates, the sign-in ends.
      const patch = await w.request(`/scim/v2/Users/${megan}`, {
        method: 'PATCH',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
        body: JSON.stringify({
          schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
          Operations: [{ op: 'Replace', path: 'active', value: 'False' }],
        }),
      });
      expect(patch.status).to.be.within(200, 204);
      expect(await outcome(c, pairwise)).to.equal('account.disabled');
    });

    it('is not linked by an address outside of the verified domains, nor is a second account made', async () => {
      const c = await company(w, { auto_provision: true });
      await owned(c.org_id, { email: 'ada@elsewhere.example' });
      expect(await outcome(c, { subject: 's1', email: 'ada@elsewhere.example' })).to.equal('account.taken');
    });

    it('is not linked while the account’s own address is unconfirmed', async () => {
      const c = await company(w);
      const known = await owned(c.org_id, { email: `ada@${c.domain}` });
      await w.db('users').where({ user_id: known }).update({ email_confirmed: false });
      expect(await outcome(c, { subject: 's1', email: `ada@${c.domain}` })).to.equal('account.taken');
    });

    it('is not linked when the names mean two accounts', async () => {
      const c = await company(w);
      await owned(c.org_id, { email: `ada@${c.domain}` });
      await owned(c.org_id, { username: `eve@${c.domain}` });
      expect(await outcome(c, { subject: 's1', email: `ada@${c.domain}`, username: `eve@${c.domain}` })).to.equal(
        'account.ambiguous',
      );
    });

    it('is not linked, and does not sign in, while disabled, locked or suspended', async () => {
      const c = await company(w);
      const known = await owned(c.org_id, { email: `ada@${c.domain}`, enabled: false });
      const path = `/organizations/${c.org_id}/users/${known}`;
      const ada = { subject: 's1', email: `ada@${c.domain}` };
      expect(await outcome(c, ada)).to.equal('account.disabled');
      expect(await w.db('federated_identities').where({ user_id: known })).to.have.length(0);
      await w.api('PATCH', path, { enabled: true });
      expect((await login(c, ada)).outcome).to.equal('linked');
      await w.api('PATCH', path, { locked: true });
      expect(await outcome(c, ada)).to.equal('account.disabled');
      await w.api('PATCH', path, { locked: false });
      await w.db('user_organization_info').where({ user_id: known }).update({ status: 'suspended' });
      expect(await outcome(c, ada)).to.equal('account.suspended');
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

  describe('FD-11: roles from groups', () => {
    async function role(c: Company, name: string): Promise<string> {
      const { body } = await w.api<{ role_id: string }>('POST', `/organizations/${c.org_id}/roles`, { name });
      return body.role_id;
    }
    const rolesOf = async (c: Company, user_id: string) =>
      (
        await w
          .db('user_organization_info')
          .where({ user_id, org_id: c.org_id })
          .first('inherited_user_roles_plus_current_role')
      ).inherited_user_roles_plus_current_role as string[];
    const map = (c: Company, role_mapping: object[], bearer?: string) =>
      w.api(
        'PATCH',
        `/organizations/${c.org_id}/identity-providers/${c.provider.provider_id}`,
        { config: { role_mapping } },
        bearer,
      );

    it('come and go with the groups, and only what the mapping gave goes', async () => {
      const c = await company(w, { auto_provision: true });
      const [editor, auditor] = [await role(c, 'editor'), await role(c, 'auditor')];
      expect(
        (
          await map(c, [
            { group: 'Editors', role_id: editor },
            { group: 'Auditors', role_id: auditor },
          ])
        ).status,
      ).to.equal(200);
      const ada = { subject: 's1', email: `ada@${c.domain}` };
      const { user_id } = await login(c, { ...ada, groups: ['Editors', 'system_administrator', 'owner'] });
      expect(await rolesOf(c, user_id)).to.deep.equal(['editor']);
      await w.api('POST', `/organizations/${c.org_id}/members/${user_id}/roles`, { role_id: auditor });
      await login(c, { ...ada, groups: ['Editors', 'Auditors'] });
      expect((await rolesOf(c, user_id)).toSorted()).to.deep.equal(['auditor', 'editor']);
      await login(c, { ...ada, groups: [] });
      expect(await rolesOf(c, user_id), 'what an administrator gave stays').to.deep.equal(['auditor']);
    });

    it('are never the owner’s, the system’s or another organization’s', async () => {
      const c = await company(w);
      const other = await company(w);
      const foreign = await role(other, 'theirs');
      const owner = await w.db('roles').whereNull('org_id').where({ name: 'owner' }).first('role_id');
      const administrator = await w
        .db('roles')
        .whereNull('org_id')
        .where({ name: 'system_administrator' })
        .first('role_id');
      for (const role_id of [foreign, owner.role_id, administrator?.role_id ?? foreign]) {
        expect((await map(c, [{ group: 'x', role_id }])).body.code).to.equal('request_invalid');
      }
    });

    it('AZ-05: are mapped only by those who could give them', async () => {
      const c = await company(w);
      const editor = await role(c, 'editor');
      const key = await w.api<{ key: string }>('POST', `/organizations/${c.org_id}/service-accounts`, {
        name: 'idp-only',
      });
      const account = (key.body as unknown as { service_account_id: string }).service_account_id;
      const made = await w.api<{ key: string }>('POST', `/organizations/${c.org_id}/api-keys`, {
        name: 'k',
        scopes: ['identity_providers.manage', 'identity_providers.read'],
        service_account_id: account,
      });
      expect(made.status).to.equal(201);
      const answer = await map(c, [{ group: 'x', role_id: editor }], made.body.key);
      expect(answer.body.code).to.equal('not_allowed');
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
