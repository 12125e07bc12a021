/** Walks through a directory while others change it miss nobody who was there all the time (SC-14, RFC 9865 §1). */
import { expect } from 'chai';
import type { JsonObject } from '../../src/scim/json.ts';
import { onPostgres } from '../support/database.ts';
import { type World, world } from '../support/world.ts';
import { type Directory, directory } from './door.ts';

/** The embedded database is one process's: a tenth shows the same there. */
const people = onPostgres ? 20_000 : 2000;
const deletions = 50;

describe('scim: walks', function () {
  this.timeout(120_000);
  let w: World;
  let d: Directory;
  before(async () => {
    w = await world({ environment: { LINTEL_SCIM_REQUESTS_PER_SECOND: '10000' } });
  });
  after(() => w.close());
  beforeEach(async () => {
    d = await directory(w);
    // Fifty were made in each second, as an import does: the id decides between them.
    await w.db.raw(
      `with made as (
         insert into users (user_id, home_org_id, username, email, created_at)
         select gen_random_uuid(), ?, 'walker-' || n, 'walker-' || n || '@example.test', 1760000000 + n / 50
           from generate_series(1, ?) n
         returning user_id)
       insert into user_organization_info (user_id, org_id, url_safe_org_name) select user_id, ?, 'x' from made`,
      [d.org_id, people, d.org_id],
    );
    // As autovacuum does within a minute.
    await w.db.raw('analyze users');
  });

  type Turn = { path: string | null; seen: number };
  const first: Record<string, string> = {
    startIndex: '/Users?startIndex=1&count=40&attributes=userName',
    cursor: '/Users?cursor=&count=40&attributes=userName',
  };
  const next: Record<string, (answer: JsonObject, seen: number) => string | null> = {
    startIndex: (answer, seen) =>
      seen < Number(answer.totalResults) ? `/Users?startIndex=${seen + 1}&count=40&attributes=userName` : null,
    cursor: (answer) =>
      answer.nextCursor === undefined
        ? null
        : `/Users?cursor=${String(answer.nextCursor)}&count=40&attributes=userName`,
  };

  for (const way of ['startIndex', 'cursor']) {
    it(`SC-14: by ${way}, while ${deletions} people are deleted in front of it and behind it`, async () => {
      const all = (await w.db('users').where({ home_org_id: d.org_id }).orderBy(['created_at', 'user_id'])) as {
        user_id: string;
      }[];
      const doomed = new Set<string>();
      const seen: string[] = [];
      let turn: Turn = { path: first[way] as string, seen: 0 };
      for (let page = 0; turn.path !== null; page += 1) {
        const answer = await d.send('GET', turn.path);
        expect(answer.status, answer.text).to.equal(200);
        const ids = (answer.body.Resources as JsonObject[]).map(({ id }) => id as string);
        seen.push(...ids);
        turn = { path: next[way]?.(answer.body, seen.length) ?? null, seen: seen.length };
        if (page < 5) {
          // Ten at a time: nine that were shown, more than a page in all, and one that is still to come. A total that counted only
          // who is left would end the walk by startIndex a page too early.
          const at = seen.length;
          for (const { user_id } of [...all.slice(at - 30, at - 21), ...all.slice(at + 25, at + 26)]) {
            if (doomed.has(user_id)) continue;
            doomed.add(user_id);
            expect((await d.send('DELETE', `/Users/${user_id}`)).status).to.equal(204);
          }
          await d.user(`newcomer-${way}-${page}@example.test`);
        }
      }
      expect(doomed.size).to.equal(deletions);
      expect(new Set(seen).size, 'nobody twice').to.equal(seen.length);
      const stayed = all.filter(({ user_id }) => !doomed.has(user_id)).map(({ user_id }) => user_id);
      const met = new Set(seen);
      const missed = stayed.filter((id) => !met.has(id));
      expect(missed.length, `${missed.length} of ${stayed.length} missed`).to.equal(0);
    });
  }

  it('through groups with all their members: an answer has fewer groups rather than too many members', async () => {
    const ids = (await w.db('users').where({ home_org_id: d.org_id }).limit(2000).select('user_id')) as {
      user_id: string;
    }[];
    const groups = 24;
    for (let n = 0; n < groups; n += 1) {
      const group = await d.group(`Crowd ${n}`);
      await w.db.raw(
        `insert into user_group_memberships (membership_id, group_id, user_id)
         select gen_random_uuid(), ?, unnest(?::uuid[])`,
        [group, ids.map(({ user_id }) => user_id)],
      );
      await w.db('user_groups').where({ group_id: group }).update({ member_count: ids.length });
    }
    await w.db.raw('analyze user_group_memberships');
    const names: string[] = [];
    for (let index = 1; index <= groups; ) {
      const answer = await d.send('GET', `/Groups?startIndex=${index}&count=100`);
      expect(answer.status, answer.text.slice(0, 300)).to.equal(200);
      const { body } = answer;
      const shown = body.Resources as JsonObject[];
      expect(body.totalResults).to.equal(groups);
      expect(shown.length).to.be.within(1, 10);
      for (const one of shown) {
        expect(one.members).to.have.length(ids.length);
        names.push(one.displayName as string);
      }
      index += shown.length;
    }
    expect(names).to.have.length(groups);
    const light = await d.send('GET', '/Groups?count=100&excludedAttributes=members');
    expect(light.body.itemsPerPage).to.equal(groups);
    expect(light.text).to.not.include('members');
  });
});
