/** The page of the first administrator, `/setup/<token>`. The token stays out of the log: routes are logged by name. */
import type { Context, Middleware } from 'koa';
import type { App } from '../../core/app.ts';
import { Fault } from '../../core/fault.ts';
import { readBody } from '../../http/body.ts';
import type { FormGuard } from '../../http/csrf.ts';
import { reads, requireMethod } from '../../http/methods.ts';
import type { PageProblem, Pages } from '../../http/pages.ts';
import { edgeOf, requestFacts } from '../../http/server.ts';
import { completeSetup, isSetupOpen } from './service.ts';

export interface SetupParts {
  readonly app: App;
  readonly pages: Pages;
  readonly forms: FormGuard;
}

export function setupPages(parts: SetupParts): Middleware {
  return async (context, next) => {
    const [, token] = /^\/setup\/([\w-]{43})$/.exec(context.path) ?? [];
    if (token === undefined) return next();
    edgeOf(context).route = 'setup';
    if (context.method === 'POST') return complete(parts, context, token);
    requireMethod(context, [...reads, 'POST']);
    if (!(await isSetupOpen(parts.app, token))) throw new Fault('setup_closed');
    show(parts, context, { action: context.path });
  };
}

function show({ pages, forms }: SetupParts, context: Context, data: object): void {
  context.type = 'html';
  context.body = pages.render('setup', { nonce: edgeOf(context).nonce, csrf: forms.token(context), ...data });
}

async function complete(parts: SetupParts, context: Context, token: string): Promise<void> {
  const form = ((await readBody(context, { form: true, limit: 32_768 })) ?? {}) as Record<string, unknown>;
  parts.forms.verify(context, form);
  const text = (name: string): string => (typeof form[name] === 'string' ? form[name] : '');
  const input = { email: text('email').trim(), name: text('name').trim(), password: text('password') };
  try {
    const result = await completeSetup(parts.app, requestFacts(context), token, input);
    show(parts, context, { result: { email: result.email, api_key: result.key } });
  } catch (error) {
    const problem = problemOf(error);
    if (!problem) throw error;
    context.status = 422;
    show(parts, context, {
      action: context.path,
      values: { email: input.email, name: input.name },
      problems: [problem],
    });
  }
}

/** What the person can correct; anything else is not for this page. */
function problemOf(error: unknown): PageProblem | null {
  if (!(error instanceof Fault) || error.status !== 400) return null;
  if (error.code.startsWith('password_')) return { field: 'password', message: error.detail ?? error.says };
  if (error.code.startsWith('email_') || error.code === 'identifier_missing')
    return { field: 'email', message: 'Type an e-mail address.' };
  return error.code === 'request_invalid' ? { field: 'name', message: error.detail ?? error.says } : null;
}
