/** Who did what, and who was refused: the audit log over every route, sign-ins and SCIM (AL-01, AL-04, AL-05). */
import { expect } from 'chai';
import { routes } from '../../src/app.ts';
import { hashSecret } from '../../src/core/secret.ts';
import { insertApiKey, insertMember, insertUser } from '../credentials/owners.ts';
import { makeApplication, type RelyingParty } from '../oidc/rp.ts';
import { paramsIn, populate, send, type Tenant } from '../rules/population.ts';
import { directory, patch } from '../scim/door.ts';
import { insertPersonWithPassword, Visitor, wrongPassword } from '../signin/person.ts';
import { type World, world } from '../support/world.ts';

interface Row {
  readonly org_id: string | null;
  readonly action: string;
  readonly object_type: string;
  readonly object_id: string;
  readonly result: string;
  readonly actor_type: string;
  readonly actor_id: string | null;
  readonly actor_label: string;
  readonly user_id: string | null;
  readonly ip_address: string | null;
  readonly user_agent: string | null;
  readonly request_id: string | null;
  readonly details: Record<string, unknown>;
}

const minute = 61_000;

describe('security: the audit log', function () {
  this.timeout(120_000);
  let w: World;
  let a: Tenant;
  let b: Tenant;
  let member: { readonly user_id: string; readonly key: string };
  let client: RelyingParty;
  before(async () => {
    w = await world();
    a = await populate(w, 'Audited');
    b = await populate(w, 'Another');
    const { user_id } = await insertUser(w.db);
    await insertMember(w.db, a.org_id, user_id);
    member = { user_id, key: await insertApiKey(w.db, { org_id: a.org_id, user_id, scopes: ['*'] }) };
    client = await makeApplication(w);
  });
  // Each asker's denials are written down thirty times a minute.
  beforeEach(() => {
    w.skew += minute;
  });
  after(() => w.close());

  const rowsOf = (answer: { headers: Headers }): Promise<Row[]> =>
    w.db('audit_logs').where({ request_id: answer.headers.get('x-request-id') });

  const ofOrganization = routes.filter(({ path }) => path.includes('{org_id}'));
  for (const route of ofOrganization) {
    const params = () => paramsIn(a, route) ?? {};
    it(`AL-01, AL-05: ${route.operationId}, refused, is one event of the asker's own organization`, async () => {
      w.skew += minute / 10;
      const refused = await send(w, route, params(), a, member.key);
      expect([refused.status, refused.body.code], refused.text).to.deep.equal([403, 'not_allowed']);
      const [row, ...more] = await rowsOf(refused);
      expect(more).to.deep.equal([]);
      expect(row).to.deep.include({
        org_id: a.org_id,
        action: 'access.denied',
        object_type: 'operation',
        object_id: route.operationId,
        result: 'denied',
        actor_type: 'user',
        actor_id: member.user_id,
        user_id: member.user_id,
      });
      expect(row?.details).to.deep.include({ fault_code: 'not_allowed', permission: route.permission });
      // Of another organization the asker's own log has it; the other's has nothing.
      const before = await countOf(b.org_id);
      const elsewhere = await send(w, route, { ...params(), org_id: b.org_id }, b, a.key);
      expect([elsewhere.status, elsewhere.body.code], elsewhere.text).to.deep.equal([404, 'not_found']);
      const [foreign, ...others] = await rowsOf(elsewhere);
      expect(others).to.deep.equal([]);
      expect(foreign).to.deep.include({ org_id: a.org_id, action: 'access.denied', result: 'denied' });
      expect(foreign?.details.params).to.deep.include({ org_id: b.org_id });
      expect(await countOf(b.org_id)).to.equal(before);
    });
  }

  const countOf = async (org_id: string): Promise<number> =>
    Number((await w.db('audit_logs').where({ org_id }).count())[0]?.count);

  it('AL-01: what is refused for its form, or is not there, is no denial', async () => {
    for (const [method, path, body] of [
      ['POST', `/organizations/${a.org_id}/roles`, { nonsense: true }],
      ['GET', `/organizations/${a.org_id}/roles/${b.org_id}`, undefined],
    ] as const) {
      const answer = await w.api(method, path, body, a.key);
      expect(answer.status).to.be.oneOf([400, 404]);
      expect(await rowsOf(answer), path).to.deep.equal([]);
    }
    const stranger = await w.api('GET', `/organizations/${a.org_id}`, undefined, null);
    expect([stranger.status, await rowsOf(stranger)]).to.deep.equal([401, []]);
  });

  it('AL-05: a flood of denials is bounded, and the next one says how many were left out', async () => {
    w.skew += minute;
    const before = await countOf(a.org_id);
    const ask = () => w.api('GET', `/organizations/${a.org_id}/users`, undefined, member.key);
    for (let batch = 0; batch < 50; batch += 1) {
      const answers = await Promise.all(Array.from({ length: 40 }, ask));
      expect(answers.every(({ status }) => status === 403)).to.equal(true);
    }
    const written = (await countOf(a.org_id)) - before;
    expect(written).to.be.within(1, 60);
    // What the flood was to hide is there, and is bounded too.
    const probe = () => w.api('GET', `/organizations/${b.org_id}/groups`, undefined, member.key);
    const [hidden] = await rowsOf(await probe());
    expect(hidden?.details.params).to.deep.include({ org_id: b.org_id });
    expect(await rowsOf(await probe())).to.deep.equal([]);
    w.skew += minute;
    const [row] = await rowsOf(await ask());
    expect(Number(row?.details.left_out)).to.be.within(1, 2001 - 30);
    // Another asker's are not crowded out.
    const other = await w.api('GET', `/organizations/${b.org_id}`, undefined, a.key);
    expect(await rowsOf(other)).to.have.length(1);
  });

  it('AL-05: failed sign-ins are recorded with where they came from, and a flood of them is bounded', async () => {
    const person = await insertPersonWithPassword(w);
    const fail = async (): Promise<void> => {
      const visitor = await new Visitor(w).begin(client);
      await visitor.fill({ identifier: person.email ?? '' });
      await visitor.fill({ password: wrongPassword });
    };
    await fail();
    const [first] = await w.db('login_attempts').where({ user_id: person.user_id });
    expect(first).to.include({ success: false, email_attempted: person.email });
    expect(first.ip_address).to.match(/127\.0\.0\.1|::1/);
    expect(first.request_id).to.be.a('string');
    for (let batch = 0; batch < 10; batch += 1) await Promise.all(Array.from({ length: 20 }, fail));
    const tries = await w.db('login_attempts').where({ user_id: person.user_id });
    expect(tries.length, 'of 201').to.be.within(2, 100);
    expect(JSON.stringify(tries)).not.to.include(wrongPassword);
    await w.db('rate_limit_counters').delete();
  });

  it('AL-01, AL-04: a sign-in is one event, with the session, the person, the way and the request', async () => {
    const person = await insertPersonWithPassword(w);
    const before = await w.db('audit_logs').pluck('log_id');
    const visitor = await new Visitor(w).begin(client);
    await visitor.signIn(person.email ?? '');
    const rows: Row[] = await w.db('audit_logs').whereNotIn('log_id', before).where({ action: 'session.created' });
    expect(rows).to.have.length(1);
    expect(rows[0]).to.deep.include({ object_type: 'session', result: 'success' });
    expect(rows[0]?.details).to.deep.include({ user_id: person.user_id, login_method: 'password' });
    expect(rows[0]?.request_id).to.be.a('string');
    expect(rows[0]?.ip_address).to.match(/127\.0\.0\.1|::1/);
  });

  it('AL-04: a change says who, on whose behalf, through what, from where, on what, and what changed, without secrets', async () => {
    const agent = { 'user-agent': 'audit-test/1.0' };
    const place = `/organizations/${a.org_id}`;
    const made = await w.api('POST', `${place}/scim-clients`, { name: 'Directory' }, a.key, agent);
    const [row, ...more] = await rowsOf(made);
    expect(more).to.deep.equal([]);
    expect(row).to.deep.include({
      org_id: a.org_id,
      action: 'scim_client.created',
      object_type: 'scim_client',
      object_id: made.body.client_id,
      result: 'success',
      actor_type: 'service_account',
      user_agent: 'audit-test/1.0',
      request_id: made.headers.get('x-request-id'),
    });
    expect(row?.actor_id).to.be.a('string');
    expect(row?.ip_address).to.match(/127\.0\.0\.1|::1/);
    const text = JSON.stringify(row);
    expect(text)
      .not.to.include(String(made.body.client_secret))
      .and.not.include(hashSecret(String(made.body.client_secret)));
    const changed = await w.api('PATCH', `${place}/scim-clients/${made.body.client_id}`, { name: 'Renamed' }, a.key);
    const [diff] = await rowsOf(changed);
    expect(diff?.details).to.deep.include({ before: { name: 'Directory' }, after: { name: 'Renamed' } });
    // A directory acts as itself, and the row says which.
    const d = await directory(w, { orgId: a.org_id });
    const user = await d.user('audited@example.test');
    const patched = await d.send('PATCH', `/Users/${user}`, patch({ op: 'replace', path: 'active', value: false }));
    const [scim, ...others] = await rowsOf(patched);
    expect(others).to.deep.equal([]);
    expect(scim).to.deep.include({
      action: 'user.disabled',
      object_id: user,
      actor_type: 'scim_client',
      actor_id: d.client_id,
    });
    expect(scim?.actor_label).to.match(/^scim:/);
  });

  it('AL-04: the log is read with all of it by who may, and by nobody of another organization', async () => {
    const own = await w.api<{ items: Row[] }>(
      'GET',
      `/organizations/${a.org_id}/audit-logs?limit=200`,
      undefined,
      a.key,
    );
    expect(own.status).to.equal(200);
    expect(own.body.items.some(({ action }) => action === 'access.denied')).to.equal(true);
    for (const item of own.body.items) expect(item.org_id).to.equal(a.org_id);
    const foreign = await w.api('GET', `/organizations/${a.org_id}/audit-logs`, undefined, b.key);
    expect([foreign.status, foreign.body.code]).to.deep.equal([404, 'not_found']);
  });
});
