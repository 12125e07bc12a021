/**
 * A race: many requests at the same moment, dealt out to two processes, round after round, and exactly what has to come of
 * them. What the rounds need is made before the first of them, several at a time, so that a round is nothing but the race.
 */
import { expect } from 'chai';
import type { Answer } from '../support/world.ts';
import type { Node, Stage } from './stage.ts';
import { Random } from '../support/random.ts';
import { pause } from '../support/waiting.ts';

/** `LINTEL_TEST_ROUNDS`: a few show most defects; CI runs a hundred. */
export const rounds = Number(process.env.LINTEL_TEST_ROUNDS ?? 8);

/** `LINTEL_TEST_SEED`: another order in which the requests of a round are sent. */
const seed = Number(process.env.LINTEL_TEST_SEED ?? 1);

/** One request, to the process that it is dealt to. */
export type Act = (node: Node) => Promise<Answer>;

/** How many answers of each kind: `{ '200': 1, '400 invalid_grant': 11 }`. */
export type Tally = Readonly<Record<string, number>>;

export interface Result {
  readonly answer: Answer;
  readonly outcome: string;
}

export interface Race<T> {
  /** Fewer rounds than asked for, where one is dear. */
  readonly most?: number;
  /** What a round is about; `round` names it. */
  prepare(round: number): Promise<T>;
  /** What only one round at a time can be given, right before it. */
  ready?(prepared: T, round: number): Promise<void>;
  /** What is sent at the same moment; the answers come back in this order. */
  acts(prepared: T, round: number): readonly Act[];
  /** What an answer counts as: its status and its code, unless said otherwise. */
  outcome?(answer: Answer): string;
  /** Exactly these answers; of several tallies, one. A function looks at what else was prepared. */
  readonly gives?: Tally | readonly Tally[];
  /** Where their number is left to chance: no answers but these. */
  readonly only?: readonly string[];
  /** That it takes its locks in one order, and does not only repeat what met in a circle. */
  readonly withoutDeadlock?: boolean;
  /** What has to hold after a round. */
  after?(prepared: T, results: readonly Result[], round: number): Promise<void>;
}

/** Runs the rounds one after the other; a failure names its round. */
export async function race<T>(stage: Stage, what: Race<T>): Promise<void> {
  const count = Math.min(rounds, what.most ?? rounds);
  const before = await deadlocks(stage);
  const prepared = await severally(
    Array.from({ length: count }, (_, round) => round),
    8,
    (round) => what.prepare(round),
  );
  const began = performance.now();
  const all: Record<string, number> = {};
  for (const [round, thing] of prepared.entries()) {
    await what.ready?.(thing, round);
    const results = await atOnce(stage, what.acts(thing, round), round, what.outcome ?? outcomeOf);
    const tally = tallyOf(results.map(({ outcome }) => outcome));
    for (const [outcome, times] of Object.entries(tally)) all[outcome] = (all[outcome] ?? 0) + times;
    if (what.gives) expect(tally, `round ${round}: ${said(results)}`).to.be.deep.oneOf([what.gives].flat());
    if (what.only) expect(what.only, `round ${round}: ${said(results)}`).to.include.members(Object.keys(tally));
    await what.after?.(thing, results, round);
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const waits = (await deadlocks(stage)) - before;
  if (what.withoutDeadlock) expect(waits, 'deadlocks').to.equal(0);
  stage.report.push(`${count} rounds, ${seconds} s, ${waits} deadlocks: ${JSON.stringify(all)}`);
}

/** Deals the requests out to the processes in turn, in an order that is another one in every round, and sends all of them. */
async function atOnce(
  { nodes }: Stage,
  acts: readonly Act[],
  round: number,
  outcome: (answer: Answer) => string,
): Promise<Result[]> {
  // The same order for the same number, so that a failing round can be run again.
  const order = new Random(seed * 1_000_003 + round).shuffled([...acts.keys()]);
  const results: Result[] = Array.from({ length: acts.length });
  await Promise.all(
    order.map(async (index, place) => {
      const answer = await patiently(acts[index] as Act, nodes[(place + round) % nodes.length] as Node);
      results[index] = { answer, outcome: outcome(answer) };
    }),
  );
  return results;
}

/** On a busy machine a queue of locks may be longer than the database lets a statement wait: 503, and the client comes again. */
async function patiently(act: Act, node: Node): Promise<Answer> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await act(node);
    if (answer.status !== 503 || !answer.headers.has('retry-after') || attempt === 5) return answer;
    await pause(attempt * 200);
  }
}

/** The status, and the code of OAuth (`error`), of a problem (`code`) or of SCIM (`scimType`) where there is one. */
export function outcomeOf(answer: Answer): string {
  const { error, code, scimType } = isJson(answer) ? answer.body : {};
  const said = error ?? (answer.status >= 400 ? code : undefined) ?? scimType;
  return said === undefined ? String(answer.status) : `${answer.status} ${String(said)}`;
}

const isJson = ({ headers, text }: Answer): boolean => text !== '' && /json/.test(headers.get('content-type') ?? '');

/** The outcomes in the order of what was sent. */
const said = (results: readonly Result[]): string => results.map(({ outcome }) => outcome).join(', ');

export function tallyOf(outcomes: readonly string[]): Record<string, number> {
  const tally: Record<string, number> = {};
  for (const outcome of outcomes) tally[outcome] = (tally[outcome] ?? 0) + 1;
  return tally;
}

export const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** Those that succeeded. */
export const good = (results: readonly Result[]): Answer[] =>
  results.filter(({ answer }) => answer.status < 300).map(({ answer }) => answer);

/** Works on all of them, so many at a time; what comes of them is in their order. */
export async function severally<T, R>(items: readonly T[], width: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = Array.from({ length: items.length });
  let next = 0;
  const line = async () => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index] as T);
  };
  await Promise.all(times(Math.min(width, items.length), line));
  return results;
}

/** How often PostgreSQL had to break a circle of waits: told in the report, not forbidden, since transactions repeat. */
async function deadlocks({ w }: Stage): Promise<number> {
  const { rows } = await w.db.raw('select deadlocks from pg_stat_database where datname = current_database()');
  return Number(rows[0].deadlocks);
}
