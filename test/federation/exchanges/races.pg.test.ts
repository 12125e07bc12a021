/** What is on its way while a connection closes, and keys that several processes need: more of it is in test/races. */
import { expect } from 'chai';
import type { App } from '../../../src/core/app.ts';
import { Call, systemActor } from '../../../src/core/call.ts';
import { connect, type Database } from '../../../src/db/connect.ts';
import { transact } from '../../../src/db/transact.ts';
import { completeSignin } from '../../../src/federation/exchanges/complete.ts';
import { samlKeys } from '../../../src/federation/keys/service.ts';
import { postgresOnly, testDatabaseAddress } from '../../support/database.ts';
import { until } from '../../support/waiting.ts';
import { type World, world } from '../../support/world.ts';
import { company, response, start } from '../company.ts';

describe('federation: many at once', () => {
  let w: World;
  let second: Database;
  let nodes: readonly App[];
  before(async function () {
    postgresOnly(this);
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

  it('FD-03: a connection that closes while a message is verified makes no account and no hand-off', async () => {
    const c = await company(w, { auto_provision: true });
    const { provider_id } = c.provider;
    const started = await start(w, provider_id);
    const email = `late@${c.domain}`;
    const incoming = { field: response(w, c, started, { subject: 's', email }), relay_state: started.relay_state };
    // Uncommitted, so that the first look finds the connection open and the second has to wait for the outcome.
    const closing = await second.knex.transaction();
    await closing('identity_providers').where({ provider_id }).update({ enabled: false });
    const completing = completeSignin(call(0), provider_id, incoming);
    await until(async () => {
      const waiting = `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      return (await w.db.raw(waiting)).rows.length > 0;
    }, 20_000).finally(() => closing.commit());
    expect(await completing).to.include({ kind: 'refused', code: 'connection.closed' });
    expect(await w.db('users').where({ email })).to.deep.equal([]);
    expect(await w.db('federation_handoffs').where({ provider_id })).to.deep.equal([]);
  });

  it('RE-18: processes that need keys at the same time make one set', async () => {
    await w.db('saml_keys').delete();
    const fresh = Array.from({ length: 4 }, (_, index) => ({ ...(nodes[index % 2] ?? w.app) }));
    const sets = await Promise.all(fresh.map((app) => samlKeys(app)));
    expect(new Set(sets.map(({ current }) => current.certificate)).size).to.equal(1);
    expect(await w.db('saml_keys')).to.have.length(4);
  });
});
