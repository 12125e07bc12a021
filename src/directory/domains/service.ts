/**
 * Domains: which ones an organization has shown to be its own. A verified domain leads e-mail addresses to the organization,
 * and lets it take over accounts with addresses in it, so it must never be held by anybody else.
 * Tables: organization_domains (and users.email_confirmed, which follows). Events: domain.created, .updated, .verified, .deleted.
 * Invariant: a verified domain belongs to one organization, unless all who have it declare it shared (constraint
 * organization_domains_verified_key and its trigger). Names are compared by full label in one form (checklist FD-09).
 */
import type { Knex } from 'knex';
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { newSecret, sameSecret } from '../../core/secret.ts';
import type { ListQuery, Page } from '../../http/list.ts';
import { holdOrganization } from '../organizations/service.ts';
import { challengeName, challengeValue, domainOfEmail, normalizeDomain } from './names.ts';
import { isPublicMail } from './public-mail.ts';
import {
  attestDomains,
  type Domain,
  type DomainChanges,
  type DomainVerification,
  domainCreated,
  domainDeleted,
  domainUpdated,
  domainVerified,
  manageDomains,
  type NewDomain,
  readDomains,
} from './schema.ts';
import {
  type DomainRow,
  deleteDomainRow,
  findVerified,
  findVerifier,
  getDomain,
  insertDomain,
  listDomainRows,
  lockDomain,
  markEmails,
  updateDomainRow,
} from './store.ts';

/** What is told about a domain. The token is no secret: whoever may read this is meant to publish it. */
const shown = ({ verification_token, ...row }: DomainRow): Domain => ({
  ...row,
  verification: { type: 'TXT', name: challengeName(row.domain), value: challengeValue(verification_token) },
});

/** @throws Fault domain_invalid, domain_public, domain_exists, not_found */
export async function addDomain(call: Call, orgId: string, input: NewDomain): Promise<Domain> {
  call.require(manageDomains, orgId);
  const domain = normalizeDomain(input.domain);
  refusePublic(domain);
  return call.write(async (inner) => {
    // Held, or a deletion at this moment would not give this one up.
    if (!(await holdOrganization(inner.db, orgId))) throw new Fault('not_found');
    const row = await insertDomain(inner.db, {
      org_id: orgId,
      domain,
      verification_token: newSecret(),
      is_shared: input.is_shared ?? false,
      created_at: inner.now,
      updated_at: inner.now,
    });
    await inner.emit(domainCreated, { org_id: orgId, object_id: domain, after: { domain, is_shared: row.is_shared } });
    return shown(row);
  });
}

function refusePublic(domain: string): void {
  if (isPublicMail(domain)) throw new Fault('domain_public');
}

export async function readDomain(call: Call, orgId: string, name: string): Promise<Domain> {
  call.require(readDomains, orgId);
  const row = await getDomain(call.db, orgId, normalizeDomain(name));
  if (!row) throw new Fault('not_found');
  return shown(row);
}

/** By name. */
export async function listDomains(call: Call, orgId: string, { limit = 50, after }: ListQuery): Promise<Page<Domain>> {
  call.require(readDomains, orgId);
  const rows = await listDomainRows(call.db, orgId, limit + 1, after);
  const items = rows.slice(0, limit).map(shown);
  return { items, next: rows.length > limit ? (items.at(-1)?.domain ?? null) : null };
}

/** @throws Fault not_found, domain_taken when it is no longer shared but somebody else has it too */
export async function updateDomain(call: Call, orgId: string, name: string, changes: DomainChanges): Promise<Domain> {
  call.require(manageDomains, orgId);
  const domain = normalizeDomain(name);
  return call.write(async (inner) => {
    const before = await lockDomain(inner.db, orgId, domain);
    if (!before) throw new Fault('not_found');
    if (before.is_shared === changes.is_shared) return shown(before);
    const row = await updateDomainRow(inner.db, orgId, domain, { ...changes, updated_at: inner.now });
    const facts = { before: { is_shared: before.is_shared }, after: { is_shared: row.is_shared } };
    await inner.emit(domainUpdated, { org_id: orgId, object_id: domain, ...facts });
    return shown(row);
  });
}

/** What was found out about a domain before anything is written. */
export interface LookedUp {
  readonly asked: DomainRow;
  /** Why the record does not prove anything. */
  readonly problem: string | null;
}

/**
 * Asks DNS, which may take seconds; for an attested domain nothing is looked up.
 * @throws Fault not_found, not_allowed, domain_public for one that an earlier version let be added
 */
