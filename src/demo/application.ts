/**
 * The sample application: a relying party as a customer would write it, with openid-client and nothing of Lintel's own.
 * It signs people in (code and PKCE), shows what it was told, and asks its items API with the access token.
 */
import { randomBytes } from 'node:crypto';
import { bodyParser } from '@koa/bodyparser';
import Router from '@koa/router';
import Koa, { type Context } from 'koa';
import * as openid from 'openid-client';
import type { Pages } from '../http/pages.ts';
import type { Item } from './items.ts';

export interface SampleApplicationOptions {
  /** Its own address, without a trailing slash. */
  readonly url: string;
  readonly configuration: openid.Configuration;
  /** The items API and its resource identifier. */
  readonly itemsUrl: string;
  readonly resource: string;
  readonly pages: Pages;
  /** Keeps a copy of the tokens for the demonstration to print. */
  readonly onSignin?: (tokens: openid.TokenEndpointResponse, claims: openid.IDToken) => void;
}

interface Visit {
  readonly csrf: string;
  /** Sign-ins under way by their state: every tab has its own. */
  readonly pending: Map<string, { readonly nonce: string; readonly verifier: string }>;
  signedIn?: { readonly claims: openid.IDToken; readonly accessToken: string; readonly idToken: string };
}

const cookieName = 'sample_visit';

/** The scopes of the sample: who the person is, and what its API needs. */
const scope = 'openid profile email items.read';

export function createSampleApplication(options: SampleApplicationOptions): Koa {
  const { url, configuration } = options;
  const visits = new Map<string, Visit>();
  const router = new Router();

  function visitOf(context: Context): Visit {
    const known = visits.get(context.cookies.get(cookieName) ?? '');
    return known ?? begin(context);
  }
  /** A visit gets a new id whenever somebody signs in, so that a planted cookie gains nothing. */
  function begin(context: Context): Visit {
    visits.delete(context.cookies.get(cookieName) ?? '');
    const id = randomBytes(24).toString('base64url');
    const visit: Visit = { csrf: randomBytes(24).toString('base64url'), pending: new Map() };
    visits.set(id, visit);
    context.cookies.set(cookieName, id, { httpOnly: true, sameSite: 'lax' });
    return visit;
  }

  router.get('/', async (context) => {
    const visit = visitOf(context);
    const data = { application: { name: 'Stockroom' }, sign_in_url: '/sign-in' };
    if (!visit.signedIn) return show(options, context, data);
    const { claims, accessToken } = visit.signedIn;
    show(options, context, {
      ...data,
      person: { name: claims.name, email: claims.email, email_verified: claims.email_verified },
      organization: claims.org_id === undefined ? undefined : { org_id: claims.org_id, org_name: claims.org_name },
      roles: claims.roles,
      permissions: claims.permissions,
      claims,
      ...(await readItems(options.itemsUrl, accessToken)),
      sign_out_action: '/sign-out',
      csrf: visit.csrf,
    });
  });

  router.get('/sign-in', async (context) => {
    const visit = visitOf(context);
    const [state, nonce, verifier] = [openid.randomState(), openid.randomNonce(), openid.randomPKCECodeVerifier()];
    if (visit.pending.size >= 20) visit.pending.clear();
    visit.pending.set(state, { nonce, verifier });
    const address = openid.buildAuthorizationUrl(configuration, {
      redirect_uri: `${url}/callback`,
      scope,
      resource: options.resource,
      state,
      nonce,
      code_challenge: await openid.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    context.redirect(address.href);
  });

  router.get('/callback', async (context) => {
    const state = String(context.query.state ?? '');
    const pending = visitOf(context).pending.get(state);
    if (!pending) return context.redirect('/');
    const tokens = await openid.authorizationCodeGrant(
      configuration,
      new URL(context.originalUrl, url),
      {
        expectedState: state,
        expectedNonce: pending.nonce,
        pkceCodeVerifier: pending.verifier,
        idTokenExpected: true,
      },
      { resource: options.resource },
    );
    const claims = tokens.claims();
    if (!claims) throw new Error('The answer had no ID token.');
    begin(context).signedIn = { claims, accessToken: tokens.access_token, idToken: tokens.id_token ?? '' };
    options.onSignin?.(tokens, claims);
    context.status = 303;
    context.redirect('/');
  });

  router.post('/sign-out', bodyParser({ enableTypes: ['form'] }), async (context) => {
    const visit = visitOf(context);
    const { csrf } = ((context.request as { body?: unknown }).body ?? {}) as { csrf?: unknown };
    context.status = 303;
    // Signed out already, for instance in another tab.
    if (!visit.signedIn) return context.redirect('/');
    if (csrf !== visit.csrf) return context.throw(403);
    const idToken = visit.signedIn.idToken;
    begin(context);
    context.redirect(
      openid.buildEndSessionUrl(configuration, { id_token_hint: idToken, post_logout_redirect_uri: `${url}/` }).href,
    );
  });

  const koa = new Koa();
  koa.silent = true;
  koa.use(refusals(options));
  koa.use(options.pages.serveAssets());
  koa.use(router.routes());
  return koa;
}

/** What the issuer refused is said on the page; everything else is a defect of the sample. */
function refusals(options: SampleApplicationOptions): Koa.Middleware {
  return async (context, next) => {
    try {
      await next();
    } catch (error) {
      if (!(error instanceof openid.AuthorizationResponseError || error instanceof openid.ResponseBodyError))
        throw error;
      context.status = 403;
      context.type = 'text';
      context.body = `The sign-in was refused: ${error.error}. ${error.error_description ?? ''}\nStart again at ${options.url}/\n`;
    }
  };
}

async function readItems(itemsUrl: string, accessToken: string): Promise<{ items: object[]; items_problem?: string }> {
  const response = await fetch(itemsUrl, { headers: { authorization: `Bearer ${accessToken}` } });
  const body = (await response.json()) as { items?: Item[]; error_description?: string };
  if (!response.ok)
    return { items: [], items_problem: `${response.status}: ${body.error_description ?? 'no reason given'}` };
  const items = (body.items ?? []).map(({ id, name, description, is_active }) => ({
    item_id: id,
    name,
    description,
    status: is_active ? 'Active' : 'Retired',
  }));
  return { items };
}

function show(options: SampleApplicationOptions, context: Context, data: Record<string, unknown>): void {
  const nonce = randomBytes(18).toString('base64');
  context.set(
    'content-security-policy',
    `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'self' 'nonce-${nonce}'; img-src 'self'; ` +
      `form-action 'self' ${new URL(options.configuration.serverMetadata().issuer).origin}; frame-ancestors 'none'; base-uri 'none'`,
  );
  context.set('cache-control', 'no-store');
  context.type = 'html';
  context.body = options.pages.render('demo/application', { nonce, ...data });
}
