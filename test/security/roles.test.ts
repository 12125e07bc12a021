/**
 * Who may do what, generated from the route array: a new route is in the matrix by being mounted. Over 300 lines because the matrix
 * is whole: every route, every role, with what each needs to be asked.
 */
import { expect } from 'chai';
import { setMember } from '../../src/access/grants/service.ts';
import { routes } from '../../src/app.ts';
import { newId } from '../../src/core/id.ts';
import { knownPermissions } from '../../src/core/permission.ts';
import type { Route } from '../../src/http/route.ts';
import { insertApiKey, insertUser } from '../credentials/owners.ts';
import { makeApplication, post } from '../oidc/rp.ts';
import { paramsIn, populate, send, type Tenant } from '../rules/population.ts';
import { type Answer, type World, world } from '../support/world.ts';

const categories = new Map(knownPermissions().map(({ name, category }) => [name, category]));
/** What only owners may do (the catalogue's own list, said again so that a change of it is seen here). */
const forOwners = new Set(['organizations.delete', 'owners.manage']);
const isRead = ({ method }: Route) => method === 'get';
const ofOrganization = routes.filter(({ path }) => path.includes('{org_id}'));
const elsewhere = routes.filter(({ path, permission }) => !path.includes('{org_id}') && permission !== 'public');

