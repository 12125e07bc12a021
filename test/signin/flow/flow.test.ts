/**
 * The sign-in as people walk it: every step, back and forth, and in the wrong order. Over 300 lines because every walk begins with
 * the same people.
 */
import { availableParallelism } from 'node:os';
import { expect } from 'chai';
import { newId } from '../../../src/core/id.ts';
import { hashSecret } from '../../../src/core/secret.ts';
import { passwordHashes } from '../../../src/credentials/passwords/hash-queue.ts';
import { preparePassword, setPassword } from '../../../src/credentials/passwords/service.ts';
import { revokeSessions } from '../../../src/signin/sessions/service.ts';
import { insertMember, insertOrganization, insertUser } from '../../credentials/owners.ts';
import { Browser, makeApplication, type RelyingParty } from '../../oidc/rp.ts';
import {
  formsOf,
  goodPassword,
  headingOf,
  insertPersonWithPassword,
  signinWorld,
  type SigninWorld,
  Visitor,
  wrongPassword,
} from '../person.ts';
import { statementsOf } from '../../flows/statements.ts';

const minute = 60_000;

/** What differs between two answers by nature: ids, tokens, nonces, and the name that was typed. */
const neutral = (text: string, visitor: Visitor, typed: string): string =>
  text
    .replaceAll(visitor.uid, 'UID')
    .replaceAll(typed, 'TYPED')
    .replace(/name="csrf" value="[^"]*"/g, 'CSRF')
    .replace(/nonce="[^"]*"/g, 'NONCE');

