import { expect } from 'chai';
import type { Knex } from 'knex';
import {
  listResponse,
  type ListQuery,
  makeCursor,
  planPage,
  type Position,
  readListQuery,
  readSearchRequest,
  SEARCH_URN,
  WalkMemory,
} from '../../src/scim/list.ts';
import { buildRegistries } from '../../src/scim/registry.ts';
import { LIMITS } from '../../src/scim/schemas.ts';
import { emptyDatabase } from '../support/database.ts';
import { addOrganizations, FIRST_SECOND, ORG, uuid } from './directory.ts';
import { expectRefusal } from './refusal.ts';

const registries = buildRegistries();
const now = new Date('2026-11-21T12:00:00Z');
const read = (values: Record<string, unknown>, kind: 'User' | 'Group' = 'User') =>
  readListQuery(values, registries[kind], now);

describe('scim/list', () => {
  it('reads startIndex and count: too small is the smallest, too large the largest, no number is refused', () => {
    expect(read({})).to.include({ startIndex: 1, count: LIMITS.defaultResults, filter: undefined, cursor: undefined });
    expect(read({ startIndex: '0', count: '-5' })).to.include({ startIndex: 1, count: 0 });
    expect(read({ startIndex: '-3', count: '0' })).to.include({ startIndex: 1, count: 0 });
    expect(read({ startIndex: '101', count: '99999' })).to.include({ startIndex: 101, count: LIMITS.maxResults });
    for (const values of [
      { startIndex: 'x' },
      { count: '1.5' },
      { count: '1e3' },
      { startIndex: '9'.repeat(20) },
      { count: ['1', '2'] },
    ]) {
      expectRefusal(() => read(values), 400, 'invalidValue');
    }
    expectRefusal(() => read({ filter: 'x' }), 400, 'invalidFilter');
    expectRefusal(() => read({ sortBy: 'x' }), 400, 'invalidValue');
  });

  it('reads a search request', () => {
    const query = readSearchRequest(
      {
        schemas: [SEARCH_URN],
        Filter: 'userName sw "a"',
        startIndex: 2,
        count: 5,
        attributes: ['userName'],
        sortBy: 'title',
      },
      registries.User,
      now,
    );
    expect(query).to.include({ startIndex: 2, count: 5 });
    expect(query.projection.only).to.deep.equal(new Set(['username']));
    expect(query.sort?.attribute.path).to.equal('title');
    expectRefusal(() => readSearchRequest({ filter: 'a pr' }, registries.User, now), 400, 'invalidSyntax');
    expectRefusal(() => readSearchRequest([], registries.User, now), 400, 'invalidSyntax');
  });

  it('RFC 9865: refuses cursors that are forged, of another question, or old, and counts that are none', () => {
    const query = read({ cursor: '', filter: 'title pr' });
    expect(query.cursor).to.equal('first');
    const position: Position = { created: String(FIRST_SECOND), id: uuid(2, 1) };
    const cursor = makeCursor(position, query, now);
    expect(read({ cursor, filter: 'title pr' }).cursor).to.deep.equal(position);
    const times = { created: '2026-01-31 09:00:00.123456+00', id: uuid(3, 1) };
    expect(read({ cursor: makeCursor(times, read({}, 'Group'), now) }, 'Group').cursor).to.deep.equal(times);
    expectRefusal(() => read({ cursor }), 400, 'invalidCursor');
    expectRefusal(() => read({ cursor, filter: 'title pr' }, 'Group'), 400, 'invalidCursor');
    for (const forged of [
      'x',
      '!!',
      'a'.repeat(500),
      makeCursor({ created: "1'; drop", id: uuid(2, 1) }, query, now),
      makeCursor({ created: '1', id: 'x' }, query, now),
      Buffer.from('||||').toString('base64url'),
    ]) {
      expectRefusal(() => read({ cursor: forged, filter: 'title pr' }), 400, 'invalidCursor');
    }
    const later = new Date(now.getTime() + LIMITS.cursorTimeout * 1000 + 1);
    expectRefusal(() => readListQuery({ cursor, filter: 'title pr' }, registries.User, later), 400, 'expiredCursor');
    expectRefusal(() => read({ cursor: '', count: 'x' }), 400, 'invalidCount');
    expectRefusal(() => read({ cursor: '', count: '-1' }), 400, 'invalidCount');
    expectRefusal(() => read({ cursor: '', sortBy: 'title' }), 400, 'invalidCursor');
  });

  it('writes list responses of both kinds', () => {
    const resources = [{ id: '1' }, { id: '2' }];
    expect(listResponse(read({ startIndex: '3', count: '2' }), { resources, totalResults: 9 })).to.deep.equal({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
      totalResults: 9,
      startIndex: 3,
      itemsPerPage: 2,
      Resources: resources,
    });
    expect(listResponse(read({ count: '0' }), { resources: [], totalResults: 9 })).to.include({
      totalResults: 9,
      itemsPerPage: 0,
    });
    const byCursor = listResponse(read({ cursor: '' }), { resources, totalResults: 9, nextCursor: 'n' });
    expect(byCursor).to.include({ nextCursor: 'n', totalResults: 9 }).and.to.not.have.property('startIndex');
    expect(listResponse(read({ cursor: '' }), { resources, totalResults: 2 })).to.not.have.property('nextCursor');
  });

  describe('walks', () => {
    let knex: Knex;
    const total = 230;
    beforeEach(async () => {
      ({ knex } = await emptyDatabase());
      await addOrganizations(knex);
      // Ten users each second: the id settles the order.
      const rows = Array.from({ length: total }, (_, n) => ({
        user_id: uuid(2, n),
        home_org_id: ORG,
        username: `u${n}`,
        created_at: FIRST_SECOND + Math.floor(n / 10),
      }));
      await knex('users').insert(rows);
    });

    const page = async (
      query: ListQuery,
      from?: Position,
    ): Promise<{ ids: string[]; last: Position | undefined; hasMore: boolean }> => {
      const { after, orderBy, offset, limit } = planPage(query, registries.User, from);
      const { rows } = await knex.raw(
        `SELECT users.user_id AS id, users.created_at::text AS created FROM users WHERE users.home_org_id = ? AND ${after?.sql ?? 'TRUE'} ORDER BY ${orderBy.sql} LIMIT ? OFFSET ?`,
        [ORG, ...(after?.bindings ?? []), ...orderBy.bindings, limit, offset],
      );
      const shown = rows.slice(0, query.count) as Position[];
      return { ids: shown.map(({ id }) => id), last: shown.at(-1), hasMore: rows.length > query.count };
    };
    const remove = (numbers: number[]) =>
      knex('users')
        .whereIn(
          'user_id',
          numbers.map((n) => uuid(2, n)),
        )
        .delete();

    it('SC-14 a walk by cursor meets everybody who was there all the time, while others go and come', async () => {
      const met: string[] = [];
      let cursor = '';
      for (let round = 0; ; round++) {
        const query = read({ cursor, count: '50' });
        const { ids, last, hasMore } = await page(query);
        met.push(...ids);
        if (!hasMore || !last) break;
        cursor = makeCursor(last, query, now);
        await remove([round * 50 + 3, round * 50 + 4, round * 50 + 49, round * 50 + 60]);
        await knex('users').insert({
          user_id: uuid(2, 9000 + round),
          home_org_id: ORG,
          username: `new${round}`,
          created_at: FIRST_SECOND + 9000,
        });
      }
      expect(new Set(met).size).to.equal(met.length);
      for (let n = 0; n < total; n++)
        if (![60, 110, 160, 210].includes(n)) expect(met, String(n)).to.include(uuid(2, n));
    });

    it('SC-14 a walk by startIndex meets everybody too, when 50 of those already met are deleted', async () => {
      const walks = new WalkMemory();
      const met: string[] = [];
      for (let startIndex = 1; startIndex <= total; ) {
        const query = read({ startIndex: String(startIndex), count: '100' });
        const { ids, last } = await page(query, walks.recall('client', query));
        walks.remember('client', query, ids.length, last);
        met.push(...ids);
        if (startIndex === 1) await remove(Array.from({ length: 50 }, (_, n) => n));
        startIndex += 100;
      }
      expect(met).to.deep.equal(Array.from({ length: total }, (_, n) => uuid(2, n)));
    });

    it('counts where it remembers nothing, keeps clients and questions apart, and gives no rows for count=0', async () => {
      const walks = new WalkMemory();
      const query = read({ startIndex: '101', count: '2' });
      expect((await page(query)).ids).to.deep.equal([uuid(2, 100), uuid(2, 101)]);
      walks.remember('client', read({ count: '100' }), 100, { created: '1', id: uuid(2, 1) });
      expect(walks.recall('client', query)).to.deep.equal({ created: '1', id: uuid(2, 1) });
      expect(walks.recall('other', query)).to.equal(undefined);
      expect(walks.recall('client', read({ startIndex: '101', filter: 'title pr' }))).to.equal(undefined);
      expect(walks.recall('client', read({ startIndex: '101', sortBy: 'title' }))).to.equal(undefined);
      expect((await page(read({ count: '0' }))).ids).to.deep.equal([]);
      expect((await page(read({ startIndex: '9999' }))).ids).to.deep.equal([]);
    });
  });
});
