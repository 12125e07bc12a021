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

export interface JobCount {
  readonly runs: number;
  /** Of the runs, those that failed. */
  readonly failures: number;
}

export interface Timetable {
  /** What was run since the start, by the name of the job. */
  readonly counts: ReadonlyMap<string, JobCount>;
  /** Waits for the runs in flight. */
  stop(): Promise<void>;
}

/**
 * Runs jobs until stopped. A job never overlaps itself in one process; a failing one is logged and tried at its next time.
 */
export function startJobs(app: App, jobs: readonly Job[]): Timetable {
  let stopped = false;
  const timers = new Map<string, NodeJS.Timeout>();
  const running = new Set<Promise<void>>();
  const counts = new Map<string, JobCount>(jobs.map(({ name }) => [name, { runs: 0, failures: 0 }]));

  const plan = (job: Job, seconds = job.everySeconds) => {
    if (stopped) return;
    // A tenth of jitter, so that processes which started together do not stay in step.
    const wait = seconds * (950 + randomInt(100));
    timers.set(job.name, setTimeout(() => begin(job), wait).unref());
  };
  const begin = (job: Job) => {
    const run = runOnce(app, job).then((isDone) => {
      const { runs, failures } = counts.get(job.name) as JobCount;
      counts.set(job.name, { runs: runs + 1, failures: failures + (isDone ? 0 : 1) });
      running.delete(run);
      plan(job);
    });
    running.add(run);
  };

  // Soon after the start, so that a process which is replaced every day still does its daily work.
  for (const job of jobs) plan(job, Math.min(job.everySeconds, 60));
  return {
    counts,
    stop: async () => {
      stopped = true;
      for (const timer of timers.values()) clearTimeout(timer);
      await Promise.all(running);
    },
  };
}

/** @returns whether it did what it should */
async function runOnce(app: App, job: Job): Promise<boolean> {
  try {
    await job.run(app);
    return true;
  } catch (error) {
    app.log.error({ err: error, job: job.name }, 'a job failed; it runs again at its next time');
    return false;
  }
}
