/**
 * Metrics (checklist SD-10): what is told, to whom, and what never is. Over 300 lines because the numbers and their port are read by
 * the same reader.
 */
import { randomBytes } from 'node:crypto';
import { createServer as createHttpServer, METHODS } from 'node:http';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { expect } from 'chai';
import * as openid from 'openid-client';
import { loadConfig } from '../../src/config/config.ts';
import { Browser } from '../../src/demo/browser.ts';
import { company, group, people, role } from '../../src/demo/cast.ts';
import type { Stage } from '../../src/demo/stage.ts';
import { createMetrics } from '../../src/http/metrics.ts';
import { type Running, start } from '../../src/main.ts';
import { items, journeyStage, patchUser, signIn } from '../flows/stage.ts';
import { sourcesUnder } from '../rules/sources.ts';
import { freePort } from '../support/process.ts';
import { ask } from './served.ts';
import { pause } from '../support/waiting.ts';

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The samples of a scrape, each of which must be well formed. */
function samplesOf(text: string): Sample[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('# '));
  return lines.map((line) => {
    const [, name, labels = '', value] = /^([a-z0-9_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`no sample: ${line}`);
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', text = '']) => [key, text]);
    return { name, labels: Object.fromEntries(pairs), value: Number(value) };
  });
}

const scrape = async (port: number): Promise<string> => {
  const { status, text } = await ask(port, '/metrics');
  expect(status).to.equal(200);
  return text;
};

const numberOf = (samples: readonly Sample[], name: string, labels: Record<string, string> = {}): number =>
  samples
    .filter((one) => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value))
    .reduce((sum, { value }) => sum + value, 0);

