/**
 * Hostile values in a real Chromium, on the real server under its real policy: in every parameter, path, form and name that a page
 * shows again, nothing is executed, nothing tries to be, and nothing is asked of anybody else (WB-04, WB-05; advisories of class
 * 14). Over 300 lines because every page and every form gets the same values.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { insertMember, insertOrganization } from '../credentials/owners.ts';
import { company, type Company } from '../federation/company.ts';
import { authorizationUrl, makeApplication, type RelyingParty } from '../oidc/rp.ts';
import { goodPassword, insertPersonWithPassword } from '../signin/person.ts';
import { type World, world } from '../support/world.ts';
import { launch } from './chromium.ts';

/** Each leaves another context: an attribute, an element, a script, an address, a template. All of them call the canary. */
const polyglots = [
  `"><script>__x()</script>`,
  `'"><img src=x onerror=__x()>`,
  `javascript:__x()//`,
  `</script></title></textarea></style><script>__x()</script><!--`,
  `" autofocus onfocus=__x() x="' onfocus=__x() y='`,
  `<svg onload=__x()><animate onbegin=__x() attributeName=x>`,
  '<%= __x() %>${__x()}{{__x()}}{{constructor.constructor("__x()")()}}',
  `jaVasCript:/*-/*\`/*\\\`/*'/*"/**/(/* */oNcliCk=__x() )//%0D%0A%0d%0a//</stYle/</titLe/</teXtarEa/</scRipt/--!>\\x3csVg/<sVg/oNloAd=__x()//>\\x3e`,
  `data:text/html,<script>__x()</script>`,
];
const shortest = polyglots.slice(0, 5);

/** What a page must not have, whatever it shows: places where text becomes a script. */
const dangerous = `(() => {
  const wrong = [];
  for (const element of document.querySelectorAll('*')) {
    for (const { name, value } of element.attributes) {
      if (/^on/i.test(name)) wrong.push(element.tagName + ' ' + name);
      if (/^(href|src|action|formaction|data|srcdoc)$/i.test(name) && /^\\s*(javascript|data:text|vbscript)/i.test(value))
        wrong.push(element.tagName + ' ' + name + '=' + value.slice(0, 40));
    }
    if (element.tagName === 'SCRIPT' && element.nonce === '' ) wrong.push('a script without our nonce');
  }
  if (window.__executed) wrong.push('the canary was called');
  return wrong;
})()`;

