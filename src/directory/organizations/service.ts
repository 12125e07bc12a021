/**
 * Organizations: the tenants. Everything that customers have belongs to one.
 * Tables: organizations (and the slug in user_organization_info). Events: organization.created, .updated, .suspended, .activated,
 * .deleted. Invariant: slugs are unique and never reused, also after deletion; a deleted organization stays, so that its
 * history and its accounts' owner stay known (data model: one rule that keeps customers apart).
 */
import { isDeepStrictEqual } from 'node:util';
import type { Knex } from 'knex';
import { type Call, isInPerson } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { newId } from '../../core/id.ts';
import { foldName, readName, refuseField } from '../../core/text.ts';
import type { Page } from '../../http/list.ts';
import { normalizeDomain } from '../domains/names.ts';
import {
  createOrganizations,
  deleteOrganizations,
  type NewOrganization,
  type Organization,
  type OrganizationChanges,
  type OrganizationQuery,
  organizationActivated,
  organizationCreated,
  organizationDeleted,
  organizationSuspended,
  organizationUpdated,
  readOrganizations,
  suspendOrganizations,
  updateOrganizations,
} from './schema.ts';
import { reservedSlugs, slugsFor } from './slugs.ts';
import {
  copySlugToMemberships,
  getOrganization,
  insertOrganization,
  isUnderVerifiedDomain,
  listOrganizationRows,
  lockOrganizationRow,
  mayCreateOrganizations,
  shareOrganizationRow,
  takeAccessLock,
  takeSystemAccessLock,
  updateOrganizationRow,
} from './store.ts';

/**
 * Creates an organization. A person with `can_create_orgs` may, and becomes its owner (reaction on `organization.created`).
 * @throws Fault not_allowed, slug_taken, slug_reserved, request_invalid
 */
export async function createOrganization(call: Call, input: NewOrganization): Promise<Organization> {
  if (!call.may(createOrganizations, null) && !(await isPersonWhoMayCreate(call)))
    call.require(createOrganizations, null);
  const { slug, ...rest } = input;
  if (slug !== undefined) refuseReserved(slug);
  const row = { ...readAppearance(rest), org_name: readName('org_name', input.org_name, 255) };
  return call.write(async (inner) => {
    for (const candidate of slug === undefined ? slugsFor(row.org_name) : [slug]) {
      const made = await insertOrganization(inner.db, {
        ...row,
        org_id: newId(inner.now.getTime()),
        slug: candidate,
        created_at: inner.now,
        updated_at: inner.now,
      });
      if (!made) continue;
      await inner.emit(organizationCreated, { org_id: made.org_id, object_id: made.org_id, after: made });
      return made;
    }
    throw new Fault('slug_taken');
  });
}

async function isPersonWhoMayCreate({ actor, db }: Call): Promise<boolean> {
  return actor.id !== null && isInPerson(actor, actor.id) && (await mayCreateOrganizations(db, actor.id));
}

function refuseReserved(slug: string): void {
  if (reservedSlugs.has(foldName(slug))) throw new Fault('slug_reserved');
}

