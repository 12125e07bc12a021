/**
 * What is sealed in the database: it opens in its own row only, and the key that seals it can be changed while people work, on one
 * node after the other, until the old one is gone. Over 300 lines because a rotation of the key is one story on two nodes.
 */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { createLintel, type Lintel } from '../../src/app.ts';
import { resealSigningKeys } from '../../src/applications/keys/service.ts';
import { Call, systemActor } from '../../src/core/call.ts';
import { SealError, Sealer } from '../../src/core/secret.ts';
import type { Database } from '../../src/db/connect.ts';
import { resealSamlKeys } from '../../src/federation/keys/service.ts';
import { createSession, endProviderSessions, resealSessions } from '../../src/signin/sessions/service.ts';
import { type Company, company, post as postSaml, response, start } from '../federation/company.ts';
import {
  authorizationUrl,
  exchange,
  makeApplication,
  refresh,
  type RelyingParty,
  userinfo,
  verifierOf,
} from '../oidc/rp.ts';
import { goodPassword, insertPersonWithPassword, Visitor } from '../signin/person.ts';
import { type World, world } from '../support/world.ts';
import { until } from '../support/waiting.ts';

/** Everything of the database that is sealed: where it is, and the name under which it was sealed. */
const places: Readonly<Record<string, (row: Record<string, string>) => string>> = {
  'signing_keys.private_jwk_encrypted': ({ kid }) => `signing_keys:private_jwk_encrypted:${kid}`,
  'saml_keys.private_key_encrypted': ({ key_id }) => `saml_keys:private_key_encrypted:${key_id}`,
  'saml_requests.return_to_encrypted': ({ request_id }) => `saml_requests:return_to_encrypted:${request_id}`,
  'federation_handoffs.result_encrypted': ({ code_hash }) => `federation_handoffs:result_encrypted:${code_hash}`,
  'sessions.name_id_encrypted': ({ session_id }) => `sessions:name_id_encrypted:${session_id}`,
  'signin_attempts.state': ({ attempt_id }) => `signin_attempts:identifier:${attempt_id}`,
  'oidc_sessions.payload': ({ uid }) => `oidc_sessions:state:${uid}`,
  'oidc_artifacts.payload': ({ id_hash }) => `oidc_artifacts:payload:${id_hash}`,
  'idempotency_keys.reply': ({ actor_key, key }) => `idempotency_keys:reply:${actor_key}:${key}`,
};
/** Columns for what is not built yet: nothing writes them. */
const unused = new Set([
  'federated_identities.access_token_encrypted',
  'federated_identities.refresh_token_encrypted',
  'identity_providers.secret_encrypted',
  'mfa_devices.secret_encrypted',
  'webhooks.secret_encrypted',
]);
const sealedValue = /v1\.[0-9a-f]{8}\.[\w-]{16}\.[\w-]{22,}/;
const newKey = (): string => randomBytes(32).toString('base64');