describe('pages and hostile values, in a browser', function () {
  this.timeout(180_000);
  let w: World;
  let browser: Browser;
  let sink: Server;
  let sinkUrl: string;
  let client: RelyingParty;
  const posted: Record<string, string>[] = [];

  before(async () => {
    w = await world();
    sink = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        if (request.method === 'POST')
          posted.push(Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString())));
        response.setHeader('content-type', 'text/html').end('<!doctype html><title>arrived</title><h1>arrived</h1>');
      });
    });
    await new Promise<void>((done) => sink.listen(0, 'localhost', done));
    sinkUrl = `http://localhost:${(sink.address() as AddressInfo).port}`;
    client = await makeApplication(w, {
      redirect_uris: [`${sinkUrl}/cb`],
      post_logout_redirect_uris: [`${sinkUrl}/bye`],
    });
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    sink?.closeAllConnections();
    await new Promise((done) => sink?.close(done));
    await w?.close();
  });

  interface Watched {
    readonly context: BrowserContext;
    readonly page: Page;
    /** What went wrong since the last look. */
    wrong(): string[];
    /** Opens, waits, and looks. @returns the status */
    look(address: string): Promise<number>;
  }

  async function watch(): Promise<Watched> {
    const context = await browser.newContext();
    const page = await context.newPage();
    const noted: string[] = [];
    await page.addInitScript(`
      window.__x = () => { window.__executed = true; console.error('canary executed'); };
      window.alert = window.confirm = window.prompt = window.__x;
      addEventListener('securitypolicyviolation', (e) => console.error('policy: ' + e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sample));
    `);
    page.on('dialog', (dialog) => {
      noted.push('a dialog');
      void dialog.dismiss();
    });
    page.on('console', (message) => {
      const text = message.text();
      // A status of 4xx is what many of these ask for.
      if (message.type() === 'error' && !text.startsWith('Failed to load resource')) noted.push(`console: ${text}`);
    });
    page.on('pageerror', (error) => noted.push(`script: ${error.message}`));
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      if (
        ![w.url, sinkUrl].includes(origin) &&
        protocol !== 'data:' &&
        !request.url().startsWith('https://idp.example/')
      )
        noted.push(`asked ${request.url().slice(0, 100)}`);
    });
    const wrong = () => noted.splice(0);
    return {
      context,
      page,
      wrong,
      look: async (address) => {
        const response = await page.goto(new URL(address, w.url).href, { waitUntil: 'load' });
        const status = response?.status() ?? 0;
        const found = (await page.evaluate(dangerous)) as string[];
        expect([...wrong(), ...found], decodeURIComponent(address).slice(0, 300)).to.deep.equal([]);
        expect(status, address).to.be.within(200, 499);
        return status;
      },
    };
  }

  /** An authorization request in which one parameter is another, or there is one more. */
  const authorize = (name: string, value: string): string => {
    const url = new URL(authorizationUrl(client), w.url);
    url.searchParams.set('redirect_uri', `${sinkUrl}/cb`);
    url.searchParams.set(name, value);
    return url.pathname + url.search;
  };

  it('WB-05: every parameter of an authorization request', async () => {
    const { look, context } = await watch();
    const names = [
      'client_id',
      'redirect_uri',
      'response_type',
      'response_mode',
      'scope',
      'state',
      'nonce',
      'prompt',
      'display',
      'max_age',
      'ui_locales',
      'login_hint',
      'id_token_hint',
      'acr_values',
      'claims',
      'request',
      'request_uri',
      'resource',
      'registration',
      'organization_id',
      'code_challenge',
      'code_challenge_method',
      'never_heard_of',
    ];
    for (const name of names) for (const value of polyglots) await look(authorize(name, value));
    for (const value of polyglots) await look(authorize(value, 'x'));
    await context.close();
  });

  it('WB-05: form_post gives the application what it sent, byte for byte, and executes nothing', async () => {
    const { page, wrong, context } = await watch();
    for (const state of polyglots) {
      const url = new URL(authorize('state', state), w.url);
      url.searchParams.set('response_mode', 'form_post');
      url.searchParams.set('prompt', 'none');
      await page.goto(url.href, { waitUntil: 'commit' });
      await page.waitForURL(`${sinkUrl}/cb`);
      expect(wrong(), state).to.deep.equal([]);
      const answer = posted.pop();
      expect([answer?.error, answer?.state], state).to.deep.equal(['login_required', state]);
    }
    await context.close();
  });

  it('WB-05: every parameter of a sign-out', async () => {
    const { look, context } = await watch();
    for (const name of [
      'post_logout_redirect_uri',
      'id_token_hint',
      'client_id',
      'state',
      'logout_hint',
      'ui_locales',
      'x',
    ]) {
      for (const value of polyglots) {
        const known = { client_id: client.client_id, post_logout_redirect_uri: `${sinkUrl}/bye`, [name]: value };
        await look(`/oauth/logout?${new URLSearchParams(known)}`);
      }
    }
    await context.close();
  });

  it('WB-05: every path and parameter of the other pages, errors included', async () => {
    const acme = await company(w);
    const { look, context } = await watch();
    const saml = `/saml/${acme.provider.provider_id}`;
    for (const value of polyglots) {
      const text = encodeURIComponent(value);
      for (const address of [
        `/?x=${text}#${text}`,
        `/api/docs?x=${text}#${text}`,
        `/nowhere/${text}`,
        `/${text}`,
        `/setup/${text}`,
        `/signin/${text}`,
        `/signin/${'x'.repeat(43)}/${text}`,
        `/signin/${'x'.repeat(43)}/federated?code=${text}&error=${text}`,
        `/dev/mail/${text}`,
        `/saml/${text}/login`,
        `${saml}/login?RelayState=${text}&target=${text}`,
        `${saml}/slo?SAMLRequest=${text}&RelayState=${text}`,
        `${saml}/slo?SAMLResponse=${text}&RelayState=${text}&SigAlg=${text}&Signature=${text}`,
        `${saml}/acs?x=${text}`,
        `/api/v1/organizations?x=${text}`,
        `/scim/v2/Users?filter=${text}`,
        `/oauth/authorize/${text}`,
        `/oauth/userinfo?x=${text}`,
        `/.well-known/openid-configuration?x=${text}`,
      ])
        await look(address);
    }
    await context.close();
  });

  it('WB-05: what was typed into a form, and what is posted to SAML', async () => {
    const acme = await company(w);
    const { page, wrong, context } = await watch();
    const settled = async (what: string) => {
      expect([...wrong(), ...((await page.evaluate(dangerous)) as string[])], what).to.deep.equal([]);
    };
    for (const value of polyglots) {
      await page.goto(new URL(authorize('login_hint', value), w.url).href);
      await settled(`hint ${value}`);
      await page.locator('input[name=identifier]').fill(value);
      await page.locator('form button[type=submit]').first().click();
      await page.waitForLoadState('load');
      await settled(`typed ${value}`);
      expect(await page.content()).to.include('<h1');
    }
    for (const value of shortest) {
      for (const fields of [
        { SAMLResponse: value, RelayState: value },
        { SAMLResponse: Buffer.from(value).toString('base64'), RelayState: value },
        { SAMLResponse: Buffer.from(`<x>${value}</x>`).toString('base64'), RelayState: value, [value]: value },
      ]) {
        // As a page of somebody else's would post it.
        await page.goto(sinkUrl);
        const left = page.waitForEvent('load');
        await page.evaluate(
          ([action, entries]) => {
            const form = document.createElement('form');
            form.method = 'post';
            form.action = action as string;
            for (const [name, content] of entries as [string, string][]) {
              const input = document.createElement('input');
              input.name = name;
              input.value = content;
              form.append(input);
            }
            document.body.append(form);
            form.submit();
          },
          [acme.provider.sp.acs_url, Object.entries(fields)] as const,
        );
        await left;
        expect(page.url()).to.equal(acme.provider.sp.acs_url);
        await settled(`posted ${value}`);
      }
    }
    await context.close();
  });

  it('SA-11, WB-05: the page that posts to a company has no script but ours, whatever its administrator wrote', async () => {
    const { page, wrong, context } = await watch();
    let sent: string | null = null;
    await context.route('https://idp.example/**', (route) => {
      sent = route.request().postData();
      return route.fulfill({ contentType: 'text/html', body: '<h1>the company</h1>' });
    });
    for (const [at, value] of shortest.entries()) {
      const acme: Company = await company(w, {
        config: { sso_binding: 'post', sso_url: `https://idp.example/sso?x=${encodeURIComponent(value)}&q="'` },
      });
      const place = `/organizations/${acme.org_id}`;
      const named = await w.api('PATCH', `${place}/identity-providers/${acme.provider.provider_id}`, { name: value });
      expect(named.status, named.text).to.equal(200);
      const branded = await w.api('PATCH', place, { org_name: value.slice(0, 200) });
      expect(branded.status, branded.text).to.equal(200);
      await page.goto(new URL(authorize('state', 's'), w.url).href);
      await page.locator('input[name=identifier]').fill(`"onfocus=__x()"${at}@${acme.domain}`.replaceAll('"', "'"));
      await page.locator('form button[type=submit]').first().click();
      await page.waitForURL('https://idp.example/**', { timeout: 10_000 });
      const fields = new URLSearchParams(sent ?? '');
      expect([...fields.keys()]).to.deep.equal(['SAMLRequest', 'RelayState']);
      expect(wrong(), value).to.deep.equal([]);
    }
    for (const sso_url of [
      'javascript:__x()',
      'data:text/html,<script>__x()</script>',
      'http://idp.example/sso',
      'ftp://x',
    ]) {
      const refused = await w.api('POST', `/organizations/${(await company(w)).org_id}/identity-providers`, {
        type: 'saml',
        name: 'x',
        config: { idp_entity_id: 'https://x.example', sso_url, sso_binding: 'post' },
      });
      expect(refused.status, sso_url).to.equal(400);
    }
    await context.close();
  });

  it('WB-04, WB-05, WB-13: names of people, organizations and applications on the pages of a sign-in; the policy is never met', async () => {
    const nasty = polyglots[1] as string;
    const third = await makeApplication(w, {
      client_name: nasty,
      first_party: false,
      redirect_uris: [`${sinkUrl}/cb`],
      client_uri: `https://app.example/"onclick=__x()'`,
    });
    const orgs = [
      await insertOrganization(w.db, { org_name: nasty }),
      await insertOrganization(w.db, { org_name: polyglots[0] }),
    ];
    const person = await insertPersonWithPassword(w, {
      first_name: nasty,
      last_name: polyglots[4],
      username: nasty.slice(0, 60),
    });
    for (const org_id of orgs) await insertMember(w.db, org_id, person.user_id);
    const { page, wrong, context } = await watch();
    const url = new URL(
      authorizationUrl(third, { scope: 'openid profile email offline_access', prompt: 'consent' }),
      w.url,
    );
    url.searchParams.set('redirect_uri', `${sinkUrl}/cb`);
    await page.goto(url.href);
    const headings: string[] = [];
    const pass = async (act: () => Promise<void>) => {
      headings.push((await page.locator('h1').first().textContent()) ?? '');
      const found = (await page.evaluate(dangerous)) as string[];
      expect([...wrong(), ...found], headings.join(' → ')).to.deep.equal([]);
      await Promise.all([page.waitForEvent('load'), act()]);
    };
    await pass(async () => {
      await page.locator('input[name=identifier]').fill(person.email);
      await page.locator('form button[type=submit]').first().click();
    });
    await pass(async () => {
      await page.locator('input[name=password]').fill(goodPassword);
      await page.locator('form button[type=submit]').last().click();
    });
    await pass(() => page.locator('button[name=org_id]').first().click());
    await pass(() => page.locator('button[value=allow]').click());
    expect(page.url()).to.match(new RegExp(`^${sinkUrl}/cb\\?code=`));
    expect(headings).to.have.length(4);
    await page.goto(`${w.url}/oauth/logout`);
    await pass(() => page.locator('form button[type=submit]').first().click());
    expect(wrong()).to.deep.equal([]);
    await context.close();
  });

  it('this test sees a script that is executed', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.setContent(`<img src=x onerror="window.__executed = true"><a href="javascript:1">x</a>`);
    await page.waitForFunction('window.__executed');
    expect(await page.evaluate(dangerous)).to.deep.equal([
      'IMG onerror',
      'A href=javascript:1',
      'the canary was called',
    ]);
    await context.close();
  });
});
