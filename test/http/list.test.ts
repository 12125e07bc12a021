import { expect } from 'chai';
import type { Fault } from '../../src/core/fault.ts';
import { pageOf } from '../../src/http/list.ts';
import { type World, world } from '../support/world.ts';

describe('http/list', () => {
  let w: World;
  before(async () => {
    w = await world();
    await w.call().write(async (call) => {
      for (let i = 0; i < 25; i += 1) {
        await call.emit(
          { name: 'thing.listed', object_type: 'thing', says: 'Listed.' },
          { org_id: null, object_id: String(i) },
        );
      }
    });
  });
  after(() => w.close());

  const things = () => w.db('audit_logs').select('log_id', 'object_id').where({ action: 'thing.listed' });

  it('SC-14: walks to the end, each row once, in both directions, while rows are added', async () => {
    for (const direction of ['asc', 'desc'] as const) {
      const seen: string[] = [];
      let after: string | undefined;
      do {
        const page = await pageOf<{ log_id: string; object_id: string }>(
          things(),
          'log_id',
          { limit: 7, after },
          direction,
        );
        seen.push(...page.items.map(({ object_id }) => object_id));
        after = page.next ?? undefined;
      } while (after !== undefined);
      const expected = Array.from({ length: 25 }, (_, i) => String(direction === 'asc' ? i : 24 - i));
      expect(seen).to.deep.equal(expected);
    }
  });

  it('says null at the end, also when the last page is full', async () => {
    expect((await pageOf(things(), 'log_id', { limit: 25 })).next).to.equal(null);
    expect((await pageOf(things(), 'log_id', { limit: 24 })).next).to.be.a('string');
    expect(await pageOf(things(), 'log_id', { limit: 5, after: 'ffffffff-ffff-7fff-bfff-ffffffffffff' })).to.deep.equal(
      {
        items: [],
        next: null,
      },
    );
  });

  it('refuses a mark that is none', async () => {
    const error = await pageOf(things(), 'log_id', { after: "x' or 1=1" }).then(
      () => null,
      (thrown: Fault) => thrown,
    );
    expect(error).to.include({ code: 'request_invalid' });
    const reply = await w.api<{ code: string; errors: { pointer: string }[] }>('GET', '/audit-logs?limit=0');
    expect([reply.status, reply.body.code, reply.body.errors[0]?.pointer]).to.deep.equal([
      400,
      'request_invalid',
      '/query/limit',
    ]);
    expect((await w.api('GET', '/audit-logs?limit=201')).status).to.equal(400);
  });
});
