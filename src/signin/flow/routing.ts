/**
 * Where a typed name leads. It is decided by the name's domain and by the organization that the application asks for, never
 * by whether there is such an account, so that the first page reveals nothing (checklist AU-07; data-model.md).
 */
import { readIdentifier } from '../../directory/users/identifiers.ts';
import { organizationOfEmailDomain } from '../../directory/domains/service.ts';
import type { Connection } from './collaborators.ts';
import type { Walk } from './walk.ts';

export interface Way {
  /** The organization whose way of signing in applies; null: an account that its person owns. */
  readonly org_id: string | null;
  readonly kind: 'password' | 'company' | 'none';
  /** The connections of that organization. */
  readonly connections: readonly Connection[];
}

/** The form in which a name is looked up and counted: one for what nobody can be called, too. */
export const foldIdentifier = (typed: string): string =>
  readIdentifier(typed)?.toLowerCase() ?? typed.trim().slice(0, 320);

/**
 * The way of a name. In a domain that an organization verified: that organization's own sign-in, else the password. In any
 * other: the asked organization's, where the password comes first as long as it allows one, because its guests have one.
 */
export async function wayOf(walk: Walk, typed: string): Promise<Way> {
  const { db } = walk.call;
  const identifier = readIdentifier(typed);
  const verifier = identifier?.includes('@') ? await organizationOfEmailDomain(db, identifier) : null;
  const org_id = verifier ?? walk.askedOrganization;
  if (org_id === null) return { org_id, kind: 'password', connections: [] };
  const connections = await walk.parts.company.connectionsOf(db, org_id);
  const methods = await walk.parts.company.methodsOf(db, org_id);
  const isOurs = verifier !== null || methods.password === false;
  if (connections.length > 0 && isOurs) return { org_id, kind: 'company', connections };
  return { org_id, kind: methods.password === false ? 'none' : 'password', connections };
}
