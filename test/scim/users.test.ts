/** Pages of people who are in very many groups: they get shorter, and nobody is left out. */
import { expect } from 'chai';
import type { JsonObject } from '../../src/scim/json.ts';
import { type World, world } from '../support/world.ts';
import { type Directory, directory } from './door.ts';

describe('scim: people of very many groups', () => {
  let w: World;
  let d: Directory;
  let names: string[];

  /** Everybody is in 400 groups, 24,000 in all; the first one alone in 21,000. */
  before(async function prepare() {
    this.timeout(120_000);
    w = await world();
    d = await directory(w);
    names = Array.from({ length: 60 }, (_, index) => `many${String(index).padStart(2, '0')}@grouped.example`);
    const ids: string[] = [];
    for (const name of names) ids.push(await d.user(name));
    await w.db.raw(
      `insert into user_groups (group_id, org_id, name, slug, member_count)
       select gen_random_uuid(), ?, 'Many ' || i, 'many-' || i, 0 from generate_series(1, 21000) i`,
      [d.org_id],
    );
    const join = (to: number, users: readonly string[]) =>
      w.db.raw(
        `insert into user_group_memberships (membership_id, group_id, user_id)
         select gen_random_uuid(), g.group_id, u.user_id
         from user_groups g cross join unnest(?::uuid[]) as u(user_id)
         where g.org_id = ? and substr(g.slug, 6)::int <= ?`,
        [[...users], d.org_id, to],
      );
    await join(400, ids.slice(1));
    await join(21_000, ids.slice(0, 1));
    await w.db.raw('analyze user_groups, user_group_memberships');
  });
  after(() => w.close());

  const page = async (
    query: string,
  ): Promise<JsonObject & { Resources: { userName: string; groups: unknown[] }[] }> => {
    const { status, body, text } = await d.send(
      'GET',
      `/Users?filter=${encodeURIComponent('userName sw "many"')}&${query}`,
    );
    expect(status, text.slice(0, 300)).to.equal(200);
    return body as never;
  };

  it('MT-06, RE-17: a page has 20,000 groups and not many more, and a walk by index meets everybody once', async () => {
    const seen: string[] = [];
    const lengths: number[] = [];
    while (seen.length < names.length) {
      const { Resources, totalResults, itemsPerPage, startIndex } = await page(
        `count=200&startIndex=${seen.length + 1}`,
      );
      expect({ totalResults, itemsPerPage, startIndex }).to.deep.equal({
        totalResults: names.length,
        itemsPerPage: Resources.length,
        startIndex: seen.length + 1,
      });
      const groups = Resources.map((one) => one.groups.length);
      expect(groups).to.deep.equal(Resources.map(({ userName }) => (userName === names[0] ? 21_000 : 400)));
      if (Resources.length > 1) expect(groups.reduce((sum, one) => sum + one, 0)).to.be.at.most(30_000);
      seen.push(...Resources.map(({ userName }) => userName));
      lengths.push(Resources.length);
      expect(lengths.length).to.be.at.most(5);
    }
    expect(seen).to.deep.equal(names);
    expect(lengths.length).to.be.at.least(2);
  });

  it('so does a walk by cursor', async () => {
    const seen: string[] = [];
    let cursor: unknown = '';
    for (let pages = 0; cursor !== undefined && pages < 6; pages += 1) {
      const { Resources, nextCursor } = await page(`count=200&cursor=${cursor}`);
      seen.push(...Resources.map(({ userName }) => userName));
      cursor = nextCursor;
    }
    expect(cursor).to.equal(undefined);
    expect(seen).to.deep.equal(names);
  });

  it('a page without groups is as long as it was', async () => {
    expect((await page('count=200&excludedAttributes=groups')).Resources).to.have.length(names.length);
    expect((await page('count=200&attributes=userName')).Resources).to.have.length(names.length);
  });
});
