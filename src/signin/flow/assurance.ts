/** How strong a sign-in was: `amr` in the names of RFC 8176, `acr` in ours (`applications/assurance.ts`). */
import type { AcrLevel } from '../../applications/assurance.ts';

interface Assurance {
  readonly amr: readonly string[];
  readonly acr: AcrLevel;
}

const password: Assurance = { amr: ['pwd'], acr: 'urn:lintel:acr:1fa' };

/** What identity providers say when they saw two factors: REFEDS, Entra ID, and the classes of SAML that need a device. */
const severalFactors: ReadonlySet<string> = new Set([
  'https://refeds.org/profile/mfa',
  'http://schemas.microsoft.com/claims/multipleauthn',
  'urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract',
  'urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI',
]);

/** A company's sign-in is as strong as its identity provider says, and one factor when it says nothing that we know. */
const company = (authnContext: string | null): Assurance =>
  authnContext !== null && severalFactors.has(authnContext)
    ? { amr: ['fed', 'mfa'], acr: 'urn:lintel:acr:mfa' }
    : { amr: ['fed'], acr: 'urn:lintel:acr:1fa' };

export const assurance = { password, company } as const;
