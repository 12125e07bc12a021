/** Token requests, side by side with the same library and no database. */
import { bareResource, type BareProvider } from './bare-provider.ts';
import { cpuSeconds, databaseSeconds, load, startWorker, type Worker } from './children.ts';
import type { Job, SigninJob } from './job.ts';
import type { Population } from './population.ts';
import type { Product } from './product.ts';
import { median } from '../support/median.ts';
import { type Line, percent, whole } from './table.ts';

export interface Plan {
  readonly rounds: number;
  /** Of each side of a round. */
  readonly seconds: number;
  /** Of each side before the first round: V8 compiles what is used often, and more code takes it longer. */
  readonly warmUpSeconds: number;
  readonly connections: number;
}

const warmUpTurn = 3;

interface Side {
  readonly pid: number;
  readonly database: string;
  readonly job: Job;
  /** What is measured in place of the job that warmed it up, where that leaves the other side of the comparison worse than it was. */
  readonly afterWarmUp?: () => Promise<Job>;
}

const redirect_uri = 'https://app.example/cb';
const code_verifier = 'a-verifier-that-everybody-may-know-because-it-guards-nothing';
const code_challenge = Buffer.from(
  await crypto.subtle.digest('SHA-256', new TextEncoder().encode(code_verifier)),
).toString('base64url');

const form = 'application/x-www-form-urlencoded';

/** An application of the house: for the sign-in, for refresh, and for its own tokens. */
export interface Application {
  readonly authorization: string;
  readonly signin: Omit<SigninJob, 'timed' | 'seconds' | 'most' | 'connections'>;
}

export async function makeApplication(product: Product, population: Population): Promise<Application> {
  const client = await product.api<{ client_id: string; client_secret: string }>('POST', '/applications', {
    client_name: 'Benchmark',
    redirect_uris: [redirect_uri],
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    first_party: true,
  });
  const authorization = `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')}`;
  const query = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri,
    response_type: 'code',
    scope: 'openid email profile offline_access',
    prompt: 'consent',
    code_challenge,
    code_challenge_method: 'S256',
  });
  return {
    authorization,
    signin: {
      kind: 'signin',
      origin: product.url,
      authorize: `/oauth/authorize?${query}`,
      people: population.people,
      password: population.password,
      exchange: { path: '/oauth/token', headers: { authorization, 'content-type': form }, redirect_uri, code_verifier },
    },
  };
}

/** Both sides of each round one after the other, in turns who is first. @returns the line, with what each costs in processor time */
async function compare(
  generator: Worker,
  plan: Plan,
  what: string,
  ours: Side,
  floor: Side,
  target: number,
): Promise<Line> {
  const rates = { ours: [] as number[], floor: [] as number[], shares: [] as number[] };
  const cpu = { ours: [] as number[], floor: [] as number[], database: [] as number[] };
  // By turns: V8 takes apart again what a process that stands still was warmed up to.
  for (let left = plan.warmUpSeconds; left > 0; left -= warmUpTurn) {
    for (const { job } of [ours, floor]) await load(generator, { ...job, seconds: Math.min(left, warmUpTurn) });
  }
  const jobs = new Map<Side, Job>();
  for (const side of [ours, floor]) jobs.set(side, (await side.afterWarmUp?.()) ?? side.job);
  for (let round = 0; round < plan.rounds; round += 1) {
    const pair = { ours: 0, floor: 0 };
    for (const name of round % 2 === 0 ? (['ours', 'floor'] as const) : (['floor', 'ours'] as const)) {
      const side = name === 'ours' ? ours : floor;
      const before = [cpuSeconds(side.pid), databaseSeconds(side.database)] as const;
      const report = await load(generator, jobs.get(side) ?? side.job);
      cpu[name].push(((cpuSeconds(side.pid) - before[0]) / report.done) * 1000);
      if (name === 'ours') cpu.database.push(((databaseSeconds(side.database) - before[1]) / report.done) * 1000);
      pair[name] = report.done / report.seconds;
    }
    rates.ours.push(pair.ours);
    rates.floor.push(pair.floor);
    rates.shares.push(pair.ours / pair.floor);
  }
  const share = median(rates.shares);
  const cost = (values: readonly number[]) => median(values).toFixed(2);
  return {
    what,
    measured: `${whole(median(rates.ours))}/s, CPU ms ${cost(cpu.ours)} + database ${cost(cpu.database)}`,
    floor: `${whole(median(rates.floor))}/s, CPU ms ${cost(cpu.floor)} (oidc-provider in memory)`,
    result: percent(share),
    target: `≥ ${percent(target)}`,
    reached: share >= target,
  };
}

