/**
 * Links: from whom an identity provider names to an account, in the one write of a sign-in.
 * Tables: federated_identities. Events: identity.linked, identity.unlinked, user.provisioned.
 * Invariant: the key is (connection, subject), never an e-mail address (FD-01). An account is linked by a name only inside the
 * organization's verified domains, and only when the organization owns it or claims it there (FD-02; data model: one rule that
 * keeps customers apart). A link to an account that is disabled, or belongs to somebody else, signs nobody in (FD-03).
 */
import { type Actor, type Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { newId } from '../../core/id.ts';
import { hasVerifiedDomainOf } from '../../directory/domains/service.ts';
import { findMembership } from '../../directory/memberships/service.ts';
import { claimAccount } from '../../directory/users/claim.ts';
import { normalizeEmail, normalizeUsername } from '../../directory/users/identifiers.ts';
import { readProfile, type UserColumns } from '../../directory/users/profile.ts';
import type { User } from '../../directory/users/schema.ts';
import { createOwnedUser, findUser, updateOwnedUser } from '../../directory/users/service.ts';
import type { ListQuery, Page } from '../../http/list.ts';
import type { AttemptCode } from '../attempts/codes.ts';
import type { Connection } from '../providers/connection.ts';
import { manageProviders, readProviders } from '../providers/schema.ts';
import type { Profile } from '../saml/attributes.ts';
import { type FindByExternalId, findCandidates } from './candidates.ts';
import { followGroups } from './roles.ts';
import { type FederatedIdentity, identityLinked, identityUnlinked, userProvisioned } from './schema.ts';
import {
  deleteIdentity,
  type IdentityRow,
  insertIdentity,
  isLinked,
  listIdentityRows,
  lockIdentity,
  lockIdentityOf,
  updateIdentity,
} from './store.ts';

export interface Asserted {
  readonly subject: string;
  readonly profile: Profile;
  /** Further ids that a directory may know the person by. */
  readonly external_ids: readonly string[];
}

export interface LinkOptions {
  readonly findByExternalId?: FindByExternalId;
  /** A second try after the username turned out to be somebody else's: the account is made without it. */
  readonly withoutUsername?: boolean;
}

export type Outcome = 'known' | 'linked' | 'claimed' | 'created';

export type LinkResult =
  | { readonly ok: true; readonly user_id: string; readonly identity_id: string; readonly outcome: Outcome }
  | { readonly ok: false; readonly code: AttemptCode; readonly user_id: string | null };

/** Thrown when another sign-in of the same person was faster; the whole write is tried again and then finds what that one made. */
export class LinkRace extends Error {}

/** What a connection may do in its organization, and nowhere else. */
export const connectionActor = ({ provider_id, org_id }: Pick<Connection, 'provider_id' | 'org_id'>): Actor => ({
  type: 'system',
  id: null,
  label: `system:saml:${provider_id}`,
  reach: { org_id },
  permissions: 'all',
});

/**
 * Finds, links, claims or makes the account, within the transaction of a sign-in. A refusal has written nothing.
 * @throws LinkRace; Fault where an account could not be made as asked: then nothing of the transaction may stay
 */
export async function linkIdentity(
  call: Call,
  connection: Connection,
  asserted: Asserted,
  options: LinkOptions = {},
): Promise<LinkResult> {
  const identity = await lockIdentity(call.db, connection.provider_id, asserted.subject);
  const account = identity && (await findUser(call.db, identity.user_id));
  const inner = call.as(connectionActor(connection));
  if (identity && account) {
    const code = await objection(call, connection, account);
    if (code) return { ok: false, code, user_id: account.user_id };
    await follow(inner, connection, identity, account, asserted);
    return { ok: true, user_id: account.user_id, identity_id: identity.identity_id, outcome: 'known' };
  }
  const chosen = await choose(inner, connection, asserted, { ...options, wasKnown: identity !== undefined });
  if ('code' in chosen) return { ok: false, code: chosen.code, user_id: chosen.user_id };
  if (identity) await forget(inner, connection, identity, 'account_deleted');
  return { ok: true, ...(await link(inner, connection, chosen, asserted)), outcome: chosen.outcome };
}

/** Why an account signs nobody in through this connection, or null (checklist FD-03, AU-22). */
async function objection(call: Call, { org_id }: Connection, account: User): Promise<AttemptCode | null> {
  if (!account.enabled || account.locked) return 'account.disabled';
  const membership = await findMembership(call.db, org_id, account.user_id);
  if (membership?.status === 'active') return null;
  if (membership?.status === 'suspended') return 'account.suspended';
  return 'account.foreign';
}

type Chosen = { readonly user: User; readonly outcome: Exclude<Outcome, 'known'> };
type Refused = { readonly code: AttemptCode; readonly user_id: string | null };

async function choose(
  call: Call,
  connection: Connection,
  { subject, profile, external_ids }: Asserted,
  options: LinkOptions & { wasKnown: boolean },
): Promise<Chosen | Refused> {
  const { org_id, provider_id } = connection;
  const names = { email: emailOf(profile), username: profile.username, subject, external_ids };
  const { linkable, blocked } = await findCandidates(call.db, org_id, names, options.findByExternalId);
  const [user] = linkable;
  if (linkable.length > 1) return { code: 'account.ambiguous', user_id: null };
  if (user) {
    if (await isLinked(call.db, provider_id, user.user_id))
      return { code: 'account.linked_otherwise', user_id: user.user_id };
    const code = await objection(call, connection, user);
    return code ? { code, user_id: user.user_id } : { user, outcome: 'linked' };
  }
  if (blocked) return { code: 'account.taken', user_id: null };
  const claimed = names.email === null ? null : await claimAccount(call, org_id, names.email);
  if (claimed) return { user: claimed, outcome: 'claimed' };
  // Somebody whose account was deleted here does not come back by signing in: only by being provisioned again.
  if (options.wasKnown) return { code: 'account.disabled', user_id: null };
  if (!connection.auto_provision) return { code: 'account.unknown', user_id: null };
  return provision(call, connection, profile, options);
}

async function provision(
  call: Call,
  { org_id, provider_id }: Connection,
  profile: Profile,
  { withoutUsername }: LinkOptions,
): Promise<Chosen | Refused> {
  const email = emailOf(profile);
  const username = withoutUsername ? null : usernameOf(profile, email);
  if (email === null && username === null) return { code: 'account.incomplete', user_id: null };
  const user = await createOwnedUser(call, org_id, { ...personOf(profile), email, username });
  await call.emit(userProvisioned, { org_id, object_id: user.user_id, details: { provider_id } });
  return { user, outcome: 'created' };
}

/** What cannot be kept is left out: a strange name must not keep a person from signing in. */
function usable(columns: UserColumns): UserColumns {
  const kept: UserColumns = {};
  for (const [name, value] of Object.entries(columns)) {
    if (value === null || value === undefined || value === '') continue;
    try {
      Object.assign(kept, readProfile({ [name]: value }, true));
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
    }
  }
  return kept;
}

const personOf = ({ first_name, last_name, custom }: Profile): UserColumns =>
  usable({ first_name, last_name, picture_url: custom.picture?.[0] ?? null });

function emailOf({ email }: Profile): string | null {
  try {
    return email === null ? null : normalizeEmail(email);
  } catch {
    return null;
  }
}

/** A username that only repeats the address says nothing more. */
function usernameOf({ username }: Profile, email: string | null): string | null {
  if (username === null || username.toLowerCase() === email?.toLowerCase()) return null;
  try {
    return normalizeUsername(username, { mayBeEmail: true });
  } catch {
    return null;
  }
}

async function link(
  call: Call,
  connection: Connection,
  { user, outcome }: Chosen,
  asserted: Asserted,
): Promise<{ user_id: string; identity_id: string }> {
  const identity_id = newId(call.now.getTime());
  const { provider_id, org_id } = connection;
  const made = await insertIdentity(call.db, {
    identity_id,
    provider_id,
    user_id: user.user_id,
    external_id: asserted.subject,
    created_at: call.now,
    ...(await seen(call, connection, asserted)),
    attributes: {},
  });
  if (!made) throw new LinkRace();
  await call.emit(identityLinked, {
    org_id,
    object_id: identity_id,
    details: { user_id: user.user_id, provider_id, how: outcome },
  });
  const identity = await lockIdentity(call.db, provider_id, asserted.subject);
  if (identity) await follow(call, connection, identity, user, asserted);
  return { user_id: user.user_id, identity_id };
}

/** What the identity provider says about the person, as it is kept beside the link. */
async function seen(call: Call, { org_id }: Connection, { profile }: Asserted) {
  const email = emailOf(profile);
  const person = personOf(profile);
  const name = profile.display_name ?? [person.first_name, person.last_name].filter(Boolean).join(' ');
  return {
    provider_email: email,
    provider_email_verified: email !== null && (await hasVerifiedDomainOf(call.db, org_id, email)),
    provider_name: [...name].slice(0, 255).join('') || null,
    provider_picture: person.picture_url ?? null,
    last_sync_at: call.now,
    last_login_at: call.now,
    updated_at: call.now,
  };
}

const maxKept = 200;

/**
 * Follows what the identity provider says at each sign-in: names and picture of an account that the organization owns, and the
 * roles that its groups give. The e-mail address stays: by it people are found.
 */
async function follow(
  call: Call,
  connection: Connection,
  identity: IdentityRow,
  account: User,
  asserted: Asserted,
): Promise<void> {
  const { org_id, config } = connection;
  const { groups, custom } = asserted.profile;
  const isOwned = account.home_org_id === org_id;
  if (isOwned) await updateOwnedUser(call, org_id, account.user_id, personOf(asserted.profile));
  const given = identity.attributes.roles ?? [];
  const roles = isOwned
    ? await followGroups(call, org_id, account.user_id, { mapping: config.role_mapping, groups, given })
    : given;
  await updateIdentity(call.db, identity.identity_id, {
    ...(await seen(call, connection, asserted)),
    attributes: { groups: groups.slice(0, maxKept), custom, roles },
  });
}

async function forget(
  call: Call,
  { org_id }: Pick<Connection, 'org_id'>,
  { identity_id, user_id, provider_id }: FederatedIdentity,
  reason: 'account_deleted' | 'administrator',
): Promise<void> {
  await deleteIdentity(call.db, identity_id);
  await call.emit(identityUnlinked, { org_id, object_id: identity_id, details: { user_id, provider_id, reason } });
}

/** The links of a connection. */
export function listIdentities(
  call: Call,
  orgId: string,
  providerId: string,
  { user_id, ...page }: ListQuery & { user_id?: string },
): Promise<Page<FederatedIdentity>> {
  call.require(readProviders, orgId);
  return listIdentityRows(call.db, orgId, providerId, user_id, page);
}

/** Removes a link; the account stays. Whoever the subject means is then found anew, or not. @throws Fault not_found */
export async function unlinkIdentity(call: Call, orgId: string, providerId: string, identityId: string): Promise<void> {
  call.require(manageProviders, orgId);
  await call.write(async (inner) => {
    const identity = await lockIdentityOf(inner.db, orgId, providerId, identityId);
    if (!identity) throw new Fault('not_found');
    await forget(inner, { org_id: orgId }, identity, 'administrator');
  });
}
