/**
 * The main job in a real Chromium: from the sample application through the company's SAML identity provider and back,
 * with scripts and without, by keyboard alone, light and dark, at phone width. Every page on the way is audited and pictured.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { openStage, type Stage } from '../../src/demo/stage.ts';
import { launch } from './chromium.ts';

const here = import.meta.dirname;
const pictures = join(here, 'screenshots');
const phone = { width: 390, height: 844 };

/** What Ada types when a field has the focus, by the field's name. */
const answers: Record<string, string> = {
  identifier: 'ada@acme.example',
  username: 'ada',
  password: 'first-programmer',
};

const focused = `(() => {
  const { name = '', type = '', value = '', tagName } = document.activeElement ?? {};
  return { name, type, value, tag: tagName };
})()`;

interface Focus {
  readonly name: string;
  readonly type: string;
  readonly value: string;
  readonly tag: string;
}

/** Goes through a page by keyboard alone: fills in what has the focus and is known, presses the first button or way on. */
async function passByKeyboard(page: Page): Promise<void> {
  // Not a change of address: without scripts the way on to the company is the same address with another page.
  const left = page.waitForEvent('domcontentloaded', { timeout: 20_000 });
  left.catch(() => undefined);
  const arrived = () => left.then(() => page.waitForLoadState('networkidle'));
  for (let step = 0; step < 30; step += 1) {
    const focus = (await page.evaluate(focused)) as Focus;
    const answer = answers[focus.name];
    if (answer !== undefined && focus.type !== 'hidden') {
      if (focus.value === '') await page.keyboard.type(answer);
      const next = focus.name === 'username' ? 'Tab' : 'Enter';
      await page.keyboard.press(next);
      if (next === 'Enter') return arrived();
      continue;
    }
    const wayOn = await page.evaluate(
      "Boolean(document.activeElement?.matches('button.primary, a.primary, .button.primary, button[type=submit]:not([name])'))",
    );
    if (wayOn) {
      await page.keyboard.press('Enter');
      return arrived();
    }
    await page.keyboard.press('Tab');
  }
  throw new Error(`No way on from ${page.url()} by keyboard.`);
}

describe('signing in through a company, in a browser', function () {
  this.timeout(180_000);
  // Processes and browsers on a machine that others use too: a second try, never a third.
  this.retries(1);
  let browser: Browser;
  let stage: Stage;
  let audit: string;

  before(async () => {
    audit = await readFile(join(here, 'page-audit.js'), 'utf8');
    await mkdir(pictures, { recursive: true });
    stage = await openStage({ lintel: 0, application: 0, identityProvider: 0 }, () => {});
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    await stage?.close();
  });

  async function walk(name: string, options: BrowserContextOptions): Promise<void> {
    const context = await browser.newContext({ viewport: phone, ...options });
    const page = await context.newPage();
    const wrong: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') wrong.push(`${page.url()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => wrong.push(`${page.url()}: ${error.message}`));
    await page.goto(stage.applicationUrl, { waitUntil: 'load' });
    const signedIn = () => page.url() === `${stage.applicationUrl}/`;
    const titles: string[] = [];
    for (let step = 0; step < 12; step += 1) {
      const title = await page.title();
      titles.push(title);
      if (options.javaScriptEnabled !== false) {
        const found = (await page.evaluate(audit)) as { wrong: string[] };
        wrong.push(...found.wrong.map((text) => `${title}: ${text}`));
      }
      // After the audit: taking a picture leaves marks on the fields.
      await page.screenshot({ path: join(pictures, `walk-${name}-${step}.png`), fullPage: true });
      if (step > 0 && signedIn()) break;
      await passByKeyboard(page);
    }
    expect(page.url(), titles.join(' → ')).to.equal(`${stage.applicationUrl}/`);
    const text = await page.locator('body').innerText();
    expect(text).to.contain('Ada Byron').and.to.contain('Acme Ltd').and.to.contain('Stock keeper');
    expect(wrong).to.deep.equal([]);
    await context.close();
  }

  it('with scripts, light', () => walk('light', { colorScheme: 'light' }));
  it('with scripts, dark', () => walk('dark', { colorScheme: 'dark' }));
  it('without JavaScript', () => walk('plain', { colorScheme: 'light', javaScriptEnabled: false }));
});
