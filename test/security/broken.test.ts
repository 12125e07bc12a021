/** When something inside is broken: each door says so in its own words, with the request's id, and nothing of our insides (WB-15). */
import { expect } from 'chai';
import { newId } from '../../src/core/id.ts';
import { company, type Company } from '../federation/company.ts';
import { authorizationUrl, basic, makeApplication, type RelyingParty } from '../oidc/rp.ts';
import { directory, type Directory, ERROR, USER } from '../scim/door.ts';
import { formsOf, Visitor } from '../signin/person.ts';
import { until } from '../support/waiting.ts';
import { type Answer, type World, world } from '../support/world.ts';

/** Tables that every way through a door meets sooner or later. */
const tables = ['users', 'organizations', 'oidc_clients', 'identity_providers', 'signin_attempts', 'api_keys', 'mails'];
const insides =
  /canary|relation|does not exist|42P01|select |insert |where |knex|postgres|pglite|node_modules|node:internal|\.ts\b|\bat \w+\.?\w* \(|stack|TypeError/i;

describe('security: something is broken', function () {
  this.timeout(120_000);
  let w: World;
  let client: RelyingParty;
  let scim: Directory;
  let acme: Company;
  let visitor: Visitor;
  let fields: Record<string, string>;
  before(async () => {
    w = await world();
    client = await makeApplication(w, { grant_types: ['authorization_code', 'refresh_token', 'client_credentials'] });
    scim = await directory(w);
    acme = await company(w);
    visitor = await new Visitor(w).begin(client);
    fields = formsOf(visitor.page.text)[0]?.fields ?? {};
    for (const table of tables) await w.db.raw(`alter table ${table} rename to canary_${table}`);
  });
  after(async () => {
    for (const table of tables) await w.db.raw(`alter table canary_${table} rename to ${table}`);
    await w.close();
  });

  const form = (path: string, body: Record<string, string>, headers: Record<string, string> = {}) =>
    w.request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: new URLSearchParams(body).toString(),
    });
  const html = { accept: 'text/html' };
  const samlPath = (address: string) => new URL(address).pathname;

  /** What holds at every door: 500, an id that the log has too, and not a word about why. @returns the id */
  async function holds(what: string, answer: Pick<Answer, 'status' | 'headers' | 'text'>): Promise<string> {
    expect(answer.status, `${what}: ${answer.text.slice(0, 200)}`).to.equal(500);
    const id = answer.headers.get('x-request-id') ?? '';
    expect(id, what).to.match(/^[0-9a-f-]{36}$/);
    const said = `${answer.text.replace(/<style[\s\S]*?<\/style>|<script[\s\S]*?<\/script>/g, '')} ${[...answer.headers].join(' ')}`;
    expect(insides.exec(said)?.[0], `${what}: ${answer.text.slice(0, 300)}`).to.equal(undefined);
    expect(answer.headers.get('location'), what).to.equal(null);
    expect(
      answer.headers.getSetCookie().filter((cookie) => /session|interaction/.test(cookie)),
      what,
    ).to.deep.equal([]);
    const knowsWhy = (line: string) =>
      line.includes(id) && line.includes('"level":"error"') && /does not exist/.test(line);
    await until(() => w.logLines.some(knowsWhy), 10_000);
    return id;
  }

  it('WB-15: REST says it as a problem', async () => {
    for (const [method, path, body] of [
      ['GET', '/organizations'],
      ['POST', '/organizations', { org_name: 'x' }],
      ['GET', `/organizations/${acme.org_id}/users`],
    ] as const) {
      const answer = await w.api(method, path, body);
      const id = await holds(`${method} ${path}`, answer);
      expect(answer.headers.get('content-type')).to.match(/^application\/problem\+json/);
      expect(answer.body).to.include({ code: 'internal', status: 500, request_id: id });
      expect(Object.keys(answer.body).sort()).to.deep.equal(['code', 'request_id', 'status', 'title', 'type']);
    }
  });

  it('WB-15: SCIM says it as a SCIM error, which no directory takes for a missing person', async () => {
    const bulk = {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      Operations: [{ method: 'DELETE', path: `/Users/${client.client_id}` }],
    };
    for (const [method, path, body] of [
      ['GET', '/Users'],
      ['GET', `/Users/${client.client_id}`],
      ['GET', '/Users?filter=userName%20eq%20%22x%22'],
      ['POST', '/Users', { schemas: [USER], userName: 'x@broken.example' }],
      ['DELETE', `/Users/${client.client_id}`],
      ['GET', '/Groups'],
      ['POST', '/Bulk', bulk],
    ] as const) {
      const answer = await scim.send(method, path, body);
      const id = await holds(`${method} ${path}`, answer);
      expect(answer.headers.get('content-type')).to.match(/^application\/scim\+json/);
      expect(answer.body).to.deep.include({ schemas: [ERROR], status: '500' });
      expect(answer.body.detail).to.include(id);
    }
  });

  it('WB-15: OAuth says server_error', async () => {
    const asking = { grant_type: 'client_credentials' };
    for (const [path, body] of [
      ['/oauth/token', asking],
      ['/oauth/introspect', { token: 'x' }],
      ['/oauth/revoke', { token: `ltl_at_${'A'.repeat(43)}` }],
      ['/oauth/par', { response_type: 'code', redirect_uri: 'https://app.example/cb' }],
    ] as const) {
      const other = { ...client, client_id: newId() };
      const answer = await form(path, body, { authorization: basic(other) });
      await holds(path, answer);
      expect(answer.body.error, path).to.equal('server_error');
    }
  });

  it('WB-15: pages show the reference, with a language, a title and a heading', async () => {
    const page = async (what: string, answer: Pick<Answer, 'status' | 'headers' | 'text'>) => {
      const id = await holds(what, answer);
      expect(answer.headers.get('content-type'), what).to.match(/^text\/html/);
      expect(answer.text, what)
        .to.include(id)
        .and.match(/<html lang="en"/)
        .and.match(/<h1>[^<]+<\/h1>/);
      expect(answer.text, what)
        .to.match(/<main\b/)
        .and.match(/<title>[^<]+<\/title>/);
    };
    const unknown = { ...client, client_id: newId() };
    await page('authorize', await w.request(authorizationUrl(unknown), { headers: html }));
    await page('a sign-in', await visitor.browser.go(`/signin/${visitor.uid}`, { headers: html }));
    await page(
      'a step',
      await visitor.browser.go(`/signin/${visitor.uid}/identify`, {
        method: 'POST',
        headers: { ...html, 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ ...fields, identifier: 'x@broken.example' }).toString(),
      }),
    );
    const { acs_url, slo_url, metadata_url } = acme.provider.sp;
    const message = { SAMLResponse: Buffer.from('<x/>').toString('base64') };
    await page('acs', await form(samlPath(acs_url), message, html));
    await page('slo', await form(samlPath(slo_url), message, html));
    await page('metadata', await w.request(samlPath(metadata_url), { headers: html }));
    await page('the mailbox', await w.request('/dev/mail', { headers: html }));
  });
});
