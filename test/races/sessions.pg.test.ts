/** One browser's session at the provider, written by several tabs at the same moment: none undoes what another has noted (checklist SE-06). */
import { expect } from 'chai';
import {
  authorizationUrl,
  Browser,
  exchange,
  introspect,
  makeApplication,
  makePerson,
  travel,
  verifierOf,
} from '../oidc/rp.ts';
import type { RelyingParty } from '../oidc/rp.ts';
import { race, severally, times } from './race.ts';
import { type Node, races } from './stage.ts';

races('tabs of one browser', (stageOf) => {
  let first: RelyingParty;
  let applications: RelyingParty[];

  before(async () => {
    const { w } = stageOf();
    first = await makeApplication(w);
    applications = await severally(times(12, String), 4, () => makeApplication(w));
  });

  it('twelve tabs that authorize twelve applications at once: the session knows all of them, and what each was given lives', () =>
    race(stageOf(), {
      most: 25,
      prepare: async () => {
        const { w } = stageOf();
        const { user_id } = await makePerson(w);
        const browser = new Browser(w);
        await travel(w, browser, authorizationUrl(first), { login: { account_id: user_id } });
        const tabs = applications.map((rp) => ({ rp, address: authorizationUrl(rp) }));
        return { user_id, tabs, cookie: browser.cookieFor('/oauth/authorize') };
      },
      acts: ({ tabs, cookie }) =>
        tabs.map(
          ({ address }) =>
            (node: Node) =>
              node.request(address, { headers: { cookie } }),
        ),
      outcome: ({ status, headers }) => `${status}${/[?&]code=/.test(headers.get('location') ?? '') ? ' code' : ''}`,
      gives: { '303 code': 12 },
      after: async ({ user_id, tabs }, results, round) => {
        const { w, nodes } = stageOf();
        const { payload } = await w.db('oidc_sessions').where({ user_id }).first('payload');
        expect(payload.authorizations, `round ${round}`).to.have.all.keys(
          [first, ...applications].map(({ client_id }) => client_id),
        );
        const active = await severally([...tabs.entries()], 4, async ([index, { rp, address }]) => {
          const location = new URL(results[index]?.answer.headers.get('location') ?? '');
          const code = location.searchParams.get('code') ?? '';
          const { body } = await exchange(nodes[0], rp, code, verifierOf(address));
          return (await introspect(nodes[1], rp, body.access_token ?? '')).active;
        });
        expect(active, `round ${round}`).to.deep.equal(times(12, () => true));
      },
    }));
});
