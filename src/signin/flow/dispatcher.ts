/**
 * The table of steps. A step never leads to another one: it changes what is known about the attempt and comes back here,
 * and what is known decides what follows. So no step can be skipped, repeated or reached by its address alone (AU-13).
 */
import { choose } from '../steps/connection.ts';
import { company } from '../steps/company.ts';
import { consent } from '../steps/consent.ts';
import { identify } from '../steps/identify.ts';
import { nowhere } from '../steps/nowhere.ts';
import { organization } from '../steps/organization.ts';
import { password } from '../steps/password.ts';
import { renew } from '../steps/renew.ts';
import type { Form, Next, Step, Walk } from './walk.ts';

interface Row {
  readonly step: Step;
  readonly isNext: (walk: Walk) => boolean;
}

/** The first row that holds is the step. */
const table: readonly Row[] = [
  { step: organization, isNext: ({ details }) => details.prompt.name === 'organization' },
  { step: consent, isNext: ({ details }) => details.prompt.name === 'consent' },
  { step: renew, isNext: ({ attempt }) => attempt.proven_at !== null },
  { step: company, isNext: ({ attempt }) => attempt.way === 'company' && attempt.provider_id !== null },
  { step: choose, isNext: ({ attempt }) => attempt.way === 'company' },
  { step: nowhere, isNext: ({ attempt }) => attempt.way === 'none' },
  { step: password, isNext: ({ attempt }) => attempt.way === 'password' },
  { step: identify, isNext: () => true },
];

/** Every step that an address can name. */
export const stepNames: ReadonlySet<string> = new Set(table.map(({ step }) => step.name));

export function stepOf(walk: Walk): Step {
  const row = table.find(({ isNext }) => isNext(walk));
  if (!row) throw new Error('The table of steps has no end.');
  return row.step;
}

/** Shows the step that an attempt stands at. */
export async function show(walk: Walk): Promise<void> {
  // A step may find that the attempt stands elsewhere by now; each time it says so by changing the attempt.
  for (let turn = 0; turn < 4; turn += 1) {
    if ((await stepOf(walk).show(walk)) === 'answered') return;
  }
  throw new Error('The sign-in goes round in circles.');
}

/**
 * Takes what was posted to a step. Only the step that the attempt stands at takes anything; for every other the browser is
 * sent to where it stands. Posts answer 303, so that going back or reloading repeats nothing (OA-12).
 */
export async function submit(walk: Walk, name: string, form: Form): Promise<void> {
  const step = stepOf(walk);
  const next: Next = step.name === name && step.submit ? await step.submit(walk, form) : 'dispatch';
  if (next === 'answered') return;
  walk.context.status = 303;
  walk.context.redirect(walk.address());
}
