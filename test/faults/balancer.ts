/**
 * A load balancer as small as one can be: it asks each process whether it is ready, sends requests to those that are, in turn, and
 * repeats nothing. What it could not deliver is 502, and counted.
 */
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from '../support/waiting.ts';

export interface Balancer {
  readonly url: string;
  readonly port: number;
  /** Requests that reached no process, or whose process went away before it answered. */
  readonly lost: string[];
  /** How many requests each process was sent, by port. */
  readonly sent: ReadonlyMap<number, number>;
  add(port: number): void;
  remove(port: number): void;
  /** Waits until a process is asked for requests. */
  untilReady(port: number): Promise<void>;
  close(): Promise<void>;
}

export interface BalancerOptions {
  /** Milliseconds between two looks at `/health/ready`; without it every process that was added is taken for ready. */
  readonly lookEveryMs?: number;
}

interface Backend {
  readonly port: number;
  readonly agent: Agent;
  ready: boolean;
  look: NodeJS.Timeout | undefined;
}

const isReady = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = request({ host: 'localhost', port, path: '/health/ready', agent: false, timeout: 2000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    probe.on('timeout', () => probe.destroy());
    probe.on('error', () => resolve(false));
    probe.end();
  });

/** Listens on a free port of loopback. The processes behind it are told its address as `LINTEL_URL`. */
export async function balancer({ lookEveryMs }: BalancerOptions = {}): Promise<Balancer> {
  const backends: Backend[] = [];
  const lost: string[] = [];
  const sent = new Map<number, number>();
  let turn = 0;

  const forward = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const ready = backends.filter((backend) => backend.ready);
    turn += 1;
    const backend = ready[turn % ready.length];
    const line = `${incoming.method} ${incoming.url?.split('?')[0]}`;
    const fail = (why: string) => {
      lost.push(`${line}: ${why}`);
      if (outgoing.headersSent) return void outgoing.destroy();
      outgoing.writeHead(502, { 'content-type': 'text/plain' }).end(why);
    };
    if (!backend) return fail('no process is ready');
    sent.set(backend.port, (sent.get(backend.port) ?? 0) + 1);
    const onward = request(
      {
        host: 'localhost',
        port: backend.port,
        agent: backend.agent,
        method: incoming.method,
        path: incoming.url,
        headers: { ...incoming.headers, connection: 'keep-alive' },
      },
      (answer) => {
        const { connection: _, 'keep-alive': __, ...headers } = answer.headers;
        outgoing.writeHead(answer.statusCode ?? 502, headers);
        answer.pipe(outgoing);
        answer.on('error', () => outgoing.destroy());
      },
    );
    onward.on('error', (error: NodeJS.ErrnoException) =>
      fail(`${backend.port} ${error.code ?? error.message}${onward.reusedSocket ? ' on a kept connection' : ''}`),
    );
    incoming.pipe(onward);
  };

  const server: Server = createServer({ keepAliveTimeout: 60_000 }, forward);
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const { port } = server.address() as AddressInfo;

  const watch = (backend: Backend) => {
    if (lookEveryMs === undefined) return;
    const look = async () => {
      backend.ready = await isReady(backend.port);
      if (backends.includes(backend)) backend.look = setTimeout(look, lookEveryMs);
    };
    void look();
  };

  return {
    url: `http://localhost:${port}`,
    port,
    lost,
    sent,
    add(added) {
      if (backends.some((backend) => backend.port === added)) return;
      const agent = new Agent({ keepAlive: true, maxSockets: 64, timeout: 30_000 });
      const backend: Backend = { port: added, agent, ready: lookEveryMs === undefined, look: undefined };
      backends.push(backend);
      watch(backend);
    },
    remove(removed) {
      const at = backends.findIndex((backend) => backend.port === removed);
      if (at < 0) return;
      const [backend] = backends.splice(at, 1);
      clearTimeout(backend?.look);
      backend?.agent.destroy();
    },
    async untilReady(wanted) {
      await until(() => backends.find((backend) => backend.port === wanted)?.ready === true);
    },
    async close() {
      for (const backend of backends.splice(0)) {
        clearTimeout(backend.look);
        backend.agent.destroy();
      }
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
