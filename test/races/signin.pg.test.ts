/** One person's sign-in, sent more than once at the same moment, and the switch that closes it (checklist SE-01, AU-13, FD-03). */
import { expect } from 'chai';
import { insertMember, insertOrganization } from '../credentials/owners.ts';
import { makeApplication, type RelyingParty } from '../oidc/rp.ts';
import { formsOf, goodPassword, insertPersonWithPassword, Visitor } from '../signin/person.ts';
import { race, severally, times } from './race.ts';
import { type Node, races } from './stage.ts';

races('signing in', (stageOf) => {
  let client: RelyingParty;

  before(async () => {
    client = await makeApplication(stageOf().w);
  });

  /** In front of the page that asks for the password. */
  async function atPassword(organization_id?: string) {
    const { w } = stageOf();
    const { user_id, email } = await insertPersonWithPassword(w, { home_org_id: organization_id ?? null });
    if (organization_id !== undefined) await insertMember(w.db, organization_id, user_id);
    const visitor = await new Visitor(w).begin(client, { organization_id });
    await visitor.fill({ identifier: email });
    const [form] = formsOf(visitor.page.text);
    if (!form?.action.endsWith('/password')) throw new Error(`no page for the password: ${visitor.page.text}`);
    return { user_id, visitor, form };
  }

  type AtPassword = Awaited<ReturnType<typeof atPassword>>;

  const sending =
    ({ visitor, form }: AtPassword, password = goodPassword) =>
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

  it('SE-01, AU-13: of twelve posts of one right password one begins a session, and they lead to one place', () =>
    race(stageOf(), {
      most: 25,
      prepare: () => atPassword(),
      acts: (one) => times(12, () => sending(one)),
      only: ['303', '429'],
      after: async ({ user_id, visitor }, results, round) => {
        const { w } = stageOf();
        const rows = await w.db('sessions').where({ user_id }).select('session_id');
        expect(rows, `sessions, round ${round}`).to.have.length(1);
        const led = results.flatMap(({ answer }) => answer.headers.get('location') ?? []);
        const ways = Map.groupBy(led, (location) => (/\/oauth\/authorize\/[\w-]{43}$/.test(location) ? 'on' : 'anew'));
        // What comes when the attempt is over already begins anew; what is under way then goes on like the first.
        for (const location of ways.get('anew') ?? [])
          expect(location, `round ${round}`).to.match(/^\/signin\/[\w-]+$/);
        const [first, ...others] = new Set(ways.get('on'));
        expect(others, `round ${round}`).to.deep.equal([]);
        const landed = await visitor.open(first ?? '');
        expect(landed.callback?.searchParams.get('code'), `round ${round}: ${landed.page.text}`).to.be.a('string');
      },
    }));

  it('FD-03: who signs in with a password while the organization switches passwords off is let in by nobody afterwards', () =>
    race(stageOf(), {
      most: 25,
      prepare: async () => {
        const { w } = stageOf();
        const org_id = await insertOrganization(w.db);
        const people = await severally(times(6, String), 2, () => atPassword(org_id));
        return { org_id, people };
      },
      ready: async () => void (await stageOf().w.db('rate_limit_counters').delete()),
      acts: ({ org_id, people }) => [
        ...people.slice(0, 5).map((one) => sending(one)),
        (node) => node.api('PUT', `/organizations/${org_id}/login-methods/password`, { enabled: false }),
      ],
      only: ['200', '303'],
      after: async ({ org_id, people }, results, round) => {
        const { w, nodes } = stageOf();
        for (const [index, { user_id }] of people.slice(0, 5).entries()) {
          const began = await w.db('sessions').where({ user_id }).select('session_id');
          const location = results[index]?.answer.headers.get('location') ?? '';
          const isIn = location.includes('/oauth/authorize/');
          expect(began, `round ${round}: ${location}`).to.have.length(isIn ? 1 : 0);
        }
        const late = await sending(people.at(-1) as AtPassword)(nodes[round % 2] as Node);
        expect(late.headers.get('location'), `round ${round}`).to.match(/\/signin\//);
        const { off } = await w
          .db('org_login_methods')
          .where({ org_id, method: 'password' })
          .first({ off: w.db.raw('not enabled') });
        expect(off).to.equal(true);
      },
    }));
});
