import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { newId } from '../../../src/core/id.ts';
import { hashSecret } from '../../../src/core/secret.ts';
import type { CompanyLogin } from '../../../src/signin/flow/collaborators.ts';
import { nameIdContext } from '../../../src/signin/sessions/service.ts';
import { insertOrganization, insertUser } from '../../credentials/owners.ts';
import { manual, type Provider } from '../../federation/company.ts';
import { type Browser, makeApplication, type RelyingParty } from '../../oidc/rp.ts';
import { formsOf, goodPassword, insertPersonWithPassword, signinWorld, type SigninWorld, Visitor } from '../person.ts';

describe('signin/flow: companies', () => {
  let w: SigninWorld;
  let client: RelyingParty;
  let org: string;
  let domain: string;
  let provider_id: string;
  before(async () => {
    w = await signinWorld();
    client = await makeApplication(w);
  });
  beforeEach(async () => {
    w.skew = 0;
    await w.db('rate_limit_counters').delete();
    org = await insertOrganization(w.db, { org_name: 'Acorn Timber' });
    domain = `${randomBytes(5).toString('hex')}.example`;
    await w.db('organization_domains').insert({
      org_id: org,
      domain,
      verification_token: 'x'.repeat(20),
      verified_at: new Date(),
      verified_by: 'attested',
    });
    provider_id = await insertProvider('Acorn ID');
    w.companies.methods.clear();
    w.companies.begun.length = 0;
    w.companies.outgoing = 'redirect';
  });
  after(() => w.close());

  const insertProvider = async (name: string, org_id = org): Promise<string> => {
    const config = manual(`https://idp.example/${newId()}`);
    const made = await w.api<Provider>('POST', `/organizations/${org_id}/identity-providers`, {
      type: 'saml',
      name,
      config,
    });
    const id = made.body.provider_id;
    w.companies.connections.push({ provider_id: id, org_id, name, type: 'saml' });
    return id;
  };
  const begin = (options = {}, browser?: Browser) => new Visitor(w, browser).begin(client, options);
  const toCompany = async (options = {}) => (await begin(options)).fill({ identifier: `ada@${domain}` });
  /** What the assertion consumer service leaves for the browser. */
  const handOff = (visitor: Visitor, user_id: string, login: Partial<CompanyLogin> = {}): string => {
    const code = randomBytes(32).toString('base64url');
    w.companies.codes.set(code, {
      attempt_id: hashSecret(visitor.uid),
      login: {
        provider_id,
        org_id: org,
        user_id,
        auth_time: new Date(Date.now() - 60_000),
        authn_context: null,
        not_after: null,
        name_id: 'ada-at-acorn',
        idp_session_index: '_s1',
        ...login,
      },
    });
    return `/signin/${visitor.uid}/federated?code=${code}`;
  };

  it('a name in a verified domain leads to the company’s identity provider, whether anybody has it or not (AU-07)', async () => {
    const owned = await insertPersonWithPassword(w, { home_org_id: org, email: `oda@${domain}` });
    const personal = await insertPersonWithPassword(w, { email: `eve@${domain}` });
    const pages: string[] = [];
    for (const identifier of [owned.email, personal.email, `nobody@${domain}`, `ODA@${domain.toUpperCase()}`]) {
      const visitor = await (await begin()).fill({ identifier });
      expect(visitor.heading).to.equal('Continue to Acorn ID');
      expect(visitor.page.text).to.include(`href="https://idp.example/sso?for=${provider_id}"`);
      pages.push(
        visitor.page.text
          .replaceAll(visitor.uid, 'UID')
          .replaceAll(identifier, 'TYPED')
          .replace(/nonce="[^"]*"/g, ''),
      );
      const [request] = w.companies.begun.splice(0);
      expect(request?.providerId).to.equal(provider_id);
      expect(request?.attempt).to.include({
        attempt_id: hashSecret(visitor.uid),
        return_to: `/signin/${visitor.uid}/federated`,
        force_authn: false,
        login_hint: identifier,
      });
      expect(await w.db('signin_attempts').where({ attempt_id: hashSecret(visitor.uid) })).to.have.length(1);
    }
    for (const page of pages) expect(page).to.equal(pages[0]);
  });

  it('a posted request names its target in the policy, and carries none of our tokens', async () => {
    w.companies.outgoing = 'post';
    const visitor = await toCompany();
    expect(visitor.page.headers.get('content-security-policy')).to.match(/form-action [^;]*https:\/\/idp\.example/);
    const [form] = formsOf(visitor.page.text);
    expect(form?.action).to.equal(`https://idp.example/sso?for=${provider_id}`);
    expect(form?.fields).to.deep.equal({ SAMLRequest: 'cmVxdWVzdA==', RelayState: 'r' });
  });

  it('comes back with a one-time code and is signed in, as the identity provider said', async () => {
    const { user_id } = await insertUser(w.db, { home_org_id: org, email: `ada@${domain}` });
    const visitor = await toCompany();
    const not_after = new Date(Date.now() + 20 * 60_000);
    const address = handOff(visitor, user_id, { not_after, authn_context: 'https://refeds.org/profile/mfa' });
    await visitor.open(address);
    expect(visitor.callback?.searchParams.get('code')).to.be.a('string');
    const [session] = await w.db('sessions').where({ user_id });
    expect(session).to.include({
      org_id: org,
      provider_id,
      login_method: 'saml',
      acr: 'urn:lintel:acr:mfa',
      idp_session_index: '_s1',
    });
    expect(session.amr).to.deep.equal(['fed', 'mfa']);
    expect(session.expires_at.getTime()).to.equal(not_after.getTime());
    expect(session.auth_time.getTime()).to.be.below(Date.now() - 59_000);
    expect(w.app.sealer.open(session.name_id_encrypted, nameIdContext(session.session_id))).to.equal('ada-at-acorn');
    await visitor.open(address);
    expect(visitor.callback, 'a second time').to.equal(null);
    expect(await w.db('sessions').where({ user_id })).to.have.length(1);
  });

  it('AU-13, WB-02: a code counts in the attempt and the browser that it was made for, at the connection that was chosen', async () => {
    const { user_id } = await insertUser(w.db, { home_org_id: org, email: `ada@${domain}` });
    const [victim, attacker] = [await toCompany(), await toCompany()];
    const stolen = handOff(attacker, user_id);
    const code = new URL(stolen, w.url).search;
    await victim.open(`/signin/${victim.uid}/federated${code}`);
    expect([victim.callback, victim.heading, victim.problem]).to.deep.equal([
      null,
      'Sign in',
      'Your company’s sign-in was not completed. Try again.',
    ]);
    expect((await victim.browser.go(handOff(attacker, user_id))).status, 'another browser').to.equal(400);
    const elsewhere = await insertProvider('Other ID', await insertOrganization(w.db));
    await attacker.open(handOff(attacker, user_id, { provider_id: elsewhere }));
    expect(attacker.callback, 'another connection').to.equal(null);
    const early = await begin();
    await early.open(handOff(early, user_id));
    expect([early.callback, early.heading], 'before anybody was sent there').to.deep.equal([null, 'Sign in']);
    const password = await (await begin()).fill({ identifier: 'somebody@people.example' });
    await password.open(handOff(password, user_id));
    expect([password.callback, password.heading], 'at the password').to.deep.equal([null, 'Enter your password']);
    for (const query of ['', '?code=', '?code=x', '?code=a&code=b']) {
      const visitor = await toCompany();
      await visitor.open(`/signin/${visitor.uid}/federated${query}`);
      expect([visitor.callback, visitor.heading], query).to.deep.equal([null, 'Sign in']);
    }
    expect(await w.db('sessions').where({ user_id })).to.have.length(0);
  });

  it('AU-22: an account that may not sign in does not, whatever its identity provider says', async () => {
    for (const columns of [{ enabled: false }, { locked: true }]) {
      const { user_id } = await insertUser(w.db, { home_org_id: org, ...columns });
      const visitor = await toCompany();
      await visitor.open(handOff(visitor, user_id));
      expect([visitor.callback, visitor.heading], JSON.stringify(columns)).to.deep.equal([null, 'Sign in']);
      expect(await w.db('sessions').where({ user_id })).to.have.length(0);
    }
  });

  it('AU-17: asked to sign in anew, the person does so there, too', async () => {
    await toCompany({ prompt: 'login' });
    expect(w.companies.begun[0]?.attempt.force_authn).to.equal(true);
  });

  it('a connection that was switched off meanwhile is no way in', async () => {
    const visitor = await toCompany();
    w.companies.connections = w.companies.connections.filter((connection) => connection.provider_id !== provider_id);
    await visitor.open(`/signin/${visitor.uid}`);
    expect([visitor.heading, visitor.problem]).to.deep.equal([
      'Sign in',
      'Your company’s sign-in is not available at the moment.',
    ]);
    expect(formsOf(visitor.page.text)[0]?.fields.identifier).to.equal(`ada@${domain}`);
  });

  it('several connections are chosen from, and only from those', async () => {
    const second = await insertProvider('Acorn Labs ID');
    const foreign = await insertProvider('Foreign ID', await insertOrganization(w.db));
    const visitor = await toCompany();
    expect(visitor.heading).to.equal('Choose how to sign in');
    expect(visitor.page.text).to.include('Acorn Labs ID').and.not.to.include('Foreign ID');
    await visitor.fill({ provider_id: foreign });
    expect(visitor.heading).to.equal('Choose how to sign in');
    await visitor.fill({ provider_id: second });
    expect(visitor.heading).to.equal('Continue to Acorn Labs ID');
  });

  it('organization_id: its own account signs in with its password, or goes on to the company; the page offers both', async () => {
    const owned = await insertPersonWithPassword(w, { home_org_id: org, email: 'ada@elsewhere.example' });
    const stray = await (await begin()).signIn(owned.email);
    expect(stray.callback, 'without the organization the account is not found').to.equal(null);
    const visitor = await (await begin({ organization_id: org })).fill({ identifier: owned.email });
    expect(visitor.heading).to.equal('Enter your password');
    expect(visitor.page.text).to.include('Continue with').and.to.include('Acorn ID').and.to.include('Acorn Timber');
    await visitor.fill({ company: 'yes' }, 1);
    expect(visitor.heading).to.equal('Continue to Acorn ID');
    const nobody = await (await begin({ organization_id: org })).fill({ identifier: 'nobody@elsewhere.example' });
    expect(nobody.heading, 'the same for whom nobody knows').to.equal('Enter your password');
  });

  it('a password that the organization does not allow opens nothing, with the same words', async () => {
    const other = await insertOrganization(w.db);
    const owned = await insertPersonWithPassword(w, { home_org_id: other, email: 'oda@elsewhere.example' });
    const options = { organization_id: other };
    const before = await (await begin(options)).fill({ identifier: owned.email });
    w.companies.methods.set(other, { password: false });
    await before.fill({ password: goodPassword });
    expect([before.callback, before.problem]).to.deep.equal([null, 'That name or password is not right.']);
    const visitor = await (await begin(options)).fill({ identifier: owned.email });
    expect([visitor.page.status, visitor.heading]).to.deep.equal([403, 'There is no way to sign in yet']);
    const nobody = await (await begin(options)).fill({ identifier: 'nobody@elsewhere.example' });
    expect(nobody.heading).to.equal('There is no way to sign in yet');
  });

  it('goes straight on where the organization has one way in, or the hint names a connection', async () => {
    w.companies.methods.set(org, { password: false });
    expect((await begin({ organization_id: org })).heading).to.equal('Continue to Acorn ID');
    w.companies.methods.clear();
    expect((await begin({ organization_id: org })).heading).to.equal('Sign in');
    const login_hint = `urn:lintel:connection:${provider_id}`;
    expect((await begin({ organization_id: org, login_hint })).heading).to.equal('Continue to Acorn ID');
    expect((await begin({ login_hint })).heading, 'from the portal').to.equal('Continue to Acorn ID');
    const elsewhere = await begin({ organization_id: await insertOrganization(w.db), login_hint });
    expect(elsewhere.heading, 'another organization is asked for').to.equal('Sign in');
    const unknown = await begin({ organization_id: org, login_hint: `urn:lintel:connection:${newId()}` });
    expect([unknown.heading, formsOf(unknown.page.text)[0]?.fields.identifier]).to.deep.equal(['Sign in', '']);
  });
});
