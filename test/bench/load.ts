/**
 * The load generator: a process of its own, so that what it costs is not in what it measures. Loopback only. Over 300 lines because
 * a process of its own takes every kind of job, and they share its connections and its clock.
 */
import { performance } from 'node:perf_hooks';
import { Client } from 'undici';
import type { CreateJob, Job, RefreshJob, Report, RepeatJob, Shot, SigninJob } from './job.ts';

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly location: string;
  readonly cookies: readonly string[];
}

/** Counts and times what is done until the time or the number is used up. */
class Clock {
  readonly #most: number;
  readonly #end: number;
  readonly #began = performance.now();
  readonly #times: number[] = [];
  readonly #wrong: Record<string, number> = {};
  #example: string | null = null;
  #given = 0;
  readonly tokens: { access_token: string; refresh_token: string }[] = [];

  constructor(seconds: number, most: number) {
    this.#most = most;
    this.#end = this.#began + seconds * 1000;
  }

  /** Whether one more may begin. */
  next(): boolean {
    if (performance.now() >= this.#end || this.#given >= this.#most) return false;
    this.#given += 1;
    return true;
  }

  done(began: number): void {
    this.#times.push(performance.now() - began);
  }

  wrong({ status, text, location }: Reply): void {
    this.#wrong[status] = (this.#wrong[status] ?? 0) + 1;
    this.#example ??= `${status} ${location} ${text.replaceAll(/<(style|head|script)[\s\S]*?<\/\1>|<[^>]*>|\s+/g, ' ').slice(0, 300)}`;
  }

  report(): Report {
    const sorted = this.#times.toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return {
      done: sorted.length,
      seconds: (performance.now() - this.#began) / 1000,
      median: at(0.5),
      p99: at(0.99),
      wrong: this.#wrong,
      example: this.#example,
      tokens: this.tokens,
    };
  }
}

const all = (header: string | string[] | undefined): string[] => (header === undefined ? [] : [header].flat());

async function send(client: Client, shot: Shot): Promise<Reply> {
  const answer = await client.request({
    method: shot.method,
    path: shot.path,
    headers: shot.headers ?? {},
    body: shot.body ?? null,
  });
  const text = await answer.body.text();
  const [location = ''] = all(answer.headers.location);
  return { status: answer.statusCode, text, location, cookies: all(answer.headers['set-cookie']) };
}

/** Connections are kept between jobs on the same server, as a client would. */
const clients = new Map<string, Client[]>();

function connect(origin: string, count: number): Client[] {
  const { hostname } = new URL(origin);
  if (hostname !== 'localhost' && hostname !== '127.0.0.1') throw new Error('Load goes to loopback only.');
  const open = clients.get(origin) ?? [];
  while (open.length < count) open.push(new Client(origin, { pipelining: 1 }));
  clients.set(origin, open);
  return open.slice(0, count);
}

async function repeat(job: RepeatJob, clock: Clock): Promise<void> {
  await each(job, async (client, index) => {
    let place = Math.floor((index * job.shots.length) / job.connections);
    while (clock.next()) {
      for (;;) {
        const shot = job.shots[place % job.shots.length] as Shot;
        place += 1;
        const began = performance.now();
        const reply = await send(client, shot);
        if (reply.status !== job.status) clock.wrong(reply);
        else if (shot.counts !== false) clock.done(began);
        if (shot.counts !== false) break;
      }
    }
  });
}

const each = async (job: Job, run: (client: Client, index: number) => Promise<void>): Promise<void> => {
  await Promise.all(connect(job.origin, job.connections).map(run));
};

/** Where each chain of refresh tokens stands. */
const chains = new Map<string, string[]>();

async function refresh(job: RefreshJob, clock: Clock): Promise<void> {
  const tokens = chains.get(job.name) ?? [...job.tokens];
  chains.set(job.name, tokens);
  await each(job, async (client, index) => {
    while (clock.next()) {
      const body = `grant_type=refresh_token&refresh_token=${encodeURIComponent(tokens[index] ?? '')}`;
      const began = performance.now();
      const reply = await send(client, { method: 'POST', path: job.path, headers: job.headers, body });
      if (reply.status !== 200) {
        clock.wrong(reply);
        return;
      }
      clock.done(began);
      tokens[index] = (JSON.parse(reply.text) as { refresh_token: string }).refresh_token;
    }
  });
}

let created = 0;

async function create(job: CreateJob, clock: Clock): Promise<void> {
  await each(job, async (client) => {
    while (clock.next()) {
      const name = `${job.prefix}${(created += 1)}`;
      const body = JSON.stringify({
        schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
        externalId: `ext-${name}`,
        userName: `${name}@created.example`,
        name: { givenName: 'Ada', familyName: `Beam ${name}`, formatted: `Ada Beam ${name}` },
        displayName: `Ada Beam ${name}`,
        emails: [{ value: `${name}@created.example`, type: 'work', primary: true }],
        title: 'Engineer',
        active: true,
      });
      const began = performance.now();
      const reply = await send(client, { method: 'POST', path: '/scim/v2/Users', headers: job.headers, body });
      if (reply.status === 201) clock.done(began);
      else clock.wrong(reply);
    }
  });
}

/** A browser as far as signing in needs one: cookies, forms, redirects on one host. */
class Browser {
  readonly #client: Client;
  readonly #origin: string;
  readonly #cookies = new Map<string, string>();

  constructor(client: Client, origin: string) {
    this.#client = client;
    this.#origin = origin;
  }

