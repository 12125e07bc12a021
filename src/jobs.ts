/**
 * The timetable: what runs by itself and how often. Each job is safe to run in several processes at once
 * (row locks with SKIP LOCKED, or an advisory lock of its own), so no leader is elected.
 */
import { randomInt } from 'node:crypto';
import type { App } from './core/app.ts';

export interface Job {
  /** `system:<name>` is the actor of what it does. */
  readonly name: string;
  readonly everySeconds: number;
  readonly run: (app: App) => Promise<unknown>;
}

/**
 * Runs jobs until stopped. A job never overlaps itself in one process; a failing one is logged and tried at its next time.
 * @returns the stop, which waits for the runs in flight
 */
export function startJobs(app: App, jobs: readonly Job[]): () => Promise<void> {
  let stopped = false;
  const timers = new Map<string, NodeJS.Timeout>();
  const running = new Set<Promise<void>>();

  const plan = (job: Job, seconds = job.everySeconds) => {
    if (stopped) return;
    // A tenth of jitter, so that processes which started together do not stay in step.
    const wait = seconds * (950 + randomInt(100));
    timers.set(job.name, setTimeout(() => begin(job), wait).unref());
  };
  const begin = (job: Job) => {
    const run = runOnce(app, job).finally(() => {
      running.delete(run);
      plan(job);
    });
    running.add(run);
  };

  // Soon after the start, so that a process which is replaced every day still does its daily work.
  for (const job of jobs) plan(job, Math.min(job.everySeconds, 60));
  return async () => {
    stopped = true;
    for (const timer of timers.values()) clearTimeout(timer);
    await Promise.all(running);
  };
}

async function runOnce(app: App, job: Job): Promise<void> {
  try {
    await job.run(app);
  } catch (error) {
    app.log.error({ err: error, job: job.name }, 'a job failed; it runs again at its next time');
  }
}
