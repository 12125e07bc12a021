/** Health: `/health/live` answers while the process turns; `/health/ready` asks the database and falls while stopping. */
import type { Middleware } from 'koa';
import type { Knex } from 'knex';
import { reads, requireMethod } from './methods.ts';
import { edgeOf } from './server.ts';

/** Answers by itself, before routes; tells nothing but its word (checklist SD-10). */
export function health(db: Knex, isStopping: () => boolean): Middleware {
  let checked: { at: number; ready: Promise<boolean> } | undefined;
  const ask = async () => {
    const within = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 1500).unref());
    const asked = db.raw('select 1').then(
      () => true,
      () => false,
    );
    return Promise.race([asked, within]);
  };
  return async (context, next) => {
    if (context.path !== '/health/live' && context.path !== '/health/ready') return next();
    edgeOf(context).route = context.path.slice(1);
    requireMethod(context, reads);
    if (context.path === '/health/live') {
      context.body = { status: 'live' };
      return;
    }
    // Many probes at once ask the database once.
    if (!checked || performance.now() - checked.at > 250) checked = { at: performance.now(), ready: ask() };
    const ready = !isStopping() && (await checked.ready);
    context.status = ready ? 200 : 503;
    if (!ready) context.set('retry-after', '2');
    context.body = { status: ready ? 'ready' : 'unready' };
  };
}
