/**
 * What the sign-in pages need of others, handed over by app.ts: the OpenID door (a door is never imported by a room) and
 * companies' own sign-in. The shapes say no more than the flow uses.
 */
import type { Knex } from 'knex';
import type { Context } from 'koa';
import type { App } from '../../core/app.ts';
import type { Call } from '../../core/call.ts';
import type { FormGuard } from '../../http/csrf.ts';
import type { Pages } from '../../http/pages.ts';

/** What an application asks for, as the OpenID door describes it. */
export interface InteractionDetails {
  readonly uid: string;
  readonly prompt: { readonly name: 'login' | 'organization' | 'consent'; readonly reasons: readonly string[] };
  /** The authorization request: `login_hint`, `organization_id`, `prompt`, `max_age`, … */
  readonly params: Readonly<Record<string, string | undefined>>;
  readonly client: {
    readonly client_name: string;
    readonly org_id: string | null;
    readonly logo_uri: string | null;
    readonly policy_uri: string | null;
    readonly tos_uri: string | null;
    readonly redirect_host: string;
    /** A source for form-action: the redirect behind the last form goes there. */
    readonly form_target: string;
  };
  /** Who is signed in to this browser. */
  readonly session: { readonly account_id: string } | null;
  readonly missing: {
    readonly scopes: readonly string[];
    readonly resources: Readonly<Record<string, readonly string[]>>;
    readonly org_id: string | null;
  };
}

export interface Login {
  readonly account_id: string;
  readonly amr: readonly string[];
  readonly acr: string;
  readonly auth_time: Date;
  readonly org_id: string | null;
  readonly session_id: string;
}

/** All of them check that the request comes from the browser that began the interaction (SE-01). `finish…` answers 303. */
export interface Interactions {
  /** @throws Fault interaction_gone */
  details(context: Context, uid: string): Promise<InteractionDetails>;
  /** @param within the call inside of `write` that begins the session: both are kept, or neither */
  finishLogin(context: Context, uid: string, login: Login, within: Call): Promise<void>;
  /** Leads the browser to where an interaction goes on that was answered; changes nothing. */
  goOn(context: Context, uid: string): Promise<void>;
  finishOrganization(context: Context, uid: string, orgId: string): Promise<void>;
  finishConsent(context: Context, uid: string): Promise<void>;
  abort(context: Context, uid: string): Promise<void>;
}

/** An enabled identity provider of an active organization. */
export interface Connection {
  readonly provider_id: string;
  readonly org_id: string;
  readonly name: string;
  readonly type: string;
}

/** Where the browser goes next. */
export type Outgoing =
  | { readonly method: 'redirect'; readonly url: string }
  | { readonly method: 'post'; readonly url: string; readonly fields: Record<string, string> };

/** What an identity provider said, and the account that it is about. */
export interface CompanyLogin {
  readonly provider_id: string;
  readonly org_id: string | null;
  readonly user_id: string;
  readonly auth_time: Date;
  readonly authn_context: string | null;
  readonly not_after: Date | null;
  readonly name_id: string | null;
  readonly idp_session_index: string | null;
}

/** Signing in at a company's own identity provider (the federation room). */
export interface CompanySignin {
  /** Enabled connections of an organization that is active and allows them; none: no sign-in of its own. */
  connectionsOf(db: Knex, orgId: string): Promise<readonly Connection[]>;
  /** Which methods an organization allows. */
  methodsOf(db: Knex, orgId: string): Promise<Readonly<Record<string, boolean>>>;
  /** The enabled connection that a `login_hint` of ours names: portals of identity providers begin so. */
  connectionOfHint(db: Knex, hint: string): Promise<Connection | null>;
  /** @throws Fault connection_unavailable */
  begin(
    call: Call,
    providerId: string,
    attempt: { attempt_id: string; return_to: string; force_authn: boolean; login_hint?: string },
  ): Promise<Outgoing>;
  /** Fetches what was proven, once; null when the code is unknown, used, too old, or another attempt's. */
  redeem(call: Call, code: string, attempt: { attempt_id: string }): Promise<CompanyLogin | null>;
}

export interface SigninParts {
  readonly app: App;
  readonly pages: Pages;
  readonly forms: FormGuard;
  readonly interactions: Interactions;
  readonly company: CompanySignin;
}