/** Addresses of pictures are shown to browsers: nothing but the web (checklist WB-05). */
function readAppearance<T extends { logo_url?: string | null }>(input: T): T {
  if (input.logo_url && !/^https?:\/\/[^\s"'<>\\]+$/.test(input.logo_url)) {
    refuseField('logo_url', 'must be a web address');
  }
  return input;
}

/** @throws Fault not_found */
export async function readOrganization(call: Call, orgId: string): Promise<Organization> {
  call.require(readOrganizations, orgId);
  const row = await getOrganization(call.db, orgId);
  if (!row) throw new Fault('not_found');
  return row;
}

/** All organizations, oldest first; for the system's administrators. */
export function listOrganizations(call: Call, query: OrganizationQuery): Promise<Page<Organization>> {
  call.require(readOrganizations, null);
  const { limit, after, ...filter } = query;
  return listOrganizationRows(call.db, filter, { limit, after });
}

/** @throws Fault not_found, slug_taken, slug_reserved, custom_domain_taken, domain_not_verified, request_invalid */
export async function updateOrganization(call: Call, orgId: string, input: OrganizationChanges): Promise<Organization> {
  call.require(updateOrganizations, orgId);
  const changes = readAppearance({ ...input });
  if (changes.org_name !== undefined) changes.org_name = readName('org_name', changes.org_name, 255);
  if (changes.slug !== undefined) refuseReserved(changes.slug);
  if (changes.custom_domain) changes.custom_domain = normalizeDomain(changes.custom_domain);
  return call.write(async (inner) => {
    // A slug is a key that every membership repeats: alone, before the row, as everybody who changes memberships shares this.
    if (changes.slug !== undefined) await holdAccess(inner.db, orgId);
    const before = await lockLiving(inner, orgId);
    const names = (Object.keys(changes) as (keyof typeof changes)[]).filter(
      (name) => changes[name] !== undefined && !isDeepStrictEqual(changes[name], before[name]),
    );
    if (names.length === 0) return before;
    if (names.includes('custom_domain') && changes.custom_domain) {
      // Serving a host name needs proof that it is theirs (checklist MT-09).
      if (!(await isUnderVerifiedDomain(inner.db, orgId, changes.custom_domain)))
        throw new Fault('domain_not_verified');
    }
    const pick = (row: object) =>
      Object.fromEntries(names.map((name) => [name, (row as Record<string, unknown>)[name]]));
    const after = await updateOrganizationRow(inner.db, orgId, { ...pick(changes), updated_at: inner.now });
    if (names.includes('slug')) await copySlugToMemberships(inner.db, orgId, after.slug, inner.now);
    await inner.emit(organizationUpdated, {
      org_id: orgId,
      object_id: orgId,
      before: pick(before),
      after: pick(after),
    });
    return after;
  });
}

async function lockLiving(call: Call, orgId: string): Promise<Organization> {
  const row = await lockOrganizationRow(call.db, orgId);
  if (!row || row.status === 'deleted') throw new Fault('not_found');
  return row;
}

/** Nobody signs in to a suspended organization, and its tokens end (reactions). Only the system suspends. */
export function suspendOrganization(call: Call, orgId: string): Promise<Organization> {
  return setStatus(call, orgId, 'suspended', suspendOrganizations);
}

export function activateOrganization(call: Call, orgId: string): Promise<Organization> {
  return setStatus(call, orgId, 'active', suspendOrganizations);
}

/** Marks an organization as deleted; it is not found any more, and purged later with what it owns. */
export async function deleteOrganization(call: Call, orgId: string): Promise<void> {
  await setStatus(call, orgId, 'deleted', deleteOrganizations);
}

const statusEvents = {
  active: organizationActivated,
  suspended: organizationSuspended,
  deleted: organizationDeleted,
} as const;

async function setStatus(
  call: Call,
  orgId: string,
  status: Organization['status'],
  permission: string,
): Promise<Organization> {
  call.require(permission, orgId);
  return call.write(async (inner) => {
    const before = await lockLiving(inner, orgId);
    if (before.status === status) return before;
    const after = await updateOrganizationRow(inner.db, orgId, {
      status,
      updated_at: inner.now,
      deleted_at: status === 'deleted' ? inner.now : null,
      // A host name is free for others at once.
      ...(status === 'deleted' ? { custom_domain: null } : {}),
    });
    await inner.emit(statusEvents[status], {
      org_id: orgId,
      object_id: orgId,
      before: { status: before.status },
      after: { status },
    });
    return after;
  });
}

/** The organization for other rooms, without a permission: null when there is none, or it was deleted. */
export async function findOrganization(db: Knex, orgId: string): Promise<Organization | null> {
  const row = await getOrganization(db, orgId);
  return row && row.status !== 'deleted' ? row : null;
}

/**
 * The same, held against every change until the transaction ends: for what must not begin while the organization is being
 * deleted, because the deletion would not see it.
 */
export const holdOrganization = async (db: Knex, orgId: string): Promise<Organization | null> =>
  (await shareOrganizationRow(db, orgId)) ?? null;

/**
 * Who is in an organization or holds a role there is about to change: everyone who does that may do it at once, but not while the
 * organization's roles themselves change. To be taken first in a transaction, before any row of memberships or groups.
 */
export const shareAccess = (db: Knex, orgId: string): Promise<void> => takeAccessLock(db, orgId, 'shared');

/** The organization's roles are about to change: alone, until the transaction ends. */
export const holdAccess = (db: Knex, orgId: string): Promise<void> => takeAccessLock(db, orgId, 'exclusive');

/** The system's own roles are about to change: alone among all organizations, until the transaction ends. */
export const holdSystemAccess = (db: Knex): Promise<void> => takeSystemAccessLock(db);
