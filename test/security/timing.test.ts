/**
 * What a stranger can learn by a clock. Samples are taken strictly in turn; a machine that is busy with others may try three
 * times. What the requests do (statements, hashes) is compared without a clock in enumeration.test.ts and below.
 */
import { expect } from 'chai';
import { newId } from '../../src/core/id.ts';
import { passwordHashes } from '../../src/credentials/passwords/hash-queue.ts';
import { company } from '../federation/company.ts';
import { askedDuring } from '../flows/statements.ts';
import { basic, makeApplication, type RelyingParty } from '../oidc/rp.ts';
import { directory, USER } from '../scim/door.ts';
import { formsOf, goodPassword, insertPersonWithPassword, Visitor, wrongPassword } from '../signin/person.ts';
import { type World, world } from '../support/world.ts';
import { compare, inTurn, likelihood } from './statistics.ts';
import { median } from '../support/median.ts';
import { pause } from '../support/waiting.ts';

/** As many as the checklist says, of each kind. */
const samples = 200;

type Ask = () => Promise<() => Promise<unknown>>;

describe('security: what a clock tells', function () {
  this.timeout(600_000);
  this.retries(2);
  let w: World;
  let client: RelyingParty;
  before(async () => {
    w = await world({ environment: { LINTEL_LOG_LEVEL: 'silent' } });
    client = await makeApplication(w);
  });
  after(() => w.close());

  /** The texts of all statements, but the look at the keys that is due every three seconds, whoever asks then. */
  async function listen(work: () => Promise<unknown>): Promise<string[]> {
    const asked = await askedDuring(work, { everything: true });
    return asked.map(({ text }) => text).filter((text) => !text.includes('"signing_keys"'));
  }

  /** Every pair of them looks like samples of one distribution. */
  async function expectAlike(requests: Record<string, Ask>, maxApart: number): Promise<void> {
    // Caches and the compiler are warm before anything counts.
    await inTurn(10, requests);
    const taken = Object.entries(await inTurn(samples, requests));
    for (const [at, [one, first]] of taken.entries()) {
      for (const [other, second] of taken.slice(at + 1)) {
        const { apart, likelihood: p } = compare(first, second);
        const told = `${one} (${median(first).toFixed(2)} ms) against ${other} (${median(second).toFixed(2)} ms)`;
        expect(apart, `${told}: apart`).to.be.below(maxApart);
        expect(p, `${told}: Kolmogorov–Smirnov`).to.be.above(0.01);
      }
    }
  }

  /** A password step that is asked again and again, with nothing in the way. */
  async function atPassword(identifier: string, password: string): Promise<Ask> {
    const visitor = await (await new Visitor(w).begin(client)).fill({ identifier });
    const [form] = formsOf(visitor.page.text);
    return async () => {
      await w.db('rate_limit_counters').update({ count: 0 });
      return async () => {
        const answer = await visitor.post(form?.action ?? '', { ...form?.fields, password });
        expect(answer.status).to.equal(303);
        expect(answer.location).to.equal(`/signin/${visitor.uid}`);
      };
    };
  }

  it('AU-07: a password: of nobody, wrong, of a disabled account, of one that a directory provisioned', async () => {
    const scim = await directory(w);
    const provisioned = `prov-${newId().slice(-12)}@people.example`;
    const made = await scim.send('POST', '/Users', { schemas: [USER], userName: provisioned });
    expect(made.status).to.equal(201);
    const requests = {
      nobody: await atPassword('nobody-at-all@people.example', goodPassword),
      wrong: await atPassword((await insertPersonWithPassword(w)).email, wrongPassword),
      disabled: await atPassword((await insertPersonWithPassword(w, { enabled: false })).email, goodPassword),
      provisioned: await atPassword(provisioned, goodPassword),
    };
    const before = passwordHashes.load.done;
    await inTurn(1, requests);
    expect(passwordHashes.load.done - before, 'one hash for each').to.equal(Object.keys(requests).length);
    await expectAlike(requests, 5);
  });

  it('AU-07: the first page, where a name leads: known or not, in a company’s domain or not', async () => {
    const acme = await company(w);
    const there = await insertPersonWithPassword(w, { home_org_id: acme.org_id, email: `ada@${acme.domain}` });
    const first = async (identifier: string): Promise<Ask> => {
      const visitor = await new Visitor(w).begin(client);
      const [form] = formsOf(visitor.page.text);
      return async () => {
        await visitor.browser.go(`/signin/${visitor.uid}/change`);
        return async () => {
          const answer = await visitor.post(form?.action ?? '', { ...form?.fields, identifier });
          expect(answer.status).to.equal(303);
          await visitor.browser.go(answer.location ?? '');
        };
      };
    };
    const known = await insertPersonWithPassword(w);
    await expectAlike({ nobody: await first('nobody-at-all@people.example'), known: await first(known.email) }, 5);
    await expectAlike({ nobody: await first(`nobody@${acme.domain}`), known: await first(there.email) }, 5);
  });

  describe('OA-20: the token endpoint', () => {
    const machine = { grant_types: ['client_credentials'], redirect_uris: [] };
    const ask =
      (credentials: () => RelyingParty): Ask =>
      async () => {
        const headers = { authorization: basic(credentials()), 'content-type': 'application/x-www-form-urlencoded' };
        return async () => {
          const answer = await w.request('/oauth/token', {
            method: 'POST',
            headers,
            body: 'grant_type=client_credentials',
          });
          expect([answer.status, answer.body.error]).to.deep.equal([401, 'invalid_client']);
        };
      };
    const wrong = 'x'.repeat(43);

    it('asks the database as much for a wrong secret as for an unknown or disabled application', async () => {
      const [known, disabled] = [await makeApplication(w, machine), await makeApplication(w, machine)];
      await w.api('PATCH', `/applications/${disabled.client_id}`, { enabled: false });
      await pause(800);
      const asked = async (credentials: RelyingParty) => {
        const work = await ask(() => credentials)();
        return listen(work);
      };
      // Believed at this moment, so that its version is not asked for; and refused so often that no more rows of the audit log are
      // written of it, which come after the answer (test/oidc/refusals.test.ts).
      for (let time = 0; time < 31; time += 1) await asked({ ...known, client_secret: wrong });
      await w.lintel.oidc.drain();
      const right = await asked({ ...known, client_secret: wrong });
      expect(right).to.have.length.greaterThan(0);
      for (const client_id of [newId(), disabled.client_id])
        expect(await asked({ client_id, client_secret: wrong }), client_id).to.deep.equal(right);
    });

    it('takes as long for a wrong secret as for an unknown or disabled application', async () => {
      const [known, disabled] = [await makeApplication(w, machine), await makeApplication(w, machine)];
      await w.api('PATCH', `/applications/${disabled.client_id}`, { enabled: false });
      // The rows of the audit log come after the answer, and here on the thread that reads it: they are used up before.
      for (let time = 0; time < 31; time += 1) await (await ask(() => ({ ...known, client_secret: wrong }))())();
      await w.lintel.oidc.drain();
      const requests = {
        'a wrong secret': ask(() => ({ ...known, client_secret: wrong })),
        unknown: ask(() => ({ client_id: newId(), client_secret: wrong })),
        disabled: ask(() => ({ ...disabled, client_secret: wrong })),
      };
      await expectAlike(requests, 2);
    });
  });

  it('has teeth: a millisecond more is seen', async () => {
    const busy = (milliseconds: number) => async () => async () => {
      const until = performance.now() + milliseconds;
      while (performance.now() < until);
    };
    const {
      short = [],
      long = [],
      same = [],
    } = await inTurn(samples, { short: busy(1), long: busy(2), same: busy(1) });
    expect(likelihood(short, long)).to.be.below(0.0001);
    expect(likelihood(short, same)).to.be.above(0.0001);
    expect(median(long) - median(short)).to.be.above(0.5);
    expect(likelihood([1, 2, 3, 4], [1, 2, 3, 4])).to.equal(1);
  });
});
