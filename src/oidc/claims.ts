/** Claims: which scope releases which (OpenID Connect Core §5.4), and how a person's rows become them. */
import type { Subject } from '../applications/tokens/subjects.ts';

/**
 * `openid` carries what an application needs to know about the sign-in itself: for whom, how, and for which organization with
 * which roles and permissions. They reach ID tokens only from this list.
 */
export const scopeClaims = {
  openid: ['sub', 'auth_time', 'acr', 'amr', 'org_id', 'org_name', 'roles', 'permissions'],
  profile: ['name', 'given_name', 'family_name', 'preferred_username', 'picture', 'updated_at'],
  email: ['email', 'email_verified'],
  phone: ['phone_number', 'phone_number_verified'],
} as const;

/** Claims of the organization alone, for access tokens and introspection. */
export function organizationClaims(subject: Subject): Record<string, unknown> {
  if (subject.org_id === null) return {};
  return {
    org_id: subject.org_id,
    org_name: subject.org_name,
    roles: subject.roles ?? [],
    permissions: subject.permissions ?? [],
  };
}

/** Every claim that there is something to say for; the library releases what scope and request allow. */
export function claimsOf(subject: Subject): { sub: string } & Record<string, unknown> {
  const name = [subject.first_name, subject.last_name].filter((part) => part).join(' ');
  const claims = {
    name: name || subject.username || undefined,
    given_name: subject.first_name ?? undefined,
    family_name: subject.last_name ?? undefined,
    preferred_username: subject.username ?? subject.email ?? undefined,
    picture: subject.picture_url ?? undefined,
    updated_at: Math.floor(subject.updated_at.getTime() / 1000),
    ...(subject.email === null ? {} : { email: subject.email, email_verified: subject.email_verified }),
    ...(subject.phone === null ? {} : { phone_number: subject.phone, phone_number_verified: subject.phone_verified }),
    ...organizationClaims(subject),
  };
  return { sub: subject.user_id, ...claims };
}
