/**
 * API keys: who makes them for whom, what they may, and what ends them. Over 300 lines because its cases change the same few owners.
 */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { actorForUser } from '../../../src/access/grants/access.ts';
import { newId } from '../../../src/core/id.ts';
import { credentialChecks } from '../../../src/credentials/checks.ts';
import { hashSecret } from '../../../src/core/secret.ts';
import { authenticateApiKey } from '../../../src/credentials/api-keys/authenticate.ts';
import { ensureBootstrapKey } from '../../../src/credentials/api-keys/bootstrap.ts';
import { type World, world } from '../../support/world.ts';
import { grantSystemWide, insertMember, insertOrganization, insertUser } from '../owners.ts';

interface Key {
  api_key_id: string;
  key: string;
  key_prefix: string;
  scopes: string[];
  service_account_id: string;
  last_used_at: string | null;
}

const minute = 60_000;

describe('credentials/api-keys', () => {
  let w: World;
  let org: string;
  before(async () => {
    w = await world();
  });
  beforeEach(async () => {
    w.skew = 0;
    org = await insertOrganization(w.db);
  });
  after(() => w.close());

  const account = async (permissions: string[], place = `/organizations/${org}`): Promise<string> => {
    const name = randomBytes(6).toString('hex');
    const answer = await w.api('POST', `${place}/service-accounts`, { name, permissions });
    expect(answer.status, answer.text).to.equal(201);
    return answer.body.service_account_id as string;
  };
  const makeKey = async (body: Record<string, unknown>, place = `/organizations/${org}`): Promise<Key> => {
    const answer = await w.api<Key>('POST', `${place}/api-keys`, { name: 'a key', ...body });
    expect(answer.status, answer.text).to.equal(201);
    return answer.body;
  };
  /** A key that a person made for herself, put there as the service would. */
  const personKey = async (user_id: string, org_id: string | null, scopes: string[]): Promise<string> => {
    const key = `ltl_key_${randomBytes(32).toString('base64url')}`;
    await w.db('api_keys').insert({
      api_key_id: newId(),
      org_id,
      user_id,
      name: 'hers',
      key_hash: hashSecret(key),
      key_prefix: key.slice(0, 14),
      scopes: JSON.stringify(scopes),
    });
    return key;
  };
  const who = (key: string) => authenticateApiKey(w.app, key, actorForUser);
  const permissionsOf = async (key: string): Promise<string[] | 'all' | null> => {
    const actor = await who(key);
    if (actor === null) return null;
    return actor.permissions === 'all' ? 'all' : [...actor.permissions].sort();
  };

  it('AZ-03: is 256 random bits behind a prefix for scanners, shown once, and only its hash is kept (SD-02, AZ-04)', async () => {
    const service_account_id = await account(['audit_logs.read']);
    const made = await makeKey({ service_account_id, scopes: ['audit_logs.read'] });
    expect(made.key).to.match(/^ltl_key_[\w-]{43}$/);
    expect(made.key_prefix).to.equal(made.key.slice(0, 14));
    const places = [`/organizations/${org}/api-keys/${made.api_key_id}`, `/organizations/${org}/api-keys`];
    for (const place of places) {
      const { status, text } = await w.api('GET', place);
      expect(status).to.equal(200);
      expect(text).to.include(made.key_prefix);
      expect(text).not.to.include(made.key).and.not.to.include(hashSecret(made.key));
    }
    const rest = made.key.slice(14);
    expect(JSON.stringify(await w.db('api_keys'))).not.to.include(rest);
    expect(JSON.stringify(await w.db('audit_logs'))).not.to.include(rest);
    expect(w.logLines.join('')).not.to.include(rest);
    expect((await w.db('api_keys').where({ api_key_id: made.api_key_id }).first('key_hash')).key_hash).to.equal(
      hashSecret(made.key),
    );
    const entries = await w.db('audit_logs').where({ action: 'api_key.created', object_id: made.api_key_id });
    expect(entries).to.have.length(1);
    expect(entries[0]).to.include({ org_id: org, actor_label: 'Bootstrap', result: 'success' });
  });

  it('AZ-03: reaches its own organization only, and there its scopes only', async () => {
    const elsewhere = await insertOrganization(w.db);
    const service_account_id = await account(['audit_logs.read', 'api_keys.read']);
    const { key } = await makeKey({ service_account_id, scopes: ['audit_logs.read'] });
    const status = async (path: string) => (await w.api('GET', path, undefined, key)).status;
    expect(await status(`/organizations/${org}/audit-logs`)).to.equal(200);
    expect(await status(`/organizations/${org}/api-keys`)).to.equal(403);
    expect(await status(`/organizations/${elsewhere}/audit-logs`)).to.equal(404);
    expect(await status('/audit-logs')).to.equal(403);
    expect(await status('/api-keys')).to.equal(403);
  });

  it('AZ-03: what is no good key is nobody: wrong, cut, revoked, expired, other forms of the header', async () => {
    const service_account_id = await account(['audit_logs.read']);
    const expires_at = new Date(Date.now() + 10 * minute).toISOString();
    const { key, api_key_id } = await makeKey({ service_account_id, scopes: ['audit_logs.read'], expires_at });
    const path = `/organizations/${org}/audit-logs`;
    const status = async (bearer: string | null, headers: Record<string, string> = {}) => {
      const answer = await w.api('GET', path, undefined, bearer, headers);
      if (answer.status === 401) expect(answer.body.code).to.equal('unauthenticated');
      return answer.status;
    };
    expect(await status(key)).to.equal(200);
    for (const bad of [
      null,
      '',
      'x',
      key.slice(0, -1),
      `${key}x`,
      key.toUpperCase(),
      'ltl_key_',
      'x'.repeat(2000),
      hashSecret(key),
    ]) {
      expect(await status(bad), String(bad).slice(0, 60)).to.equal(401);
    }
    expect(await status(null, { authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}` })).to.equal(401);
    expect(await status(null, { authorization: `Bearer ${key} ${key}` })).to.equal(401);
    w.skew = 10 * minute - 5000;
    expect(await status(key)).to.equal(200);
    w.skew = 10 * minute;
    expect(await status(key)).to.equal(401);
    w.skew = 0;
    expect((await w.api('DELETE', `/organizations/${org}/api-keys/${api_key_id}`)).status).to.equal(204);
    expect(await status(key)).to.equal(401);
    expect((await w.api('DELETE', `/organizations/${org}/api-keys/${api_key_id}`)).status).to.equal(204);
    expect(await w.db('audit_logs').where({ action: 'api_key.revoked', object_id: api_key_id })).to.have.length(1);
    const shown = await w.api('GET', `/organizations/${org}/api-keys/${api_key_id}`);
    expect(shown.body.revoked).to.equal(true);
    const change = await w.api('PATCH', `/organizations/${org}/api-keys/${api_key_id}`, { expires_at: null });
    expect([change.status, change.body.code]).to.deep.equal([409, 'conflict']);
  });

  it('AZ-03, AU-22: dies with its service account: asleep, deleted, organization suspended', async () => {
    const service_account_id = await account(['audit_logs.read']);
    const { key } = await makeKey({ service_account_id, scopes: ['audit_logs.read'] });
    const place = `/organizations/${org}/service-accounts/${service_account_id}`;
    expect(await permissionsOf(key)).to.deep.equal(['audit_logs.read']);
    await w.api('PATCH', place, { is_active: false });
    expect(await who(key)).to.equal(null);
    await w.api('PATCH', place, { is_active: true });
    expect(await who(key)).not.to.equal(null);
    await w.db('organizations').where({ org_id: org }).update({ status: 'suspended' });
    expect(await who(key)).to.equal(null);
    await w.db('organizations').where({ org_id: org }).update({ status: 'active' });
    await w.api('PATCH', place, { permissions: [] });
    expect(await permissionsOf(key)).to.deep.equal([]);
    expect((await w.api('DELETE', place)).status).to.equal(204);
    expect(await who(key)).to.equal(null);
    expect(await w.db('api_keys').where({ service_account_id })).to.have.length(0);
  });

  it('AZ-03, AU-22: a person’s key holds its scopes AND what she holds now, and dies with her', async () => {
    const { user_id, email } = await insertUser(w.db);
    await insertMember(w.db, org, user_id, ['audit_logs.read', 'roles.read']);
    const key = await personKey(user_id, org, ['audit_logs.read', 'members.manage']);
    expect(await permissionsOf(key)).to.deep.equal(['audit_logs.read']);
    expect(await who(key)).to.deep.include({ type: 'user', id: user_id, reach: { org_id: org } });
    expect((await who(key))?.label).to.include(email);
    const users = () => w.db('users').where({ user_id });
    const member = () => w.db('user_organization_info').where({ user_id, org_id: org });
    await member().update({ user_permissions: ['members.manage', '*'] });
    expect(await permissionsOf(key)).to.deep.equal(['members.manage']);
    const everything = await personKey(user_id, org, ['*']);
    expect(await permissionsOf(everything)).to.deep.equal(['members.manage']);
    for (const column of [{ enabled: false }, { locked: true }, { deleted_at: new Date() }] as const) {
      await users().update(column);
      expect(await who(key), JSON.stringify(column)).to.equal(null);
      await users().update({ enabled: true, locked: false, deleted_at: null });
      expect(await who(key)).not.to.equal(null);
    }
    await member().update({ status: 'suspended' });
    expect(await who(key)).to.equal(null);
    await member().delete();
    expect(await who(key)).to.equal(null);
    await users().delete();
    expect(await w.db('api_keys').where({ user_id })).to.have.length(0);
  });

  it('AZ-03: an administrator’s system key holds what her system-wide roles hold, until they end', async () => {
    const { user_id } = await insertUser(w.db);
    const key = await personKey(user_id, null, ['*']);
    expect(await who(key)).to.equal(null);
    await insertMember(w.db, org, user_id, ['members.manage']);
    expect(await who(key)).to.equal(null);
    const user_role_id = await grantSystemWide(w.db, user_id, ['audit_logs.read', 'organizations.create']);
    expect(await permissionsOf(key)).to.deep.equal(['audit_logs.read', 'organizations.create']);
    expect((await who(key))?.reach).to.equal('system');
    const bound = await personKey(user_id, org, ['*']);
    expect(await permissionsOf(bound), 'a member of the organization acts as such').to.deep.equal(['members.manage']);
    const elsewhere = await personKey(user_id, await insertOrganization(w.db), ['audit_logs.read']);
    expect(await permissionsOf(elsewhere), 'and elsewhere as an administrator').to.deep.equal(['audit_logs.read']);
    await w
      .db('user_roles')
      .where({ user_role_id })
      .update({ expires_at: new Date(Date.now() + minute) });
    expect(await who(key)).not.to.equal(null);
    w.skew = minute;
    expect(await who(key)).to.equal(null);
  });

  it('AZ-05: nobody gives a key, or an account, more than they hold', async () => {
    const service_account_id = await account(['api_keys.manage', 'service_accounts.manage', 'audit_logs.read']);
    const scopes = ['api_keys.manage', 'service_accounts.manage'];
    const { key, api_key_id } = await makeKey({ service_account_id, scopes });
    const place = `/organizations/${org}`;
    const tries: [string, string, Record<string, unknown>][] = [
      ['POST', `${place}/api-keys`, { name: 'more', scopes: ['audit_logs.read'] }],
      ['POST', `${place}/api-keys`, { name: 'all', scopes: ['*'] }],
      ['PATCH', `${place}/api-keys/${api_key_id}`, { scopes: [...scopes, 'audit_logs.read'] }],
      ['POST', `${place}/service-accounts`, { name: 'more', permissions: ['audit_logs.read'] }],
      ['POST', `${place}/service-accounts`, { name: 'all', permissions: ['*'] }],
      ['PATCH', `${place}/service-accounts/${service_account_id}`, { permissions: [...scopes, 'api_keys.read', '*'] }],
    ];
    for (const [method, path, body] of tries) {
      const answer = await w.api(method, path, body, key);
      expect([answer.status, answer.body.code], path).to.deep.equal([403, 'permission_not_held']);
    }
    const unknown = await w.api('POST', `${place}/api-keys`, {
      name: 'x',
      scopes: ['nothing.such'],
      service_account_id,
    });
    expect([unknown.status, unknown.body.code]).to.deep.equal([400, 'permission_unknown']);
    const sibling = await w.api<Key>('POST', `${place}/api-keys`, { name: 'same', scopes: ['api_keys.manage'] }, key);
    expect(sibling.status).to.equal(201);
    expect(sibling.body.service_account_id).to.equal(service_account_id);
    const system = await w.api('POST', '/api-keys', { name: 'system', scopes: ['api_keys.manage'] }, key);
    expect([system.status, system.body.code]).to.deep.equal([403, 'not_allowed']);
    const other = await account(['audit_logs.read']);
    await w.api('PATCH', `${place}/service-accounts/${other}`, { is_active: false });
    const wake = await w.api('PATCH', `${place}/service-accounts/${other}`, { is_active: true }, key);
    expect([wake.status, wake.body.code]).to.deep.equal([403, 'permission_not_held']);
  });

  it('AZ-02, AZ-06: the owner is whoever asks or a service account that is there; nothing else can be set', async () => {
    const elsewhere = await insertOrganization(w.db);
    const foreign = await account(['audit_logs.read'], `/organizations/${elsewhere}`);
    const place = `/organizations/${org}/api-keys`;
    const post = (body: Record<string, unknown>) =>
      w.api('POST', place, { name: 'x', scopes: ['audit_logs.read'], ...body });
    for (const service_account_id of [foreign, newId()]) {
      const refused = await post({ service_account_id });
      expect([refused.status, refused.body.code]).to.deep.equal([404, 'not_found']);
      expect(refused.body.errors).to.deep.equal([
        { pointer: '/body/service_account_id', detail: 'is no service account that can own this key' },
      ]);
    }
    const { user_id } = await insertUser(w.db);
    for (const extra of [
      { user_id },
      { org_id: elsewhere },
      { key_hash: 'x' },
      { revoked: false },
      { created_by: user_id },
    ]) {
      expect((await post(extra)).body.code, JSON.stringify(extra)).to.equal('request_invalid');
    }
    for (const bad of [
      { scopes: [] },
      { name: ' ' },
      { expires_at: '2020-01-01T00:00:00Z' },
      { expires_at: 'tomorrow' },
    ]) {
      expect((await post(bad)).body.code, JSON.stringify(bad)).to.equal('request_invalid');
    }
    const own = await post({});
    expect(own.status).to.equal(201);
    expect(own.body.org_id).to.equal(org);
  });

  it('a key of the system’s account for one organization reaches no further, and no organization names that account', async () => {
    const system = await account(['users.read', 'api_keys.read'], '');
    const { key } = await makeKey({ service_account_id: system, scopes: ['users.read'] });
    expect((await w.api('GET', `/organizations/${org}/users`, undefined, key)).status).to.equal(200);
    const elsewhere = await insertOrganization(w.db);
    expect((await w.api('GET', `/organizations/${elsewhere}/users`, undefined, key)).status).to.equal(404);
    const check = credentialChecks.find(({ holds }) => holds.includes('the same organization'));
    expect(await check?.find({ db: w.db, now: w.app.clock(), sealer: w.app.sealer })).to.deep.equal([]);

    const all = ['api_keys.manage', 'users.read'];
    const own = await makeKey({ service_account_id: await account(all), scopes: all });
    const body = { name: 'x', scopes: ['users.read'], service_account_id: system };
    const refused = await w.api('POST', `/organizations/${org}/api-keys`, body, own.key);
    expect([refused.status, refused.body.code]).to.deep.equal([404, 'not_found']);
  });

  it('MT-01: another organization’s keys and accounts are not there', async () => {
    const elsewhere = await insertOrganization(w.db);
    const all = ['api_keys.manage', 'api_keys.read', 'service_accounts.manage', 'service_accounts.read'];
    const mine = await account(all);
    const { key } = await makeKey({ service_account_id: mine, scopes: all });
    const foreign = await account(['audit_logs.read'], `/organizations/${elsewhere}`);
    const theirs = await makeKey(
      { service_account_id: foreign, scopes: ['audit_logs.read'] },
      `/organizations/${elsewhere}`,
    );
    for (const place of [org, elsewhere]) {
      for (const path of [`api-keys/${theirs.api_key_id}`, `service-accounts/${foreign}`]) {
        for (const [method, body] of [['GET'], ['PATCH', { name: 'stolen' }], ['DELETE']] as const) {
          const answer = await w.api(method, `/organizations/${place}/${path}`, body, key);
          expect([answer.status, answer.body.code], `${method} ${path}`).to.deep.equal([404, 'not_found']);
        }
      }
    }
    expect(await who(theirs.key)).not.to.equal(null);
    expect((await w.api('GET', `/organizations/${org}/api-keys/${theirs.api_key_id}`)).status).to.equal(404);
  });

  it('writes the last use at most once a minute', async () => {
    const service_account_id = await account(['audit_logs.read']);
    const { key, api_key_id } = await makeKey({ service_account_id, scopes: ['audit_logs.read'] });
    const lastUse = async () =>
      (await w.db('api_keys').where({ api_key_id }).first('last_used_at')).last_used_at?.getTime();
    expect(await lastUse()).to.equal(undefined);
    await who(key);
    const first = await lastUse();
    expect(first).to.be.a('number');
    w.skew = 50_000;
    await who(key);
    expect(await lastUse()).to.equal(first);
    w.skew = 61_000;
    await who(key);
    expect(await lastUse()).to.be.greaterThan(first as number);
  });

  it('service accounts: names are unique within their owner, lists page, changes keep before and after', async () => {
    const place = `/organizations/${org}/service-accounts`;
    const made = await w.api('POST', place, { name: 'Importer', permissions: ['audit_logs.read'] });
    const again = await w.api('POST', place, { name: 'importer', permissions: [] });
    expect([again.status, again.body.code]).to.deep.equal([409, 'service_account_name_taken']);
    const system = await w.api('POST', '/service-accounts', { name: 'Importer', permissions: [] });
    expect(system.status).to.equal(201);
    await w.api('POST', place, { name: 'Second', permissions: [] });
    const first = await w.api<{ items: { name: string }[]; next: string }>('GET', `${place}?limit=1`);
    const second = await w.api<{ items: { name: string }[]; next: null }>(
      'GET',
      `${place}?limit=1&after=${first.body.next}`,
    );
    expect([first.body.items[0]?.name, second.body.items[0]?.name, second.body.next]).to.deep.equal([
      'Importer',
      'Second',
      null,
    ]);
    const id = made.body.service_account_id as string;
    const changed = await w.api('PATCH', `${place}/${id}`, { name: 'Importer 2', description: 'moves rows' });
    expect(changed.body).to.include({ name: 'Importer 2', description: 'moves rows', is_active: true });
    const [entry] = await w.db('audit_logs').where({ action: 'service_account.updated', object_id: id });
    expect([entry.details.before.name, entry.details.after.name]).to.deep.equal(['Importer', 'Importer 2']);
    expect((await w.api('PATCH', `${place}/${id}`, {})).body.code).to.equal('request_invalid');
    const nowhere = await w.api('POST', `/organizations/${newId()}/service-accounts`, { name: 'x', permissions: [] });
    expect([nowhere.status, nowhere.body.code]).to.deep.equal([404, 'not_found']);
  });

  it('the bootstrap key is made once, may do everything, and stays revoked', async () => {
    const actor = await who(w.apiKey);
    expect(actor).to.deep.include({ type: 'service_account', reach: 'system', permissions: 'all' });
    await ensureBootstrapKey(w.app);
    await Promise.all([ensureBootstrapKey(w.app), ensureBootstrapKey(w.app)]);
    const keys = await w.db('api_keys').where({ key_hash: hashSecret(w.apiKey) });
    expect(keys).to.have.length(1);
    expect(JSON.stringify(keys)).not.to.include(w.apiKey.slice(8, 20));
    const fresh = `another-key-${randomBytes(24).toString('hex')}`;
    await Promise.all(
      [1, 2].map(() => ensureBootstrapKey({ ...w.app, config: { ...w.config, bootstrap_api_key: fresh } })),
    );
    expect(await permissionsOf(fresh)).to.equal('all');
    expect(await w.db('service_accounts').where({ name: 'Bootstrap' })).to.have.length(1);
    await w
      .db('api_keys')
      .where({ key_hash: hashSecret(fresh) })
      .update({ revoked: true, revoked_at: new Date() });
    await ensureBootstrapKey({ ...w.app, config: { ...w.config, bootstrap_api_key: fresh } });
    expect(await who(fresh)).to.equal(null);
  });
});
