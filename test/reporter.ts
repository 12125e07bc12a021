/**
 * Mocha's own list of tests; what failed and is tried again, which mocha keeps quiet about; and the failed ones again in a file of
 * their own where `LINTEL_TEST_FAILURES` names one.
 */
import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';
import Mocha from 'mocha';

/** Whoever runs many tests wants the names of the few that failed without reading everything else (`.ci/run`). */
export default class Reporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    runner.on(Mocha.Runner.constants.EVENT_TEST_RETRY, (test: Mocha.Test, error: Error) => {
      process.stdout.write(`      tried again: ${test.title}: ${String(error).split('\n')[0]}\n`);
    });
    const path = process.env.LINTEL_TEST_FAILURES;
    if (!path) return;
    runner.on(Mocha.Runner.constants.EVENT_TEST_FAIL, (test: Mocha.Test | Mocha.Hook, error: Error) => {
      const file = test.file ?? test.parent?.file ?? '';
      const why = (error?.stack ?? String(error)).split('\n').slice(0, 12).join('\n    ');
      appendFileSync(path, `${relative(process.cwd(), file)}\t${test.fullTitle()}\n    ${why}\n`);
    });
  }
}
