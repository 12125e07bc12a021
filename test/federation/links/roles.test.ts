/** Roles that groups of an identity provider give (checklist FD-11). */
import { expect } from 'chai';
import { type World, world } from '../../support/world.ts';
import { type Company, company, loginOf } from '../company.ts';

describe('federation/links: roles', () => {
  let w: World;
  before(async () => {
    w = await world();
  });
  after(() => w.close());

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
      const { user_id } = await loginOf(w, c, { ...ada, groups: ['Editors', 'system_administrator', 'owner'] });
      expect(await rolesOf(c, user_id)).to.deep.equal(['editor']);
      await w.api('POST', `/organizations/${c.org_id}/members/${user_id}/roles`, { role_id: auditor });
      await loginOf(w, c, { ...ada, groups: ['Editors', 'Auditors'] });
      expect((await rolesOf(c, user_id)).toSorted()).to.deep.equal(['auditor', 'editor']);
      await loginOf(w, c, { ...ada, groups: [] });
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
});
