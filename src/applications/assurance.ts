/**
 * How strong a sign-in was, as `acr` says it to applications. Ordered: each level satisfies those before it.
 * `phr` is the OpenID EAP name for phishing-resistant; the others are ours, after NIST SP 800-63B-4.
 */
export const acrLevels = ['urn:lintel:acr:1fa', 'urn:lintel:acr:mfa', 'phr'] as const;
export type AcrLevel = (typeof acrLevels)[number];

const levelOf = (acr: string | undefined): number => acrLevels.indexOf(acr as AcrLevel);

export const isKnownAcr = (acr: string): acr is AcrLevel => levelOf(acr) >= 0;

/** Whether a sign-in of this strength is as strong as another value asks for. Unknown values satisfy only themselves. */
export function meetsAcr(acr: string | undefined, asked: string): boolean {
  return acr === asked || (isKnownAcr(asked) && levelOf(acr) >= levelOf(asked));
}
