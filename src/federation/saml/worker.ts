import { parentPort } from 'node:worker_threads';
import { type Job, perform } from './jobs.ts';

// The other end of pool.ts: one message in, one answer out, one at a time.

export type WorkerRequest = { id: number; job: Job };
export type WorkerAnswer = { id: number; result: unknown } | { id: number; error: string } | { ready: true };

parentPort?.on('message', ({ id, job }: WorkerRequest) => {
  let answer: WorkerAnswer;
  try {
    answer = { id, result: perform(job) };
  } catch (error) {
    answer = { id, error: error instanceof Error ? `${error.name}: ${error.message}` : 'unknown' };
  }
  parentPort?.postMessage(answer);
});
parentPort?.postMessage({ ready: true } satisfies WorkerAnswer);
