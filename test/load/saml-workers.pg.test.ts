/** SA-15: heavy messages are read elsewhere, by a bounded number of workers; tokens are answered meanwhile. */
import { expect } from 'chai';
import { samlAttacks } from './saml.ts';
import { loadStage, type LoadStage } from './stage.ts';
import { onPostgres } from '../support/database.ts';
import { median } from '../support/median.ts';
import { skipWithoutPostgres } from '../support/own-postgres.ts';

describe('load: SAML beside tokens', function () {
  this.timeout(120_000);
  // A busy machine gets a second try.
  this.retries(1);
  let stage: LoadStage;
  before(async function () {
    skipWithoutPostgres(this, onPostgres ? null : 'LINTEL_TEST_DATABASE_URL is not set');
    stage = await loadStage(100);
  });
  after(() => stage?.close());

  /** Milliseconds of one token request after another. */
  async function tokens(count: number): Promise<number[]> {
    const { client_id, client_secret } = stage.application;
    const authorization = `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`;
    const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' };
    const times: number[] = [];
    for (let done = 0; done < count; done += 1) {
      const began = performance.now();
      const answer = await stage.send('/oauth/token', {
        method: 'POST',
        headers,
        body: 'grant_type=client_credentials',
      });
      expect(answer.status, answer.text).to.equal(200);
      times.push(performance.now() - began);
    }
    return times;
  }

  it('SA-15: twenty heavy messages a second leave the answers of /oauth/token where they were', async () => {
    const heavy = samlAttacks(stage).filter(({ name }) => /rightly signed|tree of 19,900|transforms/.test(name));
    for (const { run } of heavy) await run();
    await tokens(50);
    const before = median(await tokens(100));
    const sent: Promise<number>[] = [];
    const flood = setInterval(() => {
      const { run } = heavy[sent.length % heavy.length] as (typeof heavy)[number];
      sent.push(run().then(({ status }) => status));
    }, 50);
    let during: number;
    try {
      during = median(await tokens(200));
    } finally {
      clearInterval(flood);
    }
    expect(sent.length).to.be.greaterThan(5);
    for (const status of await Promise.all(sent)) expect(status).to.be.oneOf([400, 403, 503]);
    // Medians of one run, generously: on two cores the workers and the database take theirs.
    expect(during).to.be.lessThan(before * 4 + 100);
  });

  it('SA-15: more than the workers and their queue can take is told 503 with Retry-After, and all is well afterwards', async () => {
    const [heavy] = samlAttacks(stage).filter(({ name }) => name.includes('tree of 19,900'));
    const rss = async () => (await stage.watch(async () => {})).rss;
    const before = await rss();
    if (!heavy) throw new Error('The heavy message is gone.');
    const answers = await Promise.all(Array.from({ length: 400 }, () => heavy.run()));
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused.length).to.be.greaterThan(0);
    for (const answer of refused) expect(answer.headers.get('retry-after')).to.match(/^\d+$/);
    for (const { status } of answers) expect(status).to.be.oneOf([400, 403, 503]);
    // Four hundred messages of 256 KiB at once: what waits is bounded, and so is what it takes (RE-13).
    expect((await rss()) - before).to.be.lessThan(400 * 1024 * 1024);
    await tokens(5);
    expect((await heavy.run()).status).to.be.oneOf([400, 403]);
  });
});
