/** What a stranger can learn by asking: nothing may tell what exists from what does not. */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { routes } from '../../src/app.ts';
import { newId } from '../../src/core/id.ts';
import { passwordHashes } from '../../src/credentials/passwords/hash-queue.ts';
import { insertOrganization, insertUser } from '../credentials/owners.ts';
import { company, type Company } from '../federation/company.ts';
import { basic, makeApplication, type RelyingParty } from '../oidc/rp.ts';
import { addressOf, paramsIn, populate, type Tenant } from '../rules/population.ts';
import { directory, USER } from '../scim/door.ts';
import { formsOf, insertPersonWithPassword, Visitor } from '../signin/person.ts';
import { type World, world } from '../support/world.ts';
import { statementsOf } from '../flows/statements.ts';

describe('security: enumeration', function () {
  this.timeout(120_000);
  let w: World;
  let client: RelyingParty;
  let acme: Company;
  before(async () => {
    w = await world();
    client = await makeApplication(w);
    acme = await company(w);
  });
  beforeEach(() => w.db('rate_limit_counters').delete());
  after(() => w.close());

  /** Everything that can be seen of an answer, and the work that it took, without what is random by nature. */
  async function seen(
    ask: () => Promise<{ status: number; text: string; headers: Headers }>,
    ...own: string[]
  ): Promise<string> {
    const hashes = passwordHashes.load.done;
    let answered: Awaited<ReturnType<typeof ask>> | undefined;
    const asked = await statementsOf(async () => {
      answered = await ask();
    });
    const answer = answered as NonNullable<typeof answered>;
    // The application's version is asked for once in a while, whoever is named.
    const statements = asked
      .filter((sql) => !sql.includes('oidc_clients'))
      .map((sql) => sql.replace(/\s+/g, ' ').slice(0, 60));
    const neutral = (text: string) =>
      own
        .filter((one) => one !== '')
        .reduce((left, one) => left.replaceAll(one, 'OWN').replaceAll(encodeURIComponent(one), 'OWN'), text)
        .replace(/nonce(="|-)[\w+/=]+/g, 'NONCE')
        .replace(/value="[\w-]{43}"/g, 'TOKEN')
        .replace(/(?:SAMLRequest|RelayState|Signature)=[^&"]+/g, 'REQUEST')
        .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID');
    const headers = [...answer.headers]
      .filter(([name]) => !['date', 'x-request-id', 'content-length', 'etag'].includes(name))
      .map(([name, value]) => [name, name === 'set-cookie' ? value.replace(/=[^;]*/, '') : neutral(value)]);
    return JSON.stringify(
      {
        status: answer.status,
        headers,
        statements,
        hashes: passwordHashes.load.done - hashes,
        text: neutral(answer.text),
      },
      null,
      1,
    );
  }

  async function expectAlike(all: Record<string, () => Promise<string>>): Promise<void> {
    // The first of its kind may warm something up.
    for (const ask of Object.values(all)) await ask();
    const [[first = '', expected = ''] = [], ...others] = await Promise.resolve(Object.entries(all)).then(
      async (entries) => {
        const answers: [string, string][] = [];
        for (const [name, ask] of entries) answers.push([name, await ask()]);
        return answers;
      },
    );
    for (const [name, answer] of others) expect(answer, `${name} against ${first}`).to.equal(expected);
  }

  it('AU-07: the first page leads by the domain alone, with the same answer, cookies and work whoever is named', async () => {
    const unique = () => randomBytes(4).toString('hex');
    const org = await insertOrganization(w.db);
    const named = async (columns: object) => (await insertPersonWithPassword(w, { ...columns })).email;
    const identifiers = {
      nobody: `nobody-${unique()}@people.example`,
      known: await named({}),
      disabled: await named({ enabled: false }),
      locked: await named({ locked: true }),
      'of an organization': await named({ home_org_id: org }),
      'without a password': (await insertUser(w.db)).email,
      'in a domain that nobody has': `x@${unique()}.example`,
    };
    const there = await named({ home_org_id: acme.org_id, email: `ada-${unique()}@${acme.domain}` });
    const personal = await named({ email: `eve-${unique()}@${acme.domain}` });
    const atCompany = { nobody: `no-${unique()}@${acme.domain}`, 'of the company': there, personal };
    for (const group of [identifiers, atCompany]) {
      const first = (identifier: string) => async () => {
        const visitor = await new Visitor(w).begin(client);
        const [form] = formsOf(visitor.page.text);
        return seen(() => visitor.post(form?.action ?? '', { ...form?.fields, identifier }), visitor.uid, identifier);
      };
      const second = (identifier: string) => async () => {
        const visitor = await new Visitor(w).begin(client);
        const [form] = formsOf(visitor.page.text);
        await visitor.post(form?.action ?? '', { ...form?.fields, identifier });
        return seen(() => visitor.browser.go(`/signin/${visitor.uid}`), visitor.uid, identifier);
      };
      for (const step of [first, second])
        await expectAlike(
          Object.fromEntries(Object.entries(group).map(([name, identifier]) => [name, step(identifier)])),
        );
    }
  });

  it('OA-20: an unknown application, a wrong secret and a disabled application read alike', async () => {
    const machine = { grant_types: ['client_credentials'], redirect_uris: [] };
    const [right, disabled] = [await makeApplication(w, machine), await makeApplication(w, machine)];
    await w.api('PATCH', `/applications/${disabled.client_id}`, { enabled: false });
    const ask = (party: RelyingParty) => async () => {
      const answer = await w.request('/oauth/token', {
        method: 'POST',
        headers: { authorization: basic(party), 'content-type': 'application/x-www-form-urlencoded' },
        body: 'grant_type=client_credentials',
      });
      const headers = [...answer.headers].filter(
        ([name]) => !['date', 'x-request-id', 'content-security-policy'].includes(name),
      );
      return JSON.stringify([answer.status, headers, answer.text]);
    };
    await expectAlike({
      'a wrong secret': ask({ ...right, client_secret: 'x'.repeat(43) }),
      unknown: ask({ client_id: newId(), client_secret: 'x'.repeat(43) }),
      'no id at all': ask({ client_id: 'nobody', client_secret: 'x'.repeat(43) }),
      disabled: ask(disabled),
    });
  });

  it('AZ-03, AU-07: unknown, revoked, expired and other kinds of keys get one answer', async () => {
    const org_id = await insertOrganization(w.db);
    const account = await w.api('POST', `/organizations/${org_id}/service-accounts`, {
      name: 'a',
      permissions: ['users.read'],
    });
    const make = async (change: object): Promise<string> => {
      const { body } = await w.api<Record<string, string>>('POST', `/organizations/${org_id}/api-keys`, {
        name: 'k',
        scopes: ['users.read'],
        service_account_id: account.body.service_account_id,
      });
      await w.db('api_keys').where({ api_key_id: body.api_key_id }).update(change);
      return body.key as string;
    };
    const keys = {
      unknown: `ltl_key_${'A'.repeat(43)}`,
      revoked: await make({ revoked: true, revoked_at: new Date() }),
      expired: await make({ expires_at: new Date(Date.now() - 1000) }),
      'a SCIM token': (await directory(w)).token,
      short: 'x',
    };
    const ask = (key: string) => async () => {
      const answer = await w.api('GET', `/organizations/${org_id}/users`, undefined, key);
      const { request_id: _id, ...body } = answer.body as Record<string, unknown>;
      return JSON.stringify([answer.status, answer.headers.get('www-authenticate'), body]);
    };
    await expectAlike(Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, ask(key)])));
  });

  it('MT-01, SC-01: what another organization has answers like what nobody has, to the last byte', async () => {
    const [mine, theirs] = [await populate(w, 'Mine'), await populate(w, 'Theirs')] as [Tenant, Tenant];
    let compared = 0;
    for (const route of routes.filter(
      ({ method, path }) => method === 'get' && /\{org_id\}.*\{(?!method|domain|reference)/.test(path),
    )) {
      const params = paramsIn(theirs, route);
      if (!params) continue;
      const ask = async (values: Record<string, string>) => {
        const answer = await w.api(
          'GET',
          `${addressOf(route, values)}${route.operationId === 'explainAccess' ? '?permission=users.read' : ''}`,
          undefined,
          mine.key,
        );
        const { request_id: _id, ...body } = answer.body as Record<string, unknown>;
        return JSON.stringify([answer.status, body]);
      };
      const nobodys = Object.fromEntries(Object.keys(params).map((name) => [name, newId()]));
      expect(await ask(params), route.operationId).to.equal(await ask(nobodys));
      expect(await ask({ ...params, org_id: mine.org_id }), route.operationId).to.equal(
        await ask({ ...nobodys, org_id: mine.org_id }),
      );
      compared += 1;
    }
    expect(compared).to.be.greaterThan(15);
  });

  it('SC-05, AU-07: a directory learns nothing about accounts of others by creating, searching or renaming', async () => {
    const mine = await directory(w);
    const personal = await insertUser(w.db, { username: `eve${randomBytes(4).toString('hex')}` });
    const owned = await insertUser(w.db, { home_org_id: await insertOrganization(w.db) });
    const answers = async (userName: string) => {
      const found = await mine.send(
        'GET',
        `/Users?filter=${encodeURIComponent(`userName eq "${userName}" or emails.value eq "${userName}"`)}`,
      );
      const made = await mine.send('POST', '/Users', {
        schemas: [USER],
        userName,
        emails: [{ value: userName, primary: true }],
      });
      const read = await mine.send('GET', `/Users/${made.body.id}`);
      const gone = await mine.send('DELETE', `/Users/${made.body.id}`);
      const neutral = (text: string) =>
        text
          .replaceAll(userName, 'NAME')
          .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID')
          .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
          .replace(/W\/\\?"[^"\\]*\\?"/g, 'TAG');
      return JSON.stringify([found, made, read, gone].map(({ status, text }) => [status, neutral(text)]));
    };
    const nobody = await answers(`nobody-${randomBytes(4).toString('hex')}@people.example`);
    for (const { email } of [personal, owned]) expect(await answers(email)).to.equal(nobody);
    for (const id of [personal.user_id, owned.user_id]) {
      for (const method of ['GET', 'DELETE']) {
        const [foreign, unknown] = [
          await mine.send(method, `/Users/${id}`),
          await mine.send(method, `/Users/${newId()}`),
        ];
        const neutral = (text: string) => text.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID');
        expect([foreign.status, neutral(foreign.text)], method).to.deep.equal([unknown.status, neutral(unknown.text)]);
        expect(foreign.status).to.equal(404);
      }
    }
  });
});
