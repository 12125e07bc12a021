/** Deactivation and deletion are a kill switch, and the last owner is protected from it (SC-08, SC-09). */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { actorForUser } from '../../src/access/grants/access.ts';
import { setMember } from '../../src/access/grants/service.ts';
import { newId } from '../../src/core/id.ts';
import { hashSecret } from '../../src/core/secret.ts';
import { authenticateApiKey } from '../../src/credentials/api-keys/authenticate.ts';
import { endInvitations } from '../../src/directory/invitations/service.ts';
import { makeOwned } from '../directory/cast.ts';
import { makeApplication, oidcWorld, refresh, signIn, userinfo } from '../oidc/rp.ts';
import type { World } from '../support/world.ts';
import { type Directory, directory, expectError, patch, USER } from './door.ts';

describe('scim: deprovisioning', () => {
  let w: World;
  let d: Directory;
  before(async () => {
    w = await oidcWorld();
  });
  after(() => w.close());
  beforeEach(async () => {
    d = await directory(w);
  });

  const deactivate = patch({ op: 'replace', path: 'active', value: false });
  const activate = patch({ op: 'replace', path: 'active', value: true });

  /** Somebody with a session, tokens, an API key and open invitations, each of them working. */
  async function equipped() {
    const name = `${randomBytes(4).toString('hex')}@kill.example`;
    const user_id = await d.user(name);
    const client = await makeApplication(w);
    const options = { scope: 'openid offline_access', prompt: 'consent' };
    const more = { organization: d.org_id, consent: 'allow' as const };
    const { tokens, journey } = await signIn(w, client, { user_id, email: name }, options, more);
    const key = `ltl_key_${randomBytes(32).toString('base64url')}`;
    await w.db('api_keys').insert({
      api_key_id: newId(),
      org_id: d.org_id,
      user_id,
      name: 'hers',
      key_hash: hashSecret(key),
      key_prefix: key.slice(0, 14),
      scopes: JSON.stringify(['users.read']),
    });
    const invitation = (email: string, org_id: string, invited_by: string | null) => ({
      invitation_id: newId(),
      org_id,
      email,
      invited_by,
      token_hash: hashSecret(randomBytes(32).toString('hex')),
      expires_at: new Date(Date.now() + 86_400_000),
    });
    const other = await directory(w);
    const [hers, sent, elsewhere] = [
      invitation(name.toUpperCase(), d.org_id, null),
      invitation(`x${name}`, d.org_id, user_id),
      invitation(name, other.org_id, null),
    ];
    await w.db('invitations').insert([hers, sent, elsewhere]);
    const stateOf = async () => {
      const open = await w.db('invitations').whereNull('revoked_at').select('invitation_id');
      const isOpen = (one: { invitation_id: string }) =>
        open.some(({ invitation_id }) => invitation_id === one.invitation_id);
      const session = await w.db('sessions').where({ session_id: journey.session_id }).first();
      return {
        session: session.revoked === false,
        single_sign_on: (await w.db('oidc_sessions').where({ user_id })).length > 0,
        access: (await userinfo(w, tokens.access_token ?? '')).status === 200,
        key: (await authenticateApiKey(w.app, key, actorForUser)) !== null,
        invited: isOpen(hers),
        inviting: isOpen(sent),
        elsewhere: isOpen(elsewhere),
      };
    };
    const refreshes = async () => (await refresh(w, client, tokens.refresh_token ?? '')).status;
    return { user_id, name, stateOf, refreshes };
  }
  const alive = {
    session: true,
    single_sign_on: true,
    access: true,
    key: true,
    invited: true,
    inviting: true,
    elsewhere: true,
  };
  // Another organization's invitation is not this one's to end.
  const dead = {
    session: false,
    single_sign_on: false,
    access: false,
    key: false,
    invited: false,
    inviting: false,
    elsewhere: true,
  };

  const ways: [string, (id: string, name: string) => Promise<{ status: number }>][] = [
    ['PATCH active false', (id) => d.send('PATCH', `/Users/${id}`, deactivate)],
    [
      'PATCH active "False"',
      (id) => d.send('PATCH', `/Users/${id}`, patch({ op: 'Replace', value: { active: 'False' } })),
    ],
    [
      'PUT active false',
      (id, name) => d.send('PUT', `/Users/${id}`, { schemas: [USER], userName: name, active: false }),
    ],
    ['DELETE', (id) => d.send('DELETE', `/Users/${id}`)],
    [
      'Bulk DELETE',
      (id) =>
        d.send('POST', '/Bulk', {
          schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
          Operations: [{ method: 'DELETE', path: `/Users/${id}` }],
        }),
    ],
  ];
  for (const [way, act] of ways) {
    it(`SC-08: ${way} ends sessions, tokens, keys and invitations in one go`, async () => {
      const person = await equipped();
      expect(await person.stateOf()).to.deep.equal(alive);
      expect((await act(person.user_id, person.name)).status).to.be.below(300);
      expect(await person.stateOf()).to.deep.equal(dead);
      expect(await person.refreshes()).to.equal(400);
    });
  }

  it('SC-08: a deactivated user is still found; reactivation revives nothing', async () => {
    const person = await equipped();
    await d.send('PATCH', `/Users/${person.user_id}`, deactivate);
    const found = await d.send('GET', `/Users?filter=${encodeURIComponent(`userName eq "${person.name}"`)}`);
    expect(found.body.Resources).to.have.length(1);
    expect((await d.send('PATCH', `/Users/${person.user_id}`, activate)).body.active).to.equal(true);
    expect(await person.stateOf()).to.deep.equal(dead);
    expect(await person.refreshes()).to.equal(400);
  });

  it('PUT without active does not deactivate', async () => {
    const person = await equipped();
    const put = await d.send('PUT', `/Users/${person.user_id}`, { schemas: [USER], userName: person.name, title: 'T' });
    expect(put.body.active).to.equal(true);
    expect(await person.stateOf()).to.deep.equal(alive);
  });

  it('SC-09: the last owner is neither deactivated nor deleted, in no way, and nothing of them ends', async () => {
    const owner = await d.user('owner@owned.example');
    await setMember(w.call(), d.org_id, owner, { role: 'owner' });
    const before = await w.db('users').where({ user_id: owner }).first();
    for (const [way, act] of ways.filter(([name]) => !name.startsWith('Bulk'))) {
      const answer = await act(owner, 'owner@owned.example');
      expect(answer.status, way).to.equal(409);
    }
    expectError(await d.send('DELETE', `/Users/${owner}`), 409);
    expect(await w.db('users').where({ user_id: owner }).first()).to.deep.equal(before);
    const second = await makeOwned(w, d);
    await setMember(w.call(), d.org_id, second.user_id, { role: 'owner' });
    expect((await d.send('DELETE', `/Users/${owner}`)).status).to.equal(204);
    expectError(await d.send('DELETE', `/Users/${second.user_id}`), 409);
  });

  it('SC-09: a whole directory can be deprovisioned except its last owner', async () => {
    const owner = await d.user('last@owned.example');
    await setMember(w.call(), d.org_id, owner, { role: 'owner' });
    const ids = [owner];
    for (let n = 0; n < 5; n += 1) ids.push(await d.user(`p${n}@owned.example`));
    const answer = await d.send('POST', '/Bulk', {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      Operations: ids.map((id) => ({ method: 'DELETE', path: `/Users/${id}` })),
    });
    const statuses = (answer.body.Operations as { status: string }[]).map(({ status }) => status);
    expect(statuses).to.deep.equal(['409', '204', '204', '204', '204', '204']);
    expect((await d.send('GET', '/Users')).body.totalResults).to.equal(1);
  });

  it('ends nothing twice', async () => {
    const id = await d.user('once@kill.example');
    expect(await w.call().write((call) => endInvitations(call, id, d.org_id))).to.equal(0);
    await d.send('PATCH', `/Users/${id}`, deactivate);
    await d.send('PATCH', `/Users/${id}`, deactivate);
    expect(await w.db('audit_logs').where({ action: 'user.disabled', object_id: id })).to.have.length(1);
  });
});
