/**
 * Where races are run: two Lintel processes on one PostgreSQL database, behind one issuer, as behind a load balancer; and beside
 * them a world in this process on the same database, which prepares and looks. The files of this folder share one stage.
 */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { Agent, request } from 'undici';
import { inspect } from '../../src/doctor.ts';
import { verifyAccess } from '../access/invariant.ts';
import { oidcWorld } from '../oidc/rp.ts';
import { onPostgres, testDatabaseAddress } from '../support/database.ts';
import { type LintelProcess, startProcess } from '../support/process.ts';
import type { Answer, World } from '../support/world.ts';
import { until } from '../support/waiting.ts';

/** One of the processes, spoken to under the issuer's name. */
export interface Node extends Pick<World, 'request' | 'api'> {
  readonly process: LintelProcess;
}

export interface Stage {
  readonly w: World;
  readonly nodes: readonly [Node, Node];
  /** What the processes are started with, for the command beside them. */
  readonly environment: Readonly<Record<string, string>>;
  /** What the races of the test that runs gave; printed behind it where rounds are asked for. */
  readonly report: string[];
}

export interface StageOptions {
  /** An installation without any account or key, as a first start finds it. */
  readonly isNew?: boolean;
}

interface Opened extends Stage {
  readonly isNew: boolean;
  close(): Promise<void>;
}

let opened: Promise<Opened> | undefined;
let suites = 0;

/** A suite of races; skipped without PostgreSQL. `stageOf` is for its hooks and tests. */
export function races(title: string, define: (stageOf: () => Stage) => void, options: StageOptions = {}): void {
  suites += 1;
  describe(`races: ${title}`, function () {
    this.timeout(900_000);
    let stage: Stage;
    let read: () => string[];
    before(async function () {
      if (!onPostgres) {
        process.stdout.write('  skipped: needs PostgreSQL (LINTEL_TEST_DATABASE_URL)\n');
        return this.skip();
      }
      stage = await stageFor(options);
      read = errorsSince(stage);
    });
    afterEach(() => {
      if (!stage) return;
      for (const line of stage.report.splice(0))
        if (process.env.LINTEL_TEST_ROUNDS) process.stdout.write(`      ${line}\n`);
      expect(read(), 'errors that the processes logged').to.deep.equal([]);
    });
    after(async function () {
      suites -= 1;
      try {
        if (stage) await verify(stage);
      } finally {
        if (suites === 0) await (await opened?.catch(() => undefined))?.close();
      }
    });
    define(() => stage);
  });
}

/** What must hold whatever was done at the same moment: by the tests' own reckoning of access, and by `lintel doctor`. */
async function verify({ w }: Stage): Promise<void> {
  const now = w.app.clock();
  await verifyAccess(w.db, now);
  const findings = await inspect(w.db, { now, sealer: w.app.sealer });
  // The preparation puts people and sessions into their tables by hand: no event tells of them.
  const other = findings.filter(({ holds }) => !/^what was made in (users|sessions) is in the audit log/.test(holds));
  expect(other.map(({ room, says }) => `${room}: ${says}`)).to.deep.equal([]);
}

async function stageFor({ isNew = false }: StageOptions): Promise<Stage> {
  const before = await opened;
  if (before?.isNew === isNew) return before;
  await before?.close();
  opened = open(isNew);
  return opened;
}

const roomy = {
  LINTEL_SCIM_REQUESTS_PER_SECOND: '100000',
  LINTEL_DATABASE_POOL: '25',
  // No balancer stands in front.
  LINTEL_UNREADY_SECONDS: '0',
};

async function open(isNew: boolean): Promise<Opened> {
  const settings = isNew ? { ...roomy, LINTEL_BOOTSTRAP_API_KEY: '' } : roomy;
  const w = await oidcWorld({ environment: settings });
  const environment = {
    ...roomy,
    LINTEL_URL: w.url,
    LINTEL_KEY: w.config.key,
    LINTEL_DATABASE_URL: await testDatabaseAddress(),
    LINTEL_EGRESS_ALLOW: w.config.egress_allow.join(','),
    LINTEL_LOG_LEVEL: 'warn',
    LINTEL_BOOTSTRAP_API_KEY: w.config.bootstrap_api_key,
  };
  const processes = await Promise.all([startProcess({ environment }), startProcess({ environment })]);
  // Each prints a link of its own, in whose place the next one comes: not before both have.
  if (isNew) await until(() => processes.every(({ output }) => output().includes('/setup/')));
  // They are groups of their own: an interrupted run must not leave them behind.
  const kill = () => processes.forEach((one) => one.signal('SIGKILL'));
  process.once('exit', kill);
  const agent = new Agent({ connections: 64, pipelining: 1 });
  const [a, b] = processes.map((one) => nodeOf(one, w, agent)) as [Node, Node];
  return {
    w,
    nodes: [a, b],
    environment,
    report: [],
    isNew,
    close: async () => {
      opened = undefined;
      await agent.close();
      for (const one of processes) one.signal('SIGTERM');
      expect(await Promise.all(processes.map(({ ended }) => ended)), 'exit codes').to.deep.equal([0, 0]);
      process.off('exit', kill);
      await w.close();
    },
  };
}

/** Requests reach the process at its own port, under the name that the load balancer would pass on. */
function nodeOf(child: LintelProcess, w: World, dispatcher: Agent): Node {
  const { host } = new URL(w.url);
  const send = async (path: string, init: RequestInit = {}): Promise<Answer> => {
    const answer = await request(new URL(path, child.url), {
      method: init.method ?? 'GET',
      headers: { ...(init.headers as Record<string, string>), host },
      body: (init.body as string | undefined) ?? null,
      dispatcher,
    } as Parameters<typeof request>[1]);
    const headers = new Headers();
    for (const [name, value] of Object.entries(answer.headers)) {
      for (const one of [value ?? []].flat()) headers.append(name, one);
    }
    const text = await answer.body.text();
    return {
      status: answer.statusCode,
      headers,
      text,
      get body() {
        return JSON.parse(text) as Record<string, unknown>;
      },
    };
  };
  return {
    process: child,
    request: send,
    api: (method, path, body, bearer = w.apiKey, headers = {}) =>
      send(`/api/v1${path}`, {
        method,
        headers: {
          ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }) as Promise<Answer<never>>,
  };
}

/** What the processes logged as errors since the last look: a race that is answered well may still have met a defect. */
function errorsSince({ nodes }: Stage): () => string[] {
  const seen = nodes.map(({ process: { output } }) => output().length);
  return () =>
    nodes.flatMap(({ process: { output } }, index) => {
      const text = output().slice(seen[index]);
      seen[index] = output().length;
      return text.split('\n').filter((line) => /"level":"(error|fatal)"/.test(line) && !isBusy(line));
    });
}

/** What the client was told to send again (race.ts does). */
const isBusy = (line: string): boolean => /"fault_code":"(database_unavailable|busy)"/.test(line);

/** A name that nobody else has. */
export const unique = (): string => randomBytes(6).toString('hex');
