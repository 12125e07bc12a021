import { expect } from 'chai';
import { type World, world } from '../support/world.ts';
import { pause } from '../support/waiting.ts';

describe('http/health', () => {
  let w: World;
  before(async () => {
    w = await world();
  });
  after(() => w.close());

  it('SD-10: says live and ready, and nothing more', async () => {
    const live = await w.request('/health/live');
    expect([live.status, live.text]).to.deep.equal([200, '{"status":"live"}']);
    const ready = await w.request('/health/ready');
    expect([ready.status, ready.text]).to.deep.equal([200, '{"status":"ready"}']);
  });

  it('asks the database once for many probes', async () => {
    let asked = 0;
    const count = (query: { sql: string }) => {
      if (query.sql === 'select 1') asked += 1;
    };
    w.db.on('query', count);
    await pause(300);
    await Promise.all(Array.from({ length: 20 }, () => w.request('/health/ready')));
    w.db.removeListener('query', count);
    expect(asked).to.be.within(1, 4);
  });

  it('RE-06: is unready with Retry-After once the process is stopping, which serves on, and lets go of connections at last', async () => {
    w.lintel.beginStopping();
    const ready = await w.request('/health/ready');
    expect([ready.status, ready.headers.get('retry-after')]).to.deep.equal([503, '2']);
    expect((await w.request('/health/live')).status).to.equal(200);
    const connection = async () => {
      const served = await w.api('GET', '/audit-logs');
      return [served.status, served.headers.get('connection')];
    };
    expect(await connection()).to.deep.equal([200, 'keep-alive']);
    w.lintel.letGo();
    expect(await connection()).to.deep.equal([200, 'close']);
  });
});
