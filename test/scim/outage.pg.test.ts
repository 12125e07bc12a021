/** The database frozen or gone: a directory is told 503 with Retry-After in SCIM's own form within five seconds, never 404 (RE-01). */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { type OwnPostgres, ownPostgres, skipWithoutPostgres } from '../support/own-postgres.ts';
import { type LintelProcess, startProcess } from '../support/process.ts';
import { ERROR, patch, USER } from './door.ts';

describe('scim: outages of the database', function () {
  this.timeout(90_000);
  // Processes and browsers on a machine that others use too: a second try, never a third.
  this.retries(1);
  let postgres: OwnPostgres;
  let lintel: LintelProcess;
  let token: string;
  let user: string;
  const send = async (method: string, path: string, body?: unknown) => {
    const began = performance.now();
    const answer = await fetch(`${lintel.url}/scim/v2${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, ms: performance.now() - began };
  };
  before(async function () {
    skipWithoutPostgres(this);
    postgres = await ownPostgres();
    await postgres.start();
    const environment = { LINTEL_DATABASE_URL: postgres.address, LINTEL_KEY: randomBytes(32).toString('base64') };
    lintel = await startProcess({ environment });
    const made = async (path: string, body: object) =>
      (await (await lintel.api('POST', path, body)).json()) as Record<string, string>;
    const { org_id } = await made('/organizations', { org_name: 'Outage' });
    const { client_id } = await made(`/organizations/${org_id}/scim-clients`, {});
    token = (await made(`/organizations/${org_id}/scim-clients/${client_id}/tokens`, {})).token as string;
    const answer = await send('POST', '/Users', { schemas: [USER], userName: 'there@example.test' });
    expect(answer.status, answer.text).to.equal(201);
    user = (JSON.parse(answer.text) as { id: string }).id;
  });
  after(async () => {
    lintel?.signal('SIGKILL');
    await postgres?.remove();
  });

  async function expectOutage(): Promise<void> {
    const answers = await Promise.all([
      send('GET', `/Users/${user}`),
      send('GET', '/Users?filter=userName%20eq%20%22there%40example.test%22'),
      send('POST', '/Users', { schemas: [USER], userName: 'new@example.test' }),
      send('PATCH', `/Users/${user}`, patch({ op: 'replace', path: 'active', value: false })),
      send('DELETE', `/Users/${user}`),
    ]);
    for (const { status, headers, text, ms } of answers) {
      expect(status, text).to.equal(503);
      expect(Number(headers.get('retry-after'))).to.be.greaterThan(0);
      expect(headers.get('content-type')).to.match(/^application\/scim\+json/);
      expect(JSON.parse(text)).to.deep.include({ schemas: [ERROR], status: '503' });
      expect(ms).to.be.below(5000);
    }
  }

  it('frozen', async () => {
    await send('GET', '/Users');
    postgres.freeze();
    try {
      await expectOutage();
    } finally {
      postgres.thaw();
    }
  });

  it('gone, and back: the first requests after it succeed, and nothing was half-done', async () => {
    await postgres.stop();
    await expectOutage();
    await postgres.start();
    const answer = await send('GET', '/Users');
    expect(answer.status, answer.text).to.equal(200);
    const { Resources } = JSON.parse(answer.text) as { Resources: { userName: string; active: boolean }[] };
    // What was sent into the freeze may have been done when it thawed, but only as a whole.
    for (const { userName } of Resources) expect(userName).to.be.oneOf(['there@example.test', 'new@example.test']);
  });

  it('stopping: what is refused before any door is a SCIM error too', async () => {
    const misdirected = await send('GET', '/Users').then(() =>
      fetch(`http://127.0.0.1:${lintel.port}/scim/v2/Users`, { headers: { authorization: `Bearer ${token}` } }),
    );
    expect(misdirected.status).to.equal(421);
    expect(await misdirected.json()).to.deep.include({ schemas: [ERROR], status: '421' });
  });
});
