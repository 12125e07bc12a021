/** Lintel as people start it, with its log in a file as a service manager would have it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { freePort, repository } from '../support/process.ts';
import { cpuSeconds, remember } from './children.ts';
import { pause } from '../support/waiting.ts';

export interface Product {
  readonly url: string;
  readonly apiKey: string;
  /** The server itself, below npm. */
  readonly pid: number;
  /** Name of its database on PostgreSQL. */
  readonly database: string;
  /** Milliseconds from the command to the first answer of the discovery document. */
  readonly startedInMs: number;
  /** Seconds of processor time that the server had used by then: what a busy machine does not change. */
  readonly startCpu: number;
  api<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** The last of what it logged as an error. */
  errors(): string[];
  stop(): Promise<void>;
}

export interface ProductOptions {
  readonly database_url: string;
  readonly key: string;
  readonly apiKey: string;
  readonly folder: string;
}

export const newKey = (): string => randomBytes(32).toString('base64');

/** `npm start`, until it answers. @throws Error with its log when it ends first, or does not answer within a minute */
export async function startProduct({ database_url, key, apiKey, folder }: ProductOptions): Promise<Product> {
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const logFile = join(folder, `lintel-${port}.log`);
  const log = openSync(logFile, 'w');
  const began = performance.now();
  const child = spawn('npm', ['start'], {
    cwd: repository,
    detached: true,
    stdio: ['ignore', log, log],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      // For a profile of the server: `LINTEL_BENCH_NODE_OPTIONS='--cpu-prof --cpu-prof-dir=…' npm run bench`.
      NODE_OPTIONS: process.env.LINTEL_BENCH_NODE_OPTIONS ?? '',
      PORT: String(port),
      LINTEL_URL: url,
      LINTEL_DATABASE_URL: database_url,
      LINTEL_KEY: key,
      LINTEL_BOOTSTRAP_API_KEY: apiKey,
      // One SCIM client is all the load here; the limit for each would measure itself.
      LINTEL_SCIM_REQUESTS_PER_SECOND: '100000',
      LINTEL_TRUSTED_PROXIES: '',
      // Nobody balances here.
      LINTEL_UNREADY_SECONDS: '0',
    },
  });
  closeSync(log);
  remember(child);
  while (!(await answers(url))) {
    if (child.exitCode !== null || performance.now() - began > 60_000) {
      end(child, 'SIGKILL');
      throw new Error(`Lintel does not start:\n${readFileSync(logFile, 'utf8').slice(-3000)}`);
    }
    await pause(5);
  }
  const startedInMs = performance.now() - began;
  const pid = lastChild(child.pid ?? 0);
  return {
    url,
    apiKey,
    database: database_url.startsWith('postgres') ? new URL(database_url).pathname.slice(1) : 'none',
    pid,
    startedInMs,
    startCpu: cpuSeconds(pid),
    api: (method, path, body) => api(url, apiKey, method, path, body),
    errors: () =>
      readFileSync(logFile, 'utf8')
        .split('\n')
        .filter((line) => line.includes('"level":"error"'))
        .slice(-3),
    stop: () => stop(child, pid),
  };
}

/** Whether the discovery document is there; nothing that costs more than a connection when it is not. */
function answers(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request(`${url}/.well-known/openid-configuration`, { agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked.on('error', () => resolve(false));
    asked.end();
  });
}

async function api<T>(url: string, apiKey: string, method: string, path: string, body?: unknown): Promise<T> {
  const answer = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return (text === '' ? {} : JSON.parse(text)) as T;
}

/** npm starts a shell, and that starts the server. */
function lastChild(pid: number): number {
  try {
    const [first] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
    return first === undefined ? pid : lastChild(Number(first));
  } catch {
    return pid;
  }
}

function end(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, signal);
}

/** npm may be gone before the server is: its folder is free when the server has ended. */
async function stop(child: ChildProcess, server: number): Promise<void> {
  const ended = new Promise((resolve) => child.once('close', resolve));
  end(child, 'SIGTERM');
  const patience = setTimeout(() => end(child, 'SIGKILL'), 10_000);
  await ended;
  while (existsSync(`/proc/${server}`)) await pause(20);
  clearTimeout(patience);
}
