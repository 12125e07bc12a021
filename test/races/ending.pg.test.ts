/** Things that begin at the moment at which what they stand on ends: nothing of them lives on, nor comes back to life (checklist SE-06, SC-08, SC-12, AZ-03, FD-03, OA-26). */
import { expect } from 'chai';
import { setMember } from '../../src/access/grants/service.ts';
import { createApiKey } from '../../src/credentials/api-keys/service.ts';
import { callAs, makeOwned } from '../directory/cast.ts';
import { type Company } from '../federation/company.ts';
import {
  authorizationUrl,
  basic,
  exchange,
  introspect,
  makeApplication,
  refresh,
  type RelyingParty,
  type Tokens,
  userinfo,
  verifierOf,
} from '../oidc/rp.ts';
import { type Directory, directory, patch } from '../scim/door.ts';
import { arrived, gate } from './arrival.ts';
import { good, race, severally, times } from './race.ts';
import { type Node, races, unique } from './stage.ts';

races('beginning and ending', (stageOf) => {
  let c: Company;
  let d: Directory;
  let client: RelyingParty;

  before(async () => {
    const { w } = stageOf();
    c = await gate(w);
    d = await directory(w, { orgId: c.org_id });
    client = await makeApplication(w);
  });

  const active = (value: boolean) => patch({ op: 'replace', path: 'active', value });

  /** Somebody who was signed in once, so that everybody of a round finds the same account. */
  async function employee() {
    const { w } = stageOf();
    const name = unique();
    const person = { subject: `u-${name}`, email: `${name}@${c.domain}` };
    const enter = async () => {
      const way = await arrived(w, c, client, person);
      const landed = await way.browser.go(way.back);
      const end = await way.browser.go(landed.location ?? '');
      return { ...way, code: new URL(end.location ?? '', w.url).searchParams.get('code') ?? '' };
    };
    const first = await enter();
    const { user_id } = await w.db('users').where({ home_org_id: c.org_id, email: person.email }).first('user_id');
    return { user_id: user_id as string, person, first, enter };
  }

  it('SC-08, SE-06: who signs in, redeems, rotates and asks while SCIM disables her holds nothing, also when she is enabled again', () =>
    race(stageOf(), {
      most: 25,
      prepare: async () => {
        const { w } = stageOf();
        const one = await employee();
        const tokens = (await exchange(w, client, one.first.code, one.first.verifier)).body;
        const second = await one.enter();
        const comings = await severally(times(3, String), 1, () => arrived(w, c, client, one.person));
        return { ...one, tokens, second, comings, again: authorizationUrl(client, { organization_id: c.org_id }) };
      },
      acts: ({ user_id, tokens, second, first, comings, again }) => [
        (node) => d.at(node).send('PATCH', `/Users/${user_id}`, active(false)),
        ...comings.map(({ back, browser }) => (node: Node) => {
          const cookie = browser.cookieFor(new URL(back, 'http://x').pathname);
          return node.request(back, { headers: { cookie, accept: 'text/html' } });
        }),
        ...times(
          2,
          () => (node: Node) =>
            tokenOf(node, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' }),
        ),
        ...times(
          2,
          () => (node: Node) =>
            tokenOf(node, {
              grant_type: 'authorization_code',
              code: second.code,
              code_verifier: second.verifier,
              redirect_uri: 'https://app.example/cb',
            }),
        ),
        ...times(
          2,
          () => (node: Node) =>
            node.request(again, { headers: { cookie: first.browser.cookieFor('/oauth/authorize') } }),
        ),
      ],
      only: ['200', '303', '400 invalid_grant', '400'],
      after: async ({ user_id, tokens, again }, results, round) => {
        const { w, nodes } = stageOf();
        const back = await d.send('PATCH', `/Users/${user_id}`, active(true));
        expect(back.status, back.text).to.equal(200);
        const held = [
          tokens,
          ...good(results).flatMap(({ text }) => (text.startsWith('{"access') ? [JSON.parse(text) as Tokens] : [])),
        ];
        for (const { access_token, refresh_token } of held) {
          for (const node of nodes) {
            expect((await introspect(node, client, access_token ?? '')).active, `round ${round}`).to.equal(false);
            expect((await userinfo(node, access_token ?? '')).status, `round ${round}`).to.equal(401);
            expect((await refresh(node, client, refresh_token ?? '')).status, `round ${round}`).to.equal(400);
          }
        }
        for (const { answer } of results) {
          const code = /[?&]code=([^&]+)/.exec(answer.headers.get('location') ?? '')?.[1];
          if (code === undefined || /federated/.test(answer.headers.get('location') ?? '')) continue;
          const late = await exchange(nodes[0], client, decodeURIComponent(code), verifierOf(again));
          expect(late.body.error, `a code of that moment, round ${round}`).to.equal('invalid_grant');
        }
        const living = await w.db('sessions').where({ user_id, revoked: false }).select('session_id', 'created_at');
        expect(living, `sessions, round ${round}`).to.deep.equal([]);
      },
    }));

  const tokenOf = (node: Node, form: Record<string, string>) =>
    node.request('/oauth/token', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', authorization: basic(client) },
      body: new URLSearchParams(form).toString(),
    });

  it('SC-08, AZ-03: API keys that a person makes while SCIM disables her are dead, also when she is enabled again', () =>
    race(stageOf(), {
      prepare: async () => {
        const { w } = stageOf();
        const { user_id } = await makeOwned(w, c);
        await setMember(w.call(), c.org_id, user_id, { role: 'admin' });
        const call = await callAs(w, c, { user_id });
        const { key } = await createApiKey(call, c.org_id, {
          name: 'First',
          scopes: ['api_keys.manage', 'users.read'],
        });
        return { user_id, key };
      },
      acts: ({ user_id, key }) => [
        (node) => d.at(node).send('PATCH', `/Users/${user_id}`, active(false)),
        ...times(
          6,
          (index) => (node: Node) =>
            node.api(
              'POST',
              `/organizations/${c.org_id}/api-keys`,
              { name: `Key ${index}`, scopes: ['users.read'] },
              key,
            ),
        ),
      ],
      only: ['200', '201', '401 unauthenticated'],
      after: async ({ user_id, key }, results, round) => {
        const back = await d.send('PATCH', `/Users/${user_id}`, active(true));
        expect(back.status, back.text).to.equal(200);
        const made = good(results).flatMap(({ body }) => (typeof body.key === 'string' ? [body.key] : []));
        for (const one of [key, ...made]) {
          for (const node of stageOf().nodes) {
            const answer = await node.api('GET', `/organizations/${c.org_id}/users`, undefined, one);
            expect(answer.status, `round ${round}`).to.equal(401);
          }
        }
      },
    }));
});
