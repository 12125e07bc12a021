/**
 * Which account of an organization somebody is whom its identity provider names for the first time. Only accounts that the
 * organization owns are looked at, and a name counts only inside the organization's verified domains (checklist FD-02, FD-09):
 * what the identity provider says about any other address is its word alone.
 */
import type { Knex } from 'knex';
import { hasVerifiedDomainOf } from '../../directory/domains/service.ts';
import { findOwnedByIdentifier } from '../../directory/users/lookup.ts';
import type { User } from '../../directory/users/schema.ts';
import { findOwnedUser } from '../../directory/users/service.ts';

export interface Names {
  readonly email: string | null;
  readonly username: string | null;
  /** The NameID where it reads like an address, as Entra ID and Okta send it. */
  readonly subject: string;
  /** What a directory may have called the account when it provisioned it. */
  readonly external_ids: readonly string[];
}

/** An account by the id under which one of the organization's directories provisioned it (SCIM `externalId`); null for none. */
export type FindByExternalId = (db: Knex, orgId: string, externalId: string) => Promise<string | null>;

export interface Candidates {
  /** Accounts that may be linked. */
  readonly linkable: readonly User[];
  /** An account of that name that may not be: the address is in no verified domain. */
  readonly blocked: boolean;
}

export async function findCandidates(
  db: Knex,
  orgId: string,
  names: Names,
  findByExternalId?: FindByExternalId,
): Promise<Candidates> {
  const found = new Map<string, User>();
  let blocked = false;
  const judge = (user: User, isTrusted: boolean) => {
    if (isTrusted) found.set(user.user_id, user);
    else blocked = true;
  };
  for (const name of new Set([names.email, names.username, names.subject])) {
    const user = name === null ? null : await findOwnedByIdentifier(db, orgId, name);
    if (name === null || !user) continue;
    // Two people of one company may both be called "ada": somebody with another address is somebody else.
    if (!name.includes('@') && names.email !== null && !same(user.email, names.email)) continue;
    judge(user, await isTrustworthy(db, orgId, user, name));
  }
  for (const id of findByExternalId ? new Set(names.external_ids) : []) {
    const userId = await findByExternalId?.(db, orgId, id);
    const user = userId ? await findOwnedUser(db, orgId, userId) : null;
    if (user) judge(user, await standsInVerifiedDomain(db, orgId, user));
  }
  return { linkable: [...found.values()], blocked };
}

const same = (left: string | null, right: string | null): boolean =>
  left !== null && right !== null && left.toLowerCase() === right.toLowerCase();

/**
 * An address in a verified domain that is the account's confirmed e-mail, or the username that the organization gave it. A
 * username that is no address counts when the account stands in a verified domain.
 */
async function isTrustworthy(db: Knex, orgId: string, user: User, name: string): Promise<boolean> {
  if (!name.includes('@')) return standsInVerifiedDomain(db, orgId, user);
  return (same(user.username, name) || user.email_confirmed) && hasVerifiedDomainOf(db, orgId, name);
}

async function standsInVerifiedDomain(db: Knex, orgId: string, user: User): Promise<boolean> {
  if (user.email !== null && user.email_confirmed && (await hasVerifiedDomainOf(db, orgId, user.email))) return true;
  return user.username !== null && user.username.includes('@') && hasVerifiedDomainOf(db, orgId, user.username);
}
