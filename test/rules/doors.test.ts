/**
 * The doors beside REST: every SCIM address and every page, for whom it is not (MT-01, AZ-01, SC-01). Over 300 lines because every
 * address beside REST is asked for by every kind of stranger, in one walk.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { routes } from '../../src/app.ts';
import { newId } from '../../src/core/id.ts';
import { findRoute, scimAddresses } from '../../src/scim/endpoints.ts';
import { insertMember, insertOrganization } from '../credentials/owners.ts';
import { company, type Company, post as postSaml, response, start } from '../federation/company.ts';
import {
  authorizationUrl,
  makeApplication,
  makePerson,
  oidcWorld,
  post,
  type RelyingParty,
  signIn,
} from '../oidc/rp.ts';
import { type Directory, directory, expectError, GROUP, newToken, PATCH, USER } from '../scim/door.ts';
import { formsOf, goodPassword, insertPersonWithPassword, Visitor } from '../signin/person.ts';
import type { World } from '../support/world.ts';
import { addressOf, paramsIn, populate, type Tenant } from './population.ts';
import { root, sourcesUnder } from './sources.ts';

/** Each place of the source that names what answers: a new door is a new line, and wants its matrix below. */
const known = [
  'src/http/health.ts: context.path.slice(1)',
  'src/http/mount.ts: route.operationId',
  'src/oidc/door.ts: `oidc.${route}`',
  'src/saml/door.ts: `saml.${name}`',
  "src/scim/router.ts: 'scim'",
  'src/scim/router.ts: `scim ${endpoint}`',
  'src/scim/router.ts: route.name',
  'src/signin/flow/pages.ts: `signin.${nameOf(step)}`',
  "src/signin/setup/pages.ts: 'setup'",
  "src/site/pages.ts: 'openapi'",
  "src/site/pages.ts: context.path.startsWith('/dev/mail') ? 'dev-mail' : context.path",
];
/** The steps of a sign-in, by the name that is posted to. */
const steps = readdirSync(join(root, 'src/signin/steps')).flatMap((file) =>
  [...readFileSync(join(root, 'src/signin/steps', file), 'utf8').matchAll(/^ {2}name: '(\w+)',$/gm)].map(
    ([, name = '']) => name,
  ),
);

