/** The provider's own pages, in our dress: errors that cannot go back to an application, signing out, and form_post. */
import type { Context } from 'koa';
import type { ErrorOut, KoaContextWithOIDC } from 'oidc-provider';
import type { Pages } from '../http/pages.ts';
import { edgeOf } from '../http/server.ts';

const advice = [
  'Go back to the application and begin again.',
  'If it happens again, give the reference to whoever runs the application.',
];

/** Whether a browser asks, rather than a program. */
const wantsPage = (context: Context): boolean => context.accepts('json', 'html') === 'html';

export interface ProviderPages {
  renderError(context: KoaContextWithOIDC, out: ErrorOut): void;
  renderLogout(context: KoaContextWithOIDC, form: string): void;
  renderLoggedOut(context: KoaContextWithOIDC): void;
  /** Response mode form_post (OAuth 2.0 Form Post Response Mode). */
  renderFormPost(context: KoaContextWithOIDC, action: string, fields: Record<string, string>): void;
}

export function providerPages(pages: Pages): ProviderPages {
  const base = (context: KoaContextWithOIDC) => {
    const edge = edgeOf(context as unknown as Context);
    return { nonce: edge.nonce, locale: context.get('accept-language').split(',')[0] };
  };
  const applicationOf = ({ oidc }: KoaContextWithOIDC) =>
    oidc.client && { name: oidc.client.clientName ?? oidc.client.clientId, url: oidc.client.clientUri };

  return {
    renderError(context, out) {
      const { request_id } = edgeOf(context as unknown as Context);
      if (!wantsPage(context as unknown as Context)) {
        context.body = out;
        return;
      }
      context.type = 'html';
      context.body = pages.render('signin/error', {
        ...base(context),
        title: 'This sign-in cannot go on',
        message: sentence(out),
        advice,
        reference: request_id,
      });
    },

    renderLogout(context, form) {
      const xsrf = /name="xsrf" value="([0-9a-f]+)"/.exec(form)?.[1];
      if (!xsrf) throw new Error('The library’s sign-out form has another shape than it had.');
      allowReturn(context);
      context.type = 'html';
      context.body = pages.render('signin/signout', {
        ...base(context),
        action: '/oauth/logout/confirm',
        fields: { xsrf },
        ...(context.oidc.client ? { application: applicationOf(context) } : {}),
      });
    },

    renderLoggedOut(context) {
      context.type = 'html';
      context.body = pages.render('signin/signed-out', {
        ...base(context),
        ...(context.oidc.client?.clientUri ? { application: applicationOf(context) } : {}),
      });
    },

    renderFormPost(context, action, fields) {
      const target = new URL(action);
      edgeOf(context as unknown as Context).formTargets.push(target.origin);
      context.type = 'html';
      context.status = 'error' in fields ? 400 : 200;
      context.body = pages.render('signin/post', {
        ...base(context),
        action,
        fields,
        provider: { name: context.oidc.client?.clientName ?? target.host },
      });
    },
  };
}

/**
 * Chromium holds the redirect behind a form to the page's form-action (CSP3 §6.3.2): signing out may lead back to the application.
 * The address is a registered one; the library dropped it otherwise.
 */
export function allowReturn(context: KoaContextWithOIDC): void {
  const uri = context.oidc.params?.post_logout_redirect_uri;
  const target = typeof uri === 'string' ? URL.parse(uri) : null;
  if (!target) return;
  const source = /^https?:$/.test(target.protocol) ? target.origin : target.protocol;
  edgeOf(context as unknown as Context).formTargets.push(source);
}

/** The standard's code is for the application; a person gets words. */
function sentence({ error, error_description: description }: ErrorOut): string {
  const words: Record<string, string> = {
    invalid_client: 'The application that sent you here is not known.',
    invalid_redirect_uri: 'The application asked to send you back to an address that is not registered for it.',
    server_error: 'Something went wrong on our side.',
    temporarily_unavailable: 'We cannot answer at the moment. Try again shortly.',
  };
  return words[error] ?? `The request was not understood (${error}${description ? `: ${description}` : ''}).`;
}
