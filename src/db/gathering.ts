/**
 * Look-ups that share their way to the database. Under load the way is what they cost most: the server's writing and reading, the
 * database's waking up, its start and end of a statement.
 */
import type { Knex } from 'knex';
import { isUnavailable } from './errors.ts';
import { type Answered, together } from './round-trips.ts';
import { failedByName, isUnnamable, keepsNames, named, run, type Statement } from './statement.ts';

interface Waiting {
  readonly statement: Statement;
  readonly values: readonly unknown[];
  readonly resolve: (rows: never[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Beyond this many another connection works at the same time. */
const maxTogether = 8;
/** Milliseconds that a statement waits at most for those that are on their way. */
const maxWaitMs = 1;

/**
 * What one pool is about to be asked. Who comes while nothing is on its way sets out at the end of this turn of the event loop; who
 * comes later waits for the answer, and shares the next trip with all who came meanwhile. So trips get longer the more there is to
 * ask, and a statement that takes long (a lock, a commit) holds nobody up for more than a moment.
 */
class Gathering {
  readonly #db: Knex;
  #waiting: Waiting[] = [];
  #trips = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(db: Knex) {
    this.#db = db;
  }

  add(waiting: Waiting): void {
    const count = this.#waiting.push(waiting);
    if (this.#trips === 0) {
      if (count === 1) setImmediate(this.#leave);
    } else if (count === maxTogether) this.#leave();
    else if (count === 1) this.#timer = setTimeout(this.#leave, maxWaitMs);
  }

  readonly #leave = (): void => {
    clearTimeout(this.#timer);
    const all = this.#waiting;
    this.#waiting = [];
    for (let from = 0; from < all.length; from += maxTogether) void this.#travel(all.slice(from, from + maxTogether));
  };

  async #travel(all: readonly Waiting[]): Promise<void> {
    this.#trips += 1;
    await tell(this.#db, all);
    this.#trips -= 1;
    if (this.#trips === 0 && this.#waiting.length > 0) setImmediate(this.#leave);
  }
}

const gatherings = new WeakMap<object, Gathering>();

function gatheringOf(db: Knex): Gathering {
  const { config } = db.client;
  let own = gatherings.get(config);
  if (!own) gatherings.set(config, (own = new Gathering(db)));
  return own;
}

/**
 * Runs a named statement that stands alone (it reads, or is all that its transaction would write), and may share its way to the
 * database with what others ask. Each has its own rows, its own error and its own commit.
 */
export function read<Row>(db: Knex, statement: Statement, values: readonly unknown[]): Promise<Row[]> {
  if (db.isTransaction || !keepsNames(db)) return run(db, statement, values);
  return new Promise((resolve, reject) => gatheringOf(db).add({ statement, values, resolve, reject }));
}

/** What is sent for one who asks, or for several who ask the same of other things. */
interface Question {
  readonly all: readonly Waiting[];
  readonly asked: ReturnType<typeof named>;
}

function questionsOf(all: readonly Waiting[]): Question[] {
  const questions: Question[] = [];
  for (const [{ many }, same] of Map.groupBy(all, ({ statement }) => statement)) {
    if (many && same.length > 1 && same.every(({ values }) => !values.some(Array.isArray))) {
      const arrays = same[0]?.values.map((_, index) => same.map(({ values }) => values[index])) ?? [];
      questions.push({ all: same, asked: named(many, arrays) });
    } else for (const one of same) questions.push({ all: [one], asked: named(one.statement, one.values) });
  }
  return questions;
}

async function tell(db: Knex, all: readonly Waiting[]): Promise<void> {
  const questions = questionsOf(all);
  const outcomes = await askTogether(db, questions).catch((reason: unknown) =>
    questions.map(() => ({ status: 'rejected', reason }) as const),
  );
  const firsts = new Map<string, unknown>();
  for (const [index, question] of questions.entries()) {
    const outcome = outcomes[index] as PromiseSettledResult<Answered>;
    if (outcome.status === 'fulfilled') share(question, outcome.value.rows);
    else {
      const { name } = question.asked;
      if (!firsts.has(name)) firsts.set(name, outcome.reason);
      refuse(db, question, outcome.reason, firsts.get(name));
    }
  }
}

function share({ all }: Question, rows: readonly object[]): void {
  if (all.length === 1) all[0]?.resolve(rows as never[]);
  else {
    const own: Record<string, unknown>[][] = all.map(() => []);
    for (const { asked_as, ...row } of rows as { asked_as: number }[]) own[asked_as - 1]?.push(row);
    for (const [index, { resolve }] of all.entries()) resolve(own[index] as never[]);
  }
}

/**
 * Who fails alone has failed; who fails with others asks again alone, because it may be another's fault. Where names are what failed,
 * `run` does without them.
 * @param first why the first of the same name failed on this trip. Where it could not be prepared, those behind it meet a name that is
 *   not there: that says nothing against names, and if it waited in vain, so have they (RE-01).
 */
function refuse(db: Knex, { all }: Question, reason: unknown, first: unknown): void {
  const isBehind = isUnnamable(reason) && !isUnnamable(first);
  const why = isBehind ? first : reason;
  const mayAskAgain = failedByName(db, why) || ((isBehind || all.length > 1) && !isUnavailable(why));
  for (const { statement, values, resolve, reject } of all) {
    if (mayAskAgain) run<never>(db, statement, values).then(resolve, reject);
    else reject(why);
  }
}

async function askTogether(db: Knex, questions: readonly Question[]): Promise<PromiseSettledResult<Answered>[]> {
  const connection: object = await db.client.acquireConnection();
  try {
    return await together(
      connection,
      questions.map(({ asked }) => asked),
    );
  } finally {
    await db.client.releaseConnection(connection);
  }
}
