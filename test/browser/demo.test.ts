/**
 * The demonstration as a person clicks through it. A real Chromium, because only a browser holds the redirects behind a
 * form to the page's form-action (CSP3 §6.3.2).
 */
import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import { openStage, type Stage } from '../../src/demo/stage.ts';
import { launch } from './chromium.ts';

describe('the demonstration in a browser', function () {
  this.timeout(180_000);
  // Processes and browsers on a machine that others use too: a second try, never a third.
  this.retries(1);
  let stage: Stage;
  let browser: Browser;
  before(async () => {
    stage = await openStage({ lintel: 0, application: 0, identityProvider: 0 }, () => {});
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await stage?.close();
  });

  for (const javaScriptEnabled of [true, false]) {
    it(`signs in through the company and out again, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async () => {
      const context = await browser.newContext({ javaScriptEnabled });
      const page = await context.newPage();
      const home = `${stage.applicationUrl}/`;
      await page.goto(`${home}sign-in`);
      await page.fill('#identifier', 'ada@acme.example');
      await page.click('button.primary');
      if (!javaScriptEnabled) await page.click('a.primary');
      await page.fill('input[name=username]', 'ada');
      await page.fill('input[name=password]', 'first-programmer');
      await page.click('button[type=submit]');
      if (!javaScriptEnabled) await page.click('button[type=submit]');
      await page.waitForURL(home);
      expect(await page.innerText('h1')).to.equal('Hello, Ada');
      await page.click('form[action="/sign-out"] button');
      await page.click('button[name=logout]');
      await page.waitForURL(home);
      expect(await page.innerText('h1')).to.equal('Welcome to Stockroom');
      await context.close();
    });
  }
});
