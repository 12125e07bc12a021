/** Whose share a large body takes of, over the wire: bodies that wait in the database hold theirs meanwhile. */
import { expect } from 'chai';
import { directory, GROUP, newToken } from '../scim/door.ts';
import { onPostgres } from '../support/database.ts';
import { skipWithoutPostgres } from '../support/own-postgres.ts';
import { type Answer, type World, world } from '../support/world.ts';

describe('http/large: shares', () => {
  let w: World;
  before(async function () {
    skipWithoutPostgres(this, onPostgres ? null : 'LINTEL_TEST_DATABASE_URL is not set');
    w = await world({ environment: { LINTEL_DATABASE_POOL: '30' } });
  });
  after(() => w?.close());

  it('MT-06, RE-13: an organization has one share, however it spells its token, and whichever of them it sends', async () => {
    const [greedy, other] = [await directory(w), await directory(w)];
    const second = await newToken(w, greedy.org_id, greedy.client_id);
    // Two of these are less than half of what all may take together.
    const body = JSON.stringify({ schemas: [GROUP], displayName: 'Large' }).replace('{', `{${' '.repeat(4_000_000)}`);
    const large = (authorization: string): Promise<Answer> =>
      w.request('/scim/v2/Groups', {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/scim+json' },
        body,
      });
    const isBusy = ({ status, text }: Answer) => status === 503 && text.includes('large bodies');

    const holder = await w.db.transaction();
    await holder.raw('lock table user_groups, scim_resources in access exclusive mode');
    const held = [`Bearer ${greedy.token}`, `Bearer  ${greedy.token}`].map(large);
    const spellings = [`bEaReR ${greedy.token}`, `Bearer ${second}`].map(large);
    const theirs = large(`Bearer ${other.token}`);
    const answers = await Promise.all([...held, ...spellings]);
    const answer = await theirs;
    await holder.rollback();
    expect(
      answers.filter(isBusy),
      answers.map(({ status, text }) => `${status} ${text.slice(0, 200)}`).join('\n'),
    ).to.have.length(2);
    expect(isBusy(answer), answer.text).to.equal(false);
  });
});
