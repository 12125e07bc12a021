/**
 * A company whose identity provider is Debian's SimpleSAMLphp, and an application behind Debian's mod_auth_openidc:
 * at neither end of the sign-in is anything that this project wrote.
 */
import { expect } from 'chai';
import { Browser, type Page, passPages } from '../../src/demo/browser.ts';
import { startSimpleSaml, type SimpleSaml, whySkipped } from '../support/saml/simplesamlphp.ts';
import { keys } from '../support/saml/keys.ts';
import { type World, world } from '../support/world.ts';
import { freePort, missingApache, type RelyingParty, redirectUriOf, startApache } from './apache.ts';
import { skipWithout } from './debian.ts';

const ada = {
  username: 'ada',
  password: 'analytical',
  attributes: { uid: ['ada-1815'], mail: ['ada@acme.example'], givenName: ['Ada'], sn: ['Byron'], groups: ['staff'] },
};

describe('parties: SimpleSAMLphp and mod_auth_openidc', function () {
  this.timeout(90_000);
  let w: World;
  let apache: RelyingParty;
  let idp: SimpleSaml;
  let org_id: string;
  let provider_id: string;

  before(async function () {
    skipWithout(this as never, missingApache() ?? whySkipped() ?? null);
    w = await world();
    const made = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
      const answer = await w.api<never>(method, path, body);
      expect(answer.status, answer.text).to.be.below(300);
      return answer.body as T;
    };
    ({ org_id } = await made<{ org_id: string }>('POST', '/organizations', { org_name: 'Acme Ltd' }));
    await made('POST', `/organizations/${org_id}/domains`, { domain: 'acme.example' });
    await made('POST', `/organizations/${org_id}/domains/acme.example/verification`, { method: 'attested' });
    // A draft first, as administrators do: each side needs to know the other.
    const base = `/organizations/${org_id}/identity-providers`;
    const draft = await made<{
      provider_id: string;
      sp: Record<'entity_id' | 'acs_url' | 'slo_url' | 'metadata_url', string>;
    }>('POST', base, {
      type: 'saml',
      name: 'Acme SSO',
    });
    ({ provider_id } = draft);
    const ours = await (await fetch(draft.sp.metadata_url)).text();
    const [, body = ''] = /use="signing"[\s\S]*?X509Certificate>\s*([A-Za-z0-9+/=\s]+?)\s*</.exec(ours) ?? [];
    const certificate = `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
    idp = await startSimpleSaml({
      serviceProvider: {
        entityId: draft.sp.entity_id,
        acsUrl: draft.sp.acs_url,
        sloUrl: draft.sp.slo_url,
        current: { privateKey: '', certificate },
      },
      keyPair: keys.idp(),
      people: [ada],
    });
    const { state } = await made<{ state: string }>('PATCH', `${base}/${provider_id}`, {
      config: { metadata_url: idp.metadataUrl },
      auto_provision: true,
      enabled: true,
    });
    expect(state).to.equal('active');

    const port = await freePort();
    const { client_id: clientId, client_secret: clientSecret } = await made<
      Record<'client_id' | 'client_secret', string>
    >('POST', '/applications', {
      client_name: 'Apache',
      org_id,
      redirect_uris: [redirectUriOf(port)],
      post_logout_redirect_uris: [`http://localhost:${port}/left`],
      first_party: true,
    });
    apache = await startApache({ port, issuer: w.url, clientId, clientSecret });
  });
  after(async () => {
    await apache?.stop();
    await idp?.stop();
    await w?.close();
  });

  const signIn = async (browser: Browser, password = ada.password): Promise<Page> => {
    const first = await browser.open(`${apache.url}/private/page`);
    const fields = { identifier: 'ada@acme.example', username: ada.username, password };
    return passPages(browser, first, { fields, arrived: (url) => url.startsWith(`${apache.url}/private/page`) });
  };

  it('signs somebody in from one to the other, provisioned on the way', async () => {
    const browser = new Browser();
    const page = await signIn(browser);
    const traces = await w.api('GET', `/organizations/${org_id}/signin-traces`);
    expect([page.url, page.status], `${page.html}\n${traces.text}\n${await idp.log()}\n${apache.log()}`).to.deep.equal([
      `${apache.url}/private/page`,
      200,
    ]);
    expect(apache.seen.at(-1)).to.include({
      oidc_claim_iss: w.url,
      oidc_claim_email: 'ada@acme.example',
      oidc_claim_given_name: 'Ada',
      oidc_claim_family_name: 'Byron',
      oidc_claim_org_name: 'Acme Ltd',
      oidc_claim_org_id: org_id,
    });
    const { body } = await w.api<{ items: { outcome?: string; provider_id: string }[] }>(
      'GET',
      `/organizations/${org_id}/signin-traces`,
    );
    expect(body.items[0]).to.include({ provider_id });
  });

  it('finds the same account at the second sign-in', async () => {
    const sub = apache.seen.at(-1)?.oidc_claim_sub;
    await signIn(new Browser());
    expect(apache.seen.at(-1)?.oidc_claim_sub).to.equal(sub);
  });

  it('lets nobody in whom the company does not', async () => {
    const before = apache.seen.length;
    const page = await signIn(new Browser(), 'wrong');
    expect(page.url.startsWith(idp.baseUrl), page.url).to.equal(true);
    expect(apache.seen.length).to.equal(before);
  });

  it('FD-03: ends with the connection', async () => {
    const before = apache.seen.length;
    const off = await w.api('PATCH', `/organizations/${org_id}/identity-providers/${provider_id}`, { enabled: false });
    expect(off.status, off.text).to.equal(200);
    const page = await signIn(new Browser());
    expect(new URL(page.url).origin).to.equal(w.url);
    expect(apache.seen.length).to.equal(before);
  });
});
