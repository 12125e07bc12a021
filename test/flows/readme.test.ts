/** The README's walk works as it is written: its block is taken from the page and run against a server. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { repository } from '../support/process.ts';
import { type World, world } from '../support/world.ts';

describe('flows: the README', function () {
  this.timeout(60_000);
  let w: World;
  before(async () => {
    w = await world();
  });
  after(() => w.close());

  it('walks from an organization to the audit log', async () => {
    const page = readFileSync(join(repository, 'README.md'), 'utf8');
    const [, walk] = /<!-- walk:[^>]*-->\n```sh\n([\s\S]*?)```/.exec(page) ?? [];
    if (!walk) throw new Error('the README has no walk');
    const program = `set -euo pipefail\nLINTEL=${w.url}\nKEY=${w.apiKey}\n${walk}`;
    const output = await new Promise<string>((resolve, reject) => {
      const environment = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` };
      execFile('bash', ['-c', program], { env: environment, timeout: 50_000 }, (error, stdout, stderr) =>
        error ? reject(new Error(`${error.message}\n${stdout}\n${stderr}`)) : resolve(stdout),
      );
    });
    expect(output).to.include('"allowed":true').and.include('"Approver"').and.include('"Finance"');
    expect(output).to.include('client_secret').and.include('application.created');
  });

  it('names commands that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    for (const name of ['README.md', 'CONTRIBUTING.md', '.ci/run']) {
      const text = readFileSync(join(repository, name), 'utf8');
      for (const [, script = ''] of text.matchAll(/npm run (?:--silent )?([\w:]+)/g))
        expect(scripts, name).to.have.property(script);
    }
  });
});
