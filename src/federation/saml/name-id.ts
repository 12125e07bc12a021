/** When two NameIDs mean the same person. Apart from the messages, so that who compares loads no XML library. */
import type { NameId } from './assertion.ts';
import { nameIdFormat } from './names.ts';

/**
 * Whether a logout names the person of a session (SA-14): NameID, format and both qualifiers are equal, an absent qualifier
 * meaning the two parties themselves (SAML core §8.3.7), an absent format meaning unspecified (§2.2.2).
 */
export function sameNameId(one: NameId, other: NameId, parties: { idpEntityId: string; spEntityId: string }): boolean {
  const full = (id: NameId): (string | null)[] => [
    id.name_id,
    id.name_id_format ?? nameIdFormat.unspecified,
    id.name_qualifier ?? parties.idpEntityId,
    id.sp_name_qualifier ?? parties.spEntityId,
  ];
  const others = full(other);
  return one.name_id !== null && full(one).every((part, index) => part === others[index]);
}
