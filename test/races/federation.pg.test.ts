/** What an identity provider says once, said to two processes at the same moment (checklist SA-07, SA-08, SE-01, WB-02). */
import { expect } from 'chai';
import { type Company, company, post, referenceOf, response, start } from '../federation/company.ts';
import { createLogoutRequest } from '../../src/federation/saml/logout-messages.ts';
import { exchange, makeApplication, type RelyingParty } from '../oidc/rp.ts';
import { keys } from '../support/saml/keys.ts';
import type { Answer } from '../support/world.ts';
import { arrived, formOf, gate, sentOn } from './arrival.ts';
import { race, type Result, severally, tallyOf, times } from './race.ts';
import { type Node, races, unique } from './stage.ts';

races('federation', (stageOf) => {
  let c: Company;
  let client: RelyingParty;

  before(async () => {
    c = await gate(stageOf().w);
    client = await makeApplication(stageOf().w);
  });

  const somebody = () => {
    const name = unique();
    return { subject: `u-${name}`, email: `${name}@${c.domain}`, first_name: 'Ada', last_name: name };
  };
  /** Sent back into the sign-in with a code, or kept at a page. */
  const landed = ({ status, headers }: Answer) =>
    /\/federated\?code=/.test(headers.get('location') ?? '') ? 'back' : String(status);
  const acs = (fields: Record<string, string>) => (node: Node) => post(node, c.provider.sp.acs_url, fields);
  const usersOf = async ({ email }: { email: string }) =>
    stageOf().w.db('users').where({ home_org_id: c.org_id, email }).select('user_id');

  /** The codes of the traces that the refusals of a round left. */
  async function refusals(results: readonly Result[]): Promise<Record<string, number>> {
    const references = results
      .filter(({ outcome }) => outcome !== 'back')
      .map(({ answer }) => referenceOf(answer) ?? '');
    const rows = await stageOf().w.db('federation_attempts').whereIn('reference', references).select('code');
    return tallyOf(rows.map(({ code }: { code: string }) => code));
  }

  it('SA-07: of twelve posts of the same response one is believed, the others are replays', () =>
    race(stageOf(), {
      prepare: async () => {
        const person = somebody();
        return { person, fields: formOf(stageOf().w, c, await sentOn(stageOf().w, c, client), person) };
      },
      acts: ({ fields }) => times(12, () => acs(fields)),
      outcome: landed,
      gives: { back: 1, '400': 11 },
      after: async ({ person }, results) => {
        const codes = await refusals(results);
        expect((codes.replayed ?? 0) + (codes['request.unknown'] ?? 0), JSON.stringify(codes)).to.equal(11);
        expect(await usersOf(person)).to.have.length(1);
      },
    }));

  it('SA-07: of twelve different responses to one request one is believed', () =>
    race(stageOf(), {
      prepare: async () => {
        const sent = await sentOn(stageOf().w, c, client);
        const people = times(12, somebody);
        return { people, forms: people.map((person) => formOf(stageOf().w, c, sent, person)) };
      },
      acts: ({ forms }) => forms.map(acs),
      outcome: landed,
      gives: { back: 1, '400': 11 },
      after: async ({ people }, results) => {
        expect(await refusals(results)).to.deep.equal({ 'request.unknown': 11 });
        const made = await Promise.all(people.map(usersOf));
        expect(made.flat(), 'accounts').to.have.length(1);
      },
    }));

  it('SA-07: of twelve posts of a response that nobody asked for, where that is accepted, one is believed', async () => {
    const { w } = stageOf();
    const open = await company(w, { auto_provision: true, config: { idp_initiated: 'accept' } });
    await race(stageOf(), {
      prepare: async () => response(w, open, null, { subject: unique(), email: `${unique()}@${open.domain}` }),
      acts: (SAMLResponse) => times(12, () => (node) => post(node, open.provider.sp.acs_url, { SAMLResponse })),
      // There is no application to land at: whoever is believed is told to begin there.
      outcome: ({ status, text }) => (/Start at the application/.test(text) ? 'landed' : String(status)),
      gives: { landed: 1, '400': 11 },
      after: async (_, results) => {
        expect(await refusals(results)).to.deep.equal({ replayed: 11 });
      },
    });
  });

  it('SA-14: of twelve posts of the same request to sign out one is answered, the others are replays', () =>
    race(stageOf(), {
      most: 25,
      prepare: async () => {
        const sent = createLogoutRequest({
          serviceProvider: {
            entityId: c.idp,
            acsUrl: 'https://idp.example/acs',
            sloUrl: 'https://idp.example/slo',
            current: keys.idp(),
          },
          idpEntityId: c.provider.sp.entity_id,
          endpoint: { binding: 'post', location: c.provider.sp.slo_url },
          now: stageOf().w.app.clock().getTime(),
          nameId: { name_id: unique(), name_id_format: null, name_qualifier: null, sp_name_qualifier: null },
          sessionIndex: null,
        });
        return sent.method === 'post' ? sent.fields : {};
      },
      acts: (fields) => times(12, () => (node) => post(node, c.provider.sp.slo_url, fields)),
      outcome: ({ status, headers }) =>
        headers.get('location')?.startsWith('https://idp.example/slo?SAMLResponse=') ? 'answered' : String(status),
      gives: { answered: 1, '400': 11 },
      after: async (_, results) => {
        const told = results.filter(({ outcome }) => outcome === '400').map(({ answer }) => referenceOf(answer) ?? '');
        const rows = await stageOf().w.db('federation_attempts').whereIn('reference', told).select('code');
        // So many are kept in a minute, and no more.
        expect(tallyOf(rows.map(({ code }: { code: string }) => code)).replayed ?? 0).to.equal(rows.length);
      },
    }));

  it('one person, new, from twelve devices at once: twelve ways in, one account, one link', () =>
    race(stageOf(), {
      most: 25,
      prepare: async (round) => {
        const { subject, email, last_name } = somebody();
        const person = round % 2 === 0 ? { subject, email } : { subject, email: null, username: last_name };
        const sent = await Promise.all(times(12, () => sentOn(stageOf().w, c, client)));
        return { subject, forms: sent.map((one) => formOf(stageOf().w, c, one, person)) };
      },
      acts: ({ forms }) => forms.map(acs),
      outcome: landed,
      gives: { back: 12 },
      after: async ({ subject }) => {
        const links = await stageOf().w.db('federated_identities').whereLike('external_id', `%${subject}%`);
        expect(links, 'links').to.have.length(1);
        const made = await stageOf()
          .w.db('audit_logs')
          .where({ action: 'user.created', object_id: links[0].user_id, org_id: c.org_id });
        expect(made, 'accounts').to.have.length(1);
      },
    }));

  it('FD-02: of twelve subjects that claim one account at once one is linked', async () => {
    const { w } = stageOf();
    const closed = await company(w);
    await race(stageOf(), {
      prepare: async () => {
        const email = `${unique()}@${closed.domain}`;
        await w.api('POST', `/organizations/${closed.org_id}/users`, { email });
        return severally(times(12, String), 4, async () => {
          const started = await start(w, closed.provider.provider_id);
          const SAMLResponse = response(w, closed, started, { subject: unique(), email });
          return { SAMLResponse, RelayState: started.relay_state };
        });
      },
      acts: (forms) => forms.map((fields) => (node) => post(node, closed.provider.sp.acs_url, fields)),
      outcome: landed,
      gives: { back: 1, '403': 11 },
      after: async (_, results) => {
        expect(await refusals(results)).to.deep.equal({ 'account.linked_otherwise': 11 });
      },
    });
  });

  it('WB-02, SE-01: of twelve uses of a hand-off code one signs in, with one session', () =>
    race(stageOf(), {
      prepare: async () => {
        const person = somebody();
        return { person, ...(await arrived(stageOf().w, c, client, person)) };
      },
      acts: ({ back, browser }) =>
        times(12, () => (node) => {
          const cookie = browser.cookieFor(new URL(back, 'http://x').pathname);
          return node.request(back, { headers: { cookie, accept: 'text/html' } });
        }),
      // On to the provider, or back to where the attempt stands; a page where the interaction is over already.
      outcome: ({ status, headers }) => {
        const location = headers.get('location') ?? '';
        return /\/oauth\/authorize\//.test(location) ? 'signed in' : status < 500 ? 'refused' : String(status);
      },
      gives: { 'signed in': 1, refused: 11 },
      after: async ({ person, browser, verifier }, results, round) => {
        const { w } = stageOf();
        const [user] = await usersOf(person);
        expect(await w.db('sessions').where({ user_id: user.user_id }), `sessions, round ${round}`).to.have.length(1);
        // The losers did not get in the winner's way.
        const winner = results.find(({ outcome }) => outcome === 'signed in')?.answer.headers.get('location') ?? '';
        const end = await browser.go(winner);
        const code = new URL(end.location ?? '', w.url).searchParams.get('code') ?? '';
        expect((await exchange(w, client, code, verifier)).status, `tokens, round ${round}`).to.equal(200);
      },
    }));

  it('FD-03: who arrives while the connection is switched off is in, or out, and then nobody is', () =>
    race(stageOf(), {
      most: 25,
      prepare: async () => {
        const { w } = stageOf();
        const own = await gate(w);
        const rp = await makeApplication(w);
        const ada = { subject: 'u-ada', email: `ada@${own.domain}` };
        const comings = await severally(times(4, String), 1, () => arrived(w, own, rp, ada));
        const sendings = await Promise.all(times(4, () => sentOn(w, own, rp)));
        return { own, comings, forms: sendings.map((sent) => formOf(w, own, sent, ada)) };
      },
      acts: ({ own, comings, forms }) => [
        (node) =>
          node.api('PATCH', `/organizations/${own.org_id}/identity-providers/${own.provider.provider_id}`, {
            enabled: false,
          }),
        ...forms.map((fields) => (node: Node) => post(node, own.provider.sp.acs_url, fields)),
        ...comings.map(({ back, browser }) => (node: Node) => {
          const cookie = browser.cookieFor(new URL(back, 'http://x').pathname);
          return node.request(back, { headers: { cookie, accept: 'text/html' } });
        }),
      ],
      only: ['200', '303', '403'],
      after: async ({ own }, _, round) => {
        const alive = await stageOf().w.db('sessions').where({ provider_id: own.provider.provider_id, revoked: false });
        expect(alive, `sessions, round ${round}`).to.deep.equal([]);
      },
    }));
});