export async function measureTokens(
  generator: Worker,
  plan: Plan,
  product: Product,
  population: Population,
  say: (line: Line) => void,
): Promise<void> {
  const application = await makeApplication(product, population);
  const api = await product.api<{ resource_uri: string }>('POST', '/applications', {
    client_name: 'Benchmark API',
    grant_types: ['client_credentials'],
    resource_uri: bareResource,
    resource_scope: 'items.read',
    resource_token_format: 'jwt',
  });
  const { connections, seconds } = plan;
  const tokens = (
    await load(generator, { ...application.signin, timed: 'whole', connections: 2, seconds: 60, most: connections })
  ).tokens;
  const bare = startWorker('bare-provider.ts');
  const floor = await bare.ask<BareProvider>({ chains: connections });
  // Its memory holds a thousand records and forgets the oldest: rotation would push access tokens out.
  const second = startWorker('bare-provider.ts');
  const unrotated = await second.ask<BareProvider>({ chains: connections });
  const most = Number.MAX_SAFE_INTEGER;

  const credentials = (origin: string, path: string, authorization: string): Job => ({
    kind: 'repeat',
    origin,
    connections,
    seconds,
    most,
    status: 200,
    shots: [
      {
        method: 'POST',
        path,
        headers: { authorization, 'content-type': form },
        body: `grant_type=client_credentials&scope=items.read&resource=${encodeURIComponent(api.resource_uri)}`,
      },
    ],
  });
  say(
    await compare(
      generator,
      plan,
      'client_credentials, JWT (ES256)',
      { ...product, job: credentials(product.url, '/oauth/token', application.authorization) },
      { pid: bare.pid, database: 'none', job: credentials(floor.origin, '/token', floor.authorization) },
      0.8,
    ),
  );

  const refresh = (name: string, origin: string, path: string, authorization: string, chain: string[]): Job => ({
    kind: 'refresh',
    name,
    origin,
    path,
    connections,
    seconds,
    most,
    headers: { authorization, 'content-type': form },
    tokens: chain,
  });
  const chain = tokens.map(({ refresh_token }) => refresh_token);
  const refreshFloor = (name: string, own: string[]) => refresh(name, floor.origin, '/token', floor.authorization, own);
  say(
    await compare(
      generator,
      plan,
      'refresh with rotation',
      { ...product, job: refresh('ours', product.url, '/oauth/token', application.authorization, chain) },
      {
        pid: bare.pid,
        database: 'none',
        job: refreshFloor('floor', floor.refresh_tokens),
        // The list of what a chain gave grows, and the in-memory adapter copies it each time: what is measured is new again.
        afterWarmUp: async () =>
          refreshFloor('floor, new', (await bare.ask<BareProvider>({ chains: connections })).refresh_tokens),
      },
      0.5,
    ),
  );

  const userinfo = (origin: string, path: string, access: readonly string[]): Job => ({
    kind: 'repeat',
    origin,
    connections,
    seconds,
    most,
    status: 200,
    shots: access.map((token) => ({ method: 'GET', path, headers: { authorization: `Bearer ${token}` } })),
  });
  const access = tokens.map(({ access_token }) => access_token);
  say(
    await compare(
      generator,
      plan,
      'userinfo',
      { ...product, job: userinfo(product.url, '/oauth/userinfo', access) },
      { pid: second.pid, database: 'none', job: userinfo(unrotated.origin, '/me', unrotated.access_tokens) },
      0.6,
    ),
  );
  bare.end();
  second.end();
}