describe('security: the role matrix', function () {
  this.timeout(120_000);
  let w: World;
  let tenant: Tenant;
  const keys = new Map<string, string>();
  before(async () => {
    w = await world();
    tenant = await populate(w, 'Matrix');
    const other = await populate(w, 'Another');
    for (const role of ['owner', 'admin', 'member']) keys.set(role, await keyOf(tenant.org_id, role));
    keys.set('stranger', await keyOf(tenant.org_id, null));
    keys.set('owner of another', await keyOf(other.org_id, 'owner'));
  });
  after(() => w.close());

  /** A person's key with every scope there is: what it can do beyond the person's role would be too much. */
  async function keyOf(org_id: string, role: string | null): Promise<string> {
    const { user_id } = await insertUser(w.db);
    if (role !== null) await setMember(w.call(), org_id, user_id, { role });
    return insertApiKey(w.db, { org_id, user_id, scopes: [...categories.keys(), '*'] });
  }

  /** Where there is no such thing, an id that nobody has: who may not ask learns nothing of that. */
  const paramsOf = (route: Route): Record<string, string> => {
    const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
    const user_id = tenant.ids.get('users') ?? '';
    const spare = Object.fromEntries(names.map((name) => [name, name === 'user_id' ? user_id : newId()]));
    return paramsIn(tenant, route) ?? { ...spare, ...(names.includes('org_id') ? { org_id: tenant.org_id } : {}) };
  };
  const ask = (who: string, route: Route): Promise<Answer> =>
    send(w, route, paramsOf(route), tenant, keys.get(who) ?? '');

  for (const route of ofOrganization) {
    it(`AZ-01: ${route.operationId}`, async () => {
      const member = await ask('member', route);
      expect([member.status, member.body.code], `member: ${member.text}`).to.deep.equal([403, 'not_allowed']);
      const stranger = await ask('stranger', route);
      expect([stranger.status, stranger.body.code], 'stranger').to.deep.equal([401, 'unauthenticated']);
      const other = await ask('owner of another', route);
      expect([other.status, other.body.code], `owner of another: ${other.text}`).to.deep.equal([404, 'not_found']);
      const permission = route.permission ?? '';
      const isSystems = categories.get(permission) === 'system';
      for (const role of ['admin', 'owner']) {
        const isRefused = isSystems || (role === 'admin' && forOwners.has(permission));
        // What changes something is proven to be allowed by the rules of tenancy; here it would change what others need.
        if (!isRefused && !isRead(route)) continue;
        const answer = await ask(role, route);
        if (isRefused) expect([answer.status, answer.body.code], role).to.deep.equal([403, 'not_allowed']);
        else expect(answer.status, `${role}: ${answer.text}`).to.be.oneOf([200, 404]);
        if (!isRefused && answer.status === 404) expect(route.path, role).to.match(/\{(?!org_id)\w+\}/);
      }
    });
  }

  for (const route of elsewhere) {
    it(`AZ-01, MT-10: ${route.operationId} gives nothing to a member, and no system's thing to an owner`, async () => {
      const member = await ask('member', route);
      expect(member.body.code, `member: ${member.text}`).to.be.oneOf(['not_allowed', 'not_found']);
      expect((await ask('stranger', route)).status, 'stranger').to.equal(401);
      const permission = route.permission ?? '';
      // Whose account it is may see what that account allowed.
      if (permission === '') return;
      if (
        categories.get(permission) !== 'system' &&
        !/^\/(users|service-accounts|api-keys|audit-logs)/.test(route.path)
      )
        return;
      const owner = await ask('owner', route);
      expect(owner.body.code, `owner: ${owner.text}`).to.be.oneOf(['not_allowed', 'not_found']);
    });
  }

  /** Somebody with everything but the one permission that the route names, by every kind of credential. */
  const withoutIt = new Map<string, Promise<[string, string][]>>();
  const allBut = (permission: string): Promise<[string, string][]> => {
    let made = withoutIt.get(permission);
    if (!made) withoutIt.set(permission, (made = credentialsWithout(permission)));
    return made;
  };
  async function credentialsWithout(permission: string): Promise<[string, string][]> {
    const place = `/organizations/${tenant.org_id}`;
    const others = [...categories]
      .filter(([name, category]) => name !== permission && category !== 'system')
      .map(([name]) => name);
    const account = await w.api('POST', `${place}/service-accounts`, { name: `no ${permission}`, permissions: others });
    const ofAccount = await w.api('POST', `${place}/api-keys`, {
      name: 'all of a narrow account',
      scopes: ['*'],
      service_account_id: account.body.service_account_id,
    });
    const wide = await w.api('POST', `${place}/service-accounts`, { name: `all, ${permission}`, permissions: ['*'] });
    const narrow = await w.api('POST', `${place}/api-keys`, {
      name: 'narrow, of a wide account',
      scopes: others,
      service_account_id: wide.body.service_account_id,
    });
    for (const { status, text } of [account, ofAccount, wide, narrow]) expect(status, text).to.equal(201);
    const { user_id } = await insertUser(w.db);
    await setMember(w.call(), tenant.org_id, user_id, { role: 'owner' });
    const ofOwner = await insertApiKey(w.db, { org_id: tenant.org_id, user_id, scopes: others });
    const machine = await makeApplication(w, {
      org_id: tenant.org_id,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      scope: [...others, permission].join(' '),
    });
    const token = await post(w, '/oauth/token', machine, {
      grant_type: 'client_credentials',
      resource: `${w.url}/api/v1`,
      scope: others.join(' '),
    });
    expect(token.status, JSON.stringify(token.body)).to.equal(200);
    expect(String(token.body.scope).split(' ')).to.not.include(permission);
    return [
      ['a service account without it', String(ofAccount.body.key)],
      ['a key without it, of an account with everything', String(narrow.body.key)],
      ['an owner’s key without it', ofOwner],
      ['an application’s token without it', String(token.body.access_token)],
    ];
  }
  for (const route of ofOrganization) {
    it(`AZ-01, AZ-03: ${route.operationId} is refused without ${route.permission}, whatever else a credential can do`, async () => {
      w.skew += 3000;
      for (const [who, credential] of await allBut(route.permission ?? '')) {
        const answer = await send(w, route, paramsOf(route), tenant, credential);
        expect([answer.status, answer.body.code], `${who}: ${answer.text}`).to.deep.equal([403, 'not_allowed']);
      }
    });
  }

  const principals: Readonly<Record<string, unknown>> = {
    userId: newId(),
    user_id: newId(),
    user_ids: [newId()],
    tenantId: newId(),
    org_id: newId(),
    organizationId: newId(),
    home_org_id: newId(),
    owner_id: newId(),
    created_by: newId(),
    actor: 'system',
    role: 'owner',
    role_name: 'owner',
    roles: ['owner'],
    user_permissions: ['*'],
    isAdmin: true,
    is_system: true,
    reach: 'system',
  };
  const namesIn = (shape: unknown): string[] => {
    const { properties = {}, anyOf = [] } = shape as { properties?: object; anyOf?: unknown[] };
    return [...Object.keys(properties), ...anyOf.flatMap(namesIn)];
  };
  for (const route of routes.filter(({ body }) => body !== undefined)) {
    it(`AZ-02, AZ-06: ${route.operationId} takes no principal beside a good body, and names the property`, async () => {
      const before = await rows();
      const own = new Set(namesIn(route.body));
      for (const [name, value] of Object.entries(principals)) {
        if (own.has(name)) continue;
        const answer = await send(w, route, paramsOf(route), tenant, tenant.key, { [name]: value });
        expect([answer.status, answer.body.code], `${name}: ${answer.text}`).to.deep.equal([400, 'request_invalid']);
        const pointers = (answer.body.errors as { pointer: string }[]).map(({ pointer }) => pointer);
        expect(pointers, name).to.include(`/body/${name}`);
      }
      expect(await rows()).to.equal(before);
    });
  }

  it('AZ-02: who may be named in a body is somebody of the organization, whoever else is meant', async () => {
    const other = await populate(w, 'Third');
    const place = `/organizations/${tenant.org_id}`;
    const foreign: [string, string, object, number, string][] = [
      [
        'POST',
        `${place}/api-keys`,
        { name: 'x', scopes: ['users.read'], service_account_id: other.ids.get('service-accounts') },
        404,
        'not_found',
      ],
      [
        'POST',
        `${place}/members/${tenant.ids.get('users')}/roles`,
        { role_id: other.ids.get('roles') },
        404,
        'not_found',
      ],
      [
        'POST',
        `${place}/groups/${tenant.ids.get('groups')}/roles`,
        { role_id: other.ids.get('roles') },
        404,
        'not_found',
      ],
      [
        'POST',
        `${place}/groups/${tenant.ids.get('groups')}/members`,
        { add: [other.ids.get('users')] },
        400,
        'member_unknown',
      ],
      [
        'POST',
        '/applications',
        { client_name: 'x', org_id: other.org_id, redirect_uris: ['https://x.example/cb'] },
        404,
        'not_found',
      ],
    ];
    const before = await rows();
    for (const [method, path, body, status, code] of foreign) {
      const answer = await w.api(method, path, body, tenant.key);
      expect([answer.status, answer.body.code], `${method} ${path} ${answer.text}`).to.deep.equal([status, code]);
    }
    expect(await rows()).to.equal(before);
  });

  it('AZ-02, MT-02: a header or a parameter that names somebody else changes nothing', async () => {
    const own = await w.api('GET', `/organizations/${tenant.org_id}`, undefined, tenant.key);
    const names = [
      'x-organization-id',
      'x-org-id',
      'x-tenant-id',
      'x-zitadel-orgid',
      'x-user-id',
      'x-forwarded-user',
      'x-original-url',
      'x-http-method-override',
    ];
    const other = (await w.db('organizations').whereNot({ org_id: tenant.org_id }).first('org_id')).org_id as string;
    for (const name of names) {
      const value =
        name === 'x-http-method-override'
          ? 'DELETE'
          : name === 'x-original-url'
            ? `/api/v1/organizations/${other}`
            : other;
      const answer = await w.api('GET', `/organizations/${tenant.org_id}`, undefined, tenant.key, { [name]: value });
      expect([answer.status, answer.text], name).to.deep.equal([200, own.text]);
      const foreign = await w.api('GET', `/organizations/${other}`, undefined, tenant.key, { [name]: tenant.org_id });
      expect(foreign.status, name).to.equal(404);
    }
    for (const name of ['org_id', 'organization_id', 'user_id', 'role', 'as']) {
      const answer = await w.api(
        'GET',
        `/organizations/${tenant.org_id}/users?${name}=${other}`,
        undefined,
        tenant.key,
      );
      expect([answer.status, answer.body.code], name).to.deep.equal([400, 'request_invalid']);
    }
  });

  it('MT-10: the key of the operator leaves its trace: when it was made, and in the log of whom it touched', async () => {
    const made = await w.db('audit_logs').where({ actor_label: 'system:bootstrap' }).orderBy('log_id');
    expect(made.map(({ action, org_id }) => [action, org_id])).to.deep.equal([
      ['service_account.created', null],
      ['api_key.created', null],
    ]);
    expect(JSON.stringify(made)).not.to.include(w.apiKey);
    const place = `/organizations/${tenant.org_id}`;
    const role = await w.api('POST', `${place}/roles`, { name: 'by the operator' });
    expect(role.status, role.text).to.equal(201);
    const seen = await w.api<{ items: Record<string, unknown>[] }>(
      'GET',
      `${place}/audit-logs?limit=20`,
      undefined,
      tenant.key,
    );
    const event = seen.body.items.find(({ object_id }) => object_id === role.body.role_id);
    expect(event).to.include({ action: 'role.created', actor_type: 'service_account', actor_id: made[0].object_id });
    expect(event?.actor_label).to.match(/Bootstrap/);
  });

  it('AZ-05: an owner gives nobody what owners do not have', async () => {
    const owner = keys.get('owner') ?? '';
    const place = `/organizations/${tenant.org_id}`;
    const system = (await systemRole()).role_id as string;
    const [user, group, role] = ['users', 'groups', 'roles'].map((kind) => tenant.ids.get(kind));
    const attempts: [string, string, object | undefined, number, string][] = [
      [
        'POST',
        '/service-accounts',
        { name: 'system', permissions: ['administrators.manage'] },
        403,
        'permission_not_held',
      ],
      ['POST', '/service-accounts', { name: 'all', permissions: ['*'] }, 403, 'permission_not_held'],
      ['POST', '/permissions', { name: 'administrators.manage' }, 409, 'permission_name_reserved'],
      ['POST', '/permissions', { name: '*' }, 400, 'request_invalid'],
      ['POST', '/roles', { name: 'system_administrator' }, 409, 'role_name_reserved'],
      ['PUT', `/members/${user}`, { role: 'system_administrator' }, 400, 'request_invalid'],
      ['POST', `/members/${user}/roles`, { role_id: system }, 404, 'not_found'],
      ['POST', `/groups/${group}/roles`, { role_id: system }, 404, 'not_found'],
      ['PUT', `/roles/${role}/parents/${system}`, undefined, 404, 'not_found'],
    ];
    const before = await w.db('user_roles').count();
    for (const [method, path, body, status, code] of attempts) {
      const answer = await w.api(method, place + path, body, owner);
      expect([answer.status, answer.body.code], `${method} ${path} ${answer.text}`).to.deep.equal([status, code]);
    }
    const promoted = await w.api('PUT', `/administrators/${user}`, undefined, owner);
    expect([promoted.status, promoted.body.code]).to.deep.equal([403, 'not_allowed']);
    expect(await w.db('user_roles').count()).to.deep.equal(before);
  });

  const systemRole = () => w.db('roles').where({ name: 'system_administrator' }).whereNull('org_id').first('role_id');

  async function rows(): Promise<string> {
    const { rows: found } = await w.db.raw(
      `select (select count(*) from users) u, (select count(*) from user_roles) r, (select count(*) from api_keys) k,
         (select count(*) from organizations) o, (select count(*) from audit_logs where result = 'success') a, (select count(*) from oidc_clients) c`,
    );
    return JSON.stringify(found[0]);
  }
});
