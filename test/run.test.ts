import { expect } from 'chai';
import { wordsFor } from './run.ts';

describe('npm test', () => {
  it('runs the files that are named, and otherwise all of them', () => {
    const all = 'test/**/*.test.ts';
    expect(wordsFor([])).to.deep.equal([all]);
    expect(wordsFor(['test/core/id.test.ts'])).to.deep.equal(['test/core/id.test.ts']);
    expect(wordsFor(['test/races/*.pg.test.ts', '--grep', 'x'])).to.deep.equal([
      'test/races/*.pg.test.ts',
      '--grep',
      'x',
    ]);
    expect(wordsFor(['--grep', 'SC-05'])).to.deep.equal([all, '--grep', 'SC-05']);
    expect(wordsFor(['--ignore', 'test/races/**'])).to.deep.equal([all, '--ignore', 'test/races/**']);
  });
});
