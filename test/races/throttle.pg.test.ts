/** Twelve wrong passwords for one account at the same moment, at two processes: what is judged, counted and recorded (AU-08, RE-08). */
import { expect } from 'chai';
import { makeApplication, type RelyingParty } from '../oidc/rp.ts';
import {
  formsOf,
  goodPassword,
  insertPersonWithPassword,
  problemOf,
  type Shown,
  Visitor,
  wrongPassword,
} from '../signin/person.ts';
import { pause } from '../support/waiting.ts';
import { race, tallyOf, times } from './race.ts';
import { type Node, races } from './stage.ts';

races('throttling', (stageOf) => {
  let client: RelyingParty;

  before(async () => {
    client = await makeApplication(stageOf().w);
  });

  const posting =
    ({ visitor, form }: { readonly visitor: Visitor; readonly form: Shown }, password: string) =>
    (node: Node) =>
      node.request(form.action, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          accept: 'text/html',
          cookie: visitor.browser.cookieFor(form.action),
        },
        body: new URLSearchParams({ ...form.fields, password }).toString(),
      });

  /** What the policies have counted, each in all of its windows. */
  async function counted(): Promise<Record<string, number>> {
    const { w } = stageOf();
    const rows = await w
      .db('rate_limit_counters as c')
      .join('rate_limit_policies as p', 'p.policy_id', 'c.policy_id')
      .where('p.name', 'like', 'signin.%')
      .groupBy('p.name')
      .select('p.name', w.db.raw('sum(c.count)::int as count'));
    return Object.fromEntries(rows.map(({ name, count }: { name: string; count: number }) => [name, count]));
  }

  it('AU-08, RE-08: five are judged and recorded, seven wait; the right password counts for nothing and gets in after the wait', () =>
    race(stageOf(), {
      most: 4,
      prepare: async () => {
        const { w } = stageOf();
        const { user_id, email } = await insertPersonWithPassword(w);
        // As one script does it, or as many people: a page of its own for each half.
        const pages = [];
        for (const visitor of [new Visitor(w), new Visitor(w)]) {
          await visitor.begin(client);
          await visitor.fill({ identifier: email });
          const [form] = formsOf(visitor.page.text);
          if (!form?.action.endsWith('/password')) throw new Error(`no page for the password: ${visitor.page.text}`);
          pages.push({ visitor, form });
        }
        return { user_id, pages, began: 0 };
      },
      ready: async (one) => {
        await stageOf().w.db('rate_limit_counters').delete();
        one.began = performance.now();
      },
      acts: ({ pages: [one, other] }) =>
        times(12, (index) => posting((index % 2 ? one : other) as NonNullable<typeof one>, wrongPassword)),
      only: ['303', '429'],
      after: async ({ user_id, pages, began }, results, round) => {
        const { w, nodes } = stageOf();
        const tally = tallyOf(results.map(({ outcome }) => outcome));
        // The sixth may come after a second: only a machine that took so long to send twelve may have let it.
        const isSlow = performance.now() - began > 1000;
        const judged = tally['303'] ?? 0;
        expect(judged, `round ${round}`).to.be.within(5, isSlow ? 6 : 5);
        for (const { answer } of results.filter(({ outcome }) => outcome === '429')) {
          expect(Number(answer.headers.get('retry-after')), 'seconds').to.be.within(1, 2);
          expect(problemOf(answer.text)).to.be.a('string');
        }
        const recorded = await w.db('login_attempts').where({ user_id }).select('success', 'failure_reason');
        expect(recorded, `round ${round}`).to.deep.equal(
          times(judged, () => ({ success: false, failure_reason: 'password_wrong' })),
        );
        // What is refused further in has been counted further out, so that a flood of names fills its address.
        const expected = {
          'signin.failures_in_all': 12,
          'signin.failures_of_address': 12,
          'signin.failures_of_identifier': judged,
          'signin.failures_of_account': judged,
        };
        expect(await counted(), `round ${round}`).to.deep.equal(expected);
        await pause(1000 * 2 ** (judged - 5) + 50);
        const right = await posting(pages[0] as NonNullable<(typeof pages)[0]>, goodPassword)(nodes[round % 2] as Node);
        expect(right.headers.get('location'), `round ${round}: ${right.status}`).to.match(/\/oauth\/authorize\//);
        expect(await counted(), `round ${round}`).to.deep.equal(expected);
      },
    }));
});
