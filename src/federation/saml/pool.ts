import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { RefusalCode } from './codes.ts';
import type { Job, JobResult } from './jobs.ts';
import type { LogoutExpectations, LogoutInput, LogoutResult } from './logout.ts';
import type { IdpMetadataResult, MetadataOptions } from './metadata.ts';
import type { ResponseOptions, ResponseResult } from './response.ts';
import type { WorkerAnswer } from './worker.ts';

// XML from outside is read in worker threads, so that no message holds the event loop (SA-15). Workers start with the first
// message. Each message has a deadline, counted from when a ready worker has it; a worker that overruns is terminated and a
// new one takes its place. The queue is bounded: beyond it the answer is `busy` at once.

export type PoolOptions = {
  /** Threads; by default one core is left to everything else, and four threads are enough. */
  size?: number;
  /** Milliseconds a message may take, default 2,000. */
  deadline?: number;
  /** Milliseconds a worker may take to start, default 15,000. */
  startDeadline?: number;
  /** Messages that may wait, default 64. */
  queueLimit?: number;
  /** Megabytes of JavaScript heap a worker may use, default 128. */
  heapLimit?: number;
  /** Told about errors that are nobody's message: a worker that died, an exception in it. */
  onError?: (error: Error) => void;
};

export type SamlPool = {
  verifyResponse(field: string, options: ResponseOptions): Promise<ResponseResult>;
  verifyLogout(input: LogoutInput, expected: LogoutExpectations): Promise<LogoutResult>;
  readIdpMetadata(text: string, options: MetadataOptions): Promise<IdpMetadataResult>;
  /** Messages that workers read, that wait for one, and that were refused since the start because too many waited. */
  readonly load: { readonly running: number; readonly waiting: number; readonly refused: number };
  /** Ends the workers; what is waiting or running is answered `busy`. */
  close(): Promise<void>;
};

type Task = { job: Job; settle: (result: unknown) => void };
type Slot = { worker: Worker; ready: boolean; task: Task | undefined; timer: NodeJS.Timeout | undefined };

/** The refusal of a message that was never read to its end. */
function refused(code: RefusalCode): {
  ok: false;
  code: RefusalCode;
  checks: { check: string; ok: false; code: RefusalCode }[];
} {
  return { ok: false, code, checks: [{ check: 'message', ok: false, code }] };
}

export function createSamlPool(options: PoolOptions = {}): SamlPool {
  const {
    size = Math.max(1, Math.min(4, availableParallelism() - 1)),
    deadline = 2_000,
    startDeadline = 15_000,
    queueLimit = 64,
    heapLimit = 128,
  } = options;
  const onError = options.onError ?? (() => {});
  const slots = new Set<Slot>();
  const queue: Task[] = [];
  let closed = false;
  let sent = 0;
  let turnedAway = 0;

  function start(): void {
    // The same file as this one's sibling, as TypeScript when run unbuilt and as JavaScript after a build.
    const url = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);
    const worker = new Worker(url, { resourceLimits: { maxOldGenerationSizeMb: heapLimit }, stdin: false });
    const slot: Slot = { worker, ready: false, task: undefined, timer: undefined };
    slot.timer = setTimeout(() => replace(slot, 'internal', new Error('a SAML worker did not start')), startDeadline);
    slots.add(slot);
    worker.unref();
    worker.on('message', (answer: WorkerAnswer) => receive(slot, answer));
    worker.on('error', (error: Error) => replace(slot, 'internal', error));
    worker.on('exit', () => replace(slot, 'internal', new Error('a SAML worker exited')));
  }

  function receive(slot: Slot, answer: WorkerAnswer): void {
    clearTimeout(slot.timer);
    const { task } = slot;
    slot.ready = true;
    slot.task = undefined;
    if ('error' in answer) onError(new Error(answer.error));
    if (task && !('ready' in answer)) task.settle('result' in answer ? answer.result : refused('internal'));
    next();
  }

  /** Ends a worker for good; its message is answered, and another worker takes what waits. */
  function replace(slot: Slot, code: RefusalCode, error?: Error): void {
    if (!slots.delete(slot)) return;
    clearTimeout(slot.timer);
    slot.worker.removeAllListeners();
    slot.worker.on('error', () => {});
    void slot.worker.terminate();
    if (error) onError(error);
    slot.task?.settle(refused(code));
    // A worker that cannot even start answers one waiting message, so that a broken installation is not a silent hang.
    if (!slot.ready) queue.shift()?.settle(refused(code));
    if (!closed && queue.length > 0) next();
  }

  function next(): void {
    for (const slot of slots) {
      if (queue.length === 0) break;
      if (!slot.ready || slot.task) continue;
      const task = queue.shift() as Task;
      slot.task = task;
      slot.timer = setTimeout(() => replace(slot, 'timeout'), deadline);
      sent += 1;
      slot.worker.postMessage({ id: sent, job: task.job });
    }
    const starting = [...slots].filter((slot) => !slot.ready).length;
    if (queue.length > starting && slots.size < size) start();
    for (const slot of slots) {
      // An idle pool must not keep the process alive, a busy one must.
      if (slot.task || queue.length > 0) slot.worker.ref();
      else slot.worker.unref();
    }
  }

  function run<K extends Job['kind']>(job: Extract<Job, { kind: K }>): Promise<JobResult[K]> {
    return new Promise((resolve) => {
      const settle = (result: unknown): void => resolve(result as JobResult[K]);
      if (closed || queue.length >= queueLimit) {
        turnedAway += 1;
        settle(refused('busy'));
        return;
      }
      queue.push({ job, settle });
      next();
    });
  }

  return {
    verifyResponse: (field, expected) => run<'response'>({ kind: 'response', field, options: expected }),
    verifyLogout: (input, expected) => run<'logout'>({ kind: 'logout', input, expected }),
    readIdpMetadata: (text, metadataOptions) => run<'metadata'>({ kind: 'metadata', text, options: metadataOptions }),
    get load() {
      const running = [...slots].filter(({ task }) => task !== undefined).length;
      return { running, waiting: queue.length, refused: turnedAway };
    },
    async close() {
      closed = true;
      for (const task of queue.splice(0)) task.settle(refused('busy'));
      const ended = [...slots].map((slot) => slot.worker);
      for (const slot of [...slots]) replace(slot, 'busy');
      await Promise.all(ended.map((worker) => worker.terminate()));
    },
  };
}
