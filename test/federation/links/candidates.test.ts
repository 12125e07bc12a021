/** Which account a connection's name for somebody is linked to, where a directory provisioned it (checklist FD-02). */
import { expect } from 'chai';
import { type World, world } from '../../support/world.ts';
import { type Company, company, loginOf, outcomeOf, type Person } from '../company.ts';

describe('federation/links: candidates', () => {
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
});