export async function lookUpDomain(
  call: Call,
  orgId: string,
  name: string,
  { method }: DomainVerification,
): Promise<LookedUp> {
  call.require(manageDomains, orgId);
  if (method === 'attested') call.require(attestDomains, null);
  const asked = await getDomain(call.db, orgId, normalizeDomain(name));
  if (!asked) throw new Fault('not_found');
  refusePublic(asked.domain);
  return { asked, problem: method === 'dns' ? await call.app.waitOutside(call, () => lookUp(call, asked)) : null };
}

/**
 * Verifies a domain: `dns` by its TXT record, `attested` by the word of an administrator of the system.
 * @throws Fault domain_record_missing, domain_taken, domain_public, not_found, not_allowed
 */
export async function verifyDomain(
  call: Call,
  orgId: string,
  name: string,
  verification: DomainVerification,
  looked?: LookedUp,
): Promise<Domain> {
  call.require(manageDomains, orgId);
  if (verification.method === 'attested') call.require(attestDomains, null);
  const { asked, problem } = looked ?? (await lookUpDomain(call, orgId, name, verification));
  const { method } = verification;
  const { domain } = asked;
  if (problem !== null) {
    await call.write((inner) =>
      updateDomainRow(inner.db, orgId, domain, { last_checked_at: inner.now, last_check_error: problem }),
    );
    throw new Fault('domain_record_missing', problem);
  }
  return call.write(async (inner) => {
    const before = await lockDomain(inner.db, orgId, domain);
    // Deleted and added again meanwhile: the record that was found belongs to another token.
    if (!before || before.verification_token !== asked.verification_token) throw new Fault('not_found');
    const row = await updateDomainRow(inner.db, orgId, domain, {
      verified_at: before.verified_at ?? inner.now,
      verified_by: before.verified_by ?? method,
      last_checked_at: inner.now,
      last_check_error: null,
      updated_at: inner.now,
    });
    if (before.verified_at === null) {
      await markEmails(inner.db, orgId, domain, true, inner.now);
      await inner.emit(domainVerified, { org_id: orgId, object_id: domain, after: { domain, verified_by: method } });
    }
    return shown(row);
  });
}

/** Why the record does not prove anything, or null when it does. */
async function lookUp(call: Call, { domain, verification_token }: DomainRow): Promise<string | null> {
  const name = challengeName(domain);
  let records: string[][];
  try {
    records = await call.app.resolveTxt(name);
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (code === 'ENOTFOUND' || code === 'ENODATA') return `There is no TXT record at ${name}.`;
    call.app.log.warn({ err: error, domain }, 'a TXT look-up failed');
    return `The name servers of ${domain} did not answer. Try again later.`;
  }
  if (records.length === 0) return `There is no TXT record at ${name}.`;
  const wanted = challengeValue(verification_token);
  // A record longer than 255 bytes comes in pieces (RFC 7208 §3.3 says how they read: joined without space).
  const isThere = records.some((pieces) => sameSecret(pieces.join('').trim(), wanted));
  return isThere ? null : `The TXT record at ${name} says something else.`;
}

/** Gives a domain up: its addresses lead nowhere any more, and are unconfirmed until their people confirm them. */
export async function deleteDomain(call: Call, orgId: string, name: string): Promise<void> {
  call.require(manageDomains, orgId);
  const domain = normalizeDomain(name);
  await call.write(async (inner) => {
    const before = await lockDomain(inner.db, orgId, domain);
    if (!before) throw new Fault('not_found');
    await giveUp(inner, before);
  });
}

async function giveUp(call: Call, { org_id, domain, verified_at, verified_by }: DomainRow): Promise<void> {
  await deleteDomainRow(call.db, org_id, domain);
  if (verified_at !== null) await markEmails(call.db, org_id, domain, false, call.now);
  await call.emit(domainDeleted, { org_id, object_id: domain, before: { domain, verified_at, verified_by } });
}

/** The domains of an organization that was deleted are free for others. A reaction: without a permission. */
export async function giveUpDomains(call: Call, orgId: string): Promise<void> {
  for (let after: string | undefined; ; ) {
    const rows = await listDomainRows(call.db, orgId, 100, after);
    for (const row of rows) await giveUp(call, row);
    if (rows.length < 100) return;
    after = rows.at(-1)?.domain;
  }
}

/**
 * The active organization that an e-mail address leads to: the one that verified its domain for itself alone. A shared
 * domain leads nowhere by itself.
 */
export async function organizationOfEmailDomain(db: Knex, email: string): Promise<string | null> {
  const domain = domainOfEmail(email);
  return domain === null ? null : findVerifier(db, domain);
}

/** Whether an organization has verified the domain of an address; `alone`: and shares it with nobody. */
export async function hasVerifiedDomainOf(db: Knex, orgId: string, email: string, alone = false): Promise<boolean> {
  const domain = domainOfEmail(email);
  const row = domain === null ? undefined : await findVerified(db, orgId, domain);
  return row !== undefined && !(alone && row.is_shared);
}
