/** Lintel as its own process, started as people start it, for tests that stop, kill or starve it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

export const repository = join(import.meta.dirname, '../..');

export interface LintelProcess {
  readonly url: string;
  readonly port: number;
  readonly apiKey: string;
  readonly child: ChildProcess;
  /** Milliseconds from the spawn to the line that says it answers. */
  readonly startedInMs: number;
  output(): string;
  /** A REST request below `/api/v1` with the bootstrap key. */
  api(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  /** Sends a signal to the process and everything that it started. */
  signal(name: NodeJS.Signals): void;
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

export interface ProcessOptions {
  readonly environment: Record<string, string>;
  readonly port?: number;
  /** Where no port is named: which one to try; any free one when absent. */
  readonly choosePort?: () => Promise<number>;
  readonly apiKey?: string;
  /** `npm start` instead of `node src/main.ts`. */
  readonly npm?: boolean;
  /** A module of the repository that is loaded before the server; with it the process has a channel for messages (not with npm). */
  readonly preload?: string;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Starts Lintel and waits for its first line. Its address must be known before it listens, so a port that was free may be taken by
 * then, by another run of the tests: where no port was asked for it begins again at another one.
 * @throws Error with what it printed when it ends before that
 */
export async function startProcess(options: ProcessOptions): Promise<LintelProcess> {
  if (options.port !== undefined) return startAt(options.port, options);
  for (let attempt = 1; ; attempt += 1) {
    const port = await (options.choosePort ?? freePort)();
    try {
      return await startAt(port, options);
    } catch (error) {
      if (attempt === 3 || !(error instanceof Error && error.message.includes(`Port ${port} on`))) throw error;
    }
  }
}

async function startAt(port: number, options: ProcessOptions): Promise<LintelProcess> {
  const url = `http://localhost:${port}`;
  const apiKey = options.apiKey ?? `ltl_key_${randomBytes(32).toString('base64url')}`;
  const began = performance.now();
  const preload = options.preload === undefined ? [] : ['--import', join(repository, options.preload)];
  const [command, ...args] = options.npm ? ['npm', 'start'] : [process.execPath, ...preload, 'src/main.ts'];
  const child = spawn(command as string, args, {
    cwd: repository,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', ...(options.preload === undefined ? [] : (['ipc'] as const))],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: String(port),
      LINTEL_URL: url,
      LINTEL_BOOTSTRAP_API_KEY: apiKey,
      LINTEL_LOG_LEVEL: 'warn',
      ...options.environment,
    },
  });
  let output = '';
  // `close`, not `exit`: only when every process of the group has let go of the output are all of them gone.
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal));
  });
  await new Promise<void>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString('utf8');
      if (output.includes('Lintel answers at')) resolve();
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    void ended.then((code) => reject(new Error(`Lintel ended with ${code}:\n${output}`)));
  });
  return {
    url,
    port,
    apiKey,
    child,
    startedInMs: performance.now() - began,
    output: () => output,
    ended,
    api: (method, path, body, headers = {}) =>
      fetch(`${url}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    signal: (name) => {
      // The whole group: npm and the shell stand between us and the server.
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
        process.kill(-child.pid, name);
    },
  };
}
