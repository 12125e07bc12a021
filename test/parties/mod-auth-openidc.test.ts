/** Debian's mod_auth_openidc under Apache signs people in: a relying party that this project did not write. */
import { expect } from 'chai';
import { Browser, passPages } from '../../src/demo/browser.ts';
import { type World, world } from '../support/world.ts';
import { freePort, missingApache, type RelyingParty, redirectUriOf, startApache } from './apache.ts';
import { skipWithout } from './debian.ts';

describe('parties: mod_auth_openidc', function () {
  this.timeout(60_000);
  let w: World;
  let apache: RelyingParty;
  const email = 'ann@person.example';
  const password = 'a long way to Tipperary';

  before(async function () {
    skipWithout(this as never, missingApache());
    w = await world();
    const user = await w.api('POST', '/users', { email, password, first_name: 'Ann', last_name: 'Person' });
    expect(user.status, user.text).to.equal(201);
    const port = await freePort();
    const application = await w.api<{ client_id: string; client_secret: string }>('POST', '/applications', {
      client_name: 'Apache',
      redirect_uris: [redirectUriOf(port)],
      post_logout_redirect_uris: [`http://localhost:${port}/left`],
      token_endpoint_auth_method: 'client_secret_basic',
      first_party: true,
    });
    expect(application.status, application.text).to.equal(201);
    const { client_id: clientId, client_secret: clientSecret } = application.body;
    apache = await startApache({ port, issuer: w.url, clientId, clientSecret });
  });
  after(async () => {
    await apache?.stop();
    await w?.close();
  });

  const signIn = async (browser: Browser, secret = password) => {
    const first = await browser.open(`${apache.url}/private/page`);
    expect(new URL(first.url).origin, first.html).to.equal(w.url);
    return passPages(browser, first, { fields: { identifier: email, password: secret } });
  };

  it('signs a person in with code and PKCE, and hands her claims to the application behind it', async () => {
    const page = await signIn(new Browser());
    expect([page.url, page.status], `${page.html}\n${apache.log()}`).to.deep.equal([`${apache.url}/private/page`, 200]);
    const claims = apache.seen.at(-1) ?? {};
    expect(claims).to.include({
      oidc_claim_iss: w.url,
      oidc_claim_email: email,
      oidc_claim_given_name: 'Ann',
      oidc_claim_family_name: 'Person',
    });
    expect(claims.oidc_claim_sub).to.match(/^[0-9a-f-]{36}$/);
    expect(
      apache
        .log()
        .split('\n')
        .filter((line) => line.includes('auth_openidc:error]')),
    ).to.deep.equal([]);
  });

  it('shows its page to nobody with a wrong password', async () => {
    const before = apache.seen.length;
    const page = await signIn(new Browser(), 'wrong');
    expect(new URL(page.url).origin).to.equal(w.url);
    expect(apache.seen.length).to.equal(before);
  });

  it('takes a code once: the address of the callback opened again, and in another browser, gives nothing', async () => {
    const browser = new Browser();
    const first = await browser.open(`${apache.url}/private/again`);
    const callback = await passPages(browser, first, { fields: { identifier: email, password } }, (url) =>
      url.startsWith(apache.redirectUri),
    );
    expect(callback.url).to.match(/[?&]code=/);
    expect(callback.url).to.include(`iss=${encodeURIComponent(w.url)}`);
    const before = apache.seen.length;
    await new Browser().open(callback.url);
    expect(apache.seen.length, 'another browser').to.equal(before);
    expect((await browser.open(callback.url)).status).to.equal(200);
    expect(apache.seen.length).to.equal(before + 1);
    browser.forget('mod_auth_openidc_session');
    const replayed = await browser.open(callback.url, (url) => new URL(url).origin === w.url);
    expect(replayed.status === 200 && replayed.url.startsWith(apache.url), replayed.url).to.equal(false);
  });

  it('signs out at Lintel too, and single sign-on ends with it', async () => {
    const browser = new Browser();
    await signIn(browser);
    // Single sign-on: Apache forgot her, Lintel did not.
    browser.forget('mod_auth_openidc_session');
    expect((await browser.open(`${apache.url}/private/sso`)).url).to.equal(`${apache.url}/private/sso`);
    const left = `${apache.url}/left`;
    const page = await browser.open(`${apache.redirectUri}?logout=${encodeURIComponent(left)}`);
    const last = await passPages(browser, page, { fields: {} });
    expect(last.url, last.html).to.equal(left);
    const again = await browser.open(`${apache.url}/private/page`);
    expect(new URL(again.url).origin).to.equal(w.url);
    expect(again.forms[0]?.visible).to.include('identifier');
  });
});
