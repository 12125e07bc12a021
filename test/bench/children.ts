/** Processes of a benchmark run: started here, ended here, each by its own id. */
import { type ChildProcess, fork } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Job, Report } from './job.ts';

const begun: ChildProcess[] = [];

export function remember(child: ChildProcess): void {
  begun.push(child);
}

/** Ends what this run started and what is still there. */
export function endAll(): void {
  for (const child of begun) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
}

export interface Worker {
  readonly pid: number;
  ask<Answer>(question: unknown): Promise<Answer>;
  end(): void;
}

/** A helper that answers one question at a time. */
export function startWorker(file: string): Worker {
  const child = fork(join(import.meta.dirname, file), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  remember(child);
  return {
    pid: child.pid ?? 0,
    ask: (question) =>
      new Promise((resolve, reject) => {
        const failed = () => reject(new Error(`${file} ended.`));
        child.once('exit', failed);
        child.once('message', (answer) => {
          child.off('exit', failed);
          resolve(answer as never);
        });
        child.send(question as object);
      }),
    end: () => child.kill('SIGKILL'),
  };
}

/** Runs a job. @throws Error when an answer was another than the one that was asked for: a wrong answer is no throughput */
export async function load(generator: Worker, job: Job): Promise<Report> {
  const { report, error } = await generator.ask<{ report?: Report; error?: string }>(job);
  if (!report) throw new Error(`The load generator failed: ${error}`);
  if (Object.keys(report.wrong).length > 0) {
    throw new Error(`${job.kind}: ${JSON.stringify(report.wrong)} instead of what was asked for: ${report.example}`);
  }
  return report;
}

const ticksPerSecond = 100;

/** Seconds of processor time that a process has used, where the system tells (Linux). */
export function cpuSeconds(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  } catch {
    return Number.NaN;
  }
}

/** Seconds of processor time of PostgreSQL's connections to a database, where they are on this machine; else 0. */
export function databaseSeconds(name: string): number {
  let seconds = 0;
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const title = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      if (title.startsWith('postgres:') && title.includes(name)) seconds += cpuSeconds(Number(pid));
    } catch {
      // It ended between the list and the look.
    }
  }
  return seconds;
}

/** Mebibytes that a process keeps in memory now, where the system tells. */
export function residentMiB(pid: number): number {
  try {
    const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(kib) / 1024;
  } catch {
    return Number.NaN;
  }
}
