/**
 * Runs `scim2 test` (scim2-tester through scim2-cli, from PyPI) against a Lintel of its own. Its exit code says too little, so
 * its ERROR lines are what counts: each must be one of `expected.ts`, and each of those must still be there.
 *
 * node conformance/scim/run.ts [path of scim2]
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { startProcess } from '../../test/support/process.ts';
import { expected } from './expected.ts';

const tool = process.argv[2] ?? 'scim2';
const lintel = await startProcess({
  environment: {
    LINTEL_DATABASE_URL: 'pglite::memory:',
    LINTEL_KEY: randomBytes(32).toString('base64'),
    LINTEL_SCIM_REQUESTS_PER_SECOND: '10000',
  },
});
try {
  process.exitCode = judge(await newToken());
} finally {
  lintel.signal('SIGTERM');
  await lintel.ended;
}

async function newToken(): Promise<string> {
  const make = async (path: string, body: object): Promise<Record<string, string>> => {
    const answer = await lintel.api('POST', path, body);
    if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Record<string, string>;
  };
  const { org_id } = await make('/organizations', { org_name: 'Conformance' });
  const client = `/organizations/${org_id}/scim-clients`;
  const { client_id } = await make(client, {});
  return (await make(`${client}/${client_id}/tokens`, {})).token ?? '';
}

/** @returns the exit code */
function judge(token: string): number {
  const run = spawnSync(tool, ['--url', `${lintel.url}/scim/v2`, 'test'], {
    encoding: 'utf8',
    timeout: 300_000,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, SCIM_CLI_HEADERS: `Authorization: Bearer ${token}` },
  });
  if (run.error) {
    process.stderr.write(`${tool} did not run: ${run.error.message}\nSee conformance/scim/README.md.\n`);
    return 2;
  }
  // An outcome is a line `ERROR <check>`; what it says is the line behind it.
  const lines = run.stdout.split('\n');
  const passed = lines.filter((line) => line.startsWith('SUCCESS ')).length;
  const errors = lines.flatMap((line, index) =>
    line.startsWith('ERROR ') ? [`${line.slice(6).trim()}: ${lines[index + 1]?.trim() ?? ''}`] : [],
  );
  const left = [...errors];
  const gone: string[] = [];
  for (const { error, times, because } of expected) {
    for (let n = 0; n < times; n += 1) {
      const at = left.indexOf(error);
      if (at >= 0) left.splice(at, 1);
      else gone.push(`${error} (${because})`);
    }
  }
  process.stdout.write(`${passed} checks passed, ${errors.length - left.length} refused as expected.\n`);
  for (const error of left) process.stdout.write(`NOT EXPECTED  ${error}\n`);
  for (const error of gone) process.stdout.write(`NO LONGER THERE  ${error}\n`);
  if (passed === 0) process.stdout.write(`Nothing was checked:\n${run.stdout}${run.stderr}\n`);
  return passed > 0 && left.length === 0 && gone.length === 0 ? 0 : 1;
}