describe('http/metrics (SD-10)', function () {
  this.timeout(120_000);
  let stage: Stage;
  let port = 0;
  const lintelPort = () => Number(new URL(stage.lintelUrl).port);
  before(async () => {
    port = await freePort();
    stage = await journeyStage({ LINTEL_METRICS_PORT: String(port) });
  });
  after(() => stage?.close());

  it('SD-10: metrics are on a port of their own, which has nothing else', async () => {
    const { status, headers } = await ask(port, '/metrics');
    expect([status, headers['content-type']]).to.deep.equal([200, 'text/plain; version=0.0.4; charset=utf-8']);
    expect(headers).to.include({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    expect(headers).not.to.have.any.keys('set-cookie', 'access-control-allow-origin', 'server', 'x-powered-by');
    for (const path of [
      '/',
      '/metrics/',
      '/metrics/x',
      '/METRICS',
      '//metrics',
      '/health/ready',
      '/api/v1/organizations',
    ])
      expect((await ask(port, path)).status, path).to.equal(404);
    for (const method of ['POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE']) {
      const refused = await ask(port, '/metrics', { method });
      expect([refused.status, refused.headers.allow], method).to.deep.equal([405, 'GET']);
      expect(refused.text, method).not.to.include('lintel_');
    }
    for (const path of ['/metrics', '/metrics/', '/api/v1/metrics']) {
      const { text, ...there } = await ask(lintelPort(), path, { headers: { host: new URL(stage.lintelUrl).host } });
      expect(there.status, `${path} on the main port`).to.equal(404);
      expect(text).not.to.include('lintel_');
    }
  });

  it('SD-10, SD-06: a scrape after the main job names nobody, no organization, no application, no id and no secret', async () => {
    const browser = new Browser();
    await signIn(stage, browser, 'ada');
    await signIn(stage, new Browser(), 'grace');
    const { tokens, claims } = stage.lastTokens() ?? expect.fail('nobody signed in');
    expect(await items(stage)).to.equal(200);
    const fresh = await openid.refreshTokenGrant(stage.openid, tokens.refresh_token ?? '');
    await patchUser(stage, 'edsger', { active: false });
    expect(await items(stage, 'ltl_wrong_token_of_nobody')).to.equal(401);
    const { items: applications } = await stage.rest<{ items: { client_id: string; client_name: string }[] }>(
      'GET',
      '/applications',
    );
    const { items: connections } = await stage.rest<{ items: { provider_id: string; name: string }[] }>(
      'GET',
      `/organizations/${stage.orgId}/identity-providers`,
    );
    const { items: audit } = await stage.rest<{ items: { ip: string | null }[] }>(
      'GET',
      `/organizations/${stage.orgId}/audit-logs`,
    );
    expect([applications.length > 0, connections.length > 0, audit.length > 0]).to.deep.equal([true, true, true]);
    const marked = [
      ...[company.org_name, company.slug, company.domain, group, role.name, stage.orgId, stage.apiKey],
      ...people.flatMap(({ email, last_name, password }) => [email, last_name, password]),
      ...stage.scimIds.values(),
      ...applications.flatMap(({ client_id, client_name }) => [client_id, client_name]),
      ...connections.flatMap(({ provider_id, name }) => [provider_id, name]),
      ...[tokens.access_token, tokens.refresh_token, tokens.id_token, fresh.access_token, fresh.refresh_token],
      ...[claims.sub, '127.0.0.1', '::1'],
    ];
    const text = (await scrape(port)).toLowerCase();
    for (const mark of marked) {
      expect(mark).to.be.a('string').and.not.equal('');
      expect(text).not.to.include(String(mark).toLowerCase());
    }
    const words = new Set(text.split(/[^a-z]+/));
    for (const { username } of people) expect(words).not.to.include(username);
    // And nothing of the kind, whoever's it is.
    expect(text).not.to.match(/@|ltl_|eyj|[0-9a-f]{8}-[0-9a-f]{4}-|\d+\.\d+\.\d+\.\d+/);
    const samples = samplesOf(text);
    const own = samples.filter(({ name }) => name.startsWith('lintel_'));
    expect([...new Set(own.flatMap(({ labels }) => Object.keys(labels)))].sort()).to.deep.equal([
      ...['door', 'job', 'le', 'method', 'route', 'state', 'status'],
    ]);
    const others = samples.filter(({ name }) => !name.startsWith('lintel_'));
    expect([...new Set(others.flatMap(({ labels }) => Object.keys(labels)))].sort()).to.deep.equal([
      ...['kind', 'le', 'major', 'minor', 'patch', 'space', 'type', 'version'],
    ]);
  });

  it('counts what was done: requests by route, admission, connections, hashes, SAML messages, jobs, the event loop', async () => {
    const before = samplesOf(await scrape(port));
    const token = { route: 'oidc.token', method: 'POST', status: '4xx' };
    await fetch(`${stage.lintelUrl}/oauth/token`, { method: 'POST' });
    await fetch(`${stage.lintelUrl}/api/v1/organizations`, { headers: { authorization: `Bearer ${stage.apiKey}` } });
    const samples = samplesOf(await scrape(port));
    const grown = (name: string, labels: Record<string, string> = {}) =>
      numberOf(samples, name, labels) - numberOf(before, name, labels);
    expect(grown('lintel_http_requests_total', token)).to.equal(1);
    expect(grown('lintel_http_requests_total', { route: 'listOrganizations', method: 'GET', status: '2xx' })).to.equal(
      1,
    );
    expect(grown('lintel_http_request_duration_seconds_count', { route: 'oidc.token' })).to.equal(1);
    expect(grown('lintel_http_request_duration_seconds_bucket', { route: 'oidc.token', le: '+Inf' })).to.equal(1);
    expect(grown('lintel_http_requests_total')).to.equal(2);
    for (const door of ['oauth', 'scim', 'api', 'saml', 'signin', 'other'])
      for (const name of ['running', 'waiting', 'refused_total'])
        expect(numberOf(samples, `lintel_http_requests_${name}`, { door }), `${door} ${name}`).to.equal(0);
    const connections = ['used', 'free'].map((state) => numberOf(samples, 'lintel_database_connections', { state }));
    expect(connections[0] as number, 'nothing is running').to.equal(0);
    expect(connections[1] as number).to.be.greaterThan(0);
    const there = new Set(samples.map(({ name }) => name));
    for (const name of [
      'lintel_database_waiting',
      ...['running', 'waiting', 'total', 'refused_total'].map((what) => `lintel_password_hashes_${what}`),
      ...['running', 'waiting', 'refused_total'].map((what) => `lintel_saml_messages_${what}`),
      ...['nodejs_eventloop_lag_p99_seconds', 'process_resident_memory_bytes', 'process_cpu_seconds_total'],
    ]) {
      expect(there, name).to.include(name);
    }
    for (const name of ['lintel_job_runs_total', 'lintel_job_failures_total'])
      expect(samples.filter((one) => one.name === name).map(({ labels }) => labels.job)).to.include('mails');
  });

  it('SD-10: a thousand hostile paths and methods add a bounded number of lines, and none of their text', async () => {
    const letters = (index: number) =>
      `zz${index.toString(26).replace(/\d/g, (digit) => 'qrstuvwxyz'[Number(digit)] ?? '')}zz`;
    const paths = (index: number) => [
      `/${letters(index)}`,
      `/signin/aaaaaaaaaaaaaaaaaaaaaaaaa/${letters(index)}`,
      `/scim/v2/${letters(index)}/${letters(index)}`,
      `/saml/${letters(index)}/acs`,
      `/oauth/${letters(index)}`,
      `/oauth/authorize/${letters(index).padEnd(43, 'x')}`,
      `/api/v1/organizations/${letters(index)}`,
      `/api/v1/${letters(index)}`,
      `/dev/mail/${letters(index)}`,
      `/health/${letters(index)}"}\\n`,
    ];
    // CONNECT has no path, and QUERY is no word of every Node.
    const hostile = METHODS.filter((method) => method !== 'CONNECT' && method !== 'QUERY');
    const flood = async (from: number) => {
      for (let index = from; index < from + 100; index += 1) {
        await Promise.all(
          paths(index).map((path, turn) => {
            const method = hostile[(index * 7 + turn) % hostile.length] ?? 'GET';
            return ask(lintelPort(), path, { method, headers: { host: new URL(stage.lintelUrl).host } });
          }),
        );
      }
      return await scrape(port);
    };
    const first = await flood(0);
    const second = await flood(1000);
    const own = (text: string) => samplesOf(text).filter(({ name }) => name.startsWith('lintel_http_request'));
    const total = (text: string) => numberOf(samplesOf(text), 'lintel_http_requests_total');
    expect(total(second) - total(first)).to.equal(1000);
    expect(second).not.to.match(/zz[a-z]+zz|aaaaaaaa/);
    const known = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'other']);
    for (const { labels } of own(second)) if (labels.method !== undefined) expect(known).to.include(labels.method);
    expect(own(second).map(({ labels }) => labels.route))
      .to.include('none')
      .and.include('signin.other');
    expect(own(first).length).to.be.lessThan(700);
    expect(own(second).length - own(first).length, 'another thousand').to.be.lessThan(20);
  });

  it('has an end, whatever routes are called', async () => {
    const metrics = createMetrics();
    for (let index = 0; index < 20_000; index += 1) metrics.observe(`route ${index}`, 'GET', 200, 1);
    const server = createHttpServer(metrics.listener);
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    try {
      const samples = samplesOf(await scrape((server.address() as AddressInfo).port));
      const counts = samples.filter(({ name }) => name === 'lintel_http_requests_total');
      expect(counts).to.have.length(401);
      expect(numberOf(counts, 'lintel_http_requests_total')).to.equal(20_000);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

describe('http/metrics: the port (SD-10)', function () {
  this.timeout(60_000);
  let running: Running | undefined;
  let taken: Server | undefined;
  afterEach(async () => {
    await running?.stop();
    running = undefined;
    await new Promise<void>((resolve) => (taken ? taken.close(() => resolve()) : resolve()));
    taken = undefined;
  });

  const begin = async (more: Record<string, string> = {}): Promise<Running> => {
    const main = await freePort();
    const settings = {
      PORT: String(main),
      LINTEL_DATABASE_URL: 'pglite::memory:',
      LINTEL_LOG_LEVEL: 'silent',
      ...more,
    };
    running = await start(loadConfig(settings));
    return running;
  };
  const take = async (): Promise<number> => {
    const server = createServer();
    taken = server;
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    return (server.address() as AddressInfo).port;
  };
  const sentence = (settings: Record<string, string>) =>
    begin(settings).then(
      () => 'it started',
      (error: Error) => error.message,
    );
  const bare = (port: number, request: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(port, 'localhost', () => socket.write(request));
      let answer = '';
      socket.on('data', (data) => {
        answer += data.toString('utf8');
        if (answer.includes('\r\n\r\n')) socket.destroy();
      });
      socket.once('close', () => resolve(answer)).once('error', reject);
    });
  const isOpen = (port: number) =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, 'localhost');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });

  it('SD-10: listens on loopback unless told otherwise, with the limits of the main server', async () => {
    const port = await freePort();
    const { metrics, server } = await begin({ LINTEL_METRICS_PORT: String(port) });
    const bound = metrics?.address() as AddressInfo | undefined;
    expect(bound?.address).to.match(/^(127\.0\.0\.1|::1)$/);
    for (const name of [
      'timeout',
      'headersTimeout',
      'requestTimeout',
      'keepAliveTimeout',
      'maxRequestsPerSocket',
    ] as const)
      expect(metrics?.[name], name).to.equal(server[name]);
    const long = await ask(port, '/metrics', {
      headers: { x: 'x'.repeat(17_000) },
    });
    expect(long.status).to.equal(431);
  });

  it('SD-10, MT-04: a page whose name leads here reads nothing (DNS rebinding): asked by address, as localhost or by its own name', async () => {
    const port = await freePort();
    await begin({ LINTEL_METRICS_PORT: String(port), LINTEL_METRICS_HOST: 'LocalHost' });
    const as = (host: string, path = '/metrics') => ask(port, path, { headers: { host } });
    for (const host of [
      'localhost',
      'LOCALHOST',
      `localhost:${port}`,
      '127.0.0.1',
      '10.1.2.3:9464',
      '[::1]',
      `[::1]:${port}`,
    ])
      expect((await as(host)).status, host).to.equal(200);
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      'localhost.evil.example',
      '127.0.0.1.nip.io',
      '127.0.0.1.',
      'localhost.',
      '0x7f000001',
      '2130706433',
      '127.1',
      '::1',
      '[evil.example]',
      'evil.example@localhost',
      'localhost:evil',
      ' ',
    ]) {
      for (const path of ['/metrics', '/']) {
        const { status, text } = await as(host, path);
        expect(status, `${host} ${path}`).to.equal(421);
        expect(text, host).not.to.match(/lintel_|evil/);
      }
    }
    expect(await bare(port, 'GET /metrics HTTP/1.0\r\n\r\n'), 'no Host').to.match(/^HTTP\/1\.1 421 /);
    expect(await bare(port, 'GET /metrics HTTP/1.1\r\n\r\n'), 'no Host').to.match(/^HTTP\/1\.1 400 /);
  });

  it('SD-10: a process that is scraped by a name says that name', async () => {
    const { listener } = createMetrics('lintel.internal');
    const server = createHttpServer(listener);
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const statusAs = async (host: string) => (await ask(port, '/metrics', { headers: { host } })).status;
      expect(await statusAs('lintel.internal:9464')).to.equal(200);
      expect(await statusAs('lintel.internal.evil.example')).to.equal(421);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('without the setting there is no such port, and nothing of it is loaded', async () => {
    expect((await begin()).metrics).to.equal(null);
    const sources = sourcesUnder('src');
    const users = sources.filter(({ text }) => /from 'prom-client'/.test(text)).map(({ path }) => path);
    expect(users).to.deep.equal(['src/http/metrics.ts']);
    const statics = sources.filter(({ text }) => /^import (?!type )[^;]*\/metrics\.ts';/m.test(text));
    expect(statics.map(({ path }) => path)).to.deep.equal([]);
  });

  it('refuses to start when the port is taken, says what to set, and leaves no port behind', async () => {
    const port = await take();
    const main = await freePort();
    expect(await sentence({ PORT: String(main), LINTEL_METRICS_PORT: String(port) })).to.equal(
      `Port ${port} on localhost is in use. Stop what uses it, or choose another one: LINTEL_METRICS_PORT.`,
    );
    expect(await isOpen(main)).to.equal(false);
    const free = await freePort();
    expect(await sentence({ PORT: String(port), LINTEL_METRICS_PORT: String(free) })).to.match(/ PORT, and LINTEL_URL/);
    expect(await isOpen(free)).to.equal(false);
    const elsewhere = { LINTEL_METRICS_PORT: String(free), LINTEL_METRICS_HOST: '192.0.2.1' };
    expect(await sentence(elsewhere)).to.equal(
      'LINTEL_METRICS_HOST is 192.0.2.1, which is no address of this machine. Take localhost, 0.0.0.0 for every interface, or an address of this machine.',
    );
  });

  it('RE-06: tells until nothing is in flight any more, and is gone then', async () => {
    const port = await freePort();
    const apiKey = `ltl_key_${randomBytes(32).toString('base64url')}`;
    const { stop, server } = await begin({
      LINTEL_METRICS_PORT: String(port),
      LINTEL_GRACE_SECONDS: '10',
      LINTEL_BOOTSTRAP_API_KEY: apiKey,
    });
    const main = (server.address() as AddressInfo).port;
    const body = JSON.stringify({ name: 'in flight', permissions: [] });
    const slow = connect(main, 'localhost');
    let answer = '';
    slow.on('data', (data) => {
      answer += data.toString('utf8');
    });
    const closed = new Promise((resolve) => slow.once('close', resolve));
    slow.write(
      `POST /api/v1/service-accounts HTTP/1.1\r\nHost: localhost:${main}\r\nAuthorization: Bearer ${apiKey}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 10)}`,
    );
    const flying = async () => numberOf(samplesOf(await scrape(port)), 'lintel_http_requests_running', { door: 'api' });
    while ((await flying()) !== 1) await pause(10);
    const stopped = stop();
    while (await isOpen(main)) await pause(10);
    expect(await flying()).to.equal(1);
    slow.write(body.slice(10));
    await closed;
    expect(answer).to.match(/^HTTP\/1\.1 201 /);
    await stopped;
    expect(await isOpen(port)).to.equal(false);
  });
});
