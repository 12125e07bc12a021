/**
 * How many statements and commits each flow costs, line by line: a statement more on a hot path is seen in a diff and not in
 * production. Written anew with `LINTEL_TEST_WRITE_STATEMENTS=1 npx mocha test/flows/statements.test.ts`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Company, company, post as postSaml, response, start } from '../federation/company.ts';
import { introspect, makeApplication, makePerson, oidcWorld, post, refresh, signIn, userinfo } from '../oidc/rp.ts';
import { type Directory, directory, patch } from '../scim/door.ts';
import { insertPersonWithPassword, Visitor } from '../signin/person.ts';
import type { World } from '../support/world.ts';
import { describeFlow, statementsOf } from './statements.ts';

const file = join(import.meta.dirname, '../snapshots/statements.txt');

interface Flow {
  readonly name: string;
  /** Run twice: caches and once-a-minute notes are warm when it is counted. */
  run(): Promise<void>;
}

describe('flows: statements', () => {
  let w: World;
  let d: Directory;
  let c: Company;

  before(async () => {
    w = await oidcWorld();
    d = await directory(w);
    c = await company(w, { auto_provision: true });
  });
  after(() => w.close());

  const ok = (status: number, wanted = 200): void => void expect(status).to.equal(wanted);

  async function tokenFlows(): Promise<Flow[]> {
    const resource = 'https://jwt.example/api';
    const api = { resource_uri: resource, resource_scope: 'a', resource_token_format: 'jwt' };
    const client = await makeApplication(w, {
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      ...api,
    });
    const person = await makePerson(w, ['Members']);
    const { tokens } = await signIn(w, client, person, { scope: 'openid email offline_access' });
    let { refresh_token = '' } = tokens;
    const access_token = tokens.access_token ?? '';
    const credentials = (form: Record<string, string>) =>
      post(w, '/oauth/token', client, { grant_type: 'client_credentials', ...form });
    return [
      {
        name: 'client_credentials, JWT',
        run: async () => ok((await credentials({ resource, scope: 'a' })).status),
      },
      {
        name: 'sign-in at the provider (authorize, resume) and code exchange',
        run: async () => void (await signIn(w, client, person, { scope: 'openid email offline_access' })),
      },
      {
        name: 'refresh with rotation',
        run: async () => {
          const { status, body } = await refresh(w, client, refresh_token);
          ok(status);
          refresh_token = body.refresh_token ?? '';
        },
      },
      { name: 'userinfo', run: async () => ok((await userinfo(w, access_token)).status) },
      {
        name: 'introspection',
        run: async () => void expect(await introspect(w, client, access_token)).to.include({ active: true }),
      },
    ];
  }

  async function scimFlows(): Promise<Flow[]> {
    const id = await d.user('ada@scim.example');
    const others = [await d.user('one@scim.example'), await d.user('two@scim.example')];
    const group = await d.group('Engineers');
    let count = 0;
    return [
      {
        name: 'SCIM create user',
        run: async () => void (await d.user(`new${(count += 1)}@scim.example`, { title: 'x' })),
      },
      { name: 'SCIM get user', run: async () => ok((await d.send('GET', `/Users/${id}`)).status) },
      {
        name: 'SCIM filter userName eq',
        run: async () =>
          void expect(
            (await d.send('GET', '/Users?filter=userName%20eq%20%22ada@scim.example%22')).body.totalResults,
          ).to.equal(1),
      },
      {
        name: 'SCIM patch user',
        run: async () => {
          const value = `Name ${(count += 1)}`;
          ok((await d.send('PATCH', `/Users/${id}`, patch({ op: 'replace', path: 'name.givenName', value }))).status);
        },
      },
      {
        name: 'SCIM add member',
        run: async () => {
          const body = patch({ op: 'add', path: 'members', value: [{ value: others[(count += 1) % 2] as string }] });
          const { status } = await d.send('PATCH', `/Groups/${group}?excludedAttributes=members`, body);
          expect(status).to.be.oneOf([200, 204]);
        },
      },
    ];
  }

  async function signinFlows(): Promise<Flow[]> {
    const client = await makeApplication(w);
    const person = await insertPersonWithPassword(w);
    let visitor = new Visitor(w);
    return [
      {
        name: 'password sign-in, from the application to the code',
        run: async () => {
          visitor = await new Visitor(w).begin(client);
          await visitor.signIn(person.email ?? '');
          expect(visitor.callback?.searchParams.get('code')).to.be.a('string');
        },
      },
      {
        name: 'SAML: sent to the company, its response, back with a one-time code',
        run: async () => {
          const started = await start(w, c.provider.provider_id);
          const field = response(w, c, started, { subject: 'u-ada', email: `ada@${c.domain}` });
          const answer = await postSaml(w, c.provider.sp.acs_url, {
            SAMLResponse: field,
            RelayState: started.relay_state,
          });
          ok(answer.status, 303);
        },
      },
    ];
  }

  it('are as many as the snapshot says', async () => {
    const printed: string[] = [];
    for (const flow of [...(await tokenFlows()), ...(await scimFlows()), ...(await signinFlows())]) {
      await flow.run();
      printed.push(...describeFlow(flow.name, await statementsOf(() => flow.run())));
    }
    const text = `${printed.join('\n').trimEnd()}\n`;
    if (process.env.LINTEL_TEST_WRITE_STATEMENTS) writeFileSync(file, text);
    expect(text.split('\n')).to.deep.equal(readFileSync(file, 'utf8').split('\n'));
  });
});