  async go(method: 'GET' | 'POST', path: string, fields?: Record<string, string>): Promise<Reply> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const reply = await send(this.#client, {
      method,
      path,
      headers: {
        accept: 'text/html',
        ...(cookie === '' ? {} : { cookie }),
        ...(fields ? { 'content-type': 'application/x-www-form-urlencoded', origin: this.#origin } : {}),
      },
      ...(fields ? { body: new URLSearchParams(fields).toString() } : {}),
    });
    for (const line of reply.cookies) {
      const [pair = ''] = line.split(';');
      const at = pair.indexOf('=');
      if (pair.length === at + 1) this.#cookies.delete(pair.slice(0, at));
      else this.#cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return reply;
  }

  /** Follows redirects here until a page, or the application's address. */
  async follow(first: Reply): Promise<Reply> {
    let reply = first;
    for (let hop = 0; hop < 10 && reply.status === 303; hop += 1) {
      const next = new URL(reply.location, this.#origin);
      if (next.origin !== this.#origin) return reply;
      reply = await this.go('GET', next.pathname + next.search);
    }
    return reply;
  }

  async fill(page: Reply, more: Record<string, string>): Promise<Reply> {
    const { action, fields } = formOf(page);
    return this.go('POST', action, { ...fields, ...more });
  }
}

const unescape = (text: string): string =>
  text.replace(/&(amp|lt|gt|quot|#39);/g, (whole, name: string) =>
    name === 'amp'
      ? '&'
      : name === 'lt'
        ? '<'
        : name === 'gt'
          ? '>'
          : name === 'quot'
            ? '"'
            : name === '#39'
              ? "'"
              : whole,
  );

function formOf({ status, text }: Reply): { action: string; fields: Record<string, string> } {
  const [form] = /<form\b[\s\S]*?<\/form>/.exec(text) ?? [];
  if (!form) throw new Error(`There is no form: ${status} ${text.slice(0, 300)}`);
  const value = (tag: string, name: string) => unescape(new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1] ?? '');
  const inputs = [...form.matchAll(/<input\b[^>]*>/g)].map(([tag]) => [value(tag, 'name'), value(tag, 'value')]);
  return { action: value(form.slice(0, form.indexOf('>') + 1), 'action'), fields: Object.fromEntries(inputs) };
}

async function toPassword(browser: Browser, job: SigninJob, person: string): Promise<Reply> {
  const identify = await browser.follow(await browser.go('GET', job.authorize));
  return browser.follow(await browser.fill(identify, { identifier: person }));
}

let seen = 0;
const nextPerson = (job: SigninJob): string => job.people[(seen += 1) % job.people.length] as string;

async function signin(job: SigninJob): Promise<Clock> {
  if (job.timed === 'prepare') return prepare(job);
  if (job.timed === 'step') return signinSteps(job);
  const clock = new Clock(job.seconds, job.most);
  await each(job, async (client) => {
    while (clock.next()) {
      const began = performance.now();
      const browser = new Browser(client, job.origin);
      const page = await toPassword(browser, job, nextPerson(job));
      const back = await browser.follow(await browser.fill(page, { password: job.password }));
      if (back.status !== 303 || !back.location.includes('code=')) {
        clock.wrong(back);
        return;
      }
      if (job.exchange) await exchange(client, job.exchange, back, clock);
      clock.done(began);
    }
  });
  return clock;
}

async function exchange(
  client: Client,
  { path, headers, redirect_uri, code_verifier }: NonNullable<SigninJob['exchange']>,
  back: Reply,
  clock: Clock,
): Promise<void> {
  const code = new URL(back.location).searchParams.get('code') ?? '';
  const form = { grant_type: 'authorization_code', code, redirect_uri, code_verifier };
  const reply = await send(client, { method: 'POST', path, headers, body: new URLSearchParams(form).toString() });
  if (reply.status === 200) clock.tokens.push(JSON.parse(reply.text));
  else clock.wrong(reply);
}

/** Browsers at the page that asks for a password, by connection. */
let ready: { browser: Browser; page: Reply }[][] = [];

async function prepare(job: SigninJob): Promise<Clock> {
  const clock = new Clock(job.seconds, job.most);
  ready = [];
  await each(job, async (client, index) => {
    const own: { browser: Browser; page: Reply }[] = [];
    ready[index] = own;
    while (clock.next()) {
      const browser = new Browser(client, job.origin);
      own.push({ browser, page: await toPassword(browser, job, nextPerson(job)) });
    }
  });
  return clock;
}

async function signinSteps(job: SigninJob): Promise<Clock> {
  const clock = new Clock(job.seconds, job.most);
  const all = ready.flat();
  await each(job, async () => {
    for (let next = all.pop(); next !== undefined; next = all.pop()) {
      if (!clock.next()) return;
      const began = performance.now();
      const reply = await next.browser.fill(next.page, { password: job.password });
      if (reply.status === 303 && reply.location.includes('/oauth/authorize/')) clock.done(began);
      else clock.wrong(reply);
    }
  });
  return clock;
}

async function run(job: Job): Promise<Report> {
  if (job.kind === 'signin') return (await signin(job)).report();
  const clock = new Clock(job.seconds, job.most);
  if (job.kind === 'repeat') await repeat(job, clock);
  else if (job.kind === 'refresh') await refresh(job, clock);
  else await create(job, clock);
  return clock.report();
}

process.on('message', (job: Job) => {
  run(job).then(
    (report) => process.send?.({ report }),
    (error: unknown) =>
      process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
