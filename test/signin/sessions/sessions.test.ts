import { expect } from 'chai';
import { Call, systemActor } from '../../../src/core/call.ts';
import { newId } from '../../../src/core/id.ts';
import { preparePassword, setPassword } from '../../../src/credentials/passwords/service.ts';
import type { NewSession, Session } from '../../../src/signin/sessions/schema.ts';
import {
  createSession,
  noteSignin,
  expireSessions,
  knowsDevice,
  leaveSession,
  nameIdContext,
  revokeSessions,
  touchSession,
} from '../../../src/signin/sessions/service.ts';
import { describeDevice } from '../../../src/signin/sessions/device-info.ts';
import { insertMember, insertOrganization, insertUser } from '../../credentials/owners.ts';
import { type World, world } from '../../support/world.ts';

const second = 1000;
const hour = 3600 * second;

describe('signin/sessions', () => {
  let w: World;
  before(async () => {
    w = await world();
  });
  beforeEach(() => {
    w.skew = 0;
  });
  after(() => w.close());

  const begin = async (user_id: string, input: Partial<NewSession> = {}): Promise<Session> => {
    const request = {
      request_id: newId(),
      ip: '2001:db8::7',
      user_agent: `Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0`,
    };
    const call = Call.begin(w.app, systemActor('signin'), request);
    expect(await noteSignin(call, user_id, null), 'may sign in').to.equal(true);
    return createSession(call, {
      user_id,
      org_id: null,
      login_method: 'password',
      amr: ['pwd'],
      acr: 'urn:lintel:acr:1fa',
      ...input,
    });
  };
  const row = (session_id: string) => w.db('sessions').where({ session_id }).first();
  const living = async (user_id: string): Promise<string[]> => {
    const answer = await w.api<{ items: Session[] }>('GET', `/users/${user_id}/sessions`);
    expect(answer.status, answer.text).to.equal(200);
    return answer.body.items.map(({ session_id }) => session_id);
  };
  const events = (action: string, object_id: string) =>
    w.db('audit_logs').where({ action, object_id }).orderBy('log_id');

  it('keeps how, from where and until when; the account says when it was last here', async () => {
    const { user_id } = await insertUser(w.db);
    const session = await begin(user_id, { name_id: 'her name there', idp_session_index: '_index' });
    const kept = await row(session.session_id);
    expect(kept).to.include({
      login_method: 'password',
      acr: 'urn:lintel:acr:1fa',
      ip_address: '2001:db8::7',
      device_info: 'Firefox on Linux',
    });
    expect(kept.user_agent).to.include('Firefox/143.0');
    expect(kept.amr).to.deep.equal(['pwd']);
    expect(kept.expires_at - kept.created_at).to.equal(24 * hour);
    expect(kept.idle_expires_at - kept.created_at).to.equal(hour);
    expect(kept.name_id_encrypted).not.to.include('her name');
    expect(w.app.sealer.open(kept.name_id_encrypted, nameIdContext(session.session_id))).to.equal('her name there');
    const user = await w.db('users').where({ user_id }).first('last_login_at', 'last_active_at');
    expect(user.last_login_at.getTime()).to.equal(kept.created_at.getTime());
    expect(await events('session.created', session.session_id)).to.have.length(1);
  });

  it('SE-04: ends when idle for an hour; use moves the limit, at most once a minute', async () => {
    const { user_id } = await insertUser(w.db);
    const { session_id } = await begin(user_id);
    expect(await touchSession(w.call(), session_id)).to.equal(false);
    w.skew = 50 * 60 * second;
    expect(await touchSession(w.call(), session_id)).to.equal(true);
    expect(await touchSession(w.call(), session_id)).to.equal(false);
    expect((await row(session_id)).request_count).to.equal(1);
    w.skew = 109 * 60 * second;
    expect(await living(user_id)).to.deep.equal([session_id]);
    w.skew = 111 * 60 * second;
    expect(await living(user_id)).to.deep.equal([]);
    expect(await touchSession(w.call(), session_id), 'it never begins again').to.equal(false);
  });

  it('SE-04: ends after 24 hours however much it is used, and when the identity provider says so', async () => {
    const { user_id } = await insertUser(w.db);
    const { session_id } = await begin(user_id);
    for (let half = 1; half < 48; half += 1) {
      w.skew = half * (hour / 2);
      expect(await touchSession(w.call(), session_id), `${half}`).to.equal(true);
    }
    w.skew = 24 * hour - 5 * second;
    expect(await living(user_id)).to.deep.equal([session_id]);
    w.skew = 24 * hour + second;
    expect(await living(user_id)).to.deep.equal([]);
    expect(await touchSession(w.call(), session_id)).to.equal(false);
    w.skew = 0;
    const short = await begin(user_id, { not_after: new Date(Date.now() + 10 * 60 * second) });
    w.skew = 11 * 60 * second;
    expect(await living(user_id)).not.to.include(short.session_id);
  });

  it('SE-04: an organization shortens the limits, and cannot lengthen them', async () => {
    const org_id = await insertOrganization(w.db);
    const { user_id } = await insertUser(w.db, { home_org_id: org_id });
    const set = (setting_key: string, value: unknown) =>
      w
        .db('tenant_settings')
        .insert({
          setting_id: newId(),
          org_id,
          setting_key,
          setting_value: JSON.stringify(value),
          category: 'security',
        })
        .onConflict(['org_id', 'setting_key'])
        .merge();
    await set('session.idle_seconds', 600);
    await set('session.max_seconds', 7200);
    const short = await begin(user_id, { org_id });
    expect(Number(short.expires_at) - Number(short.created_at)).to.equal(2 * hour);
    expect(Number(short.idle_expires_at) - Number(short.created_at)).to.equal(600 * second);
    await set('session.idle_seconds', 10_000_000);
    await set('session.max_seconds', 'for ever');
    const usual = await begin(user_id, { org_id });
    expect(Number(usual.expires_at) - Number(usual.created_at)).to.equal(24 * hour);
    expect(Number(usual.idle_expires_at) - Number(usual.created_at)).to.equal(hour);
  });

  it('SE-07: an administrator lists and ends sessions of members, one or all; others are not there (MT-01)', async () => {
    const [org, elsewhere] = [await insertOrganization(w.db), await insertOrganization(w.db)];
    const { user_id } = await insertUser(w.db);
    await insertMember(w.db, org, user_id);
    const stranger = await insertUser(w.db);
    const [here, there, own] = [
      await begin(user_id, { org_id: org }),
      await begin(user_id, { org_id: elsewhere }),
      await begin(user_id),
    ];
    const permissions = ['sessions.read', 'sessions.manage'];
    const account = await w.api('POST', `/organizations/${org}/service-accounts`, {
      name: 'ends sessions',
      permissions,
    });
    const { service_account_id } = account.body as { service_account_id: string };
    const made = await w.api('POST', `/organizations/${org}/api-keys`, {
      name: 'k',
      scopes: permissions,
      service_account_id,
    });
    const key = made.body.key as string;
    const place = `/organizations/${org}/members/${user_id}/sessions`;
    const list = await w.api<{ items: Session[] }>('GET', place, undefined, key);
    expect(list.body.items.map(({ session_id }) => session_id)).to.deep.equal([here.session_id]);
    for (const [method, path] of [
      ['GET', `/organizations/${org}/members/${stranger.user_id}/sessions`],
      ['DELETE', `/organizations/${org}/members/${stranger.user_id}/sessions`],
      ['GET', `/organizations/${elsewhere}/members/${user_id}/sessions`],
      ['DELETE', `/organizations/${elsewhere}/members/${user_id}/sessions/${there.session_id}`],
    ] as const) {
      expect((await w.api(method, path, undefined, key)).body.code, `${method} ${path}`).to.equal('not_found');
    }
    expect((await w.api('GET', `/users/${user_id}/sessions`, undefined, key)).body.code).to.equal('not_allowed');
    for (const foreign of [there, own]) {
      await w.api('DELETE', `${place}/${foreign.session_id}`, undefined, key);
      expect((await row(foreign.session_id)).revoked, 'not through this organization').to.equal(false);
    }
    expect((await w.api('DELETE', `${place}/${here.session_id}`, undefined, key)).status).to.equal(204);
    expect((await w.api('DELETE', `${place}/${here.session_id}`, undefined, key)).status).to.equal(204);
    const kept = await row(here.session_id);
    expect(kept).to.include({ revoked: true, revocation_reason: 'revoked_by_administrator' });
    const [entry, ...more] = await events('session.revoked', user_id);
    expect(more).to.have.length(0);
    expect(entry.details).to.deep.equal({ session_ids: [here.session_id], reason: 'revoked_by_administrator' });
    expect(entry.org_id).to.equal(org);
    expect((await living(user_id)).sort()).to.deep.equal([there.session_id, own.session_id].sort());
    expect((await w.api('DELETE', `/users/${user_id}/sessions`)).status).to.equal(204);
    expect(await living(user_id)).to.deep.equal([]);
  });

  it('SE-07: the owner of an account sees and ends all its sessions', async () => {
    const [org, elsewhere] = [await insertOrganization(w.db), await insertOrganization(w.db)];
    const { user_id } = await insertUser(w.db, { home_org_id: org });
    const guest = await begin(user_id, { org_id: elsewhere });
    const list = await w.api<{ items: Session[] }>('GET', `/organizations/${org}/members/${user_id}/sessions`);
    expect(list.body.items.map(({ session_id }) => session_id)).to.deep.equal([guest.session_id]);
    await w.api('DELETE', `/organizations/${org}/members/${user_id}/sessions`);
    expect((await row(guest.session_id)).revoked).to.equal(true);
  });

  it('AU-05: a changed password ends every other session', async () => {
    const { user_id } = await insertUser(w.db);
    const [mine, other] = [await begin(user_id), await begin(user_id)];
    const prepared = await preparePassword('seven quiet geese cross the canal');
    await setPassword(w.call(), user_id, prepared, { keep_session_id: mine.session_id });
    expect(await living(user_id)).to.deep.equal([mine.session_id]);
    expect((await row(other.session_id)).revocation_reason).to.equal('password_changed');
  });

  it('SE-05: signing out ends the session without revoking what was allowed in absence', async () => {
    const { user_id } = await insertUser(w.db);
    const { session_id } = await begin(user_id);
    await leaveSession(w.call(), session_id);
    await leaveSession(w.call(), session_id);
    expect(await living(user_id)).to.deep.equal([]);
    expect((await row(session_id)).revoked).to.equal(false);
    expect(await events('session.ended', session_id)).to.have.length(1);
    expect(await touchSession(w.call(), session_id)).to.equal(false);
  });

  it('SE-06: ends by person, by organization and by identity provider; each once, with one event a person', async () => {
    const org = await insertOrganization(w.db);
    const [one, two] = [await insertUser(w.db), await insertUser(w.db)];
    const provider_id = newId();
    await w.db('identity_providers').insert({ provider_id, org_id: org, type: 'saml', name: 'IdP' });
    const federated = { org_id: org, provider_id, login_method: 'saml' };
    const first = await begin(one.user_id, { ...federated, idp_session_index: 'a' });
    await begin(one.user_id, { ...federated, idp_session_index: 'b' });
    await begin(two.user_id, { ...federated, idp_session_index: 'c' });
    const personal = await begin(two.user_id);
    const bySession = await revokeSessions(w.call(), { provider_id, idp_session_index: 'a' }, 'provider_signed_out');
    expect(bySession.map(({ session_id }) => session_id)).to.deep.equal([first.session_id]);
    expect(await revokeSessions(w.call(), { provider_id }, 'provider_disabled')).to.have.length(2);
    expect(await revokeSessions(w.call(), { provider_id }, 'provider_disabled')).to.have.length(0);
    expect(await events('session.revoked', two.user_id)).to.have.length(1);
    expect(await living(two.user_id)).to.deep.equal([personal.session_id]);
    expect(await revokeSessions(w.call(), { user_id: two.user_id, org_id: org }, 'membership_ended')).to.have.length(0);
    expect(await revokeSessions(w.call(), { user_id: two.user_id }, 'account_disabled')).to.have.length(1);
    try {
      await revokeSessions(w.call(), {}, 'account_disabled');
      expect.fail('everybody was signed out');
    } catch (error) {
      expect((error as Error).message).to.equal('No sessions were named.');
    }
  });

  it('AU-09: a browser stays known while its sessions are kept, 90 days after their end', async () => {
    await w.db('sessions').delete();
    const { user_id } = await insertUser(w.db);
    const fingerprint = 'f'.repeat(43);
    await begin(user_id, { device_fingerprint: fingerprint });
    expect(await knowsDevice(w.call(), user_id, fingerprint)).to.equal(true);
    expect(await knowsDevice(w.call(), user_id, 'g'.repeat(43))).to.equal(false);
    expect(await knowsDevice(w.call(), newId(), fingerprint)).to.equal(false);
    w.skew = 90 * 24 * hour;
    expect(await expireSessions(w.app)).to.equal(0);
    w.skew = 92 * 24 * hour;
    expect(await expireSessions(w.app)).to.be.greaterThan(0);
    expect(await knowsDevice(w.call(), user_id, fingerprint)).to.equal(false);
  });

  it('says browsers in words', () => {
    const chrome =
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';
    expect(describeDevice(chrome)).to.equal('Chrome on Windows');
    expect(describeDevice(`${chrome} Edg/140.0`)).to.equal('Edge on Windows');
    expect(
      describeDevice('Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1'),
    ).to.equal('Safari on iPhone');
    expect(describeDevice('curl/8.0')).to.equal(null);
    expect(describeDevice(null)).to.equal(null);
  });
});
