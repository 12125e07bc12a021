/**
 * Sign-ins in wrong orders: steps taken twice, too early, from elsewhere and of others (checklist AU, SE). Over 300 lines because
 * every order is tried on the same steps.
 */
import { expect } from 'chai';
import { type PreparedPassword, preparePassword, setPassword } from '../../src/credentials/passwords/service.ts';
import { createLogoutRequest } from '../../src/federation/saml/logout-messages.ts';
import { insertMember, insertOrganization } from '../credentials/owners.ts';
import { company, type Company, codeOf, post as postSaml, readRequest, response } from '../federation/company.ts';
import {
  authorizationUrl,
  Browser,
  exchange,
  introspect,
  makeApplication,
  payloadOf,
  type RelyingParty,
  verifierOf,
} from '../oidc/rp.ts';
import { Random } from '../support/random.ts';
import {
  formsOf,
  goodPassword,
  insertPersonWithPassword,
  type Page,
  Visitor,
  wrongPassword,
} from '../signin/person.ts';
import { keys } from '../support/saml/keys.ts';
import { type World, world } from '../support/world.ts';
import { type ModelAttempt, SigninModel } from './signin-model.ts';

/** More of them with LINTEL_TEST_WALKS. */
const walks = Number(process.env.LINTEL_TEST_WALKS ?? 48);
/** The number of the first, to repeat one that failed. */
const firstWalk = Number(process.env.LINTEL_TEST_FIRST_WALK ?? 1);
const steps = 26;

/** What an administrator lends. */
const lentPassword = 'nine patient herons wait by the weir';

interface Request {
  readonly uid: string;
  readonly company: Company;
  readonly request_id: string;
  readonly relay_state: string;
}

/** What each walk did; at the end all of it must have happened, or nothing would be shown. */
const counted = {
  sessions: 0,
  federated: 0,
  renewed: 0,
  codes: 0,
  'single sign-ons': 0,
  'organizations chosen': 0,
  consents: 0,
  'accounts changed in one browser': 0,
  'logouts by the company': 0,
  'sign-outs': 0,
  'dead questions': 0,
  'dead proofs': 0,
};