describe('signin/flow', () => {
  let w: SigninWorld;
  let client: RelyingParty;
  before(async () => {
    w = await signinWorld();
    client = await makeApplication(w);
  });
  beforeEach(async () => {
    w.skew = 0;
    w.isStill = false;
    await w.db('rate_limit_counters').delete();
    w.companies.connections = [];
    w.companies.methods.clear();
    w.companies.begun.length = 0;
    w.companies.outgoing = 'redirect';
  });
  after(() => w.close());

  const begin = (options = {}, browser?: Browser) => new Visitor(w, browser).begin(client, options);
  const sessionsOf = (user_id: string) => w.db('sessions').where({ user_id }).orderBy('session_id');
  const triesOf = (user_id: string) => w.db('login_attempts').where({ user_id }).orderBy('attempt_id');

  it('signs in with e-mail and password, and answers every form with 303 (OA-12)', async () => {
    const { email, user_id } = await insertPersonWithPassword(w);
    const visitor = await begin();
    expect([visitor.page.status, visitor.heading]).to.deep.equal([200, 'Sign in']);
    const [form] = formsOf(visitor.page.text);
    const answered = await visitor.post(form?.action ?? '', {
      ...form?.fields,
      identifier: `  ${email.toUpperCase()} `,
    });
    expect([answered.status, answered.location]).to.deep.equal([303, `/signin/${visitor.uid}`]);
    await visitor.follow(answered);
    expect(visitor.heading).to.equal('Enter your password');
    await visitor.fill({ password: goodPassword });
    expect(visitor.callback?.searchParams.get('code')).to.be.a('string');
    const [session, ...more] = await sessionsOf(user_id);
    expect(more).to.have.length(0);
    expect(session).to.include({ login_method: 'password', acr: 'urn:lintel:acr:1fa', revoked: false });
    expect(await triesOf(user_id)).to.have.length(1);
    expect(await w.db('signin_attempts').where({ attempt_id: hashSecret(visitor.uid) })).to.have.length(0);
    const [entry] = await w.db('audit_logs').where({ action: 'session.created', object_id: session.session_id });
    expect(entry).to.include({ actor_type: 'user', actor_id: user_id });
  });

  it('AU-04: the fields take pasted passwords and tell password managers what they are', async () => {
    const { email } = await insertPersonWithPassword(w);
    const visitor = await begin();
    expect(visitor.page.text).to.match(/<input[^>]*name="identifier"[^>]*autocomplete="username"/);
    await visitor.fill({ identifier: email });
    expect(visitor.page.text).to.match(/<input[^>]*name="password"[^>]*autocomplete="current-password"/);
    expect(visitor.page.text).not.to.match(/onpaste|pattern=/);
    expect(visitor.page.headers.get('cache-control')).to.equal('no-store');
  });

  it('AU-07: unknown, wrong, without a password, locked, disabled, deleted, of a suspended owner: nothing tells them apart', async () => {
    const known = await insertPersonWithPassword(w);
    const org = await insertOrganization(w.db);
    const bare = await insertUser(w.db);
    const locked = await insertPersonWithPassword(w, { locked: true });
    const disabled = await insertPersonWithPassword(w, { enabled: false });
    const deleted = await insertPersonWithPassword(w);
    await w.db('users').where({ user_id: deleted.user_id }).update({ deleted_at: new Date() });
    const owned = await insertPersonWithPassword(w, { home_org_id: org });
    await w.db('organizations').where({ org_id: org }).update({ status: 'suspended' });
    // The first try of an installation writes its policies down.
    await (await begin()).signIn(known.email, wrongPassword);
    const answers: string[] = [];
    const statements: number[] = [];
    for (const [typed, password] of [
      ['nobody@people.example', goodPassword],
      [known.email, wrongPassword],
      [bare.email, goodPassword],
      [locked.email, goodPassword],
      [disabled.email, goodPassword],
      [deleted.email, goodPassword],
      [owned.email, goodPassword],
      ['no address at all', goodPassword],
      [known.email, ''],
      [known.email, 'x'.repeat(5000)],
    ] as const) {
      const visitor = await begin();
      await visitor.fill({ identifier: typed });
      const first = neutral(visitor.page.text, visitor, typed);
      const [form] = formsOf(visitor.page.text);
      const before = passwordHashes.load.done;
      let posted: Awaited<ReturnType<Visitor['post']>> | undefined;
      const queries = await statementsOf(async () => {
        posted = await visitor.post(form?.action ?? '', { ...form?.fields, password });
      });
      const answer = posted as NonNullable<typeof posted>;
      statements.push(queries.length);
      expect(passwordHashes.load.done - before, `one hash for ${typed}`).to.equal(1);
      const { status, location, headers } = answer;
      const cookies = headers.getSetCookie().map((line) => line.split('=')[0]);
      await visitor.follow(answer);
      expect(visitor.callback).to.equal(null);
      answers.push(
        JSON.stringify([
          first,
          status,
          location?.replace(visitor.uid, 'UID'),
          cookies,
          visitor.page.status,
          neutral(visitor.page.text, visitor, typed),
        ]),
      );
    }
    for (const answer of answers) expect(answer).to.equal(answers[0]);
    expect(new Set(statements.slice(0, 6)).size, `as much work for each: ${statements}`).to.equal(1);
    expect(answers[0]).to.include('That name or password is not right.');
    expect((await triesOf(locked.user_id))[0]?.failure_reason).to.equal('account_locked');
    expect((await triesOf(disabled.user_id))[0]?.failure_reason).to.equal('account_disabled');
    expect((await triesOf(owned.user_id))[0]).to.equal(undefined);
    const [last] = await triesOf(known.user_id);
    expect(last).to.include({ success: false, failure_reason: 'password_wrong', email_attempted: known.email });
  });

  it('AL-05: what looks like no address and names nobody is not kept: it may be a password', async () => {
    const visitor = await begin();
    await visitor.signIn('hunter-of-two-geese', wrongPassword);
    expect(await w.db('login_attempts').where({ email_attempted: 'hunter-of-two-geese' })).to.have.length(0);
    expect(await w.db('rate_limit_counters').whereLike('subject_key', '%hunter%')).to.have.length(0);
  });

  it('AU-08: after five wrong ones each waits longer, 429 with Retry-After, for names that nobody has as well', async () => {
    w.isStill = true;
    const known = await insertPersonWithPassword(w);
    for (const typed of [known.email, 'nobody-else@people.example']) {
      const visitor = await begin();
      await visitor.fill({ identifier: typed });
      for (let count = 0; count < 5; count += 1) await visitor.fill({ password: wrongPassword });
      expect(visitor.problem).to.equal('That name or password is not right.');
      const hashes = passwordHashes.load.done;
      await visitor.fill({ password: goodPassword });
      expect([visitor.page.status, visitor.page.headers.get('retry-after')], typed).to.deep.equal([429, '1']);
      expect(visitor.problem).to.equal('Too many attempts. Wait 1 second, then try again.');
      expect(passwordHashes.load.done, 'it was not looked at').to.equal(hashes);
    }
    expect(await triesOf(known.user_id)).to.have.length(5);
    w.skew = 2000;
    const visitor = await begin();
    await visitor.signIn(known.email);
    expect(visitor.callback).not.to.equal(null);
  });

  it('AU-08: what is typed in another case, or with space around it, is counted as the same name', async () => {
    w.isStill = true;
    const { email } = await insertPersonWithPassword(w);
    for (const typed of [email, email.toUpperCase(), ` ${email}`, email, email.replace('p', 'P')]) {
      await (await begin()).signIn(typed, wrongPassword);
    }
    const visitor = await (await begin()).signIn(email.toUpperCase());
    expect(visitor.page.status).to.equal(429);
  });

  it('AU-08: beyond 100 failures of an account by other names every password is wrong, unseen', async () => {
    const username = `name-${newId().slice(-12)}`;
    const { email, user_id } = await insertPersonWithPassword(w, { username });
    await (await begin()).signIn(username, wrongPassword);
    await w
      .db('rate_limit_counters')
      .where({ subject_key: `account:${user_id}` })
      .update({ count: 100 });
    const visitor = await (await begin()).signIn(email);
    expect([visitor.page.status, visitor.problem]).to.deep.equal([200, 'That name or password is not right.']);
    expect((await triesOf(user_id)).at(-1)?.failure_reason).to.equal('account_limit');
  });

  it('AU-09: an attacked account still opens from a browser that it knows', async () => {
    w.isStill = true;
    const { email, user_id } = await insertPersonWithPassword(w);
    const home = new Browser(w);
    expect((await (await begin({}, home)).signIn(email)).callback).not.to.equal(null);
    for (let count = 0; count < 5; count += 1) await (await begin()).signIn(email, wrongPassword);
    await w.db('rate_limit_counters').whereLike('subject_key', 'identifier:%').update({ count: 100 });
    await w
      .db('rate_limit_counters')
      .where({ subject_key: `account:${user_id}` })
      .update({ count: 100 });
    expect((await (await begin()).signIn(email)).page.status, 'elsewhere').to.equal(429);
    const visitor = await (await begin({ prompt: 'login' }, home)).signIn(email);
    expect(visitor.callback, 'at home').not.to.equal(null);
    const other = await insertPersonWithPassword(w);
    for (let count = 0; count < 6; count += 1) await (await begin()).signIn(other.email, wrongPassword);
    const elsewhere = await (await begin({ prompt: 'login' }, home)).signIn(other.email);
    expect(elsewhere.page.status, 'the browser is known to one account only').to.equal(429);
  });

  it('AU-09: a known browser has a limit of its own', async () => {
    w.isStill = true;
    const { email } = await insertPersonWithPassword(w);
    const home = new Browser(w);
    await (await begin({}, home)).signIn(email);
    const visitor = await begin({ prompt: 'login' }, home);
    await visitor.fill({ identifier: email });
    for (let count = 0; count < 10; count += 1) await visitor.fill({ password: wrongPassword });
    expect(visitor.page.status).to.equal(200);
    await visitor.fill({ password: goodPassword });
    expect(visitor.page.status).to.equal(429);
  });

  it('AU-13: no step takes what the attempt does not stand at, and none is skipped', async () => {
    const { email } = await insertPersonWithPassword(w);
    const other = await insertPersonWithPassword(w);
    const steps = [
      'identify',
      'password',
      'renew',
      'company',
      'connection',
      'nowhere',
      'organization',
      'consent',
      'change',
      'federated',
      'finish',
    ];
    const everything = {
      identifier: email,
      password: goodPassword,
      org_id: newId(),
      decision: 'allow',
      provider_id: newId(),
      code: 'x',
    };
    /** Which steps move an attempt from here. */
    const moving = async (prepare: (visitor: Visitor) => Promise<unknown>) => {
      const moved: string[] = [];
      for (const step of steps) {
        const visitor = await begin();
        await prepare(visitor);
        const shown = visitor.heading;
        const csrf = formsOf(visitor.page.text)[0]?.fields.csrf ?? '';
        await visitor.follow(
          await visitor.post(visitor.at.replace(/\/[a-z]+$/, '') + `/${step}`, { ...everything, csrf }),
        );
        if (visitor.callback) moved.push(`${step} → application`);
        else if (visitor.heading !== shown) moved.push(`${step} → ${visitor.heading}`);
      }
      return moved;
    };
    expect(await moving(async () => {})).to.deep.equal(['identify → Enter your password']);
    expect(await moving((visitor) => visitor.fill({ identifier: email }))).to.deep.equal(['password → application']);
    const visitor = await begin();
    await visitor.fill({ identifier: other.email });
    const csrf = formsOf(visitor.page.text)[0]?.fields.csrf ?? '';
    for (const fields of [{}, { password: goodPassword, identifier: email }, { 'password[]': goodPassword }]) {
      await visitor.follow(
        await visitor.post(`/signin/${visitor.uid}/password`, { csrf, ...fields } as unknown as Record<string, string>),
      );
      expect(visitor.callback, JSON.stringify(fields)).to.equal(null);
    }
    expect(await triesOf(other.user_id), 'another name on the page than in the attempt is not judged').to.have.length(
      2,
    );
  });

  it('AU-13: a finished step is not repeated: going back and posting again begins anew', async () => {
    const { email, user_id } = await insertPersonWithPassword(w);
    const visitor = await begin();
    await visitor.fill({ identifier: email });
    const [form] = formsOf(visitor.page.text);
    const uid = visitor.uid;
    const answer = await visitor.post(form?.action ?? '', { ...form?.fields, password: goodPassword });
    expect(answer.location).to.include('/oauth/authorize/');
    await visitor.follow(await visitor.post(`/signin/${uid}/password`, { ...form?.fields, password: goodPassword }));
    expect(visitor.callback).to.equal(null);
    expect(visitor.heading).to.equal('Sign in');
    expect(await sessionsOf(user_id)).to.have.length(1);
  });

  it('SE-01: an interaction belongs to the browser that began it', async () => {
    const { email } = await insertPersonWithPassword(w);
    const visitor = await begin();
    const stranger = await begin();
    const [form] = formsOf(stranger.page.text);
    const shown = await stranger.browser.go(`/signin/${visitor.uid}`);
    expect(shown.status).to.equal(400);
    expect(headingOf(shown.text)).not.to.equal('Sign in');
    for (const step of ['identify', 'password']) {
      const fields = { csrf: form?.fields.csrf ?? '', identifier: email, password: goodPassword };
      expect((await stranger.post(`/signin/${visitor.uid}/${step}`, fields)).status, step).to.equal(400);
    }
    expect((await new Browser(w).go(`/signin/${'x'.repeat(43)}`)).status).to.equal(400);
    expect(await w.db('signin_attempts').where({ attempt_id: hashSecret(visitor.uid) })).to.have.length(0);
    const late = await begin();
    await w
      .db('oidc_artifacts')
      .where({ id_hash: hashSecret(late.uid) })
      .delete();
    await late.fill({ identifier: email });
    expect(late.page.status).to.equal(400);
  });

  it('WB-01, WB-02: a form without our token, from another site or another browser is refused', async () => {
    const { email } = await insertPersonWithPassword(w);
    const visitor = await begin();
    const stranger = await begin();
    const action = `/signin/${visitor.uid}/identify`;
    const { csrf = '' } = formsOf(visitor.page.text)[0]?.fields ?? {};
    const foreign = formsOf(stranger.page.text)[0]?.fields.csrf ?? '';
    expect(foreign).not.to.equal(csrf);
    for (const [fields, headers] of [
      [{ identifier: email }, {}],
      [{ identifier: email, csrf: '' }, {}],
      [{ identifier: email, csrf: foreign }, {}],
      [{ identifier: email, csrf }, { origin: 'https://evil.example' }],
      [{ identifier: email, csrf }, { origin: 'null' }],
      [{ identifier: email, csrf }, { 'sec-fetch-site': 'cross-site' }],
    ] as [Record<string, string>, Record<string, string>][]) {
      const answer = await visitor.post(action, fields, headers);
      expect(answer.status, JSON.stringify([fields, headers])).to.equal(403);
      expect(answer.text).to.include('form_expired');
    }
    expect((await visitor.post(action, { identifier: email, csrf }, { origin: w.url })).status).to.equal(303);
  });

  it('WB-06: nothing in a form or an address decides where the browser goes', async () => {
    const { email } = await insertPersonWithPassword(w);
    const visitor = await begin();
    const extra = {
      return_to: 'https://evil.example',
      redirect_uri: 'https://evil.example',
      next: '//evil.example',
      RelayState: 'https://evil.example',
    };
    const [form] = formsOf(visitor.page.text);
    const answer = await visitor.post(`${form?.action}?return_to=https://evil.example`, {
      ...form?.fields,
      ...extra,
      identifier: email,
    });
    expect(answer.location).to.equal(`/signin/${visitor.uid}`);
    await visitor.follow(answer);
    await visitor.fill({ ...extra, password: goodPassword });
    expect(visitor.callback?.host).to.equal('app.example');
  });

  it('WB-05: what was typed comes back as text', async () => {
    const visitor = await begin({ login_hint: '"><script>alert(1)</script>' });
    expect(visitor.page.text).not.to.include('<script>alert');
    await visitor.fill({ identifier: `"'><img src=x onerror=alert(1)>@x.example` });
    expect(visitor.heading).to.equal('Enter your password');
    expect(visitor.page.text).not.to.include('<img src=x');
  });

  it('an empty name is asked for again; the name can be changed; login_hint is filled in', async () => {
    const { email } = await insertPersonWithPassword(w);
    const visitor = await begin({ login_hint: email });
    expect(formsOf(visitor.page.text)[0]?.fields.identifier).to.equal(email);
    await visitor.fill({ identifier: '   ' });
    expect([visitor.heading, visitor.problem]).to.deep.equal(['Sign in', 'Type your e-mail address or username.']);
    await visitor.fill({ identifier: email });
    expect(visitor.heading).to.equal('Enter your password');
    await visitor.open(`/signin/${visitor.uid}/change`);
    expect(visitor.heading).to.equal('Sign in');
  });

  it('AU-17, SE-10: prompt=login asks again; the new session takes the place of the one before it', async () => {
    const { email, user_id } = await insertPersonWithPassword(w);
    const browser = new Browser(w);
    await (await begin({}, browser)).signIn(email);
    expect((await begin({}, browser)).callback, 'single sign-on').not.to.equal(null);
    const visitor = await begin({ prompt: 'login' }, browser);
    expect(formsOf(visitor.page.text)[0]?.fields.identifier).to.equal(email);
    await visitor.signIn(email);
    expect(visitor.callback).not.to.equal(null);
    const [first, second] = await sessionsOf(user_id);
    expect(first.revocation_reason).to.equal('replaced');
    expect(first.expires_at.getTime()).to.be.at.most(Date.now() + minute);
    expect(second.revocation_reason).to.equal(null);
    const other = await insertPersonWithPassword(w);
    await (await begin({ prompt: 'login' }, browser)).signIn(other.email);
    const [, replaced] = await sessionsOf(user_id);
    expect(replaced.revocation_reason, 'somebody else signed in here').to.equal('replaced');
  });

  it('SE-04, SE-06: a session that is revoked, idle too long or too old does not sign in any more', async () => {
    const { email, user_id } = await insertPersonWithPassword(w);
    const browser = new Browser(w);
    await (await begin({}, browser)).signIn(email);
    expect((await begin({}, browser)).callback).not.to.equal(null);
    await revokeSessions(w.call(), { user_id }, 'revoked_by_administrator');
    expect((await begin({}, browser)).heading).to.equal('Sign in');
    const second = new Browser(w);
    await (await begin({}, second)).signIn(email);
    w.skew = 62 * minute;
    expect((await begin({}, second)).heading).to.equal('Sign in');
  });

  it('AU-22: an account that is switched off while it signs in does not come in', async () => {
    const { email, user_id } = await insertPersonWithPassword(w);
    const visitor = await begin();
    await visitor.fill({ identifier: email });
    await w.db('users').where({ user_id }).update({ enabled: false });
    await visitor.fill({ password: goodPassword });
    expect(visitor.callback).to.equal(null);
    expect(await sessionsOf(user_id)).to.have.length(0);
  });

  it('a password that was only lent is replaced first, by its holder, within ten minutes', async () => {
    const { email, user_id } = await insertPersonWithPassword(w);
    await setPassword(w.call(), user_id, await preparePassword(wrongPassword), { must_change: true });
    const arrive = async () => (await begin()).signIn(email, wrongPassword);
    const visitor = await arrive();
    expect(visitor.heading).to.equal('Choose a new password');
    expect(await sessionsOf(user_id), 'nobody is signed in yet').to.have.length(0);
    for (const [password, problem] of [
      ['short', 'Use at least 15 characters.'],
      [wrongPassword, 'Choose another password than the one you were given.'],
      ['', 'Use at least 15 characters.'],
    ] as const) {
      await visitor.fill({ password });
      expect([visitor.page.status, visitor.problem]).to.deep.equal([422, problem]);
    }
    const late = await arrive();
    w.skew = 11 * minute;
    await late.fill({ password: goodPassword });
    expect([late.heading, late.callback]).to.deep.equal(['Sign in', null]);
    w.skew = 0;
    await visitor.fill({ password: goodPassword });
    expect(visitor.callback).not.to.equal(null);
    expect((await w.db('users').where({ user_id }).first()).update_password_required).to.equal(false);
    expect((await (await begin()).signIn(email)).callback).not.to.equal(null);
  });

  it('AU-12: what was proven for one name does not count for another', async () => {
    const lent = await insertPersonWithPassword(w);
    const other = await insertPersonWithPassword(w);
    await w.db('users').where({ user_id: lent.user_id }).update({ update_password_required: true });
    const visitor = await (await begin()).signIn(lent.email);
    expect(visitor.heading).to.equal('Choose a new password');
    const csrf = formsOf(visitor.page.text)[0]?.fields.csrf ?? '';
    await visitor.follow(await visitor.post(`/signin/${visitor.uid}/identify`, { csrf, identifier: other.email }));
    expect(visitor.heading, 'the name is not changed by its step').to.equal('Choose a new password');
    await visitor.open(`/signin/${visitor.uid}/change`);
    await visitor.fill({ identifier: other.email });
    expect(visitor.heading).to.equal('Enter your password');
    const row = await w
      .db('signin_attempts')
      .where({ attempt_id: hashSecret(visitor.uid) })
      .first();
    expect([row.user_id, row.state.proven_at]).to.deep.equal([null, null]);
  });

  it('asks for the organization where there are several, and takes only one of them', async () => {
    const { email, user_id } = await insertPersonWithPassword(w);
    const [one, two] = [
      await insertOrganization(w.db, { org_name: 'Acorn' }),
      await insertOrganization(w.db, { org_name: 'Birch' }),
    ];
    const foreign = await insertOrganization(w.db);
    for (const org of [one, two]) await insertMember(w.db, org, user_id);
    const visitor = await (await begin()).signIn(email);
    expect(visitor.heading).to.equal('Choose an organization');
    expect(visitor.page.text).to.include('Acorn').and.to.include('Birch');
    await visitor.fill({ org_id: foreign });
    expect(visitor.heading).to.equal('Choose an organization');
    await visitor.fill({ org_id: two });
    expect(visitor.callback?.searchParams.get('code')).to.be.a('string');
  });

  it('asks for consent where the application is not ours, and a no is a no', async () => {
    const { email } = await insertPersonWithPassword(w);
    const foreign = await makeApplication(w, { client_name: 'Third party', first_party: false });
    const visitor = await new Visitor(w).begin(foreign, { scope: 'openid email' });
    await visitor.signIn(email);
    expect(visitor.heading).to.match(/Allow\s+Third party/);
    expect(visitor.page.headers.get('content-security-policy')).to.include(`form-action 'self' https://app.example`);
    await visitor.fill({ decision: 'perhaps' });
    expect(visitor.heading).to.match(/Allow/);
    await visitor.fill({ decision: 'deny' });
    expect(visitor.callback?.searchParams.get('error')).to.equal('access_denied');
    const again = await new Visitor(w, visitor.browser).begin(foreign, { scope: 'openid email' });
    await again.fill({ decision: 'allow' });
    expect(again.callback?.searchParams.get('code')).to.be.a('string');
  });

  it('RE-11: a full hash queue is 503 with Retry-After, and costs no try', async () => {
    const { email, user_id } = await insertPersonWithPassword(w);
    const visitor = await begin();
    await visitor.fill({ identifier: email });
    // The queue is kept full until the answer is there: whoever is done, or has waited too long, queues up again before
    // anything else can, so that no place is free when the visitor's password arrives.
    let going = true;
    const isFull = () => passwordHashes.load.waiting >= 200;
    const worker = async () => {
      while (going) {
        await passwordHashes.verify(null, 'flood').catch(() => undefined);
        if (isFull()) await new Promise((wake) => setImmediate(wake));
      }
    };
    const flood = Array.from({ length: 200 + availableParallelism() }, worker);
    expect(isFull()).to.equal(true);
    await visitor.fill({ password: wrongPassword });
    going = false;
    await Promise.all(flood);
    if (visitor.page.status === 503) expect(visitor.page.headers.get('retry-after')).to.equal('2');
    expect(visitor.page.status).to.equal(503);
    expect(await triesOf(user_id)).to.have.length(0);
    const counts = await w.db('rate_limit_counters').select('count');
    expect(counts.every(({ count }) => count === 0)).to.equal(true);
  });

  it('WB-03, WB-04: pages are not framed and carry a policy with a nonce', async () => {
    const visitor = await begin();
    const policy = visitor.page.headers.get('content-security-policy') ?? '';
    expect(policy)
      .to.include("frame-ancestors 'none'")
      .and.to.include("default-src 'none'")
      .and.not.to.include('unsafe-inline');
    expect(policy).to.match(/script-src 'nonce-[\w+/=]{16,}'/);
  });

  it('SD-06: no password in the log, in any table, or in an answer', async () => {
    expect(w.logLines.join('\n')).not.to.include(goodPassword).and.not.to.include(wrongPassword);
    for (const table of [
      'audit_logs',
      'login_attempts',
      'signin_attempts',
      'sessions',
      'rate_limit_counters',
      'mails',
    ]) {
      expect(JSON.stringify(await w.db(table)), table)
        .not.to.include(goodPassword)
        .and.not.to.include(wrongPassword);
    }
  });
});