describe('rules: doors', function () {
  this.timeout(120_000);
  let w: World;
  let a: Directory;
  let b: Directory;
  let theirs: { user: string; group: string; role: string; permission: string };
  let tenant: Tenant;
  let client: RelyingParty;
  let strangers: [string, string | null][];
  before(async () => {
    w = await oidcWorld();
    tenant = await populate(w, 'With everything');
    a = await directory(w, { orgId: tenant.org_id });
    b = await directory(w);
    const user = await b.user('canary-b@b.example', { externalId: 'canary-b', title: 'canary-b' });
    const place = `/organizations/${b.org_id}`;
    const role = await w.api('POST', `${place}/roles`, { name: 'canary-b-role' });
    const permission = await w.api('POST', `${place}/permissions`, { name: 'canary-b.permission' });
    theirs = {
      user,
      group: await b.group('canary-b group', [user]),
      role: String(role.body.role_id),
      permission: String(permission.body.permission_id),
    };
    await a.user('mine@a.example');
    await a.group('mine');
    client = await makeApplication(w, { scope: 'openid users.read users.create' });
    const person = await makePerson(w);
    const { tokens } = await signIn(w, client, person, { scope: 'openid users.read', resource: `${w.url}/api/v1` });
    const revoked = await newToken(w, a.org_id, a.client_id);
    const { items } = (
      await w.api<{ items: { token_id: string }[] }>(
        'GET',
        `/organizations/${a.org_id}/scim-clients/${a.client_id}/tokens`,
      )
    ).body;
    const last = items.reduce((one, two) => (one.token_id > two.token_id ? one : two)).token_id;
    await w.api('DELETE', `/organizations/${a.org_id}/scim-clients/${a.client_id}/tokens/${last}`);
    strangers = [
      ['nobody', null],
      ['the system’s own API key', w.apiKey],
      ['an API key with full power in the organization', tenant.key],
      ['a person’s access token', String(tokens.access_token)],
      ['a revoked token', revoked],
      ['a token with another last character', a.token.replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A'))],
      ['a token of the right form', `ltl_scim_${'A'.repeat(43)}`],
    ];
  });
  after(() => w.close());

  it('MT-01: every place that answers is known to these matrices', () => {
    const places = sourcesUnder('src').flatMap(({ path, code }) =>
      [...code.matchAll(/edgeOf\(context\)\.route = (.+);/g)].map(([, what = '']) => `${path}: ${what}`),
    );
    expect(places.sort()).to.deep.equal([...known].sort());
    expect(steps.sort()).to.deep.equal([
      'company',
      'connection',
      'consent',
      'identify',
      'nowhere',
      'organization',
      'password',
      'renew',
    ]);
    for (const { path, methods } of scimAddresses()) {
      const route = findRoute(path.split('/').filter(Boolean));
      expect(Object.keys(route?.methods ?? {}), path).to.deep.equal(methods);
    }
  });

  const bodyFor = (method: string, path: string): object | undefined => {
    if (method === 'GET' || method === 'DELETE') return undefined;
    if (path.endsWith('.search')) return { schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'] };
    if (method === 'PATCH')
      return {
        schemas: [PATCH],
        Operations: [{ op: 'replace', value: { displayName: 'taken', externalId: 'taken' } }],
      };
    if (path === '/Bulk')
      return {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
        Operations: [
          { method: 'DELETE', path: `/Users/${theirs.user}` },
          { method: 'DELETE', path: `/Groups/${theirs.group}` },
          {
            method: 'PATCH',
            path: `/Users/${theirs.user}`,
            data: { schemas: [PATCH], Operations: [{ op: 'replace', path: 'active', value: false }] },
          },
          {
            method: 'PUT',
            path: `/Groups/${theirs.group}`,
            data: { schemas: [GROUP], displayName: 'taken', members: [] },
          },
        ],
      };
    return path.startsWith('/Groups')
      ? { schemas: [GROUP], displayName: `G ${newId()}` }
      : { schemas: [USER], userName: `u-${newId()}@a.example` };
  };
  const idOf = (path: string): string =>
    path.startsWith('/Users')
      ? theirs.user
      : path.startsWith('/Groups')
        ? theirs.group
        : path.startsWith('/Roles')
          ? theirs.role
          : theirs.permission;
  const stateOfB = async (): Promise<string> => {
    const of = { home_org_id: b.org_id };
    return JSON.stringify([
      await w.db('users').where(of).orderBy('user_id'),
      await w.db('user_groups').where({ org_id: b.org_id }).orderBy('group_id'),
      await w.db('user_group_memberships').where({ group_id: theirs.group }),
      await w.db('scim_resources').where({ client_id: b.client_id }).orderBy('resource_id'),
      await w.db('user_organization_info').where({ org_id: b.org_id }).orderBy('user_id'),
      await w.db('audit_logs').where({ org_id: b.org_id }).count(),
    ]);
  };

  for (const { path, methods } of scimAddresses()) {
    for (const method of methods) {
      it(`AZ-01, SC-01: ${method} /scim/v2${path} is there for a SCIM token only`, async () => {
        const before = await stateOfB();
        const address = path.replace('{id}', idOf(path));
        for (const [who, token] of strangers) {
          const answer = await a.send(method, address, bodyFor(method, path), {
            authorization: token === null ? '' : `Bearer ${token}`,
          });
          expectError(answer, 401);
          expect(answer.headers.get('www-authenticate'), who).to.match(/^Bearer/);
          expect(answer.text, who).to.not.include('canary-b');
        }
        expect(await stateOfB()).to.equal(before);
      });

      it(`MT-01, SC-01: ${method} /scim/v2${path} knows nothing of another organization`, async () => {
        const before = await stateOfB();
        const address = path.replace('{id}', idOf(path));
        const answer = await a.send(method, address, bodyFor(method, path));
        // Its own names may be in what it echoes of the question, never what they stand for.
        expect(answer.text).to.not.include('canary-b');
        if (path.includes('{id}')) {
          expectError(answer, 404);
          const nobody = await a.send(method, path.replace('{id}', newId()), bodyFor(method, path));
          expect([nobody.status, nobody.text]).to.deep.equal([404, answer.text]);
        } else {
          expect(answer.status, answer.text).to.be.oneOf([200, 201, 501]);
          if (path !== '/Bulk') for (const id of Object.values(theirs)) expect(answer.text).to.not.include(id);
          else {
            const { Operations } = answer.body as unknown as { Operations: { status: string }[] };
            expect(Operations.map(({ status }) => status)).to.deep.equal(['404', '404', '404', '404']);
          }
        }
        expect(await stateOfB()).to.equal(before);
      });
    }
  }

  for (const route of routes) {
    it(`AZ-01: ${route.operationId} is not there for a directory, by its token or by OAuth`, async () => {
      asOAuth ??= await oauthToken();
      const params = paramsIn(tenant, route) ?? {};
      for (const token of [a.token, asOAuth]) {
        const answer = await w.api(route.method.toUpperCase(), addressOf(route, params), undefined, token);
        expect([answer.status, answer.body.code]).to.deep.equal([401, 'unauthenticated']);
      }
    });
  }
  let asOAuth: string | undefined;
  async function oauthToken(): Promise<string> {
    const made = await w.api('POST', `/organizations/${a.org_id}/scim-clients`, { name: 'By OAuth' });
    const { body } = await post(w, '/oauth/token', made.body as unknown as RelyingParty, {
      grant_type: 'client_credentials',
    });
    const works = await a.send('GET', '/Users?count=1', undefined, { authorization: `Bearer ${body.access_token}` });
    expect(works.status).to.equal(200);
    return String(body.access_token);
  }

  for (const step of [...steps, 'federated', 'change', '']) {
    it(`MT-01, SE-01: a sign-in's page ‘${step}’ is there for the browser that began it only`, async () => {
      const person = await insertPersonWithPassword(w);
      const victim = await new Visitor(w).begin(client);
      await victim.fill({ identifier: person.email });
      const stranger = await new Visitor(w).begin(client);
      const address = `/signin/${victim.uid}${step === '' ? '' : `/${step}`}`;
      // A form of the stranger's own, with a token that is good in the stranger's browser.
      const [form] = formsOf(stranger.page.text);
      const filled = { ...form?.fields, identifier: 'x@y.example', password: goodPassword, org_id: newId() };
      const before = await w.db('signin_attempts').orderBy('attempt_id');
      for (const visitor of [stranger, new Visitor(w)]) {
        const seen = await visitor.browser.go(address);
        expect(seen.status, 'looked at').to.equal(400);
        expect(seen.text).to.not.include(person.email);
        const sent = await visitor.post(address, filled, { origin: w.url });
        expect(sent.status, 'posted').to.be.oneOf([400, 403, 405]);
        expect(sent.location).to.equal(null);
      }
      expect(await w.db('signin_attempts').orderBy('attempt_id')).to.deep.equal(before);
    });
  }

  it('MT-01: nobody chooses an organization at sign-in that is not theirs, by form or by parameter', async () => {
    const person = await insertPersonWithPassword(w);
    const own = [await insertOrganization(w.db), await insertOrganization(w.db)];
    for (const org_id of own) await insertMember(w.db, org_id, person.user_id);
    const third = await makeApplication(w, { first_party: true });
    const visitor = await new Visitor(w).begin(third, { scope: 'openid' });
    await visitor.signIn(person.email);
    expect(visitor.heading).to.match(/organization/i);
    for (const org_id of [b.org_id, tenant.org_id, newId(), '', 'x']) {
      await visitor.fill({ org_id });
      expect([visitor.callback, visitor.heading], org_id).to.deep.equal([null, 'Choose an organization']);
    }
    await visitor.fill({ org_id: own[1] ?? '' });
    expect((visitor.callback as URL | null)?.searchParams.get('code')).to.be.a('string');
    const asked = await visitor.browser.go(
      `${authorizationUrl(third, { prompt: 'none' })}&${new URLSearchParams({ organization_id: b.org_id })}`,
    );
    const answer = new URL(asked.location ?? '');
    expect([answer.searchParams.get('code'), answer.searchParams.get('error')]).to.deep.equal([null, 'access_denied']);
    const sessions = await w.db('sessions').where({ user_id: person.user_id });
    for (const { org_id } of sessions) expect(own.includes(org_id) || org_id === null).to.equal(true);
  });

  for (const name of ['metadata', 'acs', 'slo', 'login'] as const) {
    it(`MT-01: /saml/{id}/${name} takes nothing that was meant for another organization's connection`, async () => {
      mine ??= await company(w, { auto_provision: true });
      other ??= await company(w, { auto_provision: true });
      const at = (provider: Company['provider']) => `/saml/${provider.provider_id}/${name}`;
      const before = await w.db('sessions').count();
      if (name === 'metadata') {
        const answer = await w.request(at(mine.provider));
        expect(answer.text).to.include(mine.provider.sp.entity_id).and.not.include(other.provider.provider_id);
        expect(answer.text).not.to.include(other.org_id).and.not.include(mine.org_id);
      } else if (name === 'acs') {
        const started = await start(w, mine.provider.provider_id);
        const field = response(w, mine, started, { subject: 's', email: `s@${mine.domain}` });
        const fields = { SAMLResponse: field, RelayState: started.relay_state };
        const answer = await postSaml(w, `${w.url}${at(other.provider)}`, fields);
        expect([answer.status, answer.headers.get('location')]).to.deep.equal([400, null]);
        expect(await w.db('users').where({ home_org_id: other.org_id })).to.deep.equal([]);
      } else {
        const answer = await w.request(at({ ...mine.provider, provider_id: newId() }), {
          headers: { accept: 'text/html' },
        });
        const unknown = await w.request(`/saml/${newId()}/${name}`, { headers: { accept: 'text/html' } });
        expect(answer.status).to.equal(unknown.status).and.be.oneOf([400, 404]);
        expect(answer.text).to.not.include(mine.org_id);
      }
      expect(await w.db('sessions').count()).to.deep.equal(before);
    });
  }
  let mine: Company | undefined;
  let other: Company | undefined;

  it('AZ-01: public pages tell a stranger nothing of any organization', async () => {
    for (const path of ['/', '/api/docs', '/openapi.json', '/health/live', '/health/ready', '/setup/x', '/nowhere']) {
      const { text } = await w.request(path, { headers: { accept: 'text/html' } });
      for (const told of ['canary-b', b.org_id, tenant.org_id, 'With everything', ...Object.values(theirs)])
        expect(text, path).to.not.include(told);
    }
  });
});
