/** When a person is asked for something on the way: to sign in, to choose an organization, to consent. */
import { errors, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { isKnownAcr, meetsAcr } from '../applications/assurance.ts';
import { clientOf } from './models.ts';
import { resolveOrganization } from './organization.ts';

const { Check, Prompt, base } = interactionPolicy;

/** The provider's prompts in their order: login, organization, consent. */
export function interactionPolicies(): interactionPolicy.DefaultPolicy {
  const policy = base();
  policy.get('login')?.checks.add(askForAssurance());
  policy.get('login')?.checks.add(askForActiveAccount());
  policy.add(organizationPrompt(), 1);
  skipConsentOfFirstParty(policy);
  return policy;
}

/**
 * `acr_values` (OpenID Connect Core §3.1.2.1): the sign-in must be as strong as the weakest value that was asked for.
 * Values that nobody here knows are ignored, as the specification allows.
 */
function askForAssurance() {
  return new Check(
    'acr_values',
    'the sign-in is not as strong as the application asks for',
    'unmet_authentication_requirements',
    (context: KoaContextWithOIDC) => {
      const { oidc } = context;
      const asked = ((oidc.params?.acr_values as string | undefined) ?? '').split(' ').filter(isKnownAcr);
      if (asked.length === 0 || asked.some((value) => meetsAcr(oidc.session?.acr, value)))
        return Check.NO_NEED_TO_PROMPT;
      // The person has just signed in for this request, and could not do better.
      if (oidc.result?.login)
        throw new errors.UnmetAuthenticationRequirements('the requested assurance could not be reached');
      return Check.REQUEST_PROMPT;
    },
    ({ oidc }) => ({ acr_values: oidc.params?.acr_values }),
  );
}

/** An account that was disabled while its person was on the way has no grant to go on with. */
function askForActiveAccount() {
  return new Check('account_inactive', 'the account is not active', 'login_required', ({ oidc }: KoaContextWithOIDC) =>
    oidc.session?.accountId !== undefined && oidc.account === undefined
      ? Check.REQUEST_PROMPT
      : Check.NO_NEED_TO_PROMPT,
  );
}

function organizationPrompt() {
  return new Prompt(
    { name: 'organization', requestable: true },
    new Check(
      'organization_missing',
      'the person belongs to several organizations and none was chosen',
      async (context: KoaContextWithOIDC) => {
        const resolution = await resolveOrganization(context);
        if (resolution.kind === 'refused') {
          // The same whether the organization does not exist, or the person is not of it.
          throw new errors.AccessDenied('the account cannot be used for this organization');
        }
        return resolution.kind === 'ask' ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT;
      },
    ),
  );
}

/** Applications of the house are not asked about (OA-23), except a native one on a scheme that any other could claim (RFC 8252 §8.6). */
function skipConsentOfFirstParty(policy: interactionPolicy.DefaultPolicy): void {
  const consent = policy.get('consent');
  const requested = consent?.checks.get('consent_prompt');
  const native = consent?.checks.get('native_client_prompt');
  if (!consent || !requested || !native) throw new Error('The library’s consent prompt has other checks than it had.');
  const askedFor = requested.check;
  requested.check = (context) => (clientOf(context).first_party ? Check.NO_NEED_TO_PROMPT : askedFor(context));
  const nativeAsks = native.check;
  native.check = (context) => {
    const claimed = String(context.oidc.params?.redirect_uri ?? '').startsWith('https:');
    return clientOf(context).first_party && claimed ? Check.NO_NEED_TO_PROMPT : nativeAsks(context);
  };
  // Told with the question, so that the answer is written for the organization that was asked about.
  consent.details = async (context) => {
    const resolution = await resolveOrganization(context);
    return { org_id: resolution.kind === 'chosen' ? resolution.org_id : null };
  };
}
