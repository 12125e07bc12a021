/** `npm run snapshots`: writes every generated file anew; look at the diff before you commit it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { printed } from './print.ts';

for (const [path, text] of Object.entries(printed())) {
  writeFileSync(join(import.meta.dirname, '../..', path), text);
  process.stdout.write(`${path}\n`);
}
