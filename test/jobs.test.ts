import { expect } from 'chai';
import type { App } from '../src/core/app.ts';
import { createLog } from '../src/core/log.ts';
import { startJobs } from '../src/jobs.ts';
import { pause } from './support/waiting.ts';

describe('jobs', () => {
  it('are run again and again, a failing one too, and counted by name until the stop', async () => {
    const lines: string[] = [];
    const app = { log: createLog('info', { write: (line: string) => void lines.push(line) }) } as App;
    const done = { good: 0, bad: 0 };
    const timetable = startJobs(app, [
      { name: 'good', everySeconds: 0.01, run: async () => void (done.good += 1) },
      {
        name: 'bad',
        everySeconds: 0.01,
        run: async () => {
          done.bad += 1;
          throw new Error('not today');
        },
      },
    ]);
    expect(Object.fromEntries(timetable.counts)).to.deep.equal({
      good: { runs: 0, failures: 0 },
      bad: { runs: 0, failures: 0 },
    });
    while (done.good < 3 || done.bad < 3) await pause(5);
    await timetable.stop();
    const { good, bad } = done;
    expect(Object.fromEntries(timetable.counts)).to.deep.equal({
      good: { runs: good, failures: 0 },
      bad: { runs: bad, failures: bad },
    });
    expect(lines.join('')).to.include('not today').and.include('"job":"bad"');
    await pause(50);
    expect(done).to.deep.equal({ good, bad });
  });
});
