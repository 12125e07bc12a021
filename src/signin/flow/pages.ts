/** The pages of a sign-in: everything below `/signin/<uid>`, where the interaction's cookie is. */
import type { Context, Middleware } from 'koa';
import { readBody } from '../../http/body.ts';
import { reads, requireMethod } from '../../http/methods.ts';
import { edgeOf } from '../../http/server.ts';
import { resume } from '../steps/company.ts';
import type { SigninParts } from './collaborators.ts';
import { show, stepNames, submit } from './dispatcher.ts';
import { emptyAttempt } from './schema.ts';
import { type Form, Walk } from './walk.ts';

const address = /^\/signin\/([\w-]{20,64})(?:\/([a-z]+))?$/;

/** Most bytes of a form: a password of the longest kind, percent-encoded, and the rest. */
const formLimit = 32_768;

/** A step's name for the log and the metrics; an address of another name is the client's own text, and stays out of them. */
const nameOf = (step = 'show'): string =>
  step === 'show' || step === 'federated' || step === 'change' || stepNames.has(step) ? step : 'other';

export function signinPages(parts: SigninParts): Middleware {
  return async (context, next) => {
    const [, uid, step] = address.exec(context.path) ?? [];
    if (uid === undefined) return next();
    edgeOf(context).route = `signin.${nameOf(step)}`;
    if (context.method === 'POST' && step !== undefined) {
      const form = await readForm(context);
      // Before anything is read: another site's form, or another browser's, ends here (WB-01, WB-02).
      parts.forms.verify(context, form);
      return submit(await Walk.begin(parts, context, uid), step, form);
    }
    requireMethod(context, step === undefined ? reads : [...reads, 'POST']);
    const walk = await Walk.begin(parts, context, uid);
    if (step === undefined) return show(walk);
    if (step === 'federated') return comeBack(walk);
    if (step === 'change' && walk.details.prompt.name === 'login')
      await walk.save(emptyAttempt(walk.attempt.attempt_id));
    // The addresses of steps are for posting; whoever comes back to one by the history is shown where the attempt stands.
    context.status = 303;
    context.redirect(walk.address());
  };
}

/** Back from the company's identity provider, with a one-time code. */
async function comeBack(walk: Walk): Promise<void> {
  const { code } = walk.context.query;
  const next = await resume(walk, typeof code === 'string' ? code : '');
  if (next === 'answered') return;
  walk.context.status = 303;
  walk.context.redirect(walk.address());
}

/** The fields of a form; one that comes twice has no meaning and is left out. */
async function readForm(context: Context): Promise<Form> {
  const body = ((await readBody(context, { form: true, limit: formLimit })) ?? {}) as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(body).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
