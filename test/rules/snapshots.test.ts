/** Generated files are checked in, and stale ones are found: `npm run snapshots` writes them anew. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { printed } from '../snapshots/print.ts';
import { root } from './sources.ts';

describe('rules: snapshots', () => {
  for (const [path, text] of Object.entries(printed())) {
    it(`${path} says what the code does (npm run snapshots)`, () => {
      const kept = existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : '';
      expect(kept.split('\n')).to.deep.equal(text.split('\n'));
    });
  }
});
