/** Looking accounts up for other rooms: one person at sign-in, many for a directory. Nothing here asks for a permission. */
import type { Knex } from 'knex';
import type { Condition, Search } from '../../db/search.ts';
import { domainOfEmail } from '../domains/names.ts';
import { readIdentifier } from './identifiers.ts';
import type { User } from './schema.ts';
import { countUserRows, findByIdentifier, findSigner, searchUserRows } from './store.ts';

export interface SigninAccount {
  /** The organization whose way of signing in applies; null for an account that its person owns. */
  readonly org_id: string | null;
  /** Null when nobody is called so: the caller must go on as if (checklist AU-07). May be disabled or locked. */
  readonly user: User | null;
}

/**
 * Whom a typed e-mail or username means. With an organization: its own account of that name. Without one, or when it owns
 * none: the account of the organization that verified the address's domain, or the one that its person owns. An account that
 * an organization owns outside its verified domains is found through that organization only, so that names reveal nothing.
 */
export async function findForSignin(db: Knex, typed: string, orgId: string | null = null): Promise<SigninAccount> {
  const identifier = readIdentifier(typed);
  if (identifier === null) return { org_id: orgId, user: null };
  const { verifier, user } = await findSigner(db, orgId, identifier, domainOfEmail(identifier));
  if (orgId !== null && user?.home_org_id === orgId) return { org_id: orgId, user };
  if (verifier !== null) return { org_id: verifier, user };
  return { org_id: user ? null : orgId, user };
}

/** The account that an organization knows by this username or e-mail; null when it owns none of that name. */
export async function findOwnedByIdentifier(db: Knex, orgId: string, typed: string): Promise<User | null> {
  const identifier = readIdentifier(typed);
  return identifier === null ? null : ((await findByIdentifier(db, orgId, identifier)) ?? null);
}

/**
 * Searches the accounts that an organization owns, for a condition that the caller compiled: the tables are called `users` and
 * what `joins` brings. Every `?` is a binding; the operators of jsonb that contain one are written as functions.
 */
export const searchUsers = <Extra extends object = object>(
  db: Knex,
  orgId: string,
  search: Search,
): Promise<(User & Extra)[]> => searchUserRows<Extra>(db, orgId, search);

/** How many accounts `searchUsers` would find without its limit. */
export const countUsers = (db: Knex, orgId: string, condition: Condition): Promise<number> =>
  countUserRows(db, orgId, condition);