describe('security: what is sealed', function () {
  this.timeout(120_000);
  let w: World;
  let client: RelyingParty;
  let acme: Company;
  /** The nodes that answer in turn; none: the world's own. */
  let nodes: Lintel[] = [];
  let turn = 0;
  before(async () => {
    w = await world({
      prepare: ({ koa }) =>
        koa.middleware.unshift(async (context, next) => {
          const node = nodes[(turn += 1) % nodes.length];
          if (!node) return next();
          context.respond = false;
          await node.koa.callback()(context.req, context.res);
        }),
    });
    client = await makeApplication(w);
    acme = await company(w, { auto_provision: true });
  });
  after(() => w.close());

  const node = (...keys: string[]): Promise<Lintel> =>
    createLintel({ ...w.config, key: keys.join(',') }, { knex: w.db } as Database, {
      logTo: { write: (line) => void w.logLines.push(line) },
      withoutJobs: true,
    });

  /** Leaves one of everything that is sealed in the database, and says how it would be used. */
  async function leaveAll() {
    const person = await insertPersonWithPassword(w);
    const offline = { scope: 'openid offline_access', prompt: 'consent' };
    const address = authorizationUrl(client, offline);
    const signedIn = await new Visitor(w).open(address);
    await signedIn.signIn(person.email);
    if (!signedIn.callback) await signedIn.fill({ decision: 'allow' });
    const tokens = await exchange(w, client, signedIn.callback?.searchParams.get('code') ?? '', verifierOf(address));
    expect(tokens.status).to.equal(200);
    const begun = await new Visitor(w).begin(client);
    await begun.fill({ identifier: person.email });
    const leaving = await new Visitor(w).begin(client);
    await leaving.signIn(person.email);
    await leaving.open('/oauth/logout');
    const key = `k-${randomBytes(6).toString('hex')}`;
    const create = () => w.api('POST', '/organizations', { org_name: key }, undefined, { 'idempotency-key': key });
    expect((await create()).status).to.equal(201);
    const saml = await start(w, acme.provider.provider_id);
    const back = await start(w, acme.provider.provider_id);
    const field = response(w, acme, back, { subject: key, email: `${key}@${acme.domain}` });
    const posted = await postSaml(w, acme.provider.sp.acs_url, { SAMLResponse: field, RelayState: back.relay_state });
    expect(posted.status, posted.text).to.equal(303);
    await createSession(w.call(), {
      user_id: person.user_id,
      org_id: null,
      provider_id: acme.provider.provider_id,
      login_method: 'saml',
      amr: ['fed'],
      acr: 'urn:lintel:acr:1fa',
      name_id: JSON.stringify({ name_id: key }),
    } as never);
    return { person, signedIn, tokens: tokens.body, begun, leaving, create, saml, key };
  }

  /** Every sealed value there is, found by its form in every column of every table. */
  async function found(): Promise<{ place: string; row: Record<string, string>; value: string }[]> {
    const { rows: columns } = await w.db.raw(
      `select c.table_name as table, c.column_name as column from information_schema.columns c
         join information_schema.tables t using (table_schema, table_name)
        where table_schema = 'public' and t.table_type = 'BASE TABLE' and c.data_type in ('text', 'jsonb')`,
    );
    const all = [];
    for (const { table, column } of columns as { table: string; column: string }[]) {
      const { rows } = await w.db.raw(`select * from "${table}" where "${column}"::text ~ 'v1\\.[0-9a-f]{8}\\.'`);
      for (const row of rows as Record<string, string>[]) {
        const cell: unknown = row[column];
        const [value] = sealedValue.exec(typeof cell === 'string' ? cell : JSON.stringify(cell)) ?? [];
        if (value !== undefined) all.push({ place: `${table}.${column}`, row, value });
      }
    }
    return all;
  }

  it('SD-01: every sealed column of the schema is known here, and so is every place where something sealed is found', async () => {
    await leaveAll();
    await leaveAll();
    const { rows } = await w.db.raw(
      `select table_name || '.' || column_name as place from information_schema.columns
        where table_schema = 'public' and column_name like '%\\_encrypted'`,
    );
    const named = (rows as { place: string }[]).map(({ place }) => place);
    expect(named.filter((place) => !unused.has(place) && !places[place])).to.deep.equal([]);
    const there = new Set((await found()).map(({ place }) => place));
    expect([...there].sort()).to.deep.equal(Object.keys(places).sort());
    for (const place of unused) {
      const [table = '', column = ''] = place.split('.');
      expect(await w.db(table).whereNotNull(column), place).to.deep.equal([]);
    }
  });

  for (const [place, context] of Object.entries(places)) {
    it(`SD-01: ${place} opens in its own row, and in no other row or column`, async () => {
      const all = await found();
      const [one, two] = all.filter((value) => value.place === place);
      if (!one || !two) throw new Error(`${place} has not two values`);
      expect(w.app.sealer.open(one.value, context(one.row))).to.be.a('string');
      expect(w.app.sealer.open(two.value, context(two.row))).to.be.a('string');
      expect(() => w.app.sealer.open(two.value, context(one.row)), 'another row').to.throw(SealError);
      for (const other of all.filter((value) => value.place !== place))
        expect(() => w.app.sealer.open(other.value, context(one.row)), other.place).to.throw(SealError);
      const tampered = one.value.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
      if (
        Buffer.from(tampered.split('.')[3] ?? '', 'base64url').compare(
          Buffer.from(one.value.split('.')[3] ?? '', 'base64url'),
        ) !== 0
      )
        expect(() => w.app.sealer.open(tampered, context(one.row)), 'changed').to.throw(SealError);
    });
  }

  it('SD-01: what was swapped in the database is used by nobody', async () => {
    const [one, two] = [await leaveAll(), await leaveAll()];
    const rows = await w.db('oidc_artifacts').where({ kind: 'Interaction' }).select('id_hash', 'payload');
    // Everybody's becomes somebody else's.
    for (const [at, { id_hash }] of rows.entries())
      await w
        .db('oidc_artifacts')
        .where({ id_hash })
        .update({ payload: JSON.stringify(rows[(at + 1) % rows.length]?.payload) });
    for (const { begun } of [one, two]) {
      const answer = await begun.browser.go(`/signin/${begun.uid}`);
      // Somebody wrote into the database: that is no visitor's mistake, and the log tells it.
      expect(answer.status).to.equal(500);
      expect(answer.text)
        .to.not.include('name="password"')
        .and.not.include(one.person.email)
        .and.not.include(two.person.email);
    }
    expect(w.logLines.some((line) => line.includes('A sealed value does not belong here'))).to.equal(true);
    await w.db('oidc_artifacts').where({ kind: 'Interaction' }).delete();
  });

  it('SD-04: the key is changed while people work, node after node, and nothing fails until the old one is gone', async () => {
    const [old, fresh] = [w.config.key, newKey()];
    const kept = await leaveAll();
    const failures: string[] = [];
    let asked = 0;
    let ended = false;
    const judge = (what: string, status: number, good: readonly number[]) => {
      asked += 1;
      if (!good.includes(status)) failures.push(`${what} ${status}`);
    };
    let { refresh_token } = kept.tokens;
    const load = async (): Promise<void> => {
      while (!ended) {
        const renewed = await refresh(w, client, String(refresh_token));
        judge('refresh', renewed.status, [200]);
        refresh_token = renewed.body.refresh_token ?? refresh_token;
        judge('userinfo', (await userinfo(w, String(renewed.body.access_token))).status, [200]);
        judge('api', (await w.api('GET', '/organizations?limit=1')).status, [200]);
        const key = `l-${asked}`;
        const send = () => w.api('POST', '/organizations', { org_name: key }, undefined, { 'idempotency-key': key });
        judge('first', (await send()).status, [201]);
        judge('again', (await send()).status, [201]);
        const visitor = await new Visitor(w).begin(client);
        judge('page', visitor.page.status, [200]);
        await visitor.signIn(kept.person.email, goodPassword);
        judge('sign-in', visitor.callback?.searchParams.get('code') ? 200 : visitor.page.status, [200]);
      }
    };
    const working = load();
    const stages: string[][][] = [
      [[old], [old, fresh]],
      [
        [old, fresh],
        [old, fresh],
      ],
      [
        [old, fresh],
        [fresh, old],
      ],
      [
        [fresh, old],
        [fresh, old],
      ],
    ];
    for (const stage of stages) {
      const next = await Promise.all(stage.map((keys) => node(...keys)));
      nodes = next;
      const enough = asked + 25;
      await until(() => asked >= enough);
    }
    // What was begun under the old key goes on under both.
    expect((await kept.begun.fill({ password: goodPassword })).callback?.searchParams.get('code')).to.be.a('string');
    const again = await kept.create();
    expect([again.status, again.headers.get('idempotency-replayed')]).to.deep.equal([201, 'true']);
    const { app } = nodes[0] as Lintel;
    expect(await resealSigningKeys(app)).to.be.greaterThan(0);
    expect(await resealSamlKeys(app)).to.be.greaterThan(0);
    ended = true;
    await working;
    nodes = [];
    await resealAll(await node(old, fresh));
    expect(failures, `of ${asked}`).to.deep.equal([]);
    expect(asked).to.be.greaterThan(100);
  });

  it('SD-04: the old key can be taken away: what lasts goes on, what was begun begins anew, and nothing breaks', async () => {
    const [old, fresh] = [w.config.key, newKey()];
    const kept = await leaveAll();
    const other = await leaveAll();
    await resealAll(await node(fresh, old));
    nodes = [await node(fresh)];
    const lines = w.logLines.length;
    const renewed = await refresh(w, client, String(kept.tokens.refresh_token));
    expect(renewed.status, JSON.stringify(renewed.body)).to.equal(200);
    expect((await userinfo(w, String(renewed.body.access_token))).status).to.equal(200);
    expect((await w.api('GET', '/organizations?limit=1')).status).to.equal(200);
    // Whoever was signed in signs in again, and can.
    const answer = await kept.signedIn.browser.go(authorizationUrl(client, { prompt: 'none' }));
    expect(new URL(answer.location ?? '').searchParams.get('error')).to.equal('login_required');
    await kept.signedIn.begin(client);
    await kept.signedIn.signIn(kept.person.email);
    expect(kept.signedIn.callback?.searchParams.get('code')).to.be.a('string');
    // Half a sign-in is over, with a page that says so.
    const half = await kept.begun.browser.go(`/signin/${kept.begun.uid}`);
    expect(half.status).to.equal(400);
    const leaving = await other.leaving.browser.go('/oauth/logout');
    expect(leaving.status).to.be.oneOf([200, 303]);
    // An answer that cannot be read any more is not given, and the change is not made twice.
    const replay = await kept.create();
    expect([replay.status, replay.body.code]).to.deep.equal([422, 'idempotency_key_reused']);
    // Signing out at the company still finds the people who came from there: their names were sealed anew.
    const { app } = nodes[0] as Lintel;
    const ended = await endProviderSessions(Call.begin(app, systemActor('test')), {
      provider_id: acme.provider.provider_id,
      session_indexes: [],
      matches: (name) => name.includes(other.key),
    });
    expect(ended).to.equal(1);
    const errors = w.logLines.slice(lines).filter((line) => /"level":(50|60|"error"|"fatal")/.test(line));
    expect(errors.join('\n')).to.equal('');
  });

  async function resealAll({ app }: Lintel): Promise<void> {
    await resealSigningKeys(app);
    await resealSamlKeys(app);
    await resealSessions(app);
  }

  it('SD-05: with a key that opens nothing no process starts, and nothing is made anew', async () => {
    nodes = [];
    const before = await w.db('signing_keys').orderBy('kid').select('kid', 'state');
    const failure = await node(newKey()).then(
      () => undefined,
      (error: Error) => error,
    );
    expect(failure).to.be.instanceOf(SealError);
    expect(await w.db('signing_keys').orderBy('kid').select('kid', 'state')).to.deep.equal(before);
    expect(new Sealer([newKey()])).to.be.an('object');
  });
});
