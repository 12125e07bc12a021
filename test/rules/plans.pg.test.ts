/**
 * Plans with 100,000 accounts, without a stopwatch: nothing that the product sends needs to read a growing table from end to end,
 * and a look-up examines few more rows than it answers with. What is sent is listened to, not written down here: every REST route
 * with every filter, every vendor's SCIM requests, sign-ins, tokens, SAML, and every job. On PostgreSQL only.
 * Over 300 lines because each of these is one journey over the same population.
 */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Knex } from 'knex';
import pg from 'pg';
import { jobs, routes } from '../../src/app.ts';
import { findAccessToken, findRefreshToken } from '../../src/applications/tokens/presented.ts';
import { hashSecret } from '../../src/core/secret.ts';
import { findUsableToken } from '../../src/provisioning/tokens/store.ts';
import { endProviderSessions } from '../../src/signin/sessions/service.ts';
import { insertGroup, insertOrganization, org_id, userName } from '../bench/population.ts';
import { type Asked, askedDuring } from '../flows/statements.ts';
import { company, post as postSaml, response, start as samlStart } from '../federation/company.ts';
import {
  introspect,
  makeApplication,
  makePerson,
  oidcWorld,
  post,
  refresh,
  signIn,
  type Tokens,
  userinfo,
} from '../oidc/rp.ts';
import { type Directory, directory, patch } from '../scim/door.ts';
import { entra } from '../scim/entra.requests.ts';
import { google } from '../scim/google.requests.ts';
import { jumpcloud } from '../scim/jumpcloud.requests.ts';
import { okta } from '../scim/okta.requests.ts';
import { onelogin } from '../scim/onelogin.requests.ts';
import { rfc } from '../scim/rfc.requests.ts';
import { fill } from '../scim/vendor.ts';
import { insertPersonWithPassword, Visitor } from '../signin/person.ts';
import { onPostgres } from '../support/database.ts';
import type { World } from '../support/world.ts';
import { addressOf, paramsIn, populate, send } from './population.ts';
import { sample } from './sample.ts';

/** Tables that have as many rows as somebody typed in for the whole installation; every other one grows with people, companies or use. */
const small =
  /^(rate_limit_policies|signing_keys|saml_keys|notification_templates|feature_flags|lintel_migrations\w*|waitlist_signups)$/;
const isGrowing = ({ 'Relation Name': table }: Node): boolean => table !== undefined && !small.test(table);

interface Node {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly Alias?: string;
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly Node[];
}

const nodesOf = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

/** Rows that scans of growing tables touched, what they threw away included. */
const examined = (plan: Node): number =>
  nodesOf(plan)
    .filter(isGrowing)
    .reduce((sum, node) => {
      const each =
        (node['Actual Rows'] ?? 0) +
        (node['Rows Removed by Filter'] ?? 0) +
        (node['Rows Removed by Index Recheck'] ?? 0);
      return sum + each * (node['Actual Loops'] ?? 1);
    }, 0);

const short = (text: string): string => text.replaceAll(/\s+/g, ' ').trim().slice(0, 240);

const canBeExplained = ({ text }: Asked): boolean => /^\s*(select|insert|update|delete|with)\b/i.test(text);

const { prepareValue } = (pg as unknown as { utils: { prepareValue(value: unknown): string | null } }).utils;

/** A value as EXECUTE takes it, in the text that `pg` would send. */
function literal(value: unknown): string {
  const text = prepareValue(value);
  return text === null ? 'null' : pg.escapeLiteral(String(text));
}

/**
 * @param analyze whether it is run; else it is planned as if reading a whole table were the last resort, in joins too: where it
 *   still is there, no index serves
 * @param kept the plan that a named statement has for all values, in place of the one for these
 */
async function explain(
  db: Knex,
  { text, values }: Asked,
  { analyze, kept }: { analyze: boolean; kept: boolean },
): Promise<Node> {
  const connection = await db.client.acquireConnection();
  const how = `explain (format json${analyze ? ', analyze' : ''})`;
  try {
    await connection.query('begin');
    if (!analyze) {
      for (const way of ['seqscan', 'hashjoin', 'mergejoin']) await connection.query(`set local enable_${way} = off`);
    }
    if (kept) {
      await connection.query('set local plan_cache_mode = force_generic_plan');
      await connection.query(`prepare explained as ${text}`);
    }
    const given = values.length === 0 ? '' : `(${values.map(literal).join()})`;
    const { rows } = await connection.query(
      kept ? `${how} execute explained${given}` : { text: `${how} ${text}`, values: [...values] },
    );
    return rows[0]['QUERY PLAN'][0].Plan as Node;
  } finally {
    await connection.query('rollback');
    if (kept) await connection.query('deallocate explained');
    await db.client.releaseConnection(connection);
  }
}

