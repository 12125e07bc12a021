/** `npm run test:pg`: the same tests on PostgreSQL, or a sentence that says how. */
import { runTests } from './run.ts';

const address = process.env.LINTEL_TEST_DATABASE_URL;
if (!address) {
  process.stderr.write(
    'LINTEL_TEST_DATABASE_URL is not set. Give the address of a PostgreSQL whose user may create databases, for instance\n' +
      '  LINTEL_TEST_DATABASE_URL=postgres://postgres@127.0.0.1:5432/postgres npm run test:pg\n' +
      'Each run makes a scratch database of its own and drops it; nothing else on that server is touched.\n',
  );
  process.exit(2);
}
runTests(process.argv.slice(2));
