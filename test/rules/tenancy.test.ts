/** Organizations do not see each other, and nothing changes silently: generated from the route array. */
import { expect } from 'chai';
import { routes } from '../../src/app.ts';
import type { Route } from '../../src/http/route.ts';
import { type World, world } from '../support/world.ts';
import { paramsIn, populate, send, type Tenant } from './population.ts';

/** The life of the organization itself: its own key does not outlast that. */
const lives = /\/suspension$|^\/organizations\/\{org_id\}$/;

/** Deletions last, the innermost first, so that everything is still there when its turn comes. */
const weight = ({ method, path }: Route): number =>
  lives.test(path)
    ? 200
    : method !== 'delete'
      ? 0
      : 100 - path.split('/').length - (path.includes('/members') ? 0.5 : 0);
const inOrder = routes
  .map((route, i) => ({ route, i }))
  .sort((a, b) => weight(a.route) - weight(b.route) || a.i - b.i)
  .map(({ route }) => route);
const ofOrganizations = inOrder.filter(({ path }) => path.includes('{org_id}'));
const ofOneThing = ofOrganizations.filter(({ path }) => [...path.matchAll(/\{\w+\}/g)].length > 1);

/** Routes that let an organization name another's account on purpose: guests (data model, "Who owns whom"). */
const guests = new Set(['setMember']);
/** Routes that find nothing to change in these tenants, or begin what only later changes something, and so must say nothing. */
const nothingToDo = new Set(['startIdentityProviderTest']);
/** Routes whose parameter is a word that every organization has. */
const commonWords = new Set(
  routes.filter(({ path }) => path.includes('{method}')).map(({ operationId }) => operationId),
);

/** Events that follow from the one that an operation is about. */
const consequences: Readonly<Record<string, readonly string[]>> = {
  createIdentityProvider: ['identity_provider_certificate.added'],
  deleteOrganization: ['domain.deleted'],
};

describe('rules: tenancy', function () {
  this.timeout(120_000);
  let w: World;
  let a: Tenant;
  let b: Tenant;
  before(async () => {
    w = await world();
    a = await populate(w, 'Tenant A');
    b = await populate(w, 'Tenant B');
  });
  after(() => w.close());

  it('has one of everything in each of two organizations', () => {
    const missing = routes.filter((route) => paramsIn(b, route) === undefined).map(({ operationId }) => operationId);
    // A new route whose thing nothing makes belongs into population.ts: nothing is skipped.
    expect(missing).to.deep.equal([]);
    expect([...b.ids.keys()].sort()).to.deep.equal([...a.ids.keys()].sort());
  });

  for (const route of ofOrganizations) {
    it(`MT-01: ${route.operationId} is not there for full power in another organization`, async () => {
      const params = paramsIn(b, route) ?? {};
      const before = await rowsOf(b);
      const answer = await send(w, route, params, b, a.key);
      expect([answer.status, answer.body.code], answer.text).to.deep.equal([404, 'not_found']);
      expect(await rowsOf(b)).to.equal(before);
    });
  }

  for (const route of ofOneThing) {
    if (guests.has(route.operationId) || commonWords.has(route.operationId)) continue;
    it(`MT-02: ${route.operationId} does not find another organization's thing under its own address`, async () => {
      const params = paramsIn(b, route) ?? {};
      const answer = await send(w, route, { ...params, org_id: a.org_id }, a, a.key);
      // A list of what this organization knows about that id: nothing.
      if (route.operationId.startsWith('list') && answer.status === 200)
        return expect(answer.body.items).to.deep.equal([]);
      expect([answer.status, answer.body.code], answer.text).to.deep.equal([404, 'not_found']);
    });
  }

  for (const route of inOrder.filter(({ path, permission }) => !path.includes('{org_id}') && permission !== 'public')) {
    it(`MT-10: ${route.operationId} gives nothing of others to full power in one organization`, async () => {
      const params = paramsIn(b, route) ?? {};
      const answer = await send(w, route, params, b, a.key);
      if (answer.status < 300) {
        for (const id of [b.org_id, ...b.ids.values()]) expect(answer.text).not.to.include(id);
        expect(route.method, 'changes something').to.equal('get');
      } else expect(answer.body.code, answer.text).to.be.oneOf(['not_found', 'not_allowed']);
    });
  }

  const unproven: string[] = [];
  for (const route of ofOrganizations) {
    it(`${route.operationId} is there for the organization itself, and leaves a trace when it changes something (AL-01)`, async () => {
      const params = paramsIn(b, route) ?? {};
      const answer = await send(w, route, params, b, lives.test(route.path) ? w.apiKey : b.key);
      if (answer.status >= 300) {
        // A body made from the schema alone may break a rule; but the thing must have been found, and be this actor's to use.
        expect(answer.body.code, answer.text).not.to.be.oneOf(['not_found', 'unauthenticated', 'internal']);
        unproven.push(`${route.operationId} ${answer.status} ${String(answer.body.code)}`);
        return;
      }
      if (route.method === 'get') return;
      const request_id = answer.headers.get('x-request-id');
      const actions: string[] = await w.db('audit_logs').where({ request_id }).orderBy('log_id').pluck('action');
      if (/^(preview|check|explain)/.test(route.operationId) || nothingToDo.has(route.operationId))
        return expect(actions).to.deep.equal([]);
      const [first = 'none', ...more] = actions;
      expect(first, 'no audit row').not.to.equal('none');
      // One thing is done by one event; what it leads to elsewhere has an event of its own, and each of those is known here.
      expect(more, `${first} and`).to.deep.equal(consequences[route.operationId] ?? []);
    });
  }

  it('proves most of that by answers that succeed', () => {
    expect(unproven, unproven.join('\n')).to.have.length.below(ofOrganizations.length / 8);
  });

  /** How many rows of the database belong to a tenant, in every table that says so: nothing may be added or taken. */
  async function rowsOf({ org_id }: Tenant): Promise<string> {
    tables ??= (
      await w.db.raw(
        `select table_name from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
          where c.column_name = 'org_id' and c.data_type = 'uuid' and table_schema = 'public' and t.table_type = 'BASE TABLE'`,
      )
    ).rows.map((row: { table_name: string }) => row.table_name);
    const counts = (tables ?? []).map((table) => `(select count(*)::text from "${table}" where org_id = '${org_id}')`);
    const { rows } = await w.db.raw(`select concat_ws(',', ${counts.join(', ')}) as counts`);
    return rows[0].counts;
  }
  let tables: string[] | undefined;
});
