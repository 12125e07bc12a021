/** One process per embedded folder: two would silently lose each other's rows (measured), so the second is refused. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';

/**
 * When a process began, from the kernel, so that a recycled process id is not mistaken for the owner.
 * @returns `ended` for one that is dead but not yet buried (a zombie, common in containers); null where there is no /proc
 */
function startedAt(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? 'ended' : (fields[19] ?? null);
  } catch {
    return null;
  }
}

function isAlive(pid: number, start: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const now = startedAt(pid);
  if (now === 'ended') return false;
  return now === null || start === '' || now === start;
}

/** Waits without giving up the thread: the start of the process has nothing else to do. */
const pause = (milliseconds: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

/** What a lock file says; empty when it is gone, or was made this moment and is not written yet. */
function readLock(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/**
 * Takes the lock file beside an embedded database folder. A lock whose owner was killed is taken over.
 * @returns the release
 * @throws Error when another living process holds it
 */
export function lockFolder(folder: string): () => void {
  const file = `${folder}.lock`;
  const release = () => rmSync(file, { force: true });
  const mine = `${process.pid} ${startedAt(process.pid) ?? ''}`;
  for (let attempt = 0; attempt < 5; attempt += 1) {
    try {
      writeFileSync(file, mine, { flag: 'wx', mode: 0o600 });
      // Another process that saw the same dead owner may remove our new file for the old one: whose text stays has it.
      pause(attempt === 0 ? 20 : 100);
      if (readLock(file) === mine) return release;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (readLock(file) === '') pause(50);
    const [pid, start] = readLock(file).split(' ');
    if (Number(pid) > 0 && isAlive(Number(pid), start ?? '')) {
      throw new Error(
        `The database folder ${folder} is in use by process ${pid}. One folder serves one process; ` +
          'stop the other one, choose another folder, or use PostgreSQL (LINTEL_DATABASE_URL).',
      );
    }
    release();
  }
  throw new Error(`The lock file ${file} could not be taken.`);
}
