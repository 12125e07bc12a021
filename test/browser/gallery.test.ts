/**
 * Every page in a real Chromium under the strict policy: it looks right at four sizes and themes, breaks no rule of
 * access, asks nobody but us for anything, and stays whole when names are hostile. Screenshots: test/browser/screenshots/.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import Koa from 'koa';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { createPages } from '../../src/http/pages.ts';
import { launch } from './chromium.ts';
import { hostileSamples, type Sample, samples } from './gallery.ts';
import { until } from '../support/waiting.ts';

const here = import.meta.dirname;
const pages = createPages({ viewsDir: join(here, '../../views') });
const all = [...samples, ...hostileSamples];
const twoFrames = 'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))';
/** Pages that go on by themselves; their target is the test's own server, whose address is known late. */
const onward: Sample[] = [];
const schemes = ['light', 'dark'] as const;
const phone = { width: 390, height: 844 };
const desk = { width: 1280, height: 800 };

function serve(posted: unknown[], origins: string[]): Server {
  const app = new Koa();
  app.use(pages.serveAssets());
  app.use(async (context) => {
    if (context.method === 'POST') {
      const chunks: Buffer[] = [];
      for await (const chunk of context.req) chunks.push(chunk as Buffer);
      origins.push(context.get('origin'));
      posted.push(Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString())));
      // 204 keeps a page where it is; a page that left by itself needs somewhere to arrive.
      if (context.path === '/acs') context.body = 'arrived';
      else context.status = 204;
      return;
    }
    const sample = [...all, ...onward].find((candidate) => `/${candidate.name}` === context.path);
    if (sample === undefined) return;
    const nonce = randomBytes(16).toString('base64');
    context.set(
      'content-security-policy',
      `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'self' 'nonce-${nonce}'; img-src 'self' data: https:; form-action 'self' ${sample.formAction ?? ''}; base-uri 'none'; frame-ancestors 'none'`,
    );
    // As the edge sets it; the layout's own word must win, or forms are posted with `Origin: null`.
    context.set('referrer-policy', 'no-referrer');
    context.type = 'html';
    context.body = pages.render(sample.view, { ...sample.data, nonce });
  });
  return createServer(app.callback());
}

/** The focus reaches the button that the page is about, by the tabulator alone. */
async function tabsToPrimary(page: Page): Promise<boolean> {
  await page.evaluate('document.activeElement?.blur(); scrollTo(0, 0)');
  for (let step = 0; step < 40; step += 1) {
    await page.keyboard.press('Tab');
    if (
      await page.evaluate(
        "Boolean(document.activeElement?.matches('.primary, .choice, .quiet, .letter, .links a, .bar a'))",
      )
    )
      return true;
  }
  return false;
}

