/** Responses, hand-offs and keys that come many at a time, on two nodes: what only several connections can show. */
import { expect } from 'chai';
import type { App } from '../../../src/core/app.ts';
import { Call, systemActor } from '../../../src/core/call.ts';
import { connect, type Database } from '../../../src/db/connect.ts';
import { transact } from '../../../src/db/transact.ts';
import { completeSignin, type Completion } from '../../../src/federation/exchanges/complete.ts';
import { redeemHandoff } from '../../../src/federation/exchanges/handoffs.ts';
import { samlKeys } from '../../../src/federation/keys/service.ts';
import { onPostgres, testDatabaseAddress } from '../../support/database.ts';
import { type World, world } from '../../support/world.ts';
import { type Company, company, type Person, response, start } from '../company.ts';

describe('federation: many at once', () => {
  let w: World;
  let second: Database;
  let nodes: readonly App[];
  before(async function () {
    if (!onPostgres) return this.skip();
    w = await world();
    second = await connect(await testDatabaseAddress(), { pool: 10 });
    nodes = [w.app, { ...w.app, db: second.knex, transact: (work) => transact(second.knex, work) }];
  });
  after(async () => {
    await second?.close();
    await w?.close();
  });

  const call = (index: number) => Call.begin(nodes[index % 2] ?? w.app, systemActor('test'));
  const twelve = <T>(work: (index: number) => Promise<T>): Promise<T[]> =>
    Promise.all(Array.from({ length: 12 }, (_, index) => work(index)));
  const codesOf = async (c: Company) =>
    (await w.db('federation_attempts').where({ org_id: c.org_id })).map(({ code }: { code: string | null }) => code);
  const kinds = (completions: readonly Completion[], kind: Completion['kind']) =>
    completions.filter((completion) => completion.kind === kind);

  it('SA-07: of one response twelve times on two nodes exactly one is believed', async () => {
    const c = await company(w, { auto_provision: true });
    for (let round = 0; round < 10; round += 1) {
      const started = await start(w, c.provider.provider_id);
      const field = response(w, c, started, { subject: `s-${round}`, email: `p${round}@${c.domain}` });
      const incoming = { field, relay_state: started.relay_state };
      const completions = await twelve((index) => completeSignin(call(index), c.provider.provider_id, incoming));
      expect(kinds(completions, 'handoff'), `round ${round}`).to.have.length(1);
      expect(kinds(completions, 'refused')).to.have.length(11);
    }
    const codes = await codesOf(c);
    expect(codes.filter((code) => code === null)).to.have.length(10);
    expect(new Set(codes.filter((code) => code !== null))).to.deep.equal(new Set(['replayed']));
    expect(await w.db('users').where({ home_org_id: c.org_id })).to.have.length(10);
  });

  it('SA-07: an unasked response, accepted, is believed once', async () => {
    const c = await company(w, { auto_provision: true, config: { idp_initiated: 'accept' } });
    const field = response(w, c, null, { subject: 's', email: `p@${c.domain}` });
    const completions = await twelve((index) =>
      completeSignin(call(index), c.provider.provider_id, { field, relay_state: null }),
    );
    expect(kinds(completions, 'landing')).to.have.length(1);
    expect((await codesOf(c)).filter((code) => code === 'replayed')).to.have.length(11);
  });

  it('twelve first sign-ins of one person make one account and one link, and all succeed', async () => {
    for (const person of [
      (c: Company): Person => ({ subject: 's', email: `ada@${c.domain}`, username: 'ada' }),
      (): Person => ({ subject: 's', email: null, username: 'ada' }),
    ]) {
      const c = await company(w, { auto_provision: true });
      const completions = await twelve(async (index) => {
        const started = await start(w, c.provider.provider_id);
        const incoming = { field: response(w, c, started, person(c)), relay_state: started.relay_state };
        return completeSignin(call(index), c.provider.provider_id, incoming);
      });
      expect(kinds(completions, 'handoff'), JSON.stringify(await codesOf(c))).to.have.length(12);
      expect(await w.db('users').where({ home_org_id: c.org_id })).to.have.length(1);
      expect(await w.db('federated_identities').where({ provider_id: c.provider.provider_id })).to.have.length(1);
      expect(await w.db('audit_logs').where({ org_id: c.org_id, action: 'user.created' })).to.have.length(1);
    }
  });

  it('two subjects that claim one account at once: one is linked, the others are refused', async () => {
    const c = await company(w);
    await w.api('POST', `/organizations/${c.org_id}/users`, { email: `ada@${c.domain}` });
    const completions = await twelve(async (index) => {
      const started = await start(w, c.provider.provider_id);
      const field = response(w, c, started, { subject: `s-${index}`, email: `ada@${c.domain}` });
      return completeSignin(call(index), c.provider.provider_id, { field, relay_state: started.relay_state });
    });
    expect(kinds(completions, 'handoff')).to.have.length(1);
    expect((await codesOf(c)).filter((code) => code === 'account.linked_otherwise')).to.have.length(11);
  });

  it('OA-06: of one hand-off twelve times exactly one is worth something', async () => {
    const c = await company(w, { auto_provision: true });
    const started = await start(w, c.provider.provider_id);
    const field = response(w, c, started, { subject: 's', email: `p@${c.domain}` });
    const done = await completeSignin(w.call(), c.provider.provider_id, { field, relay_state: started.relay_state });
    if (done.kind !== 'handoff') throw new Error(done.kind);
    const logins = await twelve((index) => redeemHandoff(call(index), done.code, { attempt_id: started.attempt_id }));
    expect(logins.filter((login) => login !== null)).to.have.length(1);
  });

  it('FD-03: once disabling was answered, nobody comes through any more, also of those on their way', async () => {
    const c = await company(w, { auto_provision: true });
    const path = `/organizations/${c.org_id}/identity-providers/${c.provider.provider_id}`;
    const fields = await twelve(async (index) => {
      const started = await start(w, c.provider.provider_id);
      const person = { subject: `s-${index}`, email: `p${index}@${c.domain}` };
      return { field: response(w, c, started, person), relay_state: started.relay_state };
    });
    let disabled = false;
    const late: string[] = [];
    const disabling = w.api('PATCH', path, { enabled: false }).then(() => {
      disabled = true;
    });
    await twelve(async (index) => {
      const incoming = fields[index] ?? { field: '', relay_state: null };
      const before = disabled;
      const completion = await completeSignin(call(index), c.provider.provider_id, incoming);
      if (before && completion.kind === 'handoff') late.push(completion.kind);
    });
    await disabling;
    expect(late).to.deep.equal([]);
  });

  it('RE-18: processes that need keys at the same time make one set', async () => {
    await w.db('saml_keys').delete();
    const fresh = Array.from({ length: 4 }, (_, index) => ({ ...(nodes[index % 2] ?? w.app) }));
    const sets = await Promise.all(fresh.map((app) => samlKeys(app)));
    expect(new Set(sets.map(({ current }) => current.certificate)).size).to.equal(1);
    expect(await w.db('saml_keys')).to.have.length(4);
  });
});
