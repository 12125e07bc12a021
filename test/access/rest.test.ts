/** Directory and access as their REST callers see them. */
import { expect } from 'chai';
import { unique } from '../directory/cast.ts';
import { type World, world } from '../support/world.ts';
import { verifyAccess } from './invariant.ts';

interface Problem {
  code: string;
  errors?: { pointer: string; detail: string }[];
}

describe('access: REST', () => {
  let w: World;
  let org_id: string;

  before(async () => {
    w = await world();
    org_id = await make('/organizations', { org_name: 'Acme' }, 'org_id');
  });
  after(async () => {
    await verifyAccess(w.db, w.app.clock());
    await w.close();
  });

  async function make(path: string, body: object, id: string): Promise<string> {
    const answer = await w.api<Record<string, string>>('POST', path, body);
    expect(answer.status, answer.text).to.equal(201);
    return answer.body[id] as string;
  }

  it('goes the way of the addresses that the outside relies on', async () => {
    const user_id = await make(
      `/organizations/${org_id}/users`,
      { email: `${unique()}@acme.example`, first_name: 'Ann' },
      'user_id',
    );
    const role_id = await make(
      `/organizations/${org_id}/roles`,
      { name: 'Approver', description: 'Approves.' },
      'role_id',
    );
    const parent_id = await make(`/organizations/${org_id}/roles`, { name: 'Reader' }, 'role_id');
    const permission = { name: 'invoices.approve', resource: 'invoices', action: 'approve', category: 'billing' };
    const permission_id = await make(`/organizations/${org_id}/permissions`, permission, 'permission_id');
    const group_id = await make(`/organizations/${org_id}/groups`, { name: 'Finance', group_type: 'team' }, 'group_id');
    const put = async (path: string, body?: object) => {
      const answer = await w.api('PUT', `/organizations/${org_id}${path}`, body);
      expect(answer.status, answer.text).to.be.oneOf([200, 204]);
      return answer;
    };
    await put(`/roles/${parent_id}/permissions/${permission_id}`);
    await put(`/roles/${role_id}/parents/${parent_id}`);
    await make(`/organizations/${org_id}/groups/${group_id}/roles`, { role_id }, 'role_id');
    await put(`/groups/${group_id}/members/${user_id}`);
    const member = await put(`/members/${user_id}`, { role: 'member' });
    expect(member.body).to.deep.include({
      user_role: 'member',
      additional_roles: ['Approver'],
      inherited_user_roles_plus_current_role: ['Approver', 'Reader', 'member'],
      user_permissions: ['invoices.approve'],
      is_guest: false,
    });
    const access = await w.api('GET', `/organizations/${org_id}/members/${user_id}/access?permission=invoices.approve`);
    expect(access.body).to.include({ allowed: true, reason: 'granted' });
    const [path] = access.body.paths as { steps: { kind: string; name: string }[] }[];
    expect(path?.steps.map(({ kind, name }) => `${kind} ${name}`)).to.deep.equal([
      'group_membership Finance',
      'group_role Approver',
      'inheritance Reader',
      'role_permission invoices.approve',
    ]);
    const gone = await w.api('DELETE', `/organizations/${org_id}/groups/${group_id}/members/${user_id}`);
    expect(gone.status).to.equal(204);
    const after = await w.api('GET', `/organizations/${org_id}/members/${user_id}/access?permission=invoices.approve`);
    expect(after.body).to.deep.include({ allowed: false, paths: [] });
    const logs = await w.api<{ items: { action: string }[] }>('GET', `/organizations/${org_id}/audit-logs?limit=200`);
    expect(logs.body.items.map(({ action }) => action)).to.include.members([
      'role.parent_added',
      'group.members_changed',
    ]);
  });

  it('makes accounts with a first password, and never shows it', async () => {
    const password = 'mossy-kettle-orbit-plank';
    const body = { email: `${unique()}@acme.example`, password, first_name: 'Bo' };
    const owned = await w.api('POST', `/organizations/${org_id}/users`, body);
    expect(owned.status, owned.text).to.equal(201);
    expect(owned.body).to.include({ has_password: true, home_org_id: org_id });
    const personal = await w.api('POST', '/users', { ...body, email: `${unique()}@people.example` });
    expect(personal.body).to.include({ has_password: true, home_org_id: null });
    const weak = await w.api<Record<string, string>>('POST', '/users', {
      email: `${unique()}@x.example`,
      password: 'short',
    });
    expect([weak.status, weak.body.code]).to.deep.equal([400, 'password_too_short']);
    expect(owned.text + personal.text + w.logLines.join('')).not.to.contain(password);
    const logs = await w.db('audit_logs').select('details');
    expect(JSON.stringify(logs)).not.to.contain(password);
  });

  it('AZ-06: refuses properties that cannot be set', async () => {
    const body = { email: `${unique()}@acme.example` };
    for (const extra of [
      { can_create_orgs: true },
      { email_confirmed: true },
      { home_org_id: null },
      { user_id: '01a1fd81-0000-7000-8000-000000000000' },
      { has_password: true },
      { mfa_enabled: true },
      { locked: false },
      { roles: ['owner'] },
    ]) {
      const answer = await w.api('POST', `/organizations/${org_id}/users`, { ...body, ...extra });
      const problem = answer.body as unknown as Problem;
      expect([answer.status, problem.code], JSON.stringify(extra)).to.deep.equal([400, 'request_invalid']);
      expect(problem.errors?.[0]?.pointer).to.equal(`/body/${Object.keys(extra)[0]}`);
    }
    const role = await w.api('POST', `/organizations/${org_id}/roles`, { name: 'X', type: 'system', org_id: null });
    expect(role.status).to.equal(400);
    const grant = await w.api('PUT', `/organizations/${org_id}/members/01a1fd81-0000-7000-8000-000000000000`, {
      permissions: ['x'],
    });
    expect(grant.status).to.equal(400);
  });

  it('AZ-02, MT-02: the caller and the organization come from the key and the address, never from body or query', async () => {
    const other = await make('/organizations', { org_name: 'Other' }, 'org_id');
    for (const extra of [{ org_id: other }, { user_id: other }, { actor: 'system' }, { tenantId: other }]) {
      const answer = await w.api('POST', `/organizations/${org_id}/groups`, { name: `G ${unique()}`, ...extra });
      expect(answer.status, JSON.stringify(extra)).to.equal(400);
    }
    const answer = await w.api<{ items: { org_id: string }[] }>(
      'GET',
      `/organizations/${org_id}/groups?org_id=${other}`,
    );
    expect(answer.status).to.equal(400);
    expect((await w.api('GET', `/organizations/${org_id}/groups`, undefined, null)).status).to.equal(401);
  });

  it('names the field of a body whose id is no role here, and tells another organization’s from none by nothing', async () => {
    const theirs = await make('/organizations', { org_name: 'Other' }, 'org_id');
    const foreign = await make(`/organizations/${theirs}/roles`, { name: 'Theirs' }, 'role_id');
    const here = `/organizations/${org_id}`;
    const user_id = await make(`${here}/users`, { email: `${unique()}@acme.example` }, 'user_id');
    const group_id = await make(`${here}/groups`, { name: unique() }, 'group_id');
    for (const place of [`${here}/members/${user_id}/roles`, `${here}/groups/${group_id}/roles`]) {
      const seen: object[] = [];
      for (const role_id of [foreign, '01a1fd81-0000-7000-8000-000000000000']) {
        const { status, body } = await w.api<Problem & { request_id: string }>('POST', place, { role_id });
        const { request_id: _, ...problem } = body;
        expect([status, problem.code], place).to.deep.equal([404, 'not_found']);
        expect(problem.errors).to.deep.equal([{ pointer: '/body/role_id', detail: 'is no role of the organization' }]);
        seen.push(problem);
      }
      expect(seen[0]).to.deep.equal(seen[1]);
    }
    const elsewhere = await w.api('POST', `${here}/groups/${user_id}/roles`, { role_id: foreign });
    expect([elsewhere.status, elsewhere.body.code], 'a wrong address').to.deep.equal([404, 'not_found']);
    expect(elsewhere.body.errors).to.equal(undefined);
  });

  it('answers 404 for ids that are none, or that name nothing, never 500', async () => {
    const nobody = '01a1fd81-0000-7000-8000-000000000000';
    for (const path of [
      `/organizations/${nobody}`,
      `/organizations/${org_id}/users/${nobody}`,
      `/organizations/${org_id}/members/${nobody}`,
      `/organizations/${org_id}/members/${nobody}/access?permission=x`,
      `/organizations/${org_id}/groups/${nobody}/members`,
      `/organizations/${org_id}/roles/${nobody}/permissions`,
    ]) {
      expect((await w.api('GET', path)).status, path).to.equal(404);
    }
    for (const bad of ['x', '1', "'--", '%00', `urn:uuid:${nobody}`, `{${nobody}}`]) {
      const answer = await w.api('GET', `/organizations/${org_id}/users/${encodeURIComponent(bad)}`);
      expect(answer.status, bad).to.be.oneOf([400, 404]);
    }
    const texts = await w.api('POST', `/organizations/${org_id}/groups/${nobody}/members`, {
      add: [`urn:uuid:${nobody}`],
    });
    expect(texts.status).to.be.oneOf([400, 404]);
    for (const query of ['after=x', 'limit=0', 'limit=201', 'limit=x', 'email=a&email=b']) {
      expect((await w.api('GET', `/organizations/${org_id}/users?${query}`)).status, query).to.equal(400);
    }
  });

  it('manages domains, units and the organization itself', async () => {
    const domain = `${unique()}.example`;
    const added = await w.api('POST', `/organizations/${org_id}/domains`, { domain });
    expect(added.body).to.deep.include({ domain, verified_at: null });
    expect(added.body.verification).to.include({ type: 'TXT', name: `_lintel-challenge.${domain}` });
    const verified = await w.api('POST', `/organizations/${org_id}/domains/${domain}/verification`, {
      method: 'attested',
    });
    expect(verified.body.verified_at).to.be.a('string');
    expect((await w.api('POST', `/organizations/${org_id}/domains`, { domain: '10.0.0.1' })).body.code).to.equal(
      'domain_invalid',
    );
    const unit_id = await make(`/organizations/${org_id}/units`, { name: 'North' }, 'unit_id');
    expect((await w.api('PATCH', `/organizations/${org_id}/units/${unit_id}`, { name: 'South' })).body.name).to.equal(
      'South',
    );
    const patched = await w.api('PATCH', `/organizations/${org_id}`, { primary_color: '#123456' });
    expect(patched.body.primary_color).to.equal('#123456');
    expect((await w.api('POST', `/organizations/${org_id}/suspension`)).body.status).to.equal('suspended');
    expect((await w.api('DELETE', `/organizations/${org_id}/suspension`)).body.status).to.equal('active');
    expect((await w.api('DELETE', `/organizations/${org_id}/domains/${domain}`)).status).to.equal(204);
  });

  it('creates once under an Idempotency-Key', async () => {
    const body = { name: `Once ${unique()}` };
    const headers = { 'idempotency-key': unique() };
    const first = await w.api('POST', `/organizations/${org_id}/groups`, body, w.apiKey, headers);
    const second = await w.api('POST', `/organizations/${org_id}/groups`, body, w.apiKey, headers);
    expect([first.status, second.status]).to.deep.equal([201, 201]);
    expect(second.body.group_id).to.equal(first.body.group_id);
  });
});