/** The plans that a statement may have: the one for its values, and the one for all of them where PostgreSQL may keep it. */
async function plansOf(db: Knex, asked: Asked, analyze: boolean): Promise<Node[]> {
  const own = await explain(db, asked, { analyze, kept: false });
  return asked.name === undefined ? [own] : [own, await explain(db, asked, { analyze, kept: true })];
}

/** Rows that a statement examines, by the worse of its plans. */
const examinedBy = async (db: Knex, asked: Asked): Promise<number> =>
  Math.max(...(await plansOf(db, asked, true)).map(examined));

/** Names of the tables whose statistics are pretended at the moment. */
let pretended = '';

/**
 * Tables that hold few rows here and many in a year are made to look large to the planner: a million rows, and no statistics of the
 * few. With so little to read it would otherwise be right to read everything, and the plan would say nothing.
 */
async function pretendSize(db: Knex): Promise<void> {
  const few = `select c.oid, c.relname from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname !~ '${small.source}'
      and pg_relation_size(c.oid) < 1000000`;
  const { rows } = await db.raw(`select string_agg(format('%I', relname), ', ') as names from (${few}) t`);
  pretended = String(rows[0].names);
  await db.raw(`analyze ${pretended}`);
  // Ten rows of a million have the same value, whatever the few here have.
  await db.raw(
    `with few as (${few}),
     spread as (update pg_statistic set stadistinct = -0.1, stanullfrac = 0.1,
         stakind1 = 0, stakind2 = 0, stakind3 = 0, stakind4 = 0, stakind5 = 0,
         stanumbers1 = null, stanumbers2 = null, stanumbers3 = null, stanumbers4 = null, stanumbers5 = null,
         stavalues1 = null, stavalues2 = null, stavalues3 = null, stavalues4 = null, stavalues5 = null
       where starelid in (select oid from few))
     update pg_class set reltuples = 1000000, relpages = 1
      where oid in (select oid from few union all select indexrelid from pg_index where indrelid in (select oid from few))`,
  );
}

/** Nodes with what stands above them. */
const withAncestors = (node: Node, above: readonly Node[] = []): [Node, readonly Node[]][] => [
  [node, above],
  ...(node.Plans ?? []).flatMap((child) => withAncestors(child, [...above, node])),
];

/**
 * A table from end to end, or an index from end to end: under a Limit that is a walk in order, which ends with the page; without one it
 * is the same thing as the table. System catalogues are read by the upkeep, and are none of ours.
 */
function isWholeRead([node, above]: [Node, readonly Node[]]): boolean {
  const type = node['Node Type'];
  if (type === 'Seq Scan') return isGrowing(node) && !node['Relation Name']?.startsWith('pg_');
  if (!/^(Index Scan|Index Only Scan|Bitmap Index Scan)$/.test(type) || node['Index Cond'] !== undefined) return false;
  const table = type === 'Bitmap Index Scan' ? above.at(-1) : node;
  // What sorts or gathers has read all of it before the limit counts.
  const nearest = above.findLast((one) => /^(Limit|Sort|Aggregate|Hash|Materialize|WindowAgg)$/.test(one['Node Type']));
  return table !== undefined && isGrowing(table) && nearest?.['Node Type'] !== 'Limit';
}

/** What is examined is counted with the statistics as they are. */
async function realSize(db: Knex): Promise<void> {
  if (pretended !== '') await db.raw(`analyze ${pretended}`);
  pretended = '';
}

/** Whole reads of tables that have no page here, of which a planner cannot be made to think well. */
const inconclusive = new Set<string>();

async function isEmpty(db: Knex, table: string): Promise<boolean> {
  const { rows } = await db.raw('select pg_relation_size(?::regclass) = 0 as is_empty', [table]);
  return rows[0].is_empty as boolean;
}

