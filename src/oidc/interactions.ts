/**
 * Interactions: what the sign-in pages need of the provider, as one interface that `app.ts` hands to them (rooms do not
 * import doors). An interaction belongs to the browser that began it: its cookie is signed and bound to its own path (SE-01).
 */
import type { Context } from 'koa';
import type { InteractionResults, KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { App } from '../core/app.ts';
import { type Actor, Call } from '../core/call.ts';
import { Fault } from '../core/fault.ts';
import { requestFacts } from '../http/server.ts';
import { allow } from './grants.ts';
import type { LintelClient } from './models.ts';
import { Unit, withinUnit } from './unit.ts';

export type PromptName = 'login' | 'organization' | 'consent';

export interface InteractionDetails {
  readonly uid: string;
  readonly prompt: {
    readonly name: PromptName;
    /** Why: `no_session`, `max_age`, `login_prompt`, `acr_values`, `organization_missing`, `op_scopes_missing`, … */
    readonly reasons: readonly string[];
    readonly details: Readonly<Record<string, unknown>>;
  };
  /** The authorization request: `login_hint`, `organization_id`, `acr_values`, `max_age`, `prompt`, `ui_locales`, `scope`, … */
  readonly params: Readonly<Record<string, string | undefined>>;
  readonly client: {
    readonly client_id: string;
    readonly client_name: string;
    readonly org_id: string | null;
    readonly first_party: boolean;
    readonly logo_uri: string | null;
    readonly client_uri: string | null;
    readonly policy_uri: string | null;
    readonly tos_uri: string | null;
    /** Host of the address that the person will return to, or its private scheme. */
    readonly redirect_host: string;
    /** For `formTargets` of the page: the redirect behind the last form goes there. */
    readonly form_target: string;
  };
  /** Who is signed in to this browser, when somebody is. */
  readonly session: {
    readonly account_id: string;
    readonly acr: string | null;
    readonly amr: readonly string[];
  } | null;
  /** For the consent page. */
  readonly missing: {
    readonly scopes: readonly string[];
    readonly claims: readonly string[];
    readonly resources: Readonly<Record<string, readonly string[]>>;
    /** The organization that the consent will hold for. */
    readonly org_id: string | null;
  };
}

export interface Login {
  readonly account_id: string;
  /** How: RFC 8176 names. */
  readonly amr: readonly string[];
  /** One of `applications/assurance.ts`. */
  readonly acr: string;
  /** When the person really proved themselves; at an identity provider perhaps earlier. */
  readonly auth_time: Date;
  /** The organization that the sign-in went through, if one. */
  readonly org_id?: string | null;
  /** The row of `sessions`: revoking it ends this browser's single sign-on and its tokens. */
  readonly session_id: string;
  /** False: the browser forgets when it is closed. */
  readonly remember?: boolean;
}

/**
 * All of them must be called below the interaction's path, where its cookie is, and outside of `call.write`: they use the
 * connection pool, of which the embedded database has one. `finish…` answers 303 to the provider (OA-12).
 */
export interface Interactions {
  /** @throws Fault interaction_gone when it expired, belongs to another browser, or its uid is not that of the path */
  details(context: Context, uid: string): Promise<InteractionDetails>;
  /** @param within the call inside of `write` that begins the session: both are kept, or neither */
  finishLogin(context: Context, uid: string, login: Login, within?: Call): Promise<void>;
  /** Leads the browser to where an interaction goes on that was answered; changes nothing. */
  goOn(context: Context, uid: string): Promise<void>;
  finishOrganization(context: Context, uid: string, orgId: string): Promise<void>;
  /** Allows everything that was asked for. */
  finishConsent(context: Context, uid: string): Promise<void>;
  /** Goes back to the application with an error: `access_denied` when the person did not want to. */
  abort(context: Context, uid: string, error?: string, description?: string): Promise<void>;
}

type Interaction = NonNullable<Awaited<ReturnType<Provider['interactionDetails']>>>;

export function createInteractions(app: App, provider: Provider): Interactions {
  /** Interactions that were read for a request, so that finishing one does not read it again. */
  const read = new WeakMap<Context['req'], Promise<Interaction>>();

  const load = (context: Context, uid: string): Promise<Interaction> => {
    const known = read.get(context.req);
    if (known) return known;
    const loading = provider.interactionDetails(context.req, context.res).then(
      (found) => {
        if (found.uid !== uid) throw new Fault('interaction_gone');
        return found;
      },
      (error: unknown) => {
        throw (error as { name?: string }).name === 'SessionNotFound'
          ? new Fault('interaction_gone', undefined, { cause: error })
          : error;
      },
    );
    read.set(context.req, loading);
    return loading;
  };

  const finish = async (
    context: Context,
    interaction: Interaction,
    result: InteractionResults & Record<string, unknown>,
  ) => {
    const before = 'error' in result ? {} : interaction.lastSubmission;
    interaction.result = { ...before, ...result };
    await interaction.save(interaction.exp - Math.floor(app.clock().getTime() / 1000));
    lead(context, interaction);
  };

  const lead = (context: Context, { returnTo }: Interaction) => {
    context.status = 303;
    context.redirect(returnTo);
  };

  const clientOfInteraction = async (interaction: Interaction): Promise<LintelClient> => {
    const client = (await provider.Client.find(String(interaction.params.client_id))) as LintelClient | undefined;
    if (!client) throw new Fault('interaction_gone');
    return client;
  };

  return {
    async details(context, uid) {
      const interaction = await load(context, uid);
      return describe(interaction, await clientOfInteraction(interaction));
    },

    async finishLogin(context, uid, login, within) {
      const proven = {
        accountId: login.account_id,
        acr: login.acr,
        amr: [...login.amr],
        ts: Math.floor(login.auth_time.getTime() / 1000),
        remember: login.remember ?? true,
        session_id: login.session_id,
        ...(login.org_id ? { org_id: login.org_id } : {}),
      } as InteractionResults['login'];
      const work = async () => finish(context, await load(context, uid), { login: proven });
      await (within ? withinUnit(new Unit(within), work) : work());
    },

    async goOn(context, uid) {
      lead(context, await load(context, uid));
    },

    async finishOrganization(context, uid, orgId) {
      await finish(context, await load(context, uid), { organization: { org_id: orgId } });
    },

    async finishConsent(context, uid) {
      const interaction = await load(context, uid);
      const { missing } = describe(interaction, await clientOfInteraction(interaction));
      const accountId = interaction.session?.accountId;
      if (!accountId) throw new Fault('interaction_gone');
      const key = { user_id: accountId, client_id: String(interaction.params.client_id), org_id: missing.org_id };
      const call = Call.begin(app, consenting(accountId, missing.org_id), requestFacts(context));
      await call.write((inner) =>
        withinUnit(new Unit(inner), async () => {
          const resources = Object.fromEntries(
            Object.entries(missing.resources).map(([name, scopes]) => [name, scopes.join(' ')]),
          );
          const grant = await allow(provider, inner, key, {
            scope: missing.scopes.join(' '),
            claims: missing.claims,
            resources,
          });
          await finish(context, interaction, { consent: { grantId: grant.jti } });
        }),
      );
    },

    async abort(context, uid, error = 'access_denied', description = 'The person ended the sign-in.') {
      await finish(context, await load(context, uid), { error, error_description: description });
    },
  };
}

/** A person in front of the consent page; what they may do beyond consenting is of no concern here. */
const consenting = (accountId: string, orgId: string | null): Actor => ({
  type: 'user',
  id: accountId,
  label: accountId,
  reach: orgId === null ? null : { org_id: orgId },
  permissions: new Set(),
});

function describe(interaction: Interaction, client: LintelClient): InteractionDetails {
  const { uid, prompt, params, session } = interaction;
  const redirect = URL.parse(String(params.redirect_uri));
  const web = redirect !== null && /^https?:$/.test(redirect.protocol);
  const details = prompt.details as {
    missingOIDCScope?: string[];
    missingOIDCClaims?: string[];
    missingResourceScopes?: Record<string, string[]>;
    org_id?: string | null;
  };
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  return {
    uid,
    prompt: { name: prompt.name as PromptName, reasons: prompt.reasons, details: prompt.details },
    params: params as Record<string, string | undefined>,
    client: {
      client_id: client.clientId,
      client_name: client.clientName ?? client.clientId,
      org_id: client.org_id,
      first_party: client.first_party,
      logo_uri: text(client.logoUri),
      client_uri: text(client.clientUri),
      policy_uri: text(client.policyUri),
      tos_uri: text(client.tosUri),
      redirect_host: (web ? redirect.host : redirect?.protocol) ?? '',
      form_target: (web ? redirect.origin : redirect?.protocol) ?? '',
    },
    session: session?.accountId
      ? { account_id: session.accountId, acr: session.acr ?? null, amr: session.amr ?? [] }
      : null,
    missing: {
      scopes: details.missingOIDCScope ?? [],
      claims: details.missingOIDCClaims ?? [],
      resources: details.missingResourceScopes ?? {},
      org_id: details.org_id ?? null,
    },
  };
}

/** The address of an interaction's pages. */
export const interactionUrl = (_context: KoaContextWithOIDC, interaction: { readonly uid: string }): string =>
  `/signin/${interaction.uid}`;
