/**
 * Plans with 100,000 accounts, without a stopwatch: nothing that the product sends in its documented flows needs to read a
 * growing table from end to end, and a look-up examines few more rows than it answers with. On PostgreSQL only.
 * Not among them: `emails.value eq "…"` without a type, which looks into what was kept of every account of the organization;
 * directories ask for userName, externalId, id, or the e-mail of a type.
 */
import { expect } from 'chai';
import type { Knex } from 'knex';
import { insertGroup, insertOrganization, org_id, userName } from '../bench/population.ts';
import { type Asked, askedDuring } from '../flows/statements.ts';
import { introspect, makeApplication, makePerson, oidcWorld, refresh, signIn, userinfo } from '../oidc/rp.ts';
import { type Directory, directory, patch } from '../scim/door.ts';
import { insertPersonWithPassword, Visitor } from '../signin/person.ts';
import { onPostgres } from '../support/database.ts';
import type { World } from '../support/world.ts';

/** Tables that grow with people and with use; the others have as many rows as somebody typed in. */
const growing =
  /^(users|user_organization_info|user_groups|user_group_memberships|user_passwords|user_roles|federated_identities|scim_resources|scim_requests|scim_tokens|sessions|login_attempts|signin_attempts|rate_limit_counters|oidc_(grants|sessions|refresh_tokens|access_tokens|artifacts|replay)|audit_logs|saml_(requests|replay)|federation_(attempts|handoffs)|organization_domains|api_keys)(_|$)/;

interface Node {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
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
    .filter((node) => growing.test(node['Relation Name'] ?? ''))
    .reduce((sum, node) => {
      const each =
        (node['Actual Rows'] ?? 0) +
        (node['Rows Removed by Filter'] ?? 0) +
        (node['Rows Removed by Index Recheck'] ?? 0);
      return sum + each * (node['Actual Loops'] ?? 1);
    }, 0);

const short = (text: string): string => text.replaceAll(/\s+/g, ' ').trim().slice(0, 240);

const canBeExplained = ({ text }: Asked): boolean => /^\s*(select|insert|update|delete|with)\b/i.test(text);

/** The plan, made as if reading a whole table were the last resort: where it still is there, no index serves. */
async function explain(db: Knex, { text, values }: Asked, analyze: boolean): Promise<Node> {
  const connection = await db.client.acquireConnection();
  try {
    await connection.query('begin');
    if (!analyze) await connection.query('set local enable_seqscan = off');
    const { rows } = await connection.query({
      text: `explain (format json${analyze ? ', analyze' : ''}) ${text}`,
      values: [...values],
    });
    return rows[0]['QUERY PLAN'][0].Plan as Node;
  } finally {
    await connection.query('rollback');
    await db.client.releaseConnection(connection);
  }
}

async function wholeReads(db: Knex, asked: readonly Asked[]): Promise<string[]> {
  const found: string[] = [];
  for (const statement of asked.filter(canBeExplained)) {
    const plan = await explain(db, statement, false);
    for (const node of nodesOf(plan)) {
      if (node['Node Type'] === 'Seq Scan' && growing.test(node['Relation Name'] ?? '')) {
        found.push(`${node['Relation Name']}: ${short(statement.text)}`);
      }
    }
  }
  return [...new Set(found)];
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
    await w.db.raw('analyze');
  });
  after(() => w.close());

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
      for (const statement of asked.filter(({ text }) => /^\s*(select|with)\b/i.test(text))) {
        const rows = examined(await explain(w.db, statement, true));
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
        expect(examined(await explain(w.db, statement, true)), short(statement.text)).to.be.at.most(200);
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

  it('lists of the REST API need no whole table', async () => {
    const organization = `/organizations/${org_id}`;
    const lists = [
      `users?limit=50`,
      `users?email=${encodeURIComponent(userName(5))}`,
      'members?limit=50',
      'groups',
      'audit-logs',
      'scim-requests',
      'signin-traces',
    ];
    const asked = await askedDuring(async () => {
      for (const list of lists) {
        const { status, text } = await w.api('GET', `${organization}/${list}`);
        expect(status, `${list} ${text}`).to.equal(200);
      }
    });
    expect(await wholeReads(w.db, asked)).to.deep.equal([]);
  });

  it('this test sees a whole table being read', async () => {
    const statement = { text: "select * from users where bio = 'x'", values: [] };
    expect(await wholeReads(w.db, [statement])).to.have.length(1);
    expect(await found(filter(`userName eq "${userName(1)}"`))).to.equal(1);
  });
});
