/** A small PostgreSQL of a test's own, for tests that freeze, stop and kill it. Never as root, only on loopback. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './process.ts';
import { pause } from './waiting.ts';

function programs(): string | null {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  for (const version of versions) {
    if (existsSync(join(debian, version, 'bin/initdb'))) return join(debian, version, 'bin');
  }
  const found = spawnSync('sh', ['-c', 'command -v initdb'], { encoding: 'utf8' }).stdout.trim();
  return found === '' ? null : join(found, '..');
}

/** Why there can be no PostgreSQL of our own here, or null. */
function missingPostgres(): string | null {
  if (programs() === null) return 'PostgreSQL is not installed here (Debian: apt-get install postgresql)';
  if (process.getuid?.() === 0 && spawnSync('id', ['postgres']).status !== 0) {
    return 'PostgreSQL does not run as root, and there is no user postgres';
  }
  return null;
}

/** In a hook: says why a suite that needs it is skipped, and skips it. @param also another reason, which comes first */
export function skipWithoutPostgres(context: Mocha.Context, also: string | null = null): void {
  const missing = also ?? missingPostgres();
  if (missing === null) return;
  process.stdout.write(`  skipped: ${missing}\n`);
  context.skip();
}

export interface OwnPostgres {
  readonly address: string;
  start(): Promise<void>;
  /** Ends it: `SIGINT` at once but orderly, `SIGQUIT` or `SIGKILL` like a crash. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** `kill -9` of the newest of its processes, usually a connection's: PostgreSQL then restarts all of them and recovers. */
  crash(): Promise<void>;
  /** Stops every one of its processes in the middle of what they do, or lets them go on. */
  freeze(): void;
  thaw(): void;
  /** Stops for good and removes its files. */
  remove(): Promise<void>;
}

export interface OwnPostgresOptions {
  /** Whether what is committed survives a crash of the machine; off by default, because most tests only stop it. */
  readonly fsync?: boolean;
}

export async function ownPostgres({ fsync = false }: OwnPostgresOptions = {}): Promise<OwnPostgres> {
  const bin = programs() as string;
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'lintel-own-pg-'));
  const asRoot = process.getuid?.() === 0;
  const prefix = asRoot ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups'] : [];
  if (asRoot) execFileSync('chown', ['postgres', folder]);
  const run = (program: string, args: readonly string[]): [string, string[]] => {
    const [command = '', ...rest] = [...prefix, join(bin, program), ...args];
    return [command, rest];
  };
  execFileSync(
    ...run('initdb', ['-D', `${folder}/data`, '-U', 'lintel', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N']),
    {
      cwd: folder,
      stdio: 'ignore',
    },
  );
  let child: ChildProcess | undefined;

  const family = (): number[] => {
    const pid = child?.pid;
    if (pid === undefined) return [];
    return [pid, ...readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)];
  };
  const signalAll = (name: NodeJS.Signals) => {
    for (const pid of family()) {
      try {
        process.kill(pid, name);
      } catch {
        // It ended between the look and the signal.
      }
    }
  };

  const untilReady = async () => {
    for (let i = 0; i < 200; i += 1) {
      if (spawnSync(join(bin, 'pg_isready'), ['-q', '-h', '127.0.0.1', '-p', String(port)]).status === 0) return;
      await pause(50);
    }
    throw new Error('PostgreSQL did not start within ten seconds.');
  };

  const postgres: OwnPostgres = {
    address: `postgres://lintel@127.0.0.1:${port}/postgres`,
    async start() {
      const options = [
        '-c',
        'listen_addresses=127.0.0.1',
        '-c',
        `fsync=${fsync ? 'on' : 'off'}`,
        '-c',
        'log_min_messages=fatal',
      ];
      child = spawn(...run('postgres', ['-D', `${folder}/data`, '-p', String(port), '-k', folder, ...options]), {
        cwd: folder,
        stdio: 'ignore',
      });
      await untilReady();
    },
    async crash() {
      const newest = family().slice(1).at(-1);
      if (newest === undefined) throw new Error('PostgreSQL does not run.');
      process.kill(newest, 'SIGKILL');
      await untilReady();
    },
    async stop(signal = 'SIGINT') {
      const stopping = child;
      if (!stopping || stopping.exitCode !== null || stopping.signalCode !== null) return;
      const ended = new Promise((resolve) => stopping.once('exit', resolve));
      stopping.kill(signal);
      await ended;
      child = undefined;
    },
    freeze: () => signalAll('SIGSTOP'),
    thaw: () => signalAll('SIGCONT'),
    async remove() {
      signalAll('SIGCONT');
      await postgres.stop('SIGQUIT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return postgres;
}
