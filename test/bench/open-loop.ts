/**
 * A generator that does not wait: requests leave when they are due, whatever became of the earlier ones. A process of its own, on raw
 * sockets and with ready-made bytes, because it shares the machine with what it measures. Loopback only, bounded in number and time.
 */
import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { pause } from '../support/waiting.ts';

export interface OpenLoopJob {
  readonly port: number;
  /** Whole requests as they go over the wire; sent in turn. */
  readonly requests: readonly string[];
  /** Connections; a request that finds none free is not sent, as its client would not have been connected. */
  readonly connections: number;
  /** Requests that are due each second; null: as many as the connections carry. */
  readonly rate: number | null;
  /** Before anything counts: until the queues are as full as they will be. */
  readonly warmup: number;
  readonly seconds: number;
}

export interface OpenLoopReport {
  readonly seconds: number;
  readonly due: number;
  readonly sent: number;
  /** Answers by status. */
  readonly answers: Readonly<Record<string, number>>;
  /** Refusals that did not say when to come back. */
  readonly withoutRetryAfter: number;
  /** Milliseconds of the good answers. */
  readonly median: number;
  readonly p99: number;
}

const endOfHead = Buffer.from('\r\n\r\n');

class Line {
  readonly #socket: Socket;
  #got: Buffer = Buffer.alloc(0);
  #began = 0;
  isFree = false;

  constructor(port: number, done: (line: Line, status: string, head: string, took: number) => void) {
    this.#socket = connect(port, 'localhost', () => {
      this.isFree = true;
    });
    this.#socket.setNoDelay(true);
    this.#socket.on('error', () => {});
    this.#socket.on('data', (part: Buffer) => {
      this.#got = this.#got.length === 0 ? part : Buffer.concat([this.#got, part]);
      const at = this.#got.indexOf(endOfHead);
      if (at === -1) return;
      const head = this.#got.toString('latin1', 0, at);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (this.#got.length < at + 4 + length) return;
      this.#got = Buffer.alloc(0);
      this.isFree = true;
      done(this, head.slice(9, 12), head, performance.now() - this.#began);
    });
  }

  send(request: string): void {
    this.isFree = false;
    this.#began = performance.now();
    this.#socket.write(request);
  }

  end(): void {
    this.#socket.destroy();
  }
}

async function run(job: OpenLoopJob): Promise<OpenLoopReport> {
  const answers: Record<string, number> = {};
  const times: number[] = [];
  let withoutRetryAfter = 0;
  let sent = 0;
  let isOver = false;
  let counts = false;
  const next = (): string => job.requests[sent++ % job.requests.length] as string;
  const free: Line[] = [];
  const lines = Array.from(
    { length: job.connections },
    () =>
      new Line(job.port, (line, status, head, took) => {
        if (counts) {
          answers[status] = (answers[status] ?? 0) + 1;
          if (status.startsWith('2')) times.push(took);
          else if (!/^retry-after: \d+\r?$/im.test(head)) withoutRetryAfter += 1;
        }
        if (isOver) return;
        if (job.rate === null) line.send(next());
        else free.push(line);
      }),
  );
  while (lines.some(({ isFree }) => !isFree)) await pause(10);
  const began = performance.now();
  let due = 0;
  if (job.rate === null) for (const line of lines) line.send(next());
  else free.push(...lines);
  let from = began;
  let first = { due, sent };
  while (performance.now() - began < (job.warmup + job.seconds) * 1000) {
    await pause(5);
    if (!counts && performance.now() - began >= job.warmup * 1000) {
      counts = true;
      from = performance.now();
      first = { due, sent };
    }
    if (job.rate === null) continue;
    const until = Math.floor(((performance.now() - began) / 1000) * job.rate);
    for (; due < until; due += 1) {
      const line = free.pop();
      if (!line) {
        due = until;
        break;
      }
      line.send(next());
    }
  }
  const seconds = (performance.now() - from) / 1000;
  isOver = true;
  const counted = { ...answers };
  for (const line of lines) line.end();
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return {
    seconds,
    due: job.rate === null ? sent - first.sent : due - first.due,
    sent: sent - first.sent,
    answers: counted,
    withoutRetryAfter,
    median: at(0.5),
    p99: at(0.99),
  };
}

process.on('message', (job: OpenLoopJob) => {
  void run(job).then((report) => process.send?.(report));
});
process.on('disconnect', () => process.exit(0));
