/** What the door answers browsers with: on to somewhere else, or a page. */
import type { Context } from 'koa';
import type { Outgoing } from '../federation/saml/request.ts';
import { edgeOf } from '../http/server.ts';
import type { Visit } from './door.ts';

/** 303: whatever the method was, the next one is a GET (checklist OA-12). */
export function seeOther(context: Context, url: string): void {
  context.status = 303;
  context.set('location', url);
  context.body = null;
  context.status = 303;
}

export interface Refusal {
  readonly status: number;
  readonly reference: string;
  readonly title?: string;
  readonly message?: string;
  readonly advice?: readonly string[];
  /** Where the person may begin again. */
  readonly retry_url?: string | null;
}

/** The page of a sign-in that cannot go on: a reference, and what to do; never why. */
export function refuse({ context, parts }: Visit, { status, ...page }: Refusal): void {
  context.status = status;
  if (status === 503) context.set('retry-after', '2');
  context.type = 'html';
  context.body = parts.pages.render('signin/error', { nonce: edgeOf(context).nonce, ...page });
}

/** A message of ours to the identity provider, through the browser. */
export function send({ context, parts }: Visit, outgoing: Outgoing, name: string): void {
  if (outgoing.method === 'redirect') return seeOther(context, outgoing.url);
  edgeOf(context).formTargets.push(new URL(outgoing.url).origin);
  context.type = 'html';
  context.body = parts.pages.render('signin/post', {
    nonce: edgeOf(context).nonce,
    provider: { name },
    action: outgoing.url,
    fields: outgoing.fields,
  });
}