async function wholeReads(db: Knex, asked: readonly Asked[]): Promise<string[]> {
  const found = new Set<string>();
  const seen = new Set<string>();
  if (pretended === '') await pretendSize(db);
  for (const statement of asked.filter(canBeExplained)) {
    const one = `${statement.text} ${statement.values.map((value) => (value === null ? 'null' : typeof value)).join()}`;
    if (seen.has(one)) continue;
    seen.add(one);
    const plans = await plansOf(db, statement, false);
    for (const at of plans.flatMap((plan) => withAncestors(plan))) {
      if (!isWholeRead(at)) continue;
      const table = at[0]['Relation Name'] ?? at[1].at(-1)?.['Relation Name'] ?? '';
      const line = `${table}: ${short(statement.text)}`;
      // A month to come has the indexes of this one, which is judged.
      if (/_(\d{4}_\d{2}|default)$/.test(table) && (await isEmpty(db, table))) continue;
      if (await isEmpty(db, table)) inconclusive.add(line);
      else found.add(line);
    }
  }
  return [...found].sort();
}

const describePostgres = onPostgres ? describe : describe.skip;

describePostgres('rules: plans with 100,000 accounts (PostgreSQL)', () => {
  const users = 100_000;
  const group = '01900000-0000-7000-8000-0000000000a1';
  let w: World;
  let d: Directory;

  before(async function prepare() {
    this.timeout(120_000);
    w = await oidcWorld();
    await insertOrganization(w.db, users);
    await insertGroup(w.db, group, 'Half of them', users / 2);
    d = await directory(w, { orgId: org_id });
    await leaveSomething();
    await w.db.raw('analyze');
  });
  after(() => w.close());
  beforeEach(() => realSize(w.db));

  /** A row at least in the tables that flows below fill and empty: of a table without a page no planner thinks well. */
  async function leaveSomething(): Promise<void> {
    const tenant = await populate(w, 'Before');
    const place = `/organizations/${tenant.org_id}`;
    const member = tenant.ids.get('users') ?? '';
    const roleId = { role_id: tenant.ids.get('roles') };
    await w.api('POST', `${place}/members/${member}/roles`, roleId);
    await w.api('POST', `${place}/groups/${tenant.ids.get('groups')}/roles`, roleId);
    const second = { role_id: tenant.ids.get('second role') };
    await w.api('PUT', `${place}/roles/${second.role_id}/parents/${roleId.role_id}`);
    const client = await makeApplication(w);
    const { tokens } = await signIn(w, client, await makePerson(w), { scope: 'openid offline_access' });
    await refresh(w, client, tokens.refresh_token ?? '');
    const expires_at = new Date(Date.now() + 3_600_000);
    await w.db('oidc_replay').insert({ id_hash: 'x'.repeat(43), expires_at });
    await w.db('invitations').insert({
      invitation_id: randomUUID(),
      org_id: tenant.org_id,
      email: 'invited@sample.example',
      token_hash: 'x'.repeat(43),
      invited_by: member,
      expires_at,
    });
  }

  const filter = (text: string, more = '') => `/Users?filter=${encodeURIComponent(text)}${more}`;
  const found = async (path: string): Promise<number> => {
    const { status, body, text } = await d.send('GET', path);
    expect(status, text).to.equal(200);
    return body.totalResults as number;
  };

  it('SCIM look-ups by what names one person examine a handful of rows', async () => {
    const id = (await d.send('GET', filter(`userName eq "${userName(77_777)}"`))).body.Resources as { id: string }[];
    const made = await d.user('given@large.example', {
      externalId: 'ext-1',
      emails: [{ value: 'given@large.example' }],
    });
    const paths = [
      filter(`userName eq "${userName(50_001)}"`),
      filter(`userName eq "${userName(99_999).toUpperCase()}"`),
      filter('userName eq "nobody@large.example"'),
      filter('externalId eq "ext-1"'),
      filter(`emails[type eq "work"].value eq "${userName(4)}"`),
      filter(`id eq "${id[0]?.id}"`),
      filter(`userName sw "person7777"`),
      `/Users/${made}`,
    ];
    for (const path of paths) {
      await d.send('GET', path);
      const asked = await askedDuring(() => d.send('GET', path));
      expect(await wholeReads(w.db, asked), path).to.deep.equal([]);
      // What directories ask most is planned once a connection, not at each request.
      if (/^\/Users\/|(userName|externalId|^.*filter=id) eq/.test(decodeURIComponent(path))) {
        const own = asked.filter(({ text }) => /scim_tokens|users|user_group_memberships/.test(text));
        expect(own).to.have.length.at.least(2);
        expect(
          own.map(({ name, text }) => name ?? short(text)).filter((name) => !name.startsWith('lintel_')),
        ).to.deep.equal([]);
      }
      for (const statement of asked.filter(({ text }) => /^\s*(select|with)\b/i.test(text))) {
        const rows = await examinedBy(w.db, statement);
        expect(rows, `${decodeURIComponent(path)}: ${short(statement.text)}`).to.be.at.most(60);
      }
    }
  });

  it('SCIM pages examine about as many rows as they answer with, wherever they are', async () => {
    let cursor = '';
    for (let page = 0; page < 3; page += 1) {
      const path: string = `/Users?count=50&cursor=${cursor}&excludedAttributes=groups`;
      let next = '';
      const asked = await askedDuring(async () => {
        next = (await d.send('GET', path)).body.nextCursor as string;
      });
      cursor = next;
      expect(await wholeReads(w.db, asked), path).to.deep.equal([]);
      const pages = asked.filter(({ text }) => /limit/i.test(text) && /from "?users/i.test(text));
      expect(pages).to.have.length.at.least(1);
      for (const statement of pages) {
        expect(await examinedBy(w.db, statement), short(statement.text)).to.be.at.most(200);
      }
    }
  });

  it('SCIM writes, and one member more in a group of 50,000, need no whole table', async () => {
    const person = await d.user('fresh@large.example', { externalId: 'ext-2' });
    const asked = await askedDuring(async () => {
      await d.user('fresher@large.example', { externalId: 'ext-3' });
      await d.send('PATCH', `/Users/${person}`, patch({ op: 'replace', path: 'title', value: 'Engineer' }));
      await d.send('PATCH', `/Users/${person}`, patch({ op: 'replace', path: 'active', value: false }));
      const add = patch({ op: 'add', path: 'members', value: [{ value: person }] });
      const remove = patch({ op: 'remove', path: `members[value eq "${person}"]` });
      for (const body of [add, remove]) {
        const { status } = await d.send('PATCH', `/Groups/${group}?excludedAttributes=members`, body);
        expect(status).to.be.oneOf([200, 204]);
      }
      await d.send('DELETE', `/Users/${person}`);
    });
    expect(await wholeReads(w.db, asked)).to.deep.equal([]);
  });

  it('sign-in, tokens, userinfo and introspection need no whole table', async () => {
    const client = await makeApplication(w);
    const member = await makePerson(w, ['Members']);
    const person = await insertPersonWithPassword(w);
    const asked = await askedDuring(async () => {
      const visitor = await new Visitor(w).begin(client);
      await visitor.signIn(person.email ?? '');
      expect(visitor.callback?.searchParams.get('code')).to.be.a('string');
      const { tokens } = await signIn(w, client, member, { scope: 'openid email offline_access' });
      expect((await userinfo(w, tokens.access_token ?? '')).status).to.equal(200);
      await introspect(w, client, tokens.access_token ?? '');
      expect((await refresh(w, client, tokens.refresh_token ?? '')).status).to.equal(200);
    });
    expect(await wholeReads(w.db, asked)).to.deep.equal([]);
  });

  it('look-ups that many ask at once are one statement, which examines what each alone would', async () => {
    const client = await makeApplication(w);
    const people = await Promise.all(Array.from({ length: 6 }, () => makePerson(w, ['Members'])));
    const chains: Tokens[] = [];
    for (const person of people) {
      chains.push((await signIn(w, client, person, { scope: 'openid email offline_access' })).tokens);
    }
    // In one turn of the event loop, as the requests of a busy moment: over HTTP it would be chance.
    const hashes = (name: 'access_token' | 'refresh_token') => chains.map((chain) => hashSecret(chain[name] ?? ''));
    const now = w.app.clock();
    const found: unknown[] = [];
    const together = async (ask: (id_hash: string) => Promise<unknown>, id_hashes: readonly string[]) =>
      found.push(...(await Promise.all(id_hashes.map(ask))));
    const asked = await askedDuring(async () => {
      await together((id) => findAccessToken(w.db, id, now), hashes('access_token'));
      await together((id) => findRefreshToken(w.db, id, now), hashes('refresh_token'));
      await together(
        (id) => findUsableToken(w.db, id, now),
        chains.map(() => hashSecret(d.token)),
      );
    });
    expect(found).to.have.length(18).and.not.include(undefined);
    const many = asked.filter(({ name }) => name?.endsWith('_many'));
    expect(many.map(({ name }) => name)).to.deep.equal([
      'lintel_find_access_token_many',
      'lintel_find_refresh_token_many',
      'lintel_find_scim_token_many',
    ]);
    expect(await wholeReads(w.db, many)).to.deep.equal([]);
    await realSize(w.db);
    const alone = await askedDuring(async () => {
      await findAccessToken(w.db, hashes('access_token')[0] ?? '', now);
      await findRefreshToken(w.db, hashes('refresh_token')[0] ?? '', now);
      await findUsableToken(w.db, hashSecret(d.token), now);
    });
    for (const [index, statement] of many.entries()) {
      const [together, one] = [await examinedBy(w.db, statement), await examinedBy(w.db, alone[index] as Asked)];
      // One person's rows may be a few more than another's.
      expect(together, short(statement.text)).to.be.at.most(Math.ceil(chains.length * one * 1.2));
    }
  });

  /** What may be read from end to end, and why. */
  const accepted: readonly RegExp[] = [
    // Once an hour, every connection that reads its metadata from an address: as many as there are companies, and that is the work.
    /^identity_providers: select .* where "type" = \$1 and config ->> 'metadata_url' is not null/,
  ];
  const expectNone = async (asked: readonly Asked[], what: string): Promise<void> => {
    expect(asked.filter(canBeExplained).length, `${what}: statements`).to.be.greaterThan(0);
    const found = await wholeReads(w.db, asked);
    expect(
      found.filter((line) => !accepted.some((pattern) => pattern.test(line))),
      what,
    ).to.deep.equal([]);
  };
  const everything = { everything: true };

  it('every REST list, with every filter that it has and at its next page, needs no whole table', async () => {
    const lists = routes.filter(({ operationId }) => /^(list|search)/.test(operationId));
    expect(lists.length).to.be.greaterThan(20);
    const ids: Record<string, string> = { org_id, user_id: (await idOf(500)) ?? '', group_id: group, status: '409' };
    let filters = 0;
    for (const route of lists) {
      const params = Object.fromEntries(
        [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => [name, ids[name] ?? randomUUID()]),
      );
      const properties = (route.query as { properties?: Record<string, unknown> } | undefined)?.properties ?? {};
      const queries = ['limit=2'];
      for (const [name, shape] of Object.entries(properties)) {
        if (name === 'limit') continue;
        const value = name === 'after' ? (ids.user_id ?? '') : String(sample(shape, (known) => ids[known], name));
        queries.push(`${name}=${encodeURIComponent(value)}`);
        filters += 1;
      }
      const asked = await askedDuring(async () => {
        for (const query of queries) {
          const { status, text } = await w.api('GET', `${addressOf(route, params)}?${query}`);
          expect(status, `${route.operationId} ${query} ${text}`).to.be.oneOf([200, 400, 404]);
        }
      }, everything);
      await expectNone(asked, route.operationId);
    }
    expect(filters).to.be.greaterThan(30);
  }).timeout(60_000);

  it('a page of a REST list examines about as many rows as it answers with', async () => {
    const place = `/organizations/${org_id}`;
    for (const list of [
      'users',
      'members',
      'audit-logs',
      `groups/${group}/members`,
      'scim-requests',
      'signin-traces',
    ]) {
      const asked = await askedDuring(() => w.api('GET', `${place}/${list}?limit=50`));
      for (const statement of asked.filter(({ text }) => /^\s*(select|with)\b/i.test(text))) {
        const rows = await examinedBy(w.db, statement);
        expect(rows, `${list}: ${short(statement.text)}`).to.be.at.most(250);
      }
    }
  });

  it('every REST route needs no whole table', async () => {
    const tenant = await populate(w, 'Explained');
    const innermost = (path: string) => path.split('/').length;
    const inOrder = routes
      .filter(({ method }) => method !== 'delete')
      .concat(routes.filter(({ method }) => method === 'delete').sort((a, b) => innermost(b.path) - innermost(a.path)));
    for (const route of inOrder) {
      const params = paramsIn(tenant, route) ?? {};
      const asked = await askedDuring(() => send(w, route, params, tenant, w.apiKey), everything);
      await expectNone(asked, route.operationId);
    }
  }).timeout(120_000);

  const vendors = { entra, okta, onelogin, google, jumpcloud, rfc };
  for (const [vendor, requests] of Object.entries(vendors)) {
    it(`what ${vendor} asks for needs no whole table, and its look-ups examine a handful of rows`, async () => {
      const [user, member, manager] = [await idOf(11), await idOf(12), await idOf(13)];
      const ids = { user: user ?? '', member: member ?? '', manager: manager ?? '', group: '' };
      ids.group = await d.group(`of ${vendor}`, [ids.member]);
      const lookups: [string, Asked][] = [];
      const all: [string, readonly Asked[]][] = [];
      await realSize(w.db);
      for (const request of requests.map((one) => fill(one, ids))) {
        const { method, path, body, contentType } = request;
        const ask = () => d.send(method, path, body, contentType ? { 'content-type': contentType } : {});
        // A read twice: what is remembered of a client is remembered by the second time.
        if (method === 'GET') await ask();
        const asked = await askedDuring(ask, everything);
        const asks = decodeURIComponent(/[?&]filter=([^&]*)/.exec(path)?.[1] ?? '').replaceAll('+', ' ');
        // What no index can answer is asked of the organization's accounts one by one; its bound is below.
        if (/^schemas | (co|ew|ne|gt|ge|lt|le|pr|or)\b|not ?\(/i.test(asks)) continue;
        all.push([`${vendor} ${request.name}`, asked]);
        if (method !== 'GET' || !/ (eq|sw) /i.test(asks)) continue;
        for (const statement of asked.filter(({ text }) => /^\s*(select|with)\b/i.test(text))) {
          const rows = await examinedBy(w.db, statement);
          // Whether somebody is in a group: by the group and the person, or by all memberships of the large one, as the planner's
          // statistics have it. The look-up ought to be of a shape that leaves it no choice.
          const most = request.name === 'member check' ? users : 60;
          expect(rows, `${request.name}: ${short(statement.text)}`).to.be.at.most(most);
          lookups.push([request.name, statement]);
        }
      }
      if (!['google', 'jumpcloud'].includes(vendor)) expect(lookups).to.have.length.greaterThan(0);
      for (const [what, asked] of all) await expectNone(asked, what);
    }).timeout(60_000);
  }

  it('SCIM: what each form of filter examines is bounded by what it can use', async () => {
    const id = await idOf(70_000);
    const large = await idOf(1);
    const forms: [string, number][] = [
      [`/Users?filter=${encodeURIComponent(`id eq "${id}"`)}`, 60],
      [`/Users?filter=${encodeURIComponent(`userName eq "${userName(3)}" and active eq true`)}`, 60],
      [`/Users?filter=${encodeURIComponent(`userName sw "person9999"`)}`, 60],
      [`/Users?filter=${encodeURIComponent(`id eq "${id}" and groups.value eq "${group}"`)}`, 60],
      [`/Groups?filter=${encodeURIComponent('displayName eq "Half of them"')}&excludedAttributes=members`, 60],
      [
        `/Groups?filter=${encodeURIComponent(`id eq "${group}" and members eq "${large}"`)}&excludedAttributes=members`,
        60,
      ],
      // Nothing to look up by: the organization's accounts, once for the page and once for the number of all of them, and no more.
      [`/Users?count=10&filter=${encodeURIComponent('title co "x"')}`, 4 * users],
      [`/Users?count=10&filter=${encodeURIComponent(`externalId eq "x" or userName eq "${userName(3)}"`)}`, 4 * users],
      [`/Users?count=10&filter=${encodeURIComponent('name.familyName sw "Beam 77"')}`, 4 * users],
      [`/Users?count=10&filter=${encodeURIComponent('emails.value eq "nobody@x.example"')}`, 4 * users],
      [`/Users?count=10&filter=${encodeURIComponent('meta.lastModified gt "2020-01-01T00:00:00Z"')}`, 4 * users],
      [`/Users?count=10&sortBy=userName`, 4 * users],
      // By the person's few memberships or by every group's many, as the planner's statistics have it: no vendor asks without the id.
      [`/Groups?filter=${encodeURIComponent(`members.value eq "${large}"`)}&excludedAttributes=members`, 10 * users],
      // The same question as emails[type eq …].value, which is looked up; nobody is known to send this form.
      [
        `/Users?count=10&filter=${encodeURIComponent(`emails[type eq "work" and value eq "${userName(9)}"]`)}`,
        4 * users,
      ],
    ];
    const lookups: [string, readonly Asked[]][] = [];
    await realSize(w.db);
    for (const [path, most] of forms) {
      await d.send('GET', path);
      const asked = await askedDuring(async () => {
        const { status, text } = await d.send('GET', path);
        expect(status, text).to.equal(200);
      });
      const sums = [];
      for (const statement of asked.filter(({ text }) => /^\s*(select|with)\b/i.test(text)))
        sums.push(await examinedBy(w.db, statement));
      const all = sums.reduce((sum, rows) => sum + rows, 0);
      expect(all, decodeURIComponent(path)).to.be.at.most(most);
      if (most <= 60) lookups.push([decodeURIComponent(path), asked]);
    }
    for (const [path, asked] of lookups) await expectNone(asked, path);
  }).timeout(60_000);

  it('sign-outs, consents, PAR, reuse, SAML and single logout need no whole table', async () => {
    const client = await makeApplication(w, { post_logout_redirect_uris: ['https://app.example/bye'] });
    const acme = await company(w, { auto_provision: true });
    const third = await makeApplication(w, { first_party: false });
    const person = await insertPersonWithPassword(w);
    const asked = await askedDuring(async () => {
      const visitor = await new Visitor(w).begin(third);
      await visitor.signIn(person.email);
      await visitor.fill({ decision: 'allow' });
      await visitor.begin(client, { prompt: 'none' });
      await visitor.open('/oauth/logout');
      await visitor.fill({ logout: 'yes' });
      const wrong = await new Visitor(w).begin(client);
      await wrong.signIn(person.email, 'not the password at all');
      await wrong.signIn('nobody@nowhere.example', 'not the password at all').catch(() => undefined);
      const pushed = { response_type: 'code', redirect_uri: 'https://app.example/cb', scope: 'openid' };
      await post(w, '/oauth/par', client, pushed);
      await post(w, '/oauth/token', client, { grant_type: 'authorization_code', code: 'x'.repeat(43) });
      await refresh(w, client, `ltl_rt_${'x'.repeat(43)}`);
      const { tokens } = await signIn(w, client, await makePerson(w), { scope: 'openid offline_access' });
      for (let i = 0; i < 3; i += 1) await refresh(w, client, String(tokens.refresh_token));
      await post(w, '/oauth/revoke', client, { token: String(tokens.refresh_token) });
      const started = await samlStart(w, acme.provider.provider_id);
      const field = response(w, acme, started, { subject: 'ada', email: `ada@${acme.domain}`, groups: ['g'] });
      await postSaml(w, acme.provider.sp.acs_url, { SAMLResponse: field, RelayState: started.relay_state });
      await endProviderSessions(w.call(), {
        provider_id: acme.provider.provider_id,
        session_indexes: ['_s1'],
        matches: () => true,
      });
      await w.request('/api/v1/organizations', { headers: { authorization: `Bearer ltl_key_${'x'.repeat(43)}` } });
    }, everything);
    await expectNone(asked, 'sign-outs and the rest');
  }).timeout(60_000);

  for (const job of jobs) {
    it(`the job ‘${job.name}’ needs no whole table`, async () => {
      const asked = await askedDuring(() => job.run(w.app), everything);
      const found = await wholeReads(w.db, asked);
      expect(found.filter((line) => !accepted.some((pattern) => pattern.test(line)))).to.deep.equal([]);
    });
  }

  async function idOf(index: number): Promise<string | undefined> {
    const row = await w
      .db('users')
      .where({ email: userName(index), home_org_id: org_id })
      .first('user_id');
    return row?.user_id as string | undefined;
  }

  it('leaves nothing undecided', () => {
    expect([...inconclusive].sort()).to.deep.equal([]);
  });

  it('this test sees a whole table being read', async () => {
    const statement = { name: undefined, text: "select * from users where bio = 'x'", values: [] };
    expect(await wholeReads(w.db, [statement])).to.have.length(1);
    expect(await found(filter(`userName eq "${userName(1)}"`))).to.equal(1);
  });
});
