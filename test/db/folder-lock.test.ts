import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { lockFolder } from '../../src/db/folder-lock.ts';
import { until } from '../support/waiting.ts';

const source = JSON.stringify(join(import.meta.dirname, '../../src/db/folder-lock.ts'));

describe('db/folder-lock', () => {
  let home: string;
  let folder: string;
  const children: ChildProcess[] = [];
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'lintel-lock-'));
    folder = join(home, 'db');
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    rmSync(home, { recursive: true, force: true });
  });

  /** Another process that takes the lock and keeps it; its first words say how that went. */
  async function other(): Promise<{ child: ChildProcess; says: string }> {
    const program = `const { lockFolder } = await import(${source});
      try { lockFolder(${JSON.stringify(folder)}); console.log('taken'); setInterval(() => {}, 1000); }
      catch (error) { console.log(error.message); }`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    const says = await new Promise<string>((resolve) =>
      child.stdout?.once('data', (data: Buffer) => resolve(data.toString().trim())),
    );
    return { child, says };
  }
  const kill = async (child: ChildProcess) => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  };

  it('lets one process in, and tells the second whose it is and what to do', async () => {
    const first = await other();
    expect(first.says).to.equal('taken');
    expect(() => lockFolder(folder)).to.throw(
      `The database folder ${folder} is in use by process ${first.child.pid}. One folder serves one process; ` +
        'stop the other one, choose another folder, or use PostgreSQL (LINTEL_DATABASE_URL).',
    );
  });

  it('is taken over from an owner that was killed', async () => {
    const { child } = await other();
    await kill(child);
    expect(existsSync(`${folder}.lock`)).to.equal(true);
    const release = lockFolder(folder);
    expect((await other()).says).to.match(/in use by process/);
    release();
    expect((await other()).says).to.equal('taken');
  });

  it('is refused to a second taker in the same process', () => {
    const release = lockFolder(folder);
    expect(() => lockFolder(folder)).to.throw(/in use by process/);
    release();
    lockFolder(folder)();
  });

  it('is taken over from an owner that is dead but not buried', async function () {
    // A shell that never waits for its child leaves a zombie when the child is killed.
    const sleeper = spawn('sh', ['-c', 'sleep 100 & echo $!; exec sleep 101'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(sleeper);
    const pid = await new Promise<number>((resolve) =>
      sleeper.stdout.once('data', (data: Buffer) => resolve(Number(data))),
    );
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    writeFileSync(`${folder}.lock`, `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`);
    expect(() => lockFolder(folder)).to.throw(`in use by process ${pid}`);
    process.kill(pid, 'SIGKILL');
    const state = () => (existsSync(`/proc/${pid}`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : 'buried');
    await until(() => /\) Z |buried/.test(state()), 5000);
    // Where the runner was started with SIGCHLD ignored, the kernel buries at once and there is nothing to show.
    if (state() === 'buried') this.skip();
    expect(state()).to.include(') Z ');
    lockFolder(folder)();
  });

  it('is taken over by exactly one of eight that come at once', async function () {
    this.timeout(30_000);
    const { child } = await other();
    await kill(child);
    const answers = (await Promise.all(Array.from({ length: 8 }, other))).map(({ says }) => says);
    expect(answers.filter((says) => says === 'taken')).to.have.length(1);
    expect(answers.filter((says) => /in use by process/.test(says))).to.have.length(7);
  });

  it('is not fooled by a process id that was given out again, nor by a broken file', () => {
    for (const text of [`${process.pid} 1`, '', 'nonsense', '0 0', '-1 x', '999999999 5']) {
      writeFileSync(`${folder}.lock`, text);
      lockFolder(folder)();
    }
  });
});
