/** One process per embedded folder: two would silently lose each other's rows (measured), so the second is refused. */
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';

/** When the process began, from the kernel, so that a recycled process id is not mistaken for the owner. Null elsewhere. */
function startedAt(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
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
  return now === null || start === '' || now === start;
}

/**
 * Takes the lock file beside an embedded database folder. A lock whose owner was killed is taken over.
 * @returns the release
 * @throws Error when another living process holds it
 */
export function lockFolder(folder: string): () => void {
  const file = `${folder}.lock`;
  const release = () => rmSync(file, { force: true });
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      const handle = openSync(file, 'wx', 0o600);
      writeSync(handle, `${process.pid} ${startedAt(process.pid) ?? ''}`);
      closeSync(handle);
      return release;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const [pid, start] = readFileSync(file, 'utf8').split(' ');
      if (Number(pid) > 0 && isAlive(Number(pid), start ?? '')) {
        throw new Error(
          `The database folder ${folder} is in use by process ${pid}. One folder serves one process; ` +
            'stop the other one, choose another folder, or use PostgreSQL (LINTEL_DATABASE_URL).',
        );
      }
      release();
    }
  }
  throw new Error(`The lock file ${file} could not be taken.`);
}
