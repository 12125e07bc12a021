import { expect } from 'chai';
import { company, type Company, codeOf, post as postSaml, readRequest, response } from '../federation/company.ts';
import { authorizationUrl, Browser, makeApplication, type RelyingParty } from '../oidc/rp.ts';
import { Random } from '../scim/random.ts';
import { formsOf, goodPassword, insertPersonWithPassword, Visitor, wrongPassword } from '../signin/person.ts';
import { type World, world } from '../support/world.ts';
import { type ModelAttempt, SigninModel } from './signin-model.ts';

/** More of them with LINTEL_TEST_WALKS. */
const walks = Number(process.env.LINTEL_TEST_WALKS ?? 50);
const steps = 16;

interface Request {
  readonly uid: string;
  readonly company: Company;
  readonly request_id: string;
  readonly relay_state: string;
}

describe('security: the sign-in in wrong orders', function () {
  this.timeout(300_000);
  let w: World;
  let client: RelyingParty;
  let companies: Company[];
  const people: string[] = [];
  const userOf = new Map<string, string>();
  before(async () => {
    w = await world();
    client = await makeApplication(w);
    companies = [await company(w, { auto_provision: true }), await company(w, { auto_provision: true })];
    for (let count = 0; count < 2; count += 1) {
      const { email, user_id } = await insertPersonWithPassword(w);
      people.push(email);
      userOf.set(email, user_id);
    }
  });
  after(() => w.close());

  const companyOf = (identifier: string) => companies.find(({ domain }) => identifier.endsWith(`@${domain}`));
  const providerIdOf = (one: Company | undefined) => one?.provider.provider_id ?? null;

  /** One walk: two browsers, and an attacker's freedom in what is sent where. */
  class WalkOfTwo {
    readonly random: Random;
    readonly browsers = [new Visitor(w, new Browser(w)), new Visitor(w, new Browser(w))];
    readonly csrf: string[] = [];
    readonly model = new SigninModel((identifier) => {
      const there = companyOf(identifier);
      return there ? { way: 'company', provider_id: providerIdOf(there) } : { way: 'password', provider_id: null };
    });
    readonly requests: Request[] = [];
    readonly sent: { field: string; relay_state: string; acs: string }[] = [];
    readonly diary: string[] = [];
    /** E-mail addresses of those who have earned a session in a browser. */
    readonly earned = [new Set<string>(), new Set<string>()];
    sessions = 0;
    codes = 0;

    constructor(seed: number) {
      this.random = new Random(seed);
    }

    async run(): Promise<void> {
      for (const browser of [0, 1]) await this.begin(browser);
      for (let step = 0; step < steps; step += 1) {
        const before = await newest();
        const expected = await this.act();
        const made = (await newest()).filter(({ session_id }) => !before.some((one) => one.session_id === session_id));
        const emails = made.map(({ email }) => email);
        expect(emails, `sessions after: ${this.diary.join(' · ')}`).to.deep.equal(
          emails.length === 0 ? [] : [expected],
        );
        this.sessions += emails.length;
      }
      for (const { provider_id } of companies.map(({ provider }) => provider))
        if (this.model.closed.has(provider_id)) await setOpen(provider_id, true);
    }

    /** @returns whom the act may have signed in */
    act(): Promise<string | null> {
      const { random } = this;
      const browser = random.pick([0, 1]);
      // Mostly on with one's own newest attempt; now and then with any, of anybody.
      const own = this.model.attempts.filter((attempt) => attempt.browser === browser && !attempt.over);
      const attempt = random.chance(0.75) && own.length > 0 ? own.at(-1) : random.pick(this.model.attempts);
      if (!attempt) return this.begin(browser);
      const act = random.pick([
        ...[
          'identify',
          'identify',
          'proceed',
          'proceed',
          'proceed',
          'proceed',
          'show',
          'answer',
          'answer',
          'come',
          'come',
        ],
        ...['proceed', 'proceed', 'proceed', 'begin', 'change', 'jump', 'resume', 'replay', 'close'],
      ] as const);
      this.diary.push(`${act} ${browser}→${attempt.browser}:${attempt.uid.slice(0, 4)}`);
      return this[act](browser, attempt);
    }

    async begin(browser: number): Promise<null> {
      const visitor = this.browsers[browser] as Visitor;
      await visitor.begin(client, { prompt: 'login' });
      this.model.begun(visitor.uid, browser);
      this.csrf[browser] ??= formsOf(visitor.page.text)[0]?.fields.csrf ?? '';
      return null;
    }

    async form(browser: number, attempt: ModelAttempt, step: string, fields: Record<string, string>) {
      const whose = this.random.chance(0.9) ? browser : 1 - browser;
      const csrf = this.csrf[whose] ?? '';
      const answer = await (this.browsers[browser] as Visitor).post(`/signin/${attempt.uid}/${step}`, {
        ...fields,
        csrf,
      });
      const mayCount = SigninModel.isOwn(attempt, browser, whose);
      if (attempt.browser !== browser || whose !== browser)
        expect(answer.status, `a form that cannot count: ${this.diary.join(' · ')}`).to.be.oneOf([400, 403]);
      return { answer, counts: mayCount && answer.status === 303 };
    }

    async identify(browser: number, attempt: ModelAttempt): Promise<null> {
      const identifier = this.random.pick([...people, ...companies.map(({ domain }) => `ida@${domain}`)]);
      const { counts } = await this.form(browser, attempt, 'identify', { identifier });
      if (counts) this.model.identified(attempt, identifier);
      return null;
    }

    async password(browser: number, attempt: ModelAttempt): Promise<string | null> {
      const right = this.random.chance(0.8);
      const shown = this.random.chance(0.3) ? this.random.pick(people) : undefined;
      const fields = { password: right ? goodPassword : wrongPassword, ...(shown ? { identifier: shown } : {}) };
      const { answer, counts } = await this.form(browser, attempt, 'password', fields);
      const earned = counts ? this.model.earnedByPassword(attempt, shown, right) : null;
      return this.finish(browser, attempt, earned, answer);
    }

    /** The next thing that a person would do at this attempt. */
    async proceed(browser: number, attempt: ModelAttempt): Promise<string | null> {
      if (attempt.way === 'none') return this.identify(browser, attempt);
      if (attempt.way === 'password') return this.password(browser, attempt);
      const codes = this.model.codes.filter((code) => code.uid === attempt.uid && !code.dead);
      if (codes.length > 0) return this.come(browser, attempt, codes.at(-1)?.code);
      await this.show(browser, attempt);
      const asked = this.requests.findLast(({ uid }) => uid === attempt.uid);
      await this.answer(browser, attempt, asked);
      const code = this.model.codes.findLast(({ uid, dead }) => uid === attempt.uid && !dead);
      return code && this.random.chance(0.6) ? this.come(browser, attempt, code.code) : null;
    }

    async finish(
      browser: number,
      attempt: ModelAttempt,
      earned: string | null,
      answer: Awaited<ReturnType<Browser['go']>>,
    ): Promise<string | null> {
      const proven = answer.location?.includes('/oauth/authorize/') ?? false;
      if (proven) expect(earned, `unearned: ${this.diary.join(' · ')}`).to.be.a('string');
      if (!proven || earned === null) return earned;
      attempt.over = true;
      (this.earned[browser] as Set<string>).add(earned);
      if (this.random.chance(0.3)) {
        const other = await (this.browsers[1 - browser] as Visitor).follow(answer);
        expect(other.callback?.searchParams.get('code') ?? null, 'another browser took the hop').to.equal(null);
      }
      const visitor = await (this.browsers[browser] as Visitor).follow(answer);
      await this.countCode(browser, visitor);
      return earned;
    }

    async countCode(browser: number, visitor: Visitor): Promise<void> {
      const code = visitor.callback?.searchParams.get('code');
      if (!code) return;
      expect(this.earned[browser]?.size, `a code for nothing: ${this.diary.join(' · ')}`).to.be.greaterThan(0);
      this.codes += 1;
    }

    async show(browser: number, attempt: ModelAttempt): Promise<null> {
      const page = await (this.browsers[browser] as Visitor).browser.go(`/signin/${attempt.uid}`);
      if (attempt.browser !== browser) expect(page.status, 'somebody else’s page').to.equal(400);
      const href = /href="(https:\/\/idp\.example\/sso[^"]*)"/.exec(page.text)?.[1]?.replaceAll('&amp;', '&');
      const there = companies.find((one) => providerIdOf(one) === attempt.provider_id);
      if (href && there) this.requests.push({ uid: attempt.uid, company: there, ...readRequest(href) });
      return null;
    }

    /** An answer of an identity provider to any request that was ever made, sometimes to the wrong address. */
    async answer(_browser: number, _attempt: ModelAttempt, asked = this.requests.at(-1)): Promise<null> {
      const request = this.random.chance(0.8)
        ? asked
        : this.requests[Math.floor(this.random.next() * this.requests.length)];
      if (!request) return null;
      const user = `ida@${request.company.domain}`;
      const field = response(w, request.company, request, { subject: `ida-${request.company.domain}`, email: user });
      const target = this.random.chance(0.85) ? request.company : this.random.pick(companies);
      const sent = { field, relay_state: request.relay_state, acs: target.provider.sp.acs_url };
      const answer = await postSaml(w, sent.acs, { SAMLResponse: sent.field, RelayState: sent.relay_state });
      this.sent.push(sent);
      const code = codeOf(answer);
      if (code === null) return null;
      expect(target, 'a response at another address').to.equal(request.company);
      expect(this.model.closed.has(target.provider.provider_id), 'a closed connection').to.equal(false);
      this.model.codes.push({ code, uid: request.uid, provider_id: target.provider.provider_id, user, dead: false });
      return null;
    }

    async replay(): Promise<null> {
      if (this.sent.length === 0) return null;
      const { field, relay_state, acs } = this.random.pick(this.sent);
      const answer = await postSaml(w, acs, { SAMLResponse: field, RelayState: relay_state });
      expect(codeOf(answer), 'a response was taken twice').to.equal(null);
      return null;
    }

    async come(browser: number, attempt: ModelAttempt, given?: string): Promise<string | null> {
      const code = given ?? (this.model.codes.length > 0 ? this.random.pick(this.model.codes).code : 'x'.repeat(43));
      const tampered = this.random.chance(0.3) ? `&user_id=${userOf.get(people[0] ?? '')}&email=${people[0]}` : '';
      const answer = await (this.browsers[browser] as Visitor).browser.go(
        `/signin/${attempt.uid}/federated?code=${code}${tampered}`,
      );
      if (attempt.browser !== browser) expect(answer.status, 'somebody else’s attempt').to.equal(400);
      const earned = answer.status === 303 ? this.model.earnedByCode(attempt, browser, code) : null;
      return this.finish(browser, attempt, earned, answer);
    }

    async change(browser: number, attempt: ModelAttempt): Promise<null> {
      const answer = await (this.browsers[browser] as Visitor).browser.go(`/signin/${attempt.uid}/change`);
      if (attempt.browser === browser && answer.status === 303) this.model.changed(attempt);
      return null;
    }

    /** Steps that are not where the attempt stands, with everything that one might wish for in them. */
    async jump(browser: number, attempt: ModelAttempt): Promise<null> {
      const step = this.random.pick([
        'organization',
        'consent',
        'renew',
        'company',
        'connection',
        'federated',
        'finish',
      ]);
      const user_id = userOf.get(this.random.pick(people)) ?? '';
      const { answer } = await this.form(browser, attempt, step, {
        user_id,
        account_id: user_id,
        org_id: companies[0]?.org_id ?? '',
        decision: 'allow',
        password: goodPassword,
        new_password: goodPassword,
        proven_at: String(Date.now()),
      });
      expect(answer.location ?? '', 'a jump').not.to.match(/\/oauth\/authorize|app\.example/);
      return null;
    }

    /** The address behind the last step, by hand. */
    async resume(browser: number, attempt: ModelAttempt): Promise<null> {
      const visitor = await (this.browsers[browser] as Visitor).open(`/oauth/authorize/${attempt.uid}`);
      if (attempt.browser === browser && !attempt.over) {
        attempt.over = visitor.uid !== attempt.uid;
        this.model.begun(visitor.uid, browser);
      }
      expect(visitor.callback?.searchParams.get('code') ?? null, `by hand: ${this.diary.join(' · ')}`).to.equal(null);
      return null;
    }

    async close(): Promise<null> {
      if (this.random.chance(0.7)) return null;
      const { provider_id } = this.random.pick(companies).provider;
      const isClosed = this.model.closed.has(provider_id);
      await setOpen(provider_id, isClosed);
      if (isClosed) this.model.closed.delete(provider_id);
      else this.model.closed.add(provider_id);
      return null;
    }
  }

  const setOpen = async (provider_id: string, enabled: boolean): Promise<void> => {
    const there = companies.find(({ provider }) => provider.provider_id === provider_id) as Company;
    const answer = await w.api('PATCH', `/organizations/${there.org_id}/identity-providers/${provider_id}`, {
      enabled,
    });
    expect(answer.status, answer.text).to.equal(200);
  };

  const newest = async (): Promise<{ session_id: string; email: string }[]> =>
    w
      .db('sessions')
      .join('users', 'users.user_id', 'sessions.user_id')
      .orderBy('session_id', 'desc')
      .limit(6)
      .select('session_id', 'email');

  it(`AU-13, SE-01, FD-03, FD-05, FD-06: in ${walks} walks of two browsers no session and no code that the steps did not earn`, async () => {
    let [sessions, codes] = [0, 0];
    for (let seed = 1; seed <= walks; seed += 1) {
      await w.db('rate_limit_counters').delete();
      const walk = new WalkOfTwo(seed);
      await walk.run().catch((error: Error) => {
        error.message = `seed ${seed}: ${error.message}`;
        throw error;
      });
      sessions += walk.sessions;
      codes += walk.codes;
    }
    // The walks that earn something do get it: otherwise nothing would be shown.
    expect(sessions).to.be.greaterThan(walks / 3);
    expect(codes).to.be.greaterThan(walks / 4);
    const federated = await w.db('sessions').whereNotNull('provider_id').count<{ count: string }[]>();
    expect(Number(federated[0]?.count)).to.be.greaterThan(walks / 50);
  });

  it('SE-01: the address of the application’s request gives the browser that has no session nothing', async () => {
    const stranger = await new Visitor(w).open(authorizationUrl(client, { prompt: 'none' }));
    expect(stranger.callback?.searchParams.get('error')).to.equal('login_required');
  });
});
