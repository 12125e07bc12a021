/** The public face of an instance: start page, API reference, and in development the mailbox. */
import { Readable } from 'node:stream';
import type { Context, Middleware } from 'koa';
import type { App } from '../core/app.ts';
import { Fault } from '../core/fault.ts';
import { isId } from '../core/id.ts';
import { newSecret } from '../core/secret.ts';
import { reads, requireMethod } from '../http/methods.ts';
import type { Pages } from '../http/pages.ts';
import { edgeOf } from '../http/server.ts';
import { developmentMail, developmentMails } from '../notifications/mails/service.ts';
import { isSetupPending } from '../signin/setup/service.ts';

export interface SiteParts {
  readonly app: App;
  readonly pages: Pages;
  readonly openapi: object;
  readonly version: string;
}

type Show = (context: Context) => Promise<string> | string | Readable;

/** Serves `/`, `/openapi.json`, `/api/docs`, and `/dev/mail` where mail is kept instead of sent. */
export function site({ app, pages, openapi, version }: SiteParts): Middleware {
  const description = Buffer.from(JSON.stringify(openapi));
  const apiDocs = renderedOnce((nonce) => pages.render('api-docs', { nonce, openapi }));
  const mailbox = app.config.development && app.config.smtp_url === '';
  const pagesByPath: Record<string, Show> = {
    '/': async (context) =>
      pages.render('home', {
        nonce: edgeOf(context).nonce,
        issuer: app.config.url,
        version,
        development: mailbox,
        // The page also answers while the database is away.
        setup_pending: await isSetupPending(app).catch(() => false),
      }),
    '/api/docs': (context) => apiDocs(edgeOf(context).nonce),
  };
  return async (context, next) => {
    if (context.path === '/openapi.json') {
      edgeOf(context).route = 'openapi';
      requireMethod(context, reads);
      context.type = 'application/json';
      context.set('cache-control', 'public, max-age=300');
      context.body = description;
      return;
    }
    const show = pagesByPath[context.path] ?? (mailbox ? mailPage(app, pages, context.path) : undefined);
    if (!show) return next();
    edgeOf(context).route = context.path.startsWith('/dev/mail') ? 'dev-mail' : context.path;
    requireMethod(context, reads);
    context.body = await show(context);
    context.type = 'html';
  };
}

/**
 * A page of which only the nonce differs. To make this one takes 20 ms, and anybody may ask for it as often as they like (RE-17). Its
 * parts are bytes that all answers share: whoever asks and never reads costs next to no memory (RE-13).
 */
function renderedOnce(render: (nonce: string) => string): (nonce: string) => Readable {
  let parts: Buffer[] | undefined;
  return (nonce) => {
    if (!parts) {
      const mark = newSecret();
      parts = render(mark)
        .split(mark)
        .map((text) => Buffer.from(text));
    }
    const between = Buffer.from(nonce);
    return Readable.from(parts.flatMap((part, index) => (index === 0 ? [part] : [between, part])));
  };
}

function mailPage(app: App, pages: Pages, path: string): Show | undefined {
  const [, id] = /^\/dev\/mail(?:\/([^/]+))?$/.exec(path) ?? [];
  if (id === undefined && path !== '/dev/mail') return undefined;
  return async (context) => {
    const messages = (await developmentMails(app.db)).map((mail) => ({
      message_id: mail.mail_id,
      to: mail.to_address,
      subject: mail.subject,
      sent_at: mail.created_at,
    }));
    const mail = id === undefined ? undefined : isId(id) ? await developmentMail(app.db, id) : null;
    if (id !== undefined && !mail) throw new Fault('not_found');
    const selected = mail && {
      message_id: mail.mail_id,
      from: app.config.mail_from,
      to: mail.to_address,
      subject: mail.subject,
      sent_at: mail.created_at,
      text: mail.text,
    };
    return pages.render('dev/mail', { nonce: edgeOf(context).nonce, messages, selected });
  };
}