describe('security: the sign-in in wrong orders', function () {
  this.timeout(1_800_000);
  let w: World;
  let clients: Record<'ours' | 'theirs', RelyingParty>;
  let companies: Company[];
  let organizations: string[];
  let prepared: Record<string, PreparedPassword>;
  /** Those with a password: of no organization, of two, and one whose password is now and then a lent one. */
  const people: string[] = [];
  const userOf = new Map<string, string>();
  const emailOf = (user_id: unknown): string =>
    [...userOf].find(([, id]) => id === user_id)?.[0] ?? `nobody we know: ${String(user_id)}`;
  before(async () => {
    w = await world();
    clients = { ours: await makeApplication(w), theirs: await makeApplication(w, { first_party: false }) };
    companies = [await company(w, { auto_provision: true }), await company(w, { auto_provision: true })];
    for (let count = 0; count < 3; count += 1) {
      const { email, user_id } = await insertPersonWithPassword(w);
      people.push(email);
      userOf.set(email, user_id);
    }
    organizations = [await insertOrganization(w.db), await insertOrganization(w.db)];
    for (const org of organizations) await insertMember(w.db, org, userOf.get(people[1] ?? '') ?? '');
    prepared = {
      [goodPassword]: await preparePassword(goodPassword),
      [lentPassword]: await preparePassword(lentPassword),
    };
  });
  after(() => w.close());

  const companyOf = (identifier: string) => companies.find(({ domain }) => identifier.endsWith(`@${domain}`));
  const providerIdOf = (one: Company | undefined) => one?.provider.provider_id ?? null;
  const idaOf = ({ domain }: Company): string => `ida@${domain}`;

  const give = async (email: string, text: string, must_change: boolean): Promise<void> => {
    const password = prepared[text] as PreparedPassword;
    await setPassword(w.call(), userOf.get(email) ?? '', password, { must_change });
  };

  /** What can be done at a moment, and how often it is tried. */
  const acts = {
    proceed: 30,
    identify: 2,
    show: 2,
    answer: 2,
    come: 2,
    begin: 4,
    signOn: 6,
    change: 1,
    jump: 2,
    transplant: 1,
    resume: 1,
    replay: 1,
    close: 1,
    disable: 1,
    lend: 2,
    logout: 1,
    signOut: 2,
    revoke: 1,
  } as const;
  type Act = keyof typeof acts;
  const lottery = Object.entries(acts).flatMap(([act, times]) => new Array<Act>(times).fill(act as Act));

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
    readonly addresses = new Map<string, string>();
    readonly diary: string[] = [];

    /** Whom this walk is mostly about: nobody, who has two organizations, who has a lent password, a company's, one after another. */
    readonly about: string | null;
    readonly mostly: 'ours' | 'theirs';

    constructor(seed: number) {
      this.random = new Random(seed);
      this.about = [null, people[1], people[2], idaOf(companies[seed % 2] as Company)][seed % 4] ?? null;
      this.mostly = seed % 3 === 0 ? 'theirs' : 'ours';
    }

    /** Mostly the one application, and now and then the other. */
    pickClient(): 'ours' | 'theirs' {
      const other = this.mostly === 'ours' ? 'theirs' : 'ours';
      return this.random.chance(0.75) ? this.mostly : other;
    }

    /** Now and then somebody else than is signed in there already. */
    pickPerson(browser: number): string {
      const there = this.model.signedIn[browser] ?? null;
      const everybody = [...people, ...companies.map(idaOf)];
      if (there !== null && this.random.chance(0.3)) return this.random.pick(everybody.filter((one) => one !== there));
      const about = this.random.chance(0.6) ? this.about : null;
      return about ?? this.random.pick(everybody);
    }

    get story(): string {
      return this.diary.join(' · ');
    }

    async run(): Promise<void> {
      await w.db('rate_limit_counters').delete();
      await w.db('oidc_grants').where({ client_id: clients.theirs.client_id }).delete();
      for (const email of people) {
        this.model.passwords.set(email, { text: goodPassword, lent: false });
        await give(email, goodPassword, false);
      }
      try {
        if (this.about === people[2]) await this.lend();
        for (const browser of [0, 1]) await this.begin(browser);
        for (let step = 0; step < steps; step += 1) await this.step();
        await this.checkConsents();
        expect(
          w.logLines.filter((line) => line.includes('"level":"error"')),
          `a defect: ${this.story}`,
        ).to.deep.equal([]);
      } finally {
        for (const provider_id of this.model.closed) await setOpen(provider_id, true);
        for (const email of this.model.disabled) await setEnabled(email, true);
      }
    }

    async step(): Promise<void> {
      const before = await newest();
      const there = [...this.model.signedIn];
      const expected = await this.act();
      const made = (await newest()).filter(({ session_id }) => !before.some((one) => one.session_id === session_id));
      const emails = made.map(({ email }) => email);
      expect(emails, `sessions after: ${this.story}`).to.deep.equal(emails.length === 0 ? [] : [expected]);
      counted.sessions += emails.length;
      // Whose session ended is often asked for at once.
      for (const browser of [0, 1]) {
        const isGone = there[browser] !== null && this.model.signedIn[browser] === null;
        if (isGone && this.random.chance(0.7)) await this.signOn(browser);
      }
    }

    /** @returns whom the act may have signed in */
    act(): Promise<string | null> {
      const { random, model } = this;
      const browser = random.pick([0, 1]);
      // Mostly on with one's own newest attempt; now and then with any, of anybody.
      const own = model.attempts.filter((attempt) => attempt.browser === browser && !attempt.over);
      const attempt = random.chance(0.75) && own.length > 0 ? own.at(-1) : random.pick(model.attempts);
      if (!attempt) return this.begin(browser);
      const act = random.pick(lottery);
      this.diary.push(`${act} ${browser}→${attempt.browser}:${attempt.asks}:${attempt.uid.slice(0, 4)}`);
      return this[act](browser, attempt);
    }

    // ---- at the application

    async begin(browser: number): Promise<null> {
      const client = this.pickClient();
      const visitor = this.browsers[browser] as Visitor;
      const address = authorizationUrl(clients[client], this.random.chance(0.7) ? { prompt: 'login' } : {});
      await visitor.open(address);
      await this.arrive(browser, client, address, null);
      return null;
    }

    /** Without a page: a code, for whoever is signed in, or a refusal. */
    async signOn(browser: number): Promise<null> {
      const client = this.pickClient();
      const address = authorizationUrl(clients[client], { prompt: 'none' });
      const visitor = await (this.browsers[browser] as Visitor).open(address);
      if (visitor.callback?.searchParams.has('code')) counted['single sign-ons'] += 1;
      await this.arrive(browser, client, address, null);
      return null;
    }

    /**
     * What the browser shows now: a code at the application, another question, the sign-out of somebody else first.
     * @param attempt the one that was finished on the way, if one
     */
    async arrive(browser: number, client: string, address: string, attempt: ModelAttempt | null): Promise<void> {
      const visitor = this.browsers[browser] as Visitor;
      if (visitor.page.text.includes('<title>Submitting Callback</title>')) {
        counted['accounts changed in one browser'] += 1;
        if (this.random.chance(0.2)) return;
        this.model.left(browser);
        await visitor.fill({ logout: 'yes' });
      }
      expect(visitor.page.status, `a defect: ${this.story}`).to.be.below(500);
      const code = visitor.callback?.searchParams.get('code') ?? null;
      const asks = this.questionOf(visitor.heading);
      const isFinished = code !== null || asks === 'organization' || asks === 'consent';
      if (isFinished && attempt?.earned) this.model.arrived(browser, attempt.earned);
      if (isFinished && attempt) attempt.earned = null;
      if (code !== null) return this.countCode(browser, client, address, code);
      if (asks === null) return;
      if (asks !== 'login') {
        const named = /Signed in as <bdi>([^<]+)</.exec(visitor.page.text)?.[1];
        expect(named, `a question to somebody who is not there: ${this.story}`).to.equal(this.model.signedIn[browser]);
      }
      this.model.begun(visitor.uid, browser, client, asks);
      this.addresses.set(visitor.uid, address);
      this.csrf[browser] ??= formsOf(visitor.page.text)[0]?.fields.csrf ?? '';
    }

    questionOf(heading: string): ModelAttempt['asks'] | null {
      if (heading === 'Choose an organization') return 'organization';
      if (heading.startsWith('Allow ')) return 'consent';
      return /^(Sign in|Enter your password|Continue to .*)$/.test(heading) ? 'login' : null;
    }

    /** A code is worth the person who is signed in, the organization that was chosen, and what was allowed. */
    async countCode(browser: number, client: string, address: string, code: string): Promise<void> {
      const party = clients[client as 'ours' | 'theirs'];
      const { body } = await exchange(w, party, code, verifierOf(address));
      expect(body.id_token, `${JSON.stringify(body)} ${this.story}`).to.be.a('string');
      const person = emailOf(payloadOf(body.id_token as string).sub);
      expect(person, `a code for another: ${this.story}`).to.equal(this.model.signedIn[browser]);
      const { org_id = null } = await introspect(w, party, body.access_token as string);
      if (person === people[1])
        expect([...this.model.chosen], `an organization that was not chosen: ${this.story}`).to.include(
          `${person}|${org_id}`,
        );
      else expect(org_id, this.story).to.equal(companyOf(person)?.org_id ?? null);
      if (client === 'theirs') expect([...this.model.consented], `not allowed: ${this.story}`).to.include(person);
      counted.codes += 1;
    }

    async checkConsents(): Promise<void> {
      const granted: string[] = await w
        .db('oidc_grants')
        .where({ client_id: clients.theirs.client_id })
        .pluck('user_id');
      for (const user_id of granted)
        expect([...this.model.consented], `consent of nobody: ${this.story}`).to.include(emailOf(user_id));
    }

    // ---- the pages

    async form(browser: number, attempt: ModelAttempt, step: string, fields: Record<string, string>) {
      const whose = this.random.chance(0.9) ? browser : 1 - browser;
      const csrf = this.csrf[whose] ?? '';
      const visitor = this.browsers[browser] as Visitor;
      const elsewhere = 'https://evil.example/';
      const wish = { return_to: elsewhere, redirect_uri: elsewhere, next: elsewhere, RelayState: elsewhere };
      const query = this.random.chance(0.2) ? `?${new URLSearchParams(wish)}` : '';
      const more = query === '' ? {} : wish;
      const answer = await visitor.post(`/signin/${attempt.uid}/${step}${query}`, { ...more, ...fields, csrf });
      expect(answer.location ?? '', `led away: ${this.story}`).not.to.include('evil.example');
      const mayCount = SigninModel.isOwn(attempt, browser, whose);
      if (attempt.browser !== browser || whose !== browser)
        expect(answer.status, `a form that cannot count: ${this.story}`).to.be.oneOf([400, 403]);
      return { answer, counts: mayCount && answer.status === 303 };
    }

    async identify(browser: number, attempt: ModelAttempt): Promise<null> {
      const identifier = this.pickPerson(browser);
      const { counts } = await this.form(browser, attempt, 'identify', { identifier });
      if (counts) this.model.identified(attempt, identifier);
      return null;
    }

    async password(browser: number, attempt: ModelAttempt): Promise<string | null> {
      const known = this.model.passwords.get(attempt.identifier ?? '')?.text ?? goodPassword;
      const password = this.random.chance(0.8) ? known : wrongPassword;
      const shown = this.random.chance(0.2) ? this.random.pick(people) : undefined;
      const fields = { password, ...(shown ? { identifier: shown } : {}) };
      const { answer, counts } = await this.form(browser, attempt, 'password', fields);
      const earned = counts ? this.model.earnedByPassword(attempt, shown, password) : null;
      return this.finish(browser, attempt, earned, answer);
    }

    async renew(browser: number, attempt: ModelAttempt): Promise<string | null> {
      const { answer, counts } = await this.form(browser, attempt, 'renew', { password: goodPassword });
      const person = counts ? this.model.earnedByRenewal(attempt, goodPassword) : null;
      const changed = person !== null && !(await isLent(person));
      if (person !== null && changed) {
        this.model.lent(person, { text: goodPassword, lent: false });
        counted.renewed += 1;
      }
      if (!changed) for (const email of people) await this.expectPassword(email);
      return this.finish(browser, attempt, person, answer);
    }

    async expectPassword(email: string): Promise<void> {
      expect(await isLent(email), `the password of ${email} was replaced: ${this.story}`).to.equal(
        this.model.passwords.get(email)?.lent,
      );
    }

    /** The next thing that a person would do at this attempt. */
    async proceed(browser: number, attempt: ModelAttempt): Promise<string | null> {
      if (attempt.asks === 'organization') return this.organization(browser, attempt);
      if (attempt.asks === 'consent') return this.consent(browser, attempt);
      if (attempt.way === 'none') return this.identify(browser, attempt);
      if (attempt.proven !== null) return this.random.chance(0.25) ? this.lend() : this.renew(browser, attempt);
      if (attempt.way === 'password') return this.password(browser, attempt);
      const codes = this.model.codes.filter((code) => code.uid === attempt.uid && !code.dead);
      if (codes.length > 0) return this.come(browser, attempt, codes.at(-1)?.code);
      await this.show(browser, attempt);
      const asked = this.requests.findLast(({ uid }) => uid === attempt.uid);
      await this.answer(browser, attempt, asked);
      const code = this.model.codes.findLast(({ uid, dead }) => uid === attempt.uid && !dead);
      return code && this.random.chance(0.6) ? this.come(browser, attempt, code.code) : null;
    }

    /** @param earned whom the model says that this may sign in */
    async finish(browser: number, attempt: ModelAttempt, earned: string | null, answer: Page): Promise<string | null> {
      const proven = answer.location?.includes('/oauth/authorize/') ?? false;
      if (proven) expect(earned, `unearned: ${this.story}`).to.be.a('string');
      if (!proven || earned === null) return earned;
      Object.assign(attempt, { over: true, earned });
      if (attempt.way === 'company') counted.federated += 1;
      if (this.random.chance(0.3)) {
        const other = await (this.browsers[1 - browser] as Visitor).follow(answer);
        expect(other.callback?.searchParams.get('code') ?? null, 'another browser took the hop').to.equal(null);
      }
      // Now and then the person closes the window here, and comes back by its address later.
      if (this.random.chance(0.1)) return earned;
      await (this.browsers[browser] as Visitor).follow(answer);
      await this.arrive(browser, attempt.client, this.addresses.get(attempt.uid) ?? '', attempt);
      return earned;
    }

    async show(browser: number, attempt: ModelAttempt): Promise<null> {
      const page = await (this.browsers[browser] as Visitor).browser.go(`/signin/${attempt.uid}`);
      if (attempt.browser !== browser) expect(page.status, 'somebody else’s page').to.equal(400);
      if (attempt.asks !== 'login') this.expectQuestion(attempt, page);
      const href = /href="(https:\/\/idp\.example\/sso[^"]*)"/.exec(page.text)?.[1]?.replaceAll('&amp;', '&');
      const there = companies.find((one) => providerIdOf(one) === attempt.provider_id);
      if (href && there) this.requests.push({ uid: attempt.uid, company: there, ...readRequest(href) });
      return null;
    }

    /** A question is shown to the one whom it asks, as long as she is there. */
    expectQuestion(attempt: ModelAttempt, page: Page): void {
      if (this.model.mayAnswer(attempt, attempt.asks)) return;
      counted['dead questions'] += 1;
      expect(page.status, `a question to nobody: ${this.story}`).to.equal(400);
    }

    /** The next question, or the code, behind one that was answered. */
    async answered(
      browser: number,
      attempt: ModelAttempt,
      asks: 'organization' | 'consent',
      answer: Page,
    ): Promise<void> {
      if (!this.model.mayAnswer(attempt, asks)) {
        if (answer.status !== 403) counted['dead questions'] += 1;
        expect(answer.location ?? '', `answered by nobody: ${this.story}`).not.to.match(
          /oauth\/authorize|app\.example/,
        );
        return;
      }
      if (!answer.location?.includes('/oauth/authorize/')) return;
      attempt.over = true;
      await (this.browsers[browser] as Visitor).follow(answer);
      await this.arrive(browser, attempt.client, this.addresses.get(attempt.uid) ?? '', null);
    }

    async organization(browser: number, attempt: ModelAttempt): Promise<null> {
      const org_id = this.random.pick([...organizations, companies[0]?.org_id ?? '']);
      const { answer, counts } = await this.form(browser, attempt, 'organization', { org_id });
      const isMember = attempt.of === people[1] && organizations.includes(org_id);
      if (counts && isMember && this.model.mayAnswer(attempt, 'organization')) {
        this.model.chosen.add(`${attempt.of}|${org_id}`);
        counted['organizations chosen'] += 1;
      }
      await this.answered(browser, attempt, 'organization', answer);
      return null;
    }

    async consent(browser: number, attempt: ModelAttempt): Promise<null> {
      const decision = this.random.pick(['allow', 'allow', 'deny', 'ALLOW', '']);
      const { answer, counts } = await this.form(browser, attempt, 'consent', { decision });
      if (counts && decision === 'allow' && attempt.of !== null && this.model.mayAnswer(attempt, 'consent')) {
        this.model.consented.add(attempt.of);
        counted.consents += 1;
      }
      await this.answered(browser, attempt, 'consent', answer);
      await this.checkConsents();
      return null;
    }

    async change(browser: number, attempt: ModelAttempt): Promise<null> {
      const answer = await (this.browsers[browser] as Visitor).browser.go(`/signin/${attempt.uid}/change`);
      if (attempt.browser === browser && answer.status === 303) this.model.changed(attempt);
      return null;
    }

    // ---- at the company

    /** An answer of an identity provider to any request that was ever made, sometimes to the wrong address. */
    async answer(_browser: number, _attempt: ModelAttempt, asked = this.requests.at(-1)): Promise<null> {
      const request = this.random.chance(0.8) ? asked : this.random.pick([...this.requests, asked]);
      if (!request) return null;
      const user = idaOf(request.company);
      const field = response(w, request.company, request, { subject: `ida-${request.company.domain}`, email: user });
      const target = this.random.chance(0.85) ? request.company : this.random.pick(companies);
      const others = this.requests.filter(({ relay_state }) => relay_state !== request.relay_state);
      const swapped = this.random.chance(0.1) ? others.at(-1)?.relay_state : undefined;
      const sent = { field, relay_state: swapped ?? request.relay_state, acs: target.provider.sp.acs_url };
      const answer = await postSaml(w, sent.acs, { SAMLResponse: sent.field, RelayState: sent.relay_state });
      this.sent.push(sent);
      const code = codeOf(answer);
      if (code === null) return null;
      expect(target, 'a response at another address').to.equal(request.company);
      expect(swapped, 'a response under another’s RelayState').to.equal(undefined);
      expect(this.model.closed.has(target.provider.provider_id), 'a closed connection').to.equal(false);
      expect(this.model.disabled.has(user), 'a disabled account').to.equal(false);
      await learn(user);
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
      const alive = this.model.codes.filter(({ dead }) => !dead);
      const codes = alive.length > 0 && this.random.chance(0.7) ? alive : this.model.codes;
      const code = given ?? (codes.length > 0 ? this.random.pick(codes).code : 'x'.repeat(43));
      const tampered = this.random.chance(0.3) ? `&user_id=${userOf.get(people[0] ?? '')}&email=${people[0]}` : '';
      const answer = await (this.browsers[browser] as Visitor).browser.go(
        `/signin/${attempt.uid}/federated?code=${code}${tampered}`,
      );
      if (attempt.browser !== browser) expect(answer.status, 'somebody else’s attempt').to.equal(400);
      const earned = answer.status === 303 ? this.model.earnedByCode(attempt, browser, code) : null;
      return this.finish(browser, attempt, earned, answer);
    }

    // ---- out of order

    /** Steps that are not where the attempt stands, with everything that one might wish for in them. */
    async jump(browser: number, attempt: ModelAttempt): Promise<null> {
      const here = attempt.asks === 'login' ? (attempt.proven === null ? attempt.way : 'renew') : attempt.asks;
      const all = ['organization', 'consent', 'renew', 'company', 'connection', 'federated', 'finish'];
      const step = this.random.pick(all.filter((name) => name !== here));
      const user_id = userOf.get(this.random.pick(people)) ?? '';
      const { answer } = await this.form(browser, attempt, step, {
        user_id,
        account_id: user_id,
        org_id: organizations[0] ?? '',
        decision: 'allow',
        password: goodPassword,
        new_password: goodPassword,
        proven_at: String(Date.now()),
      });
      expect(answer.location ?? '', `a jump: ${this.story}`).not.to.match(/\/oauth\/authorize|app\.example/);
      return null;
    }

    /** The cookies of one's own attempt, at the address of another. */
    async transplant(browser: number, attempt: ModelAttempt): Promise<null> {
      const own = this.model.attempts.find((one) => one.browser === browser && one.uid !== attempt.uid);
      if (!own) return null;
      const cookie = (this.browsers[browser] as Visitor).browser.cookieFor(`/signin/${own.uid}`);
      const body = new URLSearchParams({
        csrf: this.csrf[browser] ?? '',
        identifier: people[0] ?? '',
        password: goodPassword,
        decision: 'allow',
        org_id: organizations[0] ?? '',
      }).toString();
      const headers = { cookie, accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded' };
      const shown = await w.request(`/signin/${attempt.uid}`, { headers });
      expect(shown.status, `a transplanted cookie: ${this.story}`).to.equal(400);
      for (const step of ['identify', 'password', 'organization', 'consent']) {
        const answer = await w.request(`/signin/${attempt.uid}/${step}`, { method: 'POST', headers, body });
        expect(answer.status, `a transplanted cookie at ${step}: ${this.story}`).to.be.oneOf([400, 403]);
      }
      return null;
    }

    /** The address behind the last step, by hand. */
    async resume(browser: number, attempt: ModelAttempt): Promise<null> {
      const visitor = await (this.browsers[browser] as Visitor).open(`/oauth/authorize/${attempt.uid}`);
      const isOwn = attempt.browser === browser;
      if (!isOwn || attempt.earned === null)
        expect(visitor.callback?.searchParams.get('code') ?? null, `by hand: ${this.story}`).to.equal(null);
      if (!isOwn) return null;
      if (!attempt.over) attempt.over = visitor.uid !== attempt.uid;
      await this.arrive(browser, attempt.client, this.addresses.get(attempt.uid) ?? '', attempt);
      return null;
    }

    // ---- what happens elsewhere meanwhile

    async close(): Promise<null> {
      if (this.random.chance(0.5)) return null;
      const there = this.random.pick(companies);
      const { provider_id } = there.provider;
      const isClosed = this.model.closed.has(provider_id);
      await setOpen(provider_id, isClosed);
      if (isClosed) this.model.closed.delete(provider_id);
      else this.model.closed.add(provider_id);
      if (!isClosed) this.model.ended(idaOf(there));
      return null;
    }

    async disable(): Promise<null> {
      const email = this.random.pick([...this.model.disabled, ...userOf.keys()]);
      const isDisabled = this.model.disabled.has(email);
      await setEnabled(email, isDisabled);
      if (isDisabled) this.model.disabled.delete(email);
      else this.model.disabled.add(email);
      this.model.ended(email);
      return null;
    }

    /** An administrator lends a password: it has to be replaced at the next sign-in. */
    async lend(): Promise<null> {
      const email = people[2] ?? '';
      const stale = this.model.attempts.filter(({ proven, over }) => proven === email && !over);
      await give(email, lentPassword, true);
      this.model.lent(email, { text: lentPassword, lent: true });
      for (const attempt of stale) {
        const { answer } = await this.form(attempt.browser, attempt, 'renew', { password: goodPassword });
        expect(answer.location ?? '', `a dead proof: ${this.story}`).not.to.include('/oauth/authorize');
        await this.expectPassword(email);
        counted['dead proofs'] += 1;
      }
      return null;
    }

    /** The company's identity provider says that Ida signed out; or somebody else says so, and nothing happens. */
    async logout(): Promise<null> {
      const there = this.random.pick(companies);
      const isForged = this.random.chance(0.3);
      const pair = isForged ? keys.attacker() : keys.idp();
      const name_id = `ida-${there.domain}`;
      const sent = createLogoutRequest({
        serviceProvider: {
          entityId: there.idp,
          acsUrl: 'https://idp.example/acs',
          sloUrl: 'https://idp.example/slo',
          current: { privateKey: pair.privateKey, certificate: pair.certificate },
        },
        idpEntityId: there.provider.sp.entity_id,
        endpoint: { binding: 'redirect', location: there.provider.sp.slo_url },
        now: w.app.clock().getTime(),
        nameId: {
          name_id,
          name_id_format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
          name_qualifier: null,
          sp_name_qualifier: null,
        },
        sessionIndex: this.random.chance(0.5) ? '_s1' : null,
        relayState: 'x',
      });
      const { pathname, search } = new URL(sent.url);
      const answer = await w.request(pathname + search, { headers: { accept: 'text/html' } });
      const isClosed = this.model.closed.has(there.provider.provider_id);
      expect(answer.status, `a logout by the company: ${this.story}`).to.equal(isForged || isClosed ? 400 : 303);
      if (answer.status === 303) {
        this.model.ended(idaOf(there));
        counted['logouts by the company'] += 1;
      }
      return null;
    }

    async signOut(browser: number): Promise<null> {
      const visitor = await (this.browsers[browser] as Visitor).open('/oauth/logout');
      if (!/Sign out/.test(visitor.heading)) return null;
      await visitor.fill({ logout: 'yes' });
      this.model.left(browser);
      counted['sign-outs'] += 1;
      return null;
    }

    async revoke(): Promise<null> {
      if (this.random.chance(0.5)) return null;
      const email = this.random.pick([...userOf.keys()]);
      expect((await w.api('DELETE', `/users/${userOf.get(email)}/sessions`)).status).to.equal(204);
      this.model.ended(email);
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

  const setEnabled = async (email: string, enabled: boolean): Promise<void> => {
    const answer = await w.api('PATCH', `/users/${userOf.get(email)}`, { enabled });
    expect(answer.status, answer.text).to.equal(200);
  };

  /** Whom a company's first response made. */
  const learn = async (email: string): Promise<void> => {
    if (userOf.has(email)) return;
    userOf.set(email, (await w.db('users').where({ email }).first('user_id')).user_id);
  };

  const isLent = async (email: string): Promise<boolean> =>
    (
      await w
        .db('users')
        .where({ user_id: userOf.get(email) })
        .first('update_password_required')
    ).update_password_required;

  const newest = async (): Promise<{ session_id: string; email: string }[]> =>
    w
      .db('sessions')
      .join('users', 'users.user_id', 'sessions.user_id')
      .orderBy('session_id', 'desc')
      .limit(6)
      .select('session_id', 'email');

  it(`AU-13, SE-01, SE-05, SE-06, FD-03, FD-05, FD-06: in ${walks} walks of two browsers no session and no code that the steps did not earn`, async () => {
    for (let seed = firstWalk; seed < firstWalk + walks; seed += 1) {
      await new WalkOfTwo(seed).run().catch((error: Error) => {
        error.message = `walk ${seed}: ${error.message}`;
        throw error;
      });
    }
    // The walks that earn something do get it: otherwise nothing would be shown.
    if (walks < 48) return;
    for (const [what, times] of Object.entries(counted))
      expect(times, `${what} of ${JSON.stringify(counted)}`).to.be.greaterThan(0);
    expect(counted.sessions).to.be.greaterThan(walks / 2);
    expect(counted.codes).to.be.greaterThan(walks / 2);
  });

  it('SE-01: the address of the application’s request gives the browser that has no session nothing', async () => {
    const stranger = await new Visitor(w).open(authorizationUrl(clients.ours, { prompt: 'none' }));
    expect(stranger.callback?.searchParams.get('error')).to.equal('login_required');
  });
});