describe('pages in a browser', function () {
  this.timeout(120_000);
  // Processes and browsers on a machine that others use too: a second try, never a third.
  this.retries(1);
  let browser: Browser;
  let server: Server;
  let origin: string;
  let audit: string;
  const posted: unknown[] = [];
  const origins: string[] = [];

  before(async () => {
    audit = await readFile(join(here, 'page-audit.js'), 'utf8');
    await mkdir(join(here, 'screenshots'), { recursive: true });
    server = serve(posted, origins);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const provider = { name: 'Acme SSO' };
    onward.push(
      {
        name: 'onward-post',
        view: 'signin/post',
        data: { action: `${origin}/acs`, fields: { SAMLRequest: 'PHNhbWw+', RelayState: 'r1' }, provider },
      },
      { name: 'onward-redirect', view: 'signin/redirect', data: { url: `${origin}/signin-error?x=1&y=2`, provider } },
    );
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    server?.closeAllConnections();
    await new Promise((done) => server?.close(done));
  });

  /** Opens a page and collects what it did wrong on the way. */
  async function visit(
    sample: Sample,
    options: BrowserContextOptions,
  ): Promise<{ page: Page; wrong: string[]; close: () => Promise<void> }> {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const wrong: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(origin) && !request.url().startsWith('data:')) wrong.push(`asked ${request.url()}`);
    });
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) wrong.push(`console: ${message.text()}`);
    });
    page.on('pageerror', (error) => wrong.push(`script: ${error.message}`));
    page.on('dialog', (dialog) => {
      wrong.push('a dialog: markup was executed');
      void dialog.dismiss();
    });
    await page.addInitScript(
      "addEventListener('securitypolicyviolation', (e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI}`))",
    );
    // A page that goes on by itself never finishes loading: its first byte is enough.
    const waitUntil = onward.includes(sample) ? 'commit' : 'load';
    const response = await page.goto(`${origin}/${sample.name}`, { waitUntil });
    if (response?.status() !== 200) wrong.push(`status ${response?.status()}`);
    return { page, wrong, close: () => context.close() };
  }

  for (const sample of all) {
    it(`${sample.name}: whole, reachable and readable (WB-04, WB-05)`, async () => {
      for (const colorScheme of schemes) {
        const { page, wrong, close } = await visit(sample, { viewport: { width: 360, height: 740 }, colorScheme });
        // autofocus is done with the first frame that is drawn
        await page.evaluate(twoFrames);
        const judged = (await page.evaluate(audit)) as { wrong: string[]; least: number; words: number };
        expect([...wrong, ...judged.wrong], `${colorScheme}, 360 px`).to.deep.equal([]);
        expect(judged.words, 'words on the page').to.be.greaterThan(2);
        if (!sample.passive && colorScheme === 'light')
          expect(await tabsToPrimary(page), 'the button is reached by keyboard').to.equal(true);
        await close();
      }
    });

    it(`${sample.name}: pictures`, async () => {
      for (const colorScheme of schemes) {
        for (const viewport of [phone, desk]) {
          const { page, wrong, close } = await visit(sample, { viewport, colorScheme });
          await picture(page, {
            path: join(here, 'screenshots', `${sample.name}-${colorScheme}-${viewport.width}.png`),
            fullPage: viewport === desk ? false : true,
          });
          expect(wrong).to.deep.equal([]);
          await close();
        }
      }
    });
  }

  it('works without JavaScript: a form posts what was typed and the token', async () => {
    const sample = samples.find(({ name }) => name === 'signin-password') as Sample;
    const { page, close } = await visit(sample, { javaScriptEnabled: false });
    await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await until(() => posted.length > 0, 5000);
    expect(posted.pop()).to.deep.equal({
      csrf: sample.data['csrf'],
      identifier: 'ada@northwind.example',
      password: 'correct horse battery',
    });
    // The form guard compares it (WB-01); a page without a referrer would send `null`.
    expect(origins.pop()).to.equal(origin);
    await close();
  });

  it('sends the SAML form by itself, once, exactly', async () => {
    const { page, wrong, close } = await visit(onward[0] as Sample, {});
    await until(() => posted.length > 0, 5000);
    await page.waitForTimeout(200);
    expect(posted.splice(0)).to.deep.equal([{ SAMLRequest: 'PHNhbWw+', RelayState: 'r1' }]);
    expect(wrong).to.deep.equal([]);
    await close();
  });

  it('follows the link to the provider by itself, and by hand without JavaScript', async () => {
    const target = `${origin}/signin-error?x=1&y=2`;
    const scripted = await visit(onward[1] as Sample, {});
    await scripted.page.waitForURL(target);
    await scripted.close();
    const plain = await visit(onward[1] as Sample, { javaScriptEnabled: false });
    await plain.page.getByRole('link', { name: /^Continue/ }).click();
    await plain.page.waitForURL(target);
    await plain.close();
  });

  it('hidden fields arrive byte for byte, reordering signs included (OA-14)', async () => {
    const sample = hostileSamples.find(({ name }) => name === 'hostile-signout') as Sample;
    const { page, close } = await visit(sample, { javaScriptEnabled: false });
    await page.getByRole('button', { name: 'Sign out' }).click();
    await until(() => posted.length > 0, 5000);
    expect(posted.pop()).to.deep.equal({ xsrf: (sample.data['fields'] as { xsrf: string }).xsrf, logout: 'yes' });
    await close();
  });

  it('shows and hides the password, and posts once however often the button is pressed', async () => {
    const { page, wrong, close } = await visit(samples.find(({ name }) => name === 'signin-password') as Sample, {});
    const field = page.getByLabel('Password', { exact: true });
    await field.fill('correct horse battery');
    await page.getByRole('button', { name: 'Show password' }).click();
    expect(await field.getAttribute('type')).to.equal('text');
    await page.getByRole('button', { name: 'Sign in' }).dblclick();
    await until(() => posted.length > 0, 5000);
    await page.waitForTimeout(200);
    expect(posted.splice(0)).to.have.length(1);
    expect(await field.getAttribute('type')).to.equal('password');
    expect(wrong).to.deep.equal([]);
    await close();
  });

  it('api-docs: unfolds by hand and by address without scripts, and is as whole unfolded as folded', async () => {
    for (const name of ['api-docs', 'hostile-api-docs']) {
      const sample = [...samples, ...hostileSamples].find((one) => one.name === name) as Sample;
      for (const viewport of [phone, desk]) {
        const { page, wrong, close } = await visit(sample, { viewport, javaScriptEnabled: name !== 'api-docs' });
        const isShown = (selector: string) => page.locator(selector).first().isVisible();
        if (name === 'api-docs') {
          expect(await isShown('#listOrganizations'), 'folded').to.equal(false);
          await page.locator('.chapter > summary').first().click();
          await page.locator('.operation > summary').first().click();
          expect(await isShown('#listOrganizations'), 'by hand').to.equal(true);
          await page.goto(`${origin}/api-docs?again#createOrganization`);
          expect(await isShown('#createOrganization'), 'by its address').to.equal(true);
          expect(await isShown('#listOrganizations'), 'and nothing else').to.equal(false);
        } else {
          await page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true");
          const judged = (await page.evaluate(audit)) as { wrong: string[] };
          expect([...wrong, ...judged.wrong], `${viewport.width} px`).to.deep.equal([]);
        }
        await close();
      }
    }
  });

  it('forced colours keep the button visible', async () => {
    const { page, close } = await visit(samples[0] as Sample, { viewport: phone, forcedColors: 'active' });
    await page.screenshot({ path: join(here, 'screenshots', 'forced-colors-390.png') });
    const edge = await page.evaluate("getComputedStyle(document.querySelector('.primary')).borderTopStyle");
    expect(edge).to.equal('solid');
    await close();
  });
});

/** A screenshot; once more when the compositor was too busy to answer. The pictures are for people: nothing is asserted on them. */
async function picture(page: Page, options: { path: string; fullPage?: boolean }): Promise<void> {
  await page.screenshot(options).catch(() => page.screenshot(options));
}
