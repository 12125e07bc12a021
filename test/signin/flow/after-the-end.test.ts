/** What is still open in a browser when its person’s session or password ended: nothing of it counts any more. */
import { expect } from 'chai';
import { hashSecret } from '../../../src/core/secret.ts';
import { preparePassword, setPassword } from '../../../src/credentials/passwords/service.ts';
import { noteSignin } from '../../../src/signin/sessions/service.ts';
import { insertMember, insertOrganization } from '../../credentials/owners.ts';
import { makeApplication, type RelyingParty } from '../../oidc/rp.ts';
import { type World, world } from '../../support/world.ts';
import { formsOf, goodPassword, insertPersonWithPassword, Visitor, wrongPassword } from '../person.ts';

describe('signin/flow: after the end', () => {
  let w: World;
  let ours: RelyingParty;
  let theirs: RelyingParty;
  before(async () => {
    w = await world();
    ours = await makeApplication(w);
    theirs = await makeApplication(w, { first_party: false, client_name: 'Theirs' });
  });
  beforeEach(() => w.db('rate_limit_counters').delete());
  after(() => w.close());

  /** Somebody of two organizations who was asked something behind the sign-in. */
  async function asked(question: 'organization' | 'consent') {
    const { email, user_id } = await insertPersonWithPassword(w);
    const orgs = [await insertOrganization(w.db), await insertOrganization(w.db)];
    for (const org of orgs) await insertMember(w.db, org, user_id);
    const options = question === 'consent' ? { organization_id: orgs[0] } : {};
    const visitor = await new Visitor(w).begin(question === 'consent' ? theirs : ours, options);
    await visitor.signIn(email);
    expect(visitor.heading).to.match(question === 'consent' ? /^Allow/ : /^Choose an organization/);
    return { visitor, user_id, email, answer: { org_id: orgs[1] ?? '', decision: 'allow' } };
  }

  async function allowPasswords(org_id: string, enabled: boolean): Promise<void> {
    const answer = await w.api('PUT', `/organizations/${org_id}/login-methods/password`, { enabled });
    expect(answer.status, answer.text).to.equal(200);
  }

  const endings: Record<string, (visitor: Visitor, user_id: string) => Promise<unknown>> = {
    'signed out': async ({ browser }) => (await new Visitor(w, browser).open('/oauth/logout')).fill({ logout: 'yes' }),
    'signed out by an administrator': (_visitor, user_id) => w.api('DELETE', `/users/${user_id}/sessions`),
    disabled: (_visitor, user_id) => w.api('PATCH', `/users/${user_id}`, { enabled: false }),
    'too long away': (_visitor, user_id) =>
      w
        .db('sessions')
        .where({ user_id })
        .update({ idle_expires_at: new Date(Date.now() - 1000) }),
  };
  for (const question of ['organization', 'consent'] as const) {
    for (const [ending, end] of Object.entries(endings)) {
      it(`AU-13, SE-05: who is ${ending} is not asked for the ${question} any more, nor can anybody answer`, async () => {
        const { visitor, user_id, email, answer } = await asked(question);
        const [form] = formsOf(visitor.page.text);
        const at = visitor.at;
        await end(visitor, user_id);
        const shown = await visitor.browser.go(at);
        expect(shown.status, 'the page').to.equal(400);
        expect(shown.text).not.to.include(email);
        const posted = await visitor.post(form?.action ?? '', { ...form?.fields, ...answer });
        expect([posted.status, posted.location], 'the answer').to.deep.equal([400, null]);
        expect(await w.db('audit_logs').where({ action: 'consent.granted', object_id: user_id })).to.deep.equal([]);
        expect(await w.db('oidc_grants').where({ user_id, client_id: theirs.client_id })).to.deep.equal([]);
      });
    }
  }

  it('SE-05: a page that asks somebody to sign in anew does not name her when she signed out meanwhile', async () => {
    const { email } = await insertPersonWithPassword(w);
    const first = await (await new Visitor(w).begin(ours)).signIn(email);
    const again = await new Visitor(w, first.browser).begin(ours, { prompt: 'login' });
    expect(again.page.text, 'before').to.include(email);
    await (await new Visitor(w, first.browser).open('/oauth/logout')).fill({ logout: 'yes' });
    expect((await again.browser.go(again.at)).text).not.to.include(email);
  });

  it('AU-05, AU-13: the proof by a lent password ends with that password', async () => {
    const { user_id, email } = await insertPersonWithPassword(w);
    await setPassword(w.call(), user_id, await preparePassword(wrongPassword), { must_change: true });
    const thief = await (await new Visitor(w).begin(ours)).signIn(email, wrongPassword);
    expect(thief.heading).to.equal('Choose a new password');
    // It was seen by others: the administrator lends another one.
    const second = 'nine patient herons wait by the weir';
    await setPassword(w.call(), user_id, await preparePassword(second), { must_change: true });
    const before = await w.db('user_passwords').where({ user_id }).first('password_hash');
    await thief.fill({ password: goodPassword });
    expect([thief.callback, thief.heading]).to.deep.equal([null, 'Sign in']);
    expect(await w.db('user_passwords').where({ user_id }).first('password_hash')).to.deep.equal(before);
    expect(await w.db('signin_attempts').where({ user_id })).to.deep.equal([]);
    // The one that counts now is the one that was lent last.
    const person = await (await new Visitor(w).begin(ours)).signIn(email, second);
    expect(person.heading).to.equal('Choose a new password');
    await person.fill({ password: goodPassword });
    expect(person.callback?.searchParams.get('code')).to.be.a('string');
    expect(await w.db('signin_attempts').where({ attempt_id: hashSecret(person.uid) })).to.deep.equal([]);
  });

  it('FD-03, AU-13: a lent password is renewed, and opens anything, only while its organization allows passwords', async () => {
    const org_id = await insertOrganization(w.db);
    const { user_id, email } = await insertPersonWithPassword(w, { home_org_id: org_id });
    await insertMember(w.db, org_id, user_id);
    await setPassword(w.call(), user_id, await preparePassword(wrongPassword), { must_change: true });
    const person = await (await new Visitor(w).begin(ours, { organization_id: org_id })).signIn(email, wrongPassword);
    expect(person.heading).to.equal('Choose a new password');
    const before = await w.db('user_passwords').where({ user_id }).first('password_hash');
    await allowPasswords(org_id, false);
    await person.fill({ password: goodPassword });
    expect([person.callback, person.heading]).to.deep.equal([null, 'Sign in']);
    expect(await w.db('user_passwords').where({ user_id }).first('password_hash')).to.deep.equal(before);
    expect(await w.db('sessions').where({ user_id })).to.deep.equal([]);
    // What was proven before is not kept for later.
    await allowPasswords(org_id, true);
    expect((await new Visitor(w, person.browser).open(person.at)).heading).to.equal('Sign in');
  });

  it('FD-03, AU-07: passwords that are switched off between the page and its form open nothing, in the same words', async () => {
    const org_id = await insertOrganization(w.db);
    const { user_id, email } = await insertPersonWithPassword(w, { home_org_id: org_id });
    await insertMember(w.db, org_id, user_id);
    const visitor = await (await new Visitor(w).begin(ours, { organization_id: org_id })).fill({ identifier: email });
    await allowPasswords(org_id, false);
    await visitor.fill({ password: goodPassword });
    expect([visitor.callback, visitor.problem]).to.deep.equal([null, 'That name or password is not right.']);
    expect(await w.db('sessions').where({ user_id })).to.deep.equal([]);
    // Also while the hash was compared: it is asked once more, with the account held.
    expect(await noteSignin(w.call(), user_id, null), 'by a password').to.equal(false);
    await allowPasswords(org_id, true);
    await visitor.fill({ password: goodPassword });
    expect(visitor.callback?.searchParams.get('code')).to.be.a('string');
  });
});
